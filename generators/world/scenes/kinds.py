"""The kinds of scenes, one function each: what the picture holds, and a sentence in the shape of DrawBench's own.

Each takes a `Draw` and returns one scene. Some can't keep what is held out in mind while they choose; `captions` asks
again then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from generators.world.scenes.concepts import concept
from generators.world.scenes.phrases import (
    COLOUR_NAMES,
    Chance,
    colour_word,
    dressed,
    ground,
    misspelled,
    noun,
    phrase,
    singled,
)
from generators.world.scenes.roles import BOARDS, CONTAINERS, HEADS, HEADWEAR, MOUNTS, RIDERS
from generators.world.scenes.sign_words import sign_text
from generators.world.scenes.truth import Relation, Scene, Sign, Thing
from generators.world.scenes.words import article, plural


@dataclass(frozen=True, slots=True)
class Cast:
    """The concepts at hand by what they can do."""

    names: tuple[str, ...]
    chances: tuple[float, ...]
    """Cumulative, the last one 1."""
    glossed: tuple[str, ...]
    rare: tuple[str, ...]
    containers: tuple[str, ...]
    wearers: tuple[str, ...]
    headwear: tuple[str, ...]
    riders: tuple[str, ...]
    mounts: tuple[str, ...]
    boards: tuple[str, ...]


@lru_cache(maxsize=32)
def cast(concepts: tuple[str, ...], often: tuple[tuple[str, float], ...] = ()) -> Cast:
    """Sorts concepts into roles. Boards that are only there to carry words are no objects for other scenes.

    Sprites with such boards have letters too: without one, a book or a T-shirt carries no words. `often`: concepts, and
    how many times more often than their weight says they are drawn.
    """
    times = dict(often)
    names = tuple(name for name in concepts if concept(name).kind != "board") or concepts
    sums = np.cumsum([concept(name).weight * times.get(name, 1.0) for name in names])
    riders = tuple(name for name in names if concept(name).kind in RIDERS)
    headwear = tuple(name for name in names if name in HEADWEAR)
    return Cast(
        names=names,
        chances=tuple((sums / sums[-1]).tolist()),
        glossed=tuple(name for name in names if concept(name).gloss),
        rare=tuple(name for name in names if concept(name).rare),
        containers=tuple(name for name in names if name in CONTAINERS),
        wearers=tuple(name for name in names if name in HEADS and headwear),
        headwear=headwear,
        riders=riders,
        mounts=tuple(name for name in names if name in MOUNTS and set(riders) - {name}),
        boards=tuple(name for name in concepts if name in BOARDS and len(names) < len(concepts)),
    )


@dataclass(frozen=True, slots=True)
class Draw:
    """What a kind of scene draws from."""

    chance: Chance
    cast: Cast

    def name(self, other_than: Sequence[str] = ()) -> str:
        """A concept, by weight; of others than these as long as there are any."""
        while True:
            found = self.cast.names[int(np.searchsorted(self.cast.chances, self.chance.rng.random(), side="right"))]
            if found not in other_than or len(self.cast.names) <= len(other_than):
                return found

    def colour(self, share: float) -> str | None:
        """A colour in that share of cases."""
        return self.chance.one(COLOUR_NAMES) if self.chance.happens(share) else None

    def thing(self, share: float, *, other_than: Sequence[str] = (), count: int = 1) -> Thing:
        """A concept, coloured in that share of cases."""
        return Thing(self.name(other_than), self.colour(share), count)


def single(draw: Draw) -> Scene:
    """ "A red colored car.", "a cat on the grass", "a lemon that is blue"."""
    chance, thing = draw.chance, draw.thing(0.7)
    background, words = ground(chance, (thing,))
    style = chance.rng.random()
    if thing.colour is not None and style < 0.1:
        sentence = f"{article(noun(chance, thing.concept))} that is {colour_word(chance, thing.colour)}"
    elif thing.colour is not None and style < 0.16:
        sentence = f"{article(noun(chance, thing.concept))}, {colour_word(chance, thing.colour)} all over"
    else:
        sentence = phrase(chance, thing)
    return Scene((thing,), dressed(chance, sentence + words), background=background, category="Colors")


def patterned(draw: Draw) -> Scene:
    """ "A rainbow coloured penguin.", "a black and white striped strawberry"."""
    chance, name = draw.chance, draw.name()
    if chance.happens(0.3):
        thing = Thing(name, pattern="rainbow")
    else:
        first = chance.one(COLOUR_NAMES)
        second = chance.one([colour for colour in COLOUR_NAMES if colour != first])
        thing = Thing(name, first, pattern=chance.one(("striped", "spotted")), second_colour=second)
    background, words = ground(chance, (thing,))
    return Scene(
        (thing,), dressed(chance, phrase(chance, thing) + words), background=background, category="Conflicting"
    )


def pair(draw: Draw) -> Scene:
    """ "A red car and a white sheep."."""
    chance = draw.chance
    first = draw.thing(0.75)
    second = draw.thing(0.75, other_than=(first.concept,))
    beside = chance.happens(0.3)
    joint = chance.one(("next to", "beside")) if beside else "and"
    background, words = ground(chance, (first, second), plain=0.6)
    sentence = f"{phrase(chance, first)} {joint} {phrase(chance, second)}{words}"
    return Scene(
        (first, second), dressed(chance, sentence), "beside" if beside else None, background, category="Colors"
    )


COUNT_CHANCES = np.cumsum([0.1, 0.2, 0.2, 0.17, 0.16, 0.05, 0.04, 0.03, 0.03, 0.02])
"""Of one to ten: one to five often, as the suites ask."""


def counted(draw: Draw) -> Scene:
    """ "Three cars on the street.", "A couple of glasses are sitting on a table."."""
    chance = draw.chance
    count = 1 + int(np.searchsorted(COUNT_CHANCES, chance.rng.random() * COUNT_CHANCES[-1], side="right"))
    thing = draw.thing(0.35, count=count)
    background, words = ground(chance, (thing,))
    called = noun(chance, thing.concept)
    if count == 1:
        sentence = singled(chance, thing, called)
    elif count == 2 and chance.happens(0.2):
        opening = chance.one(("a couple of", "a pair of"))
        sentence = f"{opening} {phrase(chance, thing, called=called, bare=True)}"
    else:
        sentence = phrase(chance, thing, called=called)
        if chance.happens(0.08):
            sentence = f"exactly {sentence}"
    if words.startswith(" sitting on"):
        words = (" is" if count == 1 else " are") + words
    return Scene((thing,), dressed(chance, sentence + words), background=background, category="Counting")


def groups(draw: Draw) -> Scene:
    """ "One cat and two dogs sitting on the grass.", "one house, two trees and three clouds"."""
    chance = draw.chance
    kinds = 3 if chance.happens(0.2) else 2
    most = 4 if kinds == 2 else 3
    things: list[Thing] = []
    for _ in range(kinds):
        count = 1 + chance.below(most)
        things.append(draw.thing(0.15, other_than=[thing.concept for thing in things], count=count))
    background, words = ground(chance, things)
    if words.startswith((" on the", " in the")) and all(concept(thing.concept).kind == "animal" for thing in things):
        words = chance.one(("", " sitting")) + words
    said = [
        phrase(chance, thing) if thing.count > 1 else singled(chance, thing, noun(chance, thing.concept))
        for thing in things
    ]
    sentence = ", ".join(said[:-1]) + f" and {said[-1]}"
    return Scene(tuple(things), dressed(chance, sentence + words), background=background, category="Counting")


RELATION_WORDS: dict[Relation, tuple[str, ...]] = {
    "left": ("on the left of", "to the left of", "left of"),
    "right": ("on the right of", "to the right of", "right of"),
    "above": ("above", "over", "floating above"),
    "below": ("below", "beneath"),
    "on": ("on top of", "on top of", "on", "standing on", "sitting on"),
    "under": ("under", "underneath", "underneath"),
    "in front of": ("in front of", "standing in front of"),
    "behind": ("behind", "standing behind"),
}


def related(draw: Draw) -> Scene:
    """ "A banana on the left of an apple.", "A train on top of a surfboard."."""
    chance = draw.chance
    first = draw.thing(0.3)
    second = draw.thing(0.3, other_than=(first.concept,))
    relation = chance.one(tuple(RELATION_WORDS))
    background, words = ground(chance, (first, second), plain=0.75)
    one, other = phrase(chance, first), phrase(chance, second)
    sentence = f"{one} {chance.one(RELATION_WORDS[relation])} {other}"
    style = chance.rng.random()
    if relation in ("left", "right") and style < 0.12:
        sentence = f"{other} with {one} to its {relation}"
    elif style < 0.2:
        sentence = f"{one} is {chance.one(RELATION_WORDS[relation])} {other}"
    return Scene((first, second), dressed(chance, sentence + words), relation, background, category="Positional")


def inside(draw: Draw) -> Scene:
    """ "A frog inside a box."."""
    chance = draw.chance
    holder = Thing(chance.one(draw.cast.containers), draw.colour(0.4))
    held = draw.thing(0.3, other_than=draw.cast.containers)
    words = chance.one(("in", "inside", "sitting in"))
    sentence = f"{phrase(chance, held)} {words} {phrase(chance, holder)}"
    return Scene((held, holder), dressed(chance, sentence), "inside", category="Positional")


def riding(draw: Draw) -> Scene:
    """ "A panda riding a bicycle."."""
    chance = draw.chance
    mount = Thing(chance.one(draw.cast.mounts), draw.colour(0.3))
    others = [name for name in draw.cast.riders if name != mount.concept]
    rider = Thing(chance.one(others), draw.colour(0.2))
    background, words = ground(chance, (rider, mount))
    sentence = f"{phrase(chance, rider)} riding {phrase(chance, mount)}{words}"
    return Scene((rider, mount), dressed(chance, sentence), "riding", background, category="Conflicting")


def wearing(draw: Draw) -> Scene:
    """ "An emoji of a panda wearing a red hat."."""
    chance = draw.chance
    wearer = Thing(chance.one(draw.cast.wearers), draw.colour(0.15))
    worn = Thing(chance.one(draw.cast.headwear), draw.colour(0.85))
    background, words = ground(chance, (wearer, worn), plain=0.6)
    joint = chance.one(("wearing", "wearing", "in"))
    sentence = f"{phrase(chance, wearer)} {joint} {phrase(chance, worn)}{words}"
    return Scene((wearer, worn), dressed(chance, sentence), "wearing", background, category="DALL-E")


def sized(draw: Draw) -> Scene:
    """ "A small blue book sitting on a large red book.", "a tiny ant beside a huge elephant"."""
    chance = draw.chance
    sizes = ("small", "large") if chance.happens(0.5) else ("large", "small")
    first = replace(draw.thing(0.6), size=sizes[0])
    second = replace(draw.thing(0.6), size=sizes[1])
    options: tuple[tuple[Relation | None, str], ...] = (
        ("beside", "next to"), ("beside", "beside"), (None, "and"), ("on", "sitting on"), ("on", "on top of"),
        ("left", "on the left of"), ("right", "on the right of"), ("in front of", "in front of"), ("behind", "behind"),
    )  # fmt: skip
    relation, words = chance.one(options)
    if relation == "behind" and sizes[0] == "small":  # it could not be seen
        relation, words = "in front of", "in front of"
    if relation == "in front of" and sizes[0] == "large":
        relation, words = "behind", "behind"
    sentence = f"{phrase(chance, first)} {words} {phrase(chance, second)}"
    return Scene((first, second), dressed(chance, sentence), relation, category="DALL-E")


def stacked(draw: Draw) -> Scene:
    """ "A stack of 3 plates. A blue plate is on the top, sitting on a red plate. ..", from top to bottom."""
    chance, name = draw.chance, draw.name()
    colours = [chance.one(COLOUR_NAMES) for _ in range(3)]
    top, middle, bottom = (colour_word(chance, colour) for colour in colours)
    number = chance.one(("3", "three"))
    if chance.happens(0.5):
        caption = (
            f"A stack of {number} {plural(name)}. {article(f'{top} {name}').capitalize()} is on the top, sitting on "
            f"{article(f'{middle} {name}')}. The {middle} {name} is in the middle, sitting on "
            f"{article(f'{bottom} {name}')}. The {bottom} {name} is on the bottom."
        )
    else:
        caption = (
            f"{article(f'{top} {name}')} on {article(f'{middle} {name}')} on {article(f'{bottom} {name}')}, "
            f"a stack of {number} {plural(name)}"
        )
    things = tuple(Thing(name, colour) for colour in colours)
    return Scene(things, caption, "on", category="DALL-E")


def described(draw: Draw) -> Scene:
    """A definition in place of a name."""
    chance, name = draw.chance, draw.chance.one(draw.cast.glossed)
    gloss = concept(name).gloss
    if chance.happens(0.6):
        gloss = gloss[0].upper() + gloss[1:] + "."
    return Scene((Thing(name),), gloss, intended=name, category="Descriptions")


def rare(draw: Draw) -> Scene:
    """A word that few people use."""
    chance, name = draw.chance, draw.chance.one(draw.cast.rare)
    thing = Thing(name, draw.colour(0.4))
    word = chance.one(concept(name).rare)
    if thing.colour is None and chance.happens(0.4):
        return Scene((thing,), word.capitalize() + ".", intended=name, category="Rare Words")
    meant = f"{thing.colour} {name}" if thing.colour else name
    sentence = dressed(chance, phrase(chance, thing, called=word))
    return Scene((thing,), sentence, intended=meant, category="Rare Words")


def misspelling(draw: Draw) -> Scene:
    """ "Two whiet swans.": another scene with slips."""
    chance = draw.chance
    scene = chance.one((single, single, counted, pair))(draw)
    if chance.happens(0.25) and len(scene.things) == 1 and scene.things[0].count == 1:
        thing = Thing(scene.things[0].concept)
        bare = thing.concept[0].upper() + thing.concept[1:] + "."
        return Scene((thing,), misspelled(chance, bare), intended=thing.concept, category="Misspellings")
    slipped = misspelled(chance, scene.caption)
    return replace(scene, caption=slipped, intended=scene.caption, category="Misspellings")


_WRITTEN: dict[str, tuple[str, ...]] = {
    "sign": ("{a} that says {q}", "{a} that says {q}", "{a} with {q} written on it", "{a} reading {q}", "{q} on {a}"),
    "storefront": ("{a} with {q} written on it", "{a} with {q} written on it", "{a} that says {q}"),
    "blackboard": ("{a} with {q} written on it", "{q} written on {a}", "{a} that says {q}"),
    "t-shirt": ("{a} with {q} on it", "{a} that says {q}", "{q} printed on {a}"),
    "birthday cake": ("{a} with {q} written on it", "{a} that says {q}", "{q} in icing on {a}"),
    "book": ("{a} with the title {q}", "{a} with {q} on the cover", "{a} called {q}"),
}
_QUOTES = ("'{}'", "'{}'", "'{}'", '"{}"', "“{}”")


def written(draw: Draw) -> Scene:
    """ "A sign that says 'Deep Learning'.", "A storefront with 'OPEN' written on it."."""
    chance = draw.chance
    name = chance.one(draw.cast.boards)
    board = BOARDS[name]
    colour = chance.one(board.fields)
    thing = Thing(name, colour)
    ink = chance.one([ink for ink in board.inks if ink != colour])
    text = sign_text(chance)
    quoted = chance.one(_QUOTES).format(text)
    ink_words = f" in {ink} letters" if chance.happens(0.2) else ""
    who = phrase(chance, thing, called=name)
    sentence = chance.one(_WRITTEN[name]).format(a=who, q=quoted) + ink_words
    if chance.happens(0.7):
        sentence = sentence[0].upper() + sentence[1:] + "."
    return Scene((thing,), sentence, sign=Sign(text, ink), category="Text")


KINDS: tuple[tuple[Callable[[Draw], Scene], float, str | None], ...] = (
    (single, 0.17, None),
    (patterned, 0.02, None),
    (pair, 0.13, None),
    (counted, 0.14, None),
    (groups, 0.09, None),
    (related, 0.16, None),
    (inside, 0.015, "containers"),
    (riding, 0.02, "mounts"),
    (wearing, 0.02, "wearers"),
    (sized, 0.04, None),
    (stacked, 0.025, None),
    (described, 0.05, "glossed"),
    (rare, 0.015, "rare"),
    (misspelling, 0.025, None),
    (written, 0.08, "boards"),
)
"""Each kind, its share of all scenes, and the role without which it can't be had."""

KIND_NAMES = {make.__name__: share for make, share, _ in KINDS}
"""The kinds by name, and their shares."""
