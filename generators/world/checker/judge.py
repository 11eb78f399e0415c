"""Whether a picture shows its scene, by what the checker found in it: one verdict for each thing that is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from generators.world.checker.find import Detected, read, things
from generators.world.scenes.captions import Scene

Point = tuple[float, float]
RELATIONS: dict[str, Callable[[Point, Point], bool]] = {
    "left": lambda one, other: one[0] < other[0] and abs(one[0] - other[0]) > abs(one[1] - other[1]),
    "right": lambda one, other: one[0] > other[0] and abs(one[0] - other[0]) > abs(one[1] - other[1]),
    "above": lambda one, other: one[1] < other[1] and abs(one[1] - other[1]) > abs(one[0] - other[0]),
    "below": lambda one, other: one[1] > other[1] and abs(one[1] - other[1]) > abs(one[0] - other[0]),
    "on": lambda one, other: one[1] < other[1],
    "under": lambda one, other: one[1] > other[1],
}
"""By the middles of the two things, y downwards. In front, behind, inside, riding and wearing are not decided."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """None where the scene does not ask.

    `objects`: every thing is there. `colours`: every coloured thing is there in its colour. `counts`: there are as many
    of each thing as were asked for, no more. `position`: the two are there and stand as asked. `characters`: share of
    the words' letters that are right (1 less the edit distance over their number), capitals and blanks aside.
    """

    objects: bool
    colours: bool | None
    counts: bool
    position: bool | None
    characters: float | None


def judge(scene: Scene, detected: Sequence[Detected]) -> Verdict:
    """The verdict on one picture. Of things with one name the colours are dealt out: each of them serves once."""
    seen = things(detected)
    coloured = [thing for thing in scene.things if thing.colour is not None and thing.pattern is None]
    left = list(seen)
    colours = True
    for thing in coloured:
        fitting = [one for one in left if one.name == thing.concept and one.colour == thing.colour]
        colours = colours and bool(fitting)
        if fitting:
            left.remove(fitting[0])
    names = {thing.concept for thing in scene.things}
    wanted = {name: sum(thing.count for thing in scene.things if thing.concept == name) for name in names}
    there = {name: sum(one.name == name for one in seen) for name in names}
    return Verdict(
        objects=all(there.values()),
        colours=colours if coloured else None,
        counts=wanted == there,
        position=_stands(scene, seen),
        characters=None if scene.sign is None else right_letters(scene.sign.text, read(detected)),
    )


def _stands(scene: Scene, seen: Sequence[Detected]) -> bool | None:
    if scene.relation not in RELATIONS or len(scene.things) != 2:
        return None
    rule = RELATIONS[scene.relation]
    first, second = ([one for one in seen if one.name == thing.concept] for thing in scene.things)
    return any(rule(one.middle, other.middle) for one in first for other in second if one is not other)


def right_letters(wanted: str, seen: str) -> float:
    """1 less the edit distance over the number of wanted letters, at least 0; capitals and blanks aside."""
    one, other = ("".join(text.upper().split()) for text in (wanted, seen))
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one, start=1):
        before, row[0] = row[0], number
        for place, given in enumerate(other, start=1):
            before, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, before + (letter != given))
    return max(0.0, 1 - row[-1] / max(len(one), 1))
