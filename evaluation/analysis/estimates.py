"""Estimates of preference as results: a mean with its intervals, a share, the preference rate.

Each has ``to_dict``, the contract's form, and ``from_dict``, which reads that form back. ``preference`` makes them.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

from evaluation.analysis import classic
from evaluation.analysis.cautions import Caution, is_too_wide
from evaluation.analysis.columns import CHOICES
from evaluation.analysis.crossed import Absent
from evaluation.analysis.effective import EFFECTIVE
from evaluation.analysis.estimands import ESTIMAND_WORDS, ESTIMANDS
from evaluation.analysis.scale import SHARE_ENDS, standardised

FALLBACKS = (EFFECTIVE, "two_way", "by_rater", "by_prompt", "independent")
"""Which interval stands in for one that cannot be had: the widest claim that can."""


@dataclass(frozen=True)
class Interval:
    """An interval of a mean: ``estimate`` +- quantile * ``se``; t with ``df``, normal where ``df`` is None. That of
    ``effective`` is symmetric on another scale (``scale.bounds``).
    """

    method: str
    level: float
    se: float
    df: float | None
    low: float
    high: float

    def to_dict(self) -> dict[str, float | None]:
        """The contract's form."""
        return {"se": self.se, "df": self.df, "low": self.low, "high": self.high}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], method: str, level: float) -> Interval:
        """The interval of ``method`` from the contract's form, which says neither method nor level."""
        return cls(method, level, data["se"], data["df"], data["low"], data["high"])

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2


@dataclass(frozen=True)
class MeanEstimate:
    """A mean with every interval that can be had (``Interval``) or the reason (``Absent``), by method."""

    estimate: float
    default: str
    intervals: Mapping[str, Interval | Absent]

    @property
    def interval(self) -> Interval | None:
        """The default interval, or None if none can be had."""
        found = self.intervals.get(self.default)
        return found if isinstance(found, Interval) else None

    @property
    def independent(self) -> Interval | None:
        """The interval of votes taken as independent, or None if it cannot be had."""
        found = self.intervals.get("independent")
        return found if isinstance(found, Interval) else None

    @property
    def why(self) -> dict[str, str]:
        """Reasons of the intervals that cannot be had, by method."""
        return {name: each.why for name, each in self.intervals.items() if isinstance(each, Absent)}

    @property
    def p_value(self) -> float | None:
        """Two-sided p-value of a net share of zero by the default interval's error, or None where there is none; below
        1 - level where that interval excludes zero, and only there.
        """
        own = self.interval
        if own is None:
            return None
        if own.method == EFFECTIVE:
            return classic.two_sided_p(standardised(self.estimate, own.se, 0.0), 1.0, own.df)
        return classic.two_sided_p(self.estimate, own.se, own.df)

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

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], level: float) -> MeanEstimate:
        """The mean from the contract's form, its intervals at ``level``."""
        why = data.get("why", {})
        intervals = {
            name: Absent(why.get(name, "")) if each is None else Interval.from_dict(each, name, level)
            for name, each in data["intervals"].items()
        }
        return cls(data["estimate"], data["default"], MappingProxyType(intervals))


@dataclass(frozen=True)
class Share:
    """A share with the interval that stands for it, ``default``; None where it cannot be had."""

    estimate: float
    default: str
    interval: Interval | None

    @classmethod
    def of(cls, mean: MeanEstimate) -> Share:
        """A mean with its default interval alone, cut at what a share can be."""
        own = mean.interval
        if own and (own.low < 0 or own.high > 1):
            own = replace(own, low=max(own.low, 0.0), high=min(own.high, 1.0))
        return cls(mean.estimate, mean.default, own)

    def p_value(self, against: float) -> float | None:
        """Two-sided p-value of a share of ``against`` by the interval's error: raters and prompts count, unlike in a
        sign test.
        """
        own = self.interval
        if own is None:
            return None
        if own.method == EFFECTIVE:
            return classic.two_sided_p(standardised(self.estimate, own.se, against, SHARE_ENDS), 1.0, own.df)
        return classic.two_sided_p(self.estimate - against, own.se, own.df)


