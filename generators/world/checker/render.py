"""Examples for the checker: scenes of the world, drawn, with where each thing is and what colour it was given."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from generators.world.checker.network import GRID, SIZE, CheckerConfig
from generators.world.scenes.captions import Scene, sample_scene, sample_unseen
from generators.world.scenes.compose import SceneComposer
from generators.world.scenes.held_out import Dimension
from generators.world.scenes.kinds import cast
from generators.world.scenes.layout import Layout, Placed, extent, lay_out
from generators.world.scenes.lettering import CAPITAL, CELL, CHARACTERS
from generators.world.scenes.render import Renderer
from generators.world.scenes.words import COLOURS

LETTER = "letter/"
"""Before a letter in the name of its class."""

UNSEEN = 0.15
"""Share of its scenes with something that trainings of a generator hold out."""

SIGNS = 0.15
"""Share of the others that are chosen to bear words, beside those that do by chance: letters are many classes."""

DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)


def classes_of(concepts: Sequence[str]) -> tuple[str, ...]:
    """The checker's classes: the concepts, then the letters and digits."""
    return (*concepts, *(LETTER + letter for letter in sorted(set(CHARACTERS.upper()))))


def config_of(concepts: Sequence[str]) -> CheckerConfig:
    """The configuration of a checker of these concepts."""
    return CheckerConfig(classes_of(concepts), tuple(COLOURS))


def class_of(placed: Placed) -> str:
    """The name of the class of an object or a letter."""
    if placed.concept.startswith("glyph/"):
        return LETTER + placed.concept.rpartition("/")[2].upper()
    return placed.concept


def box_of(placed: Placed) -> tuple[float, float, float, float]:
    """Centre, width and height as shares of the picture, cut where the picture ends."""
    wide, high = extent(placed)
    if placed.concept.startswith("glyph/"):
        wide = high = placed.side / CELL * CAPITAL
    left, right = max(placed.x - wide / 2, 0.0), min(placed.x + wide / 2, 1.0)
    top, bottom = max(placed.y - high / 2, 0.0), min(placed.y + high / 2, 1.0)
    return (left + right) / 2, (top + bottom) / 2, right - left, bottom - top


def targets(layouts: Sequence[Layout], config: CheckerConfig) -> tuple[Tensor, Tensor, Tensor]:
    """Heatmaps, boxes and colours for `network.checker_loss`. Of two centres in one place the one in front counts."""
    numbers = {name: index for index, name in enumerate(config.classes)}
    colours = {name: index for index, name in enumerate(config.colours)}
    heat = np.zeros((len(layouts), len(config.classes), GRID, GRID), np.float32)
    boxes = np.full((len(layouts), 4, GRID, GRID), np.nan, np.float32)
    colour = np.full((len(layouts), GRID, GRID), -1, np.int64)
    at = np.arange(GRID, dtype=np.float32) + 0.5
    for index, layout in enumerate(layouts):
        for placed in layout.objects:
            name = class_of(placed)
            if name not in numbers:
                continue
            x, y, wide, high = box_of(placed)
            column, row = min(int(x * GRID), GRID - 1), min(int(y * GRID), GRID - 1)
            # A Gaussian about the centre, a fifth of the box wide: near misses are punished less.
            spread_x, spread_y = max(wide * GRID / 5, 0.4), max(high * GRID / 5, 0.4)
            near = np.exp(
                -((at[None, :] - at[column]) ** 2) / (2 * spread_x**2)
                - ((at[:, None] - at[row]) ** 2) / (2 * spread_y**2)
            )
            heat[index, numbers[name]] = np.maximum(heat[index, numbers[name]], near)
            boxes[index, :, row, column] = (x * GRID - column, y * GRID - row, wide, high)
            known = placed.colour is not None and placed.pattern is None
            colour[index, row, column] = colours[placed.colour] if known and placed.colour else -1
    return torch.from_numpy(heat), torch.from_numpy(boxes), torch.from_numpy(colour)


class Examples:
    """Batches of examples; batch number n depends on the seed and n alone. `composer`: draws them on a GPU."""

    def __init__(
        self,
        renderer: Renderer,
        concepts: Sequence[str],
        seed: int,
        batch: int,
        composer: SceneComposer | None = None,
    ) -> None:
        self.concepts = tuple(concepts)
        self.config = config_of(concepts)
        self._renderer = renderer
        self._seed = seed
        self._batch = batch
        self._composer = composer
        self._signs = bool(cast(self.concepts).boards)

    def scenes(self, step: int) -> tuple[list[Scene], NDArray[np.uint8], list[Layout]]:
        """The scenes of a batch, their pictures (n, SIZE, SIZE, 3), and where everything is."""
        rng = np.random.Generator(np.random.Philox(key=[self._seed, step]))
        scenes = [self._scene(rng) for _ in range(self._batch)]
        layouts = [lay_out(scene, rng) for scene in scenes]
        if self._composer is not None:
            return scenes, self._composer.draw(layouts, SIZE).permute(0, 2, 3, 1).cpu().numpy(), layouts
        return scenes, np.stack([self._renderer.draw(layout, SIZE) for layout in layouts]), layouts

    def _scene(self, rng: np.random.Generator) -> Scene:
        """One scene, of what a generator's training holds out too: a judge must know what it judges."""
        if rng.random() < UNSEEN:
            dimension = DIMENSIONS[int(rng.integers(len(DIMENSIONS)))]
            # Of few concepts there may be none with something held out in that way alone.
            with contextlib.suppress(ValueError):
                return sample_unseen(rng, self.concepts, dimension)
        if self._signs and rng.random() < SIGNS:
            return sample_scene(rng, self.concepts, category="Text")
        return sample_scene(rng, self.concepts)

    def batch(self, step: int) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor], list[Scene]]:
        """Worn pictures in [-1, 1], the targets, and the scenes."""
        scenes, pictures, layouts = self.scenes(step)
        random = torch.Generator().manual_seed((self._seed << 32) + step)
        return worn(as_input(pictures), random), targets(layouts, self.config), scenes


def as_input(pictures: NDArray[np.uint8]) -> Tensor:
    """(n, SIZE, SIZE, 3) uint8 to (n, 3, SIZE, SIZE) in [-1, 1]."""
    own = np.require(pictures, requirements="W")  # decoded ones may be read-only, which torch warns of
    return torch.from_numpy(own).permute(0, 3, 1, 2).float().div_(127.5).sub_(1).contiguous()


def worn(images: Tensor, random: torch.Generator) -> Tensor:
    """Pictures as a generator might have drawn them: some blurred, noisy, paler or darker."""
    count = len(images)
    soft = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    share = torch.rand(count, 1, 1, 1, generator=random) * (torch.rand(count, 1, 1, 1, generator=random) < 0.5)
    images = torch.lerp(images, soft, share)
    gain = 1 + 0.12 * (torch.rand(count, 3, 1, 1, generator=random) - 0.5)
    lift = 0.12 * (torch.rand(count, 3, 1, 1, generator=random) - 0.5)
    noise = torch.randn(images.shape, generator=random) * 0.08 * torch.rand(count, 1, 1, 1, generator=random)
    return (images * gain + lift + noise).clamp_(-1, 1)
