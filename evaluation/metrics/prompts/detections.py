"""Things found in an image, and which entry of a scene each of them is: pure, whatever did the finding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.metrics.prompts.relations import Box
from evaluation.suites.scene import SceneObject

ACCEPTED = {"gold": ("yellow", "orange", "brown"), "silver": ("grey", "white"), "grey": ("silver",)}
"""Colours that pass for another: a metal's shine is no colour of pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """A thing found. `name`: as the prompt's scene names it. `score`: 0 to 1. `box`: fractions of the image.

    `colours`: what it may be called, the main one first; empty where it can't be told. `depth`: how far away it is, in
    any unit, or None: without it nothing is said of in front and behind.
    """

    name: str
    box: Box
    score: float = 1.0
    colours: tuple[str, ...] = ()
    depth: float | None = None


def has_colour(one: Detection, colour: str) -> bool:
    """Whether a detection may be called by this colour."""
    return any(seen in (colour, *ACCEPTED.get(colour, ())) for seen in one.colours)


def area(one: Detection) -> float:
    """Share of the image that its box covers."""
    left, top, right, bottom = one.box
    return max(right - left, 0.0) * max(bottom - top, 0.0)


def share_out(objects: Sequence[SceneObject], detections: Sequence[Detection]) -> list[list[Detection]]:
    """For each entry of a scene the detections that are its own, the surest first; none goes to two entries.

    An entry that is alone with its name has all of that name. Of several (a red hat, a blue hat), each takes what has
    its colour as the main one; those without a colour take the rest. An entry that is left without one
    then takes what nobody claims, so that a hat of the wrong colour is a hat. Entries of one name and one colour share
    by size where they name one, else in turn.
    """
    owned: list[list[Detection]] = [[] for _ in objects]
    for name in dict.fromkeys(thing.name for thing in objects):
        entries = [place for place, thing in enumerate(objects) if thing.name == name]
        found = sorted((one for one in detections if one.name == name), key=lambda one: -one.score)
        if len(entries) == 1:
            owned[entries[0]] = found
        else:
            _share(objects, entries, found, owned)
    return owned


def _share(
    objects: Sequence[SceneObject],
    entries: Sequence[int],
    detections: Sequence[Detection],
    owned: list[list[Detection]],
) -> None:
    colours = list(dict.fromkeys(colour for place in entries if (colour := objects[place].colour) is not None))
    pools: dict[str | None, list[Detection]] = {colour: [] for colour in [*colours, None]}
    for one in detections:
        main = one.colours[:1]
        pools[next((colour for colour in colours if {*main} & {colour, *ACCEPTED.get(colour, ())}), None)].append(one)
    for colour in colours:  # one that got none by main colours, from where there are more than are asked for
        if pools[colour]:
            continue
        for other in [*colours, None]:
            asked = sum(objects[place].count or 1 for place in entries if objects[place].colour == other)
            spare = [one for one in pools[other][asked:] if has_colour(one, colour)]
            if spare:
                pools[colour].append(spare[0])
                pools[other].remove(spare[0])
                break
    for colour, pool in pools.items():
        _deal([place for place in entries if objects[place].colour == colour], pool, objects, owned)
    rest = pools[None]  # what _deal left: there is no entry without a colour
    for place in entries:
        if not owned[place] and objects[place].count != 0 and rest:
            owned[place].append(rest.pop(0))


def _deal(
    entries: Sequence[int], pool: list[Detection], objects: Sequence[SceneObject], owned: list[list[Detection]]
) -> None:
    """Share `pool`, which is emptied, among entries of one name and colour; all of it to an entry that is alone."""
    for place in entries:
        if len(entries) > 1 and objects[place].size is not None and pool:
            chosen = (max if objects[place].size == "large" else min)(pool, key=area)
            owned[place].append(chosen)
            pool.remove(chosen)
    while entries and pool:
        short = [place for place in entries if len(owned[place]) < (objects[place].count or 1)]
        owned[(short or entries[-1:])[0]].append(pool.pop(0))
