"""The prompts on which raters agreed most and least, question by question: where to look at the images.

How far the raters of a prompt agree is Fleiss' (1971) share of pairs of its ratings that are alike. With few raters
many prompts are alike; then those with more ratings come first, and after them the suite's order decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from evaluation.analysis.results import Document
from evaluation.analysis.tally import Tally

SHOWN = 3
"""Prompts at each end of a question."""


@dataclass(frozen=True)
class PromptVotes:
    """How one prompt of a pair was rated: ratings for the first, without preference, for the second."""

    generator_a: str
    generator_b: str
    prompt_id: str
    category: str
    a: int
    indifferent: int
    b: int

    @property
    def n(self) -> int:
        """Its ratings."""
        return self.a + self.indifferent + self.b

    @property
    def agreement(self) -> float:
        """The share of pairs of its ratings that are alike, from 0 to 1."""
        alike = sum(k * (k - 1) for k in (self.a, self.indifferent, self.b))
        return alike / (self.n * (self.n - 1))


@dataclass(frozen=True)
class AgreedPrompts:
    """Of one question the prompts with most agreement, most first, and those with least, least first, none in both.
    ``n_rated``: prompts of a pair with two ratings or more, which alone can agree.
    """

    question: str
    n_rated: int
    most: tuple[PromptVotes, ...]
    least: tuple[PromptVotes, ...]

    def to_dict(self) -> Document:
        """As kept."""
        ends = {name: [asdict(each) for each in getattr(self, name)] for name in ("most", "least")}
        return {"question": self.question, "n_rated": self.n_rated, **ends}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> AgreedPrompts:
        """From ``to_dict``."""
        most, least = (tuple(PromptVotes(**each) for each in data[name]) for name in ("most", "least"))
        return cls(data["question"], data["n_rated"], most, least)


def agreed_prompts(tally: Tally, n: int = SHOWN) -> tuple[AgreedPrompts, ...]:
    """At most ``n`` prompts at each end of every question of which any prompt has two ratings or more."""
    table = tally.by_prompt
    counts = table.counts.astype(np.int64)
    sizes = counts.sum(axis=1)
    alike = (counts * (counts - 1)).sum(axis=1) / np.maximum(sizes * (sizes - 1), 1)
    questions = np.array([each.question for each in tally.comparisons])
    results = []
    for question in sorted(set(questions.tolist())):
        rows = np.flatnonzero((questions[table.comparison] == question) & (sizes >= 2))
        if not len(rows):
            continue
        ties = (table.comparison[rows], table.unit[rows], -sizes[rows])
        most = rows[np.lexsort((*ties, -alike[rows]))][: min(n, (len(rows) + 1) // 2)]
        rest = np.setdiff1d(rows, most)
        ties = (table.comparison[rest], table.unit[rest], -sizes[rest])
        least = rest[np.lexsort((*ties, alike[rest]))][:n]
        ends = (tuple(_votes(tally, int(row)) for row in end) for end in (most, least))
        results.append(AgreedPrompts(question, len(rows), *ends))
    return tuple(results)


def _votes(tally: Tally, row: int) -> PromptVotes:
    table = tally.by_prompt
    comparison = tally.comparisons[int(table.comparison[row])]
    a, indifferent, b = (int(each) for each in table.counts[row])
    return PromptVotes(
        comparison.generator_a,
        comparison.generator_b,
        tally.prompt_ids[int(table.unit[row])],
        tally.categories[int(table.category[row])],
        a,
        indifferent,
        b,
    )
