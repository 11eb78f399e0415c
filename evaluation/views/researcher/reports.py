"""Reports: a study's newest, and each that was made, with its figures and files."""

from __future__ import annotations

import json

from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from evaluation.analysis.summary_results import Analysis, ComparisonResult
from evaluation.errors import InputError
from evaluation.models import Report
from evaluation.reports.answer_groups import answers_table_csv
from evaluation.reports.document import ReportDocument
from evaluation.reports.tables import table_latex, tables_csv
from evaluation.selectors.studies import study_by_name
from evaluation.services.reporting.coverage import report_coverage, report_coverage_ask
from evaluation.services.reporting.input import report_frames
from evaluation.services.reporting.make import report_make
from evaluation.services.studies.looks import looks_counted
from evaluation.views.researcher.looks import seen
from evaluation.views.researcher.pages import ResearcherRequest, page, tell
from evaluation.views.researcher.report_page import pair_context, report_context
from evaluation.views.researcher.studies import ratings_response


@page("GET")
def study_report(request: ResearcherRequest, name: str) -> HttpResponseBase:
    """To the report of a study's ratings as they stand, made now unless it is there."""
    study = study_by_name(name)
    seen(request, study)  # the report itself is logged
    return redirect("researcher:report", pk=report_make(study=study).pk)


@page("GET")
def report(request: ResearcherRequest, pk: int) -> HttpResponseBase:
    """One report. It shows what it was made from, for good; the study's page leads to the newest."""
    return render(request, "reports/report.html", report_context(_report(request, pk, "report")))


@page("GET")
def pair(request: ResearcherRequest, pk: int, number: int) -> HttpResponseBase:
    """One comparison of a report by itself, with all its numbers: reports of many pairs list them and lead here."""
    context = pair_context(_report(request, pk, "report"), number)
    if context is None:
        raise Http404
    return render(request, "reports/pair.html", context)


@page("GET", "POST")
def coverage(request: ResearcherRequest, pk: int) -> HttpResponseBase:
    """Have the report's own design simulated; and how far that is, as a part of its page that htmx fetches."""
    found = _report(request, pk)
    if request.method == "POST":
        try:
            report_coverage_ask(report=found)
        except InputError as error:
            tell(request, error)
            return redirect("researcher:report", pk=pk)  # whose top has the message
        return redirect(reverse("researcher:report", args=[pk]) + "#coverage")
    return render(request, "reports/_coverage.html", {"report": found, "coverage": report_coverage(found)})


@page("GET")
def results_json(request: ResearcherRequest, pk: int) -> HttpResponseBase:
    """The results of a report, with what names its input."""
    found = _report(request, pk, "report")
    document = found.results | {
        "report": {
            "study": found.study.name,
            "specification_hash": found.study.specification_hash,
            "input_hash": found.input_hash,
            "settings": found.settings,
            "code_version": found.code_version,
            "as_of": found.as_of.isoformat(),
            "looks_before_closing": looks_counted(found.study),
        }
    }
    response = HttpResponse(
        json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2) + "\n", content_type="application/json"
    )
    response["Content-Disposition"] = f'attachment; filename="report-{pk}.json"'
    return response


@page("GET")
def table_csv(request: ResearcherRequest, pk: int) -> HttpResponseBase:
    """The tables of a report as one CSV file."""
    return csv_response(report_tables(_report(request, pk, "report")), name=f"report-{pk}-table")


def report_tables(report: Report) -> str:
    """The tables of `report` as CSV: of its pairs, or of its answers where it has no pairs."""
    document = _document(report)
    if document.answers is not None and not document.analysis.comparisons:
        return answers_table_csv(document.answers)
    return tables_csv(document.analysis.comparisons)


def csv_response(text: str, *, name: str) -> HttpResponse:
    """A CSV file to be kept."""
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


@page("GET")
def table_tex(request: ResearcherRequest, pk: int, number: int) -> HttpResponseBase:
    """One comparison's table for a paper."""
    results, comparison = _comparison(request, pk, number)
    text = table_latex(comparison, speaks_for=results.speaks_for, simulated=results.simulated)
    response = HttpResponse(text, content_type="application/x-tex; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{_stem(pk, comparison)}.tex"'
    return response


@page("GET")
def report_ratings(request: ResearcherRequest, pk: int, suffix: str) -> HttpResponseBase:
    """The very ratings that a report was made from."""
    found = _report(request, pk, "ratings")
    ratings, _ = report_frames(found)
    return ratings_response(ratings, name=f"{found.study.name}-report-{pk}-ratings", suffix=suffix)


@page("GET")
def report_answers(request: ResearcherRequest, pk: int) -> HttpResponseBase:
    """The very answers of other kinds that a report was made from."""
    found = _report(request, pk, "answers")
    _, answers = report_frames(found)
    if answers.frame is None:
        raise Http404
    return ratings_response(answers.frame, name=f"{found.study.name}-report-{pk}-answers", suffix="csv")


def _report(request: ResearcherRequest, pk: int, what: str = "") -> Report:
    """The report, and a look at `what` of it."""
    found = get_object_or_404(Report.objects.select_related("study"), pk=pk)
    seen(request, found.study, what)
    return found


def _document(report: Report) -> ReportDocument:
    return ReportDocument.from_dict(report.results)


def _comparison(request: ResearcherRequest, pk: int, number: int) -> tuple[Analysis, ComparisonResult]:
    """A report's analysis, and the comparison with this number in it."""
    results = _document(_report(request, pk)).analysis
    if number >= len(results.comparisons):
        raise Http404
    return results, results.comparisons[number]


def _stem(pk: int, comparison: ComparisonResult) -> str:
    return f"report-{pk}-{comparison.question}"
