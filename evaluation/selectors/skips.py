"""Which trials of a study raters skipped, and which blurred images they uncovered."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q

from evaluation.models import Assignment, Refusal, SkipKind, Study, StudyRun
from evaluation.reports.skips import SkippedTrials, Skips

COME_TO = """
r.study_id = %(study)s AND (%(simulated)s OR NOT r.simulated) AND (r.dropped_at IS NULL OR r.dropped_at > %(as_of)s)
AND (a.skipped_at <= %(as_of)s OR EXISTS (
    SELECT 1 FROM evaluation_rating t WHERE t.assignment_id = a.id AND t.created_at <= %(as_of)s
    AND (t.retracted_at IS NULL OR t.retracted_at > %(as_of)s)))
"""
"""Trials (assignment a, of rater r) that a rater came to: answered or skipped."""

TRIALS_SQL = f"""
SELECT c.members, CASE WHEN a.skipped_at <= %(as_of)s THEN coalesce(nullif(a.skip_kind, ''), 'missing') ELSE '' END,
       CASE WHEN a.skip_kind = 'refused' THEN a.skip_reason ELSE '' END, count(*)
FROM evaluation_assignment a
JOIN evaluation_comparison c ON c.id = a.comparison_id
JOIN evaluation_rater r ON r.id = a.rater_id
WHERE {COME_TO}
GROUP BY 1, 2, 3
"""

COVERED_SQL = f"""
SELECT s.run_id, count(DISTINCT (a.id, s.id)), count(DISTINCT (a.id, s.id)) FILTER (WHERE u.id IS NOT NULL)
FROM evaluation_assignment a
JOIN evaluation_comparison c ON c.id = a.comparison_id AND cardinality(c.covered) > 0
JOIN evaluation_rater r ON r.id = a.rater_id
CROSS JOIN LATERAL unnest(c.covered) AS k (image)
JOIN evaluation_studyimage i ON i.key = k.image
JOIN evaluation_sample s ON s.id = i.sample_id
LEFT JOIN evaluation_uncovering u ON u.assignment_id = a.id AND u.image = k.image AND u.created_at <= %(as_of)s
WHERE {COME_TO}
GROUP BY 1
"""
"""An image that a control trial shows twice counts once."""


def study_skips(study: Study, *, as_of: datetime, include_simulated: bool = True) -> Skips | None:
    """What raters of `study` skipped and uncovered up to a moment; None where nothing was skipped and nothing blurred.
    Raters who have left are left out, as in the results."""
    skipped = Assignment.objects.filter(rater__study=study, skipped_at__lte=as_of)
    covered = study.specification.get("care", {}).get("covered")
    if not covered and not skipped.exists():
        return None
    named: dict[str, Any] = {"study": study.pk, "as_of": as_of, "simulated": include_simulated}
    trials: Counter[int] = Counter()
    missing: Counter[int] = Counter()
    refused: Counter[tuple[int, str]] = Counter()
    with connection.cursor() as cursor:
        cursor.execute(TRIALS_SQL, named)
        for members, kind, reason, n in cursor.fetchall():
            for member in set(members):
                trials[member] += n
                missing[member] += n * (kind == SkipKind.MISSING)
                refused[member, reason] += n * (kind == SkipKind.REFUSED)
        cursor.execute(COVERED_SQL, named)
        blurred = {run: (shown, seen) for run, shown, seen in cursor.fetchall()} if covered else {}
    texts = {str(value): str(text) for value, text in Refusal.choices}
    given = [value for value in texts if any(n for (_, reason), n in refused.items() if reason == value)]
    places = StudyRun.objects.filter(Q(study=study)).order_by("order")
    return Skips(
        reasons=tuple(texts[value] for value in given),
        generators=tuple(
            SkippedTrials(
                each.label,
                trials[each.pk],
                missing[each.pk],
                {texts[value]: refused[each.pk, value] for value in given},
                *blurred.get(each.run_id, (0, 0)),
            )
            for each in places
        ),
    )
