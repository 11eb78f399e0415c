"""The loss of one stage, and the average of its weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from generators.cascade.augmentation import augment, upsample
from generators.cascade.configs import StageConfig
from generators.cascade.schedules import min_snr_weight, noise_at, residual_for, spread, target_for
from generators.training.data import Batch

MIN_T, MAX_T = 1e-3, 1.0
"""Below MIN_T a residual prediction's target divides by almost nothing."""


def stage_loss(
    network: nn.Module, stage: StageConfig, batch: Batch, random: torch.Generator, *, text_drop: float, max_aug: float
) -> Tensor:
    """Mean squared error of the network's prediction over a batch, weighted by time.

    t is uniform and stratified over the batch. eps, v and x0 are weighted by min-SNR (gamma 5); a residual prediction
    is at unit variance by construction and needs no weight.
    """
    images = batch.images
    count = len(images)
    t = (torch.rand(1, generator=random) + torch.arange(count) / count) % 1.0
    t = MIN_T + (MAX_T - MIN_T) * t
    keep = torch.rand(count, generator=random) >= text_drop
    eps = torch.randn(images.shape, generator=random)
    noise = noise_at(stage.diffusion.schedule, spread(t))
    z = noise.alpha * images + noise.sigma * eps
    if batch.low_res is None:
        output = network(z, t, batch.text, keep).float()
        prediction = stage.diffusion.prediction
        error = (output - target_for(prediction, images, eps, noise)).square()
        return (error * min_snr_weight(prediction, noise)).mean()
    # Uniform in the paper; squared here: more of a short training goes to the low levels that sampling uses.
    aug_level = torch.rand(count, generator=random).square() * max_aug
    augmented = augment(batch.low_res, aug_level, torch.randn(batch.low_res.shape, generator=random))
    low_res = upsample(augmented, images.shape[-1])
    if stage.diffusion.prediction != "residual":
        output = network(z, t, batch.text, keep, low_res, aug_level).float()
        prediction = stage.diffusion.prediction
        error = (output - target_for(prediction, images, eps, noise)).square()
        return (error * min_snr_weight(prediction, noise)).mean()
    residual = residual_for(low_res, aug_level, stage.diffusion.residual_std)
    output = network(residual.network_input(z, noise), t, batch.text, keep, low_res, aug_level).float()
    return (output - residual.target(images, z, noise)).square().mean()


class PowerEma:
    """The power-function average of the weights (Karras et al. 2023, EDM2, section 3.1).

    beta_n = (1 - 1/n)^(gamma + 1); a relative width `std` of 0.1 is gamma 6.94. It forgets the start of its own accord.
    """

    def __init__(self, network: nn.Module, std: float) -> None:
        self.gamma = gamma_of(std)
        self.weights = {name: value.detach().clone() for name, value in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take in the weights after step number `step`, counted from 1."""
        beta = (1 - 1 / step) ** (self.gamma + 1)
        live = network.state_dict()
        torch._foreach_lerp_(list(self.weights.values()), [live[name] for name in self.weights], 1 - beta)


def gamma_of(std: float) -> float:
    """gamma of the relative width: std^2 = (gamma + 1) / ((gamma + 2)^2 (gamma + 3)), by bisection."""
    low, high = 0.0, 1e5
    for _ in range(200):
        middle = (low + high) / 2
        if (middle + 1) / ((middle + 2) ** 2 * (middle + 3)) > std * std:
            low = middle
        else:
            high = middle
    return low
