"""Models of paired comparisons, fitted to counts: Bradley-Terry, Davidson, Rao-Kupper.

With d = score_i - score_j + side * bias (side: +1 where i stood on the left, -1 on the right, 0 unknown or not used):

* Bradley-Terry (1952): P(i) = s(d), s the logistic function; an indifferent answer counts half for each.
* Davidson (1970): P(i) : P(tie) : P(j) = exp(d/2) : nu : exp(-d/2), that is, the tie is proportional to
  nu sqrt(w_i w_j) with w = exp(score). The tie parameter is log nu. (The library evalica's nu is twice this one.)
* Rao and Kupper (1967): P(i) = s(d - eta), P(j) = s(-d - eta), the rest is the tie. The tie parameter is eta >= 0.

A row of counts is a pair and side; a fit costs the same for any number of ratings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

Model = Literal["bradley-terry", "davidson", "rao-kupper"]
MODELS: tuple[Model, ...] = ("bradley-terry", "davidson", "rao-kupper")
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Rows:
    """Counts by pair and side. ``first``, ``second``: (k,) generator codes; ``side``: (k,) +1, -1 or 0;
    ``counts``: (k, 3) first preferred, indifferent, second preferred (floats: pseudo-counts may be added).
    """

    n_generators: int
    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    side: npt.NDArray[np.int64]
    counts: FloatArray
    with_bias: bool

    def design(self) -> FloatArray:
        """(k, n_generators + with_bias): how d depends on the scores and the bias."""
        x = np.zeros((len(self.first), self.n_generators + self.with_bias))
        at = np.arange(len(self.first))
        x[at, self.first] += 1
        x[at, self.second] -= 1
        if self.with_bias:
            x[:, -1] = self.side
        return x


@dataclass(frozen=True)
class Fit:
    """A maximum: ``scores`` (n,) with mean zero, ``bias`` and ``tie`` (None where the model has none), the scores'
    gradient a rating by row and choice (k, 3, D), and the inverse information ``bread`` (D, D).
    """

    model: Model
    scores: FloatArray
    bias: float | None
    tie: float | None
    gradients: FloatArray
    bread: FloatArray
    log_likelihood: float


def choice_chances(model: Model, d: FloatArray, tie: float) -> FloatArray:
    """P(first), P(indifferent), P(second), (k, 3); for Bradley-Terry the middle is zero."""
    if model == "bradley-terry":
        return np.stack([special.expit(d), np.zeros_like(d), special.expit(-d)], axis=1)
    if model == "davidson":
        return np.asarray(special.softmax(np.stack([d / 2, np.full_like(d, tie), -d / 2], axis=1), axis=1))
    a, b = special.expit(d - tie), special.expit(-d - tie)
    return np.stack([a, np.maximum(1 - a - b, 1e-300), b], axis=1)


def _slopes(model: Model, p: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Derivatives of each choice's log chance by d and by the tie parameter, both (k, 3)."""
    a, tie, b = p.T
    if model == "bradley-terry":
        return np.stack([b, 0.5 - a, -a], axis=1), np.zeros_like(p)
    if model == "davidson":
        lean = (a - b) / 2
        by_d = np.stack([0.5 - lean, -lean, -0.5 - lean], axis=1)
        return by_d, np.stack([-tie, 1 - tie, -tie], axis=1)
    slope_a, slope_b = a * (1 - a), b * (1 - b)
    by_d = np.stack([1 - a, (slope_b - slope_a) / tie, -(1 - b)], axis=1)
    return by_d, np.stack([-(1 - a), (slope_a + slope_b) / tie, -(1 - b)], axis=1)


def _log_likelihood(model: Model, rows: Rows, d: FloatArray, tie: float) -> float:
    if model == "bradley-terry":
        wins = rows.counts[:, 0] + rows.counts[:, 1] / 2
        losses = rows.counts[:, 2] + rows.counts[:, 1] / 2
        return float(wins @ special.log_expit(d) + losses @ special.log_expit(-d))
    return float(special.xlogy(rows.counts, choice_chances(model, d, tie)).sum())


def fit(model: Model, rows: Rows, tolerance: float = 1e-11, limit: int = 200) -> Fit:
    """Maximise the likelihood by Fisher scoring with halved steps.

    Raises:
        ArithmeticError: no maximum was found in ``limit`` steps (the data are separated; see ``ranking``).
    """
    x = rows.design()
    n, ties = rows.n_generators, model != "bradley-terry"
    width = x.shape[1] + ties
    beta = np.zeros(width)
    if ties:
        beta[-1] = 0.0 if model == "davidson" else 0.5
    centre = np.zeros((width, width))
    centre[:n, :n] = 1.0  # the level of the scores is free; this fixes their sum at zero
    value = _log_likelihood(model, rows, x @ beta[: x.shape[1]], beta[-1])
    for _ in range(limit):
        p, gradients = _gradients(model, rows, x, beta)
        total = np.einsum("kc,kcd->d", rows.counts, gradients)
        information = _information(model, rows, p, gradients)
        step = np.linalg.solve(information + centre, total)
        for _halving in range(60):
            trial = beta + step
            if model != "rao-kupper" or trial[-1] > 0:
                found = _log_likelihood(model, rows, x @ trial[: x.shape[1]], trial[-1])
                if found >= value - 1e-9 * abs(value):
                    break
            step = step / 2
        else:
            raise ArithmeticError(f"{model}: no step raises the likelihood.")
        beta, value = trial, found
        if np.abs(step).max() < tolerance:
            break
        if np.abs(beta).max() > 60:
            raise ArithmeticError(f"{model}: scores grow without bound.")
    else:
        raise ArithmeticError(f"{model}: no maximum in {limit} steps.")
    p, gradients = _gradients(model, rows, x, beta)
    bread = np.asarray(np.linalg.inv(_information(model, rows, p, gradients) + centre), dtype=float)
    return Fit(
        model,
        scores=beta[:n] - beta[:n].mean(),
        bias=float(beta[n]) if rows.with_bias else None,
        tie=float(beta[-1]) if ties else None,
        gradients=gradients,
        bread=bread,
        log_likelihood=value,
    )


def _gradients(model: Model, rows: Rows, x: FloatArray, beta: FloatArray) -> tuple[FloatArray, FloatArray]:
    p = choice_chances(model, x @ beta[: x.shape[1]], float(beta[-1]))
    by_d, by_tie = _slopes(model, p)
    gradients = by_d[:, :, None] * x[:, None, :]
    if model != "bradley-terry":
        gradients = np.concatenate([gradients, by_tie[:, :, None]], axis=2)
    return p, gradients


def _information(model: Model, rows: Rows, p: FloatArray, gradients: FloatArray) -> FloatArray:
    weights = rows.counts.sum(axis=1)[:, None] * p
    return np.asarray(np.einsum("kc,kcd,kce->de", weights, gradients, gradients))
