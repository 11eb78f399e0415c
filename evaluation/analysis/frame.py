"""Ratings files and frames: read, checked, and brought to the one form that everything else in this package takes.

The form is that of the ratings file contract: one row a rating, the columns of ``REQUIRED``, optional columns of
``OPTIONAL``, further columns kept and ignored. Here it becomes a DataFrame with categorical columns (their codes are
what the counting works on), every pair of generators in alphabetical order, and no duplicate.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

REQUIRED = ("rater_id", "prompt_id", "category", "generator_a", "generator_b", "question", "choice")
OPTIONAL = ("response_time_ms", "position", "a_shown_left", "control", "simulated")
CONTROL_ANSWER = "control_answer"
CHOICES = ("a", "indifferent", "b")
KEY = ("rater_id", "prompt_id", "generator_a", "generator_b", "question")

_LOST = frozenset({"nan", "null", "none", "<na>", "#n/a"})  # what programs write for a value that they lost
_TRUE = frozenset({"true", "t", "1", "1.0", "yes"})
_FALSE = frozenset({"false", "f", "0", "0.0", "no"})
_FORMULA = ("'=", "'+", "'-", "'@", "'\t", "'\r")

IntArray = npt.NDArray[np.int64]


class RatingsError(ValueError):
    """A ratings file or frame that cannot be analysed; the message names the row, the column and what is allowed."""


def read_ratings(path: str | Path) -> pd.DataFrame:
    """Read a ratings file (CSV, or Parquet by its suffix or first bytes) and return it validated.

    Cells that an export escaped against spreadsheet formulas (``'=SUM``) are read as they were meant. Ids stay text
    (``007`` is not 7).

    Raises:
        RatingsError: the file is missing, unreadable, or not in the contract's form.
    """
    path = Path(path)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise RatingsError(f"The ratings file {path} {what}. Give a CSV or Parquet file with the columns {_names()}.")
    with path.open("rb") as file:
        is_parquet = file.read(4) == b"PAR1"
    if path.suffix.lower() in {".parquet", ".pq"} and not is_parquet:
        raise RatingsError(f"{path.name} is named as Parquet but is not a Parquet file. Export it again.")
    try:
        table = _read_parquet(path) if is_parquet else _read_csv(path)
    except pa.ArrowException as error:
        hint = "Save it as UTF-8." if "UTF8" in str(error) else "Each line needs as many cells as the header has."
        raise RatingsError(
            f"{path.name} cannot be read as {'Parquet' if is_parquet else 'CSV'}: {error}. {hint}"
        ) from error
    return validate_ratings(table.to_pandas(), source=path.name, header_lines=0 if is_parquet else 1)


def _read_parquet(path: Path) -> pa.Table:
    return pa_parquet.read_table(path, read_dictionary=[*REQUIRED, CONTROL_ANSWER])


def _read_csv(path: Path) -> pa.Table:
    """Text columns as dictionaries: a ten-million-row file then needs four bytes a cell, not a string."""
    if path.stat().st_size == 0:
        raise RatingsError(f"{path.name} is empty. A ratings file has a header line with {_names()}.")
    text = pa.dictionary(pa.int32(), pa.string())
    types: dict[str, pa.DataType] = {name: text for name in (*REQUIRED, *OPTIONAL, CONTROL_ANSWER)}
    types |= {"response_time_ms": pa.string(), "position": pa.string()}
    table = pa_csv.read_csv(
        path,
        parse_options=pa_csv.ParseOptions(newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(column_types=types, strings_can_be_null=False),
    )
    return table.unify_dictionaries()


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
    _check_columns([str(name) for name in ratings.columns], source)
    check = _Checker(source, header_lines)
    frame = ratings.reset_index(drop=True).rename(columns=str)
    columns: dict[str, pd.Series | pd.Categorical] = {}
    for name in ("rater_id", "prompt_id", "category", "question"):
        columns[name] = _text_column(frame[name], check, refuse_lost=name in {"rater_id", "prompt_id"})
    first, second, flip = _one_order(frame, check)
    columns["generator_a"], columns["generator_b"] = first, second
    columns["choice"] = _choices(frame["choice"], "choice", check, flip)
    for name in ("control", "simulated"):
        flags = _flags(frame[name], check) if name in frame else pd.array(np.zeros(len(frame), bool), dtype="boolean")
        columns[name] = pd.Series(flags.fillna(False).to_numpy(dtype=bool))
    if "a_shown_left" in frame:
        shown = _flags(frame["a_shown_left"], check)
        columns["a_shown_left"] = pd.Series(shown ^ pd.array(flip, dtype="boolean"))
    for name in ("response_time_ms", "position"):
        if name in frame:
            columns[name] = _numbers(frame[name], check)
    if CONTROL_ANSWER in frame:
        columns[CONTROL_ANSWER] = _choices(frame[CONTROL_ANSWER], CONTROL_ANSWER, check, flip, optional=True)
    ordered = [name for name in (*REQUIRED, *OPTIONAL, CONTROL_ANSWER) if name in columns]
    extra = {name: frame[name] for name in frame.columns if name not in columns}
    result = pd.DataFrame({**{name: columns[name] for name in ordered}, **extra})
    _refuse_self_pairs(result, check)
    _refuse_duplicates(result, check)
    return result


class _Checker:
    """Says where a fault is: row numbers count ratings from 1, and the line of the file stands beside them."""

    def __init__(self, source: str, header_lines: int) -> None:
        self.source, self.header_lines = source, header_lines

    def where(self, row: int) -> str:
        line = f" (line {row + 1 + self.header_lines})" if self.header_lines else ""
        return f"row {row + 1}{line}"

    def fail(self, rows: npt.NDArray[np.intp], column: str, message: str) -> None:
        """Raise for the first of ``rows`` (zero-based), and say how many more there are."""
        more = "" if len(rows) == 1 else f" {len(rows) - 1} more row{'s have' if len(rows) > 2 else ' has'} this fault."
        raise RatingsError(f"{self.source}, {self.where(int(rows[0]))}, column {column}: {message}{more}")


def _names(names: Sequence[str] = REQUIRED) -> str:
    return ", ".join(names)


def _check_columns(found: list[str], source: str) -> None:
    doubled = sorted({name for name in found if found.count(name) > 1})
    if doubled:
        raise RatingsError(f"{source} has the column {doubled[0]} more than once. Keep one of them.")
    missing = [name for name in REQUIRED if name not in found]
    if not missing:
        return
    hints = []
    for name in missing:
        near = difflib.get_close_matches(name, [each for each in found if each not in REQUIRED], n=1)
        if near:
            hints.append(f"is {near[0]!r} meant to be {name!r}?")
    hint = f" ({' '.join(hints)})" if hints else ""
    raise RatingsError(
        f"{source} lacks the column{'s' if len(missing) > 1 else ''} {_names(missing)}{hint}. "
        f"Needed are {_names()}; found are {_names(found) or 'none'}."
    )


def _codes(column: pd.Series) -> tuple[IntArray, list[str]]:
    """Codes (-1 where missing) and their texts, unescaped; two categories may still be equal after that."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes = column.cat.codes.to_numpy().astype(np.int64)
        values = list(column.cat.categories)
    else:
        raw, uniques = pd.factorize(column, use_na_sentinel=True)
        codes, values = raw.astype(np.int64), list(uniques)
    return codes, [_text(value) for value in values]


def _text(value: object) -> str:
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))  # whole numbers that pandas made floats because a neighbour was missing
    text = value if isinstance(value, str) else str(value)
    return text[1:] if text.startswith(_FORMULA) else text


