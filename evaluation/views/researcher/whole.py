"""A whole report as one file: HTML that needs no server, and the same printed as PDF."""

from __future__ import annotations

import mimetypes
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import Resolver404, resolve

from evaluation.models import Report
from evaluation.reports.one_file import Fetched, one_file
from evaluation.reports.printing import print_pdf
from evaluation.views.researcher.looks import CHOSEN, seen
from evaluation.views.researcher.pages import ResearcherRequest, page
from evaluation.views.researcher.reports import report_context

HASH = re.compile(r"\.[0-9a-f]{12}(?=\.[a-z0-9]+$)")
"""What `drawbench.static_files` puts into the names of static files."""


@page("GET")
def report_html(request: ResearcherRequest, pk: int) -> HttpResponseBase:
    """The whole report as one HTML file."""
    found = _report(request, pk)
    return _kept(report_page(found), "text/html; charset=utf-8", f"{found.study.name}-report-{pk}.html")


@page("GET")
def report_pdf(request: ResearcherRequest, pk: int) -> HttpResponseBase:
    """The whole report as PDF, on A4; `?paper=letter` for letter."""
    found = _report(request, pk)
    paper = "letter" if request.GET.get("paper") == "letter" else "a4"
    data = print_pdf(report_page(found), paper=paper, program=settings.CHROMIUM)
    return _kept(data, "application/pdf", f"{found.study.name}-report-{pk}.pdf")


def report_page(report: Report) -> bytes:
    """`report` as one HTML file. Whoever asks for it has looked at the report, and is logged before."""
    inside = _Inside(report)
    text = render_to_string("reports/report.html", report_context(report), request=inside.request("/"))
    return one_file(text, inside.fetch)


class _Reader:
    """Who reads the parts of a page for it: somebody who may see them, and whose looks nobody logs again."""

    is_authenticated = True
    is_active = True
    is_staff = False
    username = ""


class _Inside:
    """Fetches what a report's page shows, from the views themselves."""

    def __init__(self, report: Report) -> None:
        self.session = {CHOSEN: [report.study.pk]}

    def request(self, path: str, query: str = "") -> HttpRequest:
        made: Any = HttpRequest()
        made.method, made.path, made.path_info = "GET", path, path
        made.GET = QueryDict(query)
        made.META = {"SERVER_NAME": "localhost", "SERVER_PORT": "80"}
        made.user, made.session = _Reader(), self.session
        found: HttpRequest = made
        return found

    def fetch(self, address: str) -> Fetched | None:
        """The file at an address of the page; None where it is not the server's own, or not there."""
        parts = urlsplit(address)
        if parts.scheme or parts.netloc or not parts.path.startswith("/"):
            return None
        if parts.path.startswith(settings.STATIC_URL):
            return _static(parts.path.removeprefix(settings.STATIC_URL))
        try:
            match = resolve(parts.path)
            answer = match.func(self.request(parts.path, parts.query), *match.args, **match.kwargs)
        except (Resolver404, Http404):
            return None
        kind = answer.headers.get("Content-Type", "").partition(";")[0]
        if answer.status_code != 200 or not kind.startswith("image/"):
            return None
        data = b"".join(answer.streaming_content) if isinstance(answer, StreamingHttpResponse) else answer.content
        return kind, data


def _static(name: str) -> Fetched | None:
    """A static file by the name that pages have, which may hold its hash."""
    path = finders.find(HASH.sub("", name))
    if not isinstance(path, str):
        return None
    return mimetypes.guess_type(path)[0] or "application/octet-stream", Path(path).read_bytes()


def _report(request: ResearcherRequest, pk: int) -> Report:
    found = get_object_or_404(Report.objects.select_related("study"), pk=pk)
    seen(request, found.study, "report")
    return found


def _kept(data: bytes, kind: str, name: str) -> HttpResponse:
    response = HttpResponse(data, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
