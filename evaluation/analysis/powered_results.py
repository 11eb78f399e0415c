"""What comes of prediction-powered rates: frozen results, with their JSON and table, and the words of their claims."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pandas as pd

from evaluation.analysis.crossed import Absent
from evaluation.analysis.estimands import POWERED_ESTIMANDS
from evaluation.analysis.estimates import Interval
from evaluation.analysis.results import Document, NotebookTable, PlainResult, document, to_json

SCHEMA = "drawbench-prediction-powered/1"
ASSUMPTION = (
    "This assumes that the rated prompts are a random draw from the scored ones, in each category separately. If "
    "somebody picked them, these intervals do not hold."
)


@dataclass(frozen=True)
class PoweredInterval:
    """The interval for one estimand. ``satterthwaite`` is the default; ``two_way`` has the same standard error with
    min(raters, prompts) - 1 degrees of freedom, this package's rule elsewhere, conservative with few raters who agree.
    """

    satterthwaite: Interval | Absent
    two_way: Interval | Absent

    def to_dict(self) -> dict[str, object]:
        found: dict[str, object] = {}
        for name in ("satterthwaite", "two_way"):
            own = getattr(self, name)
            found |= {name: own.to_dict() if isinstance(own, Interval) else None}
        return found | ({"why": self.satterthwaite.why} if isinstance(self.satterthwaite, Absent) else {})

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], level: float) -> PoweredInterval:
        """The interval from ``to_dict``, at ``level``."""
        absent = Absent(data.get("why", ""))
        return cls(
            *(
                absent if data[name] is None else Interval.from_dict(data[name], name, level)
                for name in ("satterthwaite", "two_way")
            )
        )


@dataclass(frozen=True)
class Rate:
    """An estimate of the net share with an interval for each of ``POWERED_ESTIMANDS``."""

    estimate: float
    intervals: Mapping[str, PoweredInterval]

    def interval(self, estimand: str) -> Interval | None:
        """The default interval for an estimand, or None if it cannot be had."""
        own = self.intervals[estimand].satterthwaite
        return own if isinstance(own, Interval) else None

    def to_dict(self) -> dict[str, object]:
        return {"estimate": self.estimate, "intervals": {name: each.to_dict() for name, each in self.intervals.items()}}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any] | None, level: float) -> Rate | None:
        """The rate from ``to_dict``, its intervals at ``level``; None from None."""
        if data is None:
            return None
        own = data["intervals"]
        intervals = {name: PoweredInterval.from_dict(own[name], level) for name in POWERED_ESTIMANDS}
        return cls(data["estimate"], MappingProxyType(intervals))


@dataclass(frozen=True)
class PoweredRate:
    """The net share over a suite's prompts (``category`` None: all of them, each category by its share of the suite).

    ``n_rated`` of ``n_prompts`` prompts were rated, by ``n_raters`` with ``n_ratings``. ``classical``: from the ratings
    alone, weighted and with intervals made alike. ``power``: lambda of the fit to all rated prompts, 0 where the scores
    are left alone. ``width_ratios``: by estimand, the width of the powered interval by that of the classical one, None
    where either cannot be had. ``why``: why there is no estimate (both rates are then None).
    """

    category: str | None
    n_ratings: int
    n_raters: int
    n_rated: int
    n_prompts: int
    powered: Rate | None
    classical: Rate | None
    power: float
    width_ratios: Mapping[str, float | None]
    why: str | None = None

    def width_ratio(self, estimand: str) -> float | None:
        """Width of the powered interval by that of the classical one; None where either cannot be had."""
        return self.width_ratios[estimand]

    def to_dict(self) -> dict[str, object]:
        names = ("category", "n_ratings", "n_raters", "n_rated", "n_prompts", "power")
        found: dict[str, object] = {name: getattr(self, name) for name in names}
        found["powered"] = self.powered.to_dict() if self.powered else None
        found["classical"] = self.classical.to_dict() if self.classical else None
        found["width_ratio"] = self.width_ratios
        return found | ({"why": self.why} if self.why else {})

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], level: float) -> PoweredRate:
        """The rate from ``to_dict``, its intervals at ``level``."""
        names = ("category", "n_ratings", "n_raters", "n_rated", "n_prompts", "power")
        return cls(
            **{name: data[name] for name in names},
            powered=Rate.from_dict(data["powered"], level),
            classical=Rate.from_dict(data["classical"], level),
            width_ratios=MappingProxyType({name: data["width_ratio"][name] for name in POWERED_ESTIMANDS}),
            why=data.get("why"),
        )


def width_ratios(powered: Rate | None, classical: Rate | None) -> Mapping[str, float | None]:
    """``PoweredRate.width_ratios`` of two rates."""
    found: dict[str, float | None] = {}
    for estimand in POWERED_ESTIMANDS:
        own = powered.interval(estimand) if powered else None
        other = classical.interval(estimand) if classical else None
        found[estimand] = own.half_width / other.half_width if own and other else None
    return MappingProxyType(found)


@dataclass(frozen=True)
class Balance(PlainResult):
    """Whether rated and other prompts differ in a score: ``difference`` of the means of its normal scores within
    categories, in standard deviations; ``p_value`` of no difference. ``weight``: the score's coefficient in the
    predictor (log odds for a standard deviation), 0 where it says nothing.
    """

    metric: str
    difference: float | None
    p_value: float | None
    weight: float


@dataclass(frozen=True)
class PoweredComparison:
    """One question about one pair."""

    generator_a: str
    generator_b: str
    question: str
    overall: PoweredRate
    categories: tuple[PoweredRate, ...]
    balance: tuple[Balance, ...]
    notes: tuple[str, ...]

    @property
    def all_rated(self) -> bool:
        """Whether every prompt was rated, so that scores have nothing to add for the prompts without ratings."""
        return self.overall.n_rated == self.overall.n_prompts

    def to_dict(self) -> dict[str, object]:
        return {
            "generator_a": self.generator_a,
            "generator_b": self.generator_b,
            "question": self.question,
            "overall": self.overall.to_dict(),
            "categories": {str(each.category): each.to_dict() for each in self.categories},
            "metrics": [each.to_dict() for each in self.balance],
            "notes": self.notes,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], level: float) -> PoweredComparison:
        """The comparison from its JSON, its intervals at ``level``."""
        return cls(
            data["generator_a"],
            data["generator_b"],
            data["question"],
            overall=PoweredRate.from_dict(data["overall"], level),
            categories=tuple(PoweredRate.from_dict(each, level) for _, each in sorted(data["categories"].items())),
            balance=tuple(Balance(**each) for each in data["metrics"]),
            notes=tuple(data["notes"]),
        )


@dataclass(frozen=True)
class PredictionPowered(NotebookTable):
    """Prediction-powered rates of every comparison that has ratings and scores."""

    comparisons: tuple[PoweredComparison, ...]
    aggregate: str
    level: float
    seed: int
    n_simulated: int
    notes: tuple[str, ...]

    def to_dict(self) -> Document:
        return document(
            {
                "schema": SCHEMA,
                "aggregate": self.aggregate,
                "level": self.level,
                "seed": self.seed,
                "n_simulated": self.n_simulated,
                "assumption": ASSUMPTION,
                "estimands": POWERED_ESTIMANDS,
                "comparisons": [each.to_dict() for each in self.comparisons],
                "notes": self.notes,
            }
        )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> PredictionPowered:
        """The rates from their document: ``from_dict(x.to_dict()) == rounded(x)``."""
        return cls(
            tuple(PoweredComparison.from_dict(each, data["level"]) for each in data["comparisons"]),
            data["aggregate"],
            data["level"],
            data["seed"],
            data["n_simulated"],
            tuple(data["notes"]),
        )

    def to_json(self) -> str:
        return to_json(self.to_dict())

    def to_frame(self) -> pd.DataFrame:
        """One row for each comparison, category and estimand."""
        rows = []
        for comparison in self.comparisons:
            for each in (comparison.overall, *comparison.categories):
                for estimand in POWERED_ESTIMANDS:
                    row: dict[str, object] = {
                        name: getattr(comparison, name) for name in ("generator_a", "generator_b", "question")
                    }
                    names = ("category", "n_ratings", "n_raters", "n_rated", "n_prompts")
                    row |= {name: getattr(each, name) for name in names} | {"estimand": estimand}
                    for name, rate in (("net", each.powered), ("classical", each.classical)):
                        own = rate.interval(estimand) if rate else None
                        row[name] = rate.estimate if rate else None
                        row |= {f"{name}_low": own.low if own else None, f"{name}_high": own.high if own else None}
                    rows.append(row | {"width_ratio": each.width_ratio(estimand)})
        return pd.DataFrame(rows)
