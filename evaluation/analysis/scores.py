"""Alignment and single-image scores: means of numeric answers about one image, with the intervals of preference rates.

A scores frame has one row an answer: ``rater_id, prompt_id, category, generator, question, score``, with ``score`` a
number (100, 50, 0 for yes, somewhat, no; 1 to 5 on a five-point scale) or empty where the rater was unable to answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pa_parquet

from evaluation.analysis.agreement import Agreement, counts_by_unit, krippendorff_alpha
from evaluation.analysis.columns import (
    Checker,
    Places,
    RatingsError,
    check_columns,
    listed,
    numbers_column,
    text_column,
    wholes_column,
)
from evaluation.analysis.crossed import (
    check_between,
)
from evaluation.analysis.estimands import DEFAULT_ESTIMAND, check_estimand
from evaluation.analysis.estimates import Interval, MeanEstimate
from evaluation.analysis.frame import RATER, REPETITION, SET
from evaluation.analysis.mean_scores import Scores
from evaluation.analysis.names_alike import twins
from evaluation.analysis.results import Document, NotebookTable, document, to_json
from evaluation.analysis.scale import Ends
from evaluation.analysis.table_file import FileForm, open_table_file

COLUMNS = ("rater_id", "prompt_id", "category", "generator", "question", "score")
SCALES: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {"yes-somewhat-no": (0, 50, 100), "five-point": (1, 2, 3, 4, 5)}
)


@dataclass(frozen=True)
class ScoreEstimate:
    """A generator's mean score; ``n_unable`` answers had none and are left out."""

    generator: str
    question: str
    category: str | None
    n_ratings: int
    n_unable: int
    n_raters: int
    n_prompts: int
    mean: MeanEstimate
    stratified: bool

    def to_dict(self) -> dict[str, object]:
        names = ("generator", "question", "category", "n_ratings", "n_unable", "n_raters", "n_prompts", "stratified")
        return {name: getattr(self, name) for name in names} | {"mean": self.mean.to_dict()}


@dataclass(frozen=True)
class ScoreAnalysis(NotebookTable):
    """Mean scores by question and generator, overall and by category, and ordinal alpha by question."""

    estimates: tuple[ScoreEstimate, ...]
    agreement: Mapping[str, Agreement]
    levels: tuple[float, ...]
    estimand: str
    level: float

    def to_dict(self) -> Document:
        return document(
            {
                "schema": "drawbench-scores/1",
                "levels": self.levels,
                "estimand": self.estimand,
                "level": self.level,
                "estimates": [each.to_dict() for each in self.estimates],
                "agreement": {name: each.to_dict() for name, each in self.agreement.items()},
            }
        )

    def to_json(self) -> str:
        return to_json(self.to_dict())

    def to_frame(self) -> pd.DataFrame:
        """One row an estimate, with the default and the naive interval."""
        rows = []
        for each in self.estimates:
            own, naive = each.mean.interval, each.mean.intervals["independent"]
            row = {name: getattr(each, name) for name in ("generator", "question", "category", "n_ratings", "n_unable")}
            row |= {"mean": each.mean.estimate, "interval": each.mean.default}
            row |= {"low": own.low if own else None, "high": own.high if own else None}
            low, high = (naive.low, naive.high) if isinstance(naive, Interval) else (None, None)
            row |= {"independent_low": low, "independent_high": high}
            rows.append(row)
        return pd.DataFrame(rows)


FORM = FileForm(
    "scores file",
    COLUMNS,
    types=dict.fromkeys((*COLUMNS, SET, REPETITION), pa.string()),
    numbers=("score", SET, REPETITION),
)


def read_scores(path: str | Path) -> pd.DataFrame:
    """The scores of a CSV or Parquet file in our form, checked.

    Raises:
        RatingsError: it can't be read, or a row is not allowed; row and column are named.
    """
    path = Path(path)
    opened = open_table_file(path, FORM)
    try:
        frame = (pa_parquet.read_table(path) if opened.is_parquet else opened.read_cells()).to_pandas()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise opened.unreadable(error) from error
    return validate_scores(frame, source=path.name, places=opened.place)


