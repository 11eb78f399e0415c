"""Results by group of raters, in words."""

from __future__ import annotations

from collections.abc import Sequence

from common.words import counted
from evaluation.analysis.columns import CHOICES
from evaluation.analysis.groups import LEAST, GroupComparison, GroupResults
from evaluation.reports.reading import label, question_name, shortened
from evaluation.reports.wording.numbers import p_text, percent, points, points_range
from evaluation.reports.wording.results import WIDEST_LABEL, aligned


def groups_text(results: Sequence[GroupResults]) -> str:
    """A table for each column and comparison, then how far its groups differ."""
    text = []
    for each in results:
        text += [f"By group of raters: {label(each.column)}"]
        for comparison in each.comparisons:
            text += ["", *_comparison(comparison)]
        text.append("")
    text.append(
        f"Groups of fewer than {LEAST} people are held back; where that is one alone, so is the next smallest."
        " Groups are no experiment: what else differs between them counts in the difference."
    )
    return "\n".join(text)


def _comparison(comparison: GroupComparison) -> list[str]:
    a, b = comparison.generator_a, comparison.generator_b
    text = [f"{question_name(comparison.question)}: {a} against {b}"]
    names = (shortened(a, WIDEST_LABEL), "no preference", shortened(b, WIDEST_LABEL))
    rows = []
    for name, rate in comparison.rates:
        own = rate.net.interval
        shares = [percent(rate.share(choice)) for choice in CHOICES]
        bounds = "none" if own is None else points_range(own)
        rows.append([name, f"{rate.n_ratings:,}", f"{rate.n_raters:,}", *shares, points(rate.net.estimate), bounds])
    if rows:
        text += aligned(["", "ratings", "raters", *names, "net share", "interval"], rows)
    if comparison.n_held_back:
        text.append(f"Held back: {counted(comparison.n_held_back, 'group')}.")
    for first, second, each in comparison.differences:
        said = f"{first} less {second}: {points(each.estimate)} points"
        if each.low is None or each.high is None:
            text.append(f"{said}, no interval, because {each.why}.")
        else:
            low, high = points(max(each.low, -2.0)), points(min(each.high, 2.0))
            text.append(f"{said} ({low} to {high}), p {p_text(each.p_holm)} over these differences")
    return text
