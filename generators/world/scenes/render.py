"""A layout's pixels on the CPU: sprites recoloured, sampled at their place and size, and laid over a background.

`compose` draws the same pictures with torch; what either does with a sprite is written down here: which level of its
pyramid is sampled, how it is tinted, where its pattern lies.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from generators.world.scenes.grounds import Rgb
from generators.world.scenes.layout import Layout, Placed
from generators.world.scenes.words import COLOURS

DRAWN = 256
"""Smaller pictures are drawn at this size and averaged down, so that 64 is what super-resolution is given of 256."""

SMALLEST_LEVEL = 16
LUMINANCE = (0.299, 0.587, 0.114)
DARKEN, LIGHTEN, SHADE = 1.35, 0.9, 0.45
"""How far a sprite's own shade, at most SHADE from its mean, moves the colour it is tinted with."""

RAINBOW = ("red", "orange", "yellow", "green", "blue", "purple")
STRIPES = 9
SPOTS = 5
SPOT_RADIUS = 0.3
"""Stripes and spots to a sprite's side; a spot's radius as a share of the distance between spots."""

TintSpec = tuple[str | None, str | None, str | None]
"""Colour, pattern, second colour."""


def tint(
    sprite: NDArray[np.uint8], colour: str | None, pattern: str | None = None, second: str | None = None,
    *, mean: float | None = None,
) -> NDArray[np.uint8]:  # fmt: skip
    """The sprite in a named colour or pattern, light and shade kept: (side, side, 4) -> the same.

    Its luminance, against the `mean` over its visible part, darkens the colour below and lightens it above.
    """
    rgb, alpha = sprite[..., :3].astype(np.float32) / 255, sprite[..., 3:]
    light = rgb @ np.array(LUMINANCE, dtype=np.float32)
    if mean is None:
        mean = mean_light(sprite)
    shade = np.clip(light - mean, -SHADE, SHADE)[..., None]
    base = _colours(colour, pattern, second, len(sprite))
    darker = base * (1 + DARKEN * np.minimum(shade, 0))
    lighter = darker + (1 - base) * LIGHTEN * np.maximum(shade, 0)
    return np.concatenate((np.clip(lighter, 0, 1) * 255, alpha), axis=-1).astype(np.uint8)


def mean_light(sprite: NDArray[np.uint8]) -> float:
    """Mean luminance of what is visible of a sprite, 0 to 1."""
    light = sprite[..., :3].astype(np.float32) @ np.array(LUMINANCE, dtype=np.float32) / 255
    alpha = sprite[..., 3].astype(np.float32) / 255
    return float((light * alpha).sum() / max(float(alpha.sum()), 1.0))


def _colours(colour: str | None, pattern: str | None, second: str | None, side: int) -> NDArray[np.float32]:
    """The colour of each place of a sprite, (side, side, 3) or what broadcasts to it, 0 to 1."""
    named: dict[str, NDArray[np.float32]] = {
        name: np.array(value, np.float32) / np.float32(255) for name, value in COLOURS.items()
    }
    if pattern is None or colour is None and pattern != "rainbow":
        plain: NDArray[np.float32] = named[colour or "white"]
        return plain
    at = (np.arange(side, dtype=np.float32) + 0.5) / side
    if pattern == "rainbow":
        bands = np.stack([named[name] for name in RAINBOW])
        rows: NDArray[np.float32] = bands[(at * len(RAINBOW)).astype(int)][:, None]
        return rows
    if pattern == "striped":
        other = ((at * STRIPES).astype(int) % 2 == 1)[:, None, None]
    else:
        away = (at * SPOTS) % 1 - 0.5
        other = (away[:, None] ** 2 + away[None] ** 2 < SPOT_RADIUS**2)[..., None]
    mixed: NDArray[np.float32] = np.where(other, named[second or "white"], named[colour or "white"])
    return mixed


