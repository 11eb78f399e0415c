"""Two generators on the same prompts, against one reference: is one nearer? A paired jackknife on shared groups.

The two distances move together, since the prompts and the reference are the same; the error of their difference is
about half of what two independent errors would give. Each group of prompts is left out of both generators at once, each
group of the reference out of the reference that both are compared with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.stats

from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.jackknife import why_not
from evaluation.metrics.features.moments import Moments, distance, merge, without


@dataclass(frozen=True)
class PairedDifference:
    """`raw`: distance of A less distance of B; negative where A is nearer. `estimate`: less its bias. `se`: its error.

    `se_unpaired`: the error if the prompts were not the same. `low`, `high`: the `level` interval, Student's t with
    `df`. `p`: two-sided, of no difference. `groups`: of prompts, and of the reference.
    """

    raw: float
    distance_a: float
    distance_b: float
    estimate: float
    se: float
    se_unpaired: float
    df: int
    low: float
    high: float
    level: float
    p: float
    groups: tuple[int, int]


def paired_difference(
    a: Sequence[Moments], b: Sequence[Moments], reference: Sequence[Moments], *, level: float = 0.95
) -> PairedDifference:
    """The difference of two squared Frechet distances, d(A, R) - d(B, R), corrected, with an honest error.

    `a`, `b`: moments of groups of images, group i of both made from the same prompts. `reference`: groups of its own.

    Raises:
        MetricError: `a` and `b` have different numbers of groups, there are too few, or too few images.
    """
    if len(a) != len(b):
        raise MetricError(f"A has {len(a)} groups of prompts and B {len(b)}: they must be the same prompts.")
    for first in (a, b):
        why = why_not(first, reference)
        if why:
            raise MetricError(f"No paired test: {why}.")
    whole_a, whole_b, whole = merge(a), merge(b), merge(reference)
    distances = distance(whole_a, whole), distance(whole_b, whole)
    less_prompts = np.array(
        [
            (distance(without(whole_a, group_a), whole), distance(without(whole_b, group_b), whole))
            for group_a, group_b in zip(a, b, strict=True)
        ]
    )
    rests = [without(whole, group) for group in reference]
    less_reference = np.array([(distance(whole_a, rest), distance(whole_b, rest)) for rest in rests])
    raw = distances[0] - distances[1]
    estimate, variance, unpaired = raw, 0.0, 0.0
    for left_out in (less_prompts, less_reference):
        g = len(left_out)
        differences = left_out[:, 0] - left_out[:, 1]
        estimate -= (g - 1) * (float(differences.mean()) - raw)
        variance += (g - 1) ** 2 / g * float(np.var(differences, ddof=1))
        unpaired += (g - 1) ** 2 / g * float(np.var(left_out, axis=0, ddof=1).sum())
    df = len(a) + len(reference) - 2
    se = float(np.sqrt(variance))
    half = float(scipy.stats.t.ppf((1 + level) / 2, df)) * se
    return PairedDifference(
        raw=raw,
        distance_a=distances[0],
        distance_b=distances[1],
        estimate=estimate,
        se=se,
        se_unpaired=float(np.sqrt(unpaired)),
        df=df,
        low=estimate - half,
        high=estimate + half,
        level=level,
        p=2 * float(scipy.stats.t.sf(abs(estimate) / se, df)) if se > 0 else float(estimate == 0.0),
        groups=(len(a), len(reference)),
    )
