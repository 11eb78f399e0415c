"""Ratings files and frames: read, checked, and brought to the one form that everything else in this package takes.

The form is that of the ratings file contract: one row a rating, the columns of ``REQUIRED``, optional columns of
``OPTIONAL``, further columns kept and ignored. Here it becomes a DataFrame with categorical columns (their codes are
what the counting works on), every pair of generators in alphabetical order, and no duplicate.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pa_compute
import pyarrow.parquet as pa_parquet

from evaluation.analysis.columns import (
    CHOICES,
    CHUNK,
    Checker,
    Codes,
    CompositeKey,
    RatingsError,
    check_columns,
    choices_column,
    chunks,
    codes_of,
    flags_column,
    listed,
    numbers_column,
    one_order,
    text_column,
)
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
CONTROL_ANSWER = "control_answer"
ESCAPED = r"^'('*[=+\-@\t\r])"  # a cell that an export kept from running as a formula, by one apostrophe more
PANDAS_INDEX = re.compile(r"__index_level_\d+__")  # what pandas calls a frame's unnamed index in Parquet
KEY = ("rater_id", "prompt_id", "generator_a", "generator_b", "question")

_TEXT = pa.dictionary(pa.int32(), pa.string())
"""Text columns as dictionaries: a ten-million-row file then needs four bytes a cell, not a string."""
FORM = FileForm(
    "ratings file",
    REQUIRED,
    types=dict.fromkeys((*REQUIRED, *OPTIONAL, CONTROL_ANSWER), _TEXT)
    | {"response_time_ms": pa.string(), "position": pa.string()},
    numbers=("response_time_ms", "position"),
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
        frame = _read_parquet(path) if found.is_parquet else by_columns(found.read_cells())
    except (pa.ArrowException, OSError, ValueError) as error:
        raise found.unreadable(error) from error
    return validate_ratings(frame, source=path.name, header_lines=found.header_lines)


def _read_parquet(path: Path) -> pd.DataFrame:
    """A column and some row groups at a time, each brought to small codes before the next is read."""
    names = [name for name in dict.fromkeys(pa_parquet.read_schema(path).names) if not PANDAS_INDEX.fullmatch(name)]
    coded = [name for name in names if name in {*REQUIRED, CONTROL_ANSWER}]
    with pa_parquet.ParquetFile(path, read_dictionary=coded, pre_buffer=False) as file:
        return _side_by_side([_parquet_column(file, name) for name in names])


def _parquet_column(file: pa_parquet.ParquetFile, name: str) -> pd.DataFrame:
    """The column or columns called ``name``."""
    kinds = [field.type for field in file.schema_arrow if field.name == name]
    if len(kinds) > 1 or not pa.types.is_dictionary(kinds[0]):
        return file.read(columns=[name]).to_pandas().reset_index(drop=True)
    n_groups, rows = file.num_row_groups, max(file.metadata.num_rows, 1)
    step = max(n_groups * CHUNK // rows, 1)
    groups = (range(n_groups)[at : at + step] for at in range(0, n_groups, step))
    found = (file.read_row_groups(list(each), columns=[name]).column(0).chunks for each in groups)
    return pd.DataFrame({name: _coded(itertools.chain.from_iterable(found))}, copy=False)


def by_columns(table: pa.Table) -> pd.DataFrame:
    """The frame of a CSV file's cells, without the apostrophes that an export put before formulas.

    Text columns that Arrow coded have small codes: a ten-million-row file then needs four bytes a cell, not a string.
    """
    frames = []
    while table.num_columns:  # from the last to the first, so that each column's memory is free before the next
        at = table.num_columns - 1
        frames.append(_csv_column(table.select([at])))
        table = table.remove_column(at)
    return _side_by_side(frames[::-1])


def _csv_column(table: pa.Table) -> pd.DataFrame:
    """The one column of ``table`` without the apostrophes that an export put before formulas."""
    (name,), (column,) = table.column_names, table.columns
    if pa.types.is_dictionary(column.type):
        return pd.DataFrame({name: _coded(column.chunks, _plain)}, copy=False)
    if pa.types.is_string(column.type) and pa_compute.any(pa_compute.match_substring_regex(column, ESCAPED)).as_py():
        table = pa.table({name: pa_compute.replace_substring_regex(column, ESCAPED, r"\1")})
    return table.to_pandas()


def _plain(text: str) -> str:
    return re.sub(ESCAPED, r"\1", text) if text.startswith("'") else text


def _coded(chunks_of_column: Iterable[pa.DictionaryArray], plain: Callable[[str], str] = str) -> pd.Categorical:
    """A column that Arrow coded chunk by chunk, with codes as small as they can be; only distinct cells are looked at.
    Texts that ``plain`` makes alike are one category.
    """
    place: dict[str, int] = {}
    parts: list[Codes] = []
    for chunk in chunks_of_column:
        texts = chunk.dictionary.to_pylist()
        codes = [-1 if text is None else place.setdefault(plain(text), len(place)) for text in texts]
        lookup = np.array([*codes, -1], dtype=np.min_scalar_type(-max(len(place), 1)))
        indices = chunk.indices.fill_null(-1) if chunk.null_count else chunk.indices
        parts.append(lookup[indices.to_numpy(zero_copy_only=False)])
    whole: Codes = np.concatenate(parts) if parts else np.zeros(0, np.int8)
    return pd.Categorical.from_codes(whole, categories=pd.Index(list(place), dtype=object), validate=False)


def _side_by_side(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One frame of the columns of ``frames``, none of them copied; headings may stand more than once."""
    names = [name for frame in frames for name in frame.columns]
    columns = [frame.iloc[:, at] for frame in frames for at in range(frame.shape[1])]
    found = pd.DataFrame(dict(enumerate(columns)), copy=False)
    found.columns = pd.Index(names, dtype=object)
    return found


