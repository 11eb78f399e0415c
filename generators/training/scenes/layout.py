"""Where things stand: boxes in units of the picture's side, so that one layout renders at any size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from generators.training.scenes.captions import COLOURS, PLACES, Scene

Rgb = tuple[int, int, int]

GROUNDS: dict[str, tuple[Rgb, Rgb]] = {
    "grass": ((176, 222, 246), (106, 190, 80)),
    "street": ((208, 222, 234), (104, 106, 114)),
    "sky": ((132, 196, 246), (196, 230, 252)),
    "table": ((240, 232, 216), (172, 122, 74)),
    "beach": ((122, 206, 238), (240, 216, 160)),
    "snow": ((188, 212, 236), (246, 249, 253)),
    "sea": ((190, 228, 250), (36, 112, 184)),
}
"""Places: the upper and the lower colour. The sky blends, the others have a horizon."""


@dataclass(frozen=True, slots=True)
class Placed:
    """One object: centre and side in units of the picture's side, y downwards."""

    concept: str
    colour: str | None
    x: float
    y: float
    side: float


@dataclass(frozen=True, slots=True)
class Layout:
    """A scene with its places. `top`, `bottom`: the background's colours; `horizon`: y of the step, None to blend."""

    objects: tuple[Placed, ...]
    top: Rgb
    bottom: Rgb
    horizon: float | None


PATTERNS: dict[int, tuple[tuple[tuple[float, float], ...], ...]] = {
    1: (((0.5, 0.5),),),
    2: (((0.27, 0.5), (0.73, 0.5)),),
    3: (((0.19, 0.5), (0.5, 0.5), (0.81, 0.5)), ((0.5, 0.27), (0.27, 0.72), (0.73, 0.72))),
    4: (((0.28, 0.28), (0.72, 0.28), (0.28, 0.72), (0.72, 0.72)),),
    5: (
        ((0.2, 0.22), (0.8, 0.22), (0.5, 0.5), (0.2, 0.78), (0.8, 0.78)),
        ((0.2, 0.3), (0.5, 0.3), (0.8, 0.3), (0.33, 0.7), (0.67, 0.7)),
    ),
}
SIDES = {1: (0.62, 0.82), 2: (0.4, 0.46), 3: (0.29, 0.33), 4: (0.34, 0.4), 5: (0.25, 0.3)}
"""How many of one kind: their centres, and the range of their common side."""


def lay_out(scene: Scene, rng: np.random.Generator, *, shrink: float = 1.0) -> Layout:
    """A layout of the scene that its caption is true of. `shrink`: sides are multiplied by it."""
    objects: list[Placed] = []
    if len(scene.things) == 1:
        thing = scene.things[0]
        patterns = PATTERNS[thing.count]
        centres = patterns[rng.integers(len(patterns))]
        jitter = 0.06 if thing.count == 1 else 0.025
        side = float(rng.uniform(*SIDES[thing.count])) * shrink
        for x, y in centres:
            dx, dy = rng.uniform(-jitter, jitter, 2)
            objects.append(Placed(thing.concept, thing.colour, x + float(dx), y + float(dy), side))
    else:
        first, second = scene.things
        sides = rng.uniform(0.4, 0.48, 2) * shrink
        spots = {
            "left": ((0.27, 0.5), (0.73, 0.5)),
            "right": ((0.73, 0.5), (0.27, 0.5)),
            "above": ((0.5, 0.27), (0.5, 0.73)),
            "below": ((0.5, 0.73), (0.5, 0.27)),
        }
        relation = scene.relation
        if relation is None or relation == "beside":
            relation = "left" if rng.random() < 0.5 else "right"
        for thing, (x, y), side in zip((first, second), spots[relation], sides, strict=True):
            dx, dy = rng.uniform(-0.03, 0.03, 2)
            objects.append(Placed(thing.concept, thing.colour, x + float(dx), y + float(dy), float(side)))
    top, bottom, horizon = _ground(scene, rng)
    return Layout(tuple(objects), top, bottom, horizon)


def _ground(scene: Scene, rng: np.random.Generator) -> tuple[Rgb, Rgb, float | None]:
    name = scene.background
    if name in PLACES:
        upper, lower = GROUNDS[name]
        return upper, lower, None if name == "sky" else float(rng.uniform(0.5, 0.68))
    if name is not None:
        plain = COLOURS[name]
        return plain, plain, None
    # Nothing is said of the background: pale, blended, and away from white things.
    low, high = (190, 225) if any(thing.colour == "white" for thing in scene.things) else (215, 250)
    red, green, blue = (int(value) for value in rng.integers(low, high, 3))
    pale = (red, green, blue)
    lift = int(rng.integers(-14, 14))
    return pale, (_clip(red + lift), _clip(green + lift), _clip(blue + lift)), None


def _clip(value: int) -> int:
    return max(0, min(255, value))
