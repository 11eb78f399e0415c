"""On which scale an interval is symmetric: the plain one, or the logit of where a mean lies between its possible ends.

Near the ends a mean varies less, and what misses it lies on the side of the middle. On the logit scale the interval
leans there by itself and never passes the ends. (With A in 95 % of the votes and spreads of 1, in 2,000 simulations: a
plain interval lies above the truth in 7.6 % and below it in .4 %, this one in 4.9 and 1.2 %.)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

from evaluation.analysis.crossed import quantile

Float = npt.NDArray[np.float64]
Ends = tuple[float, float]
NET_ENDS: Ends = (-1.0, 1.0)
SHARE_ENDS: Ends = (0.0, 1.0)


def bounds(estimate: float, se: float, df: float | None, level: float, ends: Ends | None) -> tuple[float, float]:
    """The interval of ``estimate``: symmetric on the logit scale between ``ends``, or on the plain one (None)."""
    half = quantile(level, df) * se
    if ends is None or not ends[0] < estimate < ends[1]:
        return estimate - half, estimate + half
    low, width = ends[0], ends[1] - ends[0]
    share = (estimate - low) / width
    middle, spread = float(special.logit(share)), half / (width * share * (1 - share))
    return low + width * float(special.expit(middle - spread)), low + width * float(special.expit(middle + spread))


def many_bounds(estimate: Float, se: Float, df: Float, level: float, ends: tuple[Float, Float]) -> tuple[Float, Float]:
    """``bounds`` of many estimates at once, with t; all arrays of one shape."""
    half = special.stdtrit(df, (1 + level) / 2) * se
    low, width = ends[0], ends[1] - ends[0]
    within = (ends[0] < estimate) & (estimate < ends[1])
    share = np.where(within, (estimate - low) / width, 0.5)
    middle, spread = special.logit(share), half / (width * share * (1 - share))
    return (
        np.where(within, low + width * special.expit(middle - spread), estimate - half),
        np.where(within, low + width * special.expit(middle + spread), estimate + half),
    )


def standardised(estimate: float, se: float, against: float, ends: Ends = NET_ENDS) -> float:
    """How many standard errors ``estimate`` lies above ``against``, on the scale of ``bounds``; on the plain one where
    one of the two is an end.
    """
    low, width = ends[0], ends[1] - ends[0]
    share, other = (estimate - low) / width, (against - low) / width
    if not (0 < share < 1 and 0 < other < 1):
        return (estimate - against) / se
    return float((special.logit(share) - special.logit(other)) * width * share * (1 - share) / se)
