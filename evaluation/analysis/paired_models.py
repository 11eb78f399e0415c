"""Models of paired comparisons, fitted to counts: Bradley-Terry, Davidson, Rao-Kupper, Thurstone.

With d = score_i - score_j + side * bias (side: +1 where i stood on the left, -1 on the right, 0 unknown or not used):

* Bradley-Terry (1952): P(i) = s(d), s the logistic function; an indifferent answer counts half for each.
* Davidson (1970): P(i) : P(tie) : P(j) = exp(d/2) : nu : exp(-d/2), that is, the tie is proportional to
  nu sqrt(w_i w_j) with w = exp(score). The tie parameter is log nu. (The library evalica's nu is twice this one.)
* Thurstone (1927), case V: P(i) = Phi(z d) with Phi(z) = .75, so that d counts just objectionable differences (JOD;
  Perez-Ortiz et al. 2019): at 1 JOD, 75 % choose the better. An indifferent answer counts half for each.
* Rao and Kupper (1967): P(i) = s(d - eta), P(j) = s(-d - eta), the rest is the tie. The tie parameter is eta >= 0.

A row of counts is a pair and side; a fit costs the same for any number of ratings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

Model = Literal["bradley-terry", "davidson", "rao-kupper", "thurstone"]
MODELS: tuple[Model, ...] = ("bradley-terry", "davidson", "rao-kupper", "thurstone")
HALVED: tuple[Model, ...] = ("bradley-terry", "thurstone")
"""Models without a chance of their own for indifferent answers."""
JOD = float(special.ndtri(0.75))
"""z: how many standard deviations of a difference one JOD is."""
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

    @property
    def width(self) -> int:
        """How many parameters d depends on: the scores, and the bias."""
        return self.n_generators + self.with_bias

    def distances(self, beta: FloatArray) -> FloatArray:
        """d of each row, (k,), at the parameters ``beta`` (width,)."""
        d = beta[self.first] - beta[self.second]
        return d + self.side * beta[self.n_generators] if self.with_bias else d

    def turned(self, values: FloatArray) -> FloatArray:
        """Sum over rows of ``values`` (k,) times the derivative of d by each parameter, (width,)."""
        n = self.n_generators
        found = _summed(self.first, values, n) - _summed(self.second, values, n)
        return np.append(found, self.side @ values) if self.with_bias else found

    def crossed(self, values: FloatArray) -> FloatArray:
        """Sum over rows of ``values`` (k,) times the derivatives of d by each two parameters, (width, width)."""
        n = self.n_generators
        met = _summed(self.first * n + self.second, values, n * n).reshape(n, n)
        met = met + met.T
        found = np.diag(met.sum(axis=1)) - met
        if not self.with_bias:
            return found
        mixed = self.turned(values * self.side)
        return np.block([[found, mixed[:n, None]], [mixed[None, :]]])


def _summed(code: npt.NDArray[np.int64], values: FloatArray, n: int) -> FloatArray:
    """Sums of ``values`` by ``code``, (n,)."""
    return np.asarray(np.bincount(code, values, n), dtype=np.float64)  # they are; numpy's types say whole numbers


@dataclass(frozen=True)
class Fit:
    """A maximum: ``scores`` (n,) with mean zero, ``bias`` and ``tie`` (None where the model has none), the slopes of a
    rating's log chance by row and choice, and the inverse information ``bread`` (D, D).

    A rating's gradient is ``by_d`` (k, 3) times d's derivatives, and ``by_tie`` (k, 3) for the tie
    parameter, which comes last where there is one: at most four of the D entries differ from zero, so the gradients
    themselves, (k, 3, D), are never laid out.
    """

    model: Model
    scores: FloatArray
    bias: float | None
    tie: float | None
    rows: Rows
    by_d: FloatArray
    by_tie: FloatArray
    bread: FloatArray
    log_likelihood: float


def choice_chances(model: Model, d: FloatArray, tie: float) -> FloatArray:
    """P(first), P(indifferent), P(second), (k, 3); for the models of ``HALVED`` the middle is zero."""
    if model in HALVED:
        first, second = (_cumulative(model, each) for each in (d, -d))
        return np.stack([first, np.zeros_like(d), second], axis=1)
    if model == "davidson":
        return np.asarray(special.softmax(np.stack([d / 2, np.full_like(d, tie), -d / 2], axis=1), axis=1))
    a, b = special.expit(d - tie), special.expit(-d - tie)
    return np.stack([a, np.maximum(1 - a - b, 1e-300), b], axis=1)


def _cumulative(model: Model, d: FloatArray) -> FloatArray:
    """P(first) by a model of ``HALVED``."""
    return np.asarray(special.expit(d) if model == "bradley-terry" else special.ndtr(JOD * d))


def _log_cumulative(model: Model, d: FloatArray) -> FloatArray:
    return np.asarray(special.log_expit(d) if model == "bradley-terry" else special.log_ndtr(JOD * d))


def _mills(d: FloatArray) -> FloatArray:
    """The slope of log Phi(z d) by d."""
    return np.asarray(JOD * np.exp(-((JOD * d) ** 2) / 2 - special.log_ndtr(JOD * d)) / np.sqrt(2 * np.pi))


def _slopes(model: Model, d: FloatArray, p: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Derivatives of each choice's log chance by d and by the tie parameter, both (k, 3)."""
    a, tie, b = p.T
    if model == "bradley-terry":
        return np.stack([b, 0.5 - a, -a], axis=1), np.zeros_like(p)
    if model == "thurstone":
        up, down = _mills(d), -_mills(-d)
        return np.stack([up, (up + down) / 2, down], axis=1), np.zeros_like(p)
    if model == "davidson":
        lean = (a - b) / 2
        by_d = np.stack([0.5 - lean, -lean, -0.5 - lean], axis=1)
        return by_d, np.stack([-tie, 1 - tie, -tie], axis=1)
    slope_a, slope_b = a * (1 - a), b * (1 - b)
    by_d = np.stack([1 - a, (slope_b - slope_a) / tie, -(1 - b)], axis=1)
    return by_d, np.stack([-(1 - a), (slope_a + slope_b) / tie, -(1 - b)], axis=1)