@dataclass(frozen=True)
class Width:
    """How wide the net share's interval is where it speaks for ``estimand``; None where it cannot be had."""

    estimand: str
    half_width: float | None

    @property
    def means(self) -> str:
        """For whom, in words."""
        return ESTIMAND_WORDS[self.estimand]

    @property
    def method(self) -> str:
        """The interval's method."""
        return ESTIMANDS[self.estimand]

    def to_dict(self) -> dict[str, object]:
        return {"means": self.means, "interval": self.method, "half_width": self.half_width}


CONFIRMATORY, EXPLORATORY = "confirmatory", "exploratory"


@dataclass(frozen=True)
class Standing:
    """What a rate's family says of it (``families``). ``role``: ``CONFIRMATORY`` or ``EXPLORATORY``. ``p_value``:
    adjusted over the family of ``n`` comparisons, or over a comparison's categories. ``simultaneous``: the interval
    that holds together with the others of the family. ``highlighted``: whether the family carries a difference.
    """

    role: str
    p_value: float | None
    n: int | None
    simultaneous: Interval | None
    highlighted: bool

    def to_dict(self) -> dict[str, object]:
        own = self.simultaneous
        return {
            "role": self.role,
            "p_value": self.p_value,
            "n": self.n,
            "simultaneous": {"level": own.level, **own.to_dict()} if own else None,
            "highlighted": self.highlighted,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], method: str) -> Standing:
        """The standing from ``to_dict``; its interval is of the rate's default ``method``."""
        own = data["simultaneous"]
        interval = Interval.from_dict(own, method, own["level"]) if own else None
        return cls(data["role"], data["p_value"], data["n"], interval, data["highlighted"])


