"""The figure of a report: stacked bars of the three shares with intervals, and the net share with its own.

Drawn like figure 3 of the Imagen paper (Saharia et al. 2022), turned on its side so that category names can be read,
with the n of each bar and, beside the default interval, the naive one. Runs are called by their labels; the net share's
axis rises to the right. Colours are Okabe and Ito's (2008), told apart
with any colour vision; whiskers and numbers repeat what colour says. The same table gives the same bytes.
"""

from __future__ import annotations

import io
import logging
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evaluation.analysis.columns import CHOICES
from evaluation.analysis.estimates import PreferenceRate
from evaluation.analysis.summary_results import ComparisonResult
from evaluation.reports.fonts import as_typed, leftwards, shapes_where_needed, short_names, width_of
from evaluation.reports.reading import cut, lines, says_nothing, too_few
from evaluation.reports.whiskers import BAR_BESIDE, UP, intervals_beside, reach, whiskers_collide, whiskers_on
from evaluation.reports.wording.numbers import MINUS, level_text, points, points_range

FigureFormat = Literal["svg", "pdf", "png"]
Theme = Literal["light", "dark"]
Rows = Sequence[tuple[str, PreferenceRate]]
BESIDE = 32
"""Letters of both labels together that have room in one line of the legend; longer ones stand below each other."""
LONGEST_LABEL = 52
WIDE_NAME, NARROW_NAME = 25, 27
"""Letters of a category's name that have room beside the bars, or above them."""

A_COLOUR, B_COLOUR = "#0072b2", "#e69f00"
_INFO: dict[str, dict[str, str | None]] = {
    "svg": {"Date": None, "Creator": "DrawBench"},
    "pdf": {"CreationDate": None, "ModDate": None, "Creator": "DrawBench", "Producer": None},
    "png": {"Software": None},
}
logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells every glyph of a PDF otherwise
logging.getLogger("matplotlib").setLevel(logging.WARNING)
logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # fallbacks have no bold; nobody need know
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
    "font.size": 8.5,
    "axes.linewidth": 0.6,
    "pdf.fonttype": 42,
}


def comparison_figure(
    comparison: ComparisonResult, *, image_format: FigureFormat = "svg", theme: Theme = "light", narrow: bool = False
) -> bytes:
    """`comparison` drawn, on a transparent ground (white in PNG).

    `theme`: of the text, for light or dark pages. `narrow`: for a phone's width, names above the bars and the net share
    as a number.
    """
    draw = _narrow if narrow else _wide
    return drawn(lambda colours: draw(comparison, colours), image_format, theme)


def drawn(draw: Callable[[Colours], Figure], image_format: FigureFormat, theme: Theme) -> bytes:
    """What `draw` makes of a theme's colours, as a file: the same figure gives the same bytes."""
    with _LOCK, as_typed(_RC, embedded=image_format == "pdf"):
        figure = draw(_COLOURS[theme])
        if image_format == "pdf":
            shapes_where_needed(figure)
        buffer = io.BytesIO()
        figure.savefig(
            buffer, format=image_format, transparent=image_format != "png", metadata=_INFO[image_format], dpi=200
        )
    return buffer.getvalue()


def in_dark(svg: bytes) -> bytes:
    """A figure for light pages, as SVG, in the colours of dark ones."""
    light, dark = asdict(_COLOURS["light"]), asdict(_COLOURS["dark"])
    swapped = {light[name].encode(): dark[name].encode() for name in light}
    return re.sub(b"|".join(swapped), lambda found: swapped[found[0]], svg)


def by_scheme(svg: bytes) -> bytes:
    """A figure for light pages, as SVG, that is in the colours of dark ones where the reader's browser is set to them.
    For a file of many figures: half the bytes of two forms."""
    light, dark = asdict(_COLOURS["light"]), asdict(_COLOURS["dark"])
    rules = "".join(
        f'[style*="{what}: {light[name]}"]{{{what}:{dark[name]}!important}}'
        for name in light
        if light[name] != dark[name]
        for what in ("fill", "stroke")
    )
    style = f"<style>@media (prefers-color-scheme: dark){{{rules}}}</style></svg>"
    return svg.rstrip().removesuffix(b"</svg>") + style.encode() + b"\n"


def _named(comparison: ComparisonResult, letters: int) -> list[tuple[str, PreferenceRate]]:
    """The lines of the table, with names that have room beside or above the bars."""
    rows = lines(comparison)
    return list(zip(short_names([name for name, _ in rows], letters), (rate for _, rate in rows), strict=True))


