"""Columns of a ratings file, one kind each: ids, pairs, choices, flags and numbers, checked and brought to codes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import numpy.typing as npt
import pandas as pd

from common.errors import UserError
from common.text import bad_character, composed, named
from common.words import nearest_name
from evaluation.analysis.choice_words import CHOICES, hint_for

IntArray = npt.NDArray[np.int64]
Codes = npt.NDArray[np.signedinteger]
Places = Callable[[int], str]
CHUNK = 1 << 17  # rows taken at a time: what is made of them stays in the processor's cache, and memory stays flat
FIRST_CHUNK = 1 << 16  # rows looked at before asking whether all names have been seen
_LOST = frozenset({"nan", "null", "none", "<na>", "#n/a"})  # what programs write for a value that they lost
_TRUE = frozenset({"true", "t", "1", "1.0", "yes"})
_FALSE = frozenset({"false", "f", "0", "0.0", "no"})


class RatingsError(UserError):
    """A ratings file or frame that cannot be analysed; the message names the row, the column and what is allowed."""


def listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def check_columns(headings: Sequence[str], required: Sequence[str], source: str) -> None:
    """Raise `RatingsError` where a column stands more than once or a required one is lacking."""
    doubled = sorted({name for name in headings if headings.count(name) > 1})
    if doubled:
        raise RatingsError(f"{source} has the column {doubled[0]} more than once. Keep one of them.")
    missing = [name for name in required if name not in headings]
    if not missing:
        return
    others = {each.strip().lower(): each for each in headings if each not in required}
    near = ((name, nearest_name(name, others)) for name in missing)
    hints = [f"is {others[match]!r} meant to be {name!r}?" for name, match in near if match is not None]
    if len(headings) == 1 and (";" in headings[0] or "\t" in headings[0]):
        hints = ["the cells must be separated by commas"]
    hint = f" ({' '.join(hints)})" if hints else ""
    raise RatingsError(
        f"{source} lacks the column{'s' if len(missing) > 1 else ''} {listed(missing)}{hint}. "
        f"Needed are {listed(required)}; found are {listed(headings) or 'none'}."
    )


class Checker:
    """Says where a fault is: row numbers count ratings from 1, and the place in the file stands beside them.

    ``places``: of a row, from 0, its place ("line 7"); None for a frame that came from no file. ``notes``: what is no
    fault but should be said.
    """

    def __init__(self, source: str, places: Places | None = None) -> None:
        self.source, self.places = source, places
        self.notes: list[str] = []

    def where(self, row: int) -> str:
        place = f" ({self.places(row)})" if self.places else ""
        return f"row {row + 1}{place}"

    def fail(self, rows: npt.NDArray[np.intp], column: str, message: str) -> NoReturn:
        """Raise for the first of ``rows`` (zero-based), and say how many more there are."""
        more = "" if len(rows) == 1 else f" {len(rows) - 1} more row{'s have' if len(rows) > 2 else ' has'} this fault."
        raise RatingsError(f"{self.source}, {self.where(int(rows[0]))}, column {column}: {message}{more}")


def chunks(n: int, size: int = CHUNK) -> list[slice]:
    """Slices of ``size`` that cover ``n`` rows."""
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]


def not_counted(ratings: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which rows of a validated frame stand in no rate: control trials, and what a rater saw again."""
    out = np.asarray(ratings["control"].to_numpy(), dtype=bool)
    return out | (ratings["repetition"].to_numpy() > 0) if "repetition" in ratings else out


def main_ratings(ratings: pd.DataFrame) -> pd.DataFrame:
    """A validated frame without what is ``not_counted``; the frame itself where all counts."""
    out = not_counted(ratings)
    return ratings[~out] if out.any() else ratings


def used_levels(column: pd.Series) -> int:
    """How many of a categorical column's levels occur."""
    return int(np.count_nonzero(_used(codes_of(column), len(column.cat.categories))[:-1]))


