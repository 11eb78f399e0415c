"""What is refused of a request's body before anything reads it: the size and the sender are known from the header."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import APIException

from drawbench import limits
from evaluation.api.authentication import LimitedTokens
from evaluation.doors import TooManyError
from evaluation.views.errors import refused

LONGEST_LENGTH = 20
"""Digits of a length."""

_LARGE = re.compile(limits.LARGE_BODY_ADDRESSES)


def body_limits(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: 413 for a body that is too large for its address, 401 for a large one from nobody we know, 400 for a
    length that is no number, 411 for a body of unknown length (Django would take it for an empty one).

    It stands behind the sessions, which read no body, and before whatever reads one, as the check of forms does.
    """

    def within_limits(request: HttpRequest) -> HttpResponse:
        if request.META.get("HTTP_TRANSFER_ENCODING") and not request.META.get("CONTENT_LENGTH"):
            return refused(request, 411, "Length required", limits.NEEDS_A_LENGTH)
        length = _length(request)
        if length is None:
            return refused(request, 400, "Bad request", limits.NO_LENGTH)
        if length <= limits.BODY_MAX_BYTES:
            return get_response(request)
        if not _LARGE.match(request.path_info) or length > limits.LARGE_BODY_MAX_BYTES:
            return refused(request, 413, "Too large", limits.TOO_LARGE)
        if not _is_known(request):
            return refused(request, 401, "Sign in first", limits.SIGN_IN_FIRST)
        return get_response(request)

    return within_limits


def _length(request: HttpRequest) -> int | None:
    """The declared length in bytes; None for what is no length."""
    told = request.META.get("CONTENT_LENGTH") or "0"
    return int(told) if told.isascii() and told.isdigit() and len(told) < LONGEST_LENGTH else None


def _is_known(request: HttpRequest) -> bool:
    """Whether somebody is signed in, by session or by token."""
    if request.user.is_authenticated:
        return True
    try:
        return LimitedTokens().authenticate(request) is not None  # type: ignore[arg-type]  # reads its headers alone
    except (APIException, TooManyError):
        return False
