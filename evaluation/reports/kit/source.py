"""What a paper kit is made of: a report, what its study locked, and the files that the report was made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from evaluation.analysis.ranking import Ranking
from evaluation.reports.document import ReportDocument


@dataclass(frozen=True)
class KitSource:
    """`status`: of the study, as `draft`, `open` or `closed`. `specification`: what it locked, with its hash.
    `opened_at`, `as_of`: ISO 8601, UTC. `report`: its number. `ratings`, `answers`: the frames that it was made from;
    `answers` None where the protocol asks for none. `looks`: how often results were seen before closing, by what.
    `page`: the report as one HTML file, None where the kit has none.
    """

    study: str
    title: str
    status: str
    specification: Mapping[str, Any]
    specification_hash: str
    opened_at: str
    report: int
    as_of: str
    input_hash: str
    settings: Mapping[str, Any]
    code_version: str
    document: ReportDocument
    ratings: pd.DataFrame
    answers: pd.DataFrame | None
    looks: Mapping[str, int] = field(default_factory=dict)
    page: bytes | None = None

    @property
    def n_ratings(self) -> int:
        """Answers of any kind, those of control trials too."""
        return len(self.ratings) + self.n_other

    @property
    def n_other(self) -> int:
        """Answers that do not stand among the ratings."""
        if self.answers is None:
            return 0
        known = set(self.ratings["question"].astype(str))
        return int((~self.answers["question"].astype(str).isin(known)).sum())

    @property
    def n_simulated(self) -> int:
        """How many of them come from simulated raters."""
        own = int(self.ratings["simulated"].sum())
        if self.answers is None:
            return own
        known = set(self.ratings["question"].astype(str))
        others = self.answers[~self.answers["question"].astype(str).isin(known)]
        return own + int(others["simulated"].sum())

    @property
    def protocol(self) -> Mapping[str, Any]:
        """The protocol as it was locked."""
        return dict(self.specification.get("protocol", {}))

    @property
    def crowd(self) -> Mapping[str, str]:
        """The terms of a study whose raters come from a recruitment site; empty where none is declared."""
        return dict(self.specification.get("raters", {}).get("crowd", {}))

    @property
    def labels(self) -> list[str]:
        """The compared runs, in the study's order."""
        return [str(each["label"]) for each in self.specification.get("runs", ())]

    @property
    def n_prompts(self) -> int:
        """Prompts that the study shows."""
        return sum(int(each["prompts"]) for each in self.specification.get("panels", ()))

    @property
    def rankings(self) -> tuple[Ranking, ...]:
        """Those that there are scores of, of pairs and of whole orders, over all categories."""
        others = self.document.answers.rankings if self.document.answers else ()
        return tuple(each for each in (*self.document.analysis.rankings, *others) if each.scores)

    @property
    def simulated_words(self) -> str:
        """What leads everything where ratings are simulated; else nothing."""
        n, of = self.n_simulated, self.n_ratings
        if not n:
            return ""
        share = f"All {of:,}" if n == of else f"{n:,} of the {of:,}"
        return f"SIMULATED RATINGS: {share} ratings come from simulated raters. They say nothing about the generators."
