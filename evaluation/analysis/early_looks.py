"""What may be seen of a study before it ends: each comparison over the raters who have finished, and its stopping rule.

Every finished rater counts once, with one mean; the interval holds however often one looks (``sequential.t_sequence``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from evaluation.analysis.sequential import Decision, StoppingRule, decide, rater_means, t_sequence


@dataclass(frozen=True)
class Bounds:
    """The ends of an interval, in fractions."""

    low: float
    high: float


@dataclass(frozen=True)
class EarlyLook:
    """One pair on one question after ``n`` finished raters: their mean net share A - B and its interval, fractions.

    ``interval`` is None with too few raters, or where they are all alike. ``decision``: by the stopping rule, None
    where none was declared.
    """

    question: str
    generator_a: str
    generator_b: str
    n: int
    net: float
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
    """What a declared stopping rule comes to over ``n_raters`` finished raters, comparison by comparison."""

    rule: StoppingRule
    n_raters: int
    looks: tuple[EarlyLook, ...]

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
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> StoppingOutcome:
        """The outcome from ``to_dict``."""
        looks = tuple(EarlyLook.from_dict(each) for each in data["lines"])
        return cls(StoppingRule(**data["rule"]), data["n_raters"], looks)


def all_stop(looks: Sequence[EarlyLook]) -> bool:
    """Whether there are looks, and the rule stops at all of them."""
    return bool(looks) and all(each.decision is not None and each.decision.stop for each in looks)


def early_looks(
    ratings: pd.DataFrame,
    finished: Sequence[str],
    questions: Sequence[str],
    *,
    alpha: float,
    rule: StoppingRule | None,
) -> tuple[EarlyLook, ...]:
    """Each pair and question over finished raters, in the order of ``questions``.

    Args:
        ratings: a validated frame; control trials and other raters are left out.
        finished: ids of who has finished, in the order in which they did.
        alpha, rule: of the intervals, and what decides on them; the rule's own alpha is the same.
    """
    main = ratings[ratings["rater_id"].isin(finished).to_numpy() & ~ratings["control"].to_numpy()]
    pairs = main[["question", "generator_a", "generator_b"]].astype(str).drop_duplicates()
    found = []
    for question, a, b in sorted(pairs.itertuples(index=False), key=lambda each: (questions.index(each[0]), *each[1:])):
        means = rater_means(main, a, b, question)
        arrived = means.reindex([rater for rater in finished if rater in means.index])
        sequence = t_sequence(arrived.tolist(), alpha)
        last = sequence.looks[-1]
        interval = None if last.low is None or last.high is None else Bounds(last.low, last.high)
        decision = decide(rule, sequence, (a, b)) if rule else None
        found.append(EarlyLook(question, a, b, last.n, last.estimate, interval, decision))
    return tuple(found)
