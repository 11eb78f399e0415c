"""What a study declared that it sets out to show, read from its specification."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evaluation.analysis.control_rule import ControlRule
from evaluation.analysis.families import SEPARATE, Family
from evaluation.analysis.screening import AddedControls
from evaluation.analysis.signs import SignRules

RULE = (
    "one family of all primary pairs and questions: p-values adjusted by Holm, simultaneous intervals by Bonferroni; "
    "everything else is exploratory"
)


@dataclass(frozen=True, slots=True)
class Primary:
    """`pairs` of labels, each in alphabetical order; `questions` by id; `estimand`: for whom the interval speaks."""

    pairs: tuple[tuple[str, str], ...]
    questions: tuple[str, ...]
    estimand: str

    def specification(self) -> dict[str, object]:
        """As a study's specification has it."""
        return {
            "estimand": self.estimand,
            "pairs": [list(each) for each in self.pairs],
            "questions": list(self.questions),
            "family": RULE,
        }

    @property
    def family(self) -> Family:
        """The family that results are judged by."""
        return Family(self.pairs, self.questions, declared=True)


def declared_primary(specification: Mapping[str, Any]) -> Primary | None:
    """What was declared; None in studies that were made before it was asked for."""
    found = specification.get("analysis")
    if not isinstance(found, Mapping):
        return None
    pairs = tuple((first, second) for first, second in found["pairs"])
    return Primary(pairs, tuple(found["questions"]), found["estimand"])


def family_of(specification: Mapping[str, Any], estimand: str) -> Family:
    """The family that a report speaking for `estimand` is judged by: where that is not what the study declared, all in
    the report is exploratory.
    """
    primary = declared_primary(specification)
    if primary is None:
        return SEPARATE
    return primary.family if estimand == primary.estimand else Family((), (), declared=True)


def added_controls(specification: Mapping[str, Any]) -> AddedControls | None:
    """The control trials that a study added, as its results are screened by them; None where it added none."""
    declared = specification.get("controls", {}).get("added")
    if declared is None:
        return None
    return AddedControls(ControlRule(**declared["rule"]), dict(map(tuple, declared["chances"])))


def declared_signs(specification: Mapping[str, Any]) -> SignRules | None:
    """The rules by which a study shows signs; None in studies that were made before they were declared."""
    declared = specification.get("signs")
    return None if declared is None else SignRules.from_dict(declared)
