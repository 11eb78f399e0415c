"""What an open study may show of its results: intervals that hold however often one looks, and its stopping rule.

Every rater who has finished counts once, with one mean. An ordinary interval, looked at again and again, would be wrong
at some time far more often than it says (docs/statistics.md, Looking early).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.core.cache import cache
from django.db.models import Q

from evaluation.analysis.frame import validate_ratings
from evaluation.analysis.sequential import Decision, StoppingRule, decide, fewest_raters, rater_means, t_sequence
from evaluation.models import Rater, Study, StudyStatus
from evaluation.reports.document import StoppingDict
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

    @property
    def stop(self) -> bool:
        """Whether the study's rule says stop: it does when it has for every pair and question."""
        return _all_stop(self.lines)


def live_board(study: Study) -> LiveBoard | None:
    """The board of an open study, None for others. One query, and one more when another rater has finished since.

    Finished raters can't change their answers, so who they are says what the board shows.
    """
    if study.status != StudyStatus.OPEN:
        return None
    finished = _finished(study)
    digest = hashlib.sha256(",".join(str(key) for _, key, _ in finished).encode()).hexdigest()[:32]
    name = f"study:{study.pk}:{study.specification_hash[:16]}:live:{digest}"
    kept = cache.get(name)
    if isinstance(kept, LiveBoard):
        return kept
    rule = declared_rule(study.specification)
    alpha = rule.alpha if rule else ALPHA
    board = LiveBoard(
        lines=_lines(study, finished, rule, alpha),
        n_raters=len(finished),
        n_simulated=sum(simulated for _, _, simulated in finished),
        rule=rule,
        level=1 - alpha,
        fewest=fewest_raters(alpha),
    )
    cache.set(name, board, KEPT_S)
    return board


def stopping_state(study: Study, *, as_of: datetime, include_simulated: bool = True) -> StoppingDict | None:
    """What the study's stopping rule comes to at a moment, as reports keep it; None where none is declared."""
    rule = declared_rule(study.specification)
    if rule is None:
        return None
    finished = _finished(study, as_of=as_of, include_simulated=include_simulated)
    lines = _lines(study, finished, rule, rule.alpha, as_of=as_of)
    return {
        "rule": rule.to_dict(),
        "n_raters": len(finished),
        "stop": _all_stop(lines),
        "lines": [
            {
                "question": line.question,
                "generator_a": line.generator_a,
                "generator_b": line.generator_b,
                "n_raters": line.n,
                "net": line.net,
                "interval": None if line.interval is None else {"low": line.interval.low, "high": line.interval.high},
                "decision": {"stop": line.decision.stop, "n": line.decision.n, "reason": line.decision.reason},
            }
            for line in lines
            if line.decision is not None
        ],
    }


def declared_rule(specification: Mapping[str, object]) -> StoppingRule | None:
    """The stopping rule that a study declared when it was made (`stopping_rule`: the fields of `StoppingRule`)."""
    declared = specification.get("stopping_rule")
    return StoppingRule(**declared) if isinstance(declared, dict) else None


def _finished(
    study: Study, *, as_of: datetime | None = None, include_simulated: bool = True
) -> list[tuple[int, object, bool]]:
    """(primary key, key, simulated) of who has finished and stayed, in the order in which they did."""
    raters = Rater.objects.filter(study=study, finished_at__isnull=False)
    if as_of is None:
        raters = raters.filter(dropped_at__isnull=True)
    else:
        raters = raters.filter(Q(dropped_at__isnull=True) | Q(dropped_at__gt=as_of), finished_at__lte=as_of)
    if not include_simulated:
        raters = raters.filter(simulated=False)
    return list(raters.order_by("finished_at", "pk").values_list("pk", "key", "simulated"))


def _all_stop(lines: tuple[LiveLine, ...]) -> bool:
    return bool(lines) and all(line.decision is not None and line.decision.stop for line in lines)


def _lines(
    study: Study,
    finished: list[tuple[int, object, bool]],
    rule: StoppingRule | None,
    alpha: float,
    *,
    as_of: datetime | None = None,
) -> tuple[LiveLine, ...]:
    if not finished:
        return ()
    order = [rater_pseudonym(str(key)) for _, key, _ in finished]
    ratings = validate_ratings(ratings_frame(study, raters=[pk for pk, _, _ in finished], as_of=as_of))
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
        decision = decide(rule, sequence, (a, b)) if rule else None
        lines.append(LiveLine(question, a, b, last.n, last.estimate, interval, decision))
    return tuple(lines)
