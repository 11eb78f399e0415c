"""Ratings files and frames: read, checked, and brought to the one form that everything else in this package takes.

The form is that of the ratings file contract: one row a rating, the columns of ``REQUIRED``, optional columns of
``OPTIONAL``, further columns kept and ignored. Here it becomes a DataFrame with categorical columns (their codes are
what the counting works on), every pair of generators in alphabetical order, and no duplicate.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from evaluation.analysis.columns import (
    CHOICES,
    Checker,
    CompositeKey,
    Places,
    RatingsError,
    check_columns,
    choices_column,
    chunks,
    codes_of,
    flags_column,
    listed,
    numbers_column,
    one_order,
    sure_flags,
    text_column,
    wholes_column,
)
from evaluation.analysis.display_columns import DISPLAY, WIDTHS, display_columns
from evaluation.analysis.frame_cells import read_csv, read_parquet
from evaluation.analysis.names_alike import ignored_words, twins
from evaluation.analysis.table_file import FileForm, open_table_file

__all__ = [
    "CHOICES",
    "CONTROL_ANSWER",
    "KEY",
    "OPTIONAL",
    "REQUIRED",
    "RatingsError",
    "by_people",
    "read_ratings",
    "validate_ratings",
]

REQUIRED = ("rater_id", "prompt_id", "category", "generator_a", "generator_b", "question", "choice")
OPTIONAL = ("response_time_ms", "position", "a_shown_left", "control", "simulated")
SET, REPETITION = "set", "repetition"
"""Whole numbers from 0, the value where they are absent: which image set of a prompt was shown, and how often the rater
had seen the same before."""
STUDY_COLUMNS = ("panel", "rated_at", "control_kind", "times_away", "clicks", "keys")
"""What exports of a study add."""
CONTROL_ANSWER = "control_answer"
CONTROL_KIND = "control_kind"
"""Of a control trial that a study added, what it shows: `same`, `swapped`, `known`; empty in other rows."""
RATER = "rater_"
"""How columns begin that describe the rater."""
KEY = ("rater_id", "prompt_id", "generator_a", "generator_b", "question")

_TEXT = pa.dictionary(pa.int32(), pa.string())
"""Text columns as dictionaries: a ten-million-row file then needs four bytes a cell, not a string."""
FORM = FileForm(
    "ratings file",
    REQUIRED,
    types=dict.fromkeys((*REQUIRED, *OPTIONAL, CONTROL_ANSWER), _TEXT)
    | dict.fromkeys(("response_time_ms", "position", SET, REPETITION, *DISPLAY), pa.string()),
    numbers=("response_time_ms", "position", *WIDTHS),
)


def read_ratings(path: str | Path) -> pd.DataFrame:
    """Read a ratings file (CSV, or Parquet by its suffix or first bytes) and return it validated.

    A CSV file may be as a spreadsheet saves it: UTF-8 or UTF-16, separated by commas, semicolons, tabulators or bars,
    with a `sep=` line, rows of separators at its end, and decimal commas where the separator is another.

    Cells of a CSV file that an export escaped against spreadsheet formulas lose the one apostrophe that it added
    (``'=SUM`` is ``=SUM``, ``''=SUM`` is ``'=SUM``); nothing is escaped in Parquet. Ids stay text (``007`` is not 7).

    Raises:
        RatingsError: the file is missing, unreadable, or not in the contract's form.
    """
    path = Path(path)
    found = open_table_file(path, FORM)
    try:
        frame = read_parquet(path, {*REQUIRED, CONTROL_ANSWER}) if found.is_parquet else read_csv(found)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise found.unreadable(error) from error
    frame.attrs["notes"] = further_columns(frame.columns)
    return validate_ratings(frame, source=path.name, places=found.place)


def further_columns(headings: Iterable[str]) -> tuple[str, ...]:
    """One sentence on columns that are kept and ignored, with the name that is near; none without any."""
    known = (*REQUIRED, *OPTIONAL, SET, REPETITION, CONTROL_ANSWER, *STUDY_COLUMNS, *DISPLAY)
    others = [name for name in map(str, headings) if name not in known and not name.startswith(RATER)]
    return (f"Columns kept and ignored: {ignored_words(others, known)}.",) if others else ()


def validate_ratings(
    ratings: pd.DataFrame, *, source: str = "the ratings", places: Places | None = None
) -> pd.DataFrame:
    """Check ratings and bring them to one form; a frame that passed passes again unchanged.

    Args:
        ratings: columns of the ratings file contract; ids may be text or whole numbers.
        source: how messages call the ratings.
        places: of a row, from 0, its place in a file, for messages ("line 7").

    Returns:
        A new frame with a fresh index, rows in the given order. ``rater_id``, ``prompt_id``, ``category``,
        ``generator_a``, ``generator_b`` and ``question`` are categorical with sorted text categories (the two
        generator columns share theirs), ``choice`` is categorical a, indifferent, b. In each pair
        ``generator_a < generator_b``: rows that stood the other way have choice, ``a_shown_left`` and
        ``control_answer`` flipped. ``control`` and ``simulated`` are always there (bool, false where not given);
        ``a_shown_left`` (nullable bool), ``response_time_ms`` and ``position`` (float, NaN where not given) and
        those of ``display_columns`` only if they came.

    Raises:
        RatingsError: with the first offending row and column, how many more there are, and what is allowed.
    """
    if not isinstance(ratings, pd.DataFrame):
        raise RatingsError(
            f"{source} must be a pandas DataFrame (of polars: to_pandas()); got {type(ratings).__name__}."
        )
    check_columns([str(name) for name in ratings.columns], REQUIRED, source)
    check = Checker(source, places)
    frame = ratings.reset_index(drop=True).rename(columns=str)
    columns: dict[str, pd.Series | pd.Categorical] = {}
    for name in ("rater_id", "prompt_id", "category", "question"):
        columns[name] = text_column(frame[name], check, refuse_lost=name in {"rater_id", "prompt_id"})
    first, second, flip = one_order(frame, check)
    columns["generator_a"], columns["generator_b"] = first, second
    columns["choice"] = choices_column(frame["choice"], "choice", check, flip)
    for name in ("control", "simulated"):
        columns[name] = pd.Series(sure_flags(frame[name], check) if name in frame else np.zeros(len(frame), bool))
    if "a_shown_left" in frame:
        shown = flags_column(frame["a_shown_left"], check)
        columns["a_shown_left"] = pd.Series(shown ^ pd.array(flip, dtype="boolean"))
    for name in ("response_time_ms", "position"):
        if name in frame:
            columns[name] = numbers_column(frame[name], check)
    for name in (SET, REPETITION):
        if name in frame:
            columns[name] = wholes_column(frame[name], check)
    columns |= display_columns(frame, check)
    if CONTROL_ANSWER in frame:
        columns[CONTROL_ANSWER] = choices_column(frame[CONTROL_ANSWER], CONTROL_ANSWER, check, flip, optional=True)
    ordered = [name for name in (*REQUIRED, *OPTIONAL, SET, REPETITION, CONTROL_ANSWER, *DISPLAY) if name in columns]
    extra = {name: frame[name] for name in frame.columns if name not in columns}
    result = pd.DataFrame({**{name: columns[name] for name in ordered}, **extra}, copy=False)
    _refuse_self_pairs(result, check)
    _refuse_duplicates(result, check)
    result.attrs["notes"] = tuple(dict.fromkeys((*ratings.attrs.get("notes", ()), *check.notes, *twins(result))))
    return result


def by_people(valid: pd.DataFrame) -> pd.DataFrame:
    """A validated frame without the ratings of simulated raters, validated as well."""
    return part_of(valid, ~valid["simulated"].to_numpy())


def part_of(valid: pd.DataFrame, keep: npt.NDArray[np.bool_]) -> pd.DataFrame:
    """The rows ``keep``, (n,), of a validated frame, validated as well: it names nobody and nothing that is gone."""
    part = valid[keep].reset_index(drop=True)
    for name in ("rater_id", "prompt_id", "category", "question"):
        part[name] = part[name].cat.remove_unused_categories()
    shared = part["generator_a"].cat.categories
    names = shared[shared.isin([*part["generator_a"].unique(), *part["generator_b"].unique()])]
    for name in ("generator_a", "generator_b"):
        part[name] = part[name].cat.set_categories(names)
    return part


def _refuse_self_pairs(frame: pd.DataFrame, check: Checker) -> None:
    same = codes_of(frame["generator_a"]) == codes_of(frame["generator_b"])
    rows = np.flatnonzero(same & ~frame["control"].to_numpy())
    if len(rows):
        name = frame["generator_a"].iloc[rows[0]]
        check.fail(rows, "generator_b", f"{name!r} is compared with itself; only control trials may do so.")


def _no_gaps(column: pd.Series) -> pd.Series:
    """A column as it is; of text, what is missing is empty."""
    return column.fillna("") if column.dtype == object else column


def _all_different(key: CompositeKey, n: int) -> bool:
    if key.size <= max(16 * n, 1 << 20):  # one byte a combination: less than sorting a copy of the keys takes
        seen = np.zeros(key.size, dtype=bool)
        for part in chunks(n):
            seen[key.rows(part)] = True
        return int(np.count_nonzero(seen)) == n
    ordered = key.rows()
    ordered.sort()
    return not any((ordered[1:][part] == ordered[:-1][part]).any() for part in chunks(n - 1))


def _refuse_duplicates(frame: pd.DataFrame, check: Checker) -> None:
    # a control trial may show what the rater sees for its own sake as well
    names = [*KEY, *(name for name in (SET, REPETITION, CONTROL_KIND) if name in frame)]
    names += ["control"] if frame["control"].any() else []
    counted = {name: pd.Series(pd.Categorical(_no_gaps(frame[name]))) for name in names[len(KEY) :]}
    whole = CompositeKey.of(pd.DataFrame({name: frame[name] for name in KEY} | counted, copy=False), names)
    if len(frame) < 2 or _all_different(whole, len(frame)):
        return
    key = whole.rows()
    again = pd.Series(key).duplicated(keep="first").to_numpy()
    rows = np.flatnonzero(again)
    row = int(rows[0])
    earlier = int(np.flatnonzero(key == key[row])[0])
    first, second = str(frame["choice"].iloc[earlier]), str(frame["choice"].iloc[row])
    agree = "with the same choice" if first == second else f"with another choice ({first}, then {second})"
    parts = ", ".join(f"{name} {str(frame[name].iloc[row])!r}" for name in names)
    check.fail(
        rows,
        listed(names),
        f"this rating stands already in {check.where(earlier)}, {agree}: {parts}. "
        "A rater answers a question about a pair and prompt once; keep one of the two, or tell them apart by a whole "
        "number in the column repetition (the same images seen again; --number-repeats counts them) or set (others).",
    )
