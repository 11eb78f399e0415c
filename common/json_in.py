"""The one reader of JSON from outside: its size, depth, numbers and characters are bounded before anybody uses it.

What this program wrote itself (a log of its own, a child process's lines) needs none of it and takes `json.loads`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import NoReturn, TypeAlias

from common.errors import UserError
from common.json_keys import RepeatedKeyError, keys_once
from common.limits import JSON_DEPTH
from common.text import bad_character, named

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

MOST_DIGITS = 400
"""Of a number in JSON; a double has at most 309 before its point."""


class JsonError(UserError):
    """It is no JSON that can be taken. `line`, `column`: where, from 1; None where the fault is not at one place."""

    def __init__(self, why: str, *, line: int | None = None, column: int | None = None) -> None:
        super().__init__(why)
        self.line, self.column = line, column


class _Refused(ValueError):
    """A value that strict JSON has not; told as `JsonError`."""


def read_json(source: bytes | str, *, depth: int = JSON_DEPTH, characters: bool = True) -> Json:
    """The value in `source`: UTF-8 (a byte order mark may stand before it) or text.

    Refused besides what is no JSON: NaN, Infinity and numbers beyond a double, a key that stands twice in an object,
    nesting deeper than `depth`, and characters that may stand in no text (`characters` False leaves those to a caller
    who names them better).

    Raises:
        JsonError: with what is wrong, in words that go on after a name and a colon.
    """
    try:
        text = source.decode("utf-8-sig") if isinstance(source, bytes) else source.removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise JsonError(f"this is not UTF-8 text (byte {error.start:,})") from None
    try:
        value: Json = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=_float,
            parse_int=_int,
            object_pairs_hook=keys_once,
        )
    except json.JSONDecodeError as error:
        raise JsonError(f"this is not JSON ({error.msg})", line=error.lineno, column=error.colno) from None
    except RecursionError:
        raise JsonError(_too_deep(depth)) from None
    except (_Refused, RepeatedKeyError) as error:
        raise JsonError(str(error)) from None
    for path, level, leaf in _walk(value):
        if level > depth:
            raise JsonError(_too_deep(depth))
        if characters and isinstance(leaf, str) and (bad := bad_character(leaf, lines=True)) is not None:
            raise JsonError(f"{path or 'the text'} contains {named(bad)}, which can't be kept as text")
    return value


def texts_of(value: object) -> Iterator[tuple[str, str]]:
    """Every text in `value` (made of JSON's kinds), keys among them, with where it stands: ("runs.0", "imagen")."""
    for path, _, leaf in _walk(value):
        if isinstance(leaf, str):
            yield path, leaf


def _walk(value: object) -> Iterator[tuple[str, int, object]]:
    """(path, depth, leaf) of everything in `value`, without recursion; a container is its own leaf too."""
    waiting: list[tuple[str, int, object]] = [("", 0, value)]
    while waiting:
        path, level, found = waiting.pop()
        if isinstance(found, dict):
            yield path, level + 1, None
            for key, item in found.items():
                yield (path or "a name"), level, key
                waiting.append((f"{path}.{_short(key)}" if path else _short(key), level + 1, item))
        elif isinstance(found, list):
            yield path, level + 1, None
            waiting += [(f"{path}.{at}" if path else str(at), level + 1, item) for at, item in enumerate(found)]
        else:
            yield path, level, found


def _short(key: object) -> str:
    said = str(key)[:40]
    return said if said.isprintable() else repr(said)


def _too_deep(depth: int) -> str:
    return f"the JSON is nested too deeply: more than {depth} levels"


def _refuse_constant(name: str) -> NoReturn:
    raise _Refused(f"{name} is not JSON; write null or a number")


def _float(digits: str) -> float:
    value = float(digits) if len(digits) <= MOST_DIGITS else math.inf
    if not math.isfinite(value):
        raise _Refused(f"the number {digits[:20]} is too large")
    return value


def _int(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise _Refused(f"a number of {len(digits):,} digits is too large")
    return int(digits)
