"""Batches of scenes. Batch number n depends on the seed and n alone, so a resumed training sees what it would have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from generators.cascade.augmentation import downsample
from generators.cascade.blocks import TextStates
from generators.training.captions_cache import CaptionCache, load_captions
from generators.training.config import TrainConfig
from generators.training.scenes.captions import Scene, caption_pool
from generators.training.scenes.layout import lay_out
from generators.training.scenes.render import Renderer
from generators.training.sprites import load_sprites


@dataclass(frozen=True, slots=True)
class Batch:
    """`images`: (batch, 3, crop, crop) in [-1, 1]. `low_res`: the same averaged down, None for the base."""

    images: Tensor
    low_res: Tensor | None
    text: TextStates


class SceneData:
    """Scenes with captions from a fixed pool, laid out anew each time they are drawn."""

    def __init__(self, config: TrainConfig, pool: list[Scene], cache: CaptionCache, renderer: Renderer) -> None:
        self.config = config
        self.pool = pool
        self._cache = cache
        self._renderer = renderer

    def batch(self, step: int) -> Batch:
        """Batch number `step`."""
        config, network = self.config, self.config.network
        rng = np.random.Generator(np.random.Philox(key=[config.seed, step]))
        rows = rng.integers(0, len(self.pool), config.batch)
        pictures = np.empty((config.batch, config.crop, config.crop, 3), dtype=np.uint8)
        # Crops of one large picture share its cost.
        crops = (network.size // config.crop) ** 2
        for first in range(0, config.batch, crops):
            row = rows[first : first + crops] = rows[first]
            picture = self._renderer.draw(lay_out(self.pool[row], rng, shrink=config.shrink), network.size)
            for index in range(first, min(first + crops, config.batch)):
                y, x = rng.integers(0, network.size - config.crop + 1, 2)
                if network.low_size:  # a crop of the low-resolution image must be whole pixels
                    factor = network.size // network.low_size
                    y, x = y // factor * factor, x // factor * factor
                pictures[index] = picture[y : y + config.crop, x : x + config.crop]
        images = torch.from_numpy(pictures).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
        low_res = None
        if network.low_size:
            low_res = downsample(images, config.crop * network.low_size // network.size)
        return Batch(images, low_res, self._cache.batch(rows.tolist()))


def load_data(config: TrainConfig, report: Callable[[str], None] = lambda line: None) -> SceneData:
    """Sprites, captions and their text, made or read from the cache.

    Raises:
        FileNotFoundError: there are no sprites; the message says how to make them.
    """
    renderer = Renderer(load_sprites(Path(config.sprites)))
    pool = caption_pool(config.captions, renderer.concepts, config.seed)
    cache = load_captions([scene.caption for scene in pool], config.text, Path(config.cache), report)
    if config.concepts:
        wanted = set(config.concepts)
        rows = [row for row, scene in enumerate(pool) if all(thing.concept in wanted for thing in scene.things)]
        pool, cache = [pool[row] for row in rows], cache.subset(rows)
    return SceneData(config, pool, cache, renderer)
