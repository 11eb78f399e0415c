"""An interval of a mean that holds at every look, whatever the values' distribution within [-1, 1]: by betting.

Take z = (x + 1) / 2 of a rater's mean x, and a candidate m for the mean of z. Bet a share g of one's capital against m
at fair odds, rater by rater: K_g = product over raters of (1 - g + g z / m). If m is the true mean, the expected
capital stays 1, so that it ever exceeds 2 / alpha in at most alpha / 2 of studies (Ville 1939). A candidate against
which the capital does is therefore excluded; the same with 1 - z and 1 - m excludes candidates from the other side
(Waudby-Smith and Ramdas 2024, Estimating means of bounded random variables by betting; the hedged capital process).
The capital is split beforehand over shares g with the density of the arcsine law, by its Gauss-Chebyshev nodes (Cover
1991, Universal portfolios), so that no share has to be guessed, and the order of the raters matters for no last look.

What it takes is that each value has the same mean, whatever came before. That holds where

1. raters count in the order in which they joined: who comes first is then chance, not speed;
2. what a rater answers is fixed beforehand, so that how many trials a mean is of does not depend on the answers;
3. all raters rate the same prompts, or one value is of a round: a rater of each panel, weighted by its prompts;
4. it speaks for new raters like these, and for these prompts and images.

Nothing is asked of the distribution: rates near 0 or 1, few prompts and minorities of another taste change the width
alone. The price is a wider interval than the t sequence has where raters' means are nearly normal.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
from scipy import optimize, special

from evaluation.analysis.crossed import quantile
from evaluation.analysis.sequential import BETTING, FloatArray, Look, LookSequence, check_alpha

NODES = 40  # shares of the capital that are bet; with more of them the limits move in the third digit
SHARES: FloatArray = np.sin((np.arange(NODES) + 0.5) / NODES * np.pi / 2) ** 2
TINY = 1e-12  # candidates begin here
OPEN = 1 - 1e-9  # an end beyond this is the end of the scale


def log_capital(values: FloatArray, mean: float, side: int) -> FloatArray:
    """The log capital after each of ``values`` (n,), bet against ``mean``: ``side`` 1 bets that the truth is above it,
    -1 that it is below. (n,)
    """
    z, m = (values + 1) / 2, (mean + 1) / 2
    if side < 0:
        z, m = 1 - z, 1 - m
    if m <= 0:
        return np.where(np.cumsum(z) > 0, np.inf, 0.0)
    gains = np.cumsum(np.log1p(SHARES * (z[:, None] / m - 1)), axis=0)
    return np.asarray(special.logsumexp(gains, axis=1) - math.log(NODES))


def betting_bounds(values: Sequence[float] | FloatArray, alpha: float = 0.05) -> tuple[float, float]:
    """The interval after all of ``values``, each within [-1, 1]; (-1, 1) after none.

    Raises:
        ValueError: a value is not within [-1, 1], or ``alpha`` not between 0 and 1.
    """
    check_alpha(alpha)
    x = _checked(values)
    if not len(x):
        return -1.0, 1.0
    found, number = np.unique((x + 1) / 2, return_counts=True)
    limit = math.log(2 * NODES / alpha)
    return 2 * _least(found, number, limit) - 1, 1 - 2 * _least(1 - found, number, limit)


def _least(z: FloatArray, number: np.ndarray, limit: float) -> float:
    """The least candidate that is not excluded from below; the capital falls as the candidate rises."""
    mean = float(z @ number) / float(number.sum())

    def excess(candidate: float) -> float:
        gains = number @ np.log1p(SHARES * (z[:, None] / candidate - 1))
        top = float(gains.max())
        return top + math.log(float(np.exp(gains - top).sum())) - limit

    if mean <= TINY or excess(TINY) <= 0:
        return 0.0
    return float(optimize.brentq(excess, TINY, mean, xtol=1e-12))  # against the mean itself no bet gains (Jensen)


def betting_sequence(values: Sequence[float] | FloatArray, alpha: float = 0.05, raters_each: int = 1) -> LookSequence:
    """Looks after each value, in the order in which raters joined.

    Args:
        values: (n,) a rater's net share each, or a round's, within [-1, 1].
        raters_each: raters that one value is of: 1, or the panels of a round.
    """
    x = _checked(values)
    looks = []
    for n in range(1, len(x) + 1):
        seen = x[:n]
        mean = math.fsum(seen) / n
        low, high = betting_bounds(seen, alpha)
        se = math.sqrt(math.fsum((seen - mean) ** 2) / (n - 1) / n) if n > 1 else 0.0
        naive = quantile(1 - alpha, n - 1) * se if se > 0 else None
        naive_low, naive_high = (None, None) if naive is None else (mean - naive, mean + naive)
        known = low > -OPEN or high < OPEN
        own_low, own_high = (low, high) if known else (None, None)
        looks.append(Look(n * raters_each, mean, own_low, own_high, naive_low, naive_high))
    return LookSequence(tuple(looks), alpha, None, BETTING)


@functools.lru_cache(maxsize=64)
def fewest_values(alpha: float = 0.05) -> int:
    """Raters, or rounds, with which the interval can exclude zero at the earliest: all for the same generator."""
    n = 1
    while betting_bounds(np.ones(n), alpha)[0] <= 0:
        n += 1
    return n


def _checked(values: Sequence[float] | FloatArray) -> FloatArray:
    x = np.asarray(values, dtype=float)
    if not (np.isfinite(x).all() and (np.abs(x) <= 1 + 1e-12).all()):
        raise ValueError("A rater's net share must lie within -1 and 1.")
    return np.clip(x, -1.0, 1.0)
