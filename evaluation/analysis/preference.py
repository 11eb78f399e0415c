"""Preference rates: the shares of A, indifferent and B, the net share A - B, and its intervals.

Indifferent answers are never dropped or split in silence: the three shares stand together, the net share counts an
indifferent answer as zero, and the share among decided answers is a secondary figure that says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from common.words import counted
from evaluation.analysis.cautions import Caution, cautions, of_ratings
from evaluation.analysis.columns import CHOICES
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
from evaluation.analysis.tally import CountTable, distinct_places

FEW_UNITS = 6  # raters and prompts of a category, up to which its rate is remembered
Weights = tuple[int, int, int]  # of a, indifferent, b
Counts = npt.NDArray[np.int64]
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
        return Absent(ALIKE)
    se = math.sqrt(widest.value)
    return Interval(EFFECTIVE, level, se, widest.df, *bounds(mean, se, widest.df, level, ends))


ALIKE = "all ratings are alike, so there is no spread to estimate an interval from"
_NO_SPREAD: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(METHODS, ALIKE)
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
    grams = [(name, Gram.of(rater.counts), Gram.of(prompt.counts)) for name, rater, prompt in merged]
    made = Asked(estimand, level, n_raters, n_prompts, grams, stratified)
    effective = tables.pieces(made.counts)
    own = {
        kind: effective_or_why(effective[kind], made.mean(kind), level, ENDS[kind]) for kind in KINDS if made.has(kind)
    }
    said = cautions(tables.design, tables.raters, tables.names, estimand)
    return made.rate(own, tables.rater_net, tables.in_words(), said)


@dataclass(frozen=True)
class Asked:
    """What a rate is made of besides its default intervals: for whom it speaks, and products of counts by category."""

    estimand: str
    level: float
    n_raters: int
    n_prompts: int
    grams: Sequence[tuple[str, Gram, Gram]]
    stratified: bool

    @cached_property
    def counts(self) -> tuple[int, int, int]:
        """Answers for A, indifferent, for B."""
        a, indifferent, b = (sum(rater.sums[at] for _, rater, _ in self.grams) for at in range(3))
        return a, indifferent, b

    def has(self, kind: str) -> bool:
        """Whether any answer counts for the mean called ``kind``."""
        return _dot(_SCORES[kind][1], self.counts) > 0

    def mean(self, kind: str) -> float:
        """The mean called ``kind`` of ``KINDS``."""
        weights, included = _SCORES[kind]
        return _dot(weights, self.counts) / _dot(included, self.counts)

    def _estimate(self, kind: str, own: Interval | Absent) -> MeanEstimate:
        """The mean with its intervals, ``own`` the default one."""
        mean, wanted = self.mean(kind), ESTIMANDS[self.estimand]
        if kind != "net" and wanted == EFFECTIVE and isinstance(own, Interval):  # of a share, the default alone is kept
            return MeanEstimate(mean, EFFECTIVE, MappingProxyType({EFFECTIVE: own}))
        weights, included = _SCORES[kind]
        panels = [
            (name, _panel(rater, prompt, weights, included))
            for name, rater, prompt in self.grams
            if _dot(included, rater.sums)
        ]
        variances = (
            stratified_variances(panels, self.n_raters, self.n_prompts)
            if self.stratified
            else block_variances(panels[0][1])
        )
        intervals = {name: interval_or_why(name, mean, variances[name], self.level) for name in METHODS}
        intervals[EFFECTIVE] = own
        return MeanEstimate(mean, pick_default(intervals, wanted), MappingProxyType(intervals))

    def rate(
        self,
        own: Mapping[str, Interval | Absent],
        rater_net: float,
        design: str,
        said: tuple[Caution, ...],
    ) -> PreferenceRate:
        """The rate with the default intervals ``own`` of each kind that it has, and what else is known of it."""
        net = self._estimate("net", own["net"])
        decided = Share.of(self._estimate("decided", own["decided"])) if "decided" in own else None
        return PreferenceRate(
            n_ratings=sum(self.counts),
            n_raters=self.n_raters,
            n_prompts=self.n_prompts,
            counts=self.counts,
            net=net,
            shares=MappingProxyType({name: Share.of(self._estimate(name, own[name])) for name in CHOICES}),
            decided=decided,
            decided_p=decided.p_value(0.5) if decided else None,
            stratified=self.stratified,
            estimand=self.estimand,
            level=self.level,
            p_value=net.p_value,
            rater_net=rater_net,
            design=design,
            cautions=said,
        )


_SCORES: Mapping[str, tuple[Weights, Weights]] = MappingProxyType(
    {
        "net": (_NET, _ALL),
        "a": ((1, 0, 0), _ALL),
        "indifferent": ((0, 1, 0), _ALL),
        "b": ((0, 0, 1), _ALL),
        "decided": ((1, 0, 0), _DECIDED),
    }
)
KINDS = tuple(_SCORES)
"""The means of a rate: the net share, the three shares, and A among decided answers."""
ENDS: Mapping[str, Ends] = MappingProxyType(dict.fromkeys(KINDS, SHARE_ENDS) | {"net": NET_ENDS})
WHOLE = np.array([_SCORES[kind][0] for kind in KINDS[:-1]], dtype=float).T
"""Scores of a, indifferent and b, (3, 4), by the means over all answers."""


@dataclass(frozen=True)
class Gram:
    """What the sums over clusters need of a table of counts by cluster: sums over clusters of products of two choices'
    counts, ``products`` (3, 3), and of one, ``sums``; how many clusters have any rating, and any decided one. Whole
    numbers of any size, so that every variance is exact until its one division.
    """

    products: list[list[int]]
    sums: list[int]
    n: int
    n_decided: int

    @classmethod
    def of(cls, counts: Counts) -> Gram:
        """Of counts of the three choices by cluster, (clusters, 3)."""
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


def _panel(rater: Gram, prompt: Gram, weights: Weights, included: Weights) -> PanelSums:
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
        """The default interval's pieces of each of ``KINDS``."""
        why = why_not(self.design, self.names)
        if why:
            return dict.fromkeys(KINDS, why)
        weights = np.concatenate([WHOLE, decided_scores(np.array([counts]))], axis=1)
        squares = self.raters.sum(axis=0) @ weights**2
        sums = Sums(_weighed(self.raters, weights), _weighed(self.prompts, weights), squares)
        found = pieces(self.design, self.rater_sizes, self.prompt_sizes, sums)
        return dict(zip(KINDS, found, strict=True))

    def in_words(self) -> str:
        """How the default interval took raters and prompts."""
        if len(self.names) < 2:
            return ONE_CATEGORY
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


