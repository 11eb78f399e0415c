"""Batches of images with their text. What is in batch number n depends on the seed and n alone, so that a resumed
training sees what it would have seen; the processes of one training share it out among themselves."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from generators.cascade.augmentation import downsample
from generators.cascade.blocks import TextStates
from generators.cascade.configs import ConfigError, StageConfig
from generators.contenders.configs import CONTENDERS
from generators.contract import GeneratorError
from generators.prompt_file import read_prompts
from generators.training.captions_cache import CaptionCache, load_captions
from generators.training.config import TrainConfig
from generators.training.data_config import ScenesConfig
from generators.world.scenes import WORLD
from generators.world.scenes.captions import Scene, caption_pool
from generators.world.scenes.compose import Packed, SceneComposer, pack
from generators.world.scenes.layout import Layout, lay_out
from generators.world.scenes.render import Renderer
from generators.world.sprites import load_sprites

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


@dataclass(frozen=True, slots=True)
class Prepared:
    """What any process can make of a batch ahead: everything but its text's states and what a GPU does.

    `captions`: of the rows, in order. `pictures`: (rows, crop, crop, 3) uint8; None where `packed` is drawn later.
    `cuts`: (rows, 3) int, which of its pictures a row is a crop of, from which row and column of pixels.
    `chosen`: the numbers of the captions in a pool, none for training sets without one.
    """

    captions: tuple[str, ...]
    pictures: NDArray[np.uint8] | None = None
    packed: Packed | None = None
    cuts: NDArray[np.int64] | None = None
    chosen: tuple[int, ...] = ()


class Data(Protocol):
    """A training set. A batch is a pure function: it may be asked for any number, in any order, by any process.

    `batch` is `finish` of `prepare`. Other processes may prepare ahead (`ahead.Ahead`); networks and GPUs belong to
    the training's own process, which finishes.
    """

    def batch(self, step: int, rank: int = 0, world: int = 1) -> Batch:
        """The rows of global batch number `step` that process `rank` of `world` takes.

        The batches of all ranks, one after the other, are the batch of a world of one, row by row: the global batch of
        `config.batch` rows depends on the seed and `step` alone, and `rows_of` says which of them are whose.
        """
        ...

    def prepare(self, step: int, rank: int = 0, world: int = 1) -> Prepared:
        """The part of `batch` that needs neither a network nor a GPU."""
        ...

    def finish(self, prepared: Prepared) -> Batch:
        """The rest of it."""
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
    return scaled_batch(torch.from_numpy(pictures).permute(0, 3, 1, 2), text, captions, network, crop)


def scaled_batch(pictures: Tensor, text: TextStates, captions: Sequence[str], network: StageConfig, crop: int) -> Batch:
    """As `to_batch`, from (rows, 3, crop, crop) uint8 on any device."""
    images = pictures.float().div_(127.5).sub_(1)
    low_res = downsample(images, crop * network.low_size // network.size) if network.low_size else None
    return Batch(images, low_res, text, tuple(captions))


class SceneData:
    """Scenes with captions from a fixed pool, laid out anew each time they are drawn.

    `renderer`: draws pictures on the CPU. `composer`: draws the batches' on its device, when they are finished; without
    one they are drawn on the CPU, when they are prepared. Both draw the same but for half a step of 256.
    """

    def __init__(
        self,
        config: TrainConfig,
        pool: list[Scene],
        cache: CaptionCache,
        renderer: Renderer,
        composer: SceneComposer | None = None,
    ) -> None:
        self.config = config
        self.pool = pool
        self._cache = cache
        self.renderer = renderer
        self._composer = composer

    @property
    def concepts(self) -> tuple[str, ...]:
        """What the sprites show."""
        return tuple(self.renderer.concepts)

    def text(self, rows: Sequence[int]) -> TextStates:
        """States of the captions of some of the pool's scenes."""
        return self._cache.batch(rows)

    def batch(self, step: int, rank: int = 0, world: int = 1) -> Batch:
        """As `Data.batch`. Crops of one large picture share its cost; each picture has a generator of its own."""
        return self.finish(self.prepare(step, rank, world))

    def prepare(self, step: int, rank: int = 0, world: int = 1) -> Prepared:
        """The scenes, where everything stands in them, the crops; on the CPU the pictures, too."""
        config, network = self.config, self.config.network
        scenes = cast(ScenesConfig, config.data)
        mine = rows_of(config.batch, rank, world)
        crops = (network.size // config.crop) ** 2
        chosen: list[int] = []
        layouts: list[Layout] = []
        cuts: list[tuple[int, int, int]] = []
        for number in range(mine.start // crops, (mine.stop - 1) // crops + 1):
            rng = np.random.Generator(np.random.Philox(key=[(config.seed << 32) + number, step]))
            scene = int(rng.integers(0, len(self.pool)))
            layouts.append(lay_out(self.pool[scene], rng, shrink=scenes.shrink, steady=scenes.steady))
            for row in range(number * crops, min((number + 1) * crops, config.batch)):
                y, x = (int(value) for value in rng.integers(0, network.size - config.crop + 1, 2))
                if row not in mine:
                    continue
                if network.low_size:  # a crop of the low-resolution image must be whole pixels
                    factor = network.size // network.low_size
                    y, x = y // factor * factor, x // factor * factor
                cuts.append((len(layouts) - 1, y, x))
                chosen.append(scene)
        captions = tuple(self.pool[scene].caption for scene in chosen)
        if self._composer is not None:
            packed = pack(layouts, self._composer.index)
            return Prepared(captions, packed=packed, cuts=np.array(cuts, dtype=np.int64), chosen=tuple(chosen))
        pictures = np.empty((len(cuts), config.crop, config.crop, 3), dtype=np.uint8)
        drawn, picture = -1, np.empty(0, dtype=np.uint8)
        for row, (number, y, x) in enumerate(cuts):
            if number != drawn:
                drawn, picture = number, self.renderer.draw(layouts[number], network.size)
            pictures[row] = picture[y : y + config.crop, x : x + config.crop]
        return Prepared(captions, pictures=pictures, chosen=tuple(chosen))

    def finish(self, prepared: Prepared) -> Batch:
        """The text's states, and on a GPU the pictures."""
        config, network = self.config, self.config.network
        text = self._cache.batch(prepared.chosen)
        if self._composer is None or prepared.packed is None or prepared.cuts is None:
            assert prepared.pictures is not None
            return to_batch(prepared.pictures, text, prepared.captions, network, config.crop)
        whole = self._composer.draw(prepared.packed, network.size)
        if config.crop == network.size:
            pictures = whole
        else:
            side = config.crop
            pictures = torch.stack([whole[n, :, y : y + side, x : x + side] for n, y, x in prepared.cuts.tolist()])
        return scaled_batch(pictures, text, prepared.captions, network, config.crop)


def load_data(config: TrainConfig, report: Report = lambda line: None, device: torch.device | str = "cpu") -> Data:
    """The training set that a configuration describes.

    `report`: takes a line now and then where it takes long. `device`: where the training runs; on a GPU scenes are
    drawn there.

    Raises:
        FileNotFoundError: files of it are missing; the message says which and how to get them.
        ConfigError: it can't be used.
    """
    if config.cascade in CONTENDERS:
        # By name: what a contender is told and draws stands on this module.
        turned = importlib.import_module("generators.training.turned")
        return cast(Data, turned.load(config, report, device))
    if config.redrawn_share:
        turned = importlib.import_module("generators.training.turned")
        return cast(Data, turned.load_redrawn(config, report, device))
    return load_plain(config, report, device)


def load_plain(config: TrainConfig, report: Report, device: torch.device | str) -> Data:
    """The pictures and captions that a configuration names, as they are.

    Raises:
        FileNotFoundError, ConfigError: as `load_data`.
    """
    if isinstance(config.data, ScenesConfig):
        return load_scenes(config, config.data, report, device)
    # Loaded only here: a source may need packages that the others don't.
    source = importlib.import_module(f"generators.training.sources.{config.data.kind}")
    return cast(Data, source.load(config, report))


def load_scenes(
    config: TrainConfig,
    scenes: ScenesConfig,
    report: Report = lambda line: None,
    device: torch.device | str = "cpu",
) -> SceneData:
    """Sprites, captions and their text, made or read from the cache.

    Raises:
        FileNotFoundError, ConfigError: as `load_data`.
    """
    sprites = load_sprites(Path(scenes.sprites))
    renderer = Renderer(sprites)
    pool = scene_pool(scenes, renderer.concepts, config.seed)
    cache = load_captions([scene.caption for scene in pool], config.text, Path(config.cache), report, device=device)
    if torch.device(device).type == "cpu":
        return SceneData(config, pool, cache, renderer)
    return SceneData(config, pool, cache.on(device), renderer, SceneComposer(sprites, device))


def scene_pool(scenes: ScenesConfig, known: Sequence[str], seed: int) -> list[Scene]:
    """The scenes whose captions a training has. `known`: the concepts that the sprites show.

    Raises:
        FileNotFoundError: a suite whose prompts are to be left out is not there.
        ConfigError: the sprites lack a concept that is asked for, or no scene can be made of those there are.
    """
    lacking = sorted(set(scenes.concepts) - set(known))
    if lacking:
        raise ConfigError(f"data: the sprites in {scenes.sprites} have no {', '.join(lacking)}; make them anew")
    exclude = prompts_of(scenes.exclude)
    try:
        pool = caption_pool(
            scenes.captions,
            scenes.concepts or known,
            seed,
            exclude=exclude,
            shares=scenes.shares,
            often=scenes.often,
        )
    except ValueError as error:
        raise ConfigError(f"data: {error}") from None
    if not scenes.one_drawing:
        return pool
    return [replace(scene, things=tuple(replace(thing, drawing=0) for thing in scene.things)) for scene in pool]


def prompts_of(suites: Sequence[str]) -> list[str]:
    """The prompts of suites' CSV files, from their column `prompt`.

    Raises:
        FileNotFoundError: one is not there.
        ConfigError: one has no such column.
    """
    prompts: list[str] = []
    for name in suites:
        path = Path(name)
        if not path.is_file():
            raise FileNotFoundError(f"data: {path} is not there; exclude names suites whose prompts no caption may be")
        try:
            prompts += read_prompts(path)
        except GeneratorError as error:
            raise ConfigError(f"data: {error}; exclude names suites as CSV files") from None
    return prompts


def described(config: TrainConfig) -> str:
    """What it learned from, in a word or two, for people: "world scenes/2"."""
    return f"world {WORLD}" if isinstance(config.data, ScenesConfig) else f"a {config.data.kind}"