def _wide(comparison: ComparisonResult, colours: Colours) -> Figure:
    rows = _named(comparison, WIDE_NAME)
    places = _places(len(rows))
    stacked = width_of(comparison.generator_a) + width_of(comparison.generator_b) > BESIDE
    top, bottom = 0.9 if stacked else 0.62, 0.5  # inches
    height = top + bottom + 0.3 * (places[-1] + 1)
    figure = Figure(figsize=(7.6, height))
    label_width = min(2.1, 0.35 + 0.068 * max(width_of(name) for name, _ in rows)) / 7.6
    low, tall = bottom / height, 1 - (top + bottom) / height
    bars = figure.add_axes((label_width, low, 0.68 - label_width, tall))
    net = figure.add_axes((0.755, low, 0.215, tall), sharey=bars)
    _stacked(bars, rows, places, colours, bar_height=0.68)
    bars.set_yticks(places, [name for name, _ in rows])
    bars.tick_params(axis="y", length=0, pad=6, labelcolor=colours.text)
    bars.get_yticklabels()[0].set_fontweight("bold")
    for place, (_, rate) in zip(places, rows, strict=True):
        bars.text(101.5, place, f"{rate.n_ratings}", va="center", ha="left", fontsize=7, color=colours.soft)
    bars.text(101.5, places[0] - 0.72, "n", va="center", ha="left", fontsize=7, color=colours.soft, style="italic")
    bars.set_xlabel("share of ratings, %", color=colours.soft)
    _net_panel(net, comparison, places, colours)
    _legend(figure, comparison, colours, x=label_width, y=1 - 0.1 / height, size=8.5, stacked=stacked)
    _interval_legend(figure, comparison, colours, x=0.755, y=1 - 0.1 / height)
    return figure


def _narrow(comparison: ComparisonResult, colours: Colours) -> Figure:
    rows = _named(comparison, NARROW_NAME)
    places = _places(len(rows))
    top, bottom = 0.75, 0.45
    height = top + bottom + 0.46 * (places[-1] + 1)
    figure = Figure(figsize=(3.75, height))
    bars = figure.add_axes((0.03, bottom / height, 0.94, 1 - (top + bottom) / height))
    _stacked(bars, rows, [place + 0.2 for place in places], colours, bar_height=0.42)
    bars.set_yticks([])
    for at, (place, (name, rate)) in enumerate(zip(places, rows, strict=True)):
        weight = "normal" if at else "bold"
        bars.text(0, place - 0.17, name, va="center", ha="left", color=colours.text, fontweight=weight)
        said = f"net {points(rate.net.estimate, 0)}"
        if rate.too_few:
            said += f" ({too_few(rate)})"
        elif rate.net.interval:
            said += f" ({points_range(rate.net.interval, 0)})"
        said += f", n {rate.n_ratings}"
        bars.text(100, place - 0.17, said, va="center", ha="right", fontsize=7, color=colours.soft)
    bars.set_xlabel("share of ratings, %", color=colours.soft)
    _legend(figure, comparison, colours, x=0.03, y=1 - 0.08 / height, size=8, stacked=True)
    return figure


def _places(n: int) -> list[float]:
    """Where each of `n` rows' bars stands, from 0 downwards; a gap sets the overall row off."""
    return [at + 0.35 if at else 0.0 for at in range(n)]


def _stacked(axes: Axes, rows: Rows, places: list[float], colours: Colours, *, bar_height: float) -> None:
    beside = whiskers_collide([rate for _, rate in rows])
    tall, up = (BAR_BESIDE * bar_height, UP * bar_height) if beside else (bar_height, 0.0)
    for place, (_, rate) in zip(places, rows, strict=True):
        left = 0.0
        for share, colour in zip(_per_cent(rate), (A_COLOUR, colours.indifferent, B_COLOUR), strict=True):
            axes.barh(place - up, share, height=tall, left=left, color=colour, linewidth=0)
            left += share
        _numbers(axes, place - up, rate, colours, beside=beside)
        if beside:
            intervals_beside(axes, place, rate, bar_height, {"a": A_COLOUR, "b": B_COLOUR})
        else:
            whiskers_on(axes, place, rate, bar_height)
    axes.set_xlim(0, 100)
    axes.set_ylim(places[-1] + 0.6, places[0] - 0.6)
    axes.set_xticks([0, 25, 50, 75, 100])
    axes.axvline(50, color=colours.text, linewidth=0.6, linestyle=(0, (2, 2)), alpha=0.6)
    bare_axes(axes, colours)


def _per_cent(rate: PreferenceRate) -> tuple[float, float, float]:
    return rate.share("a") * 100, rate.share("indifferent") * 100, rate.share("b") * 100


