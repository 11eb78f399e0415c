"""The files of a report's automatic scores: the figure of their agreement with raters, and the scores themselves."""

from __future__ import annotations

from typing import cast

from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.gzip import gzip_page

from evaluation.errors import ConflictError
from evaluation.models import Report
from evaluation.reports.agreement_figure import agreement_figure
from evaluation.reports.automatic import AutomaticScores
from evaluation.reports.document import ReportDocument
from evaluation.reports.figure import FigureFormat, Theme
from evaluation.reports.ratings_file import input_hash, ratings_csv
from evaluation.selectors.against_people import study_scores
from evaluation.views.researcher.looks import seen
from evaluation.views.researcher.metrics import figure_response
from evaluation.views.researcher.pages import ResearcherRequest, page

CHANGED = (
    "The scores behind this report no longer exist: runs have been scored again, or with more metrics, since then. "
    "Open the study's newest report; its numbers and files belong together."
)


@gzip_page
@page("GET")
def agreement(request: ResearcherRequest, pk: int, number: int, suffix: str) -> HttpResponseBase:
    """The figure of one pair and question: scores against people."""
    held = _found(request, pk)[1].against_people
    if held is None or number >= len(held.agreement) or not held.agreement[number].metrics:
        raise Http404
    theme: Theme = "dark" if request.GET.get("theme") == "dark" else "light"
    data = agreement_figure(
        held.agreement[number], image_format=cast(FigureFormat, suffix), theme=theme, narrow="narrow" in request.GET
    )
    return figure_response(request, data, suffix, name=f"report-{pk}-agreement-{number}")


@page("GET")
def report_scores(request: ResearcherRequest, pk: int) -> HttpResponseBase:
    """The very scores that a report was made from."""
    found, section = _found(request, pk)
    scores, _ = study_scores(found.study)
    data = ratings_csv(scores)
    if input_hash(data) != section.scores_sha256:
        raise ConflictError(CHANGED)
    response = HttpResponse(data, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{found.study.name}-report-{pk}-scores.csv"'
    return response


def _found(request: ResearcherRequest, pk: int) -> tuple[Report, AutomaticScores]:
    found = get_object_or_404(Report.objects.select_related("study"), pk=pk)
    seen(request, found.study)
    section = ReportDocument.from_dict(found.results).automatic
    if section is None:
        raise Http404
    return found, section
