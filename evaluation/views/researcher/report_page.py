"""What the page of a report shows, in its order. All numbers are those that are stored; nothing is computed anew.

The page is bounded, whatever the study: of long lists it has the first lines, and files have the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from evaluation.analysis.agreed_prompts import PromptVotes
from evaluation.analysis.agreement import ORDINAL_ALPHA, Agreement
from evaluation.analysis.refusals import POLICIES
from evaluation.analysis.summary_results import ComparisonResult
from evaluation.models import Report
from evaluation.reports.answer_words import option_texts_of
from evaluation.reports.compute import code_version
from evaluation.reports.directions import rightward_names, with_isolates
from evaluation.reports.document import ReportDocument, names_in_figures
from evaluation.reports.exams import exams_beside
from evaluation.reports.fonts import missing_letters
from evaluation.reports.limitations import Limits, limitations
from evaluation.reports.reading import MOST_FIGURES, drawn, lines, win_matrix
from evaluation.reports.wording.descriptions import comparison_description
from evaluation.reports.wording.fragility import fragile_questions
from evaluation.reports.wording.results import retest_line
from evaluation.reports.wording.strip import strip_note, strip_parts
from evaluation.selectors.recruitment import recruitment
from evaluation.selectors.report_images import report_images
from evaluation.selectors.sealed import sealed_state
from evaluation.selectors.shared_images import study_shared_images
from evaluation.services.reporting.coverage import report_coverage
from evaluation.services.studies.looks import looks_counted
from evaluation.views.researcher.answers_report import answers_context
from evaluation.views.researcher.automatic import automatic_context
from evaluation.views.researcher.report_contents import contents

WHOLE_PAIRS = 12
"""Comparisons that the page shows whole; of more it has a line each, which leads to the whole."""
Context = dict[str, Any]


def report_context(report: Report, *, one_file: bool = False) -> Context:
    """The context of `reports/report.html`. `one_file`: for a file, which has every pair whole."""
    context = _base(report)
    document: ReportDocument = context["document"]
    results, place = document.analysis, context["place"]
    specification: dict[str, Any] = context["specification"]
    collected = document.collection
    rankings = (*results.rankings, *(document.answers.rankings if document.answers else ()))
    ordered = sorted(enumerate(results.comparisons), key=lambda each: place(each[1].question))
    whole = len(ordered) <= WHOLE_PAIRS
    agreed = sorted(document.prompts, key=lambda each: place(each.question))
    named = {one.prompt_id for each in agreed for one in (*each.most, *each.least)}
    images = report_images(report.study, named) if report.study.specification_hash else None
    flow = recruitment(report.study) if report.study.specification_hash else None
    newest = report.study.reports.order_by("-created_at", "-pk").values_list("pk", flat=True).first()
    people = flow.flow if flow else None
    context |= {
        "strip": strip_parts(results, document.answers, place, option_texts_of(specification)),
        "strip_note": strip_note(results),
        "collection": collected,
        "comparisons": [_shown(number, each, specification) for number, each in ordered] if whole else [],
        "more_pairs": [] if whole else ordered[:MOST_PAIR_ROWS],
        "inside": _inside(ordered[:MOST_PAIR_ROWS], specification) if one_file and not whole else [],
        "drawn_pairs": MOST_FIGURES,
        "n_pairs": len(ordered),
        "rankings": [(each, win_matrix(each)) for each in sorted(rankings, key=lambda each: place(each.question))],
        "agreement": _first_coefficients(results.agreement, place),
        "more_agreement": sorted(results.agreement.items(), key=lambda each: place(each[0])),
        "influence": _influence(document, place),
        "retest": [retest_line(each) for each in results.retest],
        "fragile": sorted(fragile_questions(document.fragility or ()), key=lambda each: place(each.question)),
        "stopping": document.stopping,
        "skipped": document.skipped,
        "sealed": sealed_state(report.study),
        "displays": document.displays,
        "coverage": report_coverage(report) if results.comparisons else None,
        "refusals": document.refusals,
        "policies": POLICIES,
        "images": images,
        "exams": exams_beside(specification.get("runs", [])),
        "agreed": [(each, _with_images(each.most, images), _with_images(each.least, images)) for each in agreed],
        "recruitment": flow,
        "limitations": limitations(
            Limits(
                document,
                specification,
                report.n_ratings,
                report.n_simulated,
                joined=people.joined if people else 0,
                left=people.left if people else 0,
            )
        ),
        **automatic_context(report, document.automatic, place),
        **answers_context(report, document, place),
        "looks": looks_counted(report.study),
        "shared_images": study_shared_images(report.study),
        "is_newest": newest == report.pk,
        "same_code": report.code_version == code_version(),
    }
    return context | {"contents": contents(context)}


def pair_context(report: Report, number: int) -> Context | None:
    """The context of `reports/pair.html`; None where there is no such comparison."""
    context = _base(report)
    comparisons = context["document"].analysis.comparisons
    if number >= len(comparisons):
        return None
    return context | {"shown": _shown(number, comparisons[number], context["specification"])}


MOST_PAIR_ROWS = 400
"""Comparisons that the page lists by a line each."""


def _base(report: Report) -> Context:
    """What every page of a report has. Names written from right to left are in isolates, in all that is shown."""
    names = rightward_names([report.results, report.study.specification])
    document = ReportDocument.from_dict(with_isolates(report.results, names))
    specification: dict[str, Any] = with_isolates(report.study.specification, names)
    order = {each["id"]: at for at, each in enumerate(specification.get("protocol", {}).get("questions", []))}

    def place(question: str) -> int:
        """In the protocol's order."""
        return order.get(question, len(order))

    results = document.analysis
    return {
        "area": "studies",
        "report": report,
        "study": report.study,
        "document": document,
        "results": results,
        "specification": specification,
        "place": place,
        "has_results": bool(results.comparisons or (document.answers and report.n_ratings)),
        "all_simulated": report.n_simulated == report.n_ratings,
        "n_real": report.n_ratings - report.n_simulated,
        "missing": missing_letters(names_in_figures(document, option_texts_of(specification))),
    }


