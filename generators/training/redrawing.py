"""Super-resolution's input as the base draws it: true low-resolution pictures with the base's own errors in them.

Averaged renders are cleaner than anything that a base draws, and Gaussian noise conditioning augmentation stands for
errors of another kind. So a share of the low-resolution pictures is noised to a time and drawn again from there by a
base, as in SDEdit (Meng et al. 2021, algorithm 1): what is large stays, what is small comes back with that base's
errors. Conditioning on a sample that the model before was stopped at is truncated conditioning augmentation (Ho et al.
2021, "Cascaded Diffusion Models", 4.1); here it is drawn to its end.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from generators.cascade.blocks import TextStates
from generators.cascade.checkpoint import open_weights
from generators.cascade.configs import ConfigError
from generators.cascade.samplers import ddim
from generators.cascade.schedules import noise_at
from generators.cascade.stage import Denoise, LoadedStage, StageSettings
from generators.places import WEIGHTS
from generators.training.config import TrainConfig
from generators.training.data import Batch

STEPS = 3
SETTINGS = StageSettings(1.5, STEPS, "ddim", 0.0, "dynamic")
"""As the base draws by default, in fewer steps: it begins where most is decided."""

LEAST_TIME, TIMES = 0.05, 4
"""Noise is of one of so many times: those of a batch that share one go through the base together."""


def redraws_of(config: TrainConfig, device: str) -> Callable[[Batch], Batch]:
    """What draws a share of a batch's low-resolution pictures again, as the configuration says.

    Whether a picture is one of them, from which time and with which noise depends on that picture alone: a resumed
    training sees what it would have seen, and the processes of one training see together what one would.

    Raises:
        ConfigError: the base was trained with another text encoder than the configuration's.
        GeneratorError: its weights are missing or damaged.
    """
    folder = Path(config.redrawn_weights) if config.redrawn_weights else WEIGHTS
    weights = open_weights(folder).load("base")
    if weights.text != config.text:
        raise ConfigError(f"training: the base in {folder} reads other text than {config.cascade}")
    if weights.stage.size != config.network.low_size:
        raise ConfigError(
            f"training: the base in {folder} draws at {weights.stage.size} pixels, "
            f"and {config.stage} enlarges {config.network.low_size}"
        )
    base = LoadedStage(weights.stage, weights.network(device=device, dtype=torch.float32), weights.text.width)

    times = torch.linspace(LEAST_TIME, config.redrawn_time, TIMES).tolist()

    def turn(batch: Batch) -> Batch:
        assert batch.low_res is not None
        pictures = batch.low_res
        drawn = [_drawn(picture, config.redrawn_share) for picture in pictures.cpu()]
        again = pictures.clone()
        for number, time in enumerate(times):
            rows = [row for row, (chosen, _) in enumerate(drawn) if chosen == number]
            if rows:
                text = TextStates(batch.text.tokens[rows], batch.text.mask[rows])
                eps = torch.stack([drawn[row][1] for row in rows]).to(pictures.device)
                again[rows] = redrawn(base, pictures[rows], text, time, eps)
        return dataclasses.replace(batch, low_res=again)

    return turn


def _drawn(picture: Tensor, share: float) -> tuple[int | None, Tensor]:
    """The number of the time that a picture is noised to, None for a share of 1 - `share`, and its noise."""
    random = torch.Generator().manual_seed(zlib.crc32(picture.contiguous().numpy().tobytes()))
    again = float(torch.rand(1, generator=random)) < share
    number = int(torch.randint(TIMES, (1,), generator=random))
    return (number if again else None), torch.randn(picture.shape, generator=random)


@torch.inference_mode()
def redrawn(base: LoadedStage, pictures: Tensor, text: TextStates, time: float, eps: Tensor) -> Tensor:
    """Pictures, (rows, 3, size, size) in [-1, 1], noised by `eps` to `time`, in (0, 1], and drawn from there."""
    schedule = base.config.diffusion.schedule
    noise = noise_at(schedule, torch.tensor(time, dtype=torch.float64))
    z = float(noise.alpha) * pictures + float(noise.sigma) * eps
    drawn = ddim(Denoise(base, text.to(pictures.device, torch.float32), SETTINGS), z, schedule, STEPS, start=time)
    return drawn.clamp(-1, 1)
