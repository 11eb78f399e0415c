"""Intervals and tests for votes taken as independent: what published figures use, kept to stand beside honest ones.

Ratings that share raters and prompts are not independent, and these intervals are then too narrow (they cover 30 to
70 % instead of 95 % on common designs; see docs/coverage.md). They are right for one rating per rater and prompt.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import optimize, special

Bounds = tuple[float, float]


def _check(successes: float, n: float, level: float) -> None:
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"A share needs n >= 1 and 0 <= successes <= n; got {successes} of {n}.")
    if not 0 < level < 1:
        raise ValueError(f"The confidence level must lie between 0 and 1, as .95 does; got {level}.")


def _z(level: float) -> float:
    return float(special.ndtri((1 + level) / 2))


def wilson(successes: float, n: float, level: float = 0.95) -> Bounds:
    """Wilson's (1927) score interval of a share."""
    _check(successes, n, level)
    z2 = _z(level) ** 2
    p = successes / n
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    return (0.0 if successes == 0 else centre - half, 1.0 if successes == n else centre + half)


def clopper_pearson(successes: float, n: float, level: float = 0.95) -> Bounds:
    """Clopper and Pearson's (1934) exact interval of a share."""
    _check(successes, n, level)
    tail = (1 - level) / 2
    low = 0.0 if successes == 0 else float(special.betaincinv(successes, n - successes + 1, tail))
    high = 1.0 if successes == n else float(special.betaincinv(successes + 1, n - successes, 1 - tail))
    return low, high


def agresti_coull(successes: float, n: float, level: float = 0.95) -> Bounds:
    """Agresti and Coull's (1998) interval of a share; cut to 0 and 1."""
    _check(successes, n, level)
    z = _z(level)
    n_tilde = n + z * z
    p = (successes + z * z / 2) / n_tilde
    half = z * math.sqrt(p * (1 - p) / n_tilde)
    return max(0.0, p - half), min(1.0, p + half)


def jeffreys(successes: float, n: float, level: float = 0.95) -> Bounds:
    """The equal-tailed interval under Jeffreys' prior, with 0 and 1 as ends where all or none succeeded."""
    _check(successes, n, level)
    tail = (1 - level) / 2
    a, b = successes + 0.5, n - successes + 0.5
    low = 0.0 if successes == 0 else float(special.betaincinv(a, b, tail))
    high = 1.0 if successes == n else float(special.betaincinv(a, b, 1 - tail))
    return low, high


def newcombe(successes_1: float, n_1: float, successes_2: float, n_2: float, level: float = 0.95) -> Bounds:
    """Newcombe's (1998, method 10) interval of the difference of two independent shares."""
    (low_1, high_1), (low_2, high_2) = wilson(successes_1, n_1, level), wilson(successes_2, n_2, level)
    p_1, p_2 = successes_1 / n_1, successes_2 / n_2
    difference = p_1 - p_2
    return (
        difference - math.hypot(p_1 - low_1, high_2 - p_2),
        difference + math.hypot(high_1 - p_1, p_2 - low_2),
    )


def goodman(counts: Sequence[float], level: float = 0.95) -> list[Bounds]:
    """Goodman's (1965) simultaneous intervals of the shares of a multinomial with these ``counts``."""
    n = sum(counts)
    for count in counts:
        _check(count, n, level)
    a = float(special.chdtri(1, (1 - level) / len(counts)))
    bounds = []
    for count in counts:
        half = math.sqrt(a * (a + 4 * count * (n - count) / n))
        low, high = (a + 2 * count - half) / (2 * (n + a)), (a + 2 * count + half) / (2 * (n + a))
        bounds.append((0.0 if count == 0 else low, 1.0 if count == n else high))
    return bounds


def wald_net(a: float, indifferent: float, b: float, level: float = 0.95) -> Bounds:
    """Wald interval of the net share, (a - b) / n, of a trinomial; variance with divisor n."""
    n = a + indifferent + b
    _check(a, n, level)
    net = (a - b) / n
    half = _z(level) * math.sqrt(max((a + b) / n - net * net, 0.0) / n)
    return net - half, net + half


def tango(a: float, indifferent: float, b: float, level: float = 0.95) -> Bounds:
    """Tango's (1998) score interval of the net share, (a - b) / n."""
    n = a + indifferent + b
    _check(a, n, level)
    z = _z(level)
    net = (a - b) / n

    def score(delta: float) -> float:
        """The score statistic at a hypothetical net share, cut to +-1e9 so that the root finder meets no infinity."""
        if delta == net:
            return 0.0
        linear = (2 * n - (a - b)) * delta - (a + b)
        constant = -b * delta * (1 - delta)
        q = (math.sqrt(max(linear * linear - 8 * n * constant, 0.0)) - linear) / (4 * n)
        variance = n * (2 * q + delta * (1 - delta))
        if variance <= 0:
            return math.copysign(1e9, net - delta)
        return max(min(n * (net - delta) / math.sqrt(variance), 1e9), -1e9)

    def root(shift: float, low: float, high: float) -> float:
        return float(optimize.brentq(lambda delta: score(delta) + shift, low, high, xtol=1e-14))

    edge = 1 - 1e-12
    return (-1.0 if net <= -edge else root(-z, -edge, net)), (1.0 if net >= edge else root(z, net, edge))


def sign_test(a: int, b: int) -> float:
    """Two-sided exact p-value that ``a`` and ``b`` decided votes are as likely; 1 where there are none."""
    return 1.0 if a == b else float(2 * special.bdtr(min(a, b), a + b, 0.5))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) adjusted p-values, in the order given.

    Raises:
        ValueError: a value is not between 0 and 1.
    """
    p = np.asarray(p_values, dtype=float)
    if p.size and not ((p >= 0) & (p <= 1)).all():
        raise ValueError("p-values must lie between 0 and 1.")
    if p.size < 2:
        return [float(value) for value in p]
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(steps, 1.0)
    return [float(value) for value in adjusted]


def tost(estimate: float, se: float, margin: float, df: float | None = None) -> float:
    """p-value of two one-sided tests that the truth lies within +-``margin`` (Schuirmann 1987): small means equivalent.

    Raises:
        ValueError: ``se`` or ``margin`` is not above zero.
    """
    if se <= 0 or margin <= 0:
        raise ValueError(f"Equivalence needs a standard error and a margin above zero; got {se} and {margin}.")
    nearest = (margin - abs(estimate)) / se
    return float(special.ndtr(-nearest) if df is None else special.stdtr(df, -nearest))


def two_sided_p(estimate: float, se: float, df: float | None) -> float:
    """Two-sided p-value of estimate / se against zero: t with ``df``, or normal where ``df`` is None."""
    if se <= 0:
        raise ValueError(f"A test needs a standard error above zero; got {se}.")
    t = -abs(estimate / se)
    return float(2 * (special.ndtr(t) if df is None else special.stdtr(df, t)))
