"""A report's results, whole: the analysis, and what a study's report says beside it.

`ReportDocument` is what the database keeps (as `to_dict`) and what pages, figures, tables and texts take. The keys of
the analysis stand at its top, so that it is a `drawbench-analysis/1` document.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evaluation.analysis.agreed_prompts import AgreedPrompts
from evaluation.analysis.answer_results import AnswerAnalysis
from evaluation.analysis.displays import Displays
from evaluation.analysis.early_looks import StoppingOutcome
from evaluation.analysis.fragility import Fragility
from evaluation.analysis.refusals import Refusals
from evaluation.analysis.results import Document
from evaluation.analysis.summary_results import Analysis
from evaluation.reports.answer_groups import answer_groups
from evaluation.reports.automatic import AutomaticScores
from evaluation.reports.collection import Collection
from evaluation.reports.further import Further
from evaluation.reports.skips import Skips


@dataclass(frozen=True)
class ReportDocument:
    """`stopping`: what the declared stopping rule came to, None where none was declared. `automatic`: None where no two
    compared runs have scores alike. `collection`: None in reports from before it was kept. `fragility`: None where
    there are too many ratings to try it at once. `answers`: None where all answers are preferences of pairs with three
    answers; `further`: None where there is nothing of the kind. `displays`: None where no browser said how it showed
    the images. `refusals`: None where no image is missing and no policy was declared. `skipped`: None where no trial
    was skipped and no image blurred. `prompts`: where raters agreed most and least, by question; none in reports from
    before it was kept.
    """

    analysis: Analysis
    collection: Collection | None = None
    stopping: StoppingOutcome | None = None
    automatic: AutomaticScores | None = None
    fragility: tuple[Fragility, ...] | None = None
    answers: AnswerAnalysis | None = None
    further: Further | None = None
    displays: Displays | None = None
    refusals: Refusals | None = None
    skipped: Skips | None = None
    prompts: tuple[AgreedPrompts, ...] = ()

    def to_dict(self) -> Document:
        """As kept, and as the JSON has it."""
        found = self.analysis.to_dict()
        parts = {
            "collection": self.collection,
            "stopping_rule": self.stopping,
            "automatic": self.automatic,
            "answers": self.answers,
            "further": self.further,
            "displays": self.displays,
            "refusals": self.refusals,
            "skipped": self.skipped,
        }
        found |= {name: part.to_dict() for name, part in parts.items() if part is not None}
        lists = {"fragility": self.fragility, "prompts": self.prompts or None}
        return found | {name: [each.to_dict() for each in one] for name, one in lists.items() if one is not None}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ReportDocument:
        """The document from `to_dict`."""
        return cls(
            Analysis.from_dict(data),
            Collection.from_dict(data["collection"]) if "collection" in data else None,
            StoppingOutcome.from_dict(data["stopping_rule"]) if "stopping_rule" in data else None,
            AutomaticScores.from_dict(data["automatic"]) if "automatic" in data else None,
            tuple(map(Fragility.from_dict, data["fragility"])) if "fragility" in data else None,
            AnswerAnalysis.from_dict(data["answers"]) if "answers" in data else None,
            Further.from_dict(data["further"], data["level"]) if "further" in data else None,
            Displays.from_dict(data["displays"]) if "displays" in data else None,
            Refusals.from_dict(data["refusals"]) if "refusals" in data else None,
            Skips.from_dict(data["skipped"]) if "skipped" in data else None,
            tuple(map(AgreedPrompts.from_dict, data.get("prompts", ()))),
        )


def names_in_figures(document: ReportDocument, options: Mapping[str, str]) -> list[str]:
    """What a report's figures write: labels, categories, and of answers of other kinds their words (`options`)."""
    found = [
        name
        for each in document.analysis.comparisons
        for name in (each.generator_a, each.generator_b, *each.categories)
    ]
    if document.answers is not None:
        found += options.values()
        for group in answer_groups(document.answers):
            found += [*(each.generator for each in group.overall), *group.categories]
    return found
