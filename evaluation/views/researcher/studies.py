"""Studies: the list, one study with its progress, opening, closing, invitations, ratings. `drafts` makes and changes
them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from common import limits
from evaluation.errors import InputError, NotFoundError
from evaluation.models import Invitation, Study, StudyStatus
from evaluation.recruiting import PLATFORMS
from evaluation.reports.ratings_file import csv_parts, ratings_parquet
from evaluation.selectors.about import with_about
from evaluation.selectors.answers import answers_frame, has_other_answers, has_preferences
from evaluation.selectors.list_shapes import studies_shape
from evaluation.selectors.live_board import LiveBoard, live_board
from evaluation.selectors.orders import studies_beside
from evaluation.selectors.overview import comparable_runs, reports_listed, studies_listed
from evaluation.selectors.rater_rows import rater_rows
from evaluation.selectors.ratings import ratings_frame
from evaluation.selectors.recruitment import recruitment
from evaluation.selectors.sealed import sealed_state
from evaluation.selectors.shared_images import study_shared_images
from evaluation.selectors.skips import study_skips
from evaluation.selectors.studies import study_by_name, study_progress
from evaluation.services.studies.change import draft_version, refuse_version
from evaluation.services.studies.invitation import (
    MOST_ADMITTED,
    OtherCodes,
    invitation_create,
    invitation_revoke,
    invitation_url,
)
from evaluation.services.studies.looks import looks_counted, rates_hidden
from evaluation.services.studies.open import study_pause
from evaluation.services.studies.open_or_queue import study_open_soon, study_opening
from evaluation.views.researcher.lists import shown_list
from evaluation.views.researcher.looks import seen
from evaluation.views.researcher.pages import (
    ResearcherRequest,
    act,
    add_input_error,
    form_page,
    page,
    tell,
)
from evaluation.views.researcher.plain_form import PlainForm

MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}


class InvitationForm(PlainForm):
    """A link that lets raters in."""

    label = forms.CharField(
        label="Label",
        required=False,
        max_length=limits.LABEL,
        help_text="For you, such as where you send the link.",
    )
    max_raters = forms.IntegerField(label="Maximum raters", required=False, min_value=1, max_value=MOST_ADMITTED)
    days = forms.IntegerField(label="Expires after (days)", required=False, min_value=1, max_value=3650)
    completion_code = forms.CharField(
        label="Completion code",
        required=False,
        max_length=limits.COMPLETION_CODE,
        help_text="For recruitment sites; raters see it at the end.",
    )
    completion_url = forms.URLField(
        label="Return link",
        required=False,
        max_length=limits.COMPLETION_URL,
        assume_scheme="https",
        help_text="The page that raters return to at the end.",
    )
    screen_out_code = forms.CharField(
        label="Screen-out code",
        required=False,
        max_length=limits.COMPLETION_CODE,
        help_text="For those whom the study can't take; another than the completion code.",
    )
    screen_out_url = forms.URLField(
        label="Screen-out link",
        required=False,
        max_length=limits.COMPLETION_URL,
        assume_scheme="https",
        help_text="The page that those return to.",
    )
    partial_code = forms.CharField(
        label="Code for an early end",
        required=False,
        max_length=limits.COMPLETION_CODE,
        help_text="For raters who are inside when you close the study, so that they are paid for what they did.",
    )
    platform = forms.ChoiceField(
        label="Recruitment site",
        required=False,
        choices=[("", "None: a plain link"), *((each.name, each.title) for each in PLATFORMS.values())],
        help_text="Its participants alone are let in. Codes that you leave empty are made.",
    )


@page("GET")
def studies(request: ResearcherRequest) -> HttpResponseBase:
    """All studies with what was rated."""
    shown = shown_list(request, studies_listed(), studies_shape(), size=25)
    context = {"area": "studies", "list": shown, "page": shown.page, "enough_runs": comparable_runs()[:2].count() == 2}
    return render(request, "researcher/studies.html", context)


@page("GET")
def study(request: ResearcherRequest, name: str) -> HttpResponseBase:
    """One study: its progress, its invitations, its declaration."""
    return _study_page(request, _study(name), InvitationForm())


@page("GET")
def study_state(request: ResearcherRequest, name: str) -> HttpResponseBase:
    """A study's progress, as a part of its page that htmx fetches again and again; that of its opening first."""
    found = study_by_name(name)
    if request.GET.get("opening"):
        opening = study_opening(found)
        response = render(request, "researcher/_study_opening.html", {"study": found, "opening": opening})
        if opening is None or opening.message:  # open, or not to be opened: another page
            response["HX-Refresh"] = "true"
        return response
    context = {
        "study": found,
        "progress": study_progress(found),
        "board": _board(found),
        "hidden": rates_hidden(found),
        "recruitment": recruitment(found),
    }
    return render(request, "researcher/_study_state.html", context)


@page("GET")
def signs(request: ResearcherRequest, name: str) -> HttpResponseBase:
    """A study's raters, with control trials and signs."""
    found = _study(name)
    rows = [] if found.status == StudyStatus.DRAFT else rater_rows(found)
    context = {"area": "studies", "study": found, "rows": rows, "with_controls": any(each.controls for each in rows)}
    return render(request, "researcher/signs.html", context)


