"""`common.strict` for a training's configuration: what is wrong in it is a `ConfigError`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from common import strict
from common.strict import StrictError
from generators.cascade.configs import ConfigError

T = TypeVar("T")


def build(kind: type[T], given: object, what: str) -> T:
    """As `common.strict.build`.

    Raises:
        ConfigError: a field is missing, unknown (the nearest known one is named) or of another type.
    """
    try:
        return strict.build(kind, given, what)
    except StrictError as error:
        raise ConfigError(str(error)) from None


def chosen(name: object, known: Mapping[str, T], what: str) -> T:
    """As `common.strict.chosen`.

    Raises:
        ConfigError: there is none of that name; the message has the nearest and all.
    """
    try:
        return strict.chosen(name, known, what)
    except StrictError as error:
        raise ConfigError(str(error)) from None
