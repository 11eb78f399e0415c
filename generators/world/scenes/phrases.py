"""Words for things and their ground, and the dress of whole sentences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from generators.world.scenes.concepts import concept
from generators.world.scenes.drawings import natural_colours
from generators.world.scenes.truth import Thing
from generators.world.scenes.words import COLOURS, COUNT_WORDS, PLACES, SIZE_WORDS, article, plural

T = TypeVar("T")

COLOUR_NAMES = tuple(COLOURS)
PLACE_NAMES = tuple(PLACES)


@dataclass(frozen=True, slots=True)
class Chance:
    """Randomness with the handful of questions that scenes ask of it."""

    rng: np.random.Generator

    def happens(self, probability: float) -> bool:
        """Whether something of that probability does."""
        return self.rng.random() < probability

    def below(self, n: int) -> int:
        """0 to n - 1."""
        return int(self.rng.random() * n)

    def one(self, options: Sequence[T]) -> T:
        """One of them."""
        return options[int(self.rng.random() * len(options))]


def noun(chance: Chance, name: str) -> str:
    """The concept's own name mostly, else another that is common."""
    others = concept(name).names
    return chance.one(others) if others and chance.happens(0.25) else name


def colour_word(chance: Chance, colour: str) -> str:
    """Both spellings of gray."""
    return chance.one(("gray", "grey")) if colour == "gray" else colour


def phrase(chance: Chance, thing: Thing, *, called: str | None = None, bare: bool = False) -> str:
    """ "a red car", "three small red cars", "a red colored car". `bare`: without article or number."""
    word = called or noun(chance, thing.concept)
    many = thing.count > 1
    parts = []
    if thing.size is not None:
        parts.append(chance.one(SIZE_WORDS[thing.size]))
    parts += _colour_words(chance, thing)
    parts.append(plural(word) if many else word)
    words = " ".join(parts)
    if bare:
        return words
    if many:
        number = COUNT_WORDS[thing.count] if chance.happens(0.85) else str(thing.count)
        return f"{number} {words}"
    if chance.happens(0.08):
        return _numbered(words, chance.one(("one", "a single")))
    return article(words)


def singled(chance: Chance, thing: Thing, called: str) -> str:
    """ "one red car", "a single pair of scissors"."""
    number = chance.one(("one", "a single", "exactly one"))
    return _numbered(phrase(chance, thing, called=called, bare=True), number)


def _numbered(words: str, number: str) -> str:
    return f"{number} {article(words).split(' ', 1)[1]}"  # by way of the article, for pairs of scissors


def _colour_words(chance: Chance, thing: Thing) -> list[str]:
    if thing.pattern == "rainbow":
        return [chance.one(("rainbow", "rainbow coloured", "rainbow colored"))]
    if thing.colour is None:
        return []
    words = colour_word(chance, thing.colour)
    if thing.second_colour is not None and thing.pattern is not None:
        return [f"{words} and {colour_word(chance, thing.second_colour)} {thing.pattern}"]
    if chance.happens(0.15):
        words += chance.one((" colored", " coloured"))
    return [words]


def ground(chance: Chance, things: Sequence[Thing], *, plain: float = 0.5) -> tuple[str | None, str]:
    """A background and the words for it; never the colour of a thing on it, said or its own.

    `plain`: how often nothing is said.
    """
    draw = chance.rng.random()
    if draw < plain:
        return None, ""
    if draw < plain + (1 - plain) * 0.35:
        used: set[str | None] = set()
        for thing in things:
            used |= {thing.colour, thing.second_colour} if thing.colour else natural_colours(thing.concept)
        free = [name for name in COLOUR_NAMES if name not in used]
        if not free:
            return None, ""
        colour = chance.one(free)
        return colour, f" {chance.one(('on', 'against'))} {article(colour_word(chance, colour))} background"
    place = chance.one(PLACE_NAMES)
    return place, " " + chance.one(PLACES[place])


def dressed(chance: Chance, sentence: str) -> str:
    """A sentence as people write prompts: "a photo of ..", DrawBench's capital and full stop, or bare."""
    draw = chance.rng.random()
    if draw < 0.1:
        sentence = f"a photo of {sentence}"
    elif draw < 0.25:
        opening = chance.one(("a picture", "an illustration", "a drawing", "an emoji", "clip art", "an image"))
        sentence = f"{opening} of {sentence}"
    if chance.happens(0.45):
        sentence = sentence[0].upper() + sentence[1:] + "."
    return sentence


def misspelled(chance: Chance, sentence: str) -> str:
    """The sentence with about one slip in four words: letters swapped, doubled, dropped, put in or changed."""
    words = sentence.split(" ")
    long = [index for index, word in enumerate(words) if len(word) > 3]
    if not long:
        return sentence
    wrong = [index for index in long if chance.happens(0.4)] or [chance.one(long)]
    for index in wrong:
        words[index] = chance.one(_SLIPS)(chance, words[index])
    return " ".join(words)


def _letter(chance: Chance) -> str:
    return chance.one("abcdefghiklmnoprstuvwxyz")


def _swap(chance: Chance, word: str) -> str:
    at = 1 + chance.below(len(word) - 2)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _double(chance: Chance, word: str) -> str:
    at = 1 + chance.below(len(word) - 1)
    return word[:at] + word[at - 1] + word[at:]


def _drop(chance: Chance, word: str) -> str:
    at = 1 + chance.below(len(word) - 1)
    return word[:at] + word[at + 1 :]


def _put_in(chance: Chance, word: str) -> str:
    at = 1 + chance.below(len(word) - 1)
    return word[:at] + _letter(chance) + word[at:]


def _change(chance: Chance, word: str) -> str:
    at = 1 + chance.below(len(word) - 1)
    return word[:at] + _letter(chance) + word[at + 1 :]


_SLIPS: tuple[Callable[[Chance, str], str], ...] = (_swap, _swap, _double, _drop, _put_in, _change)
