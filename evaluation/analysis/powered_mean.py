"""The arithmetic of prediction-powered means: a held-out predictor of each prompt, and variances by raters and prompts.

Some of a suite's N prompts were rated by people; automatic scores are there for all. With y the ratings (1, 0, -1),
w_j a rated prompt's share of the ratings, and g a predictor of the net share from the scores, the estimate is

    sum_j w_j (mean rating of j - g_j) + mean of g over the U unrated prompts          (Angelopoulos et al. 2023)

in each stratum (category), added up by the strata's shares of the suite. g = phi * lambda * f, and all of it is fitted
without the prompt that it is used on (Zrnic and Candes 2024), so that the estimate has no bias however bad the scores
are, over the random choice of the rated prompts:

* f = 2 s(o + x beta) - 1, s the logistic function, x the differences of the scores, centred within strata and scaled by
  all N prompts, o the stratum's log odds, beta fitted to the prompts' net shares with a ridge (penalty ``RIDGE`` for
  each squared coefficient of a scaled score).
* lambda (power tuning, Angelopoulos, Duchi and Zrnic 2024) is the slope of the net shares on f, times adjusted R^2 /
  R^2, which is zero where scores explain no more than chance: bad scores are left alone, and the classical estimate
  stands.
* phi = sum w^2 / (sum w^2 + 1 / U) is 1 - n / N for equally often rated prompts: predictions of U prompts vary too.

Variances hold for raters crossed with prompts, as in ``crossed``, with e what is left of y after its held-out
prediction:

* new prompts: the two-way variance of e, plus that of the mean of g over the unrated prompts.
* these prompts: the part of prompts falls with the share of the suite that was rated (finite population): with
  k = 1 - 1 / (N sum w^2), the variance is by_rater + k (two_way - by_rater) of y - lambda f. Where all are rated this
  is ``by_rater``, where hardly any, ``two_way``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from evaluation.analysis.crossed_spread import Spread, crossed_spread

Float = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
RIDGE = 1.0
FOLDS = 100  # up to so many rated prompts each is held out alone; beyond, so many groups of prompts
_STEPS, _SMALL, _DIGITS = 50, 1e-9, 12


@dataclass(frozen=True)
class RatedSuite:
    """What people said of some prompts of a suite, and what machines say of all.

    ``y``: (n,) ratings, 1 for A, 0 for indifferent, -1 for B. ``rater``: (n,) and ``prompt``: (n,) codes from 0 without
    gaps. ``stratum``: (P,) codes of the rated prompts' strata, ``unrated_stratum``: (U,) of the others', from 0 without
    gaps; each stratum has a rated prompt. ``scores``: (P, K) and ``unrated_scores``: (U, K), differences A - B of K
    automatic scores; NaN where there is none, which counts as the mean of the stratum.
    """

    y: Float
    rater: Index
    prompt: Index
    stratum: Index
    unrated_stratum: Index
    scores: Float
    unrated_scores: Float

    @property
    def n_strata(self) -> int:
        return int(self.stratum.max()) + 1


@dataclass(frozen=True)
class Predictor:
    """Held-out predictions. ``deviation``: (P,), lambda times what f says of a rated prompt beyond the mean of f over
    the unrated prompts of its stratum, by a fit that knew nothing of it. ``spread``: (S,), variance of lambda * f in
    each stratum over all prompts, by the fit to all. ``power``: the lambda of that fit; ``coefficients``: (K,) its
    beta; ``unrated``: (U,) lambda times what it says of the unrated prompts.
    """

    deviation: Float
    spread: Float
    power: float
    coefficients: Float
    unrated: Float


@dataclass(frozen=True)
class PoweredMean:
    """The estimate with its variance for new prompts and for these prompts; ``strata``: (S,) the estimate of each."""

    estimate: float
    new_prompts: Spread
    these_prompts: Spread
    strata: Float


def no_predictor(suite: RatedSuite) -> Predictor:
    """The predictor that says nothing: the classical estimate."""
    k = suite.scores.shape[1]
    nothing = np.zeros(len(suite.unrated_stratum))
    return Predictor(np.zeros(len(suite.stratum)), np.zeros(suite.n_strata), 0.0, np.zeros(k), nothing)


def given_predictor(suite: RatedSuite, predictions: Float, unrated_predictions: Float, power: float) -> Predictor:
    """The predictor ``power`` * predictions, fixed beforehand: ``predictions`` (P,), ``unrated_predictions`` (U,)."""
    unrated = _stratum_means(unrated_predictions, suite.unrated_stratum, suite.n_strata)
    spread = _stratum_variances(predictions, unrated_predictions, suite)
    deviation = power * (predictions - unrated[suite.stratum])
    nothing = np.zeros(suite.scores.shape[1])
    return Predictor(deviation, power**2 * spread, power, nothing, power * unrated_predictions)


def _stratum_means(values: Float, stratum: Index, n: int) -> Float:
    sizes = np.bincount(stratum, minlength=n)
    return np.bincount(stratum, weights=values, minlength=n) / np.maximum(sizes, 1)


def _stratum_variances(rated: Float, unrated: Float, suite: RatedSuite) -> Float:
    stratum = np.concatenate([suite.stratum, suite.unrated_stratum])
    values = np.concatenate([rated, unrated])
    off = values - _stratum_means(values, stratum, suite.n_strata)[stratum]
    sizes = np.bincount(stratum, minlength=suite.n_strata)
    return np.bincount(stratum, weights=off * off, minlength=suite.n_strata) / np.maximum(sizes - 1, 1)


def standard_scores(suite: RatedSuite) -> tuple[Float, Float]:
    """Normal scores of the differences of rated (P, K) and unrated prompts (U, K), from all prompts, mean 0 in strata.

    Only the order of the differences (less their stratum's mean) counts: no outlier and no scale of a metric does.
    """
    n, stratum = suite.n_strata, np.concatenate([suite.stratum, suite.unrated_stratum])

    def centred(values: Float, known: npt.NDArray[np.bool_]) -> Float:
        mean = _stratum_means(np.where(known, values, 0.0), np.where(known, stratum, n), n + 1)
        return np.where(known, values - mean[stratum], 0.0)

    columns = []
    for values in np.concatenate([suite.scores, suite.unrated_scores]).T:
        known = np.isfinite(values)
        off = centred(values, known)
        off = np.round(off / max(float(np.abs(off).max(initial=0.0)), 1e-300), _DIGITS)  # equal up to rounding: equal
        order = np.zeros(len(off))
        order[known] = special.ndtri((pd.Series(off[known]).rank().to_numpy() - 0.5) / max(int(known.sum()), 1))
        column = centred(order, known)
        scale = math.sqrt(float(column @ column) / max(int(known.sum()), 1))
        columns.append(column / scale if scale > _SMALL else np.zeros_like(column))
    x = np.stack(columns, axis=1) if columns else np.zeros((len(stratum), 0))
    return x[: len(suite.stratum)], x[len(suite.stratum) :]


def _groups(n: int, seed: int) -> Index:
    """(n,), which fold each rated prompt is held out in: its own, or one of ``FOLDS`` drawn from ``seed``."""
    return np.arange(n) if n <= FOLDS else np.random.default_rng(seed).permutation(np.arange(n) % FOLDS)


def fit_predictor(suite: RatedSuite, seed: int = 0) -> Predictor:
    """Fit f and lambda once to all rated prompts and once without each (or each group; see ``FOLDS``)."""
    x, x_unrated = standard_scores(suite)
    n_prompts, n_strata = len(suite.stratum), suite.n_strata
    counts = np.bincount(suite.prompt, minlength=n_prompts).astype(float)
    y = np.bincount(suite.prompt, weights=suite.y, minlength=n_prompts) / counts
    group = _groups(n_prompts, seed)
    folds = np.concatenate([np.unique(group), [-1]])  # the last knows all prompts
    known = (folds[:, None] != group[None, :]).astype(float)
    weight = known * counts * n_prompts / counts.sum()
    member = np.eye(n_strata)[suite.stratum]
    target = (1 + y) / 2
    odds = ((weight * target) @ member + 0.5) / (weight @ member + 1)
    offset = special.logit(odds)  # (folds, strata)
    beta, hessian = _ridge_logistic(x, target, weight, offset[:, suite.stratum])
    f = 2 * special.expit(offset[:, suite.stratum] + beta @ x.T) - 1
    size = np.trace(np.linalg.solve(hessian + RIDGE * np.eye(x.shape[1]), hessian), axis1=1, axis2=2)
    power = _power(f, y, weight**2, member, size)
    unrated = 2 * special.expit(offset[:, suite.unrated_stratum] + beta @ x_unrated.T) - 1
    sizes = np.bincount(suite.unrated_stratum, minlength=n_strata)
    unrated_mean = unrated @ np.eye(n_strata)[suite.unrated_stratum] / np.maximum(sizes, 1)
    at = np.arange(n_prompts)
    fold = np.searchsorted(folds[:-1], group)
    deviation = power[fold] * (f[fold, at] - unrated_mean[fold, suite.stratum])
    spread = power[-1] ** 2 * _stratum_variances(f[-1], unrated[-1], suite)
    return Predictor(deviation, spread, float(power[-1]), beta[-1], power[-1] * unrated[-1])


def _ridge_logistic(x: Float, target: Float, weight: Float, offset: Float) -> tuple[Float, Float]:
    """Coefficients, (F, K), and Hessians without the ridge, (F, K, K), of F fits to the same ``x`` (P, K) and
    ``target`` (P,), shares, with ``weight`` and ``offset`` (F, P) of their own; Newton's method.
    """
    n, k = x.shape
    beta = np.zeros((len(weight), k))
    products = (x[:, :, None] * x[:, None, :]).reshape(n, k * k)
    ridge = RIDGE * np.eye(k)
    hessian = np.zeros((len(weight), k, k))
    for _ in range(_STEPS if k else 0):
        p = special.expit(offset + beta @ x.T)
        hessian = ((weight * p * (1 - p)) @ products).reshape(-1, k, k)
        gradient = (weight * (target - p)) @ x - RIDGE * beta
        step = np.linalg.solve(hessian + ridge, gradient[:, :, None])[:, :, 0]
        largest = np.abs(step).max(axis=1, keepdims=True)
        beta = beta + step / np.maximum(largest, 1)  # a coefficient moves by one at most: Newton alone may overshoot
        if largest.max() < _SMALL:
            break
    return beta, hessian


def _power(f: Float, y: Float, weight: Float, member: Float, size: Float) -> Float:
    """lambda of each fold, (F,): slope of ``y`` on ``f`` within strata, times adjusted R^2 / R^2 (0 at least).

    ``size``: (F,), the coefficients that the fit really spent. Prompts count by their weight in the estimate's
    variance.
    """
    totals = weight @ member
    held = np.maximum(totals, _SMALL)

    def off(values: Float) -> Float:
        return np.asarray(values - ((weight * values) @ member / held) @ member.T)

    y_off, f_off = off(np.broadcast_to(y, f.shape)), off(f)
    f_f, y_y, f_y = (
        (weight * one * other).sum(axis=1) for one, other in ((f_off, f_off), (y_off, y_off), (f_off, y_off))
    )
    n = weight.sum(axis=1) ** 2 / np.maximum((weight**2).sum(axis=1), _SMALL) - (totals > 0).sum(
        axis=1
    )  # less a mean each
    left = n - size
    usable = (f_f > _SMALL * n) & (y_y > _SMALL * n) & (f_y > 0) & (left > 0.5)
    with np.errstate(divide="ignore", invalid="ignore"):
        explained = np.minimum(f_y**2 / (f_f * y_y), 1)
        adjusted = 1 - (1 - explained) * n / left
        return np.where(usable, f_y / f_f * np.clip(adjusted / explained, 0, 1), 0.0)


def powered_mean(suite: RatedSuite, predictor: Predictor) -> PoweredMean:
    """The estimate and its variances; a variance is zero where all ratings are alike, infinite for a single rater, or
    where a stratum has a single rated prompt.
    """
    s, stratum = suite.n_strata, suite.stratum
    counts = np.bincount(suite.prompt, minlength=len(stratum)).astype(float)
    w = counts / np.bincount(stratum, weights=counts, minlength=s)[stratum]
    squares = np.bincount(stratum, weights=w * w, minlength=s)
    rated = np.bincount(stratum, minlength=s)
    unrated = np.bincount(suite.unrated_stratum, minlength=s)
    size = rated + unrated
    share = size / size.sum()
    phi = np.where(unrated > 0, squares / (squares + 1 / np.maximum(unrated, 1)), 0.0)
    own = stratum[suite.prompt]
    ratings = np.bincount(own, minlength=s)

    def left(factor: Float) -> tuple[Float, Float]:
        z = suite.y - (factor[stratum] * predictor.deviation)[suite.prompt]
        means = np.asarray(np.bincount(own, weights=z, minlength=s) / ratings)
        return means, (share / ratings)[own] * (z - means[own])

    means, residual = left(phi)
    predicted = float((share**2 * phi**2 * predictor.spread / np.maximum(unrated, 1)).sum())
    new = crossed_spread(residual, suite.rater, suite.prompt, stratum, extra=predicted)
    finite = np.where(unrated > 0, 1 - 1 / (size * squares), 0.0)
    uneven = np.where(unrated > 0, 1 / (unrated + 1 / squares) - 1 / size, 0.0)
    _, residual = left(np.where(unrated > 0, 1.0, 0.0))
    unequal = float((share**2 * predictor.spread * uneven).sum())
    these = crossed_spread(residual, suite.rater, suite.prompt, stratum, finite, unequal)
    return PoweredMean(float(share @ means), new, these, means)
