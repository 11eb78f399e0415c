"""Answers with a drawn figure."""

from __future__ import annotations

from django.http import HttpResponse

from evaluation.views.researcher.pages import ResearcherRequest

FIGURE_TYPES = {"svg": "image/svg+xml", "pdf": "application/pdf", "png": "image/png"}


def figure_response(
    request: ResearcherRequest, data: bytes, suffix: str, *, name: str, seconds: int = 60
) -> HttpResponse:
    """A drawn figure, to be shown, or taken along where the address says `download`. `seconds`: that a browser keeps
    it."""
    response = HttpResponse(data, content_type=FIGURE_TYPES[suffix])
    response["Cache-Control"] = f"private, max-age={seconds}"
    response["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    if "download" in request.GET:
        response["Content-Disposition"] = f'attachment; filename="{name}.{suffix}"'
    return response
