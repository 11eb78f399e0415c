"""Noise schedules in continuous time, and the ways to say what a network predicts.

z_t = alpha_t x + sigma_t eps, t in [0, 1], alpha^2 + sigma^2 = 1 (variance preserving). x in [-1, 1].
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from generators.cascade.configs import Prediction, ScheduleName

BETA_MIN, BETA_MAX = 0.1, 20.0
"""The linear schedule's 1e-4 and 0.02 a step, in the limit of 1000 steps [F]."""


@dataclass(frozen=True, slots=True)
class Noise:
    """alpha_t and sigma_t, each of the shape of t or broadcastable to the images."""

    alpha: Tensor
    sigma: Tensor

    def log_snr_half(self) -> Tensor:
        """lambda_t = log(alpha / sigma): +inf without noise, -inf without signal."""
        return torch.log(self.alpha) - torch.log(self.sigma)


def noise_at(schedule: ScheduleName, t: Tensor) -> Noise:
    """alpha_t and sigma_t in t's dtype; use float64 where a sampler takes differences of lambda.

    Cosine: alpha = cos(pi t / 2) exactly, so t = 1 is pure noise (zero terminal SNR). Linear: beta(t) runs from 0.1 to
    20, alpha = exp(-(0.1 t / 2 + 19.9 t^2 / 4)), and t = 1 keeps alpha = 0.0066.
    """
    if schedule == "cosine":
        # cos(pi / 2) is 6e-17 in floating point; the sampler needs a true zero.
        alpha = torch.where(t >= 1, torch.zeros_like(t), torch.cos(t * (math.pi / 2)))
        return Noise(alpha, torch.sin(t * (math.pi / 2)))
    integral = BETA_MIN * t + (BETA_MAX - BETA_MIN) * t * t / 2
    return Noise(torch.exp(-integral / 2), torch.sqrt(-torch.expm1(-integral)))


def spread(value: Tensor) -> Tensor:
    """(batch,) -> (batch, 1, 1, 1)."""
    return value[:, None, None, None]


def x0_from(prediction: Prediction, output: Tensor, z: Tensor, noise: Noise) -> Tensor:
    """The image that a prediction stands for. v = alpha eps - sigma x (Salimans and Ho 2022).

    Raises:
        ValueError: "residual" needs its low-resolution image; see `Residual.x0`.
    """
    if prediction == "x0":
        return output
    if prediction == "v":
        return noise.alpha * z - noise.sigma * output
    if prediction == "eps":
        # At zero SNR eps says nothing of x; the clamp keeps the first step finite.
        return (z - noise.sigma * output) / noise.alpha.clamp(min=1e-4)
    raise ValueError("a residual prediction is read by Residual.x0, with its low-resolution image")


def target_for(prediction: Prediction, x0: Tensor, eps: Tensor, noise: Noise) -> Tensor:
    """What the network should output; the inverse of `x0_from`.

    Raises:
        ValueError: as `x0_from`.
    """
    if prediction == "x0":
        return x0
    if prediction == "v":
        return noise.alpha * eps - noise.sigma * x0
    if prediction == "eps":
        return eps
    raise ValueError("a residual prediction's target is Residual.target, with its low-resolution image")


def min_snr_weight(prediction: Prediction, noise: Noise, gamma: float = 5.0) -> Tensor:
    """The min-SNR weight of the squared error of a prediction (Hang et al. 2023).

    As a weight of the error in x0: min(SNR, gamma), for x0 and eps. For v, which is made for zero terminal SNR,
    min(SNR + 1, gamma): the weight at t = 1, where colours are decided, must not vanish (diffusers adds 1 likewise).
    Written in sigma^2 = 1 / (SNR + 1), without a division by zero.
    """
    alpha2, sigma2 = noise.alpha**2, noise.sigma**2
    if prediction == "v":
        return (gamma * sigma2).clamp(max=1.0)
    snr = alpha2 / sigma2.clamp(min=1e-8)
    if prediction == "x0":
        return snr.clamp(max=gamma)
    return torch.where(snr > gamma, gamma / snr, torch.ones_like(snr))


@dataclass(frozen=True, slots=True)
class Residual:
    """A normalised prediction of what the upsampled low-resolution image lacks (ours; EDM's preconditioning).

    With u the upsampled image, x = u + r and r of standard deviation s: c_skip (z - alpha u) is the linear estimate of
    r, c_out the standard deviation of its error, and the network predicts that error in units of c_out. So an
    untrained network (output 0) already draws the linear estimate, and training spends nothing on copying u.

    `low_res`: u, (batch, 3, size, size). `std`: s, (batch, 1, 1, 1); grows with aug_level, whose noise u carries.
    """

    low_res: Tensor
    std: Tensor

    def network_input(self, z: Tensor, noise: Noise) -> Tensor:
        """(z - alpha u) at unit variance."""
        return (z - noise.alpha * self.low_res) / self._scale(noise)

    def x0(self, output: Tensor, z: Tensor, noise: Noise) -> Tensor:
        """The image that an output stands for."""
        scale = self._scale(noise)
        c_skip = noise.alpha * self.std**2 / scale**2
        c_out = noise.sigma * self.std / scale
        return self.low_res + c_skip * (z - noise.alpha * self.low_res) + c_out * output

    def target(self, x0: Tensor, z: Tensor, noise: Noise) -> Tensor:
        """What the network should output; the inverse of `x0`. Needs sigma > 0."""
        scale = self._scale(noise)
        c_skip = noise.alpha * self.std**2 / scale**2
        c_out = noise.sigma * self.std / scale
        return (x0 - self.low_res - c_skip * (z - noise.alpha * self.low_res)) / c_out

    def _scale(self, noise: Noise) -> Tensor:
        return torch.sqrt(noise.alpha**2 * self.std**2 + noise.sigma**2)


def residual_for(low_res: Tensor, aug_level: Tensor, base_std: float) -> Residual:
    """The residual of an augmented image: its own spread and the augmentation's noise, added in squares."""
    return Residual(low_res, torch.sqrt(base_std**2 + spread(aug_level) ** 2))
