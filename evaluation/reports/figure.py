"""The figure of a report: stacked bars A / indifferent / B with whiskers, and the net share with its intervals.

Drawn like figure 3 of the Imagen paper (Saharia et al. 2022), turned on its side so that category names can be read,
with the n of each bar and, beside the default interval, the naive one. Colours are Okabe and Ito's (2008), told apart
with any colour vision; whiskers and numbers repeat what colour says. The same table gives the same bytes.
"""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import Normal, Stroke

from evaluation.reports.results import Bounds, ComparisonTable, Row

FigureFormat = Literal["svg", "pdf", "png"]
Theme = Literal["light", "dark"]

A_COLOUR, B_COLOUR = "#0072b2", "#e69f00"
_INFO: dict[str, dict[str, str | None]] = {
    "svg": {"Date": None, "Creator": "DrawBench"},
    "pdf": {"CreationDate": None, "ModDate": None, "Creator": "DrawBench", "Producer": None},
    "png": {"Software": None},
}
logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells every glyph of a PDF otherwise
logging.getLogger("matplotlib").setLevel(logging.WARNING)
_LOCK = threading.Lock()  # matplotlib's font cache and settings are the process's


@dataclass(frozen=True)
class Colours:
    """What differs between light and dark pages."""

    text: str
    soft: str
    grid: str
    indifferent: str
    naive: str


_COLOURS: dict[str, Colours] = {
    "light": Colours("#1b2430", "#5a6675", "#dde2e8", "#d3d8de", "#8a95a3"),
    "dark": Colours("#e8ecf1", "#a7b1bf", "#343d4a", "#4b5563", "#8a95a3"),
}

_RC: Any = {
    "svg.hashsalt": "drawbench",  # ids of clip paths: the same in every drawing
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same on every machine
    "font.size": 8.5,
    "axes.linewidth": 0.6,
    "pdf.fonttype": 42,
}


def comparison_figure(
    table: ComparisonTable, *, image_format: FigureFormat = "svg", theme: Theme = "light", narrow: bool = False
) -> bytes:
    """`table` drawn, on a transparent ground (white in PNG).

    `theme`: of the text, for light or dark pages. `narrow`: for a phone's width, names above the bars and the net share
    as a number.
    """
    return drawn(lambda colours: _narrow(table, colours) if narrow else _wide(table, colours), image_format, theme)


def drawn(draw: Callable[[Colours], Figure], image_format: FigureFormat, theme: Theme) -> bytes:
    """What `draw` makes of a theme's colours, as a file: the same figure gives the same bytes."""
    with _LOCK, matplotlib.rc_context(_RC):
        figure = draw(_COLOURS[theme])
        buffer = io.BytesIO()
        figure.savefig(
            buffer, format=image_format, transparent=image_format != "png", metadata=_INFO[image_format], dpi=200
        )
    return buffer.getvalue()


def figure_description(table: ComparisonTable) -> str:
    """What the figure shows, in words, for those who can't see it; the table beside it has every number."""
    row = table.overall
    said = (
        f"{table.question_name}, overall: {table.generator_a} preferred in {row.a:.1%} of {row.n_ratings} ratings, "
        f"indifferent {row.indifferent:.1%}, {table.generator_b} preferred in {row.b:.1%}; "
        f"net share {row.net * 100:+.1f} points"
    )
    if row.default:
        said += f", interval {row.default.cut.low * 100:+.1f} to {row.default.cut.high * 100:+.1f}"
    said += "."
    if table.categories:
        best = max(table.categories, key=lambda each: each.net)
        worst = min(table.categories, key=lambda each: each.net)
        said += (
            f" By category the net share goes from {worst.net * 100:+.1f} points ({worst.name}) "
            f"to {best.net * 100:+.1f} ({best.name})."
        )
    return said


def _wide(table: ComparisonTable, colours: Colours) -> Figure:
    places = _places(table)
    top, bottom = 0.62, 0.5  # inches
    height = top + bottom + 0.3 * (places[-1] + 1)
    figure = Figure(figsize=(7.6, height))
    label_width = min(2.1, 0.35 + 0.068 * max(len(row.name) for row in table.rows)) / 7.6
    low, tall = bottom / height, 1 - (top + bottom) / height
    bars = figure.add_axes((label_width, low, 0.68 - label_width, tall))
    net = figure.add_axes((0.755, low, 0.215, tall), sharey=bars)
    _stacked(bars, table, places, colours, bar_height=0.68)
    bars.set_yticks(places, [row.name for row in table.rows])
    bars.tick_params(axis="y", length=0, pad=6, labelcolor=colours.text)
    for tick, row in zip(bars.get_yticklabels(), table.rows, strict=True):
        tick.set_fontweight("bold" if row.is_overall else "normal")
    for place, row in zip(places, table.rows, strict=True):
        bars.text(101.5, place, f"{row.n_ratings}", va="center", ha="left", fontsize=7, color=colours.soft)
    bars.text(101.5, places[0] - 0.72, "n", va="center", ha="left", fontsize=7, color=colours.soft, style="italic")
    bars.set_xlabel("share of ratings, %", color=colours.soft)
    _net_panel(net, table, places, colours)
    _legend(figure, table, colours, x=label_width, y=1 - 0.1 / height, size=8.5)
    return figure


