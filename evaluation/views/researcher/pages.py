"""What all pages of researchers share: who may see them, how errors are answered, forms, and pages of lists.

One lab, one space: every signed-in researcher sees and may change everything (docs/architecture.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods

from evaluation.errors import InputError, NoRoomError
from evaluation.intake import refusals_of_the_database

P = ParamSpec("P")
M = TypeVar("M", bound=Model)
R = TypeVar("R")


class ResearcherRequest(HttpRequest):
    """A request whose user is signed in."""

    user: User


View = Callable[Concatenate[ResearcherRequest, P], HttpResponseBase]


def page(*methods: str, form_at: str = "") -> Callable[[View[P]], View[P]]:
    """A view for signed-in researchers, by `methods` alone, never kept by shared caches; errors become a plain page.

    `form_at`: for an address that only takes a form, the page that has it, of the same things. The address stays in the
    browser with an error, and whoever enters it again, or comes back to it after signing in, is led to that page.
    """

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def answered(request: ResearcherRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if form_at and request.method in ("GET", "HEAD"):
                return redirect(_reversed(form_at, kwargs))
            try:
                with refusals_of_the_database():
                    return view(request, *args, **kwargs)
            except InputError as error:
                return problem(request, error)

        allowed = require_http_methods([*methods, *(["GET", "HEAD"] if form_at else ["HEAD"] * ("GET" in methods))])(
            answered
        )
        return cache_control(private=True)(login_required(allowed))

    return decorate


def _reversed(name: str, parts: Mapping[str, object]) -> str:
    """The address called `name`, which takes as many of `parts` as it needs: a study's page no invitation's key."""
    for n in range(len(parts), -1, -1):
        try:
            return reverse(name, kwargs=dict(list(parts.items())[:n]))
        except NoReverseMatch:
            continue
    raise NoReverseMatch(f"{name} takes none of {', '.join(parts)}")


def problem(request: HttpRequest, error: InputError) -> HttpResponse:
    """A page that tells `error`, with its status; JSON where a script of ours asks for it."""
    if request.headers.get("Accept") == "application/json":
        return JsonResponse({"errors": {"": [error.message]}}, status=error.status)
    return render(request, "researcher/problem.html", {"error": error}, status=error.status)


def tell(request: HttpRequest, error: InputError) -> None:
    """Show `error` on the page that comes next.

    Raises:
        NoRoomError: a disk is full, which is a page of its own, with its status; `page` answers with it.
    """
    if isinstance(error, NoRoomError):
        raise error
    messages.error(request, error.message)


def act(request: HttpRequest, action: Callable[[], object], *, done: str, back: str) -> HttpResponse:
    """Do `action` and go `back`, telling what was `done`, or why it was not.

    Raises:
        NoRoomError: a disk is full; `page` answers with it.
    """
    try:
        action()
    except InputError as error:
        tell(request, error)
    else:
        messages.success(request, done)
    return redirect(back)


def add_input_error(form: forms.Form, error: InputError, *, field: str | None = None) -> None:
    """Show `error` beside the field it belongs to (or `field`), or above the form.

    Raises:
        NoRoomError: as `tell`.
    """
    if isinstance(error, NoRoomError):
        raise error
    named = error.field if field is None else field
    field = next((name for name in (named, f"parameter-{named}") if name in form.fields), None)
    form.add_error(field, error.message)


def field_ids_described(form: forms.Form) -> None:
    """Let fields with errors say so to screen readers (Django itself describes them by their help texts)."""
    for bound in form:
        if bound.errors:
            described = f"{bound.id_for_label}-error"
            if bound.help_text:
                described = f"{bound.id_for_label}_helptext {described}"
            bound.field.widget.attrs["aria-describedby"] = described


def form_page(
    request: HttpRequest, template: str, form: forms.Form, context: dict[str, object] | None = None
) -> HttpResponse:
    """The page of a form: 200 when it is shown first, 422 with errors beside their fields."""
    field_ids_described(form)
    status = 422 if form.is_bound and form.errors else 200
    return render(request, template, {**(context or {}), "form": form}, status=status)


def page_of(request: HttpRequest, rows: QuerySet[M] | Sequence[R], *, size: int) -> Page[Any]:
    """The page of `rows` that the address asks for; the nearest there is for a number that is none."""
    return Paginator(rows, size).get_page(request.GET.get("page"))
