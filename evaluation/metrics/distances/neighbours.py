"""Precision and recall of generated images, by nearest neighbours in feature space.

Kynkaanniemi et al. (2019): precision is the share of generated images that lie among the real ones, recall the share of
real ones that lie among the generated; "among" is: within some image's distance to its k-th neighbour of its own kind.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluation.metrics.distances.kernel import Rows, blocks, checked_rows
from evaluation.metrics.errors import MetricError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PrecisionRecall:
    """Shares in 0..1, and the `k` they were found with."""

    precision: float
    recall: float
    k: int


def precision_recall(generated: ArrayLike, real: ArrayLike, *, k: int = 3) -> PrecisionRecall:
    """Precision and recall of `generated` (n, d) against `real` (m, d), both of more than `k` rows.

    Both shares depend on n and m: compare only values of equal counts. Rows may lie on disk; memory is a block of them.

    Raises:
        MetricError: shapes that do not fit, too few rows, entries that are not finite.
    """
    x, y = checked_rows(generated, "generated", 1), checked_rows(real, "real", 1)
    if x.shape[1] != y.shape[1]:
        raise MetricError(f"Features must have the shapes (n, d) and (m, d); they have {x.shape} and {y.shape}.")
    if k < 1 or min(len(x), len(y)) <= k:
        raise MetricError(f"The {k}th neighbour takes more than {k} images; there are {len(x)} and {len(y)}.")
    return PrecisionRecall(precision=_covered(x, y, k), recall=_covered(y, x, k), k=k)


def _covered(points: Rows, centres: Rows, k: int) -> float:
    """The share of `points` within the k-th neighbour's distance of some centre."""
    radii = _radii(centres, k)
    inside = 0
    for _, a in blocks(points):
        covered = np.zeros(len(a), dtype=bool)
        for j, b in blocks(centres):
            covered |= (_squares(a, b) <= radii[j : j + len(b)]).any(axis=1)
        inside += int(covered.sum())
    return inside / len(points)


def _radii(rows: Rows, k: int) -> Array:
    """For each row its squared distance to the k-th nearest other one."""
    found = []
    for i, a in blocks(rows):
        nearest = np.full((len(a), k), np.inf)
        for j, b in blocks(rows):
            squares = _squares(a, b)
            if i == j:
                np.fill_diagonal(squares, np.inf)  # itself
            together = np.concatenate([nearest, squares], axis=1)
            nearest = np.partition(together, k - 1, axis=1)[:, :k]
        found.append(nearest.max(axis=1))
    return np.concatenate(found)


def _squares(x: Array, y: Array) -> Array:
    """Squared distances between the rows of x and of y."""
    squares = (x * x).sum(axis=1)[:, None] + (y * y).sum(axis=1) - 2 * (x @ y.T)
    return np.asarray(np.maximum(squares, 0.0))