def _narrow(table: ComparisonTable, colours: Colours) -> Figure:
    places = [1.0 * place for place in _places(table)]
    top, bottom = 0.75, 0.45
    height = top + bottom + 0.46 * (places[-1] + 1)
    figure = Figure(figsize=(3.75, height))
    bars = figure.add_axes((0.03, bottom / height, 0.94, 1 - (top + bottom) / height))
    _stacked(bars, table, [place + 0.2 for place in places], colours, bar_height=0.42)
    bars.set_yticks([])
    for place, row in zip(places, table.rows, strict=True):
        weight = "bold" if row.is_overall else "normal"
        bars.text(0, place - 0.17, row.name, va="center", ha="left", color=colours.text, fontweight=weight)
        said = f"net {row.net * 100:+.0f}"
        if row.default:
            said += f" [{row.default.cut.low * 100:+.0f}, {row.default.cut.high * 100:+.0f}]"
        said += f"  n {row.n_ratings}"
        bars.text(100, place - 0.17, said, va="center", ha="right", fontsize=7, color=colours.soft)
    bars.set_xlabel("share of ratings, %", color=colours.soft)
    _legend(figure, table, colours, x=0.03, y=1 - 0.08 / height, size=8, stacked=True)
    return figure


def _places(table: ComparisonTable) -> list[float]:
    """Where each row's bar stands, from 0 downwards; a gap sets the overall row off."""
    return [0.0 if row.is_overall else at + 0.35 for at, row in enumerate(table.rows)]


def _stacked(axes: Axes, table: ComparisonTable, places: list[float], colours: Colours, *, bar_height: float) -> None:
    for place, row in zip(places, table.rows, strict=True):
        shares = (row.a * 100, row.indifferent * 100, row.b * 100)
        left = 0.0
        for share, colour in zip(shares, (A_COLOUR, colours.indifferent, B_COLOUR), strict=True):
            axes.barh(place, share, height=bar_height, left=left, color=colour, linewidth=0)
            left += share
        _numbers(axes, place, row, colours)
        # a little apart, so that two that overlap can still be told from one another
        _whisker(axes, place - 0.14 * bar_height, row.share_a, scale=100, start=0)
        _whisker(axes, place + 0.14 * bar_height, row.share_b, scale=-100, start=100)
    axes.set_xlim(0, 100)
    axes.set_ylim(places[-1] + 0.6, places[0] - 0.6)
    axes.set_xticks([0, 25, 50, 75, 100])
    axes.axvline(50, color=colours.text, linewidth=0.6, linestyle=(0, (2, 2)), alpha=0.6)
    bare_axes(axes, colours)


def _numbers(axes: Axes, place: float, row: Row, colours: Colours) -> None:
    """Each share in per cent within its part of the bar, where no whisker runs through it."""
    a_low, a_high = _reach(row.a, row.share_a)
    b_low, b_high = _reach(row.b, row.share_b)
    middle = (row.a + 1 - row.b) / 2
    for share, at, side, ink, is_clear in (
        (row.a, 0.015, "left", "#ffffff", min(row.a, a_low) > 0.08),
        (
            row.indifferent,
            middle,
            "center",
            colours.text,
            max(row.a, a_high) + 0.03 < middle < min(1 - row.b, 1 - b_high) - 0.03,
        ),
        (row.b, 0.985, "right", "#1b1b1b", min(row.b, b_low) > 0.08),
    ):
        if is_clear:
            axes.text(at * 100, place, f"{share * 100:.0f}", va="center", ha=side, fontsize=7.5, color=ink)


def _reach(share: float, bounds: Bounds | None) -> tuple[float, float]:
    """Where the whisker of `share` begins and ends, as far as one is drawn."""
    if bounds is None or (bounds.low <= 0 and bounds.high >= 1):
        return share, share
    return bounds.low, bounds.high


