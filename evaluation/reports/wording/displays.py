"""Displays in words, for the terminal."""

from __future__ import annotations

from common.words import counted
from evaluation.analysis.displays import Displays, WithoutSmall
from evaluation.reports.reading import question_name
from evaluation.reports.wording.numbers import percent_sign, points, points_range


def displays_text(shown: Displays) -> str:
    """What the images stood on, and a line for each comparison where some answers were given on small displays."""
    lines = ["Displays"]
    if shown.widths is not None:
        spread = shown.widths
        lines.append(
            f"Images stood {spread.median:.0f} CSS pixels wide in the median ({spread.min:.0f} to {spread.max:.0f}), "
            f"known of {shown.n_known:,} of {counted(shown.n_answers, 'answer')}."
        )
    if shown.themes:
        shares = ", ".join(f"{name} {percent_sign(share)}" for name, share in shown.theme_shares)
        lines.append(f"Surround: {shares}.")
    lines.append(
        f"Under {shown.small} CSS pixels (small): {counted(shown.n_small, 'answer')}, by {shown.n_small_raters:,} of "
        f"{counted(shown.n_raters, 'rater')}."
    )
    return "\n".join([*lines, *map(_line, shown.without_small)])


def _line(each: WithoutSmall) -> str:
    said = (
        f"{question_name(each.question)}: {each.generator_a} against {each.generator_b}: net share {points(each.net)}"
    )
    if each.net_without is None:
        return f"{said}; no answer is left without small displays."
    bounds = "no interval" if each.interval_without is None else points_range(each.interval_without)
    return f"{said}; without small displays {points(each.net_without)} ({bounds}; {counted(each.n_without, 'rating')})."
