"""Which prompt some words mean: whole texts first, from strict to loose, and only then texts that were cut short."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from common.text import look

SHORTEST_PREFIX = 12
"""Letters and digits that a shortened prompt in a name must keep to be recognised."""


_NO_LETTERS = re.compile(r"[^a-z0-9]+")


def compact(text: str) -> str:
    """Only the letters and digits of `text`, without case and accents: what survives any way of making file names."""
    if text.isascii():  # as most are, ten thousand of them at once
        return _NO_LETTERS.sub("", text.lower())
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(letter for letter in plain if letter.isalnum())


def _signs(text: str) -> str:
    """Letters with their accents, digits and signs such as emoji, without case: what most ways keep."""
    if text.isascii():
        return compact(text)
    plain = look(text).casefold()
    return "".join(each for each in plain if each.isalnum() or (not each.isascii() and _is_sign(each)))


def _is_sign(letter: str) -> bool:
    return unicodedata.category(letter)[0] == "M" or unicodedata.category(letter) in ("So", "Sm", "Sc", "Sk")


def _folded(text: str) -> str:
    return look(text).casefold()


_WAYS: tuple[Callable[[str], str], ...] = (look, _folded, _signs, compact)
"""How two texts are compared, the strictest first: a match by one of them wins before any by the next."""
_STRICT = 3
"""So many of the ways tell apart what people tell apart ("resume" and "résumé"); the last does not."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Positions of the prompts that words can mean; more than one: it can't be told. `exact`: as a whole, accents and
    signs included; `whole`: as a whole, however loosely.
    """

    positions: tuple[int, ...] = ()
    exact: bool = False
    whole: bool = False


@dataclass(slots=True)
class PromptTexts:
    """Finds prompts by words."""

    texts: Sequence[str]
    seen: dict[str, object] = field(default_factory=dict)
    """What was made of each piece of a name: thousands of files share their folders' names."""
    _whole: tuple[dict[str, list[int]], ...] = field(default_factory=lambda: tuple(defaultdict(list) for _ in _WAYS))
    _ordered: tuple[list[tuple[str, int]], ...] = field(default_factory=lambda: ([], []))

    def __post_init__(self) -> None:
        for position, text in enumerate(self.texts):
            for way, found in zip(_WAYS, self._whole, strict=True):
                if key := way(text):
                    found[key].append(position)
            for way, ordered in zip(_WAYS[-2:], self._ordered, strict=True):
                if key := way(text):
                    ordered.append((key, position))
        for ordered in self._ordered:
            ordered.sort()

    def whole(self, words: str) -> Fit:
        """The prompts whose whole text `words` is."""
        for at, (way, found) in enumerate(zip(_WAYS, self._whole, strict=True)):
            if (key := way(words)) and key in found:
                return Fit(tuple(found[key]), exact=at < _STRICT, whole=True)
        return Fit()

    def find(self, words: str) -> Fit:
        """The prompts that `words`, in a name, may stand for: their whole texts, else their beginnings."""
        if (fit := self.whole(words)).positions:
            return fit
        for way, ordered in zip(_WAYS[-2:], self._ordered, strict=True):
            key = way(words)
            if len(key) >= SHORTEST_PREFIX and (found := _begun(ordered, key)):
                return Fit(found)
        return Fit()

    def begun(self, key: str) -> tuple[int, ...]:
        """The prompts that begin with `key`, as `compact` has both."""
        return _begun(self._ordered[-1], key)


def _begun(ordered: list[tuple[str, int]], key: str) -> tuple[int, ...]:
    found = []
    for at in range(bisect_left(ordered, (key, -1)), len(ordered)):
        text, position = ordered[at]
        if not text.startswith(key):
            break
        found.append(position)
    return tuple(found)
