"""What went wrong, on a rater's page and in the browser's language: no database and no session is needed."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from evaluation.views.rater.language import spoken
from evaluation.views.rater.urls import PREFIX


def is_raters(request: HttpRequest) -> bool:
    """Whether the address is one of raters."""
    return request.path_info.startswith(PREFIX)


def refusal(request: HttpRequest, status: int, *, retry_after: int | None = None) -> HttpResponse:
    """The page of an error. `retry_after`: seconds, of a 429."""
    with spoken(request):
        heading, text = _words(status, retry_after)
        return HttpResponse(render_to_string("rater/message.html", {"heading": heading, "text": text}), status=status)


def _words(status: int, retry_after: int | None) -> tuple[str, str]:
    if status == 429:
        told = ngettext("Please try again in {n} second.", "Please try again in {n} seconds.", retry_after or 60)
        return _("Too many attempts"), told.format(n=retry_after or 60)
    if status == 404:
        return _("There is nothing here"), _("Check that your link is complete, or ask the person who sent it.")
    if status == 403:
        return _("Please go back and try again"), _("This page was too old, or your browser refuses cookies.")
    if status in (503, 507):
        return _("The server has a break"), _("Please try again in a few minutes. Answers in your browser are kept.")
    if status == 500:
        return _("Something went wrong on the server"), _("Please try again later. Answers in your browser are kept.")
    return _("This isn't possible"), _("Please open your invitation link again.")
