"""Precision and recall of generated images, by nearest neighbours in feature space.

Kynkaanniemi et al. (2019): precision is the share of generated images that lie among the real ones, recall the share of
real ones that lie among the generated; "among" is: within some image's distance to its k-th neighbour of its own kind.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluation.metrics.errors import MetricError

Array = NDArray[np.float64]

_ROWS = 1024
"""Rows of a distance matrix held at once."""


@dataclass(frozen=True)
class PrecisionRecall:
    """Shares in 0..1, and the `k` they were found with."""

    precision: float
    recall: float
    k: int


def precision_recall(generated: ArrayLike, real: ArrayLike, *, k: int = 3) -> PrecisionRecall:
    """Precision and recall of `generated` (n, d) against `real` (m, d), both of more than `k` rows.

    Both shares depend on n and m: compare only values of equal counts.

    Raises:
        MetricError: shapes that do not fit, too few rows, entries that are not finite.
    """
    x, y = np.asarray(generated, dtype=np.float64), np.asarray(real, dtype=np.float64)
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
        raise MetricError(f"Features must have the shapes (n, d) and (m, d); they have {x.shape} and {y.shape}.")
    if k < 1 or min(len(x), len(y)) <= k:
        raise MetricError(f"The {k}th neighbour takes more than {k} images; there are {len(x)} and {len(y)}.")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise MetricError("The features hold entries that are not finite (NaN or Inf).")
    return PrecisionRecall(precision=_covered(x, y, k), recall=_covered(y, x, k), k=k)


def _covered(points: Array, centres: Array, k: int) -> float:
    """The share of `points` within the k-th neighbour's distance of some centre."""
    radii = np.concatenate(
        [
            np.partition(_squares(centres[i : i + _ROWS], centres), k, axis=1)[:, k]  # the 0th neighbour is itself
            for i in range(0, len(centres), _ROWS)
        ]
    )
    inside = [(_squares(points[i : i + _ROWS], centres) <= radii).any(axis=1) for i in range(0, len(points), _ROWS)]
    return float(np.concatenate(inside).mean())


def _squares(x: Array, y: Array) -> Array:
    """Squared distances between the rows of x and of y."""
    squares = (x * x).sum(axis=1)[:, None] + (y * y).sum(axis=1) - 2 * (x @ y.T)
    return np.asarray(np.maximum(squares, 0.0))
