"""The automatic scores behind a report, as a file."""

from __future__ import annotations

from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404

from evaluation.errors import ConflictError
from evaluation.models import Report
from evaluation.reports.document import ReportDocument
from evaluation.reports.ratings_file import input_hash, ratings_csv
from evaluation.selectors.against_people import study_scores
from evaluation.views.researcher.looks import seen
from evaluation.views.researcher.pages import ResearcherRequest, page

CHANGED = (
    "The scores behind this report no longer exist: runs have been scored again, or with more metrics, since then. "
    "Open the study's newest report; its numbers and files belong together."
)


@page("GET")
def report_scores(request: ResearcherRequest, pk: int) -> HttpResponseBase:
    """The very scores that a report was made from."""
    found = get_object_or_404(Report.objects.select_related("study"), pk=pk)
    seen(request, found.study)
    section = ReportDocument.from_dict(found.results).automatic
    if section is None:
        raise Http404
    scores, _ = study_scores(found.study)
    data = ratings_csv(scores)
    if input_hash(data) != section.scores_sha256:
        raise ConflictError(CHANGED)
    response = HttpResponse(data, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{found.study.name}-report-{pk}-scores.csv"'
    return response
