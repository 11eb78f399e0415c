"""What an open study may show of its results: intervals that hold however often one looks, and its stopping rule.

Every rater who has finished counts once, with one mean. An ordinary interval, looked at again and again, would be wrong
at some time far more often than it says (docs/statistics.md, Looking early).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pandas as pd
from django.core.cache import cache
from django.db.models import Q

from evaluation.analysis.early_looks import EarlyLook, all_stop, early_looks
from evaluation.analysis.frame import validate_ratings
from evaluation.analysis.sequential import StoppingRule, fewest_raters
from evaluation.models import Rater, Study, StudyStatus
from evaluation.selectors.ratings import rater_pseudonym, ratings_frame

KEPT_S = 24 * 3600
ALPHA = 0.05
"""Of the sequence where no stopping rule declares another."""


@dataclass(frozen=True, slots=True)
class FinishedRater:
    """`rater_id`: the pseudonym that exports have. `pk`: primary key."""

    pk: int
    rater_id: str
    simulated: bool


@dataclass(frozen=True, slots=True)
class LiveBoard:
    """The lines in the protocol's order. `n_raters`, `n_simulated`: who has finished. `rule`: the study's own.

    `not_rated`: categories of the study that none of them has rated.
    """

    lines: tuple[EarlyLook, ...]
    n_raters: int
    n_simulated: int
    rule: StoppingRule | None
    level: float
    fewest: int
    not_rated: tuple[str, ...] = ()

    @property
    def too_few(self) -> bool:
        """Whether no interval can be had yet: it takes `fewest` raters."""
        return self.n_raters < self.fewest

    @property
    def stop(self) -> bool:
        """Whether the study's rule says stop: it does when it has for every pair and question."""
        return all_stop(self.lines)


def live_board(study: Study) -> LiveBoard | None:
    """The board of an open study, None for others. One query, and one more when another rater has finished since.

    Finished raters can't change their answers, so who they are says what the board shows.
    """
    if study.status != StudyStatus.OPEN:
        return None
    finished = finished_raters(study)
    digest = hashlib.sha256(",".join(each.rater_id for each in finished).encode()).hexdigest()[:32]
    name = f"study:{study.pk}:{study.specification_hash[:16]}:looks-2:{digest}"
    kept = cache.get(name)
    if isinstance(kept, LiveBoard):
        return kept
    rule = declared_rule(study.specification)
    alpha = rule.alpha if rule else ALPHA
    ratings = validate_ratings(ratings_frame(study, rater_pks=[each.pk for each in finished]))
    board = LiveBoard(
        lines=_lines(ratings, study, finished, rule, alpha),
        n_raters=len(finished),
        n_simulated=sum(each.simulated for each in finished),
        rule=rule,
        level=1 - alpha,
        fewest=fewest_raters(alpha),
        not_rated=tuple(sorted(_panels(study) - set(ratings["category"]))) if finished else (),
    )
    cache.set(name, board, KEPT_S)
    return board


def _lines(
    ratings: pd.DataFrame, study: Study, finished: tuple[FinishedRater, ...], rule: StoppingRule | None, alpha: float
) -> tuple[EarlyLook, ...]:
    if not finished:
        return ()
    ids = [each.rater_id for each in finished]
    return early_looks(ratings, ids, asked_questions(study), alpha=alpha, rule=rule)


def _panels(study: Study) -> set[str]:
    """The categories that have a panel of their own; none where one panel rates all."""
    return {each["panel"] for each in study.specification["panels"]} - {""}


def asked_questions(study: Study) -> list[str]:
    """The questions of the study's protocol, in its order."""
    return [each["id"] for each in study.specification["protocol"]["questions"]]


def declared_rule(specification: Mapping[str, object]) -> StoppingRule | None:
    """The stopping rule that a study declared when it was made (`stopping_rule`: the fields of `StoppingRule`)."""
    declared = specification.get("stopping_rule")
    return StoppingRule(**declared) if isinstance(declared, dict) else None


def finished_raters(
    study: Study, *, as_of: datetime | None = None, include_simulated: bool = True
) -> tuple[FinishedRater, ...]:
    """Who has finished and stayed, in the order in which they finished. One query."""
    raters = Rater.objects.filter(study=study, finished_at__isnull=False)
    if as_of is None:
        raters = raters.filter(dropped_at__isnull=True)
    else:
        raters = raters.filter(Q(dropped_at__isnull=True) | Q(dropped_at__gt=as_of), finished_at__lte=as_of)
    if not include_simulated:
        raters = raters.filter(simulated=False)
    rows = raters.order_by("finished_at", "pk").values_list("pk", "key", "simulated")
    return tuple(FinishedRater(pk, rater_pseudonym(str(key)), simulated) for pk, key, simulated in rows)
