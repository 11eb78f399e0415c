"""Where a sampler's steps lie: from t = 1, pure noise, to t = 0, spread evenly in one quantity or another.

sigma' = sigma_t / alpha_t throughout, EDM's sigma. What counts near t = 0, where detail is decided, is how sigma' falls
from step to step. On the cosine schedule it falls as t does. On the linear ones it falls as sqrt(t): there steps even
in t end with a jump of sigma' of the order 1 / sqrt(steps), which costs a second-order sampler its order
(docs/cascade.md has the orders measured), and the other spacings give it back.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from generators.cascade.configs import ScheduleName
from generators.cascade.schedules import noise_at, time_at

Spacing = Literal["time", "angle", "log-snr", "karras"]

RHO = 7.0
"""Karras et al. 2022: their choice of rho."""


def time_grid(steps: int, schedule: ScheduleName = "cosine", spacing: Spacing = "time") -> list[float]:
    """1 = t_0 > t_1 > ... > t_steps = 0.

    time: even in t. angle: even in atan(sigma'), which on the cosine schedule is t itself. log-snr: even in
    lambda = -log sigma' (Lu et al. 2022, section 4.1). karras: even in sigma'^(1/7) (Karras et al. 2022, equation 5).

    log-snr and karras need two ends that are neither 0 nor infinite. They are those of `angle`: sigma' of its last step
    before 0, and of its first, which is t = 1 where the schedule keeps some signal there. So the ends move out as steps
    are added, and the error goes to zero with them.

    Raises:
        ValueError: fewer than one step.
    """
    if steps < 1:
        raise ValueError(f"{steps} steps; at least one is needed")
    if spacing == "time" or steps == 1:
        return [1.0 - index / steps for index in range(steps)] + [0.0]
    most = noise_at(schedule, torch.ones((), dtype=torch.float64))
    whole = math.atan2(float(most.sigma), float(most.alpha))  # pi / 2 for pure noise
    angles = torch.arange(steps - 1, 0, -1, dtype=torch.float64) * (whole / steps)
    inner = torch.tan(angles)
    if spacing != "angle":
        first = inner[0] if float(most.alpha) == 0 else most.sigma / most.alpha
        inner = _between(float(first), float(inner[-1]), steps - 1, spacing, after=float(most.alpha) > 0)
    return [1.0, *time_at(schedule, inner).tolist(), 0.0]


def _between(first: float, last: float, count: int, spacing: Spacing, *, after: bool) -> Tensor:
    """`count` values of sigma' from `first` to `last`. `after`: without `first` itself, which is t = 1 then."""
    share = torch.linspace(0, 1, count + after, dtype=torch.float64)[int(after) :]
    if spacing == "log-snr":
        return torch.exp(math.log(first) + share * (math.log(last) - math.log(first)))
    rising = first ** (1 / RHO)
    return (rising + share * (last ** (1 / RHO) - rising)) ** RHO
