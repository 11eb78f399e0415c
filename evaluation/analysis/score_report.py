"""All that a file of scores says: means with intervals, agreement between raters, and of raters with themselves."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from evaluation.analysis.estimands import DEFAULT_ESTIMAND
from evaluation.analysis.results import Document, rounded
from evaluation.analysis.retest import Retest, retest_of_scores
from evaluation.analysis.scores import SCALES, ScoreAnalysis, analyse_scores, validate_scores


@dataclass(frozen=True)
class ScoreReport:
    """The analysis, how far raters agree with themselves, and what should be said of the file."""

    analysis: ScoreAnalysis
    retest: tuple[Retest, ...]
    notes: tuple[str, ...]
    n_raters: int
    n_prompts: int

    def to_dict(self) -> Document:
        """The ``drawbench-scores/1`` document."""
        more = {"retest": [each.to_dict() for each in self.retest]} if self.retest else {}
        return self.analysis.to_dict() | {"notes": list(self.notes)} | more


def report_scores(
    scores: pd.DataFrame,
    *,
    levels: tuple[float, ...] | None = None,
    estimand: str = DEFAULT_ESTIMAND,
    level: float = 0.95,
) -> ScoreReport:
    """The report on scores.

    Args:
        levels: the scores allowed. Where none are given and all scores are those of one of ``SCALES``, both ends among
            them, that scale is taken, and a note says so.

    Raises:
        RatingsError: the scores are not in form.
    """
    valid = validate_scores(scores, levels)
    notes = list(valid.attrs.get("notes", ()))
    if levels is None:
        given = set(valid["score"].dropna())
        for name, scale in SCALES.items():
            if given <= set(scale) and {min(scale), max(scale)} <= given:
                levels = tuple(map(float, scale))
                said = ", ".join(f"{each:g}" for each in scale)
                notes.append(f"All scores are of the scale {name} ({said}), so intervals stay within its ends.")
    analysis = analyse_scores(valid, levels=levels, estimand=estimand, level=level)
    if "repetition" in valid and (n := int((valid["repetition"] > 0).sum())):
        notes.append(f"Repeats: {n:,} scores of what a rater had scored before count in test-retest reliability alone.")
    retest = retest_of_scores(valid, level)
    return ScoreReport(
        rounded(analysis), rounded(retest), tuple(notes), valid["rater_id"].nunique(), valid["prompt_id"].nunique()
    )
