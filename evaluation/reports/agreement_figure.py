"""The figure of automatic scores against people: each score's accuracy, and how far raters agree with each other."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evaluation.analysis.automatic_results import ComparisonAgreement
from evaluation.analysis.estimates import MeanEstimate
from evaluation.reports.figure import A_COLOUR, B_COLOUR, Colours, FigureFormat, Theme, bare_axes, drawn
from evaluation.reports.fonts import short_names, width_of
from evaluation.reports.reading import cut, says_nothing

WIDE, NARROW, STEP = 7.6, 3.75, 0.34  # inches


def agreement_figure(
    agreement: ComparisonAgreement, *, image_format: FigureFormat = "svg", theme: Theme = "light", narrow: bool = False
) -> bytes:
    """A dot with its interval for each score, and for the raters; a broken line at the baseline."""
    return drawn(lambda colours: _figure(agreement, colours, narrow), image_format, theme)


def _figure(agreement: ComparisonAgreement, colours: Colours, narrow: bool) -> Figure:
    named: list[tuple[str, MeanEstimate | None, str]] = [
        (each.metric, each.accuracy, A_COLOUR) for each in agreement.overall
    ]
    raters = agreement.among_raters
    if raters:
        named += [
            ("another rater", raters.another, B_COLOUR),
            ("majority of the other raters", raters.majority, B_COLOUR),
        ]
    names = short_names([name for name, _, _ in named], 32)
    shown = [(name, share, colour) for name, (_, share, colour) in zip(names, named, strict=True) if share is not None]
    step = STEP * 1.45 if narrow else STEP
    top, bottom = 0.3, 0.5
    height, width = top + bottom + step * len(shown), NARROW if narrow else WIDE
    wide = 0.12 if narrow else min(2.6, 0.35 + 0.068 * max(width_of(name) for name, _, _ in shown))
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((wide / width, bottom / height, 1 - (wide + 0.9) / width, 1 - (top + bottom) / height))
    for at, (name, share, colour) in enumerate(shown):
        _line(axes, at, name, share, colour, colours, narrow)
    constant = max((each.constant for each in agreement.overall), default=0.0)
    ends = [-0.5, len(shown) - 0.45]  # below its name
    axes.plot([constant * 100] * 2, ends, color=colours.text, linewidth=0.8, linestyle=(0, (2, 2)))
    axes.text(constant * 100, -0.72, "baseline", fontsize=7, color=colours.soft, ha="center", va="center")
    axes.set_ylim(len(shown) - 0.45, -0.95)
    axes.set_yticks([])
    axes.set_xlim(0, 100)
    bare_axes(axes, colours)
    axes.set_xlabel("ratings that agree, %", color=colours.soft)
    return figure


def _line(axes: Axes, at: int, name: str, share: MeanEstimate, colour: str, colours: Colours, narrow: bool) -> None:
    across = axes.get_yaxis_transform()
    place = at + 0.12 if narrow else at
    if narrow:
        axes.text(0, at - 0.26, name, transform=across, va="center", color=colours.text)
    else:
        axes.text(-0.015, at, name, transform=across, va="center", ha="right", color=colours.text)
    if share.interval is not None:
        own, empty = cut(share.interval, 0.0), says_nothing(share.interval, 0.0)
        style = (0, (1, 2)) if empty else "solid"
        ends = [own.low * 100, own.high * 100]
        width = 1.0 if empty else 2.0
        axes.plot(ends, [place, place], color=colour, linewidth=width, linestyle=style, solid_capstyle="butt")
    axes.plot(share.estimate * 100, place, "o", markersize=5, color=colour, zorder=3)
    axes.text(
        1.02, place, f"{share.estimate * 100:.1f}", transform=across, va="center", fontsize=7.5, color=colours.soft
    )
