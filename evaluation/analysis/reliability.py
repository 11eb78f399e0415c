"""How reliable each rater is, without known answers: Dawid-Skene, and a model in the manner of MACE.

Both take long lists of (unit, rater, value): a unit is what several raters judged (a prompt of a comparison). They work
on one sparse matrix, units by (rater, value), so that a step is two sparse products. They say who differs from the
rest, not who is right: where taste differs between people, a reliable minority looks unreliable.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, csr_array

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Reliability:
    """A fitted model. ``competence``: (n_raters,) chance that a rater gives the unit's own value (Dawid-Skene: mean of
    the confusion's diagonal weighted by ``classes``; MACE: chance of looking at all). ``posterior``: (n_units,
    n_values). ``confusion``: (n_raters, n_values true, n_values given). ``classes``: (n_values,) shares of the units.
    """

    method: str
    competence: FloatArray
    posterior: FloatArray
    confusion: FloatArray
    classes: FloatArray
    log_likelihood: float
    steps: int


def _matrix(units: npt.ArrayLike, raters: npt.ArrayLike, values: npt.ArrayLike, n_values: int) -> csr_array:
    """Units by (rater, value), with the number of times that the rater gave the unit the value."""
    unit, rater = (np.asarray(each).astype(np.int32, copy=False) for each in (units, raters))
    column = rater * np.int32(n_values) + np.asarray(values).astype(np.int32, copy=False)
    shape = int(unit.max()) + 1, (int(rater.max()) + 1) * n_values
    return coo_array((np.ones(len(unit)), (unit, column)), shape=shape).tocsr()


def _normalised(log_weights: FloatArray) -> tuple[FloatArray, float]:
    top = log_weights.max(axis=1, keepdims=True)
    weights = np.exp(log_weights - top)
    total = weights.sum(axis=1, keepdims=True)
    return weights / total, float((np.log(total) + top).sum())


def dawid_skene(
    units: npt.ArrayLike,
    raters: npt.ArrayLike,
    values: npt.ArrayLike,
    n_values: int = 3,
    *,
    steps: int = 20,
    smoothing: float = 0.01,
    tolerance: float = 1e-4,
) -> Reliability:
    """Dawid and Skene (1979) by EM from the shares of votes; ``smoothing`` is added to each count of the confusions.
    It stops after ``steps``, or when no unit's posterior moves by ``tolerance``.

    Args:
        units, raters, values: (n,) codes from 0; ``values`` below ``n_values``.
    """
    matrix = _matrix(units, raters, values, n_values)
    turned = matrix.T.tocsr()
    n_raters = matrix.shape[1] // n_values
    posterior = _votes(matrix, n_values)
    confusion = np.zeros((n_raters, n_values, n_values))
    classes, likelihood = np.zeros(n_values), 0.0
    taken = 0
    while taken < steps:
        taken += 1
        before = posterior
        given = (turned @ posterior).reshape(n_raters, n_values, n_values) + smoothing  # rater, given, true
        confusion = np.swapaxes(given / given.sum(axis=1, keepdims=True), 1, 2)
        classes = posterior.mean(axis=0)
        log_given = np.log(np.swapaxes(confusion, 1, 2)).reshape(n_raters * n_values, n_values)
        posterior, likelihood = _normalised(matrix @ log_given + np.log(np.maximum(classes, 1e-12)))
        if np.abs(posterior - before).max() < tolerance:
            break
    competence = np.einsum("rtt,t->r", confusion, classes)
    return Reliability("Dawid-Skene", competence, posterior, confusion, classes, likelihood, taken)


def mace(
    units: npt.ArrayLike,
    raters: npt.ArrayLike,
    values: npt.ArrayLike,
    n_values: int = 3,
    *,
    steps: int = 20,
    smoothing: float = 0.5,
    tolerance: float = 1e-4,
) -> Reliability:
    """In the manner of MACE (Hovy et al. 2013), by EM: a rater looks with a chance of his own and then gives the
    unit's value, or does not look and gives values at rates of his own. ``smoothing``: pseudo-count of each rate.
    It stops after ``steps``, or when no unit's posterior moves by ``tolerance``.
    """
    matrix = _matrix(units, raters, values, n_values)
    turned = matrix.T.tocsr()
    n_raters = matrix.shape[1] // n_values
    given = np.asarray(matrix.sum(axis=0)).reshape(n_raters, n_values)
    looks = np.full(n_raters, 0.5)
    habit = np.full((n_raters, n_values), 1 / n_values)
    classes = np.full(n_values, 1 / n_values)
    posterior, likelihood = _votes(matrix, n_values), 0.0
    taken = 0
    while taken < steps:
        taken += 1
        before = posterior
        right = (turned @ posterior).reshape(n_raters, n_values, n_values)[:, np.arange(n_values), np.arange(n_values)]
        by_looking = right * looks[:, None] / (looks[:, None] + (1 - looks[:, None]) * habit)
        spam = given - by_looking
        looks = (by_looking.sum(axis=1) + smoothing) / (given.sum(axis=1) + 2 * smoothing)
        habit = (spam + smoothing) / (spam.sum(axis=1, keepdims=True) + smoothing * n_values)
        classes = posterior.mean(axis=0)
        chance = _mace_confusion(looks, habit)
        log_given = np.log(np.swapaxes(chance, 1, 2)).reshape(n_raters * n_values, n_values)
        posterior, likelihood = _normalised(matrix @ log_given + np.log(np.maximum(classes, 1e-12)))
        if np.abs(posterior - before).max() < tolerance:
            break
    return Reliability("MACE", looks, posterior, _mace_confusion(looks, habit), classes, likelihood, taken)


def _mace_confusion(looks: FloatArray, habit: FloatArray) -> FloatArray:
    """(n_raters, true, given)."""
    n_values = habit.shape[1]
    return np.asarray(looks[:, None, None] * np.eye(n_values) + (1 - looks)[:, None, None] * habit[:, None, :])


def _votes(matrix: csr_array, n_values: int) -> FloatArray:
    """Shares of the votes of each unit: (n_units, n_values)."""
    n_raters = matrix.shape[1] // n_values
    counts = np.asarray(matrix @ np.tile(np.eye(n_values), (n_raters, 1)))
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))
