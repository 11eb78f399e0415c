"""Pictures of what a stage draws while it trains: the same prompts, the same noise, the averaged weights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from common.files import write_whole
from generators.cascade.augmentation import augment, levels_for, upsample
from generators.cascade.blocks import TextStates
from generators.cascade.samplers import sample
from generators.cascade.stage import Denoise, LoadedStage, StageSettings
from generators.cascade.text import load_encoder
from generators.training.config import TrainConfig
from generators.training.data import Data
from generators.training.trainer import Trainer

FOLDER = "samples"
ROWS = 16
"""Samples of a grid where the configuration names no prompts."""

AUG_LEVEL = 0.1
NOISE_SEED = 0
BASE = StageSettings(w=3.0, steps=20, sampler="ddim", eta=0.0, thresholding="dynamic")
SUPER_RESOLUTION = StageSettings(w=1.0, steps=4, sampler="ddim", eta=0.0, thresholding="static", start_noise=0.0)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is drawn each time: `text` (rows), for super-resolution `low_res` with the pictures `real` it came from."""

    text: TextStates
    low_res: Tensor | None
    real: Tensor | None


def asked_for(config: TrainConfig, data: Data) -> Asked:
    """The configuration's prompts, for the base; else the first rows of the training set's first batch.

    Raises:
        GeneratorError: there are prompts but the text encoder is not there.
    """
    if config.sample_prompts and not config.network.low_size:
        return Asked(load_encoder(config.text).encode(list(config.sample_prompts)).states, None, None)
    batch = data.batch(0)
    rows = slice(0, ROWS)
    text = TextStates(batch.text.tokens[rows].cpu(), batch.text.mask[rows].cpu())
    return Asked(text, None if batch.low_res is None else batch.low_res[rows].cpu(), batch.images[rows].cpu())


def drawn(trainer: Trainer, asked: Asked) -> Tensor:
    """Samples with the averaged weights, (rows, 3, size, size) in [-1, 1]; every process draws the same."""
    config, device = trainer.config, trainer.world.device
    random = torch.Generator().manual_seed(NOISE_SEED)
    count = len(asked.text.tokens)
    start = torch.randn(count, 3, config.crop, config.crop, generator=random).to(device)
    settings, low_res, level = BASE, None, None
    if asked.low_res is not None:
        settings = SUPER_RESOLUTION
        eps = torch.randn(asked.low_res.shape, generator=random)
        level = levels_for(count, AUG_LEVEL, asked.low_res)
        low_res = upsample(augment(asked.low_res, level, eps), config.crop).to(device)
        level = level.to(device)

    def fresh(step: int) -> Tensor:
        return torch.randn(start.shape, generator=torch.Generator().manual_seed(1 + step)).to(device)

    with trainer.ema.in_place(trainer.network), torch.no_grad():
        trainer.network.eval()
        stage = LoadedStage(config.network, trainer.network)
        denoise = Denoise(stage, asked.text.to(device, torch.float32), settings, low_res, level)
        with torch.autocast(device.type, torch.bfloat16, enabled=trainer.bf16):
            images = sample(
                settings.sampler,
                denoise,
                start,
                config.network.diffusion.schedule,
                settings.steps,
                eta=0.0,
                noise=fresh,
            )
        trainer.network.train()
    return images.clamp(-1, 1).float().cpu()


def grid(asked: Asked, images: Tensor) -> NDArray[np.uint8]:
    """One picture of all samples. For super-resolution each stands between what it was shown and the real picture."""
    if asked.low_res is not None and asked.real is not None:
        shown = upsample(asked.low_res, images.shape[-1])
        images = torch.stack((shown, images, asked.real), dim=1).flatten(0, 1)
        columns = 6
    else:
        columns = math.ceil(math.sqrt(len(images)))
    rows = math.ceil(len(images) / columns)
    side = images.shape[-1]
    pixels = images.add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()
    picture = np.full((rows * (side + 2) - 2, columns * (side + 2) - 2, 3), 255, dtype=np.uint8)
    for index, image in enumerate(pixels):
        top, left = index // columns * (side + 2), index % columns * (side + 2)
        picture[top : top + side, left : left + side] = image
    return picture


def write_grid(trainer: Trainer, asked: Asked, folder: Path) -> NDArray[np.uint8] | None:
    """Draw and write `samples/STEP.png`; the picture, or None in a process that doesn't write.

    Raises:
        SaveError: it could not be written.
    """
    images = drawn(trainer, asked)
    if not trainer.world.main:
        return None
    picture = grid(asked, images)
    path = folder / FOLDER / f"{trainer.progress.step:09d}.png"
    write_whole(path, lambda part: Image.fromarray(picture).save(part, format="PNG"))
    return picture
