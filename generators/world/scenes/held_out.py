"""What is kept from training, by hash, to see whether what was learned apart comes together: about one in ten of each.

The hashes are of words alone, so they stay the same however the table of concepts grows.
"""

from __future__ import annotations

import hashlib
from typing import Literal

from generators.world.scenes.truth import Relation, Scene

Dimension = Literal["colour", "count", "relation", "text"]

_SHARE = 26
"""Of 256."""


def held_out(colour: str, concept: str) -> bool:
    """Whether no training scene has this concept in this colour."""
    return _falls(f"{colour} {concept}")


def held_out_count(count: int, concept: str) -> bool:
    """Whether no training scene has just so many of this concept; one of anything is always shown."""
    return count > 1 and _falls(f"{count} x {concept}")


def held_out_relation(relation: Relation | None, first: str, second: str) -> bool:
    """Whether no training scene shows the two so, however it is said.

    A left of B is B right of A; above, below, on, under and riding are one thing upon or over another; in front of is
    behind from the other side. Nothing is held out of side by side, or of a concept with itself.
    """
    if relation is None or relation == "beside" or first == second:
        return False
    if relation in ("right", "below", "under", "behind"):
        first, second = second, first
    kind = {"left": "left", "right": "left", "in front of": "front", "behind": "front"}.get(relation)
    if kind is None:
        kind = relation if relation in ("inside", "wearing") else "above"
    return _falls(f"{first} {kind} {second}")


def held_out_text(text: str) -> bool:
    """Whether no training scene has this word (upper and lower case alike) on a sign."""
    return _falls(f"text {text.lower()}")


def held_out_in(scene: Scene) -> frozenset[Dimension]:
    """In which ways a scene is unlike all training scenes; empty for those."""
    found: set[Dimension] = set()
    for thing in scene.things:
        for colour in (thing.colour, thing.second_colour):
            if colour is not None and held_out(colour, thing.concept):
                found.add("colour")
        if held_out_count(thing.count, thing.concept):
            found.add("count")
    for first, second in zip(scene.things, scene.things[1:], strict=False):
        if held_out_relation(scene.relation, first.concept, second.concept):
            found.add("relation")
    if scene.sign is not None and any(held_out_text(word) for word in scene.sign.text.split()):
        found.add("text")
    return frozenset(found)


def _falls(words: str) -> bool:
    return hashlib.sha256(words.encode()).digest()[0] < _SHARE
