"""A layout's pixels: sprites recoloured, resized and pasted on a background."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from generators.training.scenes.captions import COLOURS
from generators.training.scenes.layout import Layout

SMALL = 128
"""Sprites of this side serve pictures whose objects are no larger."""


def tint(sprite: NDArray[np.uint8], colour: str) -> NDArray[np.uint8]:
    """The sprite in one named colour, light and shade kept: (side, side, 4) -> the same.

    Its luminance, with the mean over the visible part brought to 0.55, darkens the colour below and lightens it above.
    """
    rgb, alpha = sprite[..., :3].astype(np.float32) / 255, sprite[..., 3:].astype(np.float32) / 255
    light = rgb @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    mean = float((light * alpha[..., 0]).sum() / max(float(alpha.sum()), 1.0))
    shade = np.clip(light - mean, -0.45, 0.45)[..., None]
    base = np.array(COLOURS[colour], dtype=np.float32) / 255
    darker = base * (1 + 1.35 * np.minimum(shade, 0))
    lighter = darker + (1 - base) * 0.9 * np.maximum(shade, 0)
    return np.concatenate((np.clip(lighter, 0, 1) * 255, sprite[..., 3:]), axis=-1).astype(np.uint8)


class Renderer:
    """Draws layouts; keeps the recoloured sprites that it has made."""

    def __init__(self, sprites: Mapping[str, NDArray[np.uint8]], *, keep: int = 320) -> None:
        self.concepts = tuple(sorted(sprites))
        self._sprites = sprites
        self._small = {name: np.asarray(Image.fromarray(held).resize((SMALL, SMALL))) for name, held in sprites.items()}
        # Small ones are all kept (40 MB); of the large ones, a megabyte each, only the last `keep`.
        self._tinted_small = lru_cache(maxsize=None)(lambda name, colour: self._tinted(self._small[name], colour))
        self._tinted_large = lru_cache(maxsize=keep)(lambda name, colour: self._tinted(self._sprites[name], colour))

    def draw(self, layout: Layout, size: int) -> NDArray[np.uint8]:
        """The picture, (size, size, 3) uint8."""
        picture = _background(layout, size)
        for placed in layout.objects:
            side = max(2, round(placed.side * size))
            source = self._tinted_small if side <= SMALL else self._tinted_large
            image = source(placed.concept, placed.colour).resize((side, side), Image.Resampling.BILINEAR)
            corner = (round(placed.x * size - side / 2), round(placed.y * size - side / 2))
            picture.paste(image, corner, image)
        return np.asarray(picture)

    @staticmethod
    def _tinted(sprite: NDArray[np.uint8], colour: str | None) -> Image.Image:
        return Image.fromarray(sprite if colour is None else tint(sprite, colour))


def _background(layout: Layout, size: int) -> Image.Image:
    rows = (np.arange(size, dtype=np.float32) + 0.5) / size
    share = rows if layout.horizon is None else (rows > layout.horizon).astype(np.float32)
    top, bottom = np.array(layout.top, dtype=np.float32), np.array(layout.bottom, dtype=np.float32)
    column = top + share[:, None] * (bottom - top)
    return Image.fromarray(np.repeat(np.round(column).astype(np.uint8)[:, None, :], size, axis=1))
