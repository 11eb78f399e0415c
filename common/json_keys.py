"""JSON in which no key stands twice: the library keeps the last one and says nothing."""

from __future__ import annotations

from collections.abc import Sequence

from common.errors import UserError


class RepeatedKeyError(UserError):
    """An object of JSON that names one key twice."""


def keys_once(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    """An object from its pairs: `json.loads(text, object_pairs_hook=keys_once)`.

    Raises:
        RepeatedKeyError: a key stands twice.
    """
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise RepeatedKeyError(f'the key "{key}" stands twice')
        found[key] = value
    return found
