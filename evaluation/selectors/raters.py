"""Raters of a study, a row each: how far they are, how long they take, and what their answers show of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from django.db.models import Count, FloatField, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce

from evaluation.analysis.frame import validate_ratings
from evaluation.analysis.raters import rater_table
from evaluation.models import Assignment, Rater, Rating, Study
from evaluation.selectors.ratings import rater_pseudonym, ratings_frame

TRIAL_TIMES = """(SELECT {of}(ms) FROM (
    SELECT max(r.response_time_ms) AS ms FROM evaluation_rating r
    WHERE r.rater_id = evaluation_rater.id AND r.retracted_at IS NULL GROUP BY r.assignment_id) AS trials)"""
"""A trial took as long as its last answer."""


@dataclass(frozen=True, slots=True)
class RaterRow:
    """A rater as the board shows one. `called`: the pseudonym. `signs`: measures of the answers, by name
    (`analysis.raters.MEASURES`), None where one can't be had.
    """

    rater: Any
    called: str
    signs: Mapping[str, float | None]

    @property
    def done(self) -> int:
        """Trials answered or skipped."""
        return int(self.rater.n_answers + self.rater.n_skipped)

    @property
    def seconds(self) -> float:
        """Time spent on trials, in seconds."""
        return float(self.rater.total_ms or 0) / 1000


def raters_listed(study: Study) -> QuerySet[Rater]:
    """Raters with `n_answers` (trials answered), `n_skipped`, and `mean_ms`, `total_ms` of their trials."""
    answered = Rating.objects.filter(rater=OuterRef("pk"), retracted_at__isnull=True).order_by().values("rater")
    skipped = Assignment.objects.filter(rater=OuterRef("pk"), skipped_at__isnull=False).order_by().values("rater")
    return (
        Rater.objects.filter(study=study)
        .select_related("invitation")
        .annotate(
            n_answers=_count(answered.annotate(n=Count("assignment", distinct=True))),
            n_skipped=_count(skipped.annotate(n=Count("pk"))),
            mean_ms=RawSQL(TRIAL_TIMES.format(of="avg"), [], output_field=FloatField()),
            total_ms=RawSQL(TRIAL_TIMES.format(of="sum"), [], output_field=FloatField()),
        )
    )


def rater_rows(study: Study, raters: Sequence[Rater]) -> list[RaterRow]:
    """`raters` of a page with what their preferences show of them. Three queries."""
    signs = _signs(study, [each.pk for each in raters])
    return [RaterRow(each, called := rater_pseudonym(str(each.key)), signs.get(called, {})) for each in raters]


def _signs(study: Study, pks: Sequence[int]) -> dict[str, dict[str, float | None]]:
    frame = ratings_frame(study, rater_pks=pks) if pks else pd.DataFrame()
    if frame.empty:
        return {}
    table = rater_table(validate_ratings(frame), with_models=False)
    return {str(row["rater_id"]): {str(name): value for name, value in row.items()} for row in table.to_dict("records")}


def study_rater_table(study: Study, *, include_simulated: bool = True) -> pd.DataFrame:
    """The measures of all raters who gave preferences, models of reliability among them; no rows without any."""
    frame = ratings_frame(study, include_simulated=include_simulated)
    return rater_table(validate_ratings(frame)) if len(frame) else pd.DataFrame()


def _count(rows: Any) -> Coalesce:
    return Coalesce(Subquery(rows.values("n"), output_field=IntegerField()), 0)
