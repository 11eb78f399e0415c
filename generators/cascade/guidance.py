"""Classifier-free guidance and what keeps it in range [2.2, 2.3]."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

Thresholding = Literal["dynamic", "static", "none"]
PERCENTILE = 99.5
"""Dynamic thresholding's percentile [2.3, D.1 sweeps it]."""


def guided(conditional: Tensor, unconditional: Tensor, w: float) -> Tensor:
    """w * conditional + (1 - w) * unconditional [2.2, equation 2]; w = 1 is no guidance.

    The paper writes it for eps; it says the same for x0 and v, which are affine in eps with z fixed.
    """
    return torch.lerp(unconditional, conditional, w)


def guides_at(t: float, low: float, high: float) -> bool:
    """Whether guidance acts at time t: low < t <= high (Kynkaanniemi et al. 2024, equation 6, in t for sigma).

    Outside of its interval w is 1: guidance at high noise costs variety, at low noise it changes nothing, and either
    way it costs a second forward. 0 and 1 are the whole path. Their sigmas are times by `schedules.time_at`; with the
    cosine schedule t = 2 / pi * atan(sigma).
    """
    return low < t <= high


def static_threshold(x0: Tensor) -> Tensor:
    """x0 clipped to [-1, 1] [2.3]."""
    return x0.clamp(-1.0, 1.0)


def dynamic_threshold(x0: Tensor, percentile: float = PERCENTILE) -> Tensor:
    """Per image: s = the percentile of |x0|; where s > 1, x0 is clipped to [-s, s] and divided by s [2.3].

    The percentile is the smallest value with at least that share of values at or below it (`kthvalue`; interpolating
    as `torch.quantile` does costs eight times as much and changes nothing that one could see).

    Raises:
        ValueError: a percentile outside (0, 100].
    """
    if not 0 < percentile <= 100:
        raise ValueError(f"percentile is {percentile}; it must lie in (0, 100]")
    size = x0[0].numel()
    rank = max(1, math.ceil(size * percentile / 100))
    s = x0.flatten(1).abs().float().kthvalue(rank, dim=1).values.clamp(min=1.0)[:, None, None, None].to(x0.dtype)
    return torch.minimum(torch.maximum(x0, -s), s) / s


def thresholded(x0: Tensor, how: Thresholding) -> Tensor:
    """x0 by the named rule."""
    if how == "dynamic":
        return dynamic_threshold(x0)
    return static_threshold(x0) if how == "static" else x0