def _sorted_categorical(codes: IntArray, texts: list[str], names: list[str]) -> pd.Categorical:
    place = {name: at for at, name in enumerate(names)}
    remap = np.array([place[text] for text in texts] + [-1], dtype=np.int32)  # the last one serves code -1
    return pd.Categorical.from_codes(remap[codes], categories=pd.Index(names, dtype=object))


def _present(codes: IntArray, texts: list[str]) -> list[str]:
    used = np.bincount(codes[codes >= 0], minlength=len(texts)) > 0
    return [text for text, is_used in zip(texts, used, strict=True) if is_used]


def _refuse_empty(codes: IntArray, texts: list[str], name: str, check: _Checker, *, refuse_lost: bool) -> None:
    def bad(text: str) -> bool:
        return not text.strip() or (refuse_lost and text.strip().lower() in _LOST)

    lost = np.array([bad(text) for text in texts] + [True])
    rows = np.flatnonzero(lost[codes])
    if len(rows):
        value = "empty" if codes[rows[0]] < 0 or not texts[codes[rows[0]]].strip() else repr(texts[codes[rows[0]]])
        advice = {
            "rater_id": "every rating needs the id of its rater",
            "prompt_id": "every rating needs the id of its prompt",
            "category": "give each prompt a category; one name for all will do",
        }.get(name, f"every rating needs a {name}")
        check.fail(rows, name, f"the value is {value}; {advice}.")


