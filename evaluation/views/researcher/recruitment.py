"""What researchers do about a crowd: codes of recruitment sites, closing with raters inside, participants' data."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from common import limits
from common.limits import COLUMN
from common.words import counted
from evaluation.errors import InputError
from evaluation.models import Invitation, StudyStatus
from evaluation.selectors.inside import raters_inside
from evaluation.selectors.participants import participant_data, participants_named
from evaluation.selectors.studies import study_by_name
from evaluation.services.rating.erase import participant_erase
from evaluation.services.studies.invitation import invitation_recode
from evaluation.services.studies.open import RatersInsideError, study_close
from evaluation.views.researcher.pages import ResearcherRequest, act, add_input_error, form_page, page, tell
from evaluation.views.researcher.plain_form import PlainForm


class CloseForm(PlainForm):
    """`inside`: how many raters the page has shown to be inside."""

    inside = forms.IntegerField(required=False, min_value=0, max_value=COLUMN)


@page("GET", "POST")
def close_study(request: ResearcherRequest, name: str) -> HttpResponseBase:
    """Who is inside and how each is paid; then take no more ratings."""
    found = study_by_name(name)
    back = reverse("researcher:study", args=[found.name])
    if request.method != "POST" and found.status != StudyStatus.OPEN:
        return redirect(back)
    status = 200
    if request.method == "POST":
        form = CloseForm(request.POST)
        try:
            study_close(study=found, inside=(form.cleaned_data["inside"] or 0) if form.is_valid() else 0)
        except RatersInsideError:  # they are shown, and the form asks again
            status = 409
        except InputError as error:
            tell(request, error)
            return redirect(back)
        else:
            messages.success(request, "The study is closed. It accepts no more ratings.")
            return redirect(back)
    context = {"area": "studies", "study": found, "inside": raters_inside(found)}
    return render(request, "researcher/study_close.html", context, status=status)


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
            raise InputError(str(next(error for errors in form.errors.values() for error in errors)))
        return invitation_recode(invitation=invitation, **form.cleaned_data)

    back = f"{reverse('researcher:study', args=[found.name])}#site-{invitation.pk}"
    return act(request, change, done="The codes are saved.", back=back)


class ParticipantForm(PlainForm):
    """Whose data is meant."""

    participant = forms.CharField(
        label="Participant",
        max_length=limits.PARTICIPANT,
        help_text="The recruitment site's id, or the rater's pseudonym from an export.",
    )


@page("GET", "POST")
def participants(request: ResearcherRequest, name: str) -> HttpResponseBase:
    """All that is kept of one participant: looked up, shown in short, sent as a file, deleted."""
    found = study_by_name(name)
    form = ParticipantForm(request.POST if request.method == "POST" else None)
    context: dict[str, object] = {"area": "studies", "study": found}
    if request.method == "POST" and form.is_valid():
        who = form.cleaned_data["participant"]
        try:
            if "delete" in request.POST:
                gone = participant_erase(study=found, who=who)
                messages.success(
                    request,
                    f"The data of {counted(len(gone), 'rater')} is deleted: {', '.join(gone)}. Their number stays.",
                )
                return redirect("researcher:participants", name=found.name)
            data = [participant_data(each) for each in participants_named(found, who)]
        except InputError as error:
            add_input_error(form, error)
        else:
            if "export" in request.POST:
                response = JsonResponse({"participants": data}, json_dumps_params={"indent": 2, "ensure_ascii": False})
                response["Content-Disposition"] = f'attachment; filename="{found.name}-participant.json"'
                return response
            context |= {"who": who, "data": data}
    return form_page(request, "researcher/participants.html", form, context)
