"""What a Frechet distance needs of a sample: count, mean and scatter, in float64, mergeable and small at any count.

Chan, Golub and LeVeque (1983): with delta = mean_b - mean_a,

    mean = mean_a + delta n_b / n,    scatter = scatter_a + scatter_b + delta delta' n_a n_b / n

so that shards counted on different machines merge to what one machine would have counted, to rounding.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import blas

from common.files import whole_file
from evaluation.metrics.errors import MetricError
from evaluation.metrics.frechet import frechet_distance

Array = NDArray[np.float64]

_BLOCK = 512
"""Rows gathered before a matrix product; 8 MB at 2048 features."""
_FORMAT = 1


@dataclass(frozen=True, eq=False)
class Moments:
    """`count` rows; `mean`: (d,); `scatter`: (d, d), the sum of (x - mean)(x - mean)' over the rows."""

    count: int
    mean: Array
    scatter: Array

    @property
    def features(self) -> int:
        """d, the number of features."""
        return len(self.mean)

    def covariance(self) -> Array:
        """(d, d), divisor n - 1.

        Raises:
            MetricError: fewer than two rows.
        """
        if self.count < 2:
            raise MetricError(f"A covariance takes two samples or more; this set has {self.count}.")
        return np.asarray(self.scatter / (self.count - 1))


class MomentsBuilder:
    """Takes features batch by batch and keeps nothing of them but their moments.

    >>> builder = MomentsBuilder(2)
    >>> builder.add([[0.0, 1.0], [2.0, 1.0]])
    >>> builder.moments().mean.tolist()
    [1.0, 1.0]
    """

    def __init__(self, features: int) -> None:
        self._count = 0
        self._mean = np.zeros(features)
        # The lower triangle alone, updated in place; in Fortran's order, which BLAS takes without a copy.
        self._scatter = np.zeros((features, features), order="F")
        self._block = np.empty((_BLOCK, features))
        self._waiting = 0

    def add(self, features: ArrayLike) -> None:
        """Add rows (n, d).

        Raises:
            MetricError: another number of features, or entries that are not finite.
        """
        rows = np.asarray(features)
        if rows.ndim != 2 or rows.shape[1] != len(self._mean):
            raise MetricError(f"Features must have the shape (n, {len(self._mean)}); they have {rows.shape}.")
        if not np.isfinite(rows).all():
            raise MetricError("The feature extractor gave values that are not finite (NaN or Inf).")
        while len(rows):
            taken = rows[: _BLOCK - self._waiting]
            self._block[self._waiting : self._waiting + len(taken)] = taken
            self._waiting += len(taken)
            rows = rows[len(taken) :]
            if self._waiting == _BLOCK:
                self._empty_block()

    def moments(self) -> Moments:
        """Of all rows so far; more may follow."""
        self._empty_block()
        lower = np.tril(self._scatter, -1)
        return Moments(self._count, self._mean.copy(), lower + lower.T + np.diag(self._scatter.diagonal()))

    def _empty_block(self) -> None:
        n, self._waiting = self._waiting, 0
        if not n:
            return
        block = self._block[:n]
        mean = block.mean(axis=0)
        block -= mean
        total = self._count + n
        delta = mean - self._mean
        blas.dsyrk(1.0, block.T, beta=1.0, c=self._scatter, lower=1, overwrite_c=1)
        blas.dsyr(self._count * n / total, delta, lower=1, a=self._scatter, overwrite_a=1)
        self._mean += delta * (n / total)
        self._count = total


def moments_of(features: ArrayLike) -> Moments:
    """The moments of rows (n, d)."""
    rows = np.asarray(features)
    builder = MomentsBuilder(rows.shape[1] if rows.ndim == 2 else 0)
    builder.add(rows)
    return builder.moments()


def merge(parts: Iterable[Moments]) -> Moments:
    """The moments of all rows of `parts`, in whatever way they were split.

    Raises:
        MetricError: no parts, or parts with different numbers of features.
    """
    found = list(parts)
    if not found:
        raise MetricError("There are no statistics to merge.")
    return reduce(_merge_two, found)


