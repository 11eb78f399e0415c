"""The intervals of a bar's two outer shares: as whiskers on it or, where two would run into each other, beside it.

A bar is stacked from both ends, so the whiskers of its outer shares overlap as soon as few raters are without
preference: nobody can then tell which end is whose. Such figures have a line for each share below its bar, in the
share's colour, over the same axis.
"""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patheffects import Normal, Stroke

from evaluation.analysis.estimates import Interval, PreferenceRate
from evaluation.reports.reading import cut, says_nothing

BAR_BESIDE, UP, FIRST, SECOND = 0.6, 0.2, 0.26, 0.44
"""Where intervals stand beside bars, in heights of a bar alone: how high the bar is then, how far up it moves, and how
far below the middle its two lines are."""


def drawn_interval(interval: Interval | None) -> Interval | None:
    """The interval of a share as far as a figure draws it: none that covers more than half of the bar."""
    return None if interval is None or says_nothing(interval, 0.0) else interval


def reach(share: float, interval: Interval | None) -> tuple[float, float]:
    """Where the whisker of `share` begins and ends, as far as one is drawn."""
    own = drawn_interval(interval)
    return (share, share) if own is None else (own.low, own.high)


def whiskers_collide(rates: Sequence[PreferenceRate]) -> bool:
    """Whether on any of these bars the whiskers of both outer shares would run into each other."""
    return any(
        drawn_interval(rate.shares["a"].interval) is not None
        and drawn_interval(rate.shares["b"].interval) is not None
        and sum(reach(rate.share(choice), rate.shares[choice].interval)[1] for choice in ("a", "b")) > 1
        for rate in rates
    )


def whiskers_on(axes: Axes, place: float, rate: PreferenceRate, bar_height: float) -> None:
    """Both whiskers on the bar, a little apart."""
    for choice, side, scale, start in (("a", -1, 100, 0), ("b", 1, -100, 100)):
        own = drawn_interval(rate.shares[choice].interval)
        if own is None:
            continue
        kept = cut(own, 0.0)
        axes.plot(
            [start + scale * kept.low, start + scale * kept.high],
            [place + side * 0.14 * bar_height] * 2,
            color="#111111",
            linewidth=1.1,
            marker="|",
            markersize=4,
            markeredgewidth=1.1,
            path_effects=[Stroke(linewidth=2.4, foreground="#ffffffb0"), Normal()],
            solid_capstyle="butt",
        )


def intervals_beside(
    axes: Axes, place: float, rate: PreferenceRate, bar_height: float, colours: dict[str, str]
) -> None:
    """Both intervals as lines below the bar, each with a mark where its share ends. `colours`: by choice."""
    for choice, offset, scale, start in (("a", FIRST, 100, 0), ("b", SECOND, -100, 100)):
        own = drawn_interval(rate.shares[choice].interval)
        if own is None:
            continue
        kept, level = cut(own, 0.0), place + offset * bar_height
        ends = [start + scale * kept.low, start + scale * kept.high]
        axes.plot(ends, [level] * 2, color=colours[choice], linewidth=1.5, solid_capstyle="butt")
        axes.plot(
            start + scale * rate.share(choice), level, "|", color=colours[choice], markersize=5, markeredgewidth=1.4
        )
