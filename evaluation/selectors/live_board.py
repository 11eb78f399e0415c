"""What an open study may show of its results: intervals that hold however often one looks.

Every rater who has finished counts once, with one mean. An ordinary interval, looked at again and again, would be wrong
at some time far more often than it says (docs/statistics.md, Looking early).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from django.core.cache import cache

from evaluation.analysis.frame import validate_ratings
from evaluation.analysis.sequential import Decision, StoppingRule, decide, rater_means, t_limit, t_sequence
from evaluation.models import Rater, Study, StudyStatus
from evaluation.reports.results import Bounds, question_name
from evaluation.selectors.ratings import rater_pseudonym, ratings_frame

KEPT_S = 24 * 3600
ALPHA = 0.05
"""Of the sequence where no stopping rule declares another."""


@dataclass(frozen=True, slots=True)
class LiveLine:
    """One pair on one question after `n` finished raters: their mean net share A - B and its interval, fractions.

    `interval` is None with too few raters, or where they are all alike. `decision`: by the study's stopping rule, None
    where it declares none.
    """

    question: str
    generator_a: str
    generator_b: str
    n: int
    net: float
    interval: Bounds | None
    decision: Decision | None

    @property
    def question_name(self) -> str:
        """The question in readers' words."""
        return question_name(self.question)

    @property
    def leader(self) -> str:
        """The generator that the interval favours; empty where it holds zero or is not there."""
        if self.interval is None:
            return ""
        return self.generator_a if self.interval.low > 0 else self.generator_b if self.interval.high < 0 else ""


@dataclass(frozen=True, slots=True)
class LiveBoard:
    """The lines in the protocol's order. `n_raters`, `n_simulated`: who has finished. `rule`: the study's own."""

    lines: tuple[LiveLine, ...]
    n_raters: int
    n_simulated: int
    rule: StoppingRule | None
    level: float
    fewest: int

    @property
    def too_few(self) -> bool:
        """Whether no interval can be had yet: it takes `fewest` raters."""
        return self.n_raters < self.fewest


def live_board(study: Study) -> LiveBoard | None:
    """The board of an open study, None for others. One query, and one more when another rater has finished since.

    Finished raters can't change their answers, so who they are says what the board shows.
    """
    if study.status != StudyStatus.OPEN:
        return None
    finished = list(
        Rater.objects.filter(study=study, finished_at__isnull=False, dropped_at__isnull=True)
        .order_by("finished_at", "pk")
        .values_list("pk", "key", "simulated")
    )
    digest = hashlib.sha256(",".join(str(key) for _, key, _ in finished).encode()).hexdigest()[:32]
    name = f"study:{study.pk}:{study.specification_hash[:16]}:live:{digest}"
    kept = cache.get(name)
    if isinstance(kept, LiveBoard):
        return kept
    rule = _rule(study.specification)
    alpha = rule.alpha if rule else ALPHA
    order = [rater_pseudonym(str(key)) for _, key, _ in finished]
    board = LiveBoard(
        lines=_lines(study, [pk for pk, _, _ in finished], order, rule, alpha) if finished else (),
        n_raters=len(finished),
        n_simulated=sum(simulated for _, _, simulated in finished),
        rule=rule,
        level=1 - alpha,
        fewest=next(n for n in range(2, 1000) if t_limit(n, alpha) is not None),
    )
    cache.set(name, board, KEPT_S)
    return board


def _lines(
    study: Study, finished: list[int], order: list[str], rule: StoppingRule | None, alpha: float
) -> tuple[LiveLine, ...]:
    ratings = validate_ratings(ratings_frame(study, raters=finished))
    main = ratings[~ratings["control"]]
    pairs = main[["question", "generator_a", "generator_b"]].astype(str).drop_duplicates()
    asked = [each["id"] for each in study.specification["protocol"]["questions"]]
    lines = []
    for question, a, b in sorted(pairs.itertuples(index=False), key=lambda each: (asked.index(each[0]), *each[1:])):
        means = rater_means(ratings, a, b, question)
        arrived = means.reindex([rater for rater in order if rater in means.index])
        sequence = t_sequence(arrived.tolist(), alpha)
        last = sequence.looks[-1]
        interval = None if last.low is None or last.high is None else Bounds("t_sequence", last.low, last.high)
        decision = decide(rule, sequence) if rule else None
        lines.append(LiveLine(question, a, b, last.n, last.estimate, interval, decision))
    return tuple(lines)


def _rule(specification: Mapping[str, object]) -> StoppingRule | None:
    """The stopping rule that the study declared before it opened (`stopping_rule`: the fields of `StoppingRule`)."""
    declared = specification.get("stopping_rule")
    return StoppingRule(**declared) if isinstance(declared, dict) else None