def validate_scores(
    scores: pd.DataFrame,
    levels: tuple[float, ...] | None = None,
    *,
    source: str = "the scores",
    places: Places | None = None,
) -> pd.DataFrame:
    """Check a scores frame; ``levels`` are the scores allowed (None: any number).

    ``set`` and ``repetition`` are kept where they came (whole numbers), and so are columns that describe the rater
    (``rater_...``); further ones are left out.

    Raises:
        RatingsError: a column is missing, an id empty, a score not allowed, or a rating doubled, with row and column.
    """
    if not isinstance(scores, pd.DataFrame):
        raise RatingsError(
            f"{source} must be a pandas DataFrame (of polars: to_pandas()); got {type(scores).__name__}."
        )
    check_columns([str(name) for name in scores.columns], COLUMNS, source)
    check = Checker(source, places)
    frame = scores.reset_index(drop=True)
    columns: dict[str, object] = {
        name: text_column(frame[name], check, refuse_lost=name in {"rater_id", "prompt_id"}) for name in COLUMNS[:-1]
    }
    numbers = numbers_column(frame["score"], check, lowest=None)
    if levels is not None:
        wrong = np.flatnonzero(numbers.notna().to_numpy() & ~numbers.isin(levels).to_numpy())
        if len(wrong):
            allowed = listed([f"{level:g}" for level in levels])
            check.fail(wrong, "score", f"{numbers[wrong[0]]:g} is not on the scale. Allowed are {allowed}, or empty.")
    columns["score"] = numbers
    key = ["rater_id", "prompt_id", "generator", "question"]
    for name in (SET, REPETITION):
        if name in frame:
            columns[name] = wholes_column(frame[name], check)
            key.append(name)
    described = {name: frame[name] for name in frame.columns if name.startswith(RATER) and name not in columns}
    result = pd.DataFrame({**columns, **described})
    again = np.flatnonzero(result.duplicated(key).to_numpy())
    if len(again):
        check.fail(
            again,
            "rater_id",
            "this rater has scored this prompt, generator and question before; keep one, or tell them apart by a "
            "whole number in the column repetition (the same image seen again; --number-repeats counts them) or set "
            "(another image).",
        )
    result.attrs["notes"] = tuple(dict.fromkeys((*scores.attrs.get("notes", ()), *check.notes, *twins(result))))
    return result


def analyse_scores(
    scores: pd.DataFrame,
    *,
    levels: tuple[float, ...] | None = None,
    ends: Ends | None = None,
    estimand: str = DEFAULT_ESTIMAND,
    level: float = 0.95,
) -> ScoreAnalysis:
    """Mean scores with every interval that can be had, by generator and question, overall and by category.

    Args:
        scores: a scores frame (see above); it is validated here. What a rater saw again is left out.
        levels: the scores allowed, for instance ``SCALES["five-point"]``; None allows any number.
        ends: the least and the largest score possible, where levels do not say it; intervals stay within.
        estimand, level: as for ``summary.analyse``.
    """
    check_estimand(estimand)
    check_between(level, "confidence level")
    frame = validate_scores(scores, levels)
    frame = frame[frame[REPETITION] == 0] if REPETITION in frame else frame
    if levels:
        ends = min(levels), max(levels)
    estimates: list[ScoreEstimate] = []
    for (question, generator), part in frame.groupby(["question", "generator"], observed=True):
        known = part[part["score"].notna()]
        if not len(known):
            continue
        blocks = [(str(name), block) for name, block in known.groupby("category", observed=True)]
        whole = (str(generator), str(question), None, len(part) - len(known))
        asked = _Asked(estimand, level, ends)
        estimates.append(_estimate(*whole, blocks, asked))
        for name, block in blocks:
            unable = int((part["category"] == name).sum()) - len(block)
            told = (str(generator), str(question), name, unable)
            estimates.append(_estimate(*told, [(name, block)], asked))
    return ScoreAnalysis(tuple(estimates), _alphas(frame, level), tuple(levels or ()), estimand, level)


@dataclass(frozen=True)
class _Asked:
    """What was asked; ``ends``: the least and the largest score allowed, where that is known."""

    estimand: str
    level: float
    ends: Ends | None


def _estimate(
    generator: str,
    question: str,
    category: str | None,
    unable: int,
    blocks: list[tuple[str, pd.DataFrame]],
    asked: _Asked,
) -> ScoreEstimate:
    whole = pd.concat([block for _, block in blocks])
    rater, prompt = (whole[name].cat.codes.to_numpy() for name in ("rater_id", "prompt_id"))
    at = np.repeat(np.arange(len(blocks)), [len(block) for _, block in blocks])
    of = Scores(whole["score"].to_numpy(dtype=float), rater, prompt, at)
    found = of.mean([name for name, _ in blocks], asked.estimand, asked.level, asked.ends)
    return ScoreEstimate(
        generator, question, category, len(whole), unable, found.n_raters, found.n_prompts, found.mean, found.stratified
    )


def _alphas(frame: pd.DataFrame, level: float) -> dict[str, Agreement]:
    found = {}
    for question, part in frame[frame["score"].notna()].groupby("question", observed=True):
        image = ["prompt_id", "generator", *([SET] if SET in part else [])]
        whole = part.groupby(image, observed=True, sort=True).ngroup().to_numpy()
        counts, values = counts_by_unit(whole, part["score"])
        prompts = part["prompt_id"].cat.codes.to_numpy()[np.unique(whole, return_index=True)[1]]
        found[str(question)] = krippendorff_alpha(counts, "ordinal", values, level, prompts)
    return found
