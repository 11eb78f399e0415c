"""The gate in front of every view: no address, cookie or form field with a character that may stand in no text.

JSON has its own gate, in the reader that all of it passes (`common.json_in`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.shortcuts import render

from common.text import bad_character, refusal

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
RATERS_JSON = ("/r/next", "/r/rate", "/r/undo", "/r/skip", "/r/uncover")
"""Addresses of the rater's page that speak JSON in a form of their own."""

Named = Iterable[tuple[str, str, str]]
"""(the field, how it is called, its text)."""


class TextGate:
    """Middleware: a request with such a character is answered 400, naming field and character; 404 where it is in the
    address's path, since nothing is there.

    Stands after the check against forged requests, so that it reads no body which that check has not asked for.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        bad = bad_character(request.path_info, lines=True)
        if bad is not None:  # no view has such an address
            return _answer(request, "", refusal("the address", bad), status=404)
        return refused(request, _of_address(request)) or self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], args: Any, kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        """The fields of a form; the API's are looked at when it is known who calls (`evaluation.api.base`)."""
        if request.method != "POST" or request.content_type not in FORMS or request.path_info.startswith("/api/"):
            return None
        return refused(request, _of_form(request))


def refused(request: HttpRequest, texts: Named) -> HttpResponseBase | None:
    """The answer to a request with a character that may stand in no text; None where all may."""
    for field, what, text in texts:
        bad = bad_character(text, lines=True)
        if bad is not None:
            return _answer(request, field, refusal(what, bad), status=400)
    return None


def _of_address(request: HttpRequest) -> Named:
    for name, values in request.GET.lists():
        yield "", "the name of a parameter of the address", name
        for value in values:
            yield name, f"the parameter {name} of the address", value
    for name, value in request.COOKIES.items():
        yield "", "the name of a cookie", name
        yield "", f"the cookie {name}", value


def _of_form(request: HttpRequest) -> Named:
    for name, values in request.POST.lists():
        yield "", "the name of a field", name
        for value in values:
            yield name, f"the field {name}", value if isinstance(value, str) else ""
    for name, files in request.FILES.lists():
        for file in files:
            yield name, f"the name of the file in the field {name}", file.name or ""


def _answer(request: HttpRequest, field: str, message: str, *, status: int) -> HttpResponseBase:
    if request.path_info.startswith("/api/"):
        return JsonResponse({"detail": message, "field": field or None}, status=status)
    if request.path_info in RATERS_JSON:
        return JsonResponse({"error": {"code": "input", "message": message}}, status=status)
    return render(request, f"{status}.html", {"message": message}, status=status)
