"""The loss of one stage, and the random draws that it is taken at.

Draws belong to a row of the global batch and to the step's number, not to the process that has the row: however many
processes and micro-batches share a step, each image meets the same time and the same noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from generators.cascade.augmentation import augment, upsample
from generators.cascade.configs import StageConfig, Weighting
from generators.cascade.schedules import edm_times, loss_weight, noise_at, residual_for, spread, target_for
from generators.training.config import TrainConfig
from generators.training.data import Batch

MIN_T, MAX_T = 1e-3, 1.0
"""Below MIN_T a residual prediction's target divides by almost nothing."""

BLOCK = 16
"""Rows whose noise is drawn together: a generator a row would cost a GPU more launches than the step has."""


@dataclass(frozen=True, slots=True)
class Draws:
    """`t`, `keep`, `aug_level`: (rows,); keep False drops the prompt. `eps`: as the images; `aug_eps`: as `low_res`."""

    t: Tensor
    keep: Tensor
    eps: Tensor
    aug_level: Tensor
    aug_eps: Tensor | None


def draw(config: TrainConfig, step: int, rows: range, device: torch.device) -> Draws:
    """The draws of some rows of global batch number `step`.

    t is stratified over the whole batch: uniform, moved to more noise by `time_shift`, or such that
    sigma / alpha is log-normal, which is EDM's.
    """
    count = config.batch
    random = _generator(config.seed, step, 0, torch.device("cpu"))
    t = (torch.rand(1, generator=random) + torch.arange(count) / count) % 1.0
    if config.weighting == "edm":
        normal = torch.special.ndtri(t.double().clamp(1e-6, 1 - 1e-6))
        t = edm_times(config.network.diffusion.schedule, normal).float().clamp(MIN_T, MAX_T)
    else:
        t = config.time_shift * t / (1 + (config.time_shift - 1) * t)
        t = MIN_T + (MAX_T - MIN_T) * t
    keep = torch.rand(count, generator=random) >= config.text_drop
    # Uniform in the paper; squared here: more of a short training goes to the low levels that sampling uses.
    aug_level = torch.rand(count, generator=random).square() * config.max_aug
    mine = slice(rows.start, rows.stop)
    network, aug_eps = config.network, None
    channels = network.unet.image_channels
    if network.low_size:
        low = config.crop * network.low_size // network.size
        aug_eps = _noise(config.seed, step, 2, rows, (channels, low, low), device)
    return Draws(
        t=t[mine].to(device),
        keep=keep[mine].to(device),
        eps=_noise(config.seed, step, 1, rows, (channels, config.crop, config.crop), device),
        aug_level=aug_level[mine].to(device),
        aug_eps=aug_eps,
    )


def stage_loss(
    network: nn.Module, stage: StageConfig, batch: Batch, drawn: Draws, weighting: Weighting = "min-snr"
) -> Tensor:
    """Mean squared error of the network's prediction over some rows, weighted by time.

    A residual prediction is at unit variance by construction and needs no weight.
    """
    images, t = batch.images, drawn.t
    noise = noise_at(stage.diffusion.schedule, spread(t))
    z = noise.alpha * images + noise.sigma * drawn.eps
    low_res: Tensor | None = None
    if batch.low_res is not None and drawn.aug_eps is not None:
        low_res = upsample(augment(batch.low_res, drawn.aug_level, drawn.aug_eps), images.shape[-1])
    prediction = stage.diffusion.prediction
    if prediction == "residual" and low_res is not None:
        residual = residual_for(low_res, drawn.aug_level, stage.diffusion.residual_std)
        shown = residual.network_input(z, noise)
        output = network(shown, t, batch.text, drawn.keep, low_res, drawn.aug_level).float()
        return (output - residual.target(images, z, noise)).square().mean()
    given = () if low_res is None else (low_res, drawn.aug_level)
    output = network(z, t, batch.text, drawn.keep, *given).float()
    error = (output - target_for(prediction, images, drawn.eps, noise)).square()
    return (error * loss_weight(weighting, prediction, noise)).mean()


def _noise(seed: int, step: int, use: int, rows: range, shape: tuple[int, ...], device: torch.device) -> Tensor:
    """Gaussian noise of some rows, (rows, *shape)."""
    blocks = [
        torch.randn(BLOCK, *shape, generator=_generator(seed, step, 3 * block + use, device), device=device)
        for block in range(rows.start // BLOCK, (rows.stop - 1) // BLOCK + 1)
    ]
    first = rows.start % BLOCK
    return torch.cat(blocks)[first : first + len(rows)]


def _generator(seed: int, step: int, use: int, device: torch.device) -> torch.Generator:
    # The CPU's generator takes 32 bits of its seed alone, so the three numbers are mixed, not put side by side.
    mixed = int(np.random.SeedSequence([seed, step, use]).generate_state(1, np.uint64)[0])
    return torch.Generator(device).manual_seed(mixed >> 1)
