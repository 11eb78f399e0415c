"""The one gate for numbers that come in, as numbers or as text: whole ones within a column, finite ones otherwise."""

from __future__ import annotations

import math
import re

from common.errors import UserError
from common.limits import BIG_COLUMN

_WHOLE = re.compile(r"[+-]?[0-9]{1,30}(\.0{0,30})?")
_NUMBER = re.compile(r"[+-]?([0-9]{1,400}(\.[0-9]{0,400})?|\.[0-9]{1,400})([eE][+-]?[0-9]{1,4})?")


class NumberError(UserError):
    """What was given is no such number."""


def whole_or_none(value: object) -> int | None:
    """`value` as a whole number that a column takes (64 bits), None where it is none.

    Taken are whole numbers, floats without a fraction, and their text in ASCII digits ("3", "3.0" as spreadsheets write
    it); not true and false, NaN, Infinity, "1_000" or another script's digits.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        if not value.is_integer() or abs(value) > 2.0**53:  # above it floats can't tell neighbours apart
            return None
        return int(value)
    if isinstance(value, int):
        found = value
    elif isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        found = int(value.strip().partition(".")[0])
    else:
        return None
    return found if -BIG_COLUMN - 1 <= found <= BIG_COLUMN else None


def number_or_none(value: object) -> float | None:
    """`value` as a finite number, None where it is none: NaN, Infinity, "1e999", "1_000", true, another script."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and not _NUMBER.fullmatch(value.strip()):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def whole(value: object, what: str, *, least: int, most: int) -> int:
    """`value` as a whole number from `least` to `most`.

    Raises:
        NumberError: it is none; the message names `what` and what is allowed.
    """
    found = whole_or_none(value)
    if found is None or not least <= found <= most:
        raise NumberError(f"{what} must be a whole number from {least:,} to {most:,}; got {shown(value)}.")
    return found


def number(value: object, what: str, *, example: str = "0.5") -> float:
    """`value` as a finite number.

    Raises:
        NumberError: it is none; the message names `what`.
    """
    found = number_or_none(value)
    if found is None:
        raise NumberError(f"{what} must be a number, such as {example}; got {shown(value)}.")
    return found


def shown(value: object) -> str:
    """A value in a message, at most 40 characters of it."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 10**39:
        return "a number of more than 39 digits"
    said = repr(value[:60] if isinstance(value, str) else value)
    return said if len(said) <= 40 else said[:39] + "\N{HORIZONTAL ELLIPSIS}"
