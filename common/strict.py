"""Strict reading of JSON into frozen dataclasses: a field missing, unknown or of another type is an error."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from common.errors import UserError
from common.words import nearest

T = TypeVar("T")

FROM_CODE: Mapping[str, bool] = types.MappingProxyType({"from_code": True})
"""Metadata of a field that the program fills, whatever is given: messages do not offer it."""


class StrictError(UserError):
    """JSON that is not what a dataclass wants; the message names the field, what is allowed and the nearest name."""


def build(kind: type[T], given: object, what: str) -> T:
    """A dataclass from JSON's own types. `what`: how the messages name it ("training", "data").

    Lists become tuples, whole numbers stand for floats, nothing else is converted. Fields with a default may be left
    out. Fields whose type is a class or a union of classes must have been built before.

    Raises:
        StrictError: a field is missing, unknown (the nearest known one is named) or of another type.
    """
    if not isinstance(given, Mapping):
        raise StrictError(f"{what}: an object is wanted, not {_named(given)}")
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    wanted = {
        name
        for name, field in fields.items()
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    missing, extra = sorted(wanted - set(given)), sorted(str(name) for name in set(given) - set(fields))
    if missing or extra:
        told = [f"missing {', '.join(missing)}."] if missing else []
        told += [f"unknown {name}{nearest(name, fields) or '.'}" for name in extra]
        offered = ", ".join(name for name, field in fields.items() if not field.metadata.get("from_code"))
        raise StrictError(f"{what}: {' '.join(told)} Its fields: {offered}")
    hints = get_type_hints(kind)
    return kind(**{name: _checked(hints[name], value, f"{what}: {name}") for name, value in given.items()})


def chosen(name: object, known: Mapping[str, T], what: str) -> T:
    """One of a few by its name.

    Raises:
        StrictError: there is none of that name; the message has the nearest and all.
    """
    if not isinstance(name, str) or name not in known:
        hint = nearest(str(name), known) or "."
        raise StrictError(f"{what} {name!r} is unknown{hint} There are: {', '.join(known)}")
    return known[name]


def _checked(hint: Any, value: object, what: str) -> object:
    origin = get_origin(hint)
    if hint is Any:
        return value
    if origin is types.UnionType:
        if value is None and types.NoneType in get_args(hint):
            return None
        others = [one for one in get_args(hint) if one is not types.NoneType]
        if len(others) == 1:
            return _checked(others[0], value, what)
    if origin is Literal:
        if value not in get_args(hint):
            raise StrictError(f"{what} is {value!r}; it must be one of {', '.join(map(str, get_args(hint)))}")
        return value
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise StrictError(f"{what} must be a list, not {_named(value)}")
        return tuple(_checked(get_args(hint)[0], item, f"{what}: an entry") for item in value)
    if origin is dict:
        if not isinstance(value, Mapping):
            raise StrictError(f"{what} must be an object, not {_named(value)}")
        return {str(name): _checked(get_args(hint)[1], item, f"{what}: {name}") for name, item in value.items()}
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    allowed = get_args(hint) if origin is types.UnionType else (hint,)
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
        names = " or ".join(_TYPES.get(one, one.__name__) for one in allowed)
        raise StrictError(f"{what} must be {names}, not {_named(value)}")
    return value


_TYPES: dict[type, str] = {
    int: "a whole number",
    float: "a number",
    str: "a string",
    bool: "true or false",
}


def _named(value: object) -> str:
    return f"{_TYPES.get(type(value), type(value).__name__)} ({value!r:.60})"
