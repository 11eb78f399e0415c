"""Pages for what went wrong, in plain words and without a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from evaluation.doors import TooManyError, say_when
from evaluation.surroundings import Away, Room, away, no_room
from evaluation.views.rater.refusals import is_raters, refusal

ErrorView = Callable[[HttpRequest], HttpResponse]


class Refusals:
    """Middleware: limits on strangers that a view did not answer itself, as a page or as JSON.

    In Django's own pages too, such as the administrator's sign-in.
    """

    def __init__(self, get_response: ErrorView) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """429 for a `TooManyError`, None for any other error."""
        if not isinstance(error, TooManyError):
            return None
        if _wants_json(request):
            answer: HttpResponse = JsonResponse({"detail": error.message}, status=error.status)
        elif is_raters(request):
            answer = refusal(request, error.status, retry_after=error.retry_after)
        else:
            answer = render(request, "429.html", {"error": error}, status=error.status)
        say_when(answer, error)
        return answer


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400: the server can't make sense of what was sent."""
    return _answer(request, 400, "Bad request: the address or the submitted data is not valid.")


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403: signed in, but not for this."""
    return _answer(request, 403, "Your account does not have permission for this.")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404: nothing at this address."""
    return _answer(request, 404, "Nothing was found at this address.")


def server_error(request: HttpRequest) -> HttpResponse:
    """500: a fault of ours; 503: PostgreSQL or Valkey is away, and which; 507: a disk is full, and which. The page
    touches neither of them, nor the session."""
    error = sys.exc_info()[1]
    full = no_room(error)
    if full is not None:
        return _no_room(request, full)
    which = away(error)
    if which is not None:
        return _away(request, which)
    if _wants_json(request):
        return JsonResponse(
            {"detail": "Something failed on the server. It was logged; please tell the operator when it happened."},
            status=500,
        )
    if is_raters(request):
        return refusal(request, 500)
    return HttpResponse(render_to_string("500.html"), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: the form's protection against forgery did not fit, mostly since the page was old or cookies are off."""
    if _wants_json(request):
        return JsonResponse({"detail": f"The CSRF token is missing or wrong: {reason}"}, status=403)
    if is_raters(request):
        return refusal(request, 403)
    return render(request, "403_csrf.html", status=403)


def refused(request: HttpRequest, status: int, heading: str, words: str) -> HttpResponse:
    """An answer to a request whose body nobody has read: its page touches neither session nor database."""
    if _wants_json(request):
        return JsonResponse({"detail": words, "field": None}, status=status)
    return HttpResponse(render_to_string("refused.html", {"heading": heading, "words": words}), status=status)


def _away(request: HttpRequest, which: Away) -> HttpResponse:
    if _wants_json(request):
        detail = f"The {which} is not responding. Try again in a minute."
        answer: HttpResponse = JsonResponse({"detail": detail}, status=503)
    elif is_raters(request):
        answer = refusal(request, 503)
    else:
        answer = HttpResponse(render_to_string("503.html", {"away": which}), status=503)
    answer["Retry-After"] = "5"
    return answer


def _no_room(request: HttpRequest, full: Room) -> HttpResponse:
    """The request may be read no more: what could not be kept of it is gone."""
    if _wants_json(request):
        detail = f"The {full} is full. Nothing was saved. Ask the operator of this server to make room, then try again."
        return JsonResponse({"detail": detail}, status=507)
    if is_raters(request):
        return refusal(request, 507)
    return HttpResponse(render_to_string("507.html", {"full": full}), status=507)


def _answer(request: HttpRequest, status: int, detail: str) -> HttpResponse:
    if _wants_json(request):
        return JsonResponse({"detail": detail}, status=status)
    if is_raters(request):
        return refusal(request, status)
    return render(request, f"{status}.html", status=status)


def _wants_json(request: HttpRequest) -> bool:
    """The API, and scripts of pages; a form's page otherwise."""
    by_script = "application/json" in (request.content_type, request.headers.get("Accept"))
    return by_script or request.path.startswith("/api/")
