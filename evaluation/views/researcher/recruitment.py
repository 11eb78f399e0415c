"""What researchers do about a crowd: codes of recruitment sites, closing with raters inside, participants' data."""

from __future__ import annotations

from django import forms
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse

from common import limits
from evaluation.errors import InputError
from evaluation.models import Invitation
from evaluation.selectors.studies import study_by_name
from evaluation.services.studies.invitation import invitation_recode
from evaluation.views.researcher.pages import ResearcherRequest, act, page
from evaluation.views.researcher.plain_form import PlainForm


class CodesForm(PlainForm):
    """The codes of an invitation for a recruitment site."""

    completion_code = forms.CharField(required=False, max_length=limits.COMPLETION_CODE)
    partial_code = forms.CharField(required=False, max_length=limits.COMPLETION_CODE)
    completion_url = forms.CharField(required=False, max_length=limits.COMPLETION_URL)


@page("POST", form_at="researcher:study")
def recode(request: ResearcherRequest, name: str, pk: int) -> HttpResponseBase:
    """Give an invitation the codes that its recruitment site has made."""
    found = study_by_name(name)
    invitation = get_object_or_404(Invitation, study=found, pk=pk)
    form = CodesForm(request.POST)

    def change() -> Invitation:
        if not form.is_valid():
            raise InputError(next(error for errors in form.errors.values() for error in errors))
        return invitation_recode(invitation=invitation, **form.cleaned_data)

    back = f"{reverse('researcher:study', args=[found.name])}#site-{invitation.pk}"
    return act(request, change, done="The codes are saved.", back=back)