@dataclass(frozen=True)
class PreferenceRate:
    """How often A, neither or B was preferred, on one question about one pair, overall or in one category.

    Shares are fractions of ``n_ratings`` and indifferent answers count as such; ``net`` is the share of A less that of
    B; ``decided`` is A's share among decided answers (None where there are none), a secondary figure. ``stratified``
    says that variances were summed over categories. ``estimand`` is a key of ``ESTIMANDS``. ``p_value``: of a net share
    of zero; ``p_holm``: of a category, the same adjusted by Holm over the categories of its comparison. ``words``: the
    effect in a sentence, once the generators' names are known. ``decided_p``: of a decided share of one half, by its
    default interval's error. ``rater_net``: the net share in which each rater counts
    alike, however much they rated. ``design``: how the variance was taken, in words. ``cautions``: what is untidy.
    """

    n_ratings: int
    n_raters: int
    n_prompts: int
    counts: tuple[int, int, int]
    net: MeanEstimate
    shares: Mapping[str, Share]
    decided: Share | None
    stratified: bool
    estimand: str
    level: float
    p_value: float | None = None
    p_holm: float | None = None
    words: str = ""
    standing: Standing | None = None
    decided_p: float | None = None
    rater_net: float | None = None
    design: str = ""
    cautions: tuple[Caution, ...] = ()

    def share(self, choice: str) -> float:
        """The share of ``a``, ``indifferent`` or ``b``."""
        return self.shares[choice].estimate

    @property
    def n_decided(self) -> int:
        """Answers for A or for B."""
        return self.counts[0] + self.counts[2]

    @property
    def excludes_zero(self) -> bool:
        """Whether the default interval has zero outside: of one comparison by itself, whatever its family says."""
        own = self.net.interval
        return own is not None and not own.low <= 0 <= own.high

    @property
    def leader(self) -> Literal["a", "b"] | None:
        """Which of the two is shown to be preferred; None where nothing is. This alone decides what pages, figures,
        tables and texts highlight: the default interval excludes zero, and the rate's family carries it
        (``families``). Results of versions without families have the interval alone.
        """
        own = self.net.interval
        if own is None or not self.excludes_zero or (self.standing is not None and not self.standing.highlighted):
            return None
        return "a" if own.low > 0 else "b"

    @property
    def too_few(self) -> Literal["raters", "prompts"] | None:
        """Of what there are too few, where the net share's default interval covers more than half of what is possible
        (and is not drawn); None where it does not, or there is none.
        """
        own = self.net.interval
        if own is None or not is_too_wide(own.low, own.high):
            return None
        return "raters" if self.n_raters <= self.n_prompts else "prompts"

    def widths(self) -> tuple[Width, ...]:
        """The net share's half-width for each choice of the estimand: the switch, all positions at once."""
        found = ((estimand, self.net.intervals[method]) for estimand, method in ESTIMANDS.items())
        return tuple(
            Width(estimand, each.half_width if isinstance(each, Interval) else None) for estimand, each in found
        )

    def to_dict(self) -> dict[str, object]:
        """The contract's ESTIMATE, with further keys."""
        a, _, b = self.counts
        independent, net_tango = _of_independent_votes(self.counts, self.level)
        decided: dict[str, object] = {
            "n_ratings": a + b,
            "share_a": None,
            "sign_test_p": classic.sign_test(a, b),
            "sign_test_takes": "votes as independent",
        }
        if self.decided:
            own = self.decided.interval
            decided |= {
                "share_a": self.decided.estimate,
                "default": self.decided.default,
                "interval": own.to_dict() if own else None,
                "wilson": classic.wilson(a, a + b, self.level),
                "p_value": self.decided_p,
            }
        return {
            "n_ratings": self.n_ratings,
            "n_raters": self.n_raters,
            "n_prompts": self.n_prompts,
            "shares": {choice: each.estimate for choice, each in self.shares.items()},
            "net": self.net.to_dict(),
            "counts": dict(zip(CHOICES, self.counts, strict=True)),
            "stratified": self.stratified,
            "share_intervals": {
                choice: {
                    "default": each.default,
                    "interval": each.interval.to_dict() if each.interval else None,
                    **{name: bounds[at] for name, bounds in independent.items()},
                }
                for at, (choice, each) in enumerate(self.shares.items())
            },
            "net_tango": net_tango,
            "decided": decided,
            "p_value": self.p_value,
            "rater_weighted_net": self.rater_net,
            "design": self.design,
            "too_few": self.too_few,
            "cautions": [{"code": each.code, "words": each.words} for each in self.cautions],
            **({"standing": self.standing.to_dict()} if self.standing else {}),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], estimand: str, level: float) -> PreferenceRate:
        """The rate from the contract's ESTIMATE and what its comparison adds; further keys may be missing."""
        n, shares, own = data["n_ratings"], data["shares"], data.get("share_intervals", {})
        counts = data.get("counts") or {choice: round(shares[choice] * n) for choice in CHOICES}
        wanted = ESTIMANDS[estimand]
        decided = data.get("decided", {})
        return cls(
            n_ratings=n,
            n_raters=data["n_raters"],
            n_prompts=data["n_prompts"],
            counts=(counts["a"], counts["indifferent"], counts["b"]),
            net=MeanEstimate.from_dict(data["net"], level),
            shares=MappingProxyType(
                {choice: _share(shares[choice], own.get(choice, {}), wanted, level) for choice in CHOICES}
            ),
            decided=None if decided.get("share_a") is None else _share(decided["share_a"], decided, wanted, level),
            stratified=data.get("stratified", False),
            estimand=estimand,
            level=level,
            p_value=data.get("p_value"),
            p_holm=data.get("p_holm"),
            words=data.get("words", ""),
            standing=Standing.from_dict(data["standing"], data["net"]["default"]) if "standing" in data else None,
            decided_p=decided.get("p_value"),
            rater_net=data.get("rater_weighted_net"),
            design=data.get("design", ""),
            cautions=tuple(Caution(**each) for each in data.get("cautions", ())),
        )


@functools.lru_cache(maxsize=4096)
def _of_independent_votes(
    counts: tuple[int, int, int], level: float
) -> tuple[Mapping[str, Sequence[classic.Bounds]], classic.Bounds]:
    """Intervals of the three shares by name, and Tango's of the net share. Where many pairs have few votes each, few
    counts differ.
    """
    n = sum(counts)
    shares = {
        "goodman": classic.goodman(counts, level),
        "wilson": [classic.wilson(count, n, level) for count in counts],
        "clopper_pearson": [classic.clopper_pearson(count, n, level) for count in counts],
    }
    return MappingProxyType(shares), classic.tango(*counts, level)


def _share(estimate: float, found: Mapping[str, Any], wanted: str, level: float) -> Share:
    """A share from its value and what stands beside it: ``default`` and ``interval``."""
    method, interval = found.get("default", wanted), found.get("interval")
    return Share(estimate, method, None if interval is None else Interval.from_dict(interval, method, level))
