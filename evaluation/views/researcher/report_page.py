"""What the page of a report shows. All numbers are those that are stored; nothing is computed anew."""

from __future__ import annotations

from typing import Any

from evaluation.analysis.refusals import POLICIES
from evaluation.models import Report
from evaluation.reports.compute import code_version
from evaluation.reports.document import ReportDocument
from evaluation.reports.reading import lines, win_matrix
from evaluation.reports.wording.descriptions import comparison_description
from evaluation.reports.wording.fragility import fragile_questions
from evaluation.reports.wording.results import retest_line
from evaluation.selectors.sealed import sealed_state
from evaluation.selectors.shared_images import study_shared_images
from evaluation.services.reporting.coverage import report_coverage
from evaluation.services.studies.looks import looks_counted
from evaluation.views.researcher.answers_report import answers_context
from evaluation.views.researcher.automatic import automatic_context


def report_context(report: Report) -> dict[str, Any]:
    """The context of `reports/report.html`."""
    document = ReportDocument.from_dict(report.results)
    results = document.analysis
    specification: dict[str, Any] = report.study.specification
    collected = document.collection
    order = {each["id"]: at for at, each in enumerate(specification.get("protocol", {}).get("questions", []))}

    def place(question: str) -> int:
        """In the protocol's order."""
        return order.get(question, len(order))

    rankings = (*results.rankings, *(document.answers.rankings if document.answers else ()))
    shown = [
        (number, each, lines(each), comparison_description(each), _wording(specification, each.question))
        for number, each in enumerate(results.comparisons)
    ]
    newest = report.study.reports.order_by("-created_at", "-pk").values_list("pk", flat=True).first()
    return {
        "area": "studies",
        "report": report,
        "study": report.study,
        "results": results,
        "collection": collected,
        "comparisons": sorted(shown, key=lambda each: place(each[1].question)),
        "rankings": [(each, win_matrix(each)) for each in sorted(rankings, key=lambda each: place(each.question))],
        "agreement": sorted(results.agreement.items(), key=lambda each: place(each[0])),
        "influence": sorted(collected.questions, key=lambda each: place(each.question)) if collected else [],
        "retest": [retest_line(each) for each in results.retest],
        "fragile": sorted(fragile_questions(document.fragility or ()), key=lambda each: place(each.question)),
        "stopping": document.stopping,
        "skipped": document.skipped,
        "sealed": sealed_state(report.study),
        "displays": document.displays,
        "coverage": report_coverage(report) if results.comparisons else None,
        "refusals": document.refusals,
        "policies": POLICIES,
        **automatic_context(report, document.automatic, place),
        **answers_context(report, document, place),
        "specification": specification,
        "looks": looks_counted(report.study),
        "shared_images": study_shared_images(report.study),
        "has_results": bool(results.comparisons or (document.answers and report.n_ratings)),
        "all_simulated": report.n_simulated == report.n_ratings,
        "n_real": report.n_ratings - report.n_simulated,
        "is_newest": newest == report.pk,
        "same_code": report.code_version == code_version(),
    }


def _wording(specification: dict[str, Any], question: str) -> str:
    """The question as raters were asked it."""
    for each in specification.get("protocol", {}).get("questions", []):
        if each.get("id") == question:
            return str(each.get("text", "")).replace("{caption}", "[the prompt]")
    return ""
