"""What a study set out to show, and what its tests carry once all of them are counted.

A study with five generators and two questions makes twenty comparisons. With no difference at all, some p-value is then
below .05 in about every second study. So the primary pairs and questions are one family: their p-values are adjusted by
Holm (1979) over the family, and their simultaneous intervals are at 1 - alpha / m (Bonferroni), which hold all at once
with at least the level. (Multipliers of a maximum of t are unsound with the few degrees of freedom that studies have.)
Everything else is exploratory: it is reported, and never highlighted.

A category is highlighted only where its comparison is and its own p-value, adjusted by Holm over the comparison's
categories, is below alpha: categories are looked at after the comparison, as steps of one procedure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from evaluation.analysis.results import PlainResult
from evaluation.analysis.tally import Comparison

Pair = tuple[str, str]


@dataclass(frozen=True)
class Family(PlainResult):
    """Which comparisons are primary. ``pairs``: of generators, None for all; ``questions``: None for all.
    ``declared``: whether a study named them beforehand. ``separate``: each comparison stands alone, as in studies that
    were locked before families were declared.
    """

    pairs: tuple[Pair, ...] | None = None
    questions: tuple[str, ...] | None = None
    declared: bool = False
    separate: bool = False

    def holds(self, one: Comparison) -> bool:
        """Whether the comparison is one of the family."""
        pair = {one.generator_a, one.generator_b}
        return (self.pairs is None or any(pair == set(each) for each in self.pairs)) and (
            self.questions is None or one.question in self.questions
        )

    def size(self, comparisons: Iterable[Comparison]) -> int:
        """How many comparisons the family has: as declared, or as many as there are ratings of, if that is more."""
        there = sum(map(self.holds, comparisons))
        if self.pairs is None or self.questions is None:
            return there
        return max(there, len(self.pairs) * len(self.questions))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Family:
        """The family from ``to_dict``."""
        pairs, questions = data["pairs"], data["questions"]
        return cls(
            None if pairs is None else tuple((first, second) for first, second in pairs),
            None if questions is None else tuple(questions),
            data["declared"],
            data["separate"],
        )


ALL = Family()
"""All pairs and questions, as one family: what ratings are analysed with where no study declared another."""

SEPARATE = Family(separate=True)
"""Each comparison alone: studies that were locked before families were declared."""