def pyramid(sprite: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """The sprite and its halvings down to SMALLEST_LEVEL, colours weighted by how visible they are."""
    levels = [sprite]
    while len(levels[-1]) > SMALLEST_LEVEL:
        levels.append(np.asarray(Image.fromarray(levels[-1]).resize((len(levels[-1]) // 2,) * 2, Image.Resampling.BOX)))
    return levels


def level_of(side: float, largest: int) -> int:
    """Which level of its pyramid serves a sprite drawn at `side` pixels: the smallest that is not enlarged."""
    level = 0
    while largest > 2 * SMALLEST_LEVEL - 1 and largest / 2 >= side:
        largest //= 2
        level += 1
    return level


class Renderer:
    """Draws layouts; keeps the recoloured sprites that it has made.

    `sprites`: name -> (side, side, 4), as `sprites.load_sprites` gives them, all of one side. Of a drawing that they
    lack, the concept's first is taken; of a place, its two colours alone.
    """

    def __init__(self, sprites: Mapping[str, NDArray[np.uint8]], *, keep: int = 2048) -> None:
        self.concepts = tuple(sorted(name for name in sprites if "/" not in name and "#" not in name))
        self._sprites = sprites
        self._levels = lru_cache(maxsize=None)(lambda key: pyramid(sprites[key]))
        self._means = lru_cache(maxsize=None)(lambda key: mean_light(sprites[key]))
        # A quarter of a megabyte each at most: half a gigabyte.
        self._tinted = lru_cache(maxsize=keep)(self._tint)

    def draw(self, layout: Layout, size: int) -> NDArray[np.uint8]:
        """The picture, (size, size, 3) uint8.

        Raises:
            ValueError: the sprites lack something that the layout holds.
        """
        if size < DRAWN and DRAWN % size == 0:
            return np.asarray(Image.fromarray(self.draw(layout, DRAWN)).reduce(DRAWN // size))
        picture = Image.fromarray(background(layout.top, layout.bottom, layout.horizon, size))
        if layout.place is not None and layout.place.key in self._sprites:
            self._put(picture, layout.place, size)
        for placed in layout.objects:
            self._put(picture, placed, size)
        return np.asarray(picture)

    def _put(self, picture: Image.Image, placed: Placed, size: int) -> None:
        key = sprite_key(placed, self._sprites)
        side = max(2.0, placed.side * size)
        left, top = placed.x * size - side / 2, placed.y * size - side / 2
        x, y = math.floor(left), math.floor(top)
        wide, high = math.ceil(left + side) - x, math.ceil(top + side) - y
        level = level_of(side, len(self._sprites[key]))
        image = self._tinted(key, (placed.colour, placed.pattern, placed.second_colour), level)
        scale = image.width / side
        across = (
            (scale, 0.0, (x - left) * scale) if not placed.flip else (-scale, 0.0, image.width - (x - left) * scale)
        )
        moved = image.transform(
            (wide, high),
            Image.Transform.AFFINE,
            (*across, 0.0, scale, (y - top) * scale),
            Image.Resampling.BILINEAR,
        )
        picture.paste(moved, (x, y), moved)

    def _tint(self, key: str, spec: TintSpec, level: int) -> Image.Image:
        sprite = self._levels(key)[level]
        colour, pattern, second = spec
        if colour is None and pattern is None:
            return Image.fromarray(sprite)
        return Image.fromarray(tint(sprite, colour, pattern, second, mean=self._means(key)))


def sprite_key(placed: Placed, sprites: Mapping[str, object]) -> str:
    """The drawing that shows the object: its own, or the concept's first where the sprites have no other.

    Raises:
        ValueError: there is none.
    """
    for key in (placed.key, placed.concept):
        if key in sprites:
            return key
    raise ValueError(f"no sprite of {placed.key!r}; make the sprites anew with: python -m generators.world.sprites")


def background(top: Rgb, bottom: Rgb, horizon: float | None, size: int) -> NDArray[np.uint8]:
    """A blend from top to bottom, or a step at the horizon: (size, size, 3)."""
    rows = (np.arange(size, dtype=np.float32) + 0.5) / size
    share = rows if horizon is None else (rows > horizon).astype(np.float32)
    upper, lower = np.array(top, dtype=np.float32), np.array(bottom, dtype=np.float32)
    column = upper + share[:, None] * (lower - upper)
    return np.repeat(np.round(column).astype(np.uint8)[:, None, :], size, axis=1)
