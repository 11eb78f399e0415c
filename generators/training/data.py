"""Batches of images with their text. What is in batch number n depends on the seed and n alone, so that a resumed
training sees what it would have seen; the processes of one training share it out among themselves."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from generators.cascade.augmentation import downsample
from generators.cascade.blocks import TextStates
from generators.cascade.configs import ConfigError, StageConfig
from generators.training.captions_cache import CaptionCache, load_captions
from generators.training.config import TrainConfig
from generators.training.data_config import ScenesConfig
from generators.training.scenes.captions import Scene, caption_pool
from generators.training.scenes.layout import lay_out
from generators.training.scenes.render import Renderer
from generators.training.sprites import load_sprites

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Batch:
    """`images`: (rows, 3, crop, crop) in [-1, 1]. `low_res`: the same averaged down, None for the base.

    `text`: states of the rows' captions. `captions`: the captions themselves, in order.
    """

    images: Tensor
    low_res: Tensor | None
    text: TextStates
    captions: tuple[str, ...]


class Data(Protocol):
    """A training set. `batch` is a pure function: it may be asked for any number, in any order, by any process."""

    def batch(self, step: int, rank: int = 0, world: int = 1) -> Batch:
        """The rows of global batch number `step` that process `rank` of `world` takes.

        The batches of all ranks, one after the other, are the batch of a world of one, row by row: the global batch of
        `config.batch` rows depends on the seed and `step` alone, and `rows_of` says which of them are whose.
        """
        ...


def rows_of(batch: int, rank: int, world: int) -> range:
    """The rows of a global batch of `batch` rows that process `rank` of `world` takes.

    Raises:
        ConfigError: the processes can't all have as many rows.
    """
    if batch % world:
        raise ConfigError(f"training: a batch of {batch} can't be shared evenly by {world} processes; change batch")
    share = batch // world
    return range(rank * share, (rank + 1) * share)


def to_batch(
    pictures: NDArray[np.uint8], text: TextStates, captions: Sequence[str], network: StageConfig, crop: int
) -> Batch:
    """A batch from cropped pictures, (rows, crop, crop, 3): to [-1, 1], and averaged down for super-resolution."""
    images = torch.from_numpy(pictures).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
    low_res = downsample(images, crop * network.low_size // network.size) if network.low_size else None
    return Batch(images, low_res, text, tuple(captions))


class SceneData:
    """Scenes with captions from a fixed pool, laid out anew each time they are drawn."""

    def __init__(self, config: TrainConfig, pool: list[Scene], cache: CaptionCache, renderer: Renderer) -> None:
        self.config = config
        self.pool = pool
        self._cache = cache
        self._renderer = renderer

    def batch(self, step: int, rank: int = 0, world: int = 1) -> Batch:
        """As `Data.batch`. Crops of one large picture share its cost; each picture has a generator of its own."""
        config, network = self.config, self.config.network
        scenes = cast(ScenesConfig, config.data)
        mine = rows_of(config.batch, rank, world)
        crops = (network.size // config.crop) ** 2
        chosen: list[int] = []
        pictures = np.empty((len(mine), config.crop, config.crop, 3), dtype=np.uint8)
        for number in range(mine.start // crops, (mine.stop - 1) // crops + 1):
            rng = np.random.Generator(np.random.Philox(key=[(config.seed << 32) + number, step]))
            scene = int(rng.integers(0, len(self.pool)))
            picture = self._renderer.draw(lay_out(self.pool[scene], rng, shrink=scenes.shrink), network.size)
            for row in range(number * crops, min((number + 1) * crops, config.batch)):
                y, x = rng.integers(0, network.size - config.crop + 1, 2)
                if row not in mine:
                    continue
                if network.low_size:  # a crop of the low-resolution image must be whole pixels
                    factor = network.size // network.low_size
                    y, x = y // factor * factor, x // factor * factor
                pictures[row - mine.start] = picture[y : y + config.crop, x : x + config.crop]
                chosen.append(scene)
        captions = [self.pool[scene].caption for scene in chosen]
        return to_batch(pictures, self._cache.batch(chosen), captions, network, config.crop)


def load_data(config: TrainConfig, report: Report = lambda line: None) -> Data:
    """The training set that a configuration describes. `report`: takes a line now and then where it takes long.

    Raises:
        FileNotFoundError: files of it are missing; the message says which and how to get them.
        ConfigError: it can't be used.
    """
    if isinstance(config.data, ScenesConfig):
        return load_scenes(config, config.data, report)
    # Loaded only here: a source may need packages that the others don't.
    source = importlib.import_module(f"generators.training.sources.{config.data.kind}")
    return cast(Data, source.load(config, report))


def load_scenes(config: TrainConfig, scenes: ScenesConfig, report: Report = lambda line: None) -> SceneData:
    """Sprites, captions and their text, made or read from the cache."""
    renderer = Renderer(load_sprites(Path(scenes.sprites)))
    pool = caption_pool(scenes.captions, renderer.concepts, config.seed)
    cache = load_captions([scene.caption for scene in pool], config.text, Path(config.cache), report)
    if scenes.concepts:
        wanted = set(scenes.concepts)
        rows = [row for row, scene in enumerate(pool) if all(thing.concept in wanted for thing in scene.things)]
        if not rows:
            raise ConfigError(f"data: no caption has only the concepts {', '.join(scenes.concepts)}; raise captions")
        pool, cache = [pool[row] for row in rows], cache.subset(rows)
    return SceneData(config, pool, cache, renderer)
