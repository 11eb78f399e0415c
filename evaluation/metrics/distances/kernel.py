"""Kernel distance (KID): the squared maximum mean discrepancy under a cubic kernel, unbiased, with its error.

Binkowski et al. (2018), k(x, y) = (x'y / d + 1)^3. The U-statistic over all samples, not an average over random
subsets: it has no seed and the smaller error. It has no bias, so it may be negative where the two samples are alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluation.metrics.errors import MetricError

Array = NDArray[np.float64]
Rows = NDArray[Any]
"""(n, d), of any real type, in memory or mapped from a file."""

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
    et al. 2017, for independent samples). Products are taken in float64, block by block, so that rows may lie on disk
    (`features.read_features`). Time n m d, memory a block: 30,000 against 40,000 take minutes on a CPU.

    Raises:
        MetricError: shapes that do not fit, fewer than two rows, entries that are not finite.
    """
    x, y = checked_rows(features_1, "features_1"), checked_rows(features_2, "features_2")
    if x.shape[1] != y.shape[1]:
        raise MetricError(
            f"The samples have {x.shape[1]} and {y.shape[1]} features: they come from different feature extractors."
        )
    n, m = len(x), len(y)
    within_x, within_y = _sums_within(x), _sums_within(y)
    across_x, across_y = _sums_across(x, y)
    # Each row's mean kernel with the others of its own sample, and with the other sample.
    own_x, own_y = within_x / (n - 1), within_y / (m - 1)
    other_x, other_y = across_x / m, across_y / n
    value = float(own_x.mean() + own_y.mean() - 2 * other_x.mean())
    variance = 4 * float(np.var(own_x - other_x, ddof=1)) / n + 4 * float(np.var(own_y - other_y, ddof=1)) / m
    return KernelDistance(value, float(np.sqrt(variance)), n, m)


def _kernel(dots: Array, features: int) -> Array:
    dots /= features
    dots += 1.0
    return np.asarray(dots**3)


def _sums_across(x: Rows, y: Rows) -> tuple[Array, Array]:
    """For each row of x its kernel summed over y; and the other way round."""
    sums_x, sums_y = np.zeros(len(x)), np.zeros(len(y))
    for i, a in blocks(x):
        for j, b in blocks(y):
            kernels = _kernel(a @ b.T, x.shape[1])
            sums_x[i : i + len(a)] += kernels.sum(axis=1)
            sums_y[j : j + len(b)] += kernels.sum(axis=0)
    return sums_x, sums_y


def _sums_within(x: Rows) -> Array:
    """For each row its kernel summed over the other rows; each pair is computed once."""
    sums = np.zeros(len(x))
    for i, a in blocks(x):
        kernels = _kernel(a @ a.T, x.shape[1])
        np.fill_diagonal(kernels, 0.0)
        sums[i : i + len(a)] += kernels.sum(axis=1)
        for j, b in blocks(x, i + len(a)):
            kernels = _kernel(a @ b.T, x.shape[1])
            sums[i : i + len(a)] += kernels.sum(axis=1)
            sums[j : j + len(b)] += kernels.sum(axis=0)
    return sums


def blocks(rows: Rows, start: int = 0) -> Iterator[tuple[int, Array]]:
    """Where a block begins, and the block in float64: all rows from `start` on."""
    for i in range(start, len(rows), _ROWS):
        yield i, np.asarray(rows[i : i + _ROWS], dtype=np.float64)


def checked_rows(values: ArrayLike, name: str, at_least: int = 2) -> Rows:
    """`values` as rows (n, d), neither copied nor read into memory at once.

    Raises:
        MetricError: another shape, fewer rows than `at_least`, or entries that are not finite numbers.
    """
    array: Rows = np.asanyarray(values)
    if array.dtype.kind not in "fiu" or array.ndim != 2 or len(array) < at_least:
        raise MetricError(
            f"{name} must be real numbers of the shape (n, d) with n of {at_least} or more; it has {array.shape}."
        )
    if not all(np.isfinite(block).all() for _, block in blocks(array)):
        raise MetricError(f"{name} holds entries that are not finite (NaN or Inf).")
    return array
