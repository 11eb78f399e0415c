"""What comes of holding automatic scores against raters: frozen results, with their JSON and table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from evaluation.analysis.estimates import MeanEstimate
from evaluation.analysis.rank_correlation import Correlation
from evaluation.analysis.results import Document, NotebookTable, document, to_json

SCHEMA = "drawbench-automatic-agreement/1"


@dataclass(frozen=True)
class MetricAgreement:
    """One automatic score against the raters, overall (``category`` None) or in one category.

    ``accuracy``: over all ratings; ``constant``: what the best answer that is always the same would have. ``decided``:
    over decided ones (None: there are none), where a coin has .5. ``threshold``: the least difference of scores that
    counts, chosen on all prompts, in the score's units; ``n_unscored``: ratings without a score, left out.
    ``correlation``: of the prompts' differences of scores with their net shares.
    """

    metric: str
    category: str | None
    n_ratings: int
    n_unscored: int
    n_raters: int
    n_prompts: int
    accuracy: MeanEstimate
    constant: float
    decided: MeanEstimate | None
    threshold: float
    correlation: Correlation

    def to_dict(self) -> dict[str, object]:
        names = ("metric", "category", "n_ratings", "n_unscored", "n_raters", "n_prompts", "constant", "threshold")
        return {name: getattr(self, name) for name in names} | {
            "accuracy": self.accuracy.to_dict(),
            "decided": self.decided.to_dict() if self.decided else None,
            "correlation": self.correlation.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], level: float) -> MetricAgreement:
        """The agreement from ``to_dict``, its intervals at ``level``."""
        names = ("metric", "category", "n_ratings", "n_unscored", "n_raters", "n_prompts", "constant", "threshold")
        return cls(
            **{name: data[name] for name in names},
            accuracy=MeanEstimate.from_dict(data["accuracy"], level),
            decided=_mean(data["decided"], level),
            correlation=Correlation.from_dict(data["correlation"], level),
        )


@dataclass(frozen=True)
class RaterAgreement:
    """The raters against each other: each rating against the ``majority`` of the others of its prompt (equal numbers
    share), and against ``another`` rater drawn at random; both also over decided ratings. Intervals are jackknifes (see
    ``rater_ceiling``), for new raters and new prompts whatever the estimand of the scores' intervals.
    """

    category: str | None
    n_ratings: int
    majority: MeanEstimate | None
    another: MeanEstimate | None
    majority_decided: MeanEstimate | None
    another_decided: MeanEstimate | None

    def to_dict(self) -> dict[str, object]:
        found: dict[str, object] = {"category": self.category, "n_ratings": self.n_ratings}
        for name in ("majority", "another", "majority_decided", "another_decided"):
            own = getattr(self, name)
            found[name] = own.to_dict() if own else None
        return found

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], level: float) -> RaterAgreement:
        """The agreement from ``to_dict``, its intervals at ``level``."""
        names = ("majority", "another", "majority_decided", "another_decided")
        return cls(data["category"], data["n_ratings"], *(_mean(data[name], level) for name in names))


@dataclass(frozen=True)
class MetricDifference:
    """Accuracy of ``first`` less that of ``second`` on the ratings that both have scores for. ``kind``: ``accuracy`` or
    ``decided``. ``p_value``: of no difference; ``p_holm``: the same adjusted by Holm over all pairs of scores of the
    comparison, kind by kind; None where no interval can be had.
    """

    first: str
    second: str
    kind: str
    n_ratings: int
    difference: MeanEstimate
    p_value: float | None
    p_holm: float | None

    def to_dict(self) -> dict[str, object]:
        return {
            "first": self.first,
            "second": self.second,
            "kind": self.kind,
            "n_ratings": self.n_ratings,
            "difference": self.difference.to_dict(),
            "p_value": self.p_value,
            "p_holm": self.p_holm,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], level: float) -> MetricDifference:
        """The difference from ``to_dict``, its intervals at ``level``."""
        return cls(**{**data, "difference": MeanEstimate.from_dict(data["difference"], level)})


@dataclass(frozen=True)
class Disagreement:
    """A prompt on which a score takes the other side. ``net``: raters' net share for A. ``difference``: of the
    scores, for A; ``rank``: from -1 to 1, its sign and the share of prompts whose difference is as small or smaller.
    ``weight``: -net * rank, from 0 to 1: how clearly both sides speak.
    """

    metric: str
    prompt_id: str
    category: str
    n_ratings: int
    net: float
    difference: float
    rank: float
    weight: float


@dataclass(frozen=True)
class ComparisonAgreement:
    """All automatic scores on one question about one pair; ``disagreements``: the greatest first, as many a score as
    asked for.
    """

    generator_a: str
    generator_b: str
    question: str
    metrics: tuple[MetricAgreement, ...]
    raters: tuple[RaterAgreement, ...]
    differences: tuple[MetricDifference, ...]
    disagreements: tuple[Disagreement, ...]

    @property
    def overall(self) -> tuple[MetricAgreement, ...]:
        """Each score over all ratings."""
        return tuple(each for each in self.metrics if each.category is None)

    @property
    def by_category(self) -> tuple[MetricAgreement, ...]:
        """Each score in each category."""
        return tuple(each for each in self.metrics if each.category is not None)

    @property
    def among_raters(self) -> RaterAgreement | None:
        """The raters against each other over all ratings."""
        return next((each for each in self.raters if each.category is None), None)

    def worst(self, most: int) -> tuple[Disagreement, ...]:
        """The greatest disagreements, at most so many of each score."""
        shown: dict[str, int] = {}
        found = []
        for each in self.disagreements:
            shown[each.metric] = shown.get(each.metric, 0) + 1
            if shown[each.metric] <= most:
                found.append(each)
        return tuple(found)

    def to_dict(self) -> dict[str, object]:
        return {
            "generator_a": self.generator_a,
            "generator_b": self.generator_b,
            "question": self.question,
            "metrics": [each.to_dict() for each in self.metrics],
            "raters": [each.to_dict() for each in self.raters],
            "differences": [each.to_dict() for each in self.differences],
            "disagreements": self.disagreements,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], level: float) -> ComparisonAgreement:
        """The comparison from its JSON, its intervals at ``level``."""
        return cls(
            data["generator_a"],
            data["generator_b"],
            data["question"],
            metrics=tuple(MetricAgreement.from_dict(each, level) for each in data["metrics"]),
            raters=tuple(RaterAgreement.from_dict(each, level) for each in data["raters"]),
            differences=tuple(MetricDifference.from_dict(each, level) for each in data["differences"]),
            disagreements=tuple(Disagreement(**each) for each in data["disagreements"]),
        )


@dataclass(frozen=True)
class AutomaticAgreement(NotebookTable):
    """Agreement of automatic scores with raters. ``aggregate``: how the images of a set became one score."""

    comparisons: tuple[ComparisonAgreement, ...]
    aggregate: str
    estimand: str
    level: float
    n_simulated: int
    notes: tuple[str, ...]

    def to_dict(self) -> Document:
        return document(
            {
                "schema": SCHEMA,
                "aggregate": self.aggregate,
                "estimand": self.estimand,
                "level": self.level,
                "n_simulated": self.n_simulated,
                "comparisons": [each.to_dict() for each in self.comparisons],
                "notes": self.notes,
            }
        )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> AutomaticAgreement:
        """The agreement from its document: ``from_dict(x.to_dict()) == rounded(x)``."""
        level = data["level"]
        return cls(
            tuple(ComparisonAgreement.from_dict(each, level) for each in data["comparisons"]),
            data["aggregate"],
            data["estimand"],
            level,
            data["n_simulated"],
            tuple(data["notes"]),
        )

    def to_json(self) -> str:
        return to_json(self.to_dict())

    def to_frame(self) -> pd.DataFrame:
        """One row for each comparison, score and category."""
        rows = []
        for comparison in self.comparisons:
            for each in comparison.metrics:
                row: dict[str, object] = {
                    name: getattr(comparison, name) for name in ("generator_a", "generator_b", "question")
                }
                row |= {name: getattr(each, name) for name in ("metric", "category", "n_ratings", "n_prompts")}
                for name, mean in (("accuracy", each.accuracy), ("decided", each.decided)):
                    own = mean.interval if mean else None
                    row[name] = mean.estimate if mean else None
                    row |= {f"{name}_low": own.low if own else None, f"{name}_high": own.high if own else None}
                row |= {"constant": each.constant, "correlation": each.correlation.value}
                row |= {"correlation_low": each.correlation.low, "correlation_high": each.correlation.high}
                rows.append(row)
        return pd.DataFrame(rows)


def _mean(found: Mapping[str, Any] | None, level: float) -> MeanEstimate | None:
    return None if found is None else MeanEstimate.from_dict(found, level)
