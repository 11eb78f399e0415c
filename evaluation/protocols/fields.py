"""Reading one mapping of a declaration: which keys it may have, and each value as the type that it must be."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import TypeVar

from common.words import nearest
from evaluation.protocols.errors import listed, path_in_words
from evaluation.protocols.tree import Item

Word = TypeVar("Word", bound=str)


def of_kind(item: Item) -> str:
    """What stands there, for messages: `a list`, `the number 3`, `the text "yes"`."""
    value = item.value
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, tuple):
        return "a list"
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return f'the text "{value if len(value) <= 40 else value[:37] + "..."}"'
    return f"{'the number ' if not isinstance(value, bool) else ''}{item.text}"


def text_of(item: Item) -> str:
    """A text that is not empty, without white space around it; a plain word or number counts as it is written."""
    if isinstance(item.value, dict | tuple | None) or not item.text.strip():
        item.fail(f"{path_in_words(item.path)} must be a text; there is {of_kind(item)}")
    return item.text.strip()


class Fields:
    """The fields of one mapping.

    Args:
        item: what stands there.
        what: what it is, for messages: "a question of kind scale".
        allowed: the keys that it may have.

    Raises:
        ProtocolError: it is no mapping, or has another key (with the nearest).
    """

    def __init__(self, item: Item, what: str, allowed: Collection[str]) -> None:
        if not isinstance(item.value, dict):
            item.fail(f"{path_in_words(item.path)} must be a mapping ({what}); there is {of_kind(item)}")
        self.item, self.what, self.items = item, what, item.value
        for key, each in item.value.items():
            if key not in allowed:
                hint = nearest(key, allowed) or "."
                each.fail(f"{path_in_words(item.path)} has no key {key!r}{hint} {what} may have: {listed([*allowed])}")

    def __contains__(self, key: str) -> bool:
        """Whether the key is there with a value; `key:` and `key: null` count as left out."""
        return key in self.items and self.items[key].value is not None

    def get(self, key: str) -> Item:
        """What the key holds. Raises ProtocolError where it is left out."""
        if key not in self:
            place = self.items.get(key, self.item)
            place.fail(f"{path_in_words(self.item.path)} lacks {key!r}; {self.what} needs it")
        return self.items[key]

    def text(self, key: str, default: str | None = None) -> str:
        """A text; `default` where it is left out (None: it must be there)."""
        return default if default is not None and key not in self else text_of(self.get(key))

    def optional_text(self, key: str) -> str | None:
        return text_of(self.get(key)) if key in self else None

    def integer(self, key: str, default: int | None = None) -> int:
        if default is not None and key not in self:
            return default
        item = self.get(key)
        if isinstance(item.value, bool) or not isinstance(item.value, int):
            item.fail(f"{path_in_words(item.path)} must be a whole number; there is {of_kind(item)}")
        return item.value

    def number(self, key: str) -> int | float:
        """A finite number; a whole one comes as int."""
        item = self.get(key)
        value = item.value
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            item.fail(f"{path_in_words(item.path)} must be a number; there is {of_kind(item)}")
        return int(value) if float(value).is_integer() else float(value)

    def flag(self, key: str, default: bool) -> bool:
        if key not in self:
            return default
        item = self.get(key)
        if not isinstance(item.value, bool):
            item.fail(f"{path_in_words(item.path)} must be true or false; there is {of_kind(item)}")
        return item.value

    def one_of(self, key: str, words: Sequence[Word], default: Word | None = None) -> Word:
        """One of `words`."""
        if default is not None and key not in self:
            return default
        item = self.get(key)
        for word in words:
            if item.text == word:
                return word
        hint = nearest(item.text, words) or "."
        return item.fail(f"{path_in_words(item.path)} can't be {item.text!r}{hint} Allowed: {listed(words)}")

    def list(self, key: str) -> tuple[Item, ...]:
        """The items of a list; none where it is left out."""
        if key not in self:
            return ()
        item = self.get(key)
        if not isinstance(item.value, tuple):
            item.fail(f"{path_in_words(item.path)} must be a list; there is {of_kind(item)}")
        return item.value

    def mapping(self, key: str) -> dict[str, Item]:
        """What stands under a mapping's keys, whatever they are; empty where it is left out."""
        if key not in self:
            return {}
        item = self.get(key)
        if not isinstance(item.value, dict):
            item.fail(f"{path_in_words(item.path)} must be a mapping; there is {of_kind(item)}")
        return item.value
