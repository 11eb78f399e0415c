"""Trials that were not rated, by generator and reason: what a result lacks must not vanish from its report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evaluation.analysis.results import Document


@dataclass(frozen=True)
class SkippedTrials:
    """Of one generator. `trials`: those with it that raters came to, answered or skipped. `missing`: skipped because an
    image did not load. `refused`: by the reason in words, those that raters would rather not rate. `covered`,
    `uncovered`: its blurred images in these trials, and those that were uncovered.

    A trial of two generators counts for both.
    """

    generator: str
    trials: int
    missing: int
    refused: Mapping[str, int]
    covered: int = 0
    uncovered: int = 0

    @property
    def n_refused(self) -> int:
        """For whatever reason."""
        return sum(self.refused.values())

    @property
    def refused_share(self) -> float:
        """Share of its trials, 0 to 1."""
        return self.n_refused / self.trials if self.trials else 0.0

    def to_dict(self) -> Document:
        """As kept, and as the JSON has it."""
        return {
            "generator": self.generator,
            "trials": self.trials,
            "missing": self.missing,
            "refused": dict(self.refused),
            "covered": self.covered,
            "uncovered": self.uncovered,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SkippedTrials:
        """Back from `to_dict`."""
        return cls(**data)


@dataclass(frozen=True)
class Skips:
    """`reasons`: those that were given, in the order of the page. `generators`: in the study's order."""

    reasons: tuple[str, ...]
    generators: tuple[SkippedTrials, ...]

    @property
    def any_covered(self) -> bool:
        """Whether an image was blurred."""
        return any(each.covered for each in self.generators)

    def to_dict(self) -> Document:
        """As kept, and as the JSON has it."""
        return {"reasons": list(self.reasons), "generators": [each.to_dict() for each in self.generators]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Skips:
        """Back from `to_dict`."""
        return cls(tuple(data["reasons"]), tuple(map(SkippedTrials.from_dict, data["generators"])))
