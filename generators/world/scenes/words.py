"""The words of the world: colours, places, numbers, and English's own rules about them."""

from __future__ import annotations

from generators.world.scenes.concepts import CONCEPTS

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (222, 38, 38),
    "orange": (247, 140, 26),
    "yellow": (247, 214, 40),
    "green": (52, 160, 62),
    "blue": (44, 96, 222),
    "purple": (136, 58, 180),
    "pink": (247, 134, 186),
    "brown": (124, 76, 42),
    "black": (34, 34, 38),
    "white": (246, 246, 246),
    "gray": (142, 146, 152),
}
"""The eleven basic colour terms, as sRGB."""

PLACES: dict[str, tuple[str, ...]] = {
    "grass": ("on the grass",),
    "street": ("on the street",),
    "sky": ("in the sky",),
    "table": ("on a table", "sitting on a table"),
    "beach": ("on the beach",),
    "snow": ("in the snow",),
    "sea": ("on the sea", "at sea"),
    "desert": ("in the desert",),
    "forest": ("in a forest", "in the forest"),
    "field": ("in a field",),
    "sea floor": ("on the sea floor",),
    "moon": ("on the moon",),
    "night sky": ("in the night sky",),
    "room": ("in a room",),
    "lake": ("on a lake",),
    "mountains": ("in the mountains",),
    "shelf": ("on a shelf", "sitting on a shelf"),
}
"""Named backgrounds and how a sentence says them."""

COUNT_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
MAX_COUNT = 10

SIZE_WORDS: dict[str, tuple[str, ...]] = {
    "small": ("small", "small", "tiny", "little"),
    "large": ("large", "large", "big", "huge", "giant"),
}

_PLURALS = {
    "luggage": "pieces of luggage",
    "headgear": "pieces of headgear",
    "spaceman": "spacemen",
    "swine": "swine",
}
"""Of synonyms that follow no rule; a concept's own plural stands in the table."""

PAIRS = ("scissors", "glasses", "sunglasses", "spectacles")
"""Plural nouns for one thing."""


def plural(noun: str) -> str:
    """More than one of it: "cars", "mice", "loaves of bread"."""
    held = CONCEPTS.get(noun)
    if held is not None and held.plural:
        return held.plural
    if noun in _PLURALS:
        return _PLURALS[noun]
    head, of, rest = noun.partition(" of ")
    if of:
        return plural(head) + of + rest
    if noun.endswith(("s", "ch", "sh", "x")):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"


def article(phrase: str) -> str:
    """The phrase with a or an before it: "an apple", "a unicorn", "a pair of red scissors"."""
    last = phrase.rpartition(" ")[2]
    if last in PAIRS and not phrase.startswith("pair of "):
        return "a pair of " + phrase
    if last == "grapes" and "bunch of" not in phrase:
        return "a bunch of " + phrase
    if phrase.startswith(("uni", "ewe")):
        return "a " + phrase
    return ("an " if phrase[0] in "aeiou" else "a ") + phrase
