"""What an open study may show of its results: intervals that hold however often one looks, and its stopping rule.

Raters count once, with one mean, in the order in which they joined (`evaluation.analysis.early_looks`). An ordinary
interval, looked at again and again, would be wrong at some time far more often than it says (docs/statistics.md,
Looking early).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd
from django.core.cache import cache
from django.utils import timezone

from common.hashes import hash_of
from evaluation.analysis.early_looks import (
    Arrival,
    Arrivals,
    Condition,
    EarlyLook,
    all_stop,
    early_looks,
    fewest_to_decide,
)
from evaluation.analysis.frame import validate_ratings
from evaluation.analysis.repeats import without_repeats
from evaluation.analysis.sequential import BETTING, StoppingRule
from evaluation.models import Rater, Study, StudyStatus
from evaluation.protocols.kinds import Choice
from evaluation.selectors.ratings import rater_pseudonym, ratings_frame, study_questions

KEPT_S = 24 * 3600
ALPHA = 0.05
"""Of the sequence where no stopping rule declares another."""


@dataclass(frozen=True, slots=True)
class Joined:
    """Who joined a study; of those who finished and stayed, the primary keys, and how many are simulated."""

    arrivals: Arrivals
    finished_pks: list[int]
    n_simulated: int


@dataclass(frozen=True, slots=True)
class LiveBoard:
    """The lines in the protocol's order. `n_raters`, `n_simulated`: who has finished. `rule`: the study's own.
    `conditions`: what the intervals rest on. `fewest`: raters before whom no interval can exclude zero. `not_rated`:
    categories of the study that none of them has rated.
    """

    lines: tuple[EarlyLook, ...]
    conditions: tuple[Condition, ...]
    n_raters: int
    n_simulated: int
    rule: StoppingRule | None
    level: float
    fewest: int
    not_rated: tuple[str, ...] = ()

    @property
    def too_few(self) -> bool:
        """Whether no interval can exclude zero yet: it takes `fewest` raters."""
        return self.n_raters < self.fewest

    @property
    def stop(self) -> bool:
        """Whether the study's rule says stop: it does when it has for every pair and question."""
        return all_stop(self.lines)


def live_board(study: Study) -> LiveBoard | None:
    """The board of an open study, None for others. One query, and two more when another rater has finished since.

    Finished raters can't change their answers, so who they are, and how the others stand, says what the board shows.
    """
    if study.status != StudyStatus.OPEN or not asked_questions(study):
        return None
    joined = study_arrivals(study)
    arrivals = joined.arrivals
    name = f"study:{study.pk}:{study.specification_hash[:16]}:looks-3:{hash_of(list(arrivals_key(arrivals)))[:32]}"
    kept = cache.get(name)
    if isinstance(kept, LiveBoard):
        return kept
    rule = declared_rule(study.specification)
    alpha = rule.alpha if rule else ALPHA
    ratings = validate_ratings(without_repeats(ratings_frame(study, rater_pks=joined.finished_pks)))
    lines, conditions = _lines(ratings, study, joined, rule, alpha)
    board = LiveBoard(
        lines=lines,
        conditions=conditions,
        n_raters=len(arrivals.finished),
        n_simulated=joined.n_simulated,
        rule=rule,
        level=1 - alpha,
        fewest=fewest_to_decide(alpha, rule.method if rule else BETTING, len(arrivals.panels)),
        not_rated=tuple(sorted(_panels(study) - set(ratings["category"]))) if arrivals.finished else (),
    )
    cache.set(name, board, KEPT_S)
    return board


def _lines(
    ratings: pd.DataFrame, study: Study, joined: Joined, rule: StoppingRule | None, alpha: float
) -> tuple[tuple[EarlyLook, ...], tuple[Condition, ...]]:
    if not joined.finished_pks:
        return (), ()
    return early_looks(ratings, joined.arrivals, asked_questions(study), alpha=alpha, rule=rule)


def _panels(study: Study) -> set[str]:
    """The categories that have a panel of their own; none where one panel rates all."""
    return {each["panel"] for each in study.specification["panels"]} - {""}


def asked_questions(study: Study) -> list[str]:
    """The questions of an open or closed study that ask for a preference between two sets, in its protocol's order."""
    return [each.id for each in study_questions(study) if isinstance(each.answers, Choice) and each.answers.preference]


def declared_rule(specification: Mapping[str, object]) -> StoppingRule | None:
    """The stopping rule that a study declared when it was made (`stopping_rule`: the fields of `StoppingRule`)."""
    declared = specification.get("stopping_rule")
    return StoppingRule.from_dict(declared) if isinstance(declared, dict) else None


def arrivals_key(arrivals: Arrivals) -> Iterator[list[str]]:
    """What tells one state of a study's raters from another."""
    yield list(arrivals.finished)
    for each in arrivals.joined:
        yield [each.rater_id, each.panel, each.state]


def study_arrivals(study: Study, *, as_of: datetime | None = None, include_simulated: bool = True) -> Joined:
    """Who joined, as it stood at a moment (now, if None). One query.

    A rater who did not finish within the days that the specification gives to idle raters is withdrawn, whether or not
    the place was given away, and stays so: nothing that comes later changes who counts.
    """
    moment = as_of or timezone.now()
    within = timedelta(days=study.specification["raters"]["idle_days"])
    raters = Rater.objects.filter(study=study, created_at__lte=moment)
    if not include_simulated:
        raters = raters.filter(simulated=False)
    columns = ("pk", "key", "panel", "simulated", "created_at", "finished_at", "dropped_at")
    joined: list[Arrival] = []
    finished: list[tuple[datetime, int, str]] = []
    n_simulated = 0
    for pk, key, panel, simulated, created_at, finished_at, dropped_at in raters.order_by(
        "created_at", "pk"
    ).values_list(*columns):
        rater_id = rater_pseudonym(str(key))
        left = dropped_at is not None and dropped_at <= moment
        done = finished_at is not None and finished_at <= moment and not left
        if done:
            finished.append((finished_at, pk, rater_id))
            n_simulated += simulated
        in_time = done and finished_at <= created_at + within
        withdrawn = left or moment > created_at + within or done
        joined.append(Arrival(rater_id, panel, "finished" if in_time else "withdrawn" if withdrawn else "open"))
    panels = {each["panel"]: each["prompts"] for each in study.specification["panels"]}
    finished.sort()
    arrivals = Arrivals(tuple(joined), tuple(rater_id for *_, rater_id in finished), panels)
    return Joined(arrivals, [pk for _, pk, _ in finished], n_simulated)
