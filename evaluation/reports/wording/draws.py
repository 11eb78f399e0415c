"""What of a net share's spread comes from raters, prompts and draws of images, in words."""

from __future__ import annotations

from collections.abc import Sequence

from common.words import counted
from evaluation.analysis.draws import DrawParts
from evaluation.reports.reading import question_name
from evaluation.reports.wording.numbers import figures, percent
from evaluation.reports.wording.results import aligned

WORDS = {
    "rater": "between raters",
    "prompt": "between prompts",
    "draw": "between draws of a prompt's images",
    "rest": "the rest",
}


def draws_text(results: Sequence[DrawParts]) -> str:
    """The four variances of each pair, and what more draws a prompt would bring."""
    text = ["Where the spread comes from (variances of single votes, +1, 0 or -1)"]
    for each in results:
        text += ["", f"{question_name(each.question)}: {each.generator_a} against {each.generator_b}"]
        if each.why:
            text.append(f"It can't be said: {each.why}.")
            continue
        rows = []
        for part in each.parts:
            known = part.low is not None and part.high is not None
            bounds = f"{figures(part.low)} to {figures(part.high)}" if known else "none"
            rows.append([WORDS[part.name], figures(part.variance), bounds, percent(part.share)])
        text += aligned(["", "variance", "interval", "% of the mean's"], rows)
        sets = [f"±{percent(plan.half_width)} with {counted(plan.draws, 'draw')}" for plan in each.plans]
        if sets:
            text.append(f"The net share's half-width, in points, with as many votes: {', '.join(sets)} a prompt.")
    return "\n".join(text)
