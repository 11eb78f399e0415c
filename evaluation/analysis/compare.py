"""Differences between comparisons, equivalence, and effects in words.

Two preference rates often share raters, prompts or both (two rivals judged by the same panel, two questions of the
same trial, two categories of the same raters). Their difference is then paired, and its variance is taken from what
each rater, prompt and cell contributes to the difference, not from the two variances.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from common.words import counted
from evaluation.analysis.cautions import FEWEST_UNITS
from evaluation.analysis.classic import holm, tost, two_sided_p
from evaluation.analysis.columns import codes_of, main_ratings
from evaluation.analysis.crossed import Variance, check_between, quantile
from evaluation.analysis.effective import EFFECTIVE, Pieces
from evaluation.analysis.estimates import MeanEstimate, PreferenceRate
from evaluation.analysis.paired_errors import NO_SPREAD, Errors
from evaluation.analysis.results import PlainResult
from evaluation.analysis.scale import standardised

Float = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Selection:
    """The ratings of a preference rate: a pair in the order wanted, a question, and a category (None: all)."""

    generator_a: str
    generator_b: str
    question: str
    category: str | None = None


@dataclass(frozen=True)
class Difference(PlainResult):
    """Net share of ``first`` less net share of ``second``; ``df`` of the t that makes the interval. ``p_holm`` is over
    the family asked for.

    ``paired`` says what they share. ``low``, ``high`` and the p-values are None where ``why`` tells the reason.
    """

    first: Selection
    second: Selection
    estimate: float
    se: float | None
    df: float | None
    low: float | None
    high: float | None
    p_value: float | None
    p_holm: float | None
    paired: str
    level: float
    why: str | None = None


def differences(
    ratings: pd.DataFrame, pairs: Sequence[tuple[Selection, Selection]], level: float = 0.95
) -> list[Difference]:
    """Differences of net shares by the default interval's rule, and Holm's p-values over all ``pairs``.

    ``ratings``: a validated frame; control trials are left out.

    Raises:
        ValueError: a selection holds no ratings.
    """
    frame = main_ratings(ratings)
    found = [_difference(frame, first, second, level) for first, second in pairs]
    tested = [at for at, each in enumerate(found) if each.p_value is not None]
    adjusted = dict(zip(tested, holm([found[at].p_value or 0.0 for at in tested]), strict=True))
    return [_with_holm(each, adjusted.get(at)) for at, each in enumerate(found)]


def _with_holm(each: Difference, p_holm: float | None) -> Difference:
    return Difference(**{**each.__dict__, "p_holm": p_holm})


@dataclass(frozen=True)
class _Half:
    """One side of a difference: codes of raters and prompts, and each rating's (y - m) / n."""

    rater: npt.NDArray[np.int64]
    prompt: npt.NDArray[np.int64]
    share: Float
    mean: float
    n_raters: int
    n_prompts: int


def _half(frame: pd.DataFrame, selection: Selection) -> _Half:
    turned = selection.generator_a > selection.generator_b
    first, second = sorted((selection.generator_a, selection.generator_b))
    keep = (frame["generator_a"] == first) & (frame["generator_b"] == second)
    keep &= frame["question"] == selection.question
    if selection.category is not None:
        keep &= frame["category"] == selection.category
    part = frame[keep.to_numpy()]
    if not len(part):
        raise ValueError(f"There are no ratings of {selection}. Check the names of generators, question and category.")
    y = (1.0 - codes_of(part["choice"])) * (-1 if turned else 1)
    mean = float(y.mean())
    rater, prompt = (codes_of(part[name]).astype(np.int64) for name in ("rater_id", "prompt_id"))
    return _Half(rater, prompt, (y - mean) / len(y), mean, len(np.unique(rater)), len(np.unique(prompt)))


def difference_of_parts(
    one: pd.DataFrame, other: pd.DataFrame, selection: Selection, level: float = 0.95
) -> Difference:
    """Net share of ``selection`` in one part of a validated frame less that in another, such as two groups of raters.

    Raises:
        ValueError: a part holds no ratings of it.
    """
    halves = (_half(main_ratings(part), selection) for part in (one, other))
    return _of_halves((next(halves), next(halves)), selection, selection, level)


def _difference(frame: pd.DataFrame, first: Selection, second: Selection, level: float) -> Difference:
    return _of_halves((_half(frame, first), _half(frame, second)), first, second, level)


def _of_halves(halves: tuple[_Half, _Half], first: Selection, second: Selection, level: float) -> Difference:
    estimate = halves[0].mean - halves[1].mean
    shared = [
        name
        for name, one, other in (
            ("raters", halves[0].rater, halves[1].rater),
            ("prompts", halves[0].prompt, halves[1].prompt),
        )
        if np.intersect1d(one, other).size
    ]
    paired = f"same {' and '.join(shared)}" if shared else "independent"
    few = [each for each in halves if min(each.n_raters, each.n_prompts) < 2]
    if few:
        why = "one side has a single rater or prompt, so nothing is known about how others would differ"
        return Difference(first, second, estimate, None, None, None, None, None, None, paired, level, why)
    variance = _variance(halves, shared, level)
    if variance is None or variance.df is None:
        why = "all ratings of each side are alike, so there is no spread to estimate an interval from"
        return Difference(first, second, estimate, None, None, None, None, None, None, paired, level, why)
    se, df = math.sqrt(variance.value), variance.df
    half = quantile(level, df) * se
    p = two_sided_p(estimate, se, df)
    return Difference(first, second, estimate, se, df, estimate - half, estimate + half, p, None, paired, level)