@page("POST", form_at="researcher:study")
def open_study(request: ResearcherRequest, name: str) -> HttpResponseBase:
    """Lock the specification and let raters in."""
    found = _study(name)
    try:
        refuse_version(found, request.POST.get("version", ""))
        if study_open_soon(study=found):
            messages.success(
                request,
                "The study is open and its declaration is locked. Send raters the invitation link below.",
            )
    except InputError as error:
        tell(request, error)
    return redirect(_address(found))


@page("POST", form_at="researcher:study")
def pause_study(request: ResearcherRequest, name: str) -> HttpResponseBase:
    """Let nobody in for a while."""
    found = _study(name)
    done = "The study is paused. Raters finish the trial that they see, and can come back once you resume it."
    return act(request, lambda: study_pause(study=found, paused=True), done=done, back=_address(found))


@page("POST", form_at="researcher:study")
def resume_study(request: ResearcherRequest, name: str) -> HttpResponseBase:
    """Go on with a paused study."""
    found = _study(name)
    done = "The study goes on."
    return act(request, lambda: study_pause(study=found, paused=False), done=done, back=_address(found))


@page("POST", form_at="researcher:study")
def invite(request: ResearcherRequest, name: str) -> HttpResponseBase:
    """Make an invitation link."""
    found = _study(name)
    form = InvitationForm(request.POST)
    if form.is_valid():
        values = form.cleaned_data
        try:
            invitation_create(
                study=found,
                label=values["label"],
                max_raters=values["max_raters"],
                expires_at=timezone.now() + timedelta(days=values["days"]) if values["days"] else None,
                completion_code=values["completion_code"],
                completion_url=values["completion_url"],
                platform=values["platform"],
                others=OtherCodes(values["partial_code"], values["screen_out_code"], values["screen_out_url"]),
            )
        except InputError as error:
            add_input_error(form, error)
        else:
            return redirect(_address(found) + "#invitations")
    return _study_page(request, found, form)


@page("POST", form_at="researcher:study")
def revoke(request: ResearcherRequest, name: str, pk: int) -> HttpResponseBase:
    """Let nobody in by this invitation any more."""
    found = _study(name)
    invitation = get_object_or_404(Invitation, pk=pk, study=found)
    done = "The link is revoked. Raters who have already joined may continue."
    return act(request, lambda: invitation_revoke(invitation=invitation), done=done, back=_address(found))


@page("GET")
def ratings(request: ResearcherRequest, name: str, suffix: str) -> HttpResponseBase:
    """The standing ratings of a study, as a file."""
    found = _study(name)
    seen(request, found, "ratings")
    frame = with_about(ratings_frame(found), found, exported=True)
    return ratings_response(frame, name=f"{found.name}-ratings", suffix=suffix)


@page("GET")
def answers(request: ResearcherRequest, name: str) -> HttpResponseBase:
    """The standing answers of a study that a ratings file does not hold whole, as a file."""
    found = _study(name)
    seen(request, found, "answers")
    frame = with_about(answers_frame(found), found, exported=True)
    return ratings_response(frame, name=f"{found.name}-answers", suffix="csv")


def ratings_response(frame: Any, *, name: str, suffix: str) -> HttpResponseBase:
    """A ratings file to be kept: `suffix` csv, which goes out as it is written, or parquet."""
    response: HttpResponseBase
    if suffix == "csv":
        response = StreamingHttpResponse(csv_parts(frame), content_type=MEDIA_TYPES[suffix])
    else:
        response = HttpResponse(ratings_parquet(frame), content_type=MEDIA_TYPES[suffix])
    response["Content-Disposition"] = f'attachment; filename="{name}.{suffix}"'
    return response


def _board(study: Study) -> LiveBoard | None:
    """What is shown of an open study's rates; nothing where they are hidden."""
    return None if rates_hidden(study) else live_board(study)


def _study(name: str) -> Study:
    found = Study.objects.prefetch_related("study_runs__run").select_related("created_by").filter(name=name).first()
    if found is None:
        raise NotFoundError(f'There is no study called "{name}". The list of studies shows all.')
    return found


def _address(study: Study) -> str:
    return reverse("researcher:study", args=[study.name])


def _study_page(request: ResearcherRequest, study: Study, form: InvitationForm) -> HttpResponse:
    invitations = [
        (each, invitation_url(each), PLATFORMS.get(each.platform)) for each in study.invitations.order_by("-created_at")
    ]
    specification: Mapping[str, Any] = study.specification
    opening = study_opening(study)
    context = {
        "area": "studies",
        "study": study,
        "progress": study_progress(study),
        "board": _board(study),
        "hidden": rates_hidden(study),
        "looks": looks_counted(study),
        "recruitment": None if study.status == StudyStatus.DRAFT else recruitment(study),
        "specification": specification,
        "beside": [] if study.status == StudyStatus.DRAFT else studies_beside(study),
        "has_answers": study.status != StudyStatus.DRAFT and has_other_answers(study),
        "has_preferences": study.status == StudyStatus.DRAFT or has_preferences(study),
        "invitations": invitations,
        "reports": reports_listed(study)[:10],
        "is_draft": study.status == StudyStatus.DRAFT,
        "version": draft_version(study),
        "skipped": None if study.status == StudyStatus.DRAFT else study_skips(study, as_of=timezone.now()),
        "shared_images": study_shared_images(study),
        "opening": opening,
        "being_opened": opening is not None and not opening.message,
        "is_open": study.status == StudyStatus.OPEN,
        "sealed": sealed_state(study),
        "now": timezone.now(),
    }
    return form_page(request, "researcher/study.html", form, context)
