"""Many layouts' pixels at once, with torch on any device: all sprites are one tensor there, and a picture is made of
look-ups in it.

`SceneComposer(sprites, device).draw(layouts, size)` draws what `render.Renderer` draws; they differ by rounding and
along edges inside a tinted sprite, on average by less than a step of 256 (tests/world/test_render.py).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from generators.world.scenes.layout import Layout, Placed
from generators.world.scenes.render import (
    DARKEN,
    DRAWN,
    LIGHTEN,
    LUMINANCE,
    RAINBOW,
    SHADE,
    SMALLEST_LEVEL,
    SPOT_RADIUS,
    SPOTS,
    STRIPES,
    mean_light,
    pyramid,
    sprite_key,
)
from generators.world.scenes.words import COLOURS

PATCHES = (1 / 16, 3 / 32, 1 / 8, 3 / 16, 1 / 4, 3 / 8, 1 / 2, 3 / 4, 1.0)
"""Sides of the squares that objects are drawn in, of the picture's side: an object takes the smallest that holds it."""

MARGIN = 2 / DRAWN
"""Room that a square leaves for whole pixels."""

_COLOUR_INDEX = {name: index for index, name in enumerate(COLOURS)}
_PATTERNS = {None: 0, "striped": 1, "spotted": 2, "rainbow": 3}


@dataclass(frozen=True, slots=True)
class Packed:
    """Layouts as arrays. `grounds`: (scenes, 7) float: top, bottom (0 to 255) and horizon, -1 to blend.

    `where`: (objects, 3) float: x, y, side. `what`: (objects, 8) int: scene, layer, patch, sprite, mirrored, colour
    (-1 as it is), pattern, second colour. Objects of one layer do not touch each other's patches.
    """

    grounds: NDArray[np.float32]
    where: NDArray[np.float32]
    what: NDArray[np.int64]

    def part(self, first: int, last: int) -> Packed:
        """Some scenes alone, numbered from 0."""
        low, high = np.searchsorted(self.what[:, 0], (first, last))
        what = self.what[low:high].copy()
        what[:, 0] -= first
        return Packed(self.grounds[first:last], self.where[low:high], what)


def pack(layouts: Sequence[Layout], index: Mapping[str, int]) -> Packed:
    """Layouts as arrays, which any process may make ahead: drawing them is then the device's work alone.

    `index`: a sprite's name -> its place, `SceneComposer.index`.

    Raises:
        ValueError: the sprites lack something that a layout holds.
    """
    grounds = np.empty((len(layouts), 7), dtype=np.float32)
    where: list[tuple[float, float, float]] = []
    what: list[tuple[int, ...]] = []
    for scene, layout in enumerate(layouts):
        grounds[scene] = (*layout.top, *layout.bottom, -1.0 if layout.horizon is None else layout.horizon)
        drawn = layout.objects
        if layout.place is not None and layout.place.key in index:
            drawn = (layout.place, *drawn)
        squares: list[tuple[float, float, float, int]] = []
        for placed in drawn:
            patch = bisect_left(PATCHES, min(placed.side + MARGIN, 1.0))
            wide = PATCHES[patch]
            left = min(max(placed.x - placed.side / 2, 0.0), 1 - wide)
            top = min(max(placed.y - placed.side / 2, 0.0), 1 - wide)
            layer = 0
            for other_left, other_top, other_wide, other_layer in squares:
                if (
                    other_layer >= layer
                    and left < other_left + other_wide + MARGIN
                    and other_left < left + wide + MARGIN
                    and top < other_top + other_wide + MARGIN
                    and other_top < top + wide + MARGIN
                ):
                    layer = other_layer + 1
            squares.append((left, top, wide, layer))
            where.append((placed.x, placed.y, placed.side))
            what.append((scene, layer, patch, *_look(placed, index)))
    return Packed(
        grounds,
        np.array(where, dtype=np.float32).reshape(-1, 3),
        np.array(what, dtype=np.int64).reshape(-1, 8),
    )


def _look(placed: Placed, index: Mapping[str, int]) -> tuple[int, ...]:
    return (
        index[sprite_key(placed, index)],
        int(placed.flip),
        -1 if placed.colour is None else _COLOUR_INDEX[placed.colour],
        _PATTERNS[placed.pattern],
        0 if placed.second_colour is None else _COLOUR_INDEX[placed.second_colour],
    )


