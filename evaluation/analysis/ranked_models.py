"""Likelihoods of rankings of several generators, and their maximum.

Generators have scores t on the log scale, w = exp(t). A trial shows a set S of them.

* *Whole orders* are made stage by stage, each stage choosing the best of those that are left: Plackett (1975), Luce
  (1959). With ties a stage may choose a group C of them, with chance in proportion to d_|C| (prod of w over C)^(1/|C|),
  d_1 = 1: Davidson-Luce (Firth, Kosmidis and Turner 2019, arXiv:1810.12068). Of a pair this is Davidson's model.
* *Best and worst*: the chance that the best of a Plackett-Luce order of S is i and its last j, whatever stands between.
  An order of choices from the worst up would be another model, for Plackett-Luce can't be turned round. With T = S less
  i, the chance that j comes last in T is that of the longest of independent exponential times with rates w,
  sum over A in T less j of (-1)^|A| w_j / (w_j + w(A)).

Each gives the log likelihood of every ranking and its gradient, (N, D); Newton's method finds the maximum, with the
gradient's differences as second derivatives.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Groups = tuple[tuple[int, ...], ...]
"""A ranking: places of the generators shown, best first, ties together."""

STEP = 1e-5  # of the differences that second derivatives are taken from
ITERATIONS = 200
CLOSE = 1e-11  # of the gradient a ranking
LEAST = 1e-300  # chances below this are rounding


@dataclass(frozen=True)
class Rankings:
    """Rankings of one number of generators. ``shown``: (N, K) their codes in the order shown; ``groups``: (N,)."""

    shown: IntArray
    groups: Sequence[Groups]


Likelihood = Callable[[FloatArray], tuple[FloatArray, FloatArray]]
"""Of parameters, (D,): log likelihoods, (N,), and gradients, (N, D)."""


def whole_orders(rankings: Rankings, n_generators: int, most_tied: int) -> Likelihood:
    """Plackett-Luce, or Davidson-Luce with groups of up to ``most_tied``; parameters: scores, then log d_2, d_3 ..."""
    shown, size = rankings.shown, rankings.shown.shape[1]
    subsets = [each for k in range(1, most_tied + 1) for each in itertools.combinations(range(size), k)]
    member = np.zeros((len(subsets), size))
    for at, subset in enumerate(subsets):
        member[at, list(subset)] = 1
    n_members = member.sum(axis=1).astype(np.int64)
    mean = member / n_members[:, None]
    place = {subset: at for at, subset in enumerate(subsets)}
    stages = _stages(rankings.groups, size, place, member)

    def likelihood(parameters: FloatArray) -> tuple[FloatArray, FloatArray]:
        own = parameters[:n_generators][shown]
        ties = np.concatenate([[0.0, 0.0], parameters[n_generators:]])[n_members]
        logits = own @ mean.T + ties
        total, local = np.zeros(len(shown)), np.zeros((len(shown), len(subsets)))
        for rows, chosen, open_ in stages:
            at = np.where(open_, logits[rows], -np.inf)
            log_sum = special.logsumexp(at, axis=1)
            np.add.at(total, rows, at[np.arange(len(rows)), chosen] - log_sum)
            step = -np.exp(at - log_sum[:, None])
            step[np.arange(len(rows)), chosen] += 1
            np.add.at(local, rows, step)
        gradient = np.zeros((len(shown), len(parameters)))
        gradient[:, :n_generators] = _by_generator(local @ mean, shown, n_generators)
        for k in range(2, most_tied + 1):
            gradient[:, n_generators + k - 2] = local[:, n_members == k].sum(axis=1)
        return total, gradient

    return likelihood


Stage = tuple[IntArray, IntArray, npt.NDArray[np.bool_]]
"""Rows of rankings that have this stage, the subset that each chose, and which subsets could be chosen."""


def _stages(groups: Sequence[Groups], size: int, place: dict[tuple[int, ...], int], member: FloatArray) -> list[Stage]:
    stages: list[Stage] = []
    for stage in range(max(map(len, groups))):
        rows = [row for row, each in enumerate(groups) if len(each) > stage and len(_left(each, stage)) > 1]
        if not rows:
            continue
        gone = np.ones((len(rows), size))
        for at, row in enumerate(rows):
            gone[at, _left(groups[row], stage)] = 0
        chosen = [place[tuple(sorted(groups[row][stage]))] for row in rows]
        stages.append((np.array(rows), np.array(chosen), gone @ member.T == 0))
    return stages


def _left(groups: Groups, stage: int) -> list[int]:
    return [each for group in groups[stage:] for each in group]


def best_and_worst(rankings: Rankings, n_generators: int) -> Likelihood:
    """The best and the last of a Plackett-Luce order; parameters: scores."""
    shown, size = rankings.shown, rankings.shown.shape[1]
    rows = np.arange(len(shown))
    best = np.array([groups[0][0] for groups in rankings.groups])
    worst = np.array([groups[-1][0] for groups in rankings.groups])
    subsets = np.array(list(itertools.product((0.0, 1.0), repeat=size)))
    signs = (-1.0) ** subsets.sum(axis=1)

    def likelihood(parameters: FloatArray) -> tuple[FloatArray, FloatArray]:
        own = parameters[:n_generators][shown]
        own = own - own.max(axis=1, keepdims=True)  # of both chances only differences count
        weight = np.exp(own)
        first = weight / weight.sum(axis=1, keepdims=True)
        local = -first
        local[rows, best] += 1
        total = np.log(first[rows, best])
        lambda_j = weight[rows, worst]
        # subsets without the best and the worst
        allowed = (subsets[:, best] + subsets[:, worst] == 0).T
        q = lambda_j[:, None] / (lambda_j[:, None] + weight @ subsets.T)
        signed = np.where(allowed, signs * q, 0.0)
        chance = np.maximum(signed.sum(axis=1), LEAST)
        total += np.log(chance)
        # dq / dt_j = q (1 - q);  dq / dt_i = -q w_i / (w_j + w(A)) for i in A
        share = signed * q / lambda_j[:, None]
        slope = -weight * (share @ subsets)
        slope[rows, worst] = (signed * (1 - q)).sum(axis=1)
        local += slope / chance[:, None]
        return total, _by_generator(local, shown, n_generators)

    return likelihood


def _by_generator(local: FloatArray, shown: IntArray, n_generators: int) -> FloatArray:
    """Gradients by place shown, (N, K), as gradients by generator, (N, n)."""
    gradient = np.zeros((len(shown), n_generators))
    np.add.at(gradient, (np.arange(len(shown))[:, None], shown), local)
    return gradient


@dataclass(frozen=True)
class RankedFit:
    """A maximum: ``parameters`` (D,), the scores first, with mean zero; ``gradients`` of the rankings (N, D); and
    ``bread``, the inverse information, (D, D).
    """

    parameters: FloatArray
    gradients: FloatArray
    bread: FloatArray
    log_likelihood: float


def maximise(likelihood: Likelihood, n_generators: int, n_parameters: int, pulls: FloatArray) -> RankedFit:
    """The maximum of a likelihood by Newton's method.

    Args:
        pulls: (n, n), pseudo-wins of one generator over another that are added; zeros for none.

    Raises:
        ArithmeticError: no maximum was found.
    """
    centre = np.zeros(n_parameters)
    centre[:n_generators] = 1.0

    def whole(parameters: FloatArray) -> tuple[float, FloatArray]:
        values, gradients = likelihood(parameters)
        score = parameters[:n_generators]
        apart = score[:, None] - score[None, :]
        pull = np.zeros(n_parameters)
        step = pulls * special.expit(-apart)
        pull[:n_generators] = step.sum(axis=1) - step.sum(axis=0)
        # the mean of the scores is free: a pull to zero holds it, and moves no difference
        mean = float(centre @ parameters)
        value = float(values.sum() + (pulls * special.log_expit(apart)).sum()) - mean**2 / 2
        return value, gradients.sum(axis=0) + pull - mean * centre

    parameters = np.zeros(n_parameters)
    parameters[n_generators:] = -1.0
    value, gradient = whole(parameters)
    information = _information(whole, parameters)
    for _ in range(ITERATIONS):
        if np.abs(gradient).max() <= CLOSE * max(1.0, abs(value)):
            break
        step = np.linalg.solve(information, gradient)
        if gradient @ step <= 0:  # not yet concave here: straight up
            step = gradient / max(1.0, float(np.abs(gradient).max()))
        length = min(1.0, 3.0 / max(float(np.abs(step).max()), 1e-12))
        for _ in range(40):
            value_next, gradient_next = whole(parameters + length * step)
            if value_next >= value - 1e-12 * abs(value):
                break
            length /= 2
        else:
            break
        parameters, value, gradient = parameters + length * step, value_next, gradient_next
        information = _information(whole, parameters)
    if not np.isfinite(parameters).all() or np.abs(gradient).max() > 1e-6 * max(1.0, abs(value)):
        raise ArithmeticError("the likelihood has no maximum that Newton's method finds")
    parameters[:n_generators] -= parameters[:n_generators].mean()
    values, gradients = likelihood(parameters)
    return RankedFit(
        parameters, gradients, np.asarray(np.linalg.inv(information), dtype=np.float64), float(values.sum())
    )


def _information(whole: Callable[[FloatArray], tuple[float, FloatArray]], parameters: FloatArray) -> FloatArray:
    columns = []
    for at in range(len(parameters)):
        step = np.zeros(len(parameters))
        step[at] = STEP
        columns.append((whole(parameters - step)[1] - whole(parameters + step)[1]) / (2 * STEP))
    found = np.stack(columns)
    return (found + found.T) / 2
