"""Answers about a pair: ours, and the words that other programs have for them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from common.tables import plain_heading
from common.words import nearest

CHOICES = ("a", "indifferent", "b")
_SIDES = {
    "a": ("a", "left", "l", "model a", "image a", "generator a", "option a", "first", "a is better", "left is better"),
    "b": (
        "b",
        "right",
        "r",
        "model b",
        "image b",
        "generator b",
        "option b",
        "second",
        "b is better",
        "right is better",
    ),
}
_MORE_SIDES = {
    "a": ("a better", "left better", "image 1", "model 1", "left image", "first image", "a>b", "a > b", "left model"),
    "b": (
        "b better",
        "right better",
        "image 2",
        "model 2",
        "right image",
        "second image",
        "b>a",
        "b > a",
        "right model",
    ),
}
_TIES = (
    *("indifferent", "tie", "tied", "ties", "draw", "equal", "equally good", "same", "about the same", "no preference"),
    *("both", "both good", "similar", "no difference", "a=b", "a = b", "=", "undecided", "neutral", "equally"),
)
BAD = ("both bad", "bothbad", "tie (bothbad)", "tie (both bad)", "neither", "none", "both are bad", "tie bothbad")
SIDE_WORDS = frozenset({"left", "right", "l", "r", "left is better", "right is better", "left image", "right image"})
"""Words that say a side: with them the first generator is known to have been shown on the left."""

WORDS: Mapping[str, str] = MappingProxyType(
    {word: ours for table in (_SIDES, _MORE_SIDES) for ours, words in table.items() for word in words}
    | dict.fromkeys((*_TIES, *BAD), "indifferent")
)
"""Plain words (``plain_heading``) and the answer that they mean."""


def hint_for(text: str) -> str:
    """The message for an unknown answer: the word that it may mean, and the option that would do."""
    plain = plain_heading(text)
    if plain in WORDS and plain not in CHOICES:
        return f'; where it means "{WORDS[plain]}", name it with --choice-map {text.strip()}={WORDS[plain]}.'
    if plain in ("0", "1", "2", "-1", "3"):
        return "; numbers are not guessed: say what they mean, such as --choice-map 1=a,2=b,0=indifferent."
    return nearest(text.strip().lower(), CHOICES) or "."
