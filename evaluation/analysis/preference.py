"""Preference rates: the shares of A, indifferent and B, the net share A - B, and its intervals.

Indifferent answers are never dropped or split in silence: the three shares stand together, the net share counts an
indifferent answer as zero, and the share among decided answers is a secondary figure that says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from evaluation.analysis.crossed import (
    METHODS,
    Absent,
    ClusterSums,
    PanelSums,
    Variance,
    block_variances,
    quantile,
    stratified_variances,
)
from evaluation.analysis.estimands import DEFAULT_ESTIMAND, ESTIMANDS
from evaluation.analysis.estimates import FALLBACKS, Interval, MeanEstimate, PreferenceRate, Share
from evaluation.analysis.tally import CountTable

Weights = tuple[int, int, int]  # of a, indifferent, b
_NET: Weights = (1, 0, -1)
_ALL: Weights = (1, 1, 1)
_DECIDED: Weights = (1, 0, 1)


def interval_or_why(method: str, mean: float, variance: Variance | Absent, level: float) -> Interval | Absent:
    """The interval of ``mean``, or why there is none; a spread of exactly zero gives none."""
    if isinstance(variance, Absent):
        return variance
    if variance.value <= 0:
        return Absent(_NO_SPREAD[method])
    se = math.sqrt(variance.value)
    half = quantile(level, variance.df) * se
    return Interval(method, level, se, variance.df, mean - half, mean + half)


_ALIKE = "all ratings are alike, so there is no spread to estimate an interval from"
_NO_SPREAD: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(METHODS, _ALIKE)
    | {
        "by_rater": "all raters' totals are alike, so there is no spread to estimate an interval from",
        "by_prompt": "all prompts' totals are alike, so there is no spread to estimate an interval from",
    }
)


def pick_default(intervals: Mapping[str, Interval | Absent], wanted: str) -> str:
    """The wanted interval if it can be had, else the widest claim that can, else the wanted name."""
    for method in (wanted, *FALLBACKS):
        if isinstance(intervals[method], Interval):
            return method
    return wanted


Block = tuple[str, CountTable, CountTable]  # category, counts by rater, counts by prompt


def preference_rate(
    blocks: list[Block],
    n_raters: int,
    n_prompts: int,
    *,
    stratified: bool,
    estimand: str = DEFAULT_ESTIMAND,
    level: float = 0.95,
) -> PreferenceRate:
    """The preference rate over ``blocks``: one block, or the categories of a ``stratified`` estimate.

    Each rater is taken to have rated a prompt at most once (a validated frame holds no other).
    """
    grams = [(name, _Gram.of(rater), _Gram.of(prompt)) for name, rater, prompt in blocks]
    counts = tuple(sum(rater.sums[at] for _, rater, _ in grams) for at in range(3))
    wanted = ESTIMANDS[estimand]

    def estimate(weights: Weights, included: Weights = _ALL) -> MeanEstimate | None:
        panels = [
            (name, _panel(rater, prompt, weights, included))
            for name, rater, prompt in grams
            if any(n and use for n, use in zip(rater.sums, included, strict=True))
        ]
        n = sum(panel.n for _, panel in panels)
        if not n:
            return None
        mean = sum(int(panel.total) for _, panel in panels) / n
        variances = stratified_variances(panels, n_raters, n_prompts) if stratified else block_variances(panels[0][1])
        intervals = {name: interval_or_why(name, mean, variances[name], level) for name in METHODS}
        return MeanEstimate(mean, pick_default(intervals, wanted), MappingProxyType(intervals))

    net, decided = estimate(_NET), estimate((1, 0, 0), _DECIDED)
    assert net is not None, "a block without ratings"
    shares = {name: estimate(weights) for name, weights in _SHARES.items()}
    return PreferenceRate(
        n_ratings=sum(counts),
        n_raters=n_raters,
        n_prompts=n_prompts,
        counts=(counts[0], counts[1], counts[2]),
        net=net,
        shares=MappingProxyType({name: Share.of(each) for name, each in shares.items() if each is not None}),
        decided=Share.of(decided) if decided else None,
        stratified=stratified,
        estimand=estimand,
        level=level,
        p_value=net.p_value,
    )


_SHARES: Mapping[str, Weights] = MappingProxyType({"a": (1, 0, 0), "indifferent": (0, 1, 0), "b": (0, 0, 1)})


@dataclass(frozen=True)
class _Gram:
    """What the sums over clusters need of a table of counts by cluster: sums over clusters of products of two choices'
    counts, ``products`` (3, 3), and of one, ``sums``; how many clusters have any rating, and any decided one. Whole
    numbers of any size, so that every variance is exact until its one division.
    """

    products: list[list[int]]
    sums: list[int]
    n: int
    n_decided: int

    @classmethod
    def of(cls, table: CountTable) -> _Gram:
        counts = table.counts
        decided = int(np.count_nonzero(counts[:, 0] + counts[:, 2]))
        return cls((counts.T @ counts).tolist(), counts.sum(axis=0).tolist(), len(counts), decided)

    def cluster_sums(self, weights: Weights, included: Weights) -> ClusterSums:
        def form(left: Weights, right: Weights) -> int:
            return sum(x * y * self.products[i][j] for i, x in enumerate(left) for j, y in enumerate(right) if x and y)

        n = self.n if included == _ALL else self.n_decided
        return ClusterSums(n, form(weights, weights), form(weights, included), form(included, included))


def _panel(rater: _Gram, prompt: _Gram, weights: Weights, included: Weights) -> PanelSums:
    """Sums of the scores ``weights`` of choices over the ``included`` ones; a cell holds one rating."""
    n = sum(count * use for count, use in zip(rater.sums, included, strict=True))
    total = sum(count * weight for count, weight in zip(rater.sums, weights, strict=True))
    squares = sum(count * weight**2 for count, weight in zip(rater.sums, weights, strict=True))
    by_rater, by_prompt = (gram.cluster_sums(weights, included) for gram in (rater, prompt))
    return PanelSums(n, total, squares, by_rater, by_prompt, ClusterSums(n, squares, total, n))
