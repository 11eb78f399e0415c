"""Columns of a ratings file, one kind each: ids, pairs, choices, flags and numbers, checked and brought to codes."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

CHOICES = ("a", "indifferent", "b")
IntArray = npt.NDArray[np.int64]
_LOST = frozenset({"nan", "null", "none", "<na>", "#n/a"})  # what programs write for a value that they lost
_TRUE = frozenset({"true", "t", "1", "1.0", "yes"})
_FALSE = frozenset({"false", "f", "0", "0.0", "no"})
_FORMULA = ("'=", "'+", "'-", "'@", "'\t", "'\r")


class RatingsError(ValueError):
    """A ratings file or frame that cannot be analysed; the message names the row, the column and what is allowed."""


def listed(names: Sequence[str]) -> str:
    return ", ".join(names)


class Checker:
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
    remap = np.array([place.get(text, -1) for text in texts] + [-1], dtype=np.int32)  # the last one serves code -1
    return pd.Categorical.from_codes(remap[codes], categories=pd.Index(names, dtype=object))


def _present(codes: IntArray, texts: list[str]) -> list[str]:
    used = np.bincount(codes[codes >= 0], minlength=len(texts)) > 0
    return [text for text, is_used in zip(texts, used, strict=True) if is_used]


def _refuse_empty(codes: IntArray, texts: list[str], name: str, check: Checker, *, refuse_lost: bool) -> None:
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


def text_column(column: pd.Series, check: Checker, *, refuse_lost: bool) -> pd.Categorical:
    codes, texts = _codes(column)
    _refuse_empty(codes, texts, str(column.name), check, refuse_lost=refuse_lost)
    return _sorted_categorical(codes, texts, sorted(set(_present(codes, texts)))) if len(codes) else no_rows()


def no_rows() -> pd.Categorical:
    return pd.Categorical.from_codes(np.zeros(0, np.int32), categories=pd.Index([], dtype=object))


def one_order(frame: pd.DataFrame, check: Checker) -> tuple[pd.Categorical, pd.Categorical, npt.NDArray[np.bool_]]:
    """Both generator columns with shared categories, in alphabetical order, and which rows were turned round."""
    if not len(frame):
        return no_rows(), no_rows(), np.zeros(0, bool)
    sides = [_codes(frame[name]) for name in ("generator_a", "generator_b")]
    for name, (codes, texts) in zip(("generator_a", "generator_b"), sides, strict=True):
        _refuse_empty(codes, texts, name, check, refuse_lost=False)
    names = sorted({text for codes, texts in sides for text in _present(codes, texts)})
    first, second = (_sorted_categorical(codes, texts, names).codes for codes, texts in sides)
    flip = first > second
    categories = pd.Index(names, dtype=object)
    return (
        pd.Categorical.from_codes(np.where(flip, second, first), categories=categories),
        pd.Categorical.from_codes(np.where(flip, first, second), categories=categories),
        flip,
    )


def choices_column(
    column: pd.Series, name: str, check: Checker, flip: npt.NDArray[np.bool_], *, optional: bool = False
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
        check.fail(rows, name, f"{said} is not a choice. Allowed are {listed(CHOICES)}{hint}.")
    chosen = np.array([place.get(text, -1) for text in texts] + [-1], dtype=np.int8)[codes]
    chosen = np.where(flip & (chosen >= 0), 2 - chosen, chosen)
    return pd.Categorical.from_codes(chosen, categories=pd.Index(CHOICES, dtype=object))


def flags_column(column: pd.Series, check: Checker) -> pd.arrays.BooleanArray:
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


def numbers_column(column: pd.Series, check: Checker) -> pd.Series:
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
