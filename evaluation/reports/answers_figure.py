"""The figure of a measure of answers: each generator's mean or share with its interval, categories as small marks.

Drawn as the report's other figures are: transparent, for light or dark pages, the same numbers in the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evaluation.analysis.answer_results import AnswerEstimate
from evaluation.reports.answer_groups import AnswerGroup
from evaluation.reports.figure import A_COLOUR, NARROW_NAME, WIDE_NAME, Colours, FigureFormat, Theme, bare_axes, drawn
from evaluation.reports.fonts import leftwards, short_names, width_of
from evaluation.reports.reading import shortened
from evaluation.reports.wording.measures import is_wide
from evaluation.reports.wording.numbers import figures

WIDE, NARROW, STEP = 7.6, 3.75, 0.34  # inches


def answers_figure(
    group: AnswerGroup,
    *,
    label: str,
    ends: tuple[float, float] | None = None,
    image_format: FigureFormat = "svg",
    theme: Theme = "light",
    narrow: bool = False,
) -> bytes:
    """A dot with its interval for each generator, the highest first.

    An interval over more than half of what is possible is not drawn. `label`: what is measured, along the axis.
    `ends`: of a scale; shares end at 0 and 100 %. `narrow`: for a phone's width, names above the lines.
    """
    return drawn(lambda colours: _figure(group, label, ends, colours, narrow), image_format, theme)


def _figure(group: AnswerGroup, label: str, ends: tuple[float, float] | None, colours: Colours, narrow: bool) -> Figure:
    unit = 100.0 if group.is_share else 1.0
    ends = (0.0, 1.0) if group.is_share else ends
    names = short_names([each.generator for each in group.overall], NARROW_NAME if narrow else WIDE_NAME)
    step = STEP * 1.45 if narrow else STEP
    top, bottom = 0.15, 0.5
    height, width = top + bottom + step * len(names), NARROW if narrow else WIDE
    wide = 0.12 if narrow else min(2.2, 0.35 + 0.068 * max(map(width_of, names)))
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((wide / width, bottom / height, 1 - (wide + 0.9) / width, 1 - (top + bottom) / height))
    for at, (name, each) in enumerate(zip(names, group.overall, strict=True)):
        own = [line for lines in group.categories.values() for line in lines if line.generator == each.generator]
        _line(axes, at, name, each, own, _Drawn(unit, ends, colours, narrow))
    axes.set_ylim(len(names) - 0.45, -0.6)
    axes.set_yticks([])
    if ends is not None and group.measure not in ("marked", "points"):  # there are few of what could be marked
        margin = (ends[1] - ends[0]) * 0.01
        axes.set_xlim((ends[0] - margin) * unit, (ends[1] + margin) * unit)
    bare_axes(axes, colours)
    said = shortened(label + (", %" if group.is_share else ""), 46 if narrow else 90)
    axes.set_xlabel(leftwards(said), color=colours.soft)
    return figure


@dataclass(frozen=True)
class _Drawn:
    """How lines are drawn: what the numbers are multiplied by, and the ends of what is possible."""

    unit: float
    ends: tuple[float, float] | None
    colours: Colours
    narrow: bool


def _line(
    axes: Axes, at: int, name: str, each: AnswerEstimate, categories: Sequence[AnswerEstimate], drawn_as: _Drawn
) -> None:
    unit, ends, colours, narrow = drawn_as.unit, drawn_as.ends, drawn_as.colours, drawn_as.narrow
    across = axes.get_yaxis_transform()
    place = at + 0.12 if narrow else at
    if narrow:
        axes.text(0, at - 0.26, name, transform=across, va="center", color=colours.text)
    else:
        axes.text(-0.015, at, name, transform=across, va="center", ha="right", color=colours.text)
    marks = [one.mean.estimate * unit for one in categories]
    axes.plot(marks, [place] * len(marks), "|", color=colours.naive, markersize=9, markeredgewidth=1.0)
    own = each.mean.interval
    if own is not None and not is_wide(own, ends):
        low, high = (own.low, own.high) if ends is None else (max(own.low, ends[0]), min(own.high, ends[1]))
        axes.plot([low * unit, high * unit], [place] * 2, color=A_COLOUR, linewidth=2.0, solid_capstyle="butt")
    axes.plot(each.mean.estimate * unit, place, "o", markersize=5, color=A_COLOUR, zorder=3)
    said = f"{each.mean.estimate * 100:.1f}" if unit > 1 else figures(each.mean.estimate)
    axes.text(1.02, place, said, transform=across, va="center", fontsize=7.5, color=colours.soft)
