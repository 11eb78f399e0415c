"""Noise schedules in continuous time, and the ways to say what a network predicts.

z_t = alpha_t x + sigma_t eps, t in [0, 1], alpha^2 + sigma^2 = 1 (variance preserving). x in [-1, 1].
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from generators.cascade.configs import Prediction, ScheduleName, Weighting

BETA_MIN, BETA_MAX = 0.1, 20.0
"""The linear schedule's 1e-4 and 0.02 a step, in the limit of 1000 steps [F]."""

_INTEGRAL = (BETA_MIN + BETA_MAX) / 2
_LOST = -math.expm1(-_INTEGRAL / 2)
"""The linear schedule's -2 log alpha and 1 - alpha at t = 1."""


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
    20, alpha = exp(-(0.1 t / 2 + 19.9 t^2 / 4)), and t = 1 keeps alpha = 0.0066. Linear with zero terminal SNR: that
    alpha shifted and stretched to run from 1 to 0 (Lin et al. 2023, algorithm 1).
    """
    if schedule == "cosine":
        # cos(pi / 2) is 6e-17 in floating point; the sampler needs a true zero.
        alpha = torch.where(t >= 1, torch.zeros_like(t), torch.cos(t * (math.pi / 2)))
        return Noise(alpha, torch.sin(t * (math.pi / 2)))
    integral = BETA_MIN * t + (BETA_MAX - BETA_MIN) * t * t / 2
    if schedule == "linear":
        return Noise(torch.exp(-integral / 2), torch.sqrt(-torch.expm1(-integral)))
    lost = (-torch.expm1(-integral / 2) / _LOST).clamp(max=1.0)  # 1 - alpha, exact also where alpha is nearly 1
    lost = torch.where(t >= 1, torch.ones_like(t), lost)
    return Noise(1 - lost, torch.sqrt(lost * (2 - lost)))


def time_at(schedule: ScheduleName, sigma: Tensor) -> Tensor:
    """The t at which sigma_t / alpha_t, EDM's sigma, has these values (0 to infinity); the inverse of `noise_at`.

    What other papers give in sigma (a guidance interval, a distribution of training noise) becomes a time by it. More
    noise than the schedule ends with is t = 1.
    """
    if schedule == "cosine":
        return torch.atan(sigma) * (2 / math.pi)
    integral = torch.log1p(sigma**2)  # -2 log alpha
    if schedule == "linear-zero-snr":
        integral = -2 * torch.log1p(torch.expm1(-integral / 2) * _LOST)
    integral = integral.clamp(max=_INTEGRAL)
    return 2 * integral / (BETA_MIN + torch.sqrt(BETA_MIN**2 + 2 * (BETA_MAX - BETA_MIN) * integral))


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

    Raises:
        ValueError: "residual", which is at unit variance by construction and wants no weight.
    """
    if prediction == "residual":
        raise ValueError("a residual prediction is normalised by construction: it has no min-SNR weight")
    alpha2, sigma2 = noise.alpha**2, noise.sigma**2
    if prediction == "v":
        return (gamma * sigma2).clamp(max=1.0)
    snr = alpha2 / sigma2.clamp(min=1e-8)
    if prediction == "x0":
        return snr.clamp(max=gamma)
    return torch.where(snr > gamma, gamma / snr, torch.ones_like(snr))


def edm_weight(prediction: Prediction, noise: Noise, data_std: float = 0.5) -> Tensor:
    """EDM's weight of the squared error of a prediction (Karras et al. 2022, table 1).

    As a weight of the error in x0: (s'^2 + std^2) / (s' std)^2 with s' = sigma / alpha, which is SNR + 1 / std^2. With
    std = 1 that is 1 for v: plain v-prediction is EDM of unit data. For a residual prediction it is 1, too, whatever
    its spread: `Residual` is EDM's preconditioning, and the weight is made to undo c_out. eps has no finite weight
    without signal; it is held at that of alpha = 1e-4, as in `x0_from`. EDM goes with `edm_times`.

    Raises:
        ValueError: data_std is not positive.
    """
    if not data_std > 0:
        raise ValueError(f"data_std is {data_std}; it must be positive: the standard deviation of the images")
    alpha2, sigma2 = noise.alpha**2, noise.sigma**2
    if prediction == "residual":
        return torch.ones_like(sigma2)
    if prediction == "v":
        return alpha2 + sigma2 / data_std**2
    if prediction == "x0":
        return alpha2 / sigma2.clamp(min=1e-8) + 1 / data_std**2
    return 1 + sigma2 / (data_std**2 * alpha2.clamp(min=1e-8))


def loss_weight(weighting: Weighting, prediction: Prediction, noise: Noise) -> Tensor:
    """The named weight of the squared error of a prediction, with each paper's constants; "none" is 1."""
    if weighting == "edm":
        return edm_weight(prediction, noise)
    if weighting == "none" or prediction == "residual":
        return torch.ones_like(noise.sigma)
    return min_snr_weight(prediction, noise)


def edm_times(schedule: ScheduleName, normal: Tensor, mean: float = -1.2, std: float = 1.2) -> Tensor:
    """Training times whose sigma / alpha is log-normal (Karras et al. 2022, table 1): exp(mean + std * normal).

    `normal`: standard normal draws, any shape; the times have it, too.
    """
    return time_at(schedule, torch.exp(mean + std * normal))


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
