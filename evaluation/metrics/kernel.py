"""Kernel distance (KID): the squared maximum mean discrepancy under a cubic kernel, unbiased, with its error.

Binkowski et al. (2018), k(x, y) = (x'y / d + 1)^3. The U-statistic over all samples, not an average over random
subsets: it has no seed and the smaller error. It has no bias, so it may be negative where the two samples are alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluation.metrics.errors import MetricError

Array = NDArray[np.float64]

_ROWS = 1024
"""Rows of a kernel matrix held at once."""


@dataclass(frozen=True)
class KernelDistance:
    """`value`: the unbiased squared discrepancy. `se`: its standard error. `n_1`, `n_2`: samples."""

    value: float
    se: float
    n_1: int
    n_2: int


def kernel_distance(features_1: ArrayLike, features_2: ArrayLike) -> KernelDistance:
    """The kernel distance between two samples (n, d) and (m, d) of two rows or more.

    The error is the first-order one of the U-statistic, from the spread of each sample's own contribution (Sutherland
    et al. 2017, for independent samples). Time n m d, memory a block of rows: 30,000 against
    40,000 take minutes on a CPU.

    Raises:
        MetricError: shapes that do not fit, fewer than two rows, entries that are not finite.
    """
    x, y = _rows(features_1, "features_1"), _rows(features_2, "features_2")
    if x.shape[1] != y.shape[1]:
        raise MetricError(
            f"The samples have {x.shape[1]} and {y.shape[1]} features: they come from different feature extractors."
        )
    n, m = len(x), len(y)
    within_x, within_y = _row_sums(x, x), _row_sums(y, y)
    across_x, across_y = _row_sums(x, y), _row_sums(y, x)
    # Each row's mean kernel with the others of its own sample, and with the other sample.
    own_x, own_y = (within_x - _self(x)) / (n - 1), (within_y - _self(y)) / (m - 1)
    other_x, other_y = across_x / m, across_y / n
    value = float(own_x.mean() + own_y.mean() - 2 * other_x.mean())
    variance = 4 * float(np.var(own_x - other_x, ddof=1)) / n + 4 * float(np.var(own_y - other_y, ddof=1)) / m
    return KernelDistance(value, float(np.sqrt(variance)), n, m)


def _kernel(dots: Array, features: int) -> Array:
    dots /= features
    dots += 1.0
    return np.asarray(dots**3)


def _row_sums(x: Array, y: Array) -> Array:
    blocks = [_kernel(x[i : i + _ROWS] @ y.T, x.shape[1]).sum(axis=1) for i in range(0, len(x), _ROWS)]
    return np.concatenate(blocks)


def _self(x: Array) -> Array:
    return _kernel(np.einsum("ij,ij->i", x, x), x.shape[1])


def _rows(values: ArrayLike, name: str) -> Array:
    array = np.asarray(values)
    if array.dtype.kind not in "fiu" or array.ndim != 2 or len(array) < 2:
        raise MetricError(f"{name} must be real numbers of the shape (n, d) with n of 2 or more; it has {array.shape}.")
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise MetricError(f"{name} holds entries that are not finite (NaN or Inf).")
    return array