def _text_column(column: pd.Series, check: _Checker, *, refuse_lost: bool) -> pd.Categorical:
    codes, texts = _codes(column)
    _refuse_empty(codes, texts, str(column.name), check, refuse_lost=refuse_lost)
    return _sorted_categorical(codes, texts, sorted(set(_present(codes, texts)))) if len(codes) else _no_rows()


def _no_rows() -> pd.Categorical:
    return pd.Categorical.from_codes(np.zeros(0, np.int32), categories=pd.Index([], dtype=object))


def _one_order(frame: pd.DataFrame, check: _Checker) -> tuple[pd.Categorical, pd.Categorical, npt.NDArray[np.bool_]]:
    """Both generator columns with shared categories, in alphabetical order, and which rows were turned round."""
    if not len(frame):
        return _no_rows(), _no_rows(), np.zeros(0, bool)
    sides = [_codes(frame[name]) for name in ("generator_a", "generator_b")]
    for name, (codes, texts) in zip(("generator_a", "generator_b"), sides, strict=True):
        _refuse_empty(codes, texts, name, check, refuse_lost=False)
    names = sorted({text for codes, texts in sides for text in _present(codes, texts)})
    first, second = (_sorted_categorical(*_used_only(codes, texts, names), names).codes for codes, texts in sides)
    flip = first > second
    categories = pd.Index(names, dtype=object)
    return (
        pd.Categorical.from_codes(np.where(flip, second, first), categories=categories),
        pd.Categorical.from_codes(np.where(flip, first, second), categories=categories),
        flip,
    )


def _used_only(codes: IntArray, texts: list[str], names: list[str]) -> tuple[IntArray, list[str]]:
    known = set(names)
    return codes, [text if text in known else names[0] for text in texts]  # an unused category is never looked up


