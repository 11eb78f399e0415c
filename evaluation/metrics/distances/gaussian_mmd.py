"""Maximum mean discrepancy under a Gaussian kernel, in blocks, with its error: the distance of CMMD.

Jayasumana et al. (2024), "Rethinking FID: towards a better evaluation metric for image generation": squared MMD,
k(x, y) = exp(-|x - y|^2 / (2 sigma^2)) with sigma = 10, on unit CLIP vectors, times 1000. Their code averages over all
pairs, each vector with itself among them (the V-statistic): biased upwards by about (1 - mean k) / n. The U-statistic
leaves those out and has no bias; both are given.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluation.metrics.errors import MetricError

Array = NDArray[np.float64]

SIGMA = 10.0
SCALE = 1000.0

_ROWS = 1024
"""Rows of a kernel matrix held at once."""


@dataclass(frozen=True)
class GaussianMMD:
    """`value`: the V-statistic, as the paper's code. `unbiased`: the U-statistic, which may be negative.

    Both times `scale`. `se`: the standard error of either. `n_1`, `n_2`: samples.
    """

    value: float
    unbiased: float
    se: float
    n_1: int
    n_2: int
    sigma: float
    scale: float


def gaussian_mmd(
    features_1: ArrayLike, features_2: ArrayLike, *, sigma: float = SIGMA, scale: float = SCALE
) -> GaussianMMD:
    """The squared discrepancy between two samples (n, d) and (m, d) of two rows or more.

    The error is the U-statistic's first-order one, from the spread of each row's own contribution, and so holds where
    the two distributions differ; where they are equal the first order vanishes and it is too small. With sigma = 10 and
    unit vectors the kernel lies within 2 % of 1, so everything is summed as 1 - k by `expm1`, which keeps the digits.

    Raises:
        MetricError: shapes that do not fit, fewer than two rows, entries that are not finite, sigma not above 0.
    """
    x, y = _rows(features_1, "features_1"), _rows(features_2, "features_2")
    if x.shape[1] != y.shape[1]:
        raise MetricError(
            f"The samples have {x.shape[1]} and {y.shape[1]} features: they come from different networks."
        )
    if not sigma > 0:
        raise MetricError(f"sigma is {sigma!r}; it is above 0.")
    n, m = len(x), len(y)
    gamma = 1 / (2 * sigma * sigma)
    # Row sums of 1 - k; a row with itself adds nothing.
    within_x, within_y = _far(x, x, gamma), _far(y, y, gamma)
    across_x, across_y = _far(x, y, gamma), _far(y, x, gamma)
    between = 2 * across_x.sum() / n / m
    biased = between - within_x.sum() / n / n - within_y.sum() / m / m
    unbiased = between - within_x.sum() / n / (n - 1) - within_y.sum() / m / (m - 1)
    mine, theirs = across_x / m - within_x / (n - 1), across_y / n - within_y / (m - 1)
    variance = 4 * float(np.var(mine, ddof=1)) / n + 4 * float(np.var(theirs, ddof=1)) / m
    se = scale * float(np.sqrt(variance))
    return GaussianMMD(scale * float(biased), scale * float(unbiased), se, n, m, sigma, scale)


def _far(x: Array, y: Array, gamma: float) -> Array:
    """For each row of x the sum of 1 - k over the rows of y."""
    squares = (y * y).sum(axis=1)
    sums = []
    for start in range(0, len(x), _ROWS):
        rows = x[start : start + _ROWS]
        distances = rows @ y.T
        distances *= -2
        distances += (rows * rows).sum(axis=1)[:, None]
        distances += squares
        np.maximum(distances, 0.0, out=distances)
        if x is y:  # what rounding leaves of a row's distance to itself
            places = np.arange(len(rows))
            distances[places, start + places] = 0.0
        distances *= -gamma
        sums.append(-np.expm1(distances, out=distances).sum(axis=1))
    return np.concatenate(sums)


def _rows(values: ArrayLike, name: str) -> Array:
    array = np.asarray(values)
    if array.dtype.kind not in "fiu" or array.ndim != 2 or len(array) < 2:
        raise MetricError(f"{name} must be real numbers of the shape (n, d) with n of 2 or more; it has {array.shape}.")
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise MetricError(f"{name} holds entries that are not finite (NaN or Inf).")
    return array