def _variance(halves: tuple[_Half, _Half], shared: Collection[str], level: float) -> Variance | None:
    """What the difference's interval rests on; None where nothing varies. The default interval's pieces
    (``effective``) hold for a difference: of raters or prompts that both sides share, of the sums of what each adds to
    it; of others, of each side by itself, put together.
    """
    alone = [_pieces((each,)) for each in halves]
    if not shared:
        widest = [each.widest(level) for each in alone]
        return _together([each for each in widest if each is not None], level)
    both = _pieces(halves)
    raters = [both.raters] if "raters" in shared else [each.raters for each in alone]
    prompts = [both.prompts] if "prompts" in shared else [each.prompts for each in alone]
    found = [_together(each, level) for each in ([both.both], raters, prompts)]
    return max(
        (each for each in found if each is not None),
        key=lambda each: quantile(level, each.df) * math.sqrt(each.value),
        default=None,
    )


def _pieces(halves: Sequence[_Half]) -> Pieces:
    """The pieces of the first mean less the second, or of one mean."""
    units = (
        np.unique(np.concatenate([getattr(each, name) for each in halves]), return_inverse=True)[1]
        for name in ("rater", "prompt")
    )
    moved = np.concatenate([sign * each.share for sign, each in zip((1.0, -1.0), halves, strict=False)])
    return Errors.of_sums(np.eye(1), moved[:, None], *units).pieces(np.ones(1))


def _together(parts: Sequence[Variance], level: float) -> Variance | None:
    """The variance of independent parts, with the degrees of freedom that make the interval whose half-width is the
    root of the sum of the parts' squared half-widths (Zou and Donner 2008); None where nothing varies.
    """
    varying = [each for each in parts if each.value > NO_SPREAD]
    if len(varying) < 2:
        return varying[0] if varying else None
    value = math.fsum(each.value for each in varying)
    reach = math.fsum(quantile(level, each.df) ** 2 * each.value for each in varying)
    return Variance(value, float(special.stdtridf((1 + level) / 2, math.sqrt(reach / value))))


@dataclass(frozen=True)
class Equivalence(PlainResult):
    """Whether a net share lies within +-``margin`` of zero, by two one-sided tests at ``alpha``."""

    margin: float
    p_value: float | None
    equivalent: bool
    alpha: float
    method: str


def equivalence(net: MeanEstimate, margin: float, alpha: float = 0.05) -> Equivalence:
    """Test that the two generators are preferred equally, up to ``margin`` (a net share, declared beforehand).

    Raises:
        ValueError: ``margin`` is not above 0 and at most 1, or ``alpha`` not between 0 and 1.
    """
    if not 0 < margin <= 1:
        raise ValueError(f"The margin is a net share above 0 and at most 1, such as .05; got {margin}.")
    check_between(alpha, "level of the test", ".05")
    own = net.interval
    p = None
    if own and own.method == EFFECTIVE:  # on the scale on which that interval is symmetric
        lead = abs(net.estimate)
        from_zero = standardised(lead, own.se, 0.0)
        p = tost(from_zero, 1.0, from_zero - standardised(lead, own.se, margin), own.df)
    elif own:
        p = tost(net.estimate, own.se, margin, own.df)
    return Equivalence(margin, p, p is not None and p < alpha, alpha, f"TOST on the {net.default} interval")


def effect_in_words(rate: PreferenceRate, name_a: str, name_b: str) -> str:
    """The effect as sentences about 100 ratings, with the interval of the difference.

    Below ``FEWEST_UNITS`` raters or prompts, or where the interval is too wide to draw, the shares are said of these
    ratings alone, and nothing of others.
    """
    a, b = (round(100 * rate.share(choice)) for choice in ("a", "b"))
    rest = max(100 - a - b, 0)
    few = [counted(n, unit) for unit, n in (("rater", rate.n_raters), ("prompt", rate.n_prompts)) if n < FEWEST_UNITS]
    if few:
        said = f"In {counted(rate.n_ratings, 'rating')}: {a} % for {name_a}, {b} % for {name_b}, {rest} % without "
        return f"{said}preference. With only {' and '.join(few)}, nothing can be said of others."
    said = f"On average, per 100 ratings: {a} for {name_a}, {b} for {name_b}, {rest} without preference."
    said += f" Difference: {_lead(round(100 * rate.net.estimate), name_a, name_b)}"
    own = rate.net.interval
    if own is None:
        return f"{said}; no interval, because {rate.net.why[rate.net.default]}."
    if rate.too_few:
        return f"{said}; too few {rate.too_few} for an interval that says much."
    low, high = (max(-100, min(100, round(100 * bound))) for bound in (own.low, own.high))
    if low * high > 0:  # both for the same: the smaller first
        few_points, many = sorted((abs(low), abs(high)))
        bounds = f"{few_points} to {many} for {name_a if low > 0 else name_b}"
    else:
        bounds = f"from {_lead(low, name_a, name_b)} to {_lead(high, name_a, name_b)}"
    return f"{said} ({own.level * 100:g} % interval: {bounds})."


def _lead(difference: int, name_a: str, name_b: str) -> str:
    """`-7` -> "7 for B", by name."""
    return f"{abs(difference)} for {name_a if difference > 0 else name_b}" if difference else "0"
