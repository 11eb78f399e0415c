"""Automatic scores in a report: what they are, how far they agree with the raters, what they add to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from evaluation.analysis.columns import RatingsError
from evaluation.reports.against_people import AgainstPeople, against_people
from evaluation.reports.score_summary import Range, summarise

SCHEMA = "drawbench-automatic/1"
ESTIMAND_NAMES = {"these_prompts": "all prompts of this suite", "new_prompts": "new prompts like these"}
"""What a prediction-powered rate speaks for, in readers' words."""


@dataclass(frozen=True)
class ScoredBy:
    """Which automatic score a compared run has. `name`: what the scores file calls the metric; `label`: its full name.

    `metric_run`: primary key. `value_range`: what a value can be.
    """

    name: str
    label: str
    better: str
    generator: str
    metric_run: int
    parameters: Mapping[str, object]
    code_version: str
    images_hash: str
    value_range: Range


@dataclass(frozen=True)
class Scores:
    """What a report is given of automatic scores. `frame`: in the scores file's form, its CSV named by `sha256`.

    `notes`: what was left out, a sentence each.
    """

    frame: pd.DataFrame
    sha256: str
    scored: tuple[ScoredBy, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ScoredRun:
    """An automatic score of one compared run: `ScoredBy` without the range, and what it came to.

    `mean`, `low`, `high`: over the images shown, with the interval for new prompts; None where they can't be had.
    """

    name: str
    label: str
    better: str
    generator: str
    metric_run: int
    parameters: Mapping[str, object]
    code_version: str
    images_hash: str
    n: int
    n_missing: int
    mean: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class AutomaticScores:
    """Automatic scores of the compared runs: `drawbench-automatic/1`.

    `scores_sha256`: of the scores file (CSV). `against_people`: None for the reason `why`.
    """

    scores_sha256: str
    scored: tuple[ScoredRun, ...]
    against_people: AgainstPeople | None
    why: str
    notes: tuple[str, ...]

    def by_metric(self) -> list[tuple[ScoredRun, list[ScoredRun]]]:
        """(one of its runs, all its runs) of each metric, in the order in which they came."""
        found: dict[str, list[ScoredRun]] = {}
        for each in self.scored:
            found.setdefault(each.name, []).append(each)
        return [(runs[0], runs) for runs in found.values()]

    def to_dict(self) -> dict[str, Any]:
        own = self.against_people
        return {
            "schema": SCHEMA,
            "scores_sha256": self.scores_sha256,
            "scored": [asdict(each) for each in self.scored],
            "against_people": own.to_dict() if own else None,
            "why": self.why,
            "notes": list(self.notes),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> AutomaticScores:
        """The scores from `to_dict`."""
        own = data["against_people"]
        return cls(
            data["scores_sha256"],
            tuple(ScoredRun(**each) for each in data["scored"]),
            None if own is None else AgainstPeople.from_dict(own),
            data["why"],
            tuple(data["notes"]),
        )


def automatic_scores(valid: pd.DataFrame, scores: Scores, *, estimand: str, level: float) -> AutomaticScores:
    """What a report says of `scores`, held against its validated ratings.

    The numbers are those of `manage.py against_people --ratings FILE --scores FILE` on the report's own files.
    """
    held, why = None, ""
    if not len(valid):
        why = "nobody has rated yet"
    else:
        try:
            held = against_people(valid, scores.frame, estimand=estimand, level=level)
        except RatingsError as error:
            why = str(error)
    scored = tuple(_scored(each, scores.frame) for each in scores.scored)
    return AutomaticScores(scores.sha256, scored, held, why, scores.notes)


def _scored(by: ScoredBy, frame: pd.DataFrame) -> ScoredRun:
    mine = (frame["metric"] == by.name) & (frame["generator"] == by.generator)
    spread = summarise(frame[mine.to_numpy()], by.value_range)["overall"]
    return ScoredRun(
        name=by.name,
        label=by.label,
        better=by.better,
        generator=by.generator,
        metric_run=by.metric_run,
        parameters=by.parameters,
        code_version=by.code_version,
        images_hash=by.images_hash,
        n=spread["n"],
        n_missing=spread["n_missing"],
        mean=spread["mean"],
        low=spread["low"],
        high=spread["high"],
    )
