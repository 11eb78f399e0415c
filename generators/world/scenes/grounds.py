"""Backgrounds: two colours with a step or a blend between them, and for a place its own drawing over both."""

from __future__ import annotations

import numpy as np

from generators.world.scenes.drawings import natural_colours
from generators.world.scenes.truth import Scene
from generators.world.scenes.words import COLOURS, PLACES

Rgb = tuple[int, int, int]

GROUNDS: dict[str, tuple[Rgb, Rgb]] = {
    "grass": ((176, 222, 246), (106, 190, 80)),
    "street": ((208, 222, 234), (104, 106, 114)),
    "sky": ((132, 196, 246), (196, 230, 252)),
    "table": ((240, 232, 216), (172, 122, 74)),
    "beach": ((122, 206, 238), (240, 216, 160)),
    "snow": ((188, 212, 236), (246, 249, 253)),
    "sea": ((190, 228, 250), (36, 112, 184)),
    "desert": ((250, 214, 150), (226, 170, 96)),
    "forest": ((150, 200, 150), (70, 130, 70)),
    "field": ((184, 224, 246), (222, 190, 84)),
    "sea floor": ((30, 110, 180), (14, 60, 120)),
    "moon": ((14, 16, 34), (176, 178, 184)),
    "night sky": ((10, 14, 44), (40, 44, 96)),
    "room": ((244, 224, 200), (186, 140, 100)),
    "lake": ((196, 228, 214), (88, 164, 204)),
    "mountains": ((190, 220, 246), (120, 160, 110)),
    "shelf": ((232, 226, 214), (226, 218, 204)),
}
"""Places: the upper and the lower colour."""

BLENDED = ("sky", "sea floor", "night sky", "shelf")
"""Those without a horizon."""


def place_key(place: str) -> str:
    """The name of a place's drawing in the sprites."""
    return f"place/{place}"


def ground_of(scene: Scene, rng: np.random.Generator) -> tuple[Rgb, Rgb, float | None]:
    """Upper colour, lower colour, and the horizon between them (None: they blend)."""
    name = scene.background
    if name in PLACES:
        upper, lower = GROUNDS[name]
        horizon = None if name in BLENDED else float(rng.uniform(0.56, 0.64))
        return upper, lower, horizon
    if name is not None:
        plain = COLOURS[name]
        return plain, plain, None
    # Nothing is said of the background: pale, blended, and away from white things.
    white = any(
        "white" in ((thing.colour, thing.second_colour) if thing.colour else natural_colours(thing.concept))
        for thing in scene.things
    )
    low, high = (190, 225) if white else (215, 250)
    red, green, blue = (int(value) for value in rng.integers(low, high, 3))
    lift = int(rng.integers(-14, 14))
    return (red, green, blue), (_clip(red + lift), _clip(green + lift), _clip(blue + lift)), None


def _clip(value: int) -> int:
    return max(0, min(255, value))