def without(total: Moments, part: Moments) -> Moments:
    """`total` less the rows of `part`, which it must contain: `merge` the other way round.

    Raises:
        MetricError: `part` has more rows than `total`, or another number of features.
    """
    _check_fit(total, part)
    count = total.count - part.count
    if count < 0:
        raise MetricError(f"{part.count} rows can't be taken from {total.count}.")
    if count == 0:
        return Moments(0, np.zeros_like(total.mean), np.zeros_like(total.scatter))
    mean = total.mean + (total.mean - part.mean) * (part.count / count)
    delta = part.mean - mean
    scatter = total.scatter - part.scatter - _between(delta, part.count * count / total.count)
    return Moments(count, mean, scatter)


def distance(first: Moments, second: Moments) -> float:
    """The squared Frechet distance of two sets of moments. Raises `MetricError` as `frechet_distance` does."""
    return frechet_distance(first.mean, first.covariance(), second.mean, second.covariance())


def save_moments(groups: Iterable[Moments], path: Path | BinaryIO, record: Mapping[str, object] | None = None) -> None:
    """Write moments to a file that numpy reads without pickle; a file at `path` is replaced at once or not at all.

    `record`: what else belongs to them, as JSON.
    """
    found = list(groups)
    size = found[0].features
    rows, columns = np.triu_indices(size)
    arrays = {
        "format": np.array(_FORMAT),
        "count": np.array([part.count for part in found], dtype=np.int64),
        "mean": np.stack([part.mean for part in found]),
        # Half of a symmetric matrix is enough.
        "scatter": np.stack([part.scatter[rows, columns] for part in found]),
        "record": np.frombuffer(json.dumps(dict(record or {}), sort_keys=True).encode(), dtype=np.uint8),
    }
    if not isinstance(path, Path):
        np.savez(path, allow_pickle=False, **arrays)
        return
    with whole_file(path) as file:
        np.savez(file, allow_pickle=False, **arrays)


def load_record(path: Path) -> dict[str, object]:
    """The record that `save_moments` wrote, without the moments.

    Raises:
        MetricError: the file is damaged or something else.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            record = json.loads(file["record"].tobytes())
    except (OSError, EOFError, LookupError, TypeError, AttributeError, ValueError, zipfile.BadZipFile) as error:
        raise MetricError(f"{path} holds no statistics that can be read ({error}). Make them anew.") from None
    return record if isinstance(record, dict) else {}


def load_moments(path: Path | BinaryIO) -> tuple[list[Moments], dict[str, object]]:
    """The moments and the record that `save_moments` wrote.

    Raises:
        MetricError: the file is damaged or something else.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            if int(file["format"]) != _FORMAT:
                raise MetricError("it is of another version")
            counts, means, packed = file["count"], file["mean"], file["scatter"]
            record = json.loads(file["record"].tobytes())
        size = means.shape[1]
        if means.shape != (len(counts), size) or packed.shape != (len(counts), size * (size + 1) // 2):
            raise MetricError("its parts do not fit together")
        if not (np.isfinite(means).all() and np.isfinite(packed).all() and (counts >= 0).all()):
            raise MetricError("it holds impossible values")
        if not isinstance(record, dict):
            raise MetricError("its record is not a JSON object")
    except (OSError, EOFError, LookupError, TypeError, AttributeError, ValueError, zipfile.BadZipFile) as error:
        raise MetricError(f"{path} holds no statistics that can be read ({error}). Make them anew.") from None
    rows, columns = np.triu_indices(size)
    loaded = []
    for count, mean, half in zip(counts, means, packed, strict=True):
        scatter = np.empty((size, size))
        scatter[rows, columns] = half
        scatter[columns, rows] = half
        loaded.append(Moments(int(count), np.asarray(mean, dtype=np.float64), scatter))
    return loaded, record


def _merge_two(first: Moments, second: Moments) -> Moments:
    _check_fit(first, second)
    count = first.count + second.count
    if count == 0:
        return first
    delta = second.mean - first.mean
    return Moments(
        count,
        first.mean + delta * (second.count / count),
        first.scatter + second.scatter + _between(delta, first.count * second.count / count),
    )


def _between(delta: Array, weight: float) -> Array:
    """delta delta' times `weight`, symmetric to the last bit."""
    scaled = delta * np.sqrt(weight)
    return np.asarray(np.outer(scaled, scaled))


def _check_fit(first: Moments, second: Moments) -> None:
    if first.features != second.features:
        raise MetricError(
            f"Statistics of {first.features} and of {second.features} features come from different extractors."
        )
