"""What a paper kit is made of: a report, what its study locked, and the files that the report was made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

import pandas as pd

from common.json_in import read_json
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

    @cached_property
    def seen(self) -> pd.DataFrame:
        """What was answered, without control trials and repeats: `question`, `prompt`, `rater`, and the `sets` shown,
        as sorted labels in a tuple.
        """
        own = self.ratings
        sets = [tuple(sorted(pair)) for pair in own[["generator_a", "generator_b"]].astype(str).to_numpy().tolist()]
        frames = [(own, sets)]
        if self.answers is not None:
            labels = [cast(list[str], read_json(each)) for each in self.answers["shown"]]
            frames.append((self.answers, [tuple(sorted(each)) for each in labels]))
        parts = []
        for frame, shown in frames:
            part = frame[["question", "prompt_id", "rater_id"]].astype(str).assign(sets=shown)
            again = frame["repetition"].fillna(0).to_numpy() > 0 if "repetition" in frame else False
            parts.append(part[~(frame["control"].to_numpy(dtype=bool) | again)])
        found = pd.concat(parts, ignore_index=True)
        return found.rename(columns={"prompt_id": "prompt", "rater_id": "rater"})

    @property
    def raters_per_item(self) -> list[int]:
        """Of each question of each prompt and sets that somebody answered: by how many raters; rising."""
        return sorted(self.seen.groupby(["question", "prompt", "sets"])["rater"].nunique())

    @property
    def outputs_per_system(self) -> dict[str, int]:
        """Of each generator how many of its sets of images somebody rated, one a prompt."""
        each = self.seen[["prompt", "sets"]].explode("sets").drop_duplicates()
        return {str(label): int(n) for label, n in each["sets"].value_counts().sort_index().items()}

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
