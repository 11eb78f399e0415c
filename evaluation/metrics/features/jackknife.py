"""A Frechet distance without most of its bias, and with an error: the delete-a-group jackknife on both samples.

The raw distance of two finite samples is too large by about b / n: two samples of one distribution are never at 0, and
fewer images give a larger number. Leaving one group out at a time shows how fast it falls with n, hence the bias, and
how much it depends on which images were drawn, hence the error (Efron and Stein 1981; two samples as in Arvesen 1969).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.stats

from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.moments import Moments, distance, merge, without

GROUPS = 10
MIN_RATIO = 3.0
"""Images a feature below which no corrected value is given: its coverage was simulated from here on."""


@dataclass(frozen=True)
class CorrectedDistance:
    """`raw`: the plain distance. `estimate`: less its bias, may be negative near 0. `se`: standard error.

    `low`, `high`: the `level` interval, Student's t with `df`. `groups`: of each sample.
    """

    raw: float
    estimate: float
    se: float
    df: int
    low: float
    high: float
    level: float
    groups: tuple[int, int]


def jackknife_groups(files: Sequence[str], groups: int) -> list[int]:
    """For each file the group (0 to `groups` - 1) it belongs to; the same for the same names, whatever their order.

    Images of one prompt hang together, so that a folder (as in `00012/3.png`) stays whole where there are at least five
    folders a group. Units are dealt out in the order of a hash of their names.
    """
    parents = [file.rpartition("/")[0] for file in files]
    return deal(parents if len(set(parents)) >= 5 * groups else files, groups)


def deal(units: Sequence[str], groups: int) -> list[int]:
    """For each entry the group (0 to `groups` - 1) that its unit is dealt to, in the order of a hash of its name."""
    ordered = sorted(set(units), key=lambda unit: hashlib.sha256(unit.encode(errors="surrogateescape")).digest())
    place = {unit: i % groups for i, unit in enumerate(ordered)}
    return [place[unit] for unit in units]


def corrected_distance(
    first: Sequence[Moments], second: Sequence[Moments], *, level: float = 0.95, raw: float | None = None
) -> CorrectedDistance:
    """The jackknife-corrected squared Frechet distance between two samples given as groups.

    `first`, `second`: moments of disjoint groups of each sample, two groups or more, as equal in size as can be;
    images that hang together belong in one group. The samples must be independent of each other. `raw`: the distance
    of all, where it is known already.

    Raises:
        MetricError: fewer than two groups, or fewer than `MIN_RATIO` images a feature.
    """
    totals = merge(first), merge(second)
    why = why_not(first, second)
    if why:
        raise MetricError(f"No corrected distance: {why}.")
    value = distance(*totals) if raw is None else raw
    left_out_1 = np.array([distance(without(totals[0], group), totals[1]) for group in first])
    left_out_2 = np.array([distance(totals[0], without(totals[1], group)) for group in second])
    estimate, variance = value, 0.0
    for left_out in (left_out_1, left_out_2):
        g = len(left_out)
        estimate -= (g - 1) * (float(left_out.mean()) - value)
        variance += (g - 1) / g * float(np.sum((left_out - left_out.mean()) ** 2))
    df = len(first) + len(second) - 2
    se = float(np.sqrt(variance))
    half = float(scipy.stats.t.ppf((1 + level) / 2, df)) * se
    return CorrectedDistance(
        raw=value,
        estimate=estimate,
        se=se,
        df=df,
        low=estimate - half,
        high=estimate + half,
        level=level,
        groups=(len(first), len(second)),
    )


def why_not(first: Sequence[Moments], second: Sequence[Moments]) -> str:
    """Why there is no corrected distance of these groups; "" where there is one."""
    for groups in (first, second):
        count, features = sum(group.count for group in groups), groups[0].features
        if count < MIN_RATIO * features:
            return f"{count} images are too few for {features} features; {int(MIN_RATIO * features)} or more are needed"
        filled = sum(group.count > 0 for group in groups)
        if filled < 2 or filled < len(groups):
            return f"it takes two groups of images or more, none empty; there are {filled} of {len(groups)}"
    return ""
