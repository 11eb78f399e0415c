"""Replications pooled: the same comparison in several studies, with the study as a stratum.

Raters of different studies are different people; the prompts are the same. With d_s the net share of study s, n_s its
ratings, n their sum, V_s the variance of its default interval and nu_s its degrees of freedom:

    d = sum w_s d_s,   w_s = n_s / n
    V = sum w_s^2 V_s + 2 sum_{s<t} w_s w_t max(C_st, 0),   C_st = P / (P - K) * sum_p e_ps e_pt / (n_s n_t)

where e_ps sums what a prompt's scores in s lie above the mean of their category there, over the P prompts that both
have, of K categories. C_st is what shared prompts add: without it, prompts that suit a generator would count as news in
every study. Degrees of freedom are Satterthwaite's, V^2 / sum (w_s^2 V_s)^2 / nu_s, with what is shared at the smaller
of its studies' nu. The interval is symmetric on the logit scale, as a study's own. Whether the studies differ is
Cochran's Q over the raters' parts, since prompts do not differ between them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from evaluation.analysis.columns import main_ratings
from evaluation.analysis.estimates import Interval, PreferenceRate
from evaluation.analysis.results import Document, document
from evaluation.analysis.scale import NET_ENDS, bounds
from evaluation.analysis.summary import analyse_valid
from evaluation.analysis.tally import Comparison

POOLED = "pooled"
SCORES = {"a": 1.0, "indifferent": 0.0, "b": -1.0}


@dataclass(frozen=True)
class Replicated:
    """One comparison. ``studies``: each one's own rate, by name. ``net``: pooled; ``interval`` None where a study has
    none, ``why`` says which. ``q``, ``q_p``: Cochran's Q and its p-value, None where raters' variances are lacking.
    """

    comparison: Comparison
    n_ratings: int
    n_raters: int
    n_prompts: int
    shares: Mapping[str, float]
    net: float
    interval: Interval | None
    why: str
    q: float | None
    q_p: float | None
    studies: Mapping[str, PreferenceRate]

    def to_dict(self) -> Document:
        return document(
            {
                "generator_a": self.comparison.generator_a,
                "generator_b": self.comparison.generator_b,
                "question": self.comparison.question,
                "pooled": {
                    "n_ratings": self.n_ratings,
                    "n_raters": self.n_raters,
                    "n_prompts": self.n_prompts,
                    "shares": dict(self.shares),
                    "net": self.net,
                    "interval": None if self.interval is None else self.interval.to_dict(),
                    "why": self.why or None,
                },
                "between_studies": {"q": self.q, "df": len(self.studies) - 1, "p_value": self.q_p},
                "studies": {name: rate.to_dict() for name, rate in self.studies.items()},
            }
        )


def replications(frames: Mapping[str, pd.DataFrame], *, level: float = 0.95) -> tuple[Replicated, ...]:
    """Each comparison that all studies have, pooled. ``frames``: validated ratings by study, two studies or more."""
    counted = {name: main_ratings(frame) for name, frame in frames.items()}
    rates: dict[Comparison, dict[str, PreferenceRate]] = {}
    for name, frame in frames.items():
        for each in analyse_valid(frame, level=level).comparisons:
            rates.setdefault(each.comparison, {})[name] = each.overall
    ordered = sorted(rates, key=lambda each: (each.question, each.generator_a, each.generator_b))
    return tuple(
        _pooled(each, rates[each], {name: _of(frame, each) for name, frame in counted.items()}, level)
        for each in ordered
        if len(rates[each]) == len(frames)
    )


def _of(frame: pd.DataFrame, comparison: Comparison) -> pd.DataFrame:
    """By prompt of a comparison: its category, and `e`, what its scores lie above their category's mean, summed."""
    own = (
        (frame["generator_a"] == comparison.generator_a)
        & (frame["generator_b"] == comparison.generator_b)
        & (frame["question"] == comparison.question)
    )
    part = frame.loc[own.to_numpy(), ["prompt_id", "category", "choice"]].astype(str)
    score = part["choice"].map(SCORES).astype(float)
    part["e"] = score - score.groupby(part["category"]).transform("mean")
    return part.groupby("prompt_id").agg(category=("category", "first"), e=("e", "sum"))


def _pooled(
    comparison: Comparison, studies: Mapping[str, PreferenceRate], prompts: Mapping[str, pd.DataFrame], level: float
) -> Replicated:
    own = list(studies.values())
    n = sum(each.n_ratings for each in own)
    weights = np.array([each.n_ratings / n for each in own])
    net = float(weights @ [each.net.estimate for each in own])
    effective = [each.net.intervals["effective"] for each in own]
    lacking = [name for name, each in zip(studies, effective, strict=True) if not isinstance(each, Interval)]
    interval, why = None, ""
    if lacking:
        why = f"there is no default interval in {', '.join(lacking)}"
    else:
        found = [each for each in effective if isinstance(each, Interval)]
        variance, df = _variance(weights, found, [prompts[name] for name in studies], [each.n_ratings for each in own])
        se = math.sqrt(variance)
        interval = Interval(POOLED, level, se, df, *bounds(net, se, df, level, NET_ENDS))
    q, q_p = _between(own)
    return Replicated(
        comparison=comparison,
        n_ratings=n,
        n_raters=sum(each.n_raters for each in own),
        n_prompts=len(set().union(*(prompts[name].index for name in studies))),
        shares={choice: float(weights @ [each.share(choice) for each in own]) for choice in SCORES},
        net=net,
        interval=interval,
        why=why,
        q=q,
        q_p=q_p,
        studies=studies,
    )


def _variance(
    weights: npt.NDArray[np.float64], own: Sequence[Interval], prompts: Sequence[pd.DataFrame], sizes: Sequence[int]
) -> tuple[float, float]:
    parts = [(weight**2 * each.se**2, _df(each)) for weight, each in zip(weights, own, strict=True)]
    for s, t in itertools.combinations(range(len(own)), 2):
        both = prompts[s].join(prompts[t], how="inner", suffixes=("", "_t"))
        free = len(both) - both["category"].nunique()
        shared = float((both["e"] * both["e_t"]).sum()) * len(both) / free / (sizes[s] * sizes[t]) if free > 0 else 0.0
        parts.append((2 * weights[s] * weights[t] * max(shared, 0.0), min(_df(own[s]), _df(own[t]))))
    variance = math.fsum(value for value, _ in parts)
    return variance, variance**2 / math.fsum(value**2 / df for value, df in parts)


def _df(interval: Interval) -> float:
    return math.inf if interval.df is None else interval.df


def _between(own: Sequence[PreferenceRate]) -> tuple[float | None, float | None]:
    raters: list[Any] = [each.net.intervals["by_rater"] for each in own]
    if not all(isinstance(each, Interval) for each in raters):
        return None, None
    precision = np.array([1 / each.se**2 for each in raters])
    nets = np.array([each.net.estimate for each in own])
    q = float(precision @ (nets - (precision @ nets) / precision.sum()) ** 2)
    return q, float(special.chdtrc(len(own) - 1, q))
