"""The squared Frechet distance between two Gaussians, exact to what float64 holds.

    d^2 = |m1 - m2|^2 + tr(C1) + tr(C2) - 2 tr((C1 C2)^(1/2))

Dowson and Landau (1982); Heusel et al. (2017) call it FID when m and C are those of Inception features. The last term
is the nuclear norm (the sum of singular values) of F1' F2 for any factors C1 = F1 F1', C2 = F2 F2'. Three ways to
get it:

- Both matrices well inside the cone: C1 = L L' (Cholesky), and the roots of the eigenvalues of L' C2 L. No product of
  two unsymmetric matrices, no complex numbers, no epsilon on the diagonal.
- Where roots of tiny eigenvalues would be noise, an error bound says so, and the singular values of L1' L2 are taken
  instead: slower, and accurate however small they are.
- Where a matrix is singular, its factor comes from a Cholesky decomposition that takes the largest pivot first and
  stops at rounding; so few images make it fast instead of wrong.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike, NDArray

from evaluation.metrics.errors import MetricError

Array = NDArray[np.float64]

_EPSILON = float(np.finfo(np.float64).eps)
_SYMMETRY = 1e-8
"""Largest |C - C'| that is taken as rounding, relative to the largest entry."""
_NEGATIVE = 1e-6
"""Most negative eigenvalue that is taken as rounding (of float32, say), relative to the largest."""
_ENOUGH = 1e-10
"""Error bound of the trace term, relative to the traces, above which the fast road is left for the accurate one."""


def frechet_distance(mean_1: ArrayLike, cov_1: ArrayLike, mean_2: ArrayLike, cov_2: ArrayLike) -> float:
    """The squared Frechet distance of N(mean_1, cov_1) and N(mean_2, cov_2); 0 or more, 0 for the same input.

    `mean_*`: (d,). `cov_*`: (d, d), symmetric and positive semidefinite; singular is fine. Anything that numpy takes as
    real numbers; computed in float64.

    Raises:
        MetricError: shapes that do not fit, entries that are not finite, a matrix that is not a covariance.

    >>> frechet_distance([0, 0], [[1, 0], [0, 0]], [0, 0], [[1, 1], [1, 1]])
    1.0
    """
    m1, m2 = _mean(mean_1, "mean_1"), _mean(mean_2, "mean_2")
    c1, c2 = _covariance(cov_1, "cov_1", "mean_1", len(m1)), _covariance(cov_2, "cov_2", "mean_2", len(m2))
    if len(m1) != len(m2):
        raise MetricError(
            f"The means have {len(m1)} and {len(m2)} entries: the two sides come from different feature extractors. "
            f"Compute both with one."
        )
    same_covariance = bool(np.array_equal(c1, c2))
    scale = float(max(c1.diagonal().max(), c2.diagonal().max()))
    if same_covariance or scale <= 0.0:
        for name, matrix in (("cov_1", c1), ("cov_2", c2))[: 1 if same_covariance else 2]:
            _factor(matrix, name)  # still has to be a covariance
        covariances = 0.0
    else:
        c1, c2 = c1 / scale, c2 / scale  # entries near 1: no overflow, whatever the features' unit
        traces = float(np.trace(c1) + np.trace(c2))
        covariances = scale * _above_rounding(traces - 2.0 * _trace_of_root(c1, c2), traces)
    with np.errstate(over="ignore"):
        value = float(np.sum((m1 - m2) ** 2)) + covariances
    if not np.isfinite(value):
        raise MetricError("The distance is larger than a float64 holds. Divide the features by a common factor.")
    return value


def frechet_distance_of_features(features_1: ArrayLike, features_2: ArrayLike) -> float:
    """The squared Frechet distance of the Gaussians fitted to two samples, covariances with divisor n - 1.

    `features_*`: (n, d), one row a sample, n of 2 or more. With fewer samples than features the covariances are never
    formed: the trace term is the nuclear norm of A B', A and B the centred rows over sqrt(n - 1).

    Raises:
        MetricError: shapes that do not fit, fewer than two rows, entries that are not finite.
    """
    x, y = _rows(features_1, "features_1"), _rows(features_2, "features_2")
    if x.shape[1] != y.shape[1]:
        raise MetricError(
            f"The samples have {x.shape[1]} and {y.shape[1]} features: they come from different feature extractors."
        )
    d = x.shape[1]
    a, b = _centred(x), _centred(y)
    if len(x) > d and len(y) > d:
        return frechet_distance(x.mean(axis=0), a.T @ a, y.mean(axis=0), b.T @ b)
    traces = float(np.sum(a * a) + np.sum(b * b))
    if np.array_equal(a, b):
        spread = 0.0
    else:
        a, b = _in_row_space(a), _in_row_space(b)
        spread = _above_rounding(traces - 2.0 * float(np.sum(scipy.linalg.svdvals(a @ b.T))), traces)
    value = float(np.sum((x.mean(axis=0) - y.mean(axis=0)) ** 2)) + spread
    if not np.isfinite(value):
        raise MetricError("The distance is larger than a float64 holds. Divide the features by a common factor.")
    return value


def _trace_of_root(c1: Array, c2: Array) -> float:
    """tr((C1 C2)^(1/2)), for matrices with entries near 1."""
    # In one order whichever way round they came: the distance is then symmetric to the last bit.
    if (np.trace(c1), np.sum(c1 * c1)) < (np.trace(c2), np.sum(c2 * c2)):
        return _trace_of_root_ordered(c2, c1, "cov_2", "cov_1")
    return _trace_of_root_ordered(c1, c2, "cov_1", "cov_2")