def codes_of(column: pd.Series) -> Codes:
    """The codes of a categorical column, as they are (``Series.cat.codes`` would copy them each time)."""
    return np.asarray(column.array.codes)


def level_names(column: pd.Series) -> list[str]:
    """The levels of a categorical column that occur; a filtered frame keeps those of the whole one."""
    used = _used(codes_of(column), len(column.cat.categories))[:-1]
    return [str(level) for level, occurs in zip(column.cat.categories, used, strict=True) if occurs]


@dataclass(frozen=True)
class CompositeKey:
    """One whole number a row for the combination of categorical columns; ``size`` is how many there can be."""

    parts: tuple[tuple[Codes, int], ...]
    size: int

    @classmethod
    def of(cls, frame: pd.DataFrame, names: Sequence[str]) -> CompositeKey:
        """The key of columns ``names``.

        Raises:
            RatingsError: there are more combinations than a 64-bit number can tell apart.
        """
        parts = tuple((codes_of(frame[name]), max(len(frame[name].cat.categories), 1)) for name in names)
        size = math.prod(levels for _, levels in parts)
        if size >= 2**63:
            raise RatingsError(f"Too many combinations of {listed(names)} to analyse at once; split the file.")
        return cls(parts, size)

    def rows(self, part: slice = slice(None)) -> IntArray:
        """The keys of the rows of ``part``."""
        key = np.zeros(len(self.parts[0][0][part]), dtype=np.int64)
        for codes, levels in self.parts:
            key *= levels
            key += codes[part]
        return key


