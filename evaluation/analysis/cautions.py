"""What is untidy in a study's design, by rule: each caution has a code, and words for people.

The rules look at numbers of ratings and at the shares alone, so that a design is warned of whatever came out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from common.words import counted
from evaluation.analysis.effective_design import EffectiveDesign, Float, across
from evaluation.analysis.estimands import DEFAULT_ESTIMAND

FEWEST_UNITS = 3  # raters or prompts: with two, what they differ by is a single number
SMALL = 5  # raters or prompts below which intervals are wide and, at times, conservative
UNEQUAL = 0.6  # of the raters: an effective number below that many says that some rated much more than others
UNLIKE = 0.5  # of all ratings, by one of several panels
SKEWED = 1.0  # the raters' own net shares: beyond this skewness a few raters differ strongly from the rest
ENOUGH = 10  # raters with as many ratings each, below which skewness says nothing
NEAR_END = 0.9  # a share of A or of B from here on
WIDEST = 0.5  # of what is possible: an interval wider than that is not drawn


@dataclass(frozen=True)
class Caution:
    """A code of ``CODES`` and what it means here, in a sentence."""

    code: str
    words: str


CODES = (
    *("two_raters", "two_prompts", "few_raters", "few_prompts"),
    *("unequal_loads", "loads_ignored", "unlike_panels", "lone_panel", "near_the_ends", "skewed_raters"),
)


def of_ratings(counts: Float) -> Float:
    """Numbers of ratings, (...), from counts of a, indifferent and b, (..., 3)."""
    return np.asarray(counts[..., 0] + counts[..., 1] + counts[..., 2])


def effective_number(sizes: Float) -> float:
    """How many equally busy units weigh as much as units with these ``sizes``: (sum n)^2 / sum n^2."""
    return float(sizes.sum() ** 2 / (sizes @ sizes))


def uneven(rater_sizes: Float) -> bool:
    """Whether some raters rated much more than others; ``rater_sizes``: (R,) numbers of ratings."""
    return _uneven(effective_number(rater_sizes), len(rater_sizes))


def _uneven(weigh_as: float, n_raters: int) -> bool:
    return n_raters > 1 and weigh_as < UNEQUAL * n_raters


def is_skewed(rater_counts: Float) -> bool:
    """Whether a few raters differ strongly from the rest; ``rater_counts``: (R, 3) a, indifferent, b."""
    sizes = of_ratings(rater_counts)
    busy = rater_counts[sizes >= ENOUGH]
    if len(busy) < ENOUGH:
        return False
    own = (busy[:, 0] - busy[:, 2]) / of_ratings(busy)
    rest = own - own.mean()
    spread = float((rest**2).mean())
    return spread > 0 and abs(float((rest**3).mean())) > SKEWED * spread**1.5


@dataclass(frozen=True)
class Loads:
    """What cautions look at, besides panels: how many raters and prompts; ``counts`` of a, indifferent, b; the least
    and the most ratings of a rater, and how many alike would weigh as much as all; whether raters are skewed.
    """

    n_raters: int
    n_prompts: int
    counts: Sequence[float]
    least: int
    most: int
    weigh_as: float
    skewed: bool

    @classmethod
    def of(cls, by_rater: Float, n_prompts: int) -> Loads:
        """From counts of the three choices by rater, (R, 3)."""
        sizes = of_ratings(by_rater)
        counts, weigh_as = by_rater.sum(axis=0).tolist(), effective_number(sizes)
        skewed = is_skewed(by_rater)
        return cls(len(sizes), n_prompts, counts, int(sizes.min()), int(sizes.max()), weigh_as, skewed)

    def cautions(self, estimand: str, of_panels: Sequence[Caution] = ()) -> tuple[Caution, ...]:
        """The cautions, with those ``of_panels`` among them."""
        found = [each for unit in ("rater", "prompt") for each in _few(unit, getattr(self, f"n_{unit}s"))]
        if _uneven(self.weigh_as, self.n_raters):
            found.append(
                Caution(
                    "unequal_loads",
                    f"Some raters rated much more than others ({self.least:,} to {self.most:,} ratings): "
                    f"{self.n_raters:,} raters weigh as much as {self.weigh_as:.0f} who rate alike. "
                    "The mean in which each rater counts alike stands beside the mean over ratings.",
                )
            )
            if estimand == "raters":
                found.append(_LOADS_IGNORED)
        found.extend(of_panels)
        if self.skewed:
            found.append(_SKEWED_RATERS)
        n, most = sum(self.counts), max(self.counts[0], self.counts[2])
        if most >= NEAR_END * n:
            found.append(
                Caution(
                    "near_the_ends",
                    f"One of the two has {100 * most / n:.0f} % of the ratings. So near the end, intervals may cover "
                    "the truth in 92 to 94 % of studies instead of 95 %.",
                )
            )
        return tuple(found)


_LOADS_IGNORED = Caution(
    "loads_ignored",
    "The interval for new raters with these prompts counts each rater alike, whatever they rated: with "
    "loads so unequal it may cover the truth in 80 to 93 % of studies instead of 95 %. The one for new "
    "raters and new prompts allows for them.",
)
_SKEWED_RATERS = Caution(
    "skewed_raters",
    "A few raters differ strongly from the rest. Where a small minority has another taste, intervals may "
    "cover the truth in 92 to 94 % of studies instead of 95 %.",
)


def cautions(
    design: EffectiveDesign, rater_counts: Float, names: Sequence[str], estimand: str = DEFAULT_ESTIMAND
) -> tuple[Caution, ...]:
    """The cautions of a comparison. ``rater_counts``: (R, K, 3) choices by rater and category; ``names``: of the
    categories; ``estimand``: for whom its interval speaks.
    """
    return Loads.of(across(rater_counts), design.n_prompts).cautions(estimand, _of_panels(design, names))


def _of_panels(design: EffectiveDesign, names: Sequence[str]) -> list[Caution]:
    if not design.nested:
        return []
    found = []
    largest = max(design.panels, key=lambda panel: panel.n)
    if largest.n > UNLIKE * design.n and len(design.panels) > 1:
        who = counted(len(largest.raters), "rater")
        found.append(
            Caution(
                "unlike_panels",
                f"One panel, {names[int(largest.categories[0])]!r}, gave {100 * largest.n / design.n:.0f} % of the "
                f"ratings, so the overall result rests mainly on its {who}.",
            )
        )
    for panel in design.panels:
        if panel.form is None:
            unit = "rater" if len(panel.raters) < 2 else "prompt"
            found.append(
                Caution(
                    "lone_panel",
                    f"Category {names[int(panel.categories[0])]!r} has only one {unit}. How {unit}s differ there "
                    "is taken from the other categories.",
                )
            )
    return found


def _few(unit: str, n: int) -> list[Caution]:
    if n < FEWEST_UNITS:
        words = f"There {'is' if n == 1 else 'are'} only {counted(n, unit)}: too few to say how others would differ."
        return [Caution(f"two_{unit}s", words)] if n == 2 else []
    if n < SMALL:
        words = f"There are only {counted(n, unit)}: intervals are wide, and may be wider than needed."
        return [Caution(f"few_{unit}s", words)]
    return []


def is_too_wide(low: float, high: float, ends: tuple[float, float] = (-1.0, 1.0)) -> bool:
    """Whether an interval covers more than half of what is possible: it is then not drawn."""
    return high - low > WIDEST * (ends[1] - ends[0])