ONE_CATEGORY = "All ratings are of one category: raters and prompts are taken as drawn at random."


def decided_scores(counts: Counts) -> Float:
    """Scores of a, indifferent and b, (3, g), of A's share among decided answers where answers were ``counts``, (g, 3):
    each counts with what it moves that ratio by, as if the ratio were a mean over all answers.
    """
    a, _, b = counts.T
    decided = a + b
    known = np.maximum(decided, 1)
    ratio, moved = a / known, np.where(decided > 0, counts.sum(axis=1) / known, 0.0)
    return np.stack([moved * (1 - ratio), np.zeros(len(counts)), -moved * ratio])


def _weighed(counts: Float, weights: Float) -> Float:
    """Scores summed, (U, K, m), of counts, (U, K, 3), and weights, (3, m): one product of matrices, not U of them."""
    return np.asarray((counts.reshape(-1, 3) @ weights).reshape(*counts.shape[:2], -1))


def _cube(tables: list[CountTable]) -> Float:
    if len(tables) == 1:
        return tables[0].counts[:, None, :].astype(float)
    units, rows = distinct_places(np.concatenate([each.unit for each in tables]))
    found = np.zeros((len(units), len(tables), 3))
    found[rows, np.repeat(np.arange(len(tables)), [len(each.unit) for each in tables])] = np.concatenate(
        [each.counts for each in tables]
    )
    return found


def _table(counts: Float) -> CountTable:
    zeros = np.zeros(len(counts), dtype=np.int64)
    return CountTable(zeros, zeros, np.arange(len(counts)), counts.astype(np.int64))
