"""Auditor of published figures: what can a figure "estimate +- h" be, given what is known of its ratings?

Each reading takes h as a multiple of a standard error (1, or the normal quantile of 90, 95 or 99 %). It then implies
a spread of single ratings, h sqrt(n) / multiple, if ratings were independent. That spread is bounded: a mean m of
scores on known levels has a variance of at most (m - lowest)(highest - m), and at least that of the two neighbouring
levels. Whence a range of design effects (variance over that of independent ratings): 1 within it means that independent
ratings are possible; above 1, an interval that allows for clusters; below 1, one that leaves out some of the spread,
such as that between prompts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from evaluation.analysis.results import NotebookTable, PlainResult

MULTIPLES = {
    "standard error": 1.0,
    **{f"{level:.0%} interval": float(special.ndtri((1 + level) / 2)) for level in (0.9, 0.95, 0.99)},
}


@dataclass(frozen=True)
class Reading:
    """One reading of a published figure.

    ``spread``: (low, high) spread of single ratings that it implies for independent ratings at the known ``n``, after
    rounding. ``design_effect``: (low, high), over all spreads that the levels allow. ``independent``, ``clustered``,
    ``narrower``: whether ratings as independent, an allowance for clusters, or less than all of the spread can have
    given the figure. ``n_independent``: (low, high) numbers of ratings for which independent ratings give it.
    """

    quantity: str
    spread: tuple[float, float] | None
    design_effect: tuple[float, float] | None
    independent: bool | None
    clustered: bool | None
    narrower: bool | None
    n_independent: tuple[float, float]


@dataclass(frozen=True)
class Audit(PlainResult, NotebookTable):
    """All readings of ``estimate`` +- ``half_width``; ``possible_spread`` is what the levels allow at that mean."""

    estimate: float
    half_width: float
    n: tuple[int, int] | None
    levels: tuple[float, ...]
    possible_spread: tuple[float, float]
    readings: tuple[Reading, ...]

    def reading(self, quantity: str) -> Reading:
        """The reading with this name, a key of ``MULTIPLES``."""
        return next(each for each in self.readings if each.quantity == quantity)

    def to_frame(self) -> pd.DataFrame:
        """One row a reading."""
        rows = []
        for each in self.readings:
            row: dict[str, object] = {"reading": each.quantity}
            for name, pair in (("spread", each.spread), ("design_effect", each.design_effect)):
                row |= {f"{name}_low": pair[0] if pair else None, f"{name}_high": pair[1] if pair else None}
            row |= {"independent": each.independent, "clustered": each.clustered, "narrower": each.narrower}
            row |= {"n_low": each.n_independent[0], "n_high": each.n_independent[1]}
            rows.append(row)
        return pd.DataFrame(rows)

    def in_words(self) -> list[str]:
        """For each reading, what it would need and whether that is possible."""
        possible = _range(*self.possible_spread)
        said = []
        for each in self.readings:
            start = f"As a {each.quantity.replace('%', ' %')}:"
            needed = _range(*each.n_independent, digits=0)
            if each.spread is None or each.design_effect is None:
                said.append(f"{start} {needed} independent ratings would give it.")
                continue
            spread = f"single ratings would need a spread of {_range(*each.spread)}; the scale allows {possible}."
            if each.independent:
                verdict = "Independent ratings can give this."
            elif each.clustered:
                effect = _range(*each.design_effect)
                verdict = (
                    "Impossible for independent ratings. An interval that allows for clusters would need a design "
                    f"effect of {effect}."
                )
            else:
                verdict = f"Narrower than independent ratings allow: there would have to be {needed} of them."
            said.append(f"{start} {spread} {verdict}")
        return said


def _range(low: float, high: float, digits: int = 1) -> str:
    a, b = f"{low:.{digits}f}", f"{high:.{digits}f}"
    return a if a == b else f"{a} to {b}"


def possible_spread(mean: float, levels: Sequence[float]) -> tuple[float, float]:
    """Smallest and largest standard deviation of scores on ``levels`` with this mean.

    Raises:
        ValueError: fewer than two levels, or a mean outside them.
    """
    steps = sorted({float(level) for level in levels})
    if len(steps) < 2 or not steps[0] <= mean <= steps[-1]:
        raise ValueError(f"A mean of {mean} needs two levels or more around it; got {steps}.")
    above = int(np.clip(np.searchsorted(steps, mean), 1, len(steps) - 1))
    return (
        math.sqrt(max((mean - steps[above - 1]) * (steps[above] - mean), 0.0)),
        math.sqrt((mean - steps[0]) * (steps[-1] - mean)),
    )


def audit(
    estimate: float,
    half_width: float,
    *,
    n: int | tuple[int, int] | None = None,
    levels: Sequence[float] = (0.0, 100.0),
    rounded_to: float | None = None,
) -> Audit:
    """Which readings of a published ``estimate`` +- ``half_width`` are possible.

    Args:
        estimate, half_width: as published, on the scale of ``levels``.
        n: number of ratings, a (lowest, highest) pair where only bounds are known, or None.
        levels: scores that one rating can have: (0, 100) for a choice in percent, (0, 50, 100) for yes, somewhat, no.
        rounded_to: the unit of the last printed digit; guessed from ``half_width`` (two decimals) where left out.

    Raises:
        ValueError: a half-width or number of ratings that cannot be.
    """
    if half_width <= 0:
        raise ValueError(f"The half-width must be above zero; got {half_width}.")
    bounds = None if n is None else (n, n) if isinstance(n, int) else (min(n), max(n))
    if bounds and bounds[0] < 2:
        raise ValueError(f"A figure needs at least two ratings; got {bounds[0]}.")
    unit = rounded_to if rounded_to is not None else 0.01
    low, high = max(half_width - unit / 2, unit / 1000), half_width + unit / 2
    smallest, largest = possible_spread(estimate, levels)
    readings = []
    for quantity, multiple in MULTIPLES.items():
        needed = (smallest * multiple / high) ** 2, (largest * multiple / low) ** 2
        if bounds is None:
            readings.append(Reading(quantity, None, None, None, None, None, needed))
            continue
        spread = low * math.sqrt(bounds[0]) / multiple, high * math.sqrt(bounds[1]) / multiple
        effect = (spread[0] / largest) ** 2, (spread[1] / smallest) ** 2 if smallest else math.inf
        finite = (effect[0], min(effect[1], 1e9))
        readings.append(
            Reading(
                quantity,
                spread,
                finite,
                independent=effect[0] <= 1 <= effect[1],
                clustered=effect[1] > 1,
                narrower=effect[0] < 1,
                n_independent=needed,
            )
        )
    return Audit(estimate, half_width, bounds, tuple(levels), (smallest, largest), tuple(readings))
