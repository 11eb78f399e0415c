"""Planning a study: precision and power of crossed and nested designs, the floor, and the cheapest design.

With variance components of a rating's score (net share: +1, 0, -1) between raters, between prompts and what is left,
the standard error of the mean of R raters x P prompts is sqrt(s2_r / R + s2_p / P + s2_e / (R P)). More raters cannot
pass the floor sqrt(s2_p / P): where prompts differ, only more prompts help. Prompts differ partly because each shows
its own images; that part falls with the number of image sets drawn for a prompt (``samples``). Only a pilot that showed
several sets of a prompt can tell that part (``components_from_pilot``); elsewhere it is an assumption of the planner's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize, special

from evaluation.analysis.crossed import check_between, panel_sums, quantile
from evaluation.analysis.results import PlainResult
from evaluation.analysis.scale import NET_ENDS, Ends, standardised


@dataclass(frozen=True)
class Components:
    """Variances of one rating's score between raters, between prompts, between image sets of a prompt (0 where not
    told apart from prompts), and the rest.
    """

    rater: float
    prompt: float
    rest: float
    images: float = 0.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"The variance component {name!r} must be a number of zero or more; got {value}.")


@dataclass(frozen=True)
class Pilot(PlainResult):
    """Components estimated from a pilot; ``raw`` holds them (rater, prompt, rest, and images where they were told
    apart) before negative ones were set to zero.
    """

    components: Components
    raw: tuple[float, ...]
    n_ratings: int
    n_raters: int
    n_prompts: int


def components_from_pilot(
    scores: npt.ArrayLike, raters: npt.ArrayLike, prompts: npt.ArrayLike, images: npt.ArrayLike | None = None
) -> Pilot:
    """Unbiased components from any panel, complete or not: half the mean squared difference of two ratings is
    s2_p + s2_e within a rater, s2_r + s2_e within a prompt, and s2_r + s2_p + s2_e where they share neither.
    For a complete panel these are the ANOVA estimates.

    ``images``: which image set of its prompt each rating saw (numbers may start anew in each prompt). Two raters of a
    prompt who saw different sets then differ by s2_i more than two who saw the same. Where every prompt has one set,
    as in a study that shows one set of each generator, images cannot be told from prompts: leave this out, and
    ``prompt`` holds both.

    Raises:
        ValueError: there are no two ratings of each of these kinds.
    """
    panel = panel_sums(scores, raters, prompts)
    y = np.asarray(scores, dtype=float)
    within_rater, n_rater = _within(y, np.asarray(raters))
    within_prompt, n_prompt = _within(y, np.asarray(prompts))
    within_cell, n_cell = _within(y, _cells(raters, prompts))
    n_apart = panel.n * (panel.n - 1) - n_rater - n_prompt + n_cell
    if not (n_rater and n_prompt and n_apart):
        raise ValueError("A pilot needs at least two raters and two prompts, with two ratings sharing each.")
    spread = panel.n * float(((y - y.mean()) ** 2).sum())
    apart = (spread - within_rater - within_prompt + within_cell) / n_apart
    one, other = within_rater / n_rater, within_prompt / n_prompt
    raw: tuple[float, ...] = (apart - one, apart - other, one + other - apart)
    if images is not None:
        one, same, different = _within_images(y, raters, prompts, images)
        raw = (apart - one, apart - different, one + same - apart, different - same)
    components = Components(*(max(each, 0.0) for each in raw))
    return Pilot(components, raw, panel.n, panel.raters.n, panel.prompts.n)


def _within_images(
    y: npt.NDArray[np.float64], raters: npt.ArrayLike, prompts: npt.ArrayLike, images: npt.ArrayLike
) -> tuple[float, float, float]:
    """Half mean squared differences of ratings of one rater on two prompts, and of two raters of one prompt: who saw
    the same image set, and who saw different ones. A rater's several ratings of a prompt are not held together.
    """
    if len(np.asarray(images)) != len(y):
        raise ValueError(f"Scores and images must be equally long; got {len(y)} and {len(np.asarray(images))}.")
    sets = _cells(prompts, images)
    parts = [np.asarray(raters), _cells(raters, prompts), np.asarray(prompts), sets, _cells(raters, sets)]
    rater, own_prompt, prompt, same_set, own_set = (_within(y, part) for part in parts)

    def mean(*terms: tuple[int, tuple[float, int]]) -> float:
        total, pairs = (sum(sign * term[at] for sign, term in terms) for at in (0, 1))
        if not pairs:
            raise ValueError(
                "To tell images from prompts, a pilot needs raters with several prompts, and prompts with several "
                "image sets, each seen by several raters. Where each prompt has one set, leave images out."
            )
        return total / pairs

    return (
        mean((1, rater), (-1, own_prompt)),
        mean((1, same_set), (-1, own_set)),
        mean((1, prompt), (-1, same_set), (-1, own_prompt), (1, own_set)),
    )


def _cells(raters: npt.ArrayLike, prompts: npt.ArrayLike) -> npt.NDArray[np.int64]:
    r, p = (np.unique(np.asarray(each), return_inverse=True)[1] for each in (raters, prompts))
    return np.asarray(r * (p.max() + 1) + p)


def _within(y: npt.NDArray[np.float64], cluster: npt.NDArray[np.generic]) -> tuple[float, int]:
    """Sum over ordered pairs within clusters of half the squared difference, and the number of such pairs."""
    code = np.unique(cluster, return_inverse=True)[1]
    centred = y - y.mean()
    n = np.bincount(code)
    total, squares = np.bincount(code, weights=centred), np.bincount(code, weights=centred**2)
    return float((n * squares - total**2).sum()), int((n * (n - 1)).sum())


def standard_error(components: Components, raters: float, prompts: float, samples: int = 1) -> float:
    """Standard error of the mean of a crossed design; ``raters`` may be infinite (the floor)."""
    if raters < 1 or prompts < 1 or samples < 1:
        raise ValueError(f"A design needs a rater, a prompt and a sample or more; got {raters}, {prompts}, {samples}.")
    by_prompt = components.prompt + components.images / samples
    per_cell = components.rest / (raters * prompts)
    return math.sqrt(components.rater / raters + by_prompt / prompts + per_cell)


def nested_standard_error(
    components: Components, raters_each: float, prompts: Sequence[int], samples: int = 1
) -> float:
    """Standard error of the mean over all ratings where each category has ``raters_each`` raters of its own and its
    number of ``prompts`` (DrawBench: 25 raters each, 11 categories).
    """
    if not len(prompts):
        raise ValueError("A nested design needs the number of prompts of one category or more; got none.")
    n = sum(prompts)
    variances = [standard_error(components, raters_each, count, samples) ** 2 * (count / n) ** 2 for count in prompts]
    return math.sqrt(math.fsum(variances))


def floor(components: Components, prompts: float, samples: int = 1, level: float = 0.95) -> float:
    """Half-width that no number of raters can pass."""
    return quantile(level, None) * standard_error(components, math.inf, prompts, samples)


def design_df(raters: int, prompts: int) -> int | None:
    """Degrees of freedom to plan with: the fewer of raters and prompts, less one. The default interval's are effective
    ones, seldom fewer. None where one rater or prompt leaves none.
    """
    return min(raters, prompts) - 1 or None


def detectable(
    se: float, alpha: float = 0.05, power: float = 0.8, df: float | None = None, ends: Ends | None = None
) -> float | None:
    """The smallest effect found with ``power`` by a two-sided t test with ``df``, from the non-central t distribution.

    With ``df`` None, (z_(1 - alpha/2) + z_power) se, the textbook's normal quantiles: right for a known standard error,
    and too hopeful where it is estimated from few raters or prompts. ``ends``: of the scale on whose logit the test is
    symmetric (the default interval's, ``scale.NET_ENDS``); None where no effect within them is found.
    """
    _check_test(alpha, power)
    if df is None:
        return float(special.ndtri(1 - alpha / 2) + special.ndtri(power)) * se
    if power <= alpha:
        return 0.0
    wanted, limit = power, special.stdtrit(df, 1 - alpha / 2)

    def excess(shift: float) -> float:
        return _t_power(shift, df, limit) - wanted

    most = 2.0
    while excess(most) < 0:
        most *= 2
    shift = float(optimize.brentq(excess, 0.0, most, xtol=1e-10))
    if ends is None:
        return shift * se
    tried = np.linspace(0.0, ends[1], 1001)[1:-1]
    reached = np.flatnonzero([standardised(float(each), se, 0.0, ends) >= shift for each in tried])
    if not len(reached):
        return None
    high = float(tried[reached[0]])
    return float(optimize.brentq(lambda each: standardised(each, se, 0.0, ends) - shift, 0.0, high, xtol=1e-12))


def _t_power(shift: float, df: float, limit: float) -> float:
    """Chance that a t with ``df``, shifted by ``shift`` standard errors, lies beyond +-``limit``."""
    above, below = 1 - special.nctdtr(df, shift, limit), special.nctdtr(df, shift, -limit)
    return float(above + (0.0 if math.isnan(below) else below))  # where it cannot be told from zero


def raters_needed(
    components: Components,
    effect: float,
    prompts: int,
    *,
    alpha: float = 0.05,
    wanted: float = 0.8,
    max_raters: int = 10_000,
) -> int | None:
    """The fewest raters with whom a crossed design of ``prompts`` finds ``effect`` (a net share) with power ``wanted``,
    by the non-central t distribution; None where not even ``max_raters`` do (the floor).

    Raises:
        ValueError: ``effect`` is zero, or a probability is not between 0 and 1.
    """
    if not effect:
        raise ValueError("The effect to be found must not be zero: no number of raters finds nothing.")
    _check_test(alpha, wanted)

    def reaches(raters: int) -> bool:
        se = standard_error(components, raters, prompts)
        if se == 0:
            return True
        shift = standardised(effect, se, 0.0, NET_ENDS)
        return power(shift, 1.0, alpha, design_df(raters, prompts)) >= wanted

    if prompts < 2:
        raise ValueError("A test needs two prompts or more; one says nothing about how prompts differ.")
    low, high = 1, 2
    while not reaches(high):
        if high >= max_raters:
            return None
        low, high = high, min(2 * high, max_raters)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reaches(middle) else (middle, high)
    return high


def _check_test(alpha: float, power: float = 0.8) -> None:
    check_between(alpha, "level of the test", ".05")
    check_between(power, "power", ".8")


def power(effect: float, se: float, alpha: float = 0.05, df: float | None = None) -> float:
    """Chance that a two-sided test finds ``effect``; with ``df``, the non-central t distribution."""
    if se <= 0:
        raise ValueError(f"Power needs a standard error above zero; got {se}.")
    _check_test(alpha)
    shift = abs(effect) / se
    if df is None:
        limit = special.ndtri(1 - alpha / 2)
        return float(special.ndtr(shift - limit) + special.ndtr(-shift - limit))
    return _t_power(shift, df, special.stdtrit(df, 1 - alpha / 2))


def votes_for_share(share: float, against: float = 0.5, alpha: float = 0.05, power: float = 0.8) -> float:
    """Independent votes needed to tell ``share`` from ``against`` (two-sided, normal); round it up.

    Raises:
        ValueError: the shares are alike or not between 0 and 1.
    """
    if not (0 < share < 1 and 0 < against < 1) or share == against:
        raise ValueError(f"Two different shares between 0 and 1 are needed; got {share} and {against}.")
    _check_test(alpha, power)
    spread = special.ndtri(1 - alpha / 2) * math.sqrt(against * (1 - against))
    spread += special.ndtri(power) * math.sqrt(share * (1 - share))
    return float((spread / (share - against)) ** 2)


@dataclass(frozen=True)
class Costs:
    """Costs in any one currency: of a rating, of recruiting a rater, of a prompt, and of an image set of a prompt."""

    rating: float = 1.0
    rater: float = 0.0
    prompt: float = 0.0
    sample: float = 0.0


@dataclass(frozen=True)
class Plan(PlainResult):
    """A design and what it costs and gives: ``half_width`` of the interval with t(min(raters, prompts) - 1)."""

    raters: int
    prompts: int
    samples: int
    ratings: int
    cost: float
    se: float
    half_width: float


def cheapest(
    components: Components,
    half_width: float,
    costs: Costs | None = None,
    *,
    max_raters: int = 500,
    max_prompts: int = 2000,
    max_samples: int = 8,
    level: float = 0.95,
) -> Plan | None:
    """The cheapest crossed design whose interval is at most +-``half_width``; None where none within the limits is.

    Every number of raters and samples is tried, and for each the fewest prompts that suffice. With several image sets
    a prompt, each rater sees one of them, so that ratings stay raters x prompts.
    """
    if half_width <= 0:
        raise ValueError(f"The wanted half-width must be above zero; got {half_width}.")
    check_between(level, "confidence level")
    price = costs or Costs()
    prompts = np.arange(2, max_prompts + 1)
    best: Plan | None = None
    for samples in range(1, max_samples + 1) if components.images else (1,):
        by_prompt = (components.prompt + components.images / samples) / prompts
        for raters in range(2, max_raters + 1):
            se = np.sqrt(components.rater / raters + by_prompt + components.rest / (raters * prompts))
            half = special.stdtrit(np.minimum(raters, prompts) - 1.0, (1 + level) / 2) * se
            enough = np.flatnonzero(half <= half_width)
            if not len(enough):
                continue
            at = int(enough[0])
            count = int(prompts[at])
            cost = (
                price.rating * raters * count + price.rater * raters + (price.prompt + price.sample * samples) * count
            )
            if best is None or cost < best.cost:
                best = Plan(raters, count, samples, raters * count, cost, float(se[at]), float(half[at]))
    return best


def precision_table(
    components: Components, raters: Sequence[int], prompts: Sequence[int], level: float = 0.95
) -> pd.DataFrame:
    """Half-widths, detectable effects and floors for every combination of ``raters`` and ``prompts``."""
    check_between(level, "confidence level")
    rows = []
    for p in prompts:
        for r in raters:
            se = standard_error(components, r, p)
            df = design_df(r, p)
            half = quantile(level, df) * se if df else None
            row = {"raters": r, "prompts": p, "ratings": r * p, "se": se, "half_width": half}
            found = detectable(se, df=df, ends=NET_ENDS) if df else None
            rows.append(row | {"detectable": found, "floor": floor(components, p, level=level)})
    return pd.DataFrame(rows)
