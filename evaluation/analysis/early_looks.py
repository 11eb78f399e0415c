"""What may be seen of a study before it ends: each comparison over the raters who count, and its stopping rule.

Every rater who counts does so once, with one mean; the intervals hold however often one looks (``betting``). Raters
count in the order in which they joined: one counts once all who joined the same panel before have finished or are
withdrawn. The order in which they finish would let the fast come first, and with them their taste. A rater is
withdrawn who has left, whose place was given away, or who did not finish within the study's days; none of these looks
at an answer, and none changes back. Those who count are then the first of the panel's raters who finish in time, in the
order in which they joined, and how many of them are known at a moment may depend on anything: the sequence holds at
every number of raters, so at whichever one looks. Where raters rate several panels, one value is of a round, the next
rater of each panel weighted by the panel's prompts: each round has the same mean, however panels were given out.

Studies that declared their rule before had raters in the order in which they finished (``sequential.T_SEQUENCE``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from evaluation.analysis.betting import betting_sequence, fewest_values
from evaluation.analysis.columns import main_ratings
from evaluation.analysis.results import PlainResult
from evaluation.analysis.sequential import (
    BETTING,
    Decision,
    LookSequence,
    StoppingRule,
    decide,
    fewest_raters,
    rater_means,
    t_sequence,
)

State = Literal["finished", "withdrawn", "open"]


@dataclass(frozen=True)
class Arrival:
    """A rater who joined: an id as in the ratings, the panel that is rated, and how it stands."""

    rater_id: str
    panel: str
    state: State


@dataclass(frozen=True)
class Arrivals:
    """Who joined a study. ``joined``: in that order. ``finished``: ids of who finished and stayed, in the order in
    which they finished. ``panels``: the number of prompts of each panel.
    """

    joined: tuple[Arrival, ...]
    finished: tuple[str, ...]
    panels: Mapping[str, int]

    def counted(self) -> dict[str, list[str]]:
        """By panel, the raters who count, in the order in which they joined: all finished ones before the first who is
        still at it.
        """
        found: dict[str, list[str]] = {panel: [] for panel in self.panels}
        waiting: set[str] = set()
        for each in self.joined:
            if each.state == "open":
                waiting.add(each.panel)
            elif each.state == "finished" and each.panel not in waiting:
                found[each.panel].append(each.rater_id)
        return found


@dataclass(frozen=True)
class Condition(PlainResult):
    """Something that the intervals rest on, whether it holds, and what it means, in words."""

    name: str
    holds: bool
    means: str


@dataclass(frozen=True)
class Bounds:
    """The ends of an interval, in fractions."""

    low: float
    high: float


@dataclass(frozen=True)
class EarlyLook:
    """One pair on one question after ``n`` raters who count: their mean net share A - B and its interval, fractions.

    ``net`` is None while nobody counts; ``interval`` with too few raters, or, by the t sequence, where they are all
    alike. ``decision``: by the stopping rule, None where none was declared.
    """

    question: str
    generator_a: str
    generator_b: str
    n: int
    net: float | None
    interval: Bounds | None
    decision: Decision | None

    @property
    def leader(self) -> str:
        """The generator that the interval favours; empty where it holds zero or is not there."""
        if self.interval is None:
            return ""
        return self.generator_a if self.interval.low > 0 else self.generator_b if self.interval.high < 0 else ""

    def to_dict(self) -> dict[str, object]:
        own = self.interval
        return {
            "question": self.question,
            "generator_a": self.generator_a,
            "generator_b": self.generator_b,
            "n_raters": self.n,
            "net": self.net,
            "interval": None if own is None else {"low": own.low, "high": own.high},
            "decision": self.decision.to_dict() if self.decision else None,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> EarlyLook:
        """The look from ``to_dict``."""
        interval, decision = data["interval"], data["decision"]
        return cls(
            data["question"],
            data["generator_a"],
            data["generator_b"],
            data["n_raters"],
            data["net"],
            Bounds(**interval) if interval else None,
            Decision(**decision) if decision else None,
        )


@dataclass(frozen=True)
class StoppingOutcome:
    """What a declared stopping rule comes to, comparison by comparison; ``n_raters`` have finished, ``conditions`` are
    what its intervals rest on.
    """

    rule: StoppingRule
    n_raters: int
    looks: tuple[EarlyLook, ...]
    conditions: tuple[Condition, ...] = ()

    @property
    def stop(self) -> bool:
        """Whether the rule says stop: it does when it has for every pair and question."""
        return all_stop(self.looks)

    def to_dict(self) -> dict[str, object]:
        return {
            "rule": self.rule.to_dict(),
            "n_raters": self.n_raters,
            "stop": self.stop,
            "lines": [each.to_dict() for each in self.looks],
            "conditions": [each.to_dict() for each in self.conditions],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> StoppingOutcome:
        """The outcome from ``to_dict``; that of an earlier version has a rule without a method, and no conditions."""
        looks = tuple(EarlyLook.from_dict(each) for each in data["lines"])
        conditions = tuple(Condition(**each) for each in data.get("conditions", ()))
        return cls(StoppingRule.from_dict(data["rule"]), data["n_raters"], looks, conditions)


def all_stop(looks: Sequence[EarlyLook]) -> bool:
    """Whether there are looks, and the rule stops at all of them."""
    return bool(looks) and all(each.decision is not None and each.decision.stop for each in looks)


def fewest_to_decide(alpha: float, method: str, panels: int) -> int:
    """Raters before whom no interval can exclude zero."""
    return fewest_values(alpha) * max(panels, 1) if method == BETTING else fewest_raters(alpha)


def early_looks(
    ratings: pd.DataFrame,
    arrivals: Arrivals,
    questions: Sequence[str],
    *,
    alpha: float,
    rule: StoppingRule | None,
) -> tuple[tuple[EarlyLook, ...], tuple[Condition, ...]]:
    """Each pair and question over the raters who count, in the order of ``questions``, and what that rests on.

    Args:
        ratings: a validated frame; control trials and raters who do not count are left out.
        arrivals: who joined, and how they stand.
        alpha, rule: of the intervals, and what decides on them; the rule's own alpha is the same.
    """
    main = main_ratings(ratings)
    main = main[main["rater_id"].isin(arrivals.finished).to_numpy()]
    pairs = main[["question", "generator_a", "generator_b"]].astype(str).drop_duplicates()
    by_joining = rule is None or rule.method == BETTING
    counted = arrivals.counted()
    found = []
    for question, a, b in sorted(pairs.itertuples(index=False), key=lambda each: (questions.index(each[0]), *each[1:])):
        means = rater_means(main, a, b, question)
        if by_joining:
            sequence = _rounds(means, counted, arrivals.panels, alpha)
        else:
            sequence = t_sequence(means.reindex([each for each in arrivals.finished if each in means]).tolist(), alpha)
        decision = decide(rule, sequence, (a, b), len(arrivals.finished)) if rule else None
        if not sequence.looks:
            found.append(EarlyLook(question, a, b, 0, None, None, decision))
            continue
        last = sequence.looks[-1]
        interval = None if last.low is None or last.high is None else Bounds(last.low, last.high)
        found.append(EarlyLook(question, a, b, last.n, last.estimate, interval, decision))
    return tuple(found), _conditions(main, counted) if by_joining else ()


def _rounds(
    means: pd.Series, counted: Mapping[str, Sequence[str]], panels: Mapping[str, int], alpha: float
) -> LookSequence:
    """Looks after each round: the next rater of each panel, weighted by its prompts."""
    rows = [[float(means[each]) for each in counted[panel] if each in means] for panel in panels]
    total = sum(panels.values())
    values = [
        math.fsum(value * prompts / total for value, prompts in zip(round_, panels.values(), strict=True))
        for round_ in zip(*rows, strict=False)  # a round is whole, or it does not count yet
    ]
    return betting_sequence(values, alpha, len(panels))


def _conditions(main: pd.DataFrame, counted: Mapping[str, Sequence[str]]) -> tuple[Condition, ...]:
    """The four that the sequence rests on; whether trials were alike is seen in the ratings."""
    keys = ["question", "generator_a", "generator_b"]
    fewer = set()
    for raters in counted.values():
        part = main[main["rater_id"].isin(raters).to_numpy()]
        numbers = part.groupby([*keys, "rater_id"], observed=True).size().reset_index(name="n")
        full = numbers.groupby(keys, observed=True)["n"].transform("max")
        fewer |= set(numbers.loc[numbers["n"] < full, "rater_id"].astype(str))
    n = sum(map(len, counted.values()))
    trials = "Each rater's trials were fixed beforehand, and all who count answered all of theirs."
    if fewer:
        trials = (
            f"Each rater's trials were fixed beforehand, but {len(fewer):,} of the {n:,} raters who count left some "
            "out. Their means are of fewer prompts, so the intervals hold only if what they left out does not depend "
            "on their taste."
        )
    rounds = "All raters rate the same prompts."
    if len(counted) > 1:
        rounds = (
            f"Raters count in rounds, one of each of the {len(counted):,} panels, weighted by the panel's prompts: how "
            "panels were given out does not matter."
        )
    joined = (
        "Raters count in the order in which they joined: one counts once all who joined before, in the same panel, "
        "have finished, left or run out of time. So fast raters do not come first."
    )
    prompts = "The intervals speak for new raters like those who finish in time, and for these prompts and images."
    return (
        Condition("order", True, joined),
        Condition("trials", not fewer, trials),
        Condition("panels", True, rounds),
        Condition("estimand", True, prompts),
    )
