"""Numbers as people read them, in one form everywhere: "50.0 %", "−2.1 points", three significant figures."""

from __future__ import annotations

from evaluation.reports.reading import HasBounds, cut

MINUS = "\u2212"
NOTHING = 1e-12
"""Below this a number is rounding, where others of its kind are near 1."""


def percent(fraction: float, digits: int = 1) -> str:
    """`.4837` -> "48.4", without its sign: tables have that in their headings."""
    return f"{fraction * 100:.{digits}f}".replace("-", MINUS)


def percent_sign(fraction: float, digits: int = 1) -> str:
    """`.4837` -> "48.4 %"."""
    return f"{percent(fraction, digits)} %"


def level_text(level: float) -> str:
    """A confidence level: `.95` -> "95 %"."""
    return f"{level * 100:g} %"


def points(fraction: float, digits: int = 1) -> str:
    """A net share in percentage points: `-.0213` -> "−2.1", `.0213` -> "+2.1"."""
    return f"{round(fraction * 100, digits) + 0.0:+.{digits}f}".replace("-", MINUS)


def figures(number: float | None) -> str:
    """Three significant figures, as columns of estimates have them: `-.2134` -> "−0.213", `.4` -> "0.400"; nothing for
    None.
    """
    if number is None:
        return ""
    number = 0.0 if abs(number) < NOTHING else number
    text = f"{number:,.0f}" if abs(number) >= 1000 else f"{number:#.3g}".rstrip(".")
    return text.replace("-", MINUS)


def signed(number: float) -> str:
    """Three significant figures with a sign: `-.2134` -> "−0.213", `.4` -> "+0.400"."""
    return f"{'+' if number >= 0 else ''}{figures(number)}"


def points_range(interval: HasBounds, digits: int = 1) -> str:
    """An interval of a net share, cut at what is possible: "−2.3 to +29.5"."""
    own = cut(interval)
    return f"{points(own.low, digits)} to {points(own.high, digits)}"


def percent_range(interval: HasBounds) -> str:
    """An interval of a share in per cent, cut at what is possible: "0.0 to 29.5"."""
    own = cut(interval, 0.0)
    return f"{percent(own.low)} to {percent(own.high)}"


def coefficient(value: float) -> str:
    """A coefficient between -1 and 1, with three decimals: `-.0213` -> "−0.021"."""
    return f"{round(value, 3) + 0.0:.3f}".replace("-", MINUS)


def p_text(p: float | None) -> str:
    """`.0312` -> "0.031"; "<0.001" below that; a dash where there is none."""
    return "–" if p is None else "<0.001" if p < 0.001 else f"{p:.3f}"
