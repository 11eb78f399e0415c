"""Which images cost the most: the influence of each sample on the squared Frechet distance.

The first-order influence function (Hampel 1974) of d^2(N(m1, S1), N(m2, S2)) at a sample x of the first set:

    IF(x) = 2 (x - m1)'(m1 - m2) + (x - m1)'(I - T)(x - m1) - tr((I - T) S1)

T = S1^(-1/2) (S1^(1/2) S2 S1^(1/2))^(1/2) S1^(-1/2) is the optimal transport map from N(m1, S1) to N(m2, S2). Leaving
the sample out lowers the distance by about IF(x) / (n - 1). The spread of IF gives the distance's standard error, too
(the delta method): sd(IF) / sqrt(n) for each sample set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike, NDArray

from evaluation.metrics.distances.kernel import blocks, checked_rows
from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.moments import Moments

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Influence:
    """`file`: the image. `share`: by about how much the squared distance falls when it alone is left out.

    Negative where the distance would rise: the image pulls the set towards the reference.
    """

    file: str
    share: float


def influences(features: ArrayLike, own: Moments, other: Moments) -> Array:
    """(n,), IF(x) of each row of `features` (n, d), whose moments are `own`, on the distance to `other`.

    A second pass over rows that may lie on disk; memory is a block of them and a few (d, d) matrices. Divide by n - 1
    for the change on leaving a row out. With no more rows than features, T is that of the rows' own subspace, and the
    figures rank images but say less of what leaving one out would do.

    Raises:
        MetricError: rows and moments that do not belong together.
    """
    rows = checked_rows(features, "features")
    if rows.shape != (own.count, own.features) or own.features != other.features:
        raise MetricError(
            f"{rows.shape[0]} rows of {rows.shape[1]} features do not belong to moments of {own.count} rows of "
            f"{own.features} features, compared with one of {other.features}."
        )
    # The moments' divisor is n - 1 where IF's is n; to first order that is the same.
    covariance = own.covariance()
    bent = np.eye(own.features) - transport(covariance, other.covariance())
    # IF has mean zero over the sample with S1 of divisor n.
    constant = float(np.sum(bent * own.scatter)) / own.count
    shift = own.mean - other.mean
    found = np.empty(own.count)
    for i, block in blocks(rows):
        block -= own.mean
        quadratic = np.einsum("ij,ij->i", block @ bent, block)
        found[i : i + len(block)] = 2.0 * (block @ shift) + quadratic - constant
    return found


def transport(first: Array, second: Array) -> Array:
    """T (d, d), symmetric: the map x -> T x carries N(0, first) to N(0, second), T first T = second.

    With a singular `first`, the map on its range, zero elsewhere.
    """
    values, vectors = scipy.linalg.eigh(first, check_finite=False)
    kept = values > len(first) * np.finfo(np.float64).eps * max(float(values[-1]), 0.0)
    if not kept.any():
        return np.zeros_like(first)
    root, basis = np.sqrt(values[kept]), vectors[:, kept]
    factor = basis * root
    inner, turned = scipy.linalg.eigh(factor.T @ second @ factor, check_finite=False)
    middle = (turned * np.sqrt(np.maximum(inner, 0.0))) @ turned.T
    back = basis / root
    mapped = back @ middle @ back.T
    return np.asarray((mapped + mapped.T) / 2.0)


def delta_error(first: Array, second: Array) -> float:
    """The standard error of the squared distance from the `influences` of both sample sets on it."""
    return float(np.sqrt(sum(np.var(found, ddof=1) / len(found) for found in (first, second))))


def ranked(files: Sequence[str], influences_of_files: Array) -> list[Influence]:
    """The images by what they cost, the dearest first."""
    if len(files) != len(influences_of_files):
        raise MetricError(f"{len(influences_of_files)} influences do not belong to {len(files)} files.")
    order = np.argsort(-influences_of_files, kind="stable")
    return [Influence(files[i], float(influences_of_files[i]) / max(len(influences_of_files) - 1, 1)) for i in order]
