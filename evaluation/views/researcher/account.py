"""Signing in and out, the researcher's own account and API token."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout, update_session_auth_hash
from django.contrib.auth.forms import AuthenticationForm, SetPasswordForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from evaluation.doors import TooManyError, count_unknown_key, refuse_guesser, say_when
from evaluation.errors import NotFoundError
from evaluation.selectors.api_token import api_token_of
from evaluation.services.accounts.api_token import api_token_rotate
from evaluation.services.accounts.sign_in_link import sign_in_link_use
from evaluation.views.researcher.pages import ResearcherRequest, form_page, page


class SignInView(LoginView):
    """Signing in by name and password; Django's own view with our page (`evaluation.sign_in` limits guessing)."""

    template_name = "registration/login.html"
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Try the name and password; the page says so if too many were wrong."""
        try:
            return super().post(request, *args, **kwargs)
        except TooManyError as error:
            shown = {"refused": error.message, "form": AuthenticationForm()}
            response = render(request, self.template_name, shown, status=error.status)
            say_when(response, error)
            return response


@require_GET
@never_cache
def sign_in_by_link(request: HttpRequest, key: str) -> HttpResponse:
    """Sign in by a one-time link. A browser that only looks ahead (prefetch) does not use it up."""
    if "prefetch" in request.headers.get("Sec-Purpose", "") or "prefetch" in request.headers.get("Purpose", ""):
        return HttpResponse(status=503)
    if not request.user.is_authenticated:
        refuse_guesser(request)
    try:
        user = sign_in_link_use(key=key)
    except NotFoundError as error:
        if request.user.is_authenticated:
            return redirect("researcher:home")
        count_unknown_key(request)
        return render(request, "registration/link_used.html", {"error": error}, status=404)
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    response = redirect("researcher:home")
    response["Referrer-Policy"] = "no-referrer"
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def sign_out(request: HttpRequest) -> HttpResponse:
    """Sign out. A link or a reload signs nobody out: it leads to the start page, which has the button."""
    if request.method != "POST":
        return redirect("researcher:home")
    logout(request)
    return redirect(settings.LOGIN_URL)


@page("GET")
def account(request: ResearcherRequest) -> HttpResponseBase:
    """The researcher's own account: name, password, API token."""
    return form_page(
        request, "researcher/account.html", SetPasswordForm(request.user), {"token": api_token_of(request.user)}
    )


@sensitive_post_parameters()
@page("POST", form_at="researcher:account")
def set_password(request: ResearcherRequest) -> HttpResponseBase:
    """Set a password; whoever came by link has none yet, so the old one is not asked for."""
    form = SetPasswordForm(request.user, request.POST)
    if not form.is_valid():
        return form_page(request, "researcher/account.html", form, {"token": api_token_of(request.user)})
    form.save()
    update_session_auth_hash(request, form.user)
    messages.success(request, "Your password is set. You can now sign in with it.")
    return redirect("researcher:account")


@page("POST", form_at="researcher:account")
def rotate_token(request: ResearcherRequest) -> HttpResponseBase:
    """Make a new API token; the old one stops working at once."""
    api_token_rotate(user=request.user)
    messages.success(request, "This is your new API token. The old one no longer works.")
    return redirect("researcher:account")
