"""Intervals and tests of independent votes: their coverage, exactly, by the chances of all outcomes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import numpy as np
from scipy import special, stats

from evaluation.analysis.classic import (
    agresti_coull,
    clopper_pearson,
    goodman,
    jeffreys,
    newcombe,
    sign_test,
    tango,
    wald_net,
    wilson,
)
from evaluation.analysis.sequential import beta_binomial

Bounds = tuple[float, float]
NEGLIGIBLE = 1e-12  # outcomes rarer than this are left out: all of them together are far below what is printed
SHARES: dict[str, Callable[[float, float], Bounds]] = {
    "wilson": wilson,
    "clopper_pearson": clopper_pearson,
    "agresti_coull": agresti_coull,
    "jeffreys": jeffreys,
}
TRINOMIALS = ((20, 0.4, 0.2), (20, 0.7, 0.25), (100, 0.4, 0.2), (100, 0.5, 0.05), (100, 0.1, 0.8), (250, 0.5, 0.15))


def exactly(
    outcomes: Iterable[tuple[float, tuple[float, ...]]],
    interval: Callable[..., Bounds | list[Bounds]],
    truths: list[float],
) -> str:
    """Coverage of all ``truths`` at once, mean half-width (points) and time of a call, over the outcomes, each given
    as its chance and the arguments of ``interval``.
    """
    covered = width = 0.0
    calls, started = 0, time.process_time()
    for chance, arguments in outcomes:
        found = interval(*arguments)
        bounds = found if isinstance(found, list) else [found]
        calls += 1
        covered += chance * all(low <= truth <= high for (low, high), truth in zip(bounds, truths, strict=True))
        width += chance * sum(high - low for low, high in bounds) / (2 * len(bounds))
    micro = 1e6 * (time.process_time() - started) / calls
    return f"{100 * covered:.1f} (±{100 * width:.1f}, {micro:.0f} µs)"


def one_share() -> list[str]:
    lines = ["| votes, true share | " + " | ".join(SHARES) + " |", "|" + "---|" * (1 + len(SHARES))]
    for n, p in ((10, 0.5), (25, 0.5), (25, 0.9), (100, 0.5), (100, 0.97), (712, 0.58), (5000, 0.4)):
        chance = stats.binom.pmf(np.arange(n + 1), n, p)
        outcomes = [(chance[x], (x, n)) for x in range(n + 1) if chance[x] > NEGLIGIBLE]
        cells = [exactly(outcomes, of, [p]) for of in SHARES.values()]
        lines.append(f"| {n:,}, {p:g} | " + " | ".join(cells) + " |")
    return lines


def difference() -> list[str]:
    lines = ["| votes and true shares | newcombe |", "|---|---|"]
    for n, p, m, q in ((20, 0.5, 20, 0.5), (70, 0.8, 80, 0.6), (50, 0.95, 30, 0.9), (100, 0.5, 100, 0.45)):
        first, second = stats.binom.pmf(np.arange(n + 1), n, p), stats.binom.pmf(np.arange(m + 1), m, q)
        chance = np.outer(first, second)
        outcomes = [(chance[x, y], (x, n, y, m)) for x, y in np.argwhere(chance > NEGLIGIBLE).tolist()]
        lines.append(f"| {n}, {p:g} against {m}, {q:g} | {exactly(outcomes, newcombe, [p - q])} |")
    return lines


def three_shares() -> list[str]:
    lines = ["| votes, true shares | net: Wald (`independent`) | net: tango | three shares at once: goodman |"]
    lines.append("|---|---|---|---|")
    for n, a, tie in TRINOMIALS:
        b = 1 - a - tie
        grid = [(x, t, n - x - t) for x in range(n + 1) for t in range(n + 1 - x)]
        x, t, y = np.array(grid).T
        logs = special.gammaln(n + 1) - sum(special.gammaln(each + 1) for each in (x, t, y))
        chance = np.exp(logs + x * np.log(a) + t * np.log(tie) + y * np.log(b))
        outcomes = [(chance[at], grid[at]) for at in np.flatnonzero(chance > 1e-7 / len(grid))]
        cells = [exactly(outcomes, wald_net, [a - b]), exactly(outcomes, tango, [a - b])]
        cells.append(exactly(outcomes, lambda *counts: goodman(counts), [a, tie, b]))
        lines.append(f"| {n}, A {a:g}, indifferent {tie:g}, B {b:.2g} | " + " | ".join(cells) + " |")
    return lines


def signs() -> list[str]:
    """Rejections at 5 % of a true null, and the ever-wrong rate of the sequence for independent votes."""
    lines = [
        "| votes | sign test at 5 %, nobody leads: rejects | beta_binomial, looked at after each vote: ever wrong |"
    ]
    lines.append("|---|---|---|")
    for n in (25, 100, 1000):
        x = np.arange(n + 1)
        size = stats.binom.pmf(x, n, 0.5)[[sign_test(k, n - k) <= 0.05 for k in range(n + 1)]].sum()
        ever = " and ".join(f"{100 * ever_wrong(n, p):.1f} (true share {p:g})" for p in (0.5, 0.9))
        lines.append(f"| {n:,} | {100 * size:.1f} | {ever} |")
    return lines


def ever_wrong(n: int, p: float) -> float:
    """The chance that the sequence's interval excludes ``p`` at any of the first ``n`` votes."""
    alive = np.ones(1)  # chances of the numbers of successes among studies never wrong so far
    low = high = 0  # the numbers of successes whose interval holds p
    for k in range(1, n + 1):
        grown = np.zeros(k + 1)
        grown[:-1] += alive * (1 - p)
        grown[1:] += alive * p
        while beta_binomial(low, k)[1] < p:
            low += 1
        while high < k and beta_binomial(high + 1, k)[0] <= p:
            high += 1
        grown[:low] = grown[high + 1 :] = 0
        alive = grown
    return float(1 - alive.sum())