def _trace_of_root_ordered(c1: Array, c2: Array, name_1: str, name_2: str) -> float:
    lower_1 = _cholesky(c1)
    if lower_1 is None:
        return _nuclear_norm(_factor(c1, name_1), _factor(c2, name_2))
    # L' C2 L, its lower triangle: half the work of two products, as it is symmetric.
    product, _ = scipy.linalg.lapack.dsygst(c2.T, lower_1, itype=2, lower=1)
    eigenvalues = scipy.linalg.eigvalsh(product, lower=True, overwrite_a=True, check_finite=False)
    # Weyl: each eigenvalue is off by about eps |product|, its root by that over twice the root.
    rounding = _EPSILON * eigenvalues[-1]
    if eigenvalues[0] > len(c1) * rounding:
        error = float(np.sum(rounding / (2.0 * np.sqrt(eigenvalues))))
        if error <= _ENOUGH * float(np.trace(c1) + np.trace(c2)):
            return float(np.sum(np.sqrt(eigenvalues)))
    lower_2 = _cholesky(c2)
    if lower_2 is None:
        return _nuclear_norm(_factor(c1, name_1), _factor(c2, name_2))
    return _nuclear_norm(lower_1, lower_2)


def _cholesky(matrix: Array) -> Array | None:
    """L with L L' = `matrix`, or None where the matrix is singular to rounding."""
    try:
        lower = scipy.linalg.cholesky(matrix, lower=True, check_finite=False)
    except scipy.linalg.LinAlgError:
        return None
    norm = float(np.abs(matrix).sum(axis=0).max())
    reciprocal_condition, _ = scipy.linalg.lapack.dpocon(lower, norm, uplo="L")
    return lower if reciprocal_condition > len(matrix) * _EPSILON else None


def _nuclear_norm(factor_1: Array, factor_2: Array) -> float:
    if factor_1.shape[1] == 0 or factor_2.shape[1] == 0:
        return 0.0
    return float(np.sum(scipy.linalg.svdvals(factor_1.T @ factor_2, check_finite=False)))


def _factor(matrix: Array, name: str) -> Array:
    """F with F F' = `matrix` to rounding, of full column rank: cheap where that rank is low.

    Raises:
        MetricError: an eigenvalue is negative beyond rounding.
    """
    largest = float(np.abs(matrix).max())
    if largest == 0.0:
        return np.zeros((len(matrix), 0))
    rounding = len(matrix) * _EPSILON * largest
    # Cholesky with the largest pivot first stops where only rounding is left (Higham 2002, section 10.3).
    packed, order, rank, _ = scipy.linalg.lapack.dpstrf(matrix, tol=rounding, lower=1)
    factor = np.zeros((len(matrix), rank))
    factor[order - 1] = np.tril(packed)[:, :rank]
    if float(np.abs(matrix - factor @ factor.T).max()) <= 8.0 * rounding:
        return factor
    eigenvalues, vectors = scipy.linalg.eigh(matrix, check_finite=False)
    if eigenvalues[0] < -_NEGATIVE * max(abs(float(eigenvalues[-1])), largest):
        raise MetricError(
            f"{name} is not a covariance: its smallest eigenvalue is {eigenvalues[0]:.3g}, its largest "
            f"{eigenvalues[-1]:.3g}. A covariance is positive semidefinite; check that it is no product or difference."
        )
    kept = eigenvalues > rounding
    return np.asarray(vectors[:, kept] * np.sqrt(eigenvalues[kept]))


def _above_rounding(value: float, scale: float) -> float:
    """`value`, a difference of terms near `scale`, without what is below its rounding."""
    return value if value > 8.0 * _EPSILON * scale else 0.0


def _centred(rows: Array) -> Array:
    return np.asarray((rows - rows.mean(axis=0)) / np.sqrt(len(rows) - 1.0))


def _in_row_space(rows: Array) -> Array:
    """Rows with the same R'R: at most d of them (the triangle of a QR), so that the product below stays small."""
    if rows.shape[0] <= rows.shape[1]:
        return rows
    return np.asarray(scipy.linalg.qr(rows, mode="r", check_finite=False)[0][: rows.shape[1]])


def _numbers(values: ArrayLike, name: str) -> Array:
    array = np.asarray(values)
    if array.dtype.kind not in "fiu":
        raise MetricError(f"{name} must hold real numbers, not {array.dtype}.")
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise MetricError(f"{name} holds {int((~np.isfinite(array)).sum())} entries that are not finite (NaN or Inf).")
    return array


def _mean(values: ArrayLike, name: str) -> Array:
    array = _numbers(values, name)
    if array.ndim != 1 or not len(array):
        raise MetricError(f"{name} must be a vector (d,) of one entry or more; it has the shape {array.shape}.")
    return array


def _covariance(values: ArrayLike, name: str, mean: str, size: int) -> Array:
    array = _numbers(values, name)
    if array.shape != (size, size):
        raise MetricError(f"{name} must have the shape ({size}, {size}) to fit {mean}; it has {array.shape}.")
    largest = float(np.abs(array).max())
    skew = float(np.abs(array - array.T).max())
    if skew > _SYMMETRY * largest:
        raise MetricError(
            f"{name} is not symmetric (entries differ from their mirror images by up to {skew:.3g}): no covariance."
        )
    if (array.diagonal() < -_NEGATIVE * largest).any():
        raise MetricError(
            f"{name} is not a covariance: its diagonal holds the negative variance {array.diagonal().min():g}."
        )
    return np.asarray((array + array.T) / 2.0) if skew else array


def _rows(values: ArrayLike, name: str) -> Array:
    array = _numbers(values, name)
    if array.ndim != 2 or array.shape[1] == 0:
        raise MetricError(f"{name} must have the shape (n, d), one row a sample; it has {array.shape}.")
    if len(array) < 2:
        raise MetricError(f"{name} has {len(array)} rows; a covariance takes two samples or more.")
    return array
