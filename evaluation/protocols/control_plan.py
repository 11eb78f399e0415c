"""Control trials that a study adds of its own images, whatever its protocol: how many of each kind, and their rule.

Three kinds need no known answer: one set shown twice (`same`), a set beside one of the same generator for another
prompt (`swapped`), a trial seen again with its sides turned round (`repeats`). `gold` ones come from a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from common.numbers import shown
from common.words import nearest
from evaluation.analysis.control_rule import ControlRule
from evaluation.protocols.errors import PlanError

MOST_OF_A_KIND = 200
HONEST = (0.4, 0.99)
FALSE_EXCLUSION = (0.0001, 0.2)
"""The least and the greatest that may be declared."""
APART = 5
"""Places between a trial and its repeat, where the session is long enough."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Control trials of one session, by kind."""

    same: int = 0
    swapped: int = 0
    repeats: int = 0
    gold: int = 0

    @property
    def trials(self) -> int:
        """In all."""
        return self.same + self.swapped + self.repeats + self.gold

    def to_dict(self) -> dict[str, int]:
        """As JSON has it."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


@dataclass(frozen=True, slots=True)
class ControlPlan:
    """`counts`: of each session; a small panel may have fewer. `rule`: who is excluded."""

    counts: Counts
    rule: ControlRule = ControlRule()

    def to_dict(self) -> dict[str, object]:
        """Flat, as drafts, the API and protocols' files have it."""
        return {**self.counts.to_dict(), **self.rule.to_dict()}

    @classmethod
    def from_dict(cls, declared: Mapping[str, object]) -> ControlPlan:
        """From what is declared, each part of which may be absent or None.

        Raises:
            PlanError: an unknown part or a value that is not allowed.
        """
        for name in declared:
            if name not in PARTS:
                raise PlanError(
                    name,
                    f'Control trials have no part "{name}"{nearest(name, PARTS) or "."} Parts: {", ".join(PARTS)}.',
                )
        counts = Counts(**{each.name: _whole(declared, each.name) for each in fields(Counts)})
        exclude = declared.get("exclude")
        if exclude is not None and not isinstance(exclude, bool):
            raise PlanError("exclude", f"Whether raters are excluded is true or false; got {exclude!r}.")
        rule = ControlRule(
            _share(declared, "honest", "The pass rate of honest raters", HONEST, ControlRule.honest),
            _share(
                declared,
                "false_exclusion",
                "The share of honest raters excluded",
                FALSE_EXCLUSION,
                ControlRule.false_exclusion,
            ),
            True if exclude is None else exclude,
        )
        if not counts.trials and any(declared.get(name) is not None for name in RULE_PARTS):
            raise PlanError(
                "same", "A rule for control trials was given, and no control trial. Say how many of a kind."
            )
        return cls(counts, rule)


RULE_PARTS = ("honest", "false_exclusion", "exclude")
PARTS = ("same", "swapped", "repeats", "gold", *RULE_PARTS)


def _whole(declared: Mapping[str, object], name: str) -> int:
    value = declared.get(name)
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_OF_A_KIND:
        raise PlanError(name, f"Control trials of a kind must be from 0 to {MOST_OF_A_KIND}; got {shown(value)}.")
    return value


def _share(declared: Mapping[str, object], name: str, what: str, between: tuple[float, float], default: float) -> float:
    value = declared.get(name)
    if value is None:
        return default
    least, most = between
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise PlanError(name, f"{what} must be between {least:g} and {most:g}, as {default:g} is; got {shown(value)}.")
    return float(value)
