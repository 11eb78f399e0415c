"""How fast trials are rated, so that a rater can be told how long the rest takes."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from django.core.cache import cache
from django.db import connection

from evaluation.models import Rater

LATEST_RATERS = 100
"""Of a study those who finished last, as many as are looked at."""
LATEST_TRIALS = 20
FEWEST_TRIALS = 3
"""Of one rater, before a pace is known."""
FEWEST_RATERS = 3
"""Of a study, before its pace is known."""
KEPT_S = 60

GAPS_SQL = """
WITH done AS (
    SELECT t.rater_id, max(t.created_at) AS at FROM evaluation_rating t
    WHERE t.rater_id = ANY (%s) AND t.retracted_at IS NULL GROUP BY t.rater_id, t.assignment_id
), gaps AS (
    SELECT rater_id, at, extract(epoch FROM at - lag(at) OVER (PARTITION BY rater_id ORDER BY at)) AS gap FROM done
)
SELECT rater_id, gap::float FROM gaps WHERE gap > 0 ORDER BY rater_id, at
"""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between a trial's answers and the next one's. `own`: this rater's latest, oldest first. `study`: the
    median over raters of their medians, None where too few are known. Medians, since a pause is no pace.
    """

    own: tuple[float, ...] = ()
    study: float | None = None

    def to_dict(self) -> dict[str, object]:
        """As the rater's page gets it."""
        return {"own": [round(each, 1) for each in self.own], "study": self.study, "fewest": FEWEST_TRIALS}


def pace_of(rater: Rater) -> Pace:
    """What is known for `rater`. A query, and two more a minute for its study."""
    own = _gaps([rater.pk]).get(rater.pk, [])
    return Pace(tuple(own[-LATEST_TRIALS:]), _study_pace(rater.study_id))


def _study_pace(study_pk: int) -> float | None:
    key = f"study:{study_pk}:pace"
    known = cache.get(key)
    if known is None:
        finished = Rater.objects.filter(study=study_pk, simulated=False, dropped_at=None, finished_at__isnull=False)
        latest = finished.order_by("-finished_at").values_list("pk", flat=True)[:LATEST_RATERS]
        medians = [median(gaps) for gaps in _gaps(list(latest)).values() if len(gaps) >= FEWEST_TRIALS]
        known = (round(median(medians), 1) if len(medians) >= FEWEST_RATERS else None,)
        cache.set(key, known, KEPT_S)
    found: float | None = known[0]
    return found


def _gaps(raters: list[int]) -> dict[int, list[float]]:
    found: dict[int, list[float]] = {}
    if raters:
        with connection.cursor() as cursor:
            cursor.execute(GAPS_SQL, [raters])
            for rater, gap in cursor.fetchall():
                found.setdefault(rater, []).append(gap)
    return found
