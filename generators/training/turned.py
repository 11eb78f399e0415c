"""Training sets with changed batches: with what a contender is told or draws, or with inputs that a base drew again."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from generators.cascade.blocks import TextStates
from generators.cascade.configs import IMAGEN_MINI
from generators.cascade.quoted import quoted_text
from generators.contenders.autoencoder import load_autoencoder
from generators.contenders.configs import MATCHER_IMAGE, MATCHER_TEXT
from generators.contenders.folder import AUTOENCODER, part_path
from generators.contenders.unclip import embedding_states
from generators.places import CONTENDERS, SCENE_CLIP
from generators.training.config import TrainConfig
from generators.training.data import Batch, Data, Prepared, Report, load_data, load_plain
from generators.training.redrawing import redraws_of
from generators.world.scene_clip.lead import heard_states
from generators.world.scene_clip.load import LoadedSceneClip, load_scene_clip

Turn = Callable[[Batch], Batch]


@dataclass(frozen=True)
class Turned:
    """A training set whose finished batches are turned into what a contender learns from; else as `Data`."""

    plain: Data
    turn: Turn

    def batch(self, step: int, rank: int = 0, world: int = 1) -> Batch:
        """As `Data.batch`."""
        return self.finish(self.prepare(step, rank, world))

    def prepare(self, step: int, rank: int = 0, world: int = 1) -> Prepared:
        """As `Data.prepare`."""
        return self.plain.prepare(step, rank, world)

    def finish(self, prepared: Prepared) -> Batch:
        """As `Data.finish`."""
        with torch.no_grad():
            return self.turn(self.plain.finish(prepared))


def load(config: TrainConfig, report: Report, device: torch.device | str, folder: Path = CONTENDERS) -> Turned:
    """The training set of a contender's configuration. `folder`: of the autoencoder and the matcher.

    Raises:
        ContenderError, SceneClipError: these are not there or damaged.
        FileNotFoundError, ConfigError: as `load_data`.
    """
    plain = load_data(plain_config(config), report, device)
    return Turned(plain, _turn_of(config, folder, str(device)))


def load_redrawn(config: TrainConfig, report: Report, device: torch.device | str) -> Turned:
    """A super-resolution stage's training set, a share of whose inputs a base has drawn again.

    Raises:
        GeneratorError: that base's weights are missing or damaged.
        FileNotFoundError, ConfigError: as `load_data`.
    """
    return Turned(load_plain(config, report, device), redraws_of(config, str(device)))


def plain_config(config: TrainConfig) -> TrainConfig:
    """The same training of the cascade's own base: whole 64x64 pictures and the captions' states."""
    return dataclasses.replace(config, cascade=IMAGEN_MINI.name, crop=IMAGEN_MINI.base.size)


def without_quoted(text: TextStates, captions: Sequence[str], limit: int) -> TextStates:
    """The captions' states but for those of quoted characters, `limit` at most, which stand behind a caption's own: a
    matcher that was trained without them does not know them. 0 leaves them."""
    mask = text.mask.clone()
    for row, caption in enumerate(captions):
        length = int(mask[row].sum())
        mask[row, length - len(quoted_text(caption)[:limit]) : length] = False
    return TextStates(text.tokens, mask)


def unknown_quoted(matcher: LoadedSceneClip) -> int:
    """How many quoted characters have states in the training set that the matcher does not know."""
    return 0 if matcher.text.quoted else IMAGEN_MINI.text.quoted


def _turn_of(config: TrainConfig, folder: Path, device: str) -> Turn:
    if config.network.unet.image_channels != 3:
        encode = load_autoencoder(folder / AUTOENCODER, device=device).network.encode
        return lambda batch: dataclasses.replace(batch, images=encode(batch.images))
    matcher = load_scene_clip(part_path(folder, SCENE_CLIP), device=device)
    if config.text == MATCHER_TEXT:
        quoted = unknown_quoted(matcher)
        return lambda batch: dataclasses.replace(
            batch, text=heard_states(matcher, without_quoted(batch.text, batch.captions, quoted))
        )
    assert config.text == MATCHER_IMAGE
    return lambda batch: dataclasses.replace(batch, text=embedding_states(matcher.network.image(batch.images)))
