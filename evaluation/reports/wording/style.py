"""How much of a preference goes with style, in words."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.analysis.style import Part, StyleParts
from evaluation.reports.reading import question_name
from evaluation.reports.wording.numbers import figures, p_text, points
from evaluation.reports.wording.results import aligned

HEADING = "How much goes with style (beside the net share, and no correction of it)"


def style_text(results: Sequence[StyleParts]) -> str:
    """For each question the parts of each pair's net share, and what a unit of each style adds."""
    text = [HEADING]
    for each in results:
        text += ["", question_name(each.question)]
        if each.why:
            text.append(f"There is no decomposition: {each.why}.")
            continue
        header = ["", "votes", "net share", "with style", "interval", "rest", "interval"]
        rows = []
        for pair in each.pairs:
            parts = [cell for part in (pair.style, pair.rest) for cell in (points(part.estimate), _bounds(part))]
            name = f"{pair.generator_a} against {pair.generator_b}"
            rows.append([name, f"{pair.n_votes:,}", points(pair.net.estimate), *parts])
        text += aligned(header, rows)
        effects = [
            [
                effect.name,
                figures(effect.unit),
                points(effect.slope.estimate),
                _bounds(effect.slope),
                p_text(effect.p_value),
            ]
            for effect in each.effects
        ]
        text += ["", *aligned(["style", "a unit is", "adds", "interval", "p"], effects)]
        if each.n_left_out:
            text.append(f"Left out: {each.n_left_out:,} votes on images without a style.")
    notes = dict.fromkeys(note for each in results for note in each.notes)
    return "\n".join([*text, *notes])


def _bounds(part: Part) -> str:
    return "none" if part.low is None or part.high is None else f"{points(part.low)} to {points(part.high)}"
