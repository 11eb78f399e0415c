"""Names that are written from right to left, within sentences and tables that are not.

A page's sentences hold labels and categories as they were typed. Beside an Arabic or Hebrew name the numbers and signs
of a left-to-right sentence would change places; so each such name is put in isolates, once, in what the page is made
from. Files keep names as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from common.text import is_rightwards, isolated

NAMING = ("generator", "generator_a", "generator_b", "label", "category", "panel", "short", "reference")
"""Keys of results and specifications whose texts are names."""
NUMBERS = frozenset({"overall", "agreement", "mean", "widths", "screening", "signs"})
"""Keys of results under which stand numbers alone, most of a document: no name is looked for there."""


def rightward_names(value: Any) -> frozenset[str]:
    """The names in results or a specification that are written from right to left."""
    return frozenset(name for name in _names(value) if is_rightwards(name))


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            if key in NAMING and isinstance(each, str):
                yield each
            elif key in ("categories", "shown", "categories_not_rated"):  # categories by name, or lists of names
                yield from (name for name in each if isinstance(name, str))
            elif key not in NUMBERS and not isinstance(each, str):
                yield from _names(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _names(each)


def with_isolates(value: Any, names: frozenset[str]) -> Any:
    """JSON with each of `names` in isolates wherever it stands, alone, within a sentence or as a key."""
    if not names:
        return value
    pattern = re.compile("|".join(re.escape(name) for name in sorted(names, key=len, reverse=True)))

    def walked(part: Any) -> Any:
        if isinstance(part, str):
            return pattern.sub(lambda match: isolated(match[0]), part)
        if isinstance(part, Mapping):
            return {walked(key): walked(each) for key, each in part.items()}
        if isinstance(part, list | tuple):
            return [walked(each) for each in part]
        return part

    return walked(value)
