"""Preference rates: the shares of A, indifferent and B, the net share A - B, and its intervals.

Indifferent answers are never dropped or split in silence: the three shares stand together, the net share counts an
indifferent answer as zero, and the share among decided answers is a secondary figure that says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from common.words import counted
from evaluation.analysis.cautions import cautions, of_ratings
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
from evaluation.analysis.effective import EFFECTIVE, Pieces, Sums, pieces, why_not
from evaluation.analysis.effective_design import EffectiveDesign, Float, across
from evaluation.analysis.estimands import DEFAULT_ESTIMAND, ESTIMANDS
from evaluation.analysis.estimates import FALLBACKS, Interval, MeanEstimate, PreferenceRate, Share
from evaluation.analysis.scale import NET_ENDS, SHARE_ENDS, Ends, bounds
from evaluation.analysis.tally import CountTable, distinct

FEW_UNITS = 6  # raters and prompts of a category, up to which its rate is remembered
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


def effective_or_why(made: Pieces | Absent, mean: float, level: float, ends: Ends | None) -> Interval | Absent:
    """The default interval of ``mean``, between what is possible, from the widest of its pieces."""
    if isinstance(made, Absent):
        return made
    widest = made.widest(level)
    if widest is None:
        return Absent(_ALIKE)
    se = math.sqrt(widest.value)
    return Interval(EFFECTIVE, level, se, widest.df, *bounds(mean, se, widest.df, level, ends))


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
        if isinstance(intervals.get(method), Interval):
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
    """The preference rate over ``blocks``, one a category.

    ``stratified``: raters keep to one category each (``effective_design.is_nested``), so that the variances of
    ``crossed`` add up over categories; else those are of all ratings as one block. Each rater is taken to have rated a
    prompt at most once (a validated frame holds no other).
    """
    if len(blocks) == 1 and max(len(blocks[0][1].unit), len(blocks[0][2].unit)) <= FEW_UNITS:
        raters, prompts = (tuple(sorted(map(tuple, table.counts.tolist()))) for table in blocks[0][1:])
        return _of_few(raters, prompts, n_raters, n_prompts, stratified, estimand, level)
    return _rate(blocks, n_raters, n_prompts, stratified, estimand, level)


@lru_cache(maxsize=4096)
def _of_few(
    raters: tuple[tuple[int, ...], ...],
    prompts: tuple[tuple[int, ...], ...],
    n_raters: int,
    n_prompts: int,
    stratified: bool,
    estimand: str,
    level: float,
) -> PreferenceRate:
    """The rate of one category with few ratings, made once for the same counts by rater and by prompt: among many pairs
    with a handful of votes each, few differ.
    """
    rater, prompt = (_table(np.array(each, dtype=np.int64)) for each in (raters, prompts))
    return _rate([("", rater, prompt)], n_raters, n_prompts, stratified, estimand, level)


def _rate(
    blocks: list[Block], n_raters: int, n_prompts: int, stratified: bool, estimand: str, level: float
) -> PreferenceRate:
    tables = _Tables.of(blocks)
    merged = blocks if stratified or len(blocks) == 1 else [tables.merged()]
    grams = [(name, _Gram.of(rater), _Gram.of(prompt)) for name, rater, prompt in merged]
    counts = tuple(sum(rater.sums[at] for _, rater, _ in grams) for at in range(3))
    wanted = ESTIMANDS[estimand]
    effective = tables.pieces(counts)

    def estimate(kind: str, weights: Weights, included: Weights, ends: Ends) -> MeanEstimate | None:
        n = _dot(included, counts)
        if not n:
            return None
        mean = _dot(weights, counts) / n
        own = effective_or_why(effective[kind], mean, level, ends)
        if kind != "net" and wanted == EFFECTIVE and isinstance(own, Interval):  # of a share, the default alone is kept
            return MeanEstimate(mean, EFFECTIVE, MappingProxyType({EFFECTIVE: own}))
        panels = [
            (name, _panel(rater, prompt, weights, included))
            for name, rater, prompt in grams
            if _dot(included, rater.sums)
        ]
        variances = stratified_variances(panels, n_raters, n_prompts) if stratified else block_variances(panels[0][1])
        intervals = {name: interval_or_why(name, mean, variances[name], level) for name in METHODS}
        intervals[EFFECTIVE] = own
        return MeanEstimate(mean, pick_default(intervals, wanted), MappingProxyType(intervals))

    net, decided = estimate("net", _NET, _ALL, NET_ENDS), estimate("decided", (1, 0, 0), _DECIDED, SHARE_ENDS)
    assert net is not None, "a block without ratings"
    shares = {name: estimate(name, weights, _ALL, SHARE_ENDS) for name, weights in _SHARES.items()}
    return PreferenceRate(
        n_ratings=sum(counts),
        n_raters=n_raters,
        n_prompts=n_prompts,
        counts=(counts[0], counts[1], counts[2]),
        net=net,
        shares=MappingProxyType({name: Share.of(each) for name, each in shares.items() if each is not None}),
        decided=Share.of(decided) if decided else None,
        decided_p=Share.of(decided).p_value(0.5) if decided else None,
        stratified=stratified,
        estimand=estimand,
        level=level,
        p_value=net.p_value,
        rater_net=tables.rater_net,
        design=tables.in_words(),
        cautions=cautions(tables.design, tables.raters, tables.names, estimand),
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
        (a, b, c), (d, e, f) = weights, included
        weighted = [a * x + b * y + c * z for x, y, z in self.products]
        sizes = [d * x + e * y + f * z for x, y, z in self.products]
        n = self.n if included == _ALL else self.n_decided
        return ClusterSums(n, _dot(weights, weighted), _dot(weights, sizes), _dot(included, sizes))


def _dot(weights: Weights, sums: Sequence[int]) -> int:
    a, b, c = weights
    x, y, z = sums
    return a * x + b * y + c * z


def _panel(rater: _Gram, prompt: _Gram, weights: Weights, included: Weights) -> PanelSums:
    """Sums of the scores ``weights`` of choices over the ``included`` ones; a cell holds one rating."""
    n, total = _dot(included, rater.sums), _dot(weights, rater.sums)
    a, b, c = weights
    squares = _dot((a * a, b * b, c * c), rater.sums)
    by_rater, by_prompt = (gram.cluster_sums(weights, included) for gram in (rater, prompt))
    return PanelSums(n, total, squares, by_rater, by_prompt, ClusterSums(n, squares, total, n))


@dataclass(frozen=True)
class _Tables:
    """Choices counted by rater and category, (R, K, 3), and by prompt and category, (P, K, 3); ratings by both, (R, K)
    and (P, K); and the design.
    """

    names: tuple[str, ...]
    raters: Float
    prompts: Float
    rater_sizes: Float
    prompt_sizes: Float
    design: EffectiveDesign

    @classmethod
    def of(cls, blocks: list[Block]) -> _Tables:
        raters = _cube([rater for _, rater, _ in blocks])
        prompts = _cube([prompt for _, _, prompt in blocks])
        sizes = of_ratings(raters), of_ratings(prompts)
        return cls(tuple(name for name, _, _ in blocks), raters, prompts, *sizes, EffectiveDesign.of(*sizes))

    def merged(self) -> Block:
        """All categories as one block."""
        rater, prompt = (_table(each.sum(axis=1)) for each in (self.raters, self.prompts))
        return "", rater, prompt

    @property
    def rater_net(self) -> float:
        """The mean of the raters' own net shares."""
        counts = across(self.raters)
        return math.fsum((counts[:, 0] - counts[:, 2]) / of_ratings(counts)) / len(counts)

    def pieces(self, counts: tuple[int, ...]) -> Mapping[str, Pieces | Absent]:
        """The default interval's pieces of the net share, of the three shares, and of A among decided answers: there
        each rating counts with what it moves that ratio by.
        """
        kinds = ("net", *_SHARES, "decided")
        why = why_not(self.design, self.names)
        if why:
            return dict.fromkeys(kinds, why)
        n, decided = sum(counts), counts[0] + counts[2]
        ratio = counts[0] / decided if decided else 0.0
        moved = n / decided if decided else 0.0
        weights = np.array([_NET, *_SHARES.values(), (moved * (1 - ratio), 0.0, -moved * ratio)], dtype=float).T
        squares = self.raters.sum(axis=0) @ weights**2
        sums = Sums(_weighed(self.raters, weights), _weighed(self.prompts, weights), squares)
        found = pieces(self.design, self.rater_sizes, self.prompt_sizes, sums)
        return dict(zip(kinds, found, strict=True))

    def in_words(self) -> str:
        """How the default interval took raters and prompts."""
        if len(self.names) < 2:
            return "All ratings are of one category: raters and prompts are taken as drawn at random."
        if not self.design.by_category:
            return (
                "Most categories have a single prompt, so categories are left out of account: prompts are taken as "
                "drawn at random from all of them."
            )
        within = "Prompts are taken as drawn at random within the study's categories, which are taken as fixed"
        sizes = self.rater_sizes
        if not self.design.nested:
            return f"{within}; raters rated several categories and count across them."
        stray = int(sizes.sum() - sizes.max(axis=1).sum())
        but = f" but for {counted(stray, 'rating')}" if stray else ""
        return f"{within}; each category has raters of its own{but}, so its variance is taken by itself and added."


def _weighed(counts: Float, weights: Float) -> Float:
    """Scores summed, (U, K, m), of counts, (U, K, 3), and weights, (3, m): one product of matrices, not U of them."""
    return np.asarray((counts.reshape(-1, 3) @ weights).reshape(*counts.shape[:2], -1))


def _cube(tables: list[CountTable]) -> Float:
    if len(tables) == 1:
        return tables[0].counts[:, None, :].astype(float)
    units = distinct(np.concatenate([each.unit for each in tables]))
    found = np.zeros((len(units), len(tables), 3))
    for at, each in enumerate(tables):
        found[np.searchsorted(units, each.unit), at] = each.counts
    return found


def _table(counts: Float) -> CountTable:
    zeros = np.zeros(len(counts), dtype=np.int64)
    return CountTable(zeros, zeros, np.arange(len(counts)), counts.astype(np.int64))