def _choices(
    column: pd.Series, name: str, check: _Checker, flip: npt.NDArray[np.bool_], *, optional: bool = False
) -> pd.Categorical:
    codes, texts = _codes(column)
    place = {choice: at for at, choice in enumerate(CHOICES)}
    if optional:
        place[""] = -1
    unknown = np.array([text not in place for text in texts] + [not optional])
    rows = np.flatnonzero(unknown[codes])
    if len(rows):
        code = codes[rows[0]]
        value = texts[code] if code >= 0 else ""
        near = difflib.get_close_matches(value.strip().lower(), CHOICES, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        said = repr(value) if value else "an empty cell"
        check.fail(rows, name, f"{said} is not a choice. Allowed are {_names(CHOICES)}{hint}.")
    chosen = np.array([place.get(text, -1) for text in texts] + [-1], dtype=np.int8)[codes]
    chosen = np.where(flip & (chosen >= 0), 2 - chosen, chosen)
    return pd.Categorical.from_codes(chosen, categories=pd.Index(CHOICES, dtype=object))


def _flags(column: pd.Series, check: _Checker) -> pd.arrays.BooleanArray:
    if pd.api.types.is_bool_dtype(column.dtype) and not isinstance(column.dtype, pd.CategoricalDtype):
        return pd.array(column, dtype="boolean")
    codes, texts = _codes(column)
    plain = [text.strip().lower() for text in texts]
    empty = [not text or text in _LOST for text in plain]
    bad = np.array(
        [not (gone or text in _TRUE or text in _FALSE) for text, gone in zip(plain, empty, strict=True)] + [False]
    )
    rows = np.flatnonzero(bad[codes])
    if len(rows):
        value = texts[codes[rows[0]]]
        check.fail(
            rows, str(column.name), f"{value!r} is neither true nor false. Allowed are true, false or an empty cell."
        )
    truth = np.array([text in _TRUE for text in plain] + [False])[codes]
    missing = np.array(empty + [True])[codes]
    return pd.arrays.BooleanArray(truth, missing)


def _numbers(column: pd.Series, check: _Checker) -> pd.Series:
    numbers = pd.to_numeric(column, errors="coerce").astype("float64")
    given = column.notna()
    if not pd.api.types.is_numeric_dtype(column.dtype):
        given &= ~column.astype(str).str.strip().str.lower().isin({"", *_LOST})
    values = numbers.to_numpy()
    bad = given.to_numpy() & ~(np.isfinite(values) & (values >= 0))
    rows = np.flatnonzero(bad)
    if len(rows):
        unit = "milliseconds, zero or more" if column.name == "response_time_ms" else "a number, zero or more"
        check.fail(
            rows, str(column.name), f"{str(column.iloc[rows[0]])!r} is not {unit}. Leave the cell empty if unknown."
        )
    return numbers


def _refuse_self_pairs(frame: pd.DataFrame, check: _Checker) -> None:
    same = frame["generator_a"].cat.codes.to_numpy() == frame["generator_b"].cat.codes.to_numpy()
    rows = np.flatnonzero(same & ~frame["control"].to_numpy())
    if len(rows):
        name = frame["generator_a"].iloc[rows[0]]
        check.fail(rows, "generator_b", f"{name!r} is compared with itself; only control trials may do so.")


def composite_key(frame: pd.DataFrame, columns: Sequence[str]) -> tuple[IntArray, int]:
    """One whole number a row for the combination of categorical ``columns``, and how many there can be.

    Raises:
        RatingsError: there are more combinations than a 64-bit number can tell apart.
    """
    key = np.zeros(len(frame), dtype=np.int64)
    size = 1
    for name in columns:
        levels = max(len(frame[name].cat.categories), 1)
        size *= levels
        if size >= 2**63:
            raise RatingsError(f"Too many combinations of {_names(columns)} to analyse at once; split the file.")
        key *= levels
        key += frame[name].cat.codes.to_numpy()
    return key, size


def _refuse_duplicates(frame: pd.DataFrame, check: _Checker) -> None:
    key, size = composite_key(frame, KEY)
    if len(frame) < 2:
        return
    if size <= max(4 * len(frame), 1 << 20):
        counts = np.zeros(size, dtype=np.uint8)
        counts[key] = 1
        if int(counts.sum(dtype=np.int64)) == len(frame):
            return
    else:
        ordered = np.sort(key)
        if not (ordered[1:] == ordered[:-1]).any():
            return
    again = pd.Series(key).duplicated(keep="first").to_numpy()
    rows = np.flatnonzero(again)
    row = int(rows[0])
    earlier = int(np.flatnonzero(key == key[row])[0])
    said: Callable[[int], str] = lambda at: str(frame["choice"].iloc[at])
    agree = (
        "with the same choice"
        if said(earlier) == said(row)
        else f"with another choice ({said(earlier)}, then {said(row)})"
    )
    parts = ", ".join(f"{name} {str(frame[name].iloc[row])!r}" for name in KEY)
    check.fail(
        rows,
        _names(KEY),
        f"this rating stands already in {check.where(earlier)}, {agree}: {parts}. "
        "A rater answers a question about a pair and prompt once; keep one of the two.",
    )
