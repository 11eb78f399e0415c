"""What may be highlighted: every comparison judged by its family (``families``). Nothing else decides it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType

from evaluation.analysis.classic import holm
from evaluation.analysis.effective import EFFECTIVE
from evaluation.analysis.estimates import CONFIRMATORY, EXPLORATORY, Interval, MeanEstimate, PreferenceRate, Standing
from evaluation.analysis.families import Family
from evaluation.analysis.scale import NET_ENDS, bounds
from evaluation.analysis.summary_results import ComparisonResult


def judged(results: Sequence[ComparisonResult], family: Family, level: float) -> tuple[ComparisonResult, ...]:
    """The comparisons with what the family says of each: role, adjusted p-value, simultaneous interval, highlight."""
    members = [at for at, each in enumerate(results) if family.holds(each.comparison)]
    n = 1 if family.separate else max(family.size(each.comparison for each in results), 1)
    tested = [at for at in members if results[at].overall.p_value is not None]
    p_values = [results[at].overall.p_value or 0.0 for at in tested]
    untested = [] if family.separate else [1.0] * (n - len(tested))
    adjusted = p_values if family.separate else holm([*p_values, *untested])[: len(tested)]
    p_of = dict(zip(tested, adjusted, strict=True))
    return tuple(
        _judged(each, at in members, p_of.get(at), n, level, family.separate) for at, each in enumerate(results)
    )


def _judged(
    result: ComparisonResult, member: bool, p: float | None, n: int, level: float, separate: bool
) -> ComparisonResult:
    alpha = 1 - level
    carried = member and p is not None and p < alpha
    simultaneous = _simultaneous(result.overall.net, n, level) if member else None
    role = CONFIRMATORY if member else EXPLORATORY
    overall = replace(result.overall, standing=Standing(role, p, n if member else None, simultaneous, carried))
    categories: dict[str, PreferenceRate] = {}
    for name, rate in result.categories.items():
        own = (carried or separate) and rate.p_holm is not None and rate.p_holm < alpha
        categories[name] = replace(rate, standing=Standing(EXPLORATORY, rate.p_holm, None, None, own))
    return replace(result, overall=overall, categories=MappingProxyType(categories))


def _simultaneous(net: MeanEstimate, n: int, level: float) -> Interval | None:
    own = net.interval
    if own is None:
        return None
    each = 1 - (1 - level) / n
    ends = bounds(net.estimate, own.se, own.df, each, NET_ENDS if own.method == EFFECTIVE else None)
    return Interval(own.method, each, own.se, own.df, *ends)
