"""A report's paper kit, made when it is asked for."""

from __future__ import annotations

import tempfile
from pathlib import Path

from django.http import FileResponse, HttpResponseBase
from django.shortcuts import get_object_or_404

from evaluation.models import Report
from evaluation.services.reporting.kit import kit_name, kit_write
from evaluation.views.researcher.looks import seen
from evaluation.views.researcher.pages import ResearcherRequest, page
from evaluation.views.researcher.report_file import report_page


@page("GET")
def paper_kit(request: ResearcherRequest, pk: int) -> HttpResponseBase:
    """The paper kit of a report."""
    found = get_object_or_404(Report.objects.select_related("study"), pk=pk)
    seen(request, found.study, "ratings")
    return kit_response(found)


def kit_response(report: Report) -> FileResponse:
    """The kit of `report`, to be kept. The file has no name any more once it is open: nobody has to clean it up.

    Raises:
        ConflictError: there are no ratings, or they can't be read again.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / f"{kit_name(report)}.zip"
        kit_write(report=report, out=out, page=report_page)
        return FileResponse(out.open("rb"), as_attachment=True, filename=out.name, content_type="application/zip")
