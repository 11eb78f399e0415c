"""Automatic scores against people: the result, and its document (`drawbench-against-people/1`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pandas as pd

from evaluation.analysis.automatic_agreement import automatic_agreement_valid
from evaluation.analysis.automatic_results import ComparisonAgreement
from evaluation.analysis.automatic_scores import metric_directions, validate_automatic_scores
from evaluation.analysis.estimands import DEFAULT_ESTIMAND, POWERED_ESTIMANDS
from evaluation.analysis.powered_results import ASSUMPTION, PoweredComparison
from evaluation.analysis.prediction_powered import prediction_powered_valid
from evaluation.analysis.results import Document, document, rounded

SCHEMA = "drawbench-against-people/1"


@dataclass(frozen=True)
class AgainstPeople:
    """Automatic scores held against raters, comparison by comparison, and the rates that both give together.

    `metrics`: which way is good, by score. `aggregate`, `estimand`, `level`: what was asked for.
    """

    aggregate: str
    estimand: str
    level: float
    simulated: bool
    metrics: Mapping[str, str]
    agreement: tuple[ComparisonAgreement, ...]
    powered: tuple[PoweredComparison, ...]
    notes: tuple[str, ...]

    def pairs(self) -> list[tuple[ComparisonAgreement, PoweredComparison | None]]:
        """The agreement of each pair and question with its prediction-powered rates, where there are any."""
        powered = {(each.generator_a, each.generator_b, each.question): each for each in self.powered}
        return [(each, powered.get((each.generator_a, each.generator_b, each.question))) for each in self.agreement]

    def to_dict(self) -> Document:
        """The `drawbench-against-people/1` document."""
        return document(
            {
                "schema": SCHEMA,
                "aggregate": self.aggregate,
                "estimand": self.estimand,
                "level": self.level,
                "simulated": self.simulated,
                "metrics": [{"metric": name, "better": better} for name, better in self.metrics.items()],
                "agreement": [each.to_dict() for each in self.agreement],
                "powered": {
                    "assumption": ASSUMPTION,
                    "estimands": POWERED_ESTIMANDS,
                    "comparisons": [each.to_dict() for each in self.powered],
                },
                "notes": self.notes,
            }
        )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> AgainstPeople:
        """What the document says: `from_dict(x.to_dict()) == x`."""
        level = data["level"]
        return cls(
            data["aggregate"],
            data["estimand"],
            level,
            data["simulated"],
            MappingProxyType({each["metric"]: each["better"] for each in data["metrics"]}),
            tuple(ComparisonAgreement.from_dict(each, level) for each in data["agreement"]),
            tuple(PoweredComparison.from_dict(each, level) for each in data["powered"]["comparisons"]),
            tuple(data["notes"]),
        )


def against_people(
    valid: pd.DataFrame,
    scores: pd.DataFrame,
    *,
    metrics: Sequence[str] | None = None,
    aggregate: str = "mean",
    estimand: str = DEFAULT_ESTIMAND,
    level: float = 0.95,
    notes: Sequence[str] = (),
) -> AgainstPeople:
    """How far `scores` agree with ratings (`valid`: validated), and the preference rates that both give together.

    `metrics`: the scores that the prediction-powered rates use, all unless given; agreement is of all of them.

    Raises:
        RatingsError: scores are not in their form, or do not belong to the ratings.
        ValueError: a setting is not one of those allowed.
    """
    checked = validate_automatic_scores(scores)
    agreement = automatic_agreement_valid(valid, checked, aggregate=aggregate, estimand=estimand, level=level)
    powered = prediction_powered_valid(valid, checked, metrics=metrics, aggregate=aggregate, level=level)
    told = list(dict.fromkeys([*notes, *agreement.notes, *powered.notes]))
    if agreement.n_simulated:
        told.insert(0, "Simulated: some or all of these ratings come from simulated raters, not from people.")
    return rounded(
        AgainstPeople(
            aggregate,
            estimand,
            level,
            bool(agreement.n_simulated),
            metric_directions(checked),
            agreement.comparisons,
            powered.comparisons,
            tuple(told),
        )
    )