def _numbers(axes: Axes, place: float, rate: PreferenceRate, colours: Colours, *, beside: bool) -> None:
    """Each share in per cent within its part of the bar, where no whisker runs through it."""
    a, indifferent, b = (rate.share(choice) for choice in CHOICES)
    (a_low, a_high), (b_low, b_high) = (
        (share, share) if beside else reach(share, rate.shares[choice].interval)
        for choice, share in (("a", a), ("b", b))
    )
    middle = (a + 1 - b) / 2
    for share, at, side, ink, is_clear in (
        (a, 0.015, "left", "#ffffff", min(a, a_low) > 0.08),
        (
            indifferent,
            middle,
            "center",
            colours.text,
            max(a, a_high) + 0.03 < middle < min(1 - b, 1 - b_high) - 0.03,
        ),
        (b, 0.985, "right", "#1b1b1b", min(b, b_low) > 0.08),
    ):
        if is_clear:
            axes.text(at * 100, place, f"{share * 100:.0f}", va="center", ha=side, fontsize=7.5, color=ink)


def _net_panel(axes: Axes, comparison: ComparisonResult, places: list[float], colours: Colours) -> None:
    reach = 10.0
    for place, (_, rate) in zip(places, lines(comparison), strict=True):
        for interval, offset, width, colour in (
            (rate.net.independent, 0.22, 1.0, colours.naive),
            (rate.net.interval, 0.0, 2.0, colours.text),
        ):
            if interval is None:
                continue
            if says_nothing(interval):
                continue
            own = cut(interval)
            low, high = own.low * 100, own.high * 100
            reach = max(reach, abs(low), abs(high))
            axes.plot([low, high], [place + offset] * 2, color=colour, linewidth=width, solid_capstyle="butt")
        if rate.too_few:
            across = axes.get_yaxis_transform()
            axes.text(0.5, place - 0.3, too_few(rate), transform=across, fontsize=6.5, color=colours.soft, ha="center")
        net = rate.net.estimate * 100
        reach = max(reach, abs(net))
        axes.plot(net, place, "o", markersize=4.5, color=_net_colour(rate, colours), zorder=3)
    reach = min(100.0, reach * 1.06)
    axes.set_xlim(-reach, reach)
    axes.axvline(0, color=colours.text, linewidth=0.7)
    axes.tick_params(axis="y", left=False, labelleft=False)
    axes.set_xlabel("net share, points", color=colours.soft)
    for name, at, side in _directions(comparison):
        axes.text(
            at,
            places[0] - 0.72,
            name,
            transform=axes.get_yaxis_transform(),
            fontsize=7,
            color=colours.soft,
            ha=side,
            va="center",  # upright: slanted DejaVu Sans has no Arabic and no Hebrew
        )
    bare_axes(axes, colours)
    axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(4, steps=[1, 2, 2.5, 5, 10], symmetric=True))
    axes.xaxis.set_major_formatter(
        matplotlib.ticker.FuncFormatter(lambda value, _: f"{value:+.0f}".replace("-", MINUS) if value else "0")
    )


def _directions(comparison: ComparisonResult) -> list[tuple[str, float, Literal["left", "right"]]]:
    """Whom each end of the net share's axis speaks for: (text, place, alignment); the right end alone where both would
    run into each other.
    """
    a, b = comparison.generator_a, comparison.generator_b
    right: tuple[str, float, Literal["left", "right"]] = (
        leftwards(f"{short_names([a], 20)[0]} preferred →"),
        1.0,
        "right",
    )
    return [right] if width_of(a) + width_of(b) > 18 else [(leftwards(f"← {b}"), 0.0, "left"), right]


def _net_colour(rate: PreferenceRate, colours: Colours) -> str:
    return {"a": A_COLOUR, "b": B_COLOUR, None: colours.text}[rate.leader]


def _legend(
    figure: Figure,
    comparison: ComparisonResult,
    colours: Colours,
    *,
    x: float,
    y: float,
    size: float,
    stacked: bool = False,
) -> None:
    letters = LONGEST_LABEL if stacked else BESIDE
    a, b = short_names([comparison.generator_a, comparison.generator_b], letters)
    entries = ((A_COLOUR, a), (colours.indifferent, "no preference"), (B_COLOUR, b))
    handles = [matplotlib.patches.Patch(color=colour) for colour, _ in entries]
    columns = 1 if stacked else 3
    figure.legend(
        handles,
        [label for _, label in entries],  # given apart: a label that begins with _ would be left out
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


def _interval_legend(figure: Figure, comparison: ComparisonResult, colours: Colours, *, x: float, y: float) -> None:
    default = f"{level_text(comparison.overall.level)} interval"
    handles = [
        matplotlib.lines.Line2D([], [], color=colours.text, linewidth=2, label=default),
        matplotlib.lines.Line2D([], [], color=colours.naive, linewidth=1, label="as independent"),
    ]
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(x, y),
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
