"""Scenes that differ from another in one thing alone, with a caption in almost the same words: hard negatives.

Colours change places, a relation turns round, a count becomes another. The changed scene is a whole one, which can be
drawn. A network that only knows which words occur can't tell the two captions apart by them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from generators.world.scenes.captions import Scene
from generators.world.scenes.kinds import RELATION_WORDS
from generators.world.scenes.truth import Relation
from generators.world.scenes.words import COUNT_WORDS

Change = Literal["colours", "relation", "count"]
CHANGES: tuple[Change, ...] = get_args(Change)

OPPOSITES: dict[Relation, tuple[Relation, str]] = {
    "left": ("right", "right"),
    "right": ("left", "left"),
    "above": ("below", "below"),
    "below": ("above", "above"),
    "on": ("under", "underneath"),
    "under": ("on", "on top of"),
    "in front of": ("behind", "behind"),
    "behind": ("in front of", "in front of"),
}
"""The relation from the other side, and how a caption says it then."""

PLAIN_ON = "on"
"""Says where a thing is too ("on the grass"), so it is no word to change."""

OTHER_COUNTS = (2, 3, 4, 5, 6)


def contrary(scene: Scene, change: Change, rng: np.random.Generator) -> Scene | None:
    """The scene with that change, its caption changed alike; None where the scene or its words don't allow it."""
    if scene.sign is not None or scene.intended is not None:
        return None
    return _CHANGED[change](scene, rng)


def same_scenes(scenes: Sequence[Scene]) -> Tensor:
    """(n, n) bool: different rows whose scenes show the same, whatever their captions' words."""
    numbers: dict[tuple[object, ...], int] = {}
    keys = [(scene.things, scene.relation, scene.background, scene.sign) for scene in scenes]
    held = torch.tensor([numbers.setdefault(key, len(numbers)) for key in keys])
    return (held[:, None] == held) & ~torch.eye(len(scenes), dtype=torch.bool)


def _colours(scene: Scene, rng: np.random.Generator) -> Scene | None:
    if len(scene.things) != 2:
        return None
    one, other = scene.things
    if one.colour is None or other.colour is None or one.colour == other.colour or one.pattern or other.pattern:
        return None
    first, second = _once(scene.caption, _colour(one.colour)), _once(scene.caption, _colour(other.colour))
    if first is None or second is None:
        return None
    early, late = sorted((first, second), key=lambda found: found.start())
    words = scene.caption
    caption = (
        words[: early.start()]
        + _as(late.group(), early.group())
        + words[early.end() : late.start()]
        + _as(early.group(), late.group())
        + words[late.end() :]
    )
    caption = re.sub(r"\b([Aa])n? (?=orange\b)", r"\1n ", caption)
    caption = re.sub(rf"\b([Aa])n (?=({early.group()}|{late.group()})\b)(?!orange\b)", r"\1 ", caption, flags=re.I)
    things = (replace(one, colour=other.colour), replace(other, colour=one.colour))
    return replace(scene, things=things, caption=caption)


def _relation(scene: Scene, rng: np.random.Generator) -> Scene | None:
    if len(scene.things) != 2 or scene.relation not in OPPOSITES or any(thing.size for thing in scene.things):
        return None
    relation, said = OPPOSITES[scene.relation]
    words = (scene.relation,) if scene.relation in ("left", "right") else RELATION_WORDS[scene.relation]
    for phrase in sorted(set(words) - {PLAIN_ON}, key=len, reverse=True):
        if phrase.endswith(" on"):
            continue
        found = _once(scene.caption, phrase)
        if found is not None:
            caption = scene.caption[: found.start()] + said + scene.caption[found.end() :]
            return replace(scene, relation=relation, caption=caption)
    return None


def _count(scene: Scene, rng: np.random.Generator) -> Scene | None:
    many = [index for index, thing in enumerate(scene.things) if thing.count > 1]
    if len(many) != 1:
        return None
    index, thing = many[0], scene.things[many[0]]
    found = _once(scene.caption, f"{COUNT_WORDS[thing.count]}|{thing.count}")
    if found is None:
        return None
    options = [count for count in OTHER_COUNTS if count != thing.count]
    count = options[int(rng.integers(len(options)))]
    word = str(count) if found.group().isdigit() else _as(COUNT_WORDS[count], found.group())
    things = (*scene.things[:index], replace(thing, count=count), *scene.things[index + 1 :])
    return replace(scene, things=things, caption=scene.caption[: found.start()] + word + scene.caption[found.end() :])


_CHANGED: dict[Change, Callable[[Scene, np.random.Generator], Scene | None]] = {
    "colours": _colours,
    "relation": _relation,
    "count": _count,
}


def _colour(name: str) -> str:
    return "gray|grey" if name == "gray" else name


def _once(text: str, pattern: str) -> re.Match[str] | None:
    """Where a word stands, if it stands there once."""
    found = list(re.finditer(rf"\b({pattern})\b", text, re.I))
    return found[0] if len(found) == 1 else None


def _as(word: str, model: str) -> str:
    """The word with a capital where the model has one."""
    return word.capitalize() if model[0].isupper() else word.lower()
