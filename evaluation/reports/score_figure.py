"""The figures of automatic scores: how they are spread in each category, and what guidance pays for alignment.

Drawn as the report's figure is: transparent, for light or dark pages, the same numbers in the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evaluation.metrics.distances.curve import GuidanceCurve
from evaluation.reports.figure import (
    A_COLOUR,
    B_COLOUR,
    NARROW_NAME,
    WIDE_NAME,
    Colours,
    FigureFormat,
    Theme,
    bare_axes,
    drawn,
)
from evaluation.reports.fonts import short_names, width_of
from evaluation.reports.reading import shortened
from evaluation.reports.score_summary import ScoreSummary, SpreadOfScores
from evaluation.reports.wording.numbers import figures

WIDE, NARROW = 7.6, 3.75  # inches
BY_NAME = 0.068
"""Inches a letter of a category's name takes."""


@dataclass(frozen=True)
class _Line:
    """A row of the figure: all images, or a category."""

    name: str
    spread: SpreadOfScores
    is_overall: bool


def spread_figure(
    summary: ScoreSummary,
    *,
    label: str,
    image_format: FigureFormat = "svg",
    theme: Theme = "light",
    narrow: bool = False,
) -> bytes:
    """Histograms of the scores, a row for all images and for each category, with the mean and its interval below each.

    `label`: what the score is called, along the axis. `narrow`: for a phone's width, names above the rows.
    """
    lines = _lines(summary, NARROW_NAME if narrow else WIDE_NAME)
    return drawn(lambda colours: _spread(summary, lines, label, colours, narrow), image_format, theme)


def curve_figure(
    curve: GuidanceCurve, *, image_format: FigureFormat = "svg", theme: Theme = "light", narrow: bool = False
) -> bytes:
    """Distance against CLIP score, a point for each guidance weight, joined in its order (Imagen, figure 4)."""
    return drawn(lambda colours: _curve(curve, colours, narrow), image_format, theme)


def _lines(summary: ScoreSummary, letters: int) -> list[_Line]:
    categories = summary["categories"] if len(summary["categories"]) > 1 else {}
    lines = [_Line("Overall", summary["overall"], True)]
    names = short_names(list(categories), letters)
    return lines + [_Line(name, spread, False) for name, spread in zip(names, categories.values(), strict=True)]


def _spread(summary: ScoreSummary, lines: Sequence[_Line], label: str, colours: Colours, narrow: bool) -> Figure:
    step = 0.56 if narrow else 0.44
    top, bottom = 0.12, 0.5
    height = top + bottom + step * (len(lines) + (0.3 if len(lines) > 1 else 0))
    width = NARROW if narrow else WIDE
    figure = Figure(figsize=(width, height))
    names = 0.1 if narrow else min(2.2, 0.35 + BY_NAME * max(width_of(line.name) for line in lines))
    numbers = 0.1 if narrow else 1.55
    axes = figure.add_axes((names / width, bottom / height, 1 - (names + numbers) / width, 1 - (top + bottom) / height))
    places = [0.0 if line.is_overall else at + 0.3 for at, line in enumerate(lines)]
    for place, line in zip(places, lines, strict=True):
        _row(axes, summary["edges"], line, place, colours, narrow)
    axes.set_ylim(places[-1] + 0.5, places[0] - (0.75 if narrow else 0.55))
    axes.set_yticks([])
    bare_axes(axes, colours)
    axes.set_xlabel(shortened(label, 46 if narrow else 90), color=colours.soft)
    return figure


def _row(axes: Axes, edges: Sequence[float], line: _Line, place: float, colours: Colours, narrow: bool) -> None:
    weight = "bold" if line.is_overall else "normal"
    across = axes.get_yaxis_transform()
    if narrow:
        axes.text(0, place - 0.5, line.name, transform=across, va="center", color=colours.text, fontweight=weight)
    else:
        axes.text(
            -0.015, place, line.name, transform=across, va="center", ha="right", color=colours.text, fontweight=weight
        )
    said = _said(line.spread)
    axes.text(
        1.0 if narrow else 1.015,
        place - 0.5 if narrow else place,
        said,
        transform=across,
        va="center",
        ha="right" if narrow else "left",
        fontsize=7,
        color=colours.soft,
    )
    counts = line.spread["counts"]
    if counts:
        tallest = max(counts)
        axes.stairs(
            [place + 0.3 - 0.62 * count / tallest for count in counts],
            edges,
            baseline=place + 0.3,
            fill=True,
            color=colours.indifferent if not line.is_overall else A_COLOUR,
            linewidth=0,
        )
    _mean(axes, line.spread, place + 0.38, colours)


def _mean(axes: Axes, spread: SpreadOfScores, at: float, colours: Colours) -> None:
    """The mean as a dot, its interval as a line, below the histogram."""
    if spread["mean"] is None:
        return
    if spread["low"] is not None and spread["high"] is not None:
        axes.plot([spread["low"], spread["high"]], [at, at], color=colours.text, linewidth=1.6, solid_capstyle="butt")
    axes.plot(spread["mean"], at, "o", markersize=4, color=colours.text, zorder=3)


def _said(spread: SpreadOfScores) -> str:
    if spread["mean"] is None:
        return "none"
    without = f", {spread['n_missing']} missing" if spread["n_missing"] else ""
    return f"{figures(spread['mean'])}, n {spread['n']}{without}"


def _curve(curve: GuidanceCurve, colours: Colours, narrow: bool) -> Figure:
    width, height = (NARROW, 3.1) if narrow else (6.2, 3.6)
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0.75 / width, 0.55 / height, 1 - 0.95 / width, 1 - 0.75 / height))
    clip, distance = [point.clip for point in curve.points], [point.distance for point in curve.points]
    axes.plot(clip, distance, color=colours.naive, linewidth=1.1, zorder=1)
    for point in curve.points:
        if point.distance_se is not None:
            half = 1.96 * point.distance_se
            axes.plot(
                [point.clip] * 2, [point.distance - half, point.distance + half], color=colours.soft, linewidth=0.9
            )
        if point.clip_se is not None:
            half = 1.96 * point.clip_se
            axes.plot([point.clip - half, point.clip + half], [point.distance] * 2, color=colours.soft, linewidth=0.9)
        best = point.guidance == curve.turns_at
        axes.plot(
            point.clip,
            point.distance,
            "o",
            markersize=6,
            color=B_COLOUR if best else A_COLOUR,
            alpha=1 if point.guidance in curve.frontier else 0.55,
            zorder=3,
        )
        axes.annotate(
            f"{point.guidance:g}",
            (point.clip, point.distance),
            xytext=(6, 5),
            textcoords="offset points",
            fontsize=7.5,
            color=colours.text,
        )
    bare_axes(axes, colours)
    axes.spines["left"].set_visible(True)
    axes.spines["left"].set_color(colours.soft)
    axes.tick_params(axis="y", color=colours.soft, labelcolor=colours.soft, labelsize=7.5, length=2.5, width=0.6)
    axes.grid(axis="y", color=colours.grid, linewidth=0.5)
    axes.margins(0.08, 0.12)
    letters = 40 if narrow else 70
    axes.set_xlabel(shortened(curve.clip_name, letters), color=colours.soft)
    axes.set_ylabel(shortened(curve.distance_name, letters), color=colours.soft)
    return figure