def _whisker(axes: Axes, place: float, bounds: Bounds | None, *, scale: float, start: float) -> None:
    if bounds is None or (bounds.low <= 0 and bounds.high >= 1):  # over the whole bar: it says nothing
        return
    ends = [start + scale * min(max(end, 0.0), 1.0) for end in (bounds.low, bounds.high)]
    axes.plot(
        ends,
        [place, place],
        color="#111111",
        linewidth=1.1,
        marker="|",
        markersize=4,
        markeredgewidth=1.1,
        path_effects=[Stroke(linewidth=2.4, foreground="#ffffffb0"), Normal()],
        solid_capstyle="butt",
    )


def _net_panel(axes: Axes, table: ComparisonTable, places: list[float], colours: Colours) -> None:
    reach = 10.0
    for place, row in zip(places, table.rows, strict=True):
        for bounds, offset, width, colour in (
            (row.naive, 0.22, 1.0, colours.naive),
            (row.default, 0.0, 2.0, colours.text),
        ):
            if bounds is None:
                continue
            low, high = bounds.cut.low * 100, bounds.cut.high * 100
            reach = max(reach, abs(low), abs(high))
            style = (0, (1, 2)) if bounds.says_nothing else "solid"
            axes.plot(
                [low, high],
                [place + offset] * 2,
                color=colour,
                linewidth=1.0 if bounds.says_nothing else width,
                linestyle=style,
                solid_capstyle="butt",
            )
        reach = max(reach, abs(row.net * 100))
        axes.plot(row.net * 100, place, "o", markersize=4.5, color=_net_colour(row, colours), zorder=3)
    reach = min(100.0, reach * 1.06)
    axes.set_xlim(reach, -reach)  # A wins to the left, as in the bars
    axes.axvline(0, color=colours.text, linewidth=0.7)
    axes.tick_params(axis="y", left=False, labelleft=False)
    axes.set_xlabel("net share A − B, points", color=colours.soft)
    for name, at, side in (("A preferred", 0.0, "left"), ("B preferred", 1.0, "right")):
        axes.text(
            at,
            places[0] - 0.72,
            name,
            transform=axes.get_yaxis_transform(),
            fontsize=7,
            color=colours.soft,
            ha=side,
            va="center",
            style="italic",
        )
    bare_axes(axes, colours)
    axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(4, steps=[1, 2, 2.5, 5, 10], symmetric=True))
    axes.xaxis.set_major_formatter(
        matplotlib.ticker.FuncFormatter(lambda value, _: f"{value:+.0f}".replace("-", "−") if value else "0")
    )


def _net_colour(row: Row, colours: Colours) -> str:
    return {"a": A_COLOUR, "b": B_COLOUR, "": colours.text}[row.verdict]


def _legend(
    figure: Figure, table: ComparisonTable, colours: Colours, *, x: float, y: float, size: float, stacked: bool = False
) -> None:
    entries = (
        (A_COLOUR, f"A  {table.generator_a}"),
        (colours.indifferent, "indifferent"),
        (B_COLOUR, f"B  {table.generator_b}"),
    )
    handles = [matplotlib.patches.Patch(color=colour, label=label) for colour, label in entries]
    columns = 1 if stacked else 3
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(x, y),
        ncols=columns,
        frameon=False,
        fontsize=size,
        labelcolor=colours.text,
        handlelength=1,
        handleheight=0.9,
        columnspacing=1.4,
        borderaxespad=0,
        borderpad=0,
        labelspacing=0.25,
    )
    if not stacked:
        lines = [
            matplotlib.lines.Line2D([], [], color=colours.text, linewidth=2, label=f"{table.level * 100:g} % default"),
            matplotlib.lines.Line2D([], [], color=colours.naive, linewidth=1, label="independent votes"),
        ]
        figure.legend(
            handles=lines,
            loc="upper left",
            bbox_to_anchor=(0.755, y),
            frameon=False,
            fontsize=7,
            labelcolor=colours.soft,
            handlelength=1.6,
            borderaxespad=0,
            borderpad=0,
            labelspacing=0.3,
        )


def bare_axes(axes: Axes, colours: Colours) -> None:
    """Nothing but a line below and a grid upwards from it."""
    axes.set_facecolor("none")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(colours.soft)
    axes.tick_params(axis="x", color=colours.soft, labelcolor=colours.soft, labelsize=7.5, length=2.5, width=0.6)
    axes.grid(axis="x", color=colours.grid, linewidth=0.5)
    axes.set_axisbelow(True)
