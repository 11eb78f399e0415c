"""Noise conditioning augmentation: the super-resolution stages learn not to trust their input too far [2.4, A.1]."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from generators.cascade.schedules import spread


def augment(low_res: Tensor, aug_level: Tensor, eps: Tensor) -> Tensor:
    """Variance-preserving Gaussian noise: sqrt(1 - a^2) x + a eps, a = aug_level in [0, 1], (batch,).

    The noise is drawn at the low resolution, before `upsample`: it stands for the errors of the stage before.

    Raises:
        ValueError: a level outside [0, 1].
    """
    if bool(((aug_level < 0) | (aug_level > 1)).any()):
        raise ValueError("aug_level must lie in [0, 1]")
    level = spread(aug_level)
    return torch.sqrt(1 - level**2) * low_res + level * eps


def upsample(low_res: Tensor, size: int) -> Tensor:
    """To (batch, 3, size, size), bilinearly: what a super-resolution network is shown."""
    return F.interpolate(low_res, size=(size, size), mode="bilinear", align_corners=False)


def downsample(images: Tensor, size: int) -> Tensor:
    """By averaging whole blocks of pixels, as the training's low-resolution images are made."""
    factor = images.shape[-1] // size
    if factor * size != images.shape[-1]:
        raise ValueError(f"{images.shape[-1]} pixels can't be averaged to {size}: not a whole factor")
    return F.avg_pool2d(images, factor)


def levels_for(batch: int, aug_level: float, like: Tensor) -> Tensor:
    """The same level for a whole batch, (batch,)."""
    return torch.full((batch,), aug_level, device=like.device, dtype=torch.float32)
