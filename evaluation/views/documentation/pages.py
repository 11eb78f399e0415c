"""The documentation, page by page, and its pictures. Nobody need sign in: it lies open in the repository."""

from __future__ import annotations

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from evaluation import documentation


@require_safe
def page(request: HttpRequest, name: str = documentation.INDEX) -> HttpResponse:
    """One page; without a name the one that lists all."""
    try:
        found = documentation.page(name)
    except LookupError:
        raise Http404 from None
    return render(request, "documentation/page.html", {"area": "documentation", "page": found})


@require_safe
def image(request: HttpRequest, name: str) -> HttpResponseBase:
    """A picture of the documentation."""
    try:
        path = documentation.image(name)
    except LookupError:
        raise Http404 from None
    response = FileResponse(path.open("rb"), content_type=documentation.IMAGE_TYPES[path.suffix])
    response["Cache-Control"] = "public, max-age=3600"
    response["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    return response
