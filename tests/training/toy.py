"""A cascade and a training set so small that a step takes milliseconds: red and blue squares, and a word for each."""

import dataclasses

import numpy as np
import torch

from generators.cascade import configs
from generators.cascade.blocks import TextStates
from generators.cascade.configs import IMAGEN_MINI, UNetConfig
from generators.training.config import TrainConfig
from generators.training.data import Batch, Prepared, rows_of, to_batch
from generators.training.data_config import ScenesConfig

UNET = UNetConfig(
    kind="base",
    channels=(32, 32),
    blocks=(1, 1),
    self_attention=(),
    text_attention=(1,),
    embedding=32,
    text_width=16,
    head_width=16,
    patch=2,
)
TINY = dataclasses.replace(
    IMAGEN_MINI,
    name="tiny",
    base=dataclasses.replace(IMAGEN_MINI.base, unet=UNET),
    sr256=dataclasses.replace(
        IMAGEN_MINI.sr256, unet=dataclasses.replace(UNET, kind="efficient", skip_scaling="residual")
    ),
)

COLOURS = (("red", (230, 26, 26)), ("blue", (26, 26, 230)))


def register() -> None:
    """Make the cascade known by its name, as a configuration file names it."""
    configs.CASCADES["tiny"] = TINY


def config(**changes: object) -> TrainConfig:
    """A training of it, on the CPU in float32."""
    plain = TrainConfig(
        cascade="tiny",
        stage="base",
        data=ScenesConfig(sprites=""),
        seed=3,
        batch=8,
        learning_rate=3e-3,
        crop=32,
        warmup=5,
        cooldown=0.5,
        weight_decay=0.0,
        bf16=False,
        cache="",
    )
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]


class Squares:
    """A square of a chance place and size on grey, red or blue as its caption says. `fixed`: always the first batch."""

    def __init__(self, wanted: TrainConfig, *, fixed: bool = False) -> None:
        self.config = wanted
        self.fixed = fixed
        self.tokens = torch.randn(2, 3, wanted.text.width, generator=torch.Generator().manual_seed(0))

    def text(self, rows: list[int]) -> TextStates:
        """The states of "red" (0) and "blue" (1)."""
        return TextStates(self.tokens[rows], torch.ones(len(rows), 3, dtype=torch.bool))

    def batch(self, step: int, rank: int = 0, world: int = 1) -> Batch:
        """As `Data.batch`."""
        return self.finish(self.prepare(step, rank, world))

    def prepare(self, step: int, rank: int = 0, world: int = 1) -> Prepared:
        """As `Data.prepare`."""
        wanted = self.config
        random = torch.Generator().manual_seed(1000 * wanted.seed + (0 if self.fixed else step))
        colours = torch.randint(0, 2, (wanted.batch,), generator=random).tolist()
        places = torch.randint(0, wanted.crop // 2, (wanted.batch, 3), generator=random).tolist()
        pictures = np.full((wanted.batch, wanted.crop, wanted.crop, 3), 128, dtype=np.uint8)
        for picture, colour, (top, left, side) in zip(pictures, colours, places, strict=True):
            picture[top : top + side + 8, left : left + side + 8] = COLOURS[colour][1]
        mine = rows_of(wanted.batch, rank, world)
        colours = colours[mine.start : mine.stop]
        captions = tuple(COLOURS[colour][0] for colour in colours)
        return Prepared(captions, np.ascontiguousarray(pictures[mine.start : mine.stop]), chosen=tuple(colours))

    def finish(self, prepared: Prepared) -> Batch:
        """As `Data.finish`."""
        assert prepared.pictures is not None
        text = self.text(list(prepared.chosen))
        return to_batch(prepared.pictures, text, prepared.captions, self.config.network, self.config.crop)