def _codes(column: pd.Series, check: Checker | None = None) -> tuple[Codes, list[str]]:
    """Codes (-1 where missing) and their texts; two values may have one text (the number 7 and the text "7").

    ``check``: is given a note where texts are the same in two Unicode forms, and become one.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes, values = codes_of(column), list(column.cat.categories)
    else:
        try:
            codes, uniques = pd.factorize(column, use_na_sentinel=True)
        except TypeError as error:
            raise RatingsError(
                f"Column {column.name} holds values that are neither text nor numbers: {error}."
            ) from error
        values = list(uniques)
    if check is not None:
        given = {value for value in values if isinstance(value, str)}
        merged = sorted({composed(value) for value in given if composed(value) != value} & given)
        if merged:
            check.notes.append(
                f"{column.name}: {merged[0]!r} is written in two Unicode forms"
                f"{f', and {len(merged) - 1} more are' if len(merged) > 1 else ''}; both count as one name."
            )
    return codes, [_text(value) for value in values]


def _refuse_inexact(column: pd.Series, check: Checker) -> None:
    """Ids that came as floats beyond 2^53 may have lost digits, and with them the difference between two ids."""
    if pd.api.types.is_float_dtype(column.dtype) and len(column):
        values = column.to_numpy(dtype=float, na_value=np.nan)
        rows = np.flatnonzero(np.abs(values) >= 2.0**53)
        if len(rows):
            check.fail(
                rows,
                str(column.name),
                f"the id {values[rows[0]]:g} came as a floating-point number, which cannot hold all its digits. "
                "Read this column as text (dtype=str).",
            )


def _used(codes: Codes, n: int) -> npt.NDArray[np.bool_]:
    """Which of ``n`` codes occur; the last of the n + 1 values stands for missing ones."""
    used = np.zeros(n + 1, dtype=bool)
    used[-1] = len(codes) > 0 and codes.min() < 0
    for part in chunks(len(codes), FIRST_CHUNK):
        if used[:-1].all():  # in most files all names stand in the first rows
            break
        used[codes[part]] = True
    return used


def _mapped(codes: Codes, values: Codes) -> Codes:
    """``values[codes]``, the last value standing for code -1."""
    found = np.empty(len(codes), dtype=values.dtype)
    for part in chunks(len(codes)):
        found[part] = values[codes[part]]
    return found


def _text(value: object) -> str:
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))  # whole numbers that pandas made floats because a neighbour was missing
    return composed(value) if isinstance(value, str) else str(value)


def _sorted_categorical(codes: Codes, texts: list[str], names: list[str]) -> pd.Categorical:
    if texts != names:
        place = {name: at for at, name in enumerate(names)}
        kind = np.min_scalar_type(-max(len(names), 1))
        codes = _mapped(codes, np.array([place.get(text, -1) for text in texts] + [-1], dtype=kind))
    return pd.Categorical.from_codes(codes, categories=pd.Index(names, dtype=object), validate=False)


def _present(used: npt.NDArray[np.bool_], texts: list[str]) -> list[str]:
    return [text for text, is_used in zip(texts, used[:-1], strict=True) if is_used]


def _used_texts(codes: Codes, texts: list[str], name: str, check: Checker, *, refuse_lost: bool) -> list[str]:
    """The texts that occur; none of them may be empty."""
    used = _used(codes, len(texts))

    def bad(text: str) -> bool:
        return (
            not text.strip()
            or bad_character(text, lines=True) is not None
            or (refuse_lost and text.strip().lower() in _LOST)
        )

    lost = np.array([bad(text) for text in texts] + [True])
    if (lost & used).any():
        _fail_empty(codes, texts, lost, name, check)
    return _present(used, texts)


def _fail_empty(codes: Codes, texts: list[str], lost: npt.NDArray[np.bool_], name: str, check: Checker) -> NoReturn:
    rows = np.flatnonzero(lost[codes])
    code = codes[rows[0]]
    value = "empty" if code < 0 or not texts[code].strip() else repr(texts[code])
    advice = {
        "rater_id": "every rating needs the id of its rater",
        "prompt_id": "every rating needs the id of its prompt",
        "category": "give each prompt a category; one name for all will do",
    }.get(name, f"every rating needs a {name}")
    bad = bad_character(texts[code], lines=True) if value != "empty" else None
    if bad is not None:
        advice = f"it holds {named(bad)}, which may stand in no name; remove it, or decode the source again as UTF-8"
    check.fail(rows, name, f"the value is {value}; {advice}.")


def text_column(column: pd.Series, check: Checker, *, refuse_lost: bool) -> pd.Categorical:
    """A column of ids or names: no empty cells, categories sorted and used.

    ``refuse_lost`` also refuses what programs write for a value that they lost (``nan``, ``None``, ``NULL`` ...).
    """
    _refuse_inexact(column, check)
    codes, texts = _codes(column, check)
    present = _used_texts(codes, texts, str(column.name), check, refuse_lost=refuse_lost)
    return _sorted_categorical(codes, texts, sorted(set(present))) if len(codes) else no_rows()


def no_rows() -> pd.Categorical:
    """A column without rows."""
    return pd.Categorical.from_codes(np.zeros(0, np.int8), categories=pd.Index([], dtype=object))


def one_order(frame: pd.DataFrame, check: Checker) -> tuple[pd.Categorical, pd.Categorical, npt.NDArray[np.bool_]]:
    """Both generator columns with shared categories, in alphabetical order, and which rows were turned round."""
    if not len(frame):
        return no_rows(), no_rows(), np.zeros(0, bool)
    sides = [_codes(frame[name], check) for name in ("generator_a", "generator_b")]
    present: set[str] = set()
    for name, (codes, texts) in zip(("generator_a", "generator_b"), sides, strict=True):
        present |= set(_used_texts(codes, texts, name, check, refuse_lost=False))
    names = sorted(present)
    first, second = (_sorted_categorical(codes, texts, names).codes for codes, texts in sides)
    flip = first > second
    if flip.any():
        first, second = np.where(flip, second, first), np.where(flip, first, second)
    sorted_names = pd.Index(names, dtype=object)
    turned = (pd.Categorical.from_codes(codes, categories=sorted_names, validate=False) for codes in (first, second))
    return next(turned), next(turned), flip


def choices_column(
    column: pd.Series, name: str, check: Checker, flip: npt.NDArray[np.bool_], *, optional: bool = False
) -> pd.Categorical:
    """The column of choices, or of right answers (``optional``: may be empty), flipped where the pair was."""
    codes, texts = _codes(column)
    place = {choice: at for at, choice in enumerate(CHOICES)}
    if optional:
        place[""] = -1
    unknown = np.array([text not in place for text in texts] + [not optional])
    if (unknown & _used(codes, len(texts))).any():
        rows = np.flatnonzero(unknown[codes])
        code = codes[rows[0]]
        value = texts[code] if code >= 0 else ""
        said = repr(value) if value else "an empty cell"
        hint = hint_for(value)
        check.fail(rows, name, f"{said} is not a choice{hint} Allowed are {listed(CHOICES)}.")
    chosen = _mapped(codes, np.array([place.get(text, -1) for text in texts] + [-1], dtype=np.int8))
    if flip.any():
        chosen = np.where(flip & (chosen >= 0), 2 - chosen, chosen)
    return pd.Categorical.from_codes(chosen, categories=pd.Index(CHOICES, dtype=object), validate=False)


def flags_column(column: pd.Series, check: Checker) -> pd.arrays.BooleanArray:
    """A column of true, false (or 1, 0, yes, no) and empty cells."""
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


def sure_flags(column: pd.Series, check: Checker) -> npt.NDArray[np.bool_]:
    """``flags_column`` where an empty cell is false."""
    if column.dtype == np.bool_:
        return np.array(column)
    return np.asarray(flags_column(column, check).fillna(False).to_numpy(dtype=bool))


def numbers_column(column: pd.Series, check: Checker, lowest: float | None = 0.0) -> pd.Series:
    """A column of numbers of ``lowest`` or more (None: any); NaN where the cell is empty."""
    unit = "milliseconds" if column.name == "response_time_ms" else "a number"
    unit += "" if lowest is None else f", {lowest:g} or more"
    if getattr(column.dtype, "kind", "O") in "bcmM" and column.notna().any():  # flags, complex, durations, dates
        rows = np.flatnonzero(column.notna().to_numpy())
        check.fail(rows, str(column.name), f"{column.iloc[rows[0]]} is not {unit}: the column holds {column.dtype}.")
    numbers = pd.to_numeric(column, errors="coerce").astype("float64")
    given = column.notna()
    if not pd.api.types.is_numeric_dtype(column.dtype):
        given &= ~column.astype(str).str.strip().str.lower().isin({"", *_LOST})
    values = numbers.to_numpy()
    bad = given.to_numpy() & ~(np.isfinite(values) & (values >= (-np.inf if lowest is None else lowest)))
    rows = np.flatnonzero(bad)
    if len(rows):
        check.fail(
            rows, str(column.name), f"{str(column.iloc[rows[0]])!r} is not {unit}. Leave the cell empty if unknown."
        )
    return numbers


def wholes_column(column: pd.Series, check: Checker) -> IntArray:
    """A column of whole numbers from 0; an empty cell is 0."""
    numbers = pd.to_numeric(column, errors="coerce")
    empty = column.isna()
    if not pd.api.types.is_numeric_dtype(column.dtype):
        empty |= column.astype(str).str.strip() == ""
    wrong = ~empty & ~(numbers.notna() & (numbers >= 0) & (numbers % 1 == 0) & (numbers < 2**53))
    rows = np.flatnonzero(wrong.to_numpy(dtype=bool))
    if len(rows):
        check.fail(rows, str(column.name), f"{str(column.iloc[rows[0]])!r} is no whole number from 0.")
    return np.asarray(numbers.fillna(0).to_numpy(dtype=float).astype(np.int64))
