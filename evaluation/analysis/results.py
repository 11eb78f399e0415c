"""What all results share: numbers kept to 12 digits, plain dictionaries, canonical JSON, and a notebook's table."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar, cast

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Plain: TypeAlias = "None | bool | int | float | str | list[Plain] | dict[str, Plain]"

Document: TypeAlias = dict[str, Any]  # a JSON object: what it holds is said where it is made

VERSION = "1.1"  # of the methods: raised when the same ratings can give other numbers
DIGITS = 12  # significant digits kept: far below any interval, and safe from the last bit of a library's quantile

Result = TypeVar("Result")


def rounded(result: Result) -> Result:
    """``result`` as its JSON keeps it, all floats to ``DIGITS`` significant digits: what is read back equals it. Arrays
    stay as they are; they stand in no JSON.
    """
    return cast(Result, _rounded(result))


_AS_THEY_ARE = frozenset({str, int, bool, type(None)})


def _rounded(value: Any) -> Any:
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return value
    if kind is float:
        return _kept(value)
    if isinstance(value, np.floating):
        return _kept(float(value))
    if is_dataclass(kind):
        return kind(**{name: _rounded(getattr(value, name)) for name in _names(kind)})
    if isinstance(value, Mapping):
        return MappingProxyType({key: _rounded(each) for key, each in value.items()})
    if isinstance(value, list | tuple):
        return tuple(_rounded(each) for each in value)
    return value


@functools.cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(each.name for each in fields(kind))


@functools.lru_cache(maxsize=1 << 15)  # in large analyses the same few numbers stand again and again
def _kept(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"A result holds {value}, which is not a finite number.")
    return float(f"{value:.{DIGITS}g}") + 0.0  # + 0.0 turns -0.0 into 0.0


def plain(value: Any) -> Plain:
    """Plain JSON values of ``value``: floats to ``DIGITS`` significant digits, tuples as lists, arrays as lists.

    Raises:
        ValueError: a number is NaN or infinite; no result may hold one.
        TypeError: there is no plain form.
    """
    kind = type(value)
    if kind is float:  # by far the most there are, and so are these and dictionaries seen to first
        return _kept(value)
    if kind in _AS_THEY_ARE:
        return value
    if kind is dict:
        return {
            key if type(key) is str else str(key): each if type(each) in _AS_THEY_ARE else plain(each)
            for key, each in value.items()
        }
    if isinstance(value, bool | str):
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return _kept(float(value))
    if is_dataclass(value) and not isinstance(value, type):
        return {name: plain(getattr(value, name)) for name in _names(type(value))}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(each) for each in value]
    raise TypeError(f"{type(value).__name__} has no plain form.")


def document(values: Mapping[str, object]) -> Document:
    """``plain`` of a mapping."""
    return {key: plain(value) for key, value in values.items()}


def to_json(values: Document) -> str:
    """JSON of a ``document`` on one line: the same values give the same bytes."""
    return json.dumps(values, ensure_ascii=False, allow_nan=False) + "\n"


def piecewise_json(values: Mapping[str, object]) -> str:
    """``to_json(document(values))``, where an iterator stands for a list: what it gives is made, written and let go one
    by one, so that a long list costs no more memory than its text.
    """
    parts = []
    for key, value in values.items():
        text = f"[{', '.join(map(_text, value))}]" if isinstance(value, Iterator) else _text(value)
        parts.append(f"{_text(key)}: {text}")
    return f"{{{', '.join(parts)}}}\n"


def _text(value: object) -> str:
    return json.dumps(plain(value), ensure_ascii=False, allow_nan=False)


class HasFrame(Protocol):
    """A result that can stand as a table."""

    def to_frame(self) -> pd.DataFrame: ...


class PlainResult:
    """A result dataclass whose dictionary is its fields, as plain values."""

    def to_dict(self) -> Document:
        """All fields, plain."""
        return document({each.name: getattr(self, each.name) for each in fields(cast("DataclassInstance", self))})


class NotebookTable:
    """Shows a result as its table in a notebook."""

    def _repr_html_(self: HasFrame) -> str:
        return str(self.to_frame().to_html(float_format=lambda value: f"{value:.4g}", index=False))
