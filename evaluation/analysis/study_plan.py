"""What a whole study finds and costs: precision over its panels, working time and pay, and what a wanted width takes.

A study is a number of panels, each a crossed design of so many raters and prompts (one panel for all, or one for each
category as in DrawBench); a panel that is shared out in batches is so many crossed designs. Half-widths are those of
the net share's 95 % interval for new raters and prompts, with t by the fewer of raters and prompts of each design, less
one, summed over designs; ``planning`` has the formulas.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from evaluation.analysis.crossed import quantile
from evaluation.analysis.pilot import PilotReading
from evaluation.analysis.planning import (
    Components,
    detectable,
    floor,
    nested_standard_error,
)
from evaluation.analysis.results import PlainResult
from evaluation.analysis.scale import NET_ENDS

CROWD = Components(rater=0.0476, prompt=0.0476, rest=0.7269)
"""Variances of one vote (+1, 0, -1) where nothing is known: those of ``simulate.CrowdSpec``, whose raters and prompts
differ moderately (a standard deviation of 0.5 on the logit scale), for two runs alike on average."""
MOST_RATERS, MOST_PROMPTS, MOST_SETS = 10_000, 100_000, 64
"""How far a wanted width is searched for."""


@dataclass(frozen=True)
class PanelPlan(PlainResult):
    """A panel: its raters, its prompts (those that show one pair), and what it finds alone; None where one rater or
    prompt leaves no interval.
    """

    panel: str
    raters: int
    prompts: int
    half_width: float | None
    detectable: float | None


@dataclass(frozen=True)
class Wanted(PlainResult):
    """What reaches ±``half_width`` if only that is changed: raters of each trial, prompts in all, image sets a prompt.
    None where nothing does, or where it isn't known (sets, without a pilot that showed several).

    ``both``: of all numbers of raters and prompts together that reach it, those with the fewest trials, to within a few
    per cent.
    """

    half_width: float
    raters: int | None
    prompts: int | None
    sets: int | None
    both: tuple[int, int] | None


@dataclass(frozen=True)
class StudyPlan(PlainResult):
    """A study before it is held.

    ``half_width``: of the net share of one pair, over all panels. ``detectable``: the net share found in 80 of 100 such
    studies by a test at 5 %. ``floor``: the half-width that more raters alone never pass. All three are fractions (0.14
    is 14 points), and None where nobody is asked for a preference or too few raters or prompts leave no interval.
    ``hours``: of all raters together. ``cost``: at ``pay`` an hour, in its currency; None without it.
    """

    panels: tuple[PanelPlan, ...]
    raters: int
    trials: int
    trials_a_rater: int
    ratings: int
    half_width: float | None
    detectable: float | None
    floor: float | None
    seconds: float
    minutes_a_rater: float
    hours: float
    pay: float | None
    cost: float | None
    wanted: Wanted | None
    components: Components
    pilot: PilotReading | None


@dataclass(frozen=True)
class Work:
    """What raters do. ``trials``: of all together; ``trials_a_rater``: of one at most; ``questions``: of a trial;
    ``seconds``: that a trial takes; ``pay``: an hour, None where nobody is paid.
    """

    raters: int
    trials: int
    trials_a_rater: int
    questions: int
    seconds: float
    pay: float | None = None


def plan_study(
    raters: int,
    prompts: Mapping[str, Sequence[int]] | None,
    work: Work,
    *,
    wanted: float | None = None,
    pilot: PilotReading | None = None,
) -> StudyPlan:
    """The plan of a study.

    Args:
        raters: who rate each trial of a panel.
        prompts: by panel, those that show one pair, in each of its batches (one number where a rater sees the whole
            panel); None where no question asks for a preference.
        wanted: the half-width to reach, a fraction.
    """
    components = pilot.components if pilot is not None else CROWD
    panels: tuple[PanelPlan, ...] = ()
    counts: list[int] = []
    half = found = least = None
    if prompts:
        panels = tuple(_panel(name, raters, n, components) for name, n in prompts.items())
        counts = [each for batches in prompts.values() for each in batches]
        half, se, df = _half_width(components, raters, counts)
        found = detectable(se, df=df, ends=NET_ENDS) if df else None
        least = _floor(components, counts)
    hours = work.trials * work.seconds / 3600
    return StudyPlan(
        panels=panels,
        raters=work.raters,
        trials=work.trials,
        trials_a_rater=work.trials_a_rater,
        ratings=work.trials * work.questions,
        half_width=half,
        detectable=found,
        floor=least,
        seconds=work.seconds,
        minutes_a_rater=work.trials_a_rater * work.seconds / 60,
        hours=hours,
        pay=work.pay,
        cost=None if work.pay is None else hours * work.pay,
        wanted=None if wanted is None or not prompts else _wanted(components, raters, counts, wanted),
        components=components,
        pilot=pilot,
    )


def _panel(name: str, raters: int, prompts: Sequence[int], components: Components) -> PanelPlan:
    half, se, df = _half_width(components, raters, list(prompts))
    return PanelPlan(name, raters, sum(prompts), half, detectable(se, df=df, ends=NET_ENDS) if df else None)


def _half_width(
    components: Components, raters: int, prompts: list[int], sets: int = 1
) -> tuple[float | None, float, int | None]:
    """Half-width, standard error and degrees of freedom; no half-width where there are none."""
    se = nested_standard_error(components, raters, prompts, sets)
    df = sum(min(raters, n) - 1 for n in prompts) or None
    return (quantile(0.95, df) * se if df else None), se, df


def _floor(components: Components, prompts: list[int]) -> float:
    """Half-width with endless raters."""
    n = sum(prompts)
    return math.sqrt(math.fsum((floor(components, each) * each / n) ** 2 for each in prompts))


def _wanted(components: Components, raters: int, prompts: list[int], width: float) -> Wanted:
    if not 0 < width < 1:
        raise ValueError(f"The wanted half-width must lie between 0 and 1; got {width}.")

    def reaches(raters: int, prompts: list[int], sets: int = 1) -> bool:
        half = _half_width(components, raters, prompts, sets)[0]
        return half is not None and half <= width

    def reaches_with(raters: int, n_prompts: int) -> bool:
        return reaches(raters, shared(prompts, n_prompts))

    more_raters = _least(lambda each: reaches(each, prompts), MOST_RATERS)
    more_prompts = _least(lambda each: reaches(raters, shared(prompts, each)), MOST_PROMPTS, len(prompts))
    more_sets = _least(lambda each: reaches(raters, prompts, each), MOST_SETS) if components.images else None
    both = None
    for some in dict.fromkeys(int(2 * 1.1**step) for step in range(60)):
        enough = _least(partial(reaches_with, some), MOST_PROMPTS, len(prompts))
        if enough is not None and (both is None or some * enough < both[0] * both[1]):
            both = (some, enough)
    return Wanted(width, more_raters, more_prompts, more_sets, both)


def shared(prompts: list[int], total: int) -> list[int]:
    """``total`` prompts over panels in the proportions of ``prompts``, one or more each: largest remainders."""
    n = sum(prompts)
    exact = [max(each * total / n, 1.0) for each in prompts]
    whole = [int(each) for each in exact]
    by_rest = sorted(range(len(exact)), key=lambda at: whole[at] - exact[at])
    for at in by_rest[: max(total - sum(whole), 0)]:
        whole[at] += 1
    return whole


def _least(reaches: Callable[[int], bool], most: int, first: int = 1) -> int | None:
    """The least number from ``first`` to ``most`` that reaches it, where more never do worse; None without one."""
    high = first
    while not reaches(high):
        if high >= most:
            return None
        high = min(2 * high, most)
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reaches(middle) else (middle, high)
    return high
