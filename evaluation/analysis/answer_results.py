"""What answers say, as results: a mean of each measure by generator, agreement, rankings, words that were marked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pandas as pd

from evaluation.analysis.agreement import Agreement
from evaluation.analysis.estimates import MeanEstimate
from evaluation.analysis.ranking import Ranking
from evaluation.analysis.results import Document, NotebookTable, document, to_json

SCHEMA = "drawbench-answers/1"


@dataclass(frozen=True)
class AnswerEstimate:
    """The mean of a measure over a generator's answers to one question, overall (``category`` None) or in a category.

    ``measure``: ``mean`` of a scale; ``share:ID`` of a choice (``share:both_bad`` of a generator's pairs) or a tag;
    ``holds`` and ``unsure`` of claims; ``marked`` of words; ``points``. ``n_answers`` count, ``n_left_out`` said
    nothing (unable, or no decided claim). An answer is one rater's to one prompt: of claims the share of the prompt's
    claims, so that every image counts alike.
    """

    question: str
    kind: str
    measure: str
    generator: str
    category: str | None
    n_answers: int
    n_left_out: int
    n_raters: int
    n_prompts: int
    mean: MeanEstimate
    stratified: bool

    def to_dict(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in _PLAIN} | {"mean": self.mean.to_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], level: float) -> AnswerEstimate:
        """The estimate from ``to_dict``, its intervals at ``level``."""
        return cls(**{name: data[name] for name in _PLAIN}, mean=MeanEstimate.from_dict(data["mean"], level))


_PLAIN = tuple(name for name in AnswerEstimate.__dataclass_fields__ if name != "mean")


@dataclass(frozen=True)
class MarkedWord:
    """How often a word of a prompt was marked for a generator's images: ``n_marked`` of ``n_answers``."""

    question: str
    generator: str
    prompt_id: str
    place: int
    word: str
    n_marked: int
    n_answers: int


@dataclass(frozen=True)
class AnswerAnalysis(NotebookTable):
    """All that answers of one study say. ``rankings``: over all categories; ``rankings_by_category``: where there are
    several. ``agreement``, by question: ordinal alpha of scales, nominal alpha of claims and choices. ``both_bad``: of
    each question that prefers one of a pair, the share of "both bad" among its answers, where anybody gave it.
    """

    estimates: tuple[AnswerEstimate, ...]
    rankings: tuple[Ranking, ...]
    rankings_by_category: tuple[Ranking, ...]
    words: tuple[MarkedWord, ...]
    agreement: Mapping[str, Agreement]
    both_bad: Mapping[str, float]
    estimand: str
    level: float

    def of(self, question: str, generator: str, measure: str, category: str | None = None) -> AnswerEstimate:
        """One estimate. Raises KeyError where there is none."""
        wanted = (question, generator, measure, category)
        for each in self.estimates:
            if (each.question, each.generator, each.measure, each.category) == wanted:
                return each
        raise KeyError(f"There is no estimate of {wanted}.")

    def to_dict(self) -> Document:
        return document(
            {
                "schema": SCHEMA,
                "estimand": self.estimand,
                "level": self.level,
                "estimates": [each.to_dict() for each in self.estimates],
                "rankings": [each.to_dict() for each in self.rankings],
                "rankings_by_category": [each.to_dict() for each in self.rankings_by_category],
                "words": [each.__dict__ for each in self.words],
                "agreement": {name: each.to_dict() for name, each in self.agreement.items()},
                "both_bad": self.both_bad,
            }
        )

    def to_json(self) -> str:
        return to_json(self.to_dict())

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> AnswerAnalysis:
        """The analysis from ``to_dict``, without the rankings' covariances."""
        return cls(
            estimates=tuple(AnswerEstimate.from_dict(each, data["level"]) for each in data["estimates"]),
            rankings=tuple(Ranking.from_dict(each) for each in data["rankings"]),
            rankings_by_category=tuple(Ranking.from_dict(each) for each in data["rankings_by_category"]),
            words=tuple(MarkedWord(**each) for each in data["words"]),
            agreement=MappingProxyType({name: Agreement.from_dict(each) for name, each in data["agreement"].items()}),
            both_bad=MappingProxyType(dict(data["both_bad"])),
            estimand=data["estimand"],
            level=data["level"],
        )

    def to_frame(self) -> pd.DataFrame:
        """One row an estimate, with its default interval."""
        rows = []
        for each in self.estimates:
            own = each.mean.interval
            row = {name: getattr(each, name) for name in _PLAIN}
            row |= {"mean": each.mean.estimate, "interval": each.mean.default}
            rows.append(row | {"low": own.low if own else None, "high": own.high if own else None})
        return pd.DataFrame(rows)