def validate_ratings(ratings: pd.DataFrame, *, source: str = "the ratings", header_lines: int = 0) -> pd.DataFrame:
    """Check ratings and bring them to one form; a frame that passed passes again unchanged.

    Args:
        ratings: columns of the ratings file contract; ids may be text or whole numbers.
        source: how messages call the ratings.
        header_lines: lines before the first row, so that messages can name the line of a file.

    Returns:
        A new frame with a fresh index, rows in the given order. ``rater_id``, ``prompt_id``, ``category``,
        ``generator_a``, ``generator_b`` and ``question`` are categorical with sorted text categories (the two
        generator columns share theirs), ``choice`` is categorical a, indifferent, b. In each pair
        ``generator_a < generator_b``: rows that stood the other way have choice, ``a_shown_left`` and
        ``control_answer`` flipped. ``control`` and ``simulated`` are always there (bool, false where not given);
        ``a_shown_left`` (nullable bool), ``response_time_ms`` and ``position`` (float, NaN where not given) only if
        they came.

    Raises:
        RatingsError: with the first offending row and column, how many more there are, and what is allowed.
    """
    if not isinstance(ratings, pd.DataFrame):
        raise RatingsError(
            f"{source} must be a pandas DataFrame (of polars: to_pandas()); got {type(ratings).__name__}."
        )
    check_columns([str(name) for name in ratings.columns], REQUIRED, source)
    check = Checker(source, header_lines)
    frame = ratings.reset_index(drop=True).rename(columns=str)
    columns: dict[str, pd.Series | pd.Categorical] = {}
    for name in ("rater_id", "prompt_id", "category", "question"):
        columns[name] = text_column(frame[name], check, refuse_lost=name in {"rater_id", "prompt_id"})
    first, second, flip = one_order(frame, check)
    columns["generator_a"], columns["generator_b"] = first, second
    columns["choice"] = choices_column(frame["choice"], "choice", check, flip)
    for name in ("control", "simulated"):
        flags = (
            flags_column(frame[name], check) if name in frame else pd.array(np.zeros(len(frame), bool), dtype="boolean")
        )
        columns[name] = pd.Series(flags.fillna(False).to_numpy(dtype=bool))
    if "a_shown_left" in frame:
        shown = flags_column(frame["a_shown_left"], check)
        columns["a_shown_left"] = pd.Series(shown ^ pd.array(flip, dtype="boolean"))
    for name in ("response_time_ms", "position"):
        if name in frame:
            columns[name] = numbers_column(frame[name], check)
    if CONTROL_ANSWER in frame:
        columns[CONTROL_ANSWER] = choices_column(frame[CONTROL_ANSWER], CONTROL_ANSWER, check, flip, optional=True)
    ordered = [name for name in (*REQUIRED, *OPTIONAL, CONTROL_ANSWER) if name in columns]
    extra = {name: frame[name] for name in frame.columns if name not in columns}
    result = pd.DataFrame({**{name: columns[name] for name in ordered}, **extra}, copy=False)
    _refuse_self_pairs(result, check)
    _refuse_duplicates(result, check)
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
    names = [*KEY, *(["control"] if frame["control"].any() else [])]
    further = {name: pd.Series(pd.Categorical(frame[name])) for name in names[len(KEY) :]}
    whole = CompositeKey.of(pd.DataFrame({name: frame[name] for name in KEY} | further, copy=False), names)
    if len(frame) < 2 or _all_different(whole, len(frame)):
        return
    key = whole.rows()
    again = pd.Series(key).duplicated(keep="first").to_numpy()
    rows = np.flatnonzero(again)
    row = int(rows[0])
    earlier = int(np.flatnonzero(key == key[row])[0])
    first, second = str(frame["choice"].iloc[earlier]), str(frame["choice"].iloc[row])
    agree = "with the same choice" if first == second else f"with another choice ({first}, then {second})"
    parts = ", ".join(f"{name} {str(frame[name].iloc[row])!r}" for name in KEY)
    check.fail(
        rows,
        listed(KEY),
        f"this rating stands already in {check.where(earlier)}, {agree}: {parts}. "
        "A rater answers a question about a pair and prompt once; keep one of the two.",
    )
