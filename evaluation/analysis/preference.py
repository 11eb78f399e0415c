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

from evaluation.analysis import classic
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
from evaluation.analysis.tally import CountTable

ESTIMANDS: Mapping[str, str] = MappingProxyType(
    {"raters_and_prompts": "two_way", "raters": "by_rater", "prompts": "by_prompt", "votes": "independent"}
)
ESTIMAND_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "raters_and_prompts": "new raters and new prompts like these; the images of a prompt count with the prompt",
        "raters": "new raters like these, and these very prompts and images",
        "prompts": "these very raters, and new prompts (with new images) like these",
        "votes": "votes as independent, as published figures have it; too narrow where raters or prompts differ",
    }
)
Weights = tuple[int, int, int]  # of a, indifferent, b
_NET: Weights = (1, 0, -1)
_ALL: Weights = (1, 1, 1)
_DECIDED: Weights = (1, 0, 1)
_FALLBACKS = ("two_way", "by_rater", "by_prompt", "independent")


@dataclass(frozen=True)
class Interval:
    """An interval of a mean: ``estimate`` +- quantile * ``se``; t with ``df``, normal where ``df`` is None."""

    method: str
    level: float
    se: float
    df: float | None
    low: float
    high: float

    def to_dict(self) -> dict[str, float | None]:
        """The contract's form."""
        return {"se": self.se, "df": self.df, "low": self.low, "high": self.high}

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2


def interval_or_why(method: str, mean: float, variance: Variance | Absent, level: float) -> Interval | Absent:
    """The interval of ``mean``, or why there is none; a spread of exactly zero gives none."""
    if isinstance(variance, Absent):
        return variance
    if variance.value <= 0:
        return Absent(_NO_SPREAD[method])
    se = math.sqrt(variance.value)
    half = quantile(level, variance.df) * se
    return Interval(method, level, se, variance.df, mean - half, mean + half)


_ALIKE = "all ratings are alike: their spread is zero and says nothing about what others would choose"
_NO_SPREAD: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(METHODS, _ALIKE)
    | {
        "by_rater": "all raters' totals are alike: their spread is zero and says nothing about new raters",
        "by_prompt": "all prompts' totals are alike: their spread is zero and says nothing about new prompts",
    }
)


def pick_default(intervals: Mapping[str, Interval | Absent], wanted: str) -> str:
    """The wanted interval if it can be had, else the widest claim that can, else the wanted name."""
    for method in (wanted, *_FALLBACKS):
        if isinstance(intervals[method], Interval):
            return method
    return wanted


@dataclass(frozen=True)
class MeanEstimate:
    """A mean with every interval that can be had (``Interval``) or the reason (``Absent``), by method."""

    estimate: float
    default: str
    intervals: Mapping[str, Interval | Absent]

    @property
    def interval(self) -> Interval | None:
        """The default interval, or None if none can be had."""
        found = self.intervals[self.default]
        return found if isinstance(found, Interval) else None

    @property
    def why(self) -> dict[str, str]:
        """Reasons of the intervals that cannot be had, by method."""
        return {name: each.why for name, each in self.intervals.items() if isinstance(each, Absent)}

    @property
    def p_value(self) -> float | None:
        """Two-sided p-value against zero by the default interval's error, or None where there is none."""
        own = self.interval
        return classic.two_sided_p(self.estimate, own.se, own.df) if own else None

    def to_dict(self) -> dict[str, object]:
        """The contract's form; ``why`` stands beside ``intervals`` where one of them is null."""
        found: dict[str, object] = {
            "estimate": self.estimate,
            "default": self.default,
            "intervals": {
                name: each.to_dict() if isinstance(each, Interval) else None for name, each in self.intervals.items()
            },
        }
        if self.why:
            found["why"] = self.why
        return found


@dataclass(frozen=True)
class PreferenceRate:
    """How often A, neither or B was preferred, on one question about one pair, overall or in one category.

    Shares are fractions of ``n_ratings`` and indifferent answers count as such; ``net`` is the share of A less that of
    B; ``decided`` is A's share among decided answers (None where there are none), a secondary figure. ``stratified``
    says that variances were summed over categories. ``estimand`` is a key of ``ESTIMANDS``.
    """

    n_ratings: int
    n_raters: int
    n_prompts: int
    counts: tuple[int, int, int]
    net: MeanEstimate
    shares: Mapping[str, MeanEstimate]
    decided: MeanEstimate | None
    stratified: bool
    estimand: str
    level: float

    def share(self, choice: str) -> float:
        """The share of ``a``, ``indifferent`` or ``b``."""
        return self.shares[choice].estimate

    def by_estimand(self) -> dict[str, dict[str, object]]:
        """What each choice of the estimand does to the net share's half-width: the switch, all positions at once."""
        found: dict[str, dict[str, object]] = {}
        for estimand, method in ESTIMANDS.items():
            own = self.net.intervals[method]
            width = own.half_width if isinstance(own, Interval) else None
            found[estimand] = {"means": ESTIMAND_WORDS[estimand], "interval": method, "half_width": width}
        return found

    def to_dict(self) -> dict[str, object]:
        """The contract's ESTIMATE, with further keys."""
        a, indifferent, b = self.counts
        independent = {
            "goodman": classic.goodman(self.counts, self.level),
            "wilson": [classic.wilson(count, self.n_ratings, self.level) for count in self.counts],
            "clopper_pearson": [classic.clopper_pearson(count, self.n_ratings, self.level) for count in self.counts],
        }
        decided: dict[str, object] = {"n_ratings": a + b, "share_a": None, "sign_test_p": classic.sign_test(a, b)}
        if self.decided:
            own = self.decided.interval
            decided |= {
                "share_a": self.decided.estimate,
                "default": self.decided.default,
                "interval": own.to_dict() if own else None,
                "wilson": classic.wilson(a, a + b, self.level),
            }
        return {
            "n_ratings": self.n_ratings,
            "n_raters": self.n_raters,
            "n_prompts": self.n_prompts,
            "shares": {choice: each.estimate for choice, each in self.shares.items()},
            "net": self.net.to_dict(),
            "counts": dict(zip(("a", "indifferent", "b"), self.counts, strict=True)),
            "stratified": self.stratified,
            "share_intervals": {
                choice: {
                    "default": each.default,
                    "interval": each.interval.to_dict() if each.interval else None,
                    **{name: bounds[at] for name, bounds in independent.items()},
                }
                for at, (choice, each) in enumerate(self.shares.items())
            },
            "net_tango": classic.tango(a, indifferent, b, self.level),
            "decided": decided,
            "p_value": self.net.p_value,
        }


Block = tuple[str, CountTable, CountTable]  # category, counts by rater, counts by prompt


def preference_rate(
    blocks: list[Block],
    n_raters: int,
    n_prompts: int,
    *,
    stratified: bool,
    estimand: str = "raters_and_prompts",
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

    net = estimate(_NET)
    assert net is not None, "a block without ratings"
    shares = {name: estimate(weights) for name, weights in _SHARES.items()}
    return PreferenceRate(
        n_ratings=sum(counts),
        n_raters=n_raters,
        n_prompts=n_prompts,
        counts=(counts[0], counts[1], counts[2]),
        net=net,
        shares=MappingProxyType({name: each for name, each in shares.items() if each is not None}),
        decided=estimate((1, 0, 0), _DECIDED),
        stratified=stratified,
        estimand=estimand,
        level=level,
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
