"""A report as one HTML file: the report's page without the site around it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import Resolver404, get_script_prefix, resolve

from evaluation.errors import ConflictError
from evaluation.models import Report, StoredImage
from evaluation.reports.carried import packed
from evaluation.reports.compute import counted_of
from evaluation.reports.one_file import one_file
from evaluation.reports.printing import Paper, print_pdf
from evaluation.selectors.images import images_with_an_address
from evaluation.services.reporting.input import report_frames
from evaluation.services.store.images import image_path
from evaluation.services.store.thumbnail import thumbnail_path
from evaluation.views.researcher.drawn import FIGURE_TYPES
from evaluation.views.researcher.looks import CHOSEN, seen
from evaluation.views.researcher.pages import ResearcherRequest, page
from evaluation.views.researcher.report_figures import KINDS, ReportFigures
from evaluation.views.researcher.report_page import report_context

INLINED = 24 << 20
"""Bytes of images in one file; the rest are left out, and their descriptions stand in their place."""
HASHES = re.compile(r"\b[0-9a-f]{64}\b")
"""By which a page names its images, among other things."""


@page("GET")
def report_file(request: ResearcherRequest, pk: int) -> HttpResponseBase:
    """One report as a file; with `?ratings`, it carries its ratings and a program that computes it again."""
    found = get_object_or_404(Report.objects.select_related("study"), pk=pk)
    with_ratings = "ratings" in request.GET
    seen(request, found.study, "ratings" if with_ratings else "report")
    return html_response(report_html(found, with_ratings=with_ratings), name=f"{found.study.name}-report-{pk}")


@page("GET")
def report_pdf(request: ResearcherRequest, pk: int) -> HttpResponseBase:
    """The whole report as PDF, on A4; `?paper=letter` for letter."""
    found = get_object_or_404(Report.objects.select_related("study"), pk=pk)
    seen(request, found.study, "report")
    paper: Paper = "letter" if request.GET.get("paper") == "letter" else "a4"
    data = print_pdf(report_page(found), paper=paper, program=settings.CHROMIUM)
    response = HttpResponse(data, content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{found.study.name}-report-{pk}.pdf"'
    return response


def html_response(text: str, *, name: str) -> HttpResponse:
    """An HTML file to be kept."""
    response = HttpResponse(text, content_type="text/html; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.html"'
    response["Cache-Control"] = "no-store"
    return response


def report_html(report: Report, *, with_ratings: bool = False) -> str:
    """The report as one file. Whoever calls has seen to the look.

    Raises:
        ConflictError: ratings are asked for, and the report has no pairs, or its ratings can't be read again.
    """
    carried = None
    if with_ratings:
        if not report.results.get("comparisons"):
            raise ConflictError("This report compares no pairs, so there is nothing that its file could compute again.")
        counted = counted_of(*report_frames(report))
        carried = {"ratings": packed(counted.ratings, counted.excluded), "results": _compared(report)}
    whole = render_to_string("reports/report.html", report_context(report, one_file=True), _asked_by_nobody(report))
    room, figures = [INLINED], ReportFigures(report)
    images = {row.sha256: row for row in images_with_an_address().filter(sha256__in=set(HASHES.findall(whole)))}

    def fetch(address: str) -> tuple[bytes, str] | None:
        found = _image(address, figures, images)
        if found is None or len(found[0]) > room[0]:
            return None
        room[0] -= len(found[0])
        return found

    return one_file(whole, fetch=fetch, styles=_style, carried=carried)


def report_page(report: Report) -> bytes:
    """The bytes of `report_html`, without the ratings."""
    return report_html(report).encode()


def _compared(report: Report) -> dict[str, object]:
    """Of the results what the second program computes."""
    wanted = ("level", "estimand", "n_ratings", "n_raters", "n_prompts", "n_control_excluded", "comparisons")
    return {name: report.results[name] for name in wanted}


def _asked_by_nobody(report: Report) -> ResearcherRequest:
    """A request for the page: no account's name stands in it."""
    request = ResearcherRequest()
    request.method = "GET"
    request.user = User()
    request.GET = QueryDict()
    request.session = {CHOSEN: [report.study_id]}  # type: ignore[assignment]
    return request


def _image(address: str, figures: ReportFigures, images: Mapping[str, StoredImage]) -> tuple[bytes, str] | None:
    """What an image on the report's page shows, and its media type; None where nothing is there any more."""
    parts = urlsplit(address)
    try:
        match = resolve("/" + parts.path.removeprefix(get_script_prefix()))
    except Resolver404:
        return None
    if match.url_name in KINDS:
        query = QueryDict(parts.query)
        drawn = figures.svg(
            match.url_name, match.kwargs["number"], theme=query.get("theme", "light"), narrow="narrow" in query
        )
        return None if drawn is None else (drawn, FIGURE_TYPES["svg"])
    row = images.get(match.kwargs.get("sha256", ""))
    if row is None:
        return None
    try:
        if match.url_name == "thumbnail":
            return thumbnail_path(row).read_bytes(), "image/webp"
        return image_path(row).read_bytes(), f"image/{row.image_format}"
    except FileNotFoundError:
        return None


def _style(address: str) -> str:
    name = urlsplit(address).path.removeprefix(urlsplit(settings.STATIC_URL).path)
    found = finders.find(name)
    return Path(str(found) if found else staticfiles_storage.path(name)).read_text(encoding="utf-8")