def _log_likelihood(model: Model, rows: Rows, d: FloatArray, tie: float) -> float:
    if model in HALVED:
        wins = rows.counts[:, 0] + rows.counts[:, 1] / 2
        losses = rows.counts[:, 2] + rows.counts[:, 1] / 2
        return float(wins @ _log_cumulative(model, d) + losses @ _log_cumulative(model, -d))
    return float(special.xlogy(rows.counts, choice_chances(model, d, tie)).sum())


def fit(model: Model, rows: Rows, tolerance: float = 1e-11, limit: int = 200) -> Fit:
    """Maximise the likelihood by Fisher scoring with halved steps.

    Raises:
        ArithmeticError: no maximum was found in ``limit`` steps (the data are separated; see ``ranking``).
    """
    n, ties = rows.n_generators, model not in HALVED
    width = rows.width + ties
    beta = np.zeros(width)
    if ties:
        beta[-1] = 0.0 if model == "davidson" else 0.5
    centre = np.zeros((width, width))
    centre[:n, :n] = 1.0  # the level of the scores is free; this fixes their sum at zero
    value = _log_likelihood(model, rows, rows.distances(beta), beta[-1])
    for _ in range(limit):
        p, slopes = _at(model, rows, beta)
        step = np.linalg.solve(_information(rows, p, slopes, ties) + centre, _total(rows, slopes, ties))
        for _halving in range(60):
            trial = beta + step
            if model != "rao-kupper" or trial[-1] > 0:
                found = _log_likelihood(model, rows, rows.distances(trial), trial[-1])
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
    p, slopes = _at(model, rows, beta)
    bread = np.asarray(np.linalg.inv(_information(rows, p, slopes, ties) + centre), dtype=float)
    return Fit(
        model,
        scores=beta[:n] - beta[:n].mean(),
        bias=float(beta[n]) if rows.with_bias else None,
        tie=float(beta[-1]) if ties else None,
        rows=rows,
        by_d=slopes[0],
        by_tie=slopes[1],
        bread=bread,
        log_likelihood=value,
    )


Slopes = tuple[FloatArray, FloatArray]


def _at(model: Model, rows: Rows, beta: FloatArray) -> tuple[FloatArray, Slopes]:
    """The chances at ``beta``, (k, 3), and their slopes."""
    d = rows.distances(beta)
    p = choice_chances(model, d, float(beta[-1]))
    return p, _slopes(model, d, p)


def _total(rows: Rows, slopes: Slopes, ties: bool) -> FloatArray:
    """The likelihood's gradient, (D,)."""
    by_d, by_tie = ((rows.counts * slope).sum(axis=1) for slope in slopes)
    found = rows.turned(by_d)
    return np.append(found, by_tie.sum()) if ties else found


def _information(rows: Rows, p: FloatArray, slopes: Slopes, ties: bool) -> FloatArray:
    """The expected information, (D, D): for each row the mean square of its gradient, times its ratings."""
    by_d, by_tie = slopes
    weights = rows.counts.sum(axis=1)[:, None] * p
    found = rows.crossed((weights * by_d**2).sum(axis=1))
    if not ties:
        return found
    mixed = rows.turned((weights * by_d * by_tie).sum(axis=1))
    return np.block([[found, mixed[:, None]], [mixed, (weights * by_tie**2).sum()]])
