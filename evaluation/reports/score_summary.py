"""What the scores of a run's images come to: means with intervals over prompts, quartiles, a histogram, by category."""

from __future__ import annotations

import math
from typing import TypedDict

import numpy as np
import pandas as pd

from evaluation.analysis.crossed import quantile

LEVEL = 0.95
BINS = 24


class SpreadOfScores(TypedDict):
    """The scores of some images. `n`: with a number, `n_missing`: without. Numbers that can't be had are null.

    `low`, `high`: interval of the mean for new prompts (samples of one hang together); null for the reason `why`.
    `counts`: images in each bin of the histogram.
    """

    n: int
    n_missing: int
    n_prompts: int
    mean: float | None
    low: float | None
    high: float | None
    why: str
    min: float | None
    q1: float | None
    median: float | None
    q3: float | None
    max: float | None
    counts: list[int]


class ScoreSummary(TypedDict):
    """All images and each category. `edges`: of the histogram's bins, one more than there are; empty without any."""

    level: float
    edges: list[float]
    overall: SpreadOfScores
    categories: dict[str, SpreadOfScores]


Range = tuple[float | None, float | None]
"""The least and the most that a score can be; None where there is no such."""


def summarise(frame: pd.DataFrame, value_range: Range = (None, None)) -> ScoreSummary:
    """The summary of scores: columns `prompt_id`, `category`, `value` (NaN: none). Categories by name.

    Intervals are cut at `value_range`: a mean share below 0 or above 1 is none.
    """
    values = frame["value"].to_numpy(dtype=float)
    there = values[np.isfinite(values)]
    edges = np.histogram_bin_edges(there, bins=_bins(there)) if len(there) else np.zeros(0)
    return {
        "level": LEVEL,
        "edges": [_rounded(edge) for edge in edges],
        "overall": _spread(frame, edges, value_range),
        "categories": {
            str(name): _spread(part, edges, value_range) for name, part in frame.groupby("category", sort=True)
        },
    }


def _bins(values: np.ndarray) -> int:
    """One for each of a few distinct values (checks that pass or fail), `BINS` for many."""
    return min(BINS, max(2, len(np.unique(values))))


def _spread(frame: pd.DataFrame, edges: np.ndarray, value_range: Range) -> SpreadOfScores:
    values = frame["value"].to_numpy(dtype=float)
    finite = np.isfinite(values)
    there = values[finite]
    prompts = frame["prompt_id"].to_numpy()[finite]
    found: SpreadOfScores = {
        "n": len(there),
        "n_missing": int((~finite).sum()),
        "n_prompts": len(set(prompts)),
        "mean": None,
        "low": None,
        "high": None,
        "why": "no image has a number",
        **dict.fromkeys(("min", "q1", "median", "q3", "max")),  # type: ignore[typeddict-item]
        "counts": [],
    }
    if not len(there):
        return found
    mean = float(there.mean())
    low, high, why = _interval(there, prompts, mean, value_range)
    smallest, q1, median, q3, largest = (_rounded(each) for each in np.quantile(there, [0, 0.25, 0.5, 0.75, 1]))
    return {
        **found,
        "mean": _rounded(mean),
        "low": low,
        "high": high,
        "why": why,
        "min": smallest,
        "q1": q1,
        "median": median,
        "q3": q3,
        "max": largest,
        "counts": [int(count) for count in np.histogram(there, bins=edges)[0]],
    }


def _interval(
    values: np.ndarray, prompts: np.ndarray, mean: float, value_range: Range
) -> tuple[float | None, float | None, str]:
    """Of the mean, clustered by prompt: CR1, t with prompts - 1 degrees of freedom (Cameron and Miller 2015)."""
    _, codes = np.unique(prompts, return_inverse=True)
    n_prompts = int(codes.max()) + 1
    if n_prompts < 2:
        return None, None, "one prompt says nothing of others"
    left = np.bincount(codes, weights=values - mean)
    se = math.sqrt(n_prompts / (n_prompts - 1) * float(left @ left)) / len(values)
    half = quantile(LEVEL, n_prompts - 1) * se
    least, most = value_range
    low = mean - half if least is None else max(mean - half, least)
    high = mean + half if most is None else min(mean + half, most)
    return _rounded(low), _rounded(high), ""


def _rounded(value: float) -> float:
    return float(f"{value:.10g}")
