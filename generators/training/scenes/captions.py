"""What a scene holds, and sentences that say it. Captions are exact: they state what the picture shows.

`sample_scene` draws one; `caption_pool` draws many distinct ones, so that their text can be encoded once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

Relation = Literal["left", "right", "above", "below", "beside"]

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

PLACES: dict[str, str] = {
    "grass": "on the grass",
    "street": "on the street",
    "sky": "in the sky",
    "table": "on a table",
    "beach": "on the beach",
    "snow": "in the snow",
    "sea": "on the sea",
}
"""Named backgrounds and how a sentence says them."""

NAMES: dict[str, tuple[str, ...]] = {
    "car": ("car", "car", "automobile"),
    "clock": ("clock", "alarm clock"),
    "ball": ("ball", "soccer ball"),
    "cup": ("cup", "cup of coffee", "mug"),
    "hat": ("hat", "top hat"),
    "flower": ("flower", "tulip"),
    "boat": ("boat", "sailboat"),
    "bicycle": ("bicycle", "bike"),
    "donut": ("donut", "doughnut"),
    "airplane": ("airplane", "plane"),
    "glass": ("wine glass",),
    "couch": ("couch", "sofa"),
    "television": ("television", "tv"),
    "guitar": ("guitar", "electric guitar"),
    "shoe": ("shoe", "sneaker"),
    "hamburger": ("hamburger", "burger"),
    "cake": ("cake", "birthday cake"),
    "rabbit": ("rabbit", "bunny"),
    "panda": ("panda", "panda bear"),
}
"""What a concept is called besides its own name."""

COUNT_WORDS = ("zero", "one", "two", "three", "four", "five")
PLURALS = {"sheep": "sheep", "fish": "fish", "cup of coffee": "cups of coffee", "bunny": "bunnies", "bus": "buses"}


@dataclass(frozen=True, slots=True)
class Thing:
    """`count` objects of one concept; `colour` None leaves it as it is drawn in nature (or by the icon's artist)."""

    concept: str
    colour: str | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class Scene:
    """One or two things. `relation`: of the first to the second. `background`: a colour, a place or None."""

    things: tuple[Thing, ...]
    caption: str
    relation: Relation | None = None
    background: str | None = None


def held_out(colour: str, concept: str) -> bool:
    """Whether a pair is kept from training, about one in ten, to see whether colour and object come apart."""
    return hashlib.sha256(f"{colour} {concept}".encode()).digest()[0] < 26


def plural(noun: str) -> str:
    """More than one of it."""
    if noun in PLURALS:
        return PLURALS[noun]
    if noun.endswith(("s", "ch", "sh", "x")):
        return noun + "es"
    return noun + "s"


def article(phrase: str) -> str:
    """The phrase with a or an before it."""
    return ("an " if phrase[0] in "aeiou" else "a ") + phrase


def sample_scene(rng: np.random.Generator, concepts: Sequence[str], *, unseen: bool = False) -> Scene:
    """One scene with its caption. `unseen`: only held-out pairs of colour and concept, else none of them."""
    kind = rng.choice(4, p=(0.45, 0.2, 0.2, 0.15))
    if kind == 0:
        return _single(rng, concepts, unseen)
    if kind == 1:
        return _counted(rng, concepts, unseen)
    return _pair(rng, concepts, unseen, with_relation=kind == 2)


def caption_pool(size: int, concepts: Sequence[str], seed: int) -> list[Scene]:
    """About `size` scenes with distinct captions, the same for the same seed."""
    rng = np.random.Generator(np.random.Philox(seed))
    pool: dict[str, Scene] = {}
    for _ in range(size * 3):
        scene = sample_scene(rng, concepts)
        pool.setdefault(scene.caption, scene)
        if len(pool) == size:
            break
    return list(pool.values())


def _thing(rng: np.random.Generator, concepts: Sequence[str], unseen: bool, coloured: float, count: int = 1) -> Thing:
    while True:
        concept = concepts[int(rng.integers(len(concepts)))]
        if not unseen and rng.random() >= coloured:
            return Thing(concept, None, count)
        colour = list(COLOURS)[rng.integers(len(COLOURS))]
        if held_out(colour, concept) == unseen:
            return Thing(concept, colour, count)


def _noun(rng: np.random.Generator, concept: str) -> str:
    names = NAMES.get(concept, (concept,))
    return names[int(rng.integers(len(names)))]


def _phrase(rng: np.random.Generator, thing: Thing) -> str:
    """ "a red car", "three red cars", "a red colored car"."""
    noun = _noun(rng, thing.concept)
    colour = "" if thing.colour is None else thing.colour + (" colored " if rng.random() < 0.15 else " ")
    if thing.count == 1:
        return ("one " + colour + noun) if rng.random() < 0.1 else article(colour + noun)
    word = COUNT_WORDS[thing.count] if rng.random() < 0.85 else str(thing.count)
    return f"{word} {colour}{plural(noun)}"


def _background(rng: np.random.Generator, things: Sequence[Thing]) -> tuple[str | None, str]:
    """A background and the words for it; never the colour of a thing on it."""
    draw = rng.random()
    used = {thing.colour for thing in things}
    if draw < 0.6:
        return None, ""
    if draw < 0.75:
        free = [name for name in COLOURS if name not in used]
        colour = free[rng.integers(len(free))]
        return colour, f" on {article(colour)} background"
    place = list(PLACES)[rng.integers(len(PLACES))]
    return place, " " + PLACES[place]


def _dressed(rng: np.random.Generator, sentence: str) -> str:
    """DrawBench's own dress now and then: a capital and a full stop, or a photo of it."""
    draw = rng.random()
    if draw < 0.12:
        sentence = "a photo of " + sentence
    elif draw < 0.18:
        sentence = "a picture of " + sentence
    if rng.random() < 0.4:
        sentence = sentence[0].upper() + sentence[1:] + "."
    return sentence


def _single(rng: np.random.Generator, concepts: Sequence[str], unseen: bool) -> Scene:
    thing = _thing(rng, concepts, unseen, coloured=0.65)
    background, words = _background(rng, (thing,))
    if thing.colour is not None and rng.random() < 0.12:
        sentence = f"{article(_noun(rng, thing.concept))} that is {thing.colour}"
    else:
        sentence = _phrase(rng, thing)
    return Scene((thing,), _dressed(rng, sentence + words), background=background)


def _counted(rng: np.random.Generator, concepts: Sequence[str], unseen: bool) -> Scene:
    count = int(rng.integers(2, 6))
    thing = _thing(rng, concepts, unseen, coloured=0.5, count=count)
    background, words = _background(rng, (thing,))
    return Scene((thing,), _dressed(rng, _phrase(rng, thing) + words), background=background)


def _pair(rng: np.random.Generator, concepts: Sequence[str], unseen: bool, *, with_relation: bool) -> Scene:
    first = _thing(rng, concepts, unseen, coloured=0.6)
    while True:
        second = _thing(rng, concepts, unseen, coloured=0.6)
        if second.concept != first.concept:
            break
    one, two = _phrase(rng, first), _phrase(rng, second)
    relation: Relation = "beside"
    sentence = f"{one} and {two}"
    if with_relation:
        options: tuple[tuple[Relation, tuple[str, ...]], ...] = (
            ("left", ("to the left of", "on the left of")),
            ("right", ("to the right of", "on the right of")),
            ("above", ("above", "on top of")),
            ("below", ("below", "under", "underneath")),
        )
        relation, phrases = options[rng.integers(len(options))]
        sentence = f"{one} {phrases[rng.integers(len(phrases))]} {two}"
    elif rng.random() < 0.25:
        sentence = f"{one} next to {two}"
    background, words = _background(rng, (first, second)) if rng.random() < 0.5 else (None, "")
    return Scene((first, second), _dressed(rng, sentence + words), relation, background)