def _shown(number: int, comparison: ComparisonResult, specification: Mapping[str, Any]) -> tuple[Any, ...]:
    wording = _wording(specification, comparison.question)
    return number, comparison, lines(comparison), comparison_description(comparison), wording


def _inside(ordered: list[tuple[int, ComparisonResult]], specification: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Each comparison as `_shown`, and whether its figure is drawn."""
    with_figure = set(drawn([each for _, each in ordered]))
    return [(*_shown(number, each, specification), at in with_figure) for at, (number, each) in enumerate(ordered)]


def _wording(specification: Mapping[str, Any], question: str) -> str:
    """The question as raters were asked it."""
    for each in specification.get("protocol", {}).get("questions", []):
        if each.get("id") == question:
            return str(each.get("text", "")).replace("{caption}", "[the prompt]")
    return ""


def _first_coefficients(
    agreement: Mapping[str, tuple[Agreement, ...]], place: Callable[[str], int]
) -> list[tuple[str, tuple[Agreement, ...]]]:
    """Of each question Krippendorff's ordinal alpha alone; the appendix has the other coefficients."""
    found = []
    for question, coefficients in sorted(agreement.items(), key=lambda each: place(each[0])):
        first = [each for each in coefficients if each.method == ORDINAL_ALPHA] or list(coefficients[:1])
        found.append((question, tuple(first)))
    return found


def _influence(document: ReportDocument, place: Callable[[str], int]) -> list[Any]:
    """How far one rater moves each pair; of many pairs the largest of each question."""
    own = sorted(document.collection.questions if document.collection else (), key=lambda each: place(each.question))
    if len(own) <= WHOLE_PAIRS:
        return own
    largest: dict[str, Any] = {}
    for each in own:
        known = largest.get(each.question)
        if known is None or (each.influence or 0.0) > (known.influence or 0.0):
            largest[each.question] = each
    return list(largest.values())


def _with_images(votes: tuple[PromptVotes, ...], images: Any) -> list[tuple[PromptVotes, Any, list[Any]]]:
    """Each prompt with its text and the two sets that were compared."""
    found = []
    for each in votes:
        prompt = images.named.get(each.prompt_id) if images else None
        sets = [own for own in prompt.sets if own.label in (each.generator_a, each.generator_b)] if prompt else []
        found.append((each, prompt, sorted(sets, key=lambda own: own.label != each.generator_a)))
    return found
