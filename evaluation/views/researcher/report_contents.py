"""The table of contents of a report: its sections in the order in which `reports/report.html` has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from evaluation.analysis.summary_results import ComparisonResult
from evaluation.reports.reading import question_name


@dataclass(frozen=True, slots=True)
class Entry:
    """A section: the `anchor` of its heading, and its `title`; the many `within` it are folded in the contents."""

    anchor: str
    title: str
    within: tuple[Entry, ...] = ()


def contents(context: Mapping[str, Any]) -> tuple[Entry, ...]:
    """The sections that a report with this context has."""
    inside = tuple(Entry(*_comparison(number, each)) for number, each, *_ in context.get("inside", ()))
    return tuple(Entry(*entry, inside if entry[0] == "pairs" else ()) for entry in _entries(context))


def _comparison(number: int, comparison: ComparisonResult) -> tuple[str, str]:
    name = question_name(comparison.question)
    return f"comparison-{number}", f"{name}: {comparison.generator_a} against {comparison.generator_b}"


def _entries(of: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if not of["has_results"]:
        if of.get("automatic"):
            yield "automatic", "Automatic scores"
        yield "declaration", "What the study declared"
        return
    further, images = of.get("further"), of["images"]
    if images and images.examples:
        yield "examples", "Examples, one per category"
    if of["agreed"]:
        yield "agreed", "Prompts on which raters agreed most and least"
    if images and images.grid:
        yield "grid", "A grid of samples"
    if of.get("exams"):
        yield "exams", "What the generators can draw"
    if of["collection"]:
        yield "collection", "How the ratings were collected"
    if of["displays"]:
        yield "displays", "Displays"
    if further and further.screening:
        yield "screening", "Control trials and screening"
    if of.get("unscreened_table"):
        yield "without", "With all raters"
    if of["skipped"]:
        yield "skips", "Trials that were not rated"
    for number, (ranking, _) in enumerate(of["rankings"], start=1):
        yield f"ranking-{number}", f"{question_name(ranking.question)}: ranking"
    if of.get("against_reference"):
        yield "against-reference", "Against the photographs"
    for number, comparison, *_ in of["comparisons"]:
        yield _comparison(number, comparison)
    if of["more_pairs"]:
        yield "pairs", "All pairs"
    for each in of.get("groups", ()):
        yield f"answers-{each.group.number}", each.title
    for number, (question, *_) in enumerate(of.get("category_rankings", ()), start=1):
        yield f"ranks-{number}", f"{question_name(question)}: ranks by category"
    if of.get("marked"):
        yield "marked", "Words that were marked"
    if of.get("answer_agreement"):
        yield "answer-agreement", "Agreement on images"
    if further and further.nobody:
        yield "nobody", "Captions that name nobody"
    if of["refusals"]:
        yield "refused", "Refused images"
    yield "intervals", "How to read the intervals"
    if of["collection"]:
        yield "times", "Response times, sides and agreement"
    if further and further.signs:
        yield "signs", "Signs"
    if further and further.retests:
        yield "retest", "Trials seen again"
    if of["stopping"]:
        yield "stopping", "The declared stopping rule"
    if of.get("automatic"):
        yield "automatic", "Automatic scores"
    if of["fragile"]:
        yield "fragility", "How few would overturn it"
    if of["limitations"]:
        yield "limitations", "Limitations"
    if further and further.comments:
        yield "comments", "Comments"
    yield "declaration", "What the study declared"
    yield "recompute", "Compute it again"
    yield "appendix", "Appendix for specialists"