class SceneComposer:
    """Draws layouts by the batch. `sprites`: as for `Renderer`, all of one side, a power of two."""

    def __init__(self, sprites: Mapping[str, NDArray[np.uint8]], device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self.index = {name: index for index, name in enumerate(sprites)}
        self.side = len(next(iter(sprites.values())))
        levels: list[list[NDArray[np.uint8]]] = [pyramid(sprite) for sprite in sprites.values()]
        sides = [len(level) for level in levels[0]]
        counts = np.array([side * side * len(levels) for side in sides])
        starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
        texels = np.concatenate([np.stack([held[at] for held in levels]).reshape(-1, 4) for at in range(len(sides))])
        self._texels = torch.from_numpy(texels).to(self.device)
        self._level_sides = torch.tensor(sides, device=self.device)
        self._level_starts = torch.from_numpy(starts).to(self.device)
        self._means = torch.tensor([mean_light(sprite) for sprite in sprites.values()], device=self.device)
        self._colours = torch.tensor(list(COLOURS.values()), device=self.device, dtype=torch.float32) / 255
        self._rainbow = self._colours[[_COLOUR_INDEX[name] for name in RAINBOW]]

    @torch.no_grad()
    def draw(self, layouts: Sequence[Layout] | Packed, size: int, *, chunk: int | None = None) -> Tensor:
        """The pictures, (n, 3, size, size) uint8 on the device. `chunk`: scenes at once, by default 1024 at 256
        pixels (about 8 GB), 16 on the CPU; the pictures do not depend on it.
        """
        packed = layouts if isinstance(layouts, Packed) else pack(layouts, self.index)
        drawn = DRAWN if size < DRAWN and DRAWN % size == 0 else size
        total = len(packed.grounds)
        step = chunk or max(1, (16 if self.device.type == "cpu" else 1024) * DRAWN**2 // drawn**2)
        pictures = torch.empty((total, 3, size, size), dtype=torch.uint8, device=self.device)
        for first in range(0, total, step):
            canvas = self._drawn(packed.part(first, min(first + step, total)), drawn).permute(0, 3, 1, 2)
            if drawn != size:
                canvas = F.avg_pool2d(canvas.round_(), drawn // size)
            pictures[first : first + step] = canvas.add_(0.5).clamp_(0, 255).to(torch.uint8)
        return pictures

    def _drawn(self, packed: Packed, size: int) -> Tensor:
        """(scenes, size, size, 3) float, 0 to 255."""
        canvas = self._backgrounds(packed.grounds, size)
        sides = np.maximum(packed.where[:, 2] * size, 2.0)
        levels = np.zeros(len(sides), dtype=np.int64)
        half = self.side / 2
        while half >= SMALLEST_LEVEL:
            levels += half >= sides
            half /= 2
        layers, patches = packed.what[:, 1], packed.what[:, 2]
        for layer in range(int(layers.max(initial=-1)) + 1):
            for patch in np.unique(patches[layers == layer]).tolist():
                rows = np.flatnonzero((layers == layer) & (patches == patch))
                pixels = min(size, math.ceil(PATCHES[patch] * size))
                self._put(canvas, packed.where[rows], packed.what[rows], levels[rows], pixels)
        return canvas

    def _backgrounds(self, grounds: NDArray[np.float32], size: int) -> Tensor:
        held = torch.from_numpy(grounds).to(self.device)
        rows = (torch.arange(size, device=self.device, dtype=torch.float32) + 0.5) / size
        horizon = held[:, 6:]
        share = torch.where(horizon < 0, rows, (rows > horizon).float())[..., None]
        column = (held[:, None, :3] + share * (held[:, None, 3:6] - held[:, None, :3])).round_()
        return column[:, :, None].expand(-1, -1, size, -1).contiguous()

    def _put(
        self,
        canvas: Tensor,
        where: NDArray[np.float32],
        what: NDArray[np.int64],
        levels: NDArray[np.int64],
        patch: int,
    ) -> None:
        """Lay objects over the canvas, none in another's way, in squares of `patch` pixels."""
        size = canvas.shape[1]
        spots = torch.from_numpy(where).to(self.device) * size
        scene, _, _, sprite, mirrored, colour, pattern, second = torch.from_numpy(what).to(self.device).unbind(1)
        level = torch.from_numpy(levels).to(self.device)
        side = spots[:, 2:].clamp(min=2.0)
        corner = spots[:, :2] - side / 2
        first = corner.floor().long().clamp(0, size - patch)
        steps = torch.arange(patch, device=self.device)
        pixel = first[:, :, None] + steps  # (objects, x and y, patch)
        at = (pixel + 0.5 - corner[:, :, None]) / side[:, :, None]  # of the sprite's side
        at = torch.stack((torch.where(mirrored[:, None] == 1, 1 - at[:, 0], at[:, 0]), at[:, 1]), dim=1)
        colours, cover = self._sampled(at, sprite, level)
        patterned = bool((what[:, 6] > 0).any())
        if patterned or bool((what[:, 5] >= 0).any()):
            base = self._bases(at, colour, pattern, second) if patterned else self._plain(colour)
            tinted = self._tinted(colours, base, self._means[sprite])
            plain = ((colour < 0) & (pattern == 0))[:, None, None, None]
            colours = torch.where(plain, colours, tinted)
        places = (scene[:, None, None], pixel[:, 1, :, None], pixel[:, 0, None, :])
        under = canvas[places]
        canvas[places] = under + cover * (colours * 255 - under)

    def _sampled(self, at: Tensor, sprite: Tensor, level: Tensor) -> tuple[Tensor, Tensor]:
        """Colours (objects, patch, patch, 3), 0 to 1, and cover (.., 1), bilinear between the level's texels."""
        side = self._level_sides[level]
        start = self._level_starts[level] + sprite * side * side
        inside = (at >= 0) & (at < 1)
        exact = at * side[:, None, None] - 0.5
        low = exact.floor()
        share = exact - low
        colours: Tensor | None = None
        cover: Tensor | None = None
        for dy in (0, 1):
            row = (low[:, 1].long() + dy).clamp(min=0).minimum(side[:, None] - 1) * side[:, None] + start[:, None]
            weight_y = (share[:, 1] if dy else 1 - share[:, 1]) * inside[:, 1]
            for dx in (0, 1):
                column = (low[:, 0].long() + dx).clamp(min=0).minimum(side[:, None] - 1)
                weight_x = (share[:, 0] if dx else 1 - share[:, 0]) * inside[:, 0]
                texel = self._texels[row[:, :, None] + column[:, None, :]].float().div_(255)
                weight = (weight_y[:, :, None] * weight_x[:, None, :])[..., None] * texel[..., 3:]
                part = texel[..., :3] * weight
                colours = part if colours is None else colours.add_(part)
                cover = weight if cover is None else cover.add_(weight)
        assert colours is not None and cover is not None
        return colours / cover.clamp(min=1e-6), cover

    def _plain(self, colour: Tensor) -> Tensor:
        return self._colours[colour.clamp(min=0)][:, None, None, :]

    def _bases(self, at: Tensor, colour: Tensor, pattern: Tensor, second: Tensor) -> Tensor:
        """The colour to tint with at each pixel, (objects, patch or 1, patch or 1, 3)."""
        base = self._plain(colour)
        other = self._colours[second][:, None, None, :]
        x, y = at[:, 0].clamp(0, 1 - 1e-6), at[:, 1].clamp(0, 1 - 1e-6)
        stripes = ((y * STRIPES).long() % 2 == 1)[:, :, None]
        away_x, away_y = (x * SPOTS) % 1 - 0.5, (y * SPOTS) % 1 - 0.5
        spots = away_y[:, :, None] ** 2 + away_x[:, None, :] ** 2 < SPOT_RADIUS**2
        kind = pattern[:, None, None]
        use_other = (((kind == 1) & stripes) | ((kind == 2) & spots))[..., None]
        bands = self._rainbow[(y * len(RAINBOW)).long()][:, :, None, :]
        return torch.where((kind == 3)[..., None], bands, torch.where(use_other, other, base))

    @staticmethod
    def _tinted(colours: Tensor, base: Tensor, mean: Tensor) -> Tensor:
        """`render.tint`, on what was sampled."""
        weights = torch.tensor(LUMINANCE, device=colours.device)
        shade = ((colours @ weights)[..., None] - mean[:, None, None, None]).clamp(-SHADE, SHADE)
        darker = base * (1 + DARKEN * shade.clamp(max=0))
        return (darker + (1 - base) * LIGHTEN * shade.clamp(min=0)).clamp(0, 1)
