"""Samplers as pure functions: a denoiser and a start in, an image out.

A denoiser maps (z, t) to the predicted image x0, with guidance and thresholding already in it. t runs from 1 to 0 on a
grid of `steps` steps (`spacing.time_grid`). z_t = alpha_t x + sigma_t eps throughout; lambda_t = log(alpha_t/sigma_t).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from generators.cascade.configs import ScheduleName
from generators.cascade.schedules import Noise, noise_at
from generators.cascade.spacing import Spacing, time_grid

SamplerName = Literal["ddim", "ddpm", "dpmpp", "heun"]
Denoiser = Callable[[Tensor, float], Tensor]
NoiseSource = Callable[[int], Tensor]
"""Step number, from 0 -> fresh standard normal noise of z's shape. Only stochastic samplers ask for it."""


def ddim(
    denoise: Denoiser,
    z: Tensor,
    schedule: ScheduleName,
    steps: int,
    eta: float = 0.0,
    noise: NoiseSource | None = None,
    spacing: Spacing = "time",
    *,
    start: float = 1.0,
) -> Tensor:
    """DDIM (Song et al. 2020, equations 12 and 16); eta = 0 is deterministic, eta = 1 ancestral.

    `start`: the time at which z is, in (0, 1]; the grid is the same, shrunk to it.

    Raises:
        ValueError: eta > 0 without a source of noise.
    """
    if eta > 0 and noise is None:
        raise ValueError("ddim with eta > 0 needs a source of noise")
    times = [start * time for time in time_grid(steps, schedule, spacing)]
    for index, (t, s) in enumerate(zip(times, times[1:], strict=False)):
        x0 = denoise(z, t)
        now, then = _at(schedule, t), _at(schedule, s)
        eps = (z - now.alpha * x0) / now.sigma
        # The share of the noise that is drawn anew, as a standard deviation: eta times the ancestral one.
        fresh = eta * _ancestral_std(now, then)
        kept = torch.sqrt((then.sigma**2 - fresh**2).clamp(min=0.0))
        z = then.alpha.to(z.dtype) * x0 + kept.to(z.dtype) * eps
        if noise is not None and float(fresh) > 0:
            z = z + fresh.to(z.dtype) * noise(index)
    return z


def ddpm(
    denoise: Denoiser,
    z: Tensor,
    schedule: ScheduleName,
    steps: int,
    noise: NoiseSource,
    spacing: Spacing = "time",
) -> Tensor:
    """The ancestral sampler (Ho et al. 2020): z_s from the posterior q(z_s | z_t, x0), with its lower variance.

    With a = alpha_t / alpha_s and v = sigma_t^2 - a^2 sigma_s^2: mean (a sigma_s^2 z + alpha_s v x0) / sigma_t^2,
    variance v sigma_s^2 / sigma_t^2.
    """
    times = time_grid(steps, schedule, spacing)
    for index, (t, s) in enumerate(zip(times, times[1:], strict=False)):
        x0 = denoise(z, t)
        now, then = _at(schedule, t), _at(schedule, s)
        ratio = now.alpha / then.alpha
        spread = now.sigma**2 - (ratio * then.sigma) ** 2
        of_z = (ratio * then.sigma**2 / now.sigma**2).to(z.dtype)
        of_x0 = (then.alpha * spread / now.sigma**2).to(z.dtype)
        z = of_z * z + of_x0 * x0
        std = _ancestral_std(now, then)
        if float(std) > 0:
            z = z + std.to(z.dtype) * noise(index)
    return z


def dpmpp_2m(denoise: Denoiser, z: Tensor, schedule: ScheduleName, steps: int, spacing: Spacing = "time") -> Tensor:
    """DPM-Solver++(2M) (Lu et al. 2022, algorithm 2): second order from the step before, deterministic.

    The first step (no predecessor; lambda = -inf at zero terminal SNR) and the last (lambda = +inf) are first order.
    """
    times = time_grid(steps, schedule, spacing)
    before: Tensor | None = None
    h_before = 0.0
    for t, s in zip(times, times[1:], strict=False):
        x0 = denoise(z, t)
        now, then = _at(schedule, t), _at(schedule, s)
        h = float(then.log_snr_half() - now.log_snr_half())
        direction = x0
        # h_before is infinite after a start without signal: its correction vanishes.
        if before is not None and s > 0:
            r = h_before / h
            direction = x0 + (x0 - before) / (2 * r)
        shrink = (then.sigma / now.sigma).to(z.dtype)
        z = shrink * z - (then.alpha * torch.expm1(torch.tensor(-h, dtype=torch.float64))).to(z.dtype) * direction
        before, h_before = x0, h
    return z


def heun(denoise: Denoiser, z: Tensor, schedule: ScheduleName, steps: int, spacing: Spacing = "time") -> Tensor:
    """Heun's method (Karras et al. 2022, "EDM", algorithm 1): second order, deterministic, two evaluations a step.

    EDM's variables are z / alpha and sigma' = sigma / alpha, in which the path is d(z / alpha) / d sigma' = eps. A step
    follows the mean of eps where it begins and where Euler's step (DDIM's) would end. Written back in z here, so that
    nothing is divided by an alpha of zero. The last step is Euler's, as in EDM, and so is a first step from zero
    terminal SNR, where sigma' is infinite: 2 * steps - 2 evaluations there, for two steps or more.
    """
    times = time_grid(steps, schedule, spacing)
    for t, s in zip(times, times[1:], strict=False):
        x0 = denoise(z, t)
        now, then = _at(schedule, t), _at(schedule, s)
        eps = (z - now.alpha * x0) / now.sigma
        euler = then.alpha * x0 + then.sigma * eps
        if s == 0 or float(now.alpha) == 0:
            z = euler
            continue
        eps_there = (euler - then.alpha * denoise(euler, s)) / then.sigma
        ratio = then.alpha / now.alpha
        z = ratio * z + (then.sigma - ratio * now.sigma) * ((eps + eps_there) / 2)
    return z


def sample(
    name: SamplerName,
    denoise: Denoiser,
    z: Tensor,
    schedule: ScheduleName,
    steps: int,
    *,
    eta: float,
    noise: NoiseSource,
    spacing: Spacing = "time",
) -> Tensor:
    """The named sampler. `eta` is ddim's; `noise` is asked by ddpm and by ddim with eta > 0."""
    if name == "ddpm":
        return ddpm(denoise, z, schedule, steps, noise, spacing)
    if name == "ddim":
        return ddim(denoise, z, schedule, steps, eta, noise, spacing)
    if name == "heun":
        return heun(denoise, z, schedule, steps, spacing)
    return dpmpp_2m(denoise, z, schedule, steps, spacing)


def _at(schedule: ScheduleName, t: float) -> Noise:
    """alpha and sigma in float64 on the CPU: differences of lambda lose too much in float32."""
    return noise_at(schedule, torch.tensor(t, dtype=torch.float64))


def _ancestral_std(now: Noise, then: Noise) -> Tensor:
    """sqrt(sigma_ts^2) sigma_s / sigma_t, the posterior's standard deviation."""
    ratio = now.alpha / then.alpha
    spread = (now.sigma**2 - (ratio * then.sigma) ** 2).clamp(min=0.0)
    return torch.sqrt(spread) * then.sigma / now.sigma
