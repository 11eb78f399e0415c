"""Scenes with captions: one, many distinct ones, and those that training never sees.

`sample_scene` draws one for training, `caption_pool` many, so that their text can be encoded once; `sample_unseen`
draws those with something held out, for measuring.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from generators.world.scenes.held_out import Dimension, held_out, held_out_in
from generators.world.scenes.kinds import KINDS, Draw, cast
from generators.world.scenes.phrases import Chance
from generators.world.scenes.truth import Relation, Scene, Sign, Thing
from generators.world.scenes.words import COLOURS, PLACES, article, plural

__all__ = [
    "COLOURS",
    "PLACES",
    "Relation",
    "Scene",
    "Sign",
    "Thing",
    "article",
    "caption_pool",
    "held_out",
    "plural",
    "sample_scene",
    "sample_unseen",
]

TRIES = 10_000
"""Scenes drawn at most in search of one that fits."""


def sample_scene(rng: np.random.Generator, concepts: Sequence[str], *, category: str | None = None) -> Scene:
    """One scene for training: nothing held out is in it. `category`: of that one of the suites' categories alone.

    Raises:
        ValueError: no scene of that category can be made of these concepts.
    """
    return _sample(rng, concepts, frozenset(), category)


def sample_unseen(
    rng: np.random.Generator, concepts: Sequence[str], dimension: Dimension, *, category: str | None = None
) -> Scene:
    """One scene with something held out in that way and in no other.

    Raises:
        ValueError: no such scene can be made of these concepts.
    """
    return _sample(rng, concepts, frozenset((dimension,)), category)


def caption_pool(
    size: int,
    concepts: Sequence[str],
    seed: int,
    *,
    exclude: Collection[str] = (),
    shares: Mapping[str, float] | None = None,
    often: Mapping[str, float] | None = None,
) -> list[Scene]:
    """About `size` scenes with distinct captions, the same for the same seed. `exclude`: captions that none may have
    (capitals and full stops do not count), such as the prompts of a suite that will be measured on. `shares`: kinds of
    scenes by name, and how many times more often than usual they come. `often`: the same of concepts.

    Raises:
        ValueError: no scene can be made of these concepts.
    """
    rng = np.random.Generator(np.random.Philox(seed))
    barred = {_plain(caption) for caption in exclude}
    pool: dict[str, Scene] = {}
    for _ in range(size * 3):
        scene = _sample(rng, concepts, frozenset(), None, shares, often)
        if not barred or _plain(scene.caption) not in barred:
            pool.setdefault(scene.caption, scene)
        if len(pool) == size:
            break
    return list(pool.values())


def _sample(
    rng: np.random.Generator,
    concepts: Sequence[str],
    wanted: frozenset[Dimension],
    category: str | None,
    shares: Mapping[str, float] | None = None,
    often: Mapping[str, float] | None = None,
) -> Scene:
    draw = Draw(Chance(rng), cast(tuple(concepts), tuple(sorted((often or {}).items()))))
    times = shares or {}
    kinds = [
        (make, share * times.get(make.__name__, 1.0))
        for make, share, role in KINDS
        if role is None or getattr(draw.cast, role)
    ]
    sums = np.cumsum([share for _, share in kinds])
    for _ in range(TRIES):
        make = kinds[int(np.searchsorted(sums, rng.random() * sums[-1], side="right"))][0]
        scene = make(draw)
        if held_out_in(scene) == wanted and category in (None, scene.category):
            return scene
    what = f"with {', '.join(sorted(wanted))} held out" if wanted else "for training"
    raise ValueError(
        f"no scene {what}{f' in the category {category!r}' if category else ''} came of "
        f"{len(draw.cast.names)} concepts; give it more of them, or another category"
    )


def _plain(caption: str) -> str:
    return " ".join(caption.lower().rstrip(".").split())
