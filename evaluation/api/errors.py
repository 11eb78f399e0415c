"""How the API tells errors: `{"detail": ..., "field": ..., ...}`, as the pages tell them, with the same status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import DataError
from rest_framework.exceptions import Throttled, ValidationError
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import exception_handler, set_rollback

from evaluation.doors import say_when
from evaluation.errors import InputError
from evaluation.intake import DOES_NOT_FIT

THROTTLED = "Too many requests. Wait {} s, then try again."
NON_FIELD_ERRORS_KEY = api_settings.NON_FIELD_ERRORS_KEY


def api_exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """An `InputError` with its message, field and facts; a field that did not parse in the same form."""
    if isinstance(error, InputError):
        body: dict[str, object] = {"detail": error.message, "field": error.field or None}
        if error.details:
            body["details"] = error.details
        answer = Response(body, status=error.status)
        say_when(answer, error)
        return answer
    if isinstance(error, DataError):  # what no check has caught: never the database's own words
        set_rollback()
        return Response({"detail": DOES_NOT_FIT, "field": None}, status=400)
    response = exception_handler(error, context)
    if response is not None and isinstance(error, Throttled):
        seconds = max(1, int(response.headers.get("Retry-After", 60)))
        response.headers["Retry-After"] = str(seconds)
        response.data = {"detail": THROTTLED.format(seconds)}
    if response is not None and isinstance(error, ValidationError):
        field, message = _first(error.detail)
        response.data = {"detail": message, "field": field or None, "errors": error.detail}
    return response


def _first(detail: object, path: str = "") -> tuple[str, str]:
    """The first message of a tree of validation errors, and the field that it belongs to."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            if inner:
                return _first(inner, path if name == NON_FIELD_ERRORS_KEY else f"{path}.{name}".lstrip("."))
    if isinstance(detail, list):
        for at, inner in enumerate(detail):
            if inner:
                return _first(inner, path if isinstance(inner, str) else f"{path}.{at}".lstrip("."))
    return path, f"{path}: {detail}" if path else str(detail)
