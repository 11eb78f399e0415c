"""Scores files: what automatic metrics say of images, read, checked, and brought to one number for each image set.

One row a score: ``prompt_id, generator, sample, metric, value``. ``value`` is a number, or empty where the metric has
none. Optional are ``category`` (of the prompt) and ``better`` (``higher``, the default, or ``lower``: which way is
good). Further columns are ignored. (prompt_id, generator, sample, metric) is unique. The form is described in
docs/against-people.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pa_parquet

from common.words import nearest
from evaluation.analysis.columns import (
    Checker,
    Places,
    RatingsError,
    check_columns,
    codes_of,
    listed,
    main_ratings,
    numbers_column,
    text_column,
)
from evaluation.analysis.frame_cells import ESCAPED
from evaluation.analysis.table_file import FileForm, open_table_file

Float = npt.NDArray[np.float64]
REQUIRED = ("prompt_id", "generator", "sample", "metric", "value")
OPTIONAL = ("category", "better")
AGGREGATES = ("mean", "median", "max", "min")
"""How the images of a set become one number."""
BETTER = ("higher", "lower")
FORM = FileForm("scores file", REQUIRED, types=dict.fromkeys((*REQUIRED, *OPTIONAL), pa.string()), numbers=("value",))
_KEY = ["prompt_id", "generator", "sample", "metric"]


def read_automatic_scores(path: str | Path) -> pd.DataFrame:
    """Read a scores file (CSV as ``read_ratings`` takes it, or Parquet by its first bytes) and return it validated. Ids
    stay text (``007`` is not 7).

    Raises:
        RatingsError: the file is missing, unreadable, or not in the form above.
    """
    path = Path(path)
    found = open_table_file(path, FORM)
    try:
        frame = (pa_parquet.read_table(path) if found.is_parquet else found.read_cells()).to_pandas()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise found.unreadable(error) from error
    if not found.is_parquet:
        for name in frame.columns.intersection([*REQUIRED, *OPTIONAL]):  # what an export escaped for spreadsheets
            frame[name] = frame[name].str.replace(ESCAPED, r"\1", regex=True)
    return validate_automatic_scores(frame, source=path.name, places=found.place)


def validate_automatic_scores(
    scores: pd.DataFrame, *, source: str = "the scores", places: Places | None = None
) -> pd.DataFrame:
    """Check scores and bring them to one form; a frame that passed passes again unchanged.

    Returns:
        ``prompt_id``, ``generator``, ``sample``, ``metric`` categorical with sorted texts, ``value`` float (NaN: none),
        ``better`` text, and ``category`` (categorical) only if it came. Rows in the given order.

    Raises:
        RatingsError: with the first offending row and column, how many more there are, and what is allowed.
    """
    if not isinstance(scores, pd.DataFrame):
        raise RatingsError(
            f"{source} must be a pandas DataFrame (of polars: to_pandas()); got {type(scores).__name__}."
        )
    frame = scores.reset_index(drop=True).rename(columns=str)
    check_columns([str(name) for name in frame.columns], REQUIRED, source)
    check = Checker(source, places)
    columns: dict[str, pd.Series | pd.Categorical] = {
        name: text_column(frame[name], check, refuse_lost=name in {"prompt_id", "sample"}) for name in REQUIRED[:-1]
    }
    columns["value"] = numbers_column(frame["value"], check, lowest=None)
    if "category" in frame:
        columns["category"] = text_column(frame["category"], check, refuse_lost=False)
    columns["better"] = _better(frame, check)
    result = pd.DataFrame(columns)
    again = np.flatnonzero(result.duplicated(_KEY).to_numpy())
    if len(again):
        row = result.iloc[again[0]]
        told = ", ".join(f"{name} {row[name]!r}" for name in _KEY)
        check.fail(again, listed(_KEY), f"this image has a score by this metric already ({told}); keep one.")
    _one_each(result, "metric", "better", check)
    if "category" in result:
        _one_each(result, "prompt_id", "category", check)
    return result


def _better(frame: pd.DataFrame, check: Checker) -> pd.Series:
    if "better" not in frame:
        return pd.Series(np.full(len(frame), "higher", dtype=object), dtype=object)
    said = frame["better"].astype(object).where(frame["better"].notna(), "").astype(str).str.strip().str.lower()
    said = said.where(said != "", "higher").astype(object)
    wrong = np.flatnonzero(~said.isin(BETTER).to_numpy())
    if len(wrong):
        value = str(frame["better"].iloc[wrong[0]])
        hint = nearest(value, BETTER) or "."
        check.fail(wrong, "better", f"{value!r} is not allowed{hint} Allowed are {listed(BETTER)} and an empty cell.")
    return said


def _one_each(frame: pd.DataFrame, unit: str, name: str, check: Checker) -> None:
    """Refuse a ``unit`` with two values of ``name``."""
    first = frame.groupby(unit, observed=True)[name].transform("first")
    wrong = np.flatnonzero((frame[name].astype(object) != first.astype(object)).to_numpy())
    if len(wrong):
        row = frame.iloc[wrong[0]]
        earlier = first.iloc[wrong[0]]
        check.fail(wrong, name, f"{unit} {row[unit]!r} has {row[name]!r} here and {earlier!r} before; give it one.")


def image_sets(scores: pd.DataFrame, aggregate: str = "mean") -> pd.DataFrame:
    """One row for each prompt, generator and metric: the ``aggregate`` of the scores of its images.

    ``scores``: validated. Columns ``prompt_id, generator, metric, score, n_samples, n_missing``: images that have a
    score, and that have none; ``score`` is NaN where no image has one.

    Raises:
        ValueError: ``aggregate`` is not one of ``AGGREGATES``.
    """
    if aggregate not in AGGREGATES:
        hint = nearest(aggregate, AGGREGATES) or "."
        raise ValueError(f"Unknown aggregate {aggregate!r}{hint} Allowed are {listed(AGGREGATES)}.")
    grouped = scores.groupby(["prompt_id", "generator", "metric"], observed=True, sort=True)["value"]
    found = pd.DataFrame({"score": grouped.agg(aggregate), "n_samples": grouped.count()})
    found["n_missing"] = grouped.size() - found["n_samples"]
    return found.reset_index()


def metric_directions(scores: pd.DataFrame) -> dict[str, str]:
    """Metric names, sorted, and which way is good, of validated scores."""
    first = scores.groupby("metric", observed=True)["better"].first()
    return {str(name): str(better) for name, better in first.items()}


def score_differences(
    sets: pd.DataFrame, directions: dict[str, str], generator_a: str, generator_b: str
) -> pd.DataFrame:
    """By prompt (index, text) and metric (columns, sorted): score of A less that of B, turned so that a positive number
    speaks for A; NaN where one of them has none. Prompts for which both have an image set.
    """
    wide = {}
    for name in (generator_a, generator_b):
        part = sets[sets["generator"] == name]
        index = pd.Index(part["prompt_id"].astype(str), name="prompt_id")
        table = pd.Series(part["score"].to_numpy(), index=[index, part["metric"].astype(str)])
        wide[name] = table.unstack().reindex(columns=list(directions))
    first, second = wide[generator_a], wide[generator_b]
    prompts = first.index.intersection(second.index).sort_values()
    sign = np.array([1.0 if better == "higher" else -1.0 for better in directions.values()])
    return (first.loc[prompts] - second.loc[prompts]) * sign


def prompt_categories(scores: pd.DataFrame) -> dict[str, str]:
    """The category of each prompt that the scores name, empty where they name none."""
    if "category" not in scores:
        return {}
    first = scores.groupby("prompt_id", observed=True)["category"].first()
    return {str(prompt): str(category) for prompt, category in first.items()}


def match_scores(ratings: pd.DataFrame, scores: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Ratings of comparisons whose generators both have scores (control trials left out), and notes on what was left.

    Both frames validated.

    Raises:
        RatingsError: no rated comparison has scores; the message shows how ids and names look on both sides.
    """
    frame = main_ratings(ratings)
    named = list(scores["generator"].cat.categories)
    notes: list[str] = []
    rated = sorted(set(frame["generator_a"].astype(str)) | set(frame["generator_b"].astype(str)))
    lost = [name for name in rated if name not in named]
    if len(frame) and len(rated) - len(lost) < 2:
        hint = (nearest(lost[0], named) if lost else "") or "."
        raise RatingsError(
            f"The scores know generators {_some(named)}, the ratings {_some(rated)}: no rated pair has scores. "
            f"Names must be the same in both{hint}"
        )
    if lost:
        notes.append(f"No scores of {listed(lost)}: their comparisons are left out.")
        keep = ~(frame["generator_a"].isin(lost) | frame["generator_b"].isin(lost))
        frame = frame[keep.to_numpy()]
    known = set(scores["prompt_id"].cat.categories)
    prompts = [frame["prompt_id"].cat.categories[code] for code in np.unique(codes_of(frame["prompt_id"]))]
    if prompts and not known.intersection(prompts):
        raise RatingsError(
            f"None of the {len(prompts)} rated prompts has a score. Prompt ids of the ratings look like "
            f"{_some(prompts)}, of the scores like {_some(sorted(known))}; they must be the same."
        )
    return frame, tuple(notes)


def _some(names: Sequence[str], n: int = 3) -> str:
    return listed([repr(name) for name in names[:n]]) + (" ..." if len(names) > n else "")
