"""Batches for the scene CLIP: scenes with their contraries beside them, drawn anew each time, in worn pictures."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from generators.cascade.blocks import TextStates
from generators.training.captions_cache import CaptionCache
from generators.world.checker.render import as_input, worn
from generators.world.scene_clip.contrary import CHANGES, Change, contrary, same_scenes
from generators.world.scene_clip.network import SIZE
from generators.world.scenes.captions import Scene, caption_pool
from generators.world.scenes.compose import SceneComposer
from generators.world.scenes.held_out import held_out_in
from generators.world.scenes.layout import Layout, lay_out
from generators.world.scenes.render import Renderer


@dataclass(frozen=True, slots=True)
class Pair:
    """A scene and, where its words allow one, a contrary that training may see."""

    scene: Scene
    other: Scene | None
    change: Change | None


def pairs(size: int, concepts: Sequence[str], seed: int, *, exclude: Collection[str] = ()) -> list[Pair]:
    """About `size` scenes of the world with a contrary of a chance kind each; nothing held out is in either."""
    rng = np.random.Generator(np.random.Philox(key=[seed, 1]))
    return [paired(scene, rng) for scene in caption_pool(size, concepts, seed, exclude=exclude)]


def paired(scene: Scene, rng: np.random.Generator) -> Pair:
    """The scene with the first contrary of a chance order that can be had."""
    for index in rng.permutation(len(CHANGES)):
        other = contrary(scene, CHANGES[index], rng)
        if other is not None and not held_out_in(other):
            return Pair(scene, other, CHANGES[index])
    return Pair(scene, None, None)


def captions_of(scene_pairs: Sequence[Pair]) -> list[str]:
    """The captions of both of each pair, in order: those that a cache encodes once."""
    return [scene.caption for pair in scene_pairs for scene in (pair.scene, pair.other) if scene is not None]


class Examples:
    """Batches of `batch` rows; number n depends on the seed and n alone.

    `cache`: the states of `captions_of(pairs)`. `composer`: draws on a GPU; without one the renderer does, on the CPU.
    """

    def __init__(
        self,
        scene_pairs: Sequence[Pair],
        cache: CaptionCache,
        renderer: Renderer,
        *,
        seed: int,
        batch: int,
        composer: SceneComposer | None = None,
    ) -> None:
        self.pairs = scene_pairs
        self._cache = cache
        self._renderer = renderer
        self._composer = composer
        self._seed = seed
        self._batch = batch
        self._rows: list[tuple[Scene, int]] = []
        self._first: list[int] = []
        for pair in scene_pairs:
            self._first.append(len(self._rows))
            for scene in (pair.scene, pair.other):
                if scene is not None:
                    self._rows.append((scene, len(self._rows)))

    def batch(self, step: int) -> tuple[Tensor, TextStates, Tensor]:
        """Worn pictures (n, 3, SIZE, SIZE) in [-1, 1], the states of their captions, and which rows say the same."""
        rng = np.random.Generator(np.random.Philox(key=[self._seed, step]))
        chosen: list[int] = []
        for index in rng.choice(len(self.pairs), min(self._batch, len(self.pairs)), replace=False):
            first, wide = self._first[index], 1 if self.pairs[index].other is None else 2
            if len(chosen) + wide <= self._batch:
                chosen += range(first, first + wide)
        scenes = [self._rows[row][0] for row in chosen]
        images = self._drawn([lay_out(scene, rng) for scene in scenes])
        random = torch.Generator().manual_seed((self._seed << 32) + step)
        return worn(images, random), self._cache.batch(chosen), same_scenes(scenes)

    def _drawn(self, layouts: Sequence[Layout]) -> Tensor:
        if self._composer is None:
            return as_input(np.stack([self._renderer.draw(layout, SIZE) for layout in layouts]))
        return self._composer.draw(layouts, SIZE).float().div_(127.5).sub_(1).cpu()
