"""The team: who has an account, colleagues invited by a one-time link, links taken back."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models import Max, Q
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone

from common import limits
from evaluation.errors import InputError
from evaluation.selectors.list_shapes import team_shape
from evaluation.services.accounts.team import account_block, colleague_invite, link_renew, links_revoke
from evaluation.views.researcher.lists import shown_list
from evaluation.views.researcher.pages import ResearcherRequest, act, add_input_error, form_page, page
from evaluation.views.researcher.plain_form import PlainForm


class InviteForm(PlainForm):
    """A colleague's account."""

    username = forms.CharField(
        label="Username", max_length=limits.USERNAME, help_text="Letters, digits and @ . + - _ . It can't be changed."
    )


@page("GET")
def team(request: ResearcherRequest) -> HttpResponseBase:
    """All accounts, with links that wait to be used."""
    return _page(request, InviteForm())


@page("POST", form_at="researcher:team")
def invite(request: ResearcherRequest) -> HttpResponseBase:
    """Make an account for a colleague, and show its one-time link, which is never shown again."""
    form = InviteForm(request.POST)
    if form.is_valid():
        try:
            user, link = colleague_invite(username=form.cleaned_data["username"])
        except InputError as error:
            add_input_error(form, error)
        else:
            return _page(request, InviteForm(), made=user.username, link=link)
    return _page(request, form)


@page("POST", form_at="researcher:team")
def renew(request: ResearcherRequest, pk: int) -> HttpResponseBase:
    """Make a new one-time link for an account, the own one or a colleague's; earlier ones stop working."""
    user = get_object_or_404(User, pk=pk)
    try:
        link = link_renew(user=user)
    except InputError as error:
        messages.error(request, error.message)
        return _page(request, InviteForm())
    return _page(request, InviteForm(), made=user.username, link=link)


@page("POST", form_at="researcher:team")
def revoke_links(request: ResearcherRequest, pk: int) -> HttpResponseBase:
    """Take back the links of an account that were not used."""
    user = get_object_or_404(User, pk=pk)
    done = f"Links for {user.username} that were not used no longer work."
    return act(request, lambda: links_revoke(user=user), done=done, back="researcher:team")


@page("POST", form_at="researcher:team")
def block(request: ResearcherRequest, pk: int) -> HttpResponseBase:
    """Let an account sign in no more, or again."""
    user, blocked = get_object_or_404(User, pk=pk), request.POST.get("blocked") == "yes"
    done = f"{user.username} can {'no longer' if blocked else 'again'} sign in."
    return act(
        request, lambda: account_block(user=user, by=request.user, blocked=blocked), done=done, back="researcher:team"
    )


def _page(request: ResearcherRequest, form: InviteForm, *, made: str = "", link: str = "") -> HttpResponse:
    waiting = Q(sign_in_links__used_at__isnull=True, sign_in_links__expires_at__gt=timezone.now())
    accounts = User.objects.annotate(link_expires_at=Max("sign_in_links__expires_at", filter=waiting))
    shown = shown_list(request, accounts, team_shape(), size=50)
    context: dict[str, object] = {
        "area": "team",
        "list": shown,
        "page": shown.page,
        "made": made,
        "link": settings.PUBLIC_URL + link if link else "",
    }
    response = form_page(request, "researcher/team.html", form, context)
    if link:
        response["Cache-Control"] = "no-store"
    return response
