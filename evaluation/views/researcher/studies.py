"""Studies: the list, a new one, one study with its progress, opening, closing, invitations, ratings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from evaluation import protocols
from evaluation.errors import InputError, NotFoundError
from evaluation.models import GenerationRun, Invitation, Study, StudyStatus
from evaluation.reports.ratings_file import ratings_csv, ratings_parquet
from evaluation.selectors.live_board import live_board
from evaluation.selectors.overview import comparable_runs, reports_listed, studies_listed
from evaluation.selectors.ratings import ratings_frame
from evaluation.selectors.studies import study_by_name, study_progress
from evaluation.services.invitation_create import invitation_create, invitation_revoke, invitation_url
from evaluation.services.study_create import study_create
from evaluation.services.study_open import study_close
from evaluation.services.study_opening import study_open_soon, study_opening
from evaluation.views.researcher.pages import (
    ResearcherRequest,
    act,
    add_input_error,
    form_page,
    page,
    page_of,
)

MISSING_CHOICES = [
    ("refuse", "refuse: do not make the study"),
    ("drop-prompts", "leave these prompts out"),
    ("smaller-sets", "show smaller sets for these prompts"),
]
MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}


class StudyForm(forms.Form):
    """A new study. The runs are picked in a table beside it, each with a label of its own."""

    name = forms.SlugField(
        label="Name", max_length=100, help_text="Letters, digits, - and _: it stands in addresses and commands."
    )
    title = forms.CharField(
        label="Title", required=False, max_length=200, help_text="For researchers; raters never see it."
    )
    protocol = forms.ChoiceField(label="Protocol")
    runs = forms.ModelMultipleChoiceField(GenerationRun.objects.none(), label="Runs to compare")
    raters_per_panel = forms.IntegerField(
        label="Raters a panel", required=False, min_value=1, help_text="Empty: the protocol's number."
    )
    samples_per_set = forms.IntegerField(
        label="Images a set", required=False, min_value=1, help_text="Empty: the protocol's, or what the runs have."
    )
    missing = forms.ChoiceField(label="Where a run lacks samples", choices=MISSING_CHOICES)
    design_seed = forms.IntegerField(
        label="Design seed", initial=0, min_value=0, help_text="Of sides, orders and the choice of samples."
    )
    stop_when_decided = forms.BooleanField(
        label="Declare a stopping rule",
        required=False,
        help_text="A pair and question is decided when its interval excludes zero. Filling in any field below declares "
        "a rule too.",
    )
    stop_margin = forms.FloatField(
        label="Or within so little of zero",
        required=False,
        help_text="Equivalent: the interval lies within ± this. 0.1 is ten points of the net share.",
    )
    stop_half_width = forms.FloatField(
        label="Or so narrow", required=False, help_text="Precise: the interval is no wider than ± this, 0.1 as above."
    )
    stop_min_raters = forms.IntegerField(
        label="Not before so many raters", required=False, help_text="Finished, over all panels. Empty: 5."
    )
    stop_max_raters = forms.IntegerField(
        label="At so many at the latest", required=False, help_text="Empty: all places of the study."
    )
    stop_alpha = forms.FloatField(label="Alpha", required=False, help_text="Empty: 0.05, for 95 % intervals.")
    contact = forms.CharField(
        label="Contact", required=False, max_length=200, help_text="Whom raters can ask; they see it with the consent."
    )
    consent = forms.CharField(
        label="Consent text",
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="What raters agree to. Empty: a plain text that says what is asked and what is kept.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        protocol, runs = self.fields["protocol"], self.fields["runs"]
        assert isinstance(protocol, forms.ChoiceField)
        assert isinstance(runs, forms.ModelMultipleChoiceField)
        protocol.choices = [(name, protocols.get(name).title) for name in protocols.names()]
        runs.queryset = comparable_runs()
        runs.error_messages["required"] = "Choose the runs to compare: two or more of one suite."

    @property
    def rule_fields(self) -> list[forms.BoundField]:
        """The fields of the stopping rule, for a part of the page that is folded away."""
        return [self[name] for name in self.fields if name.startswith("stop_")]

    @property
    def rule_shown(self) -> bool:
        """Whether that part is unfolded: something was filled in."""
        return any(each.errors or each.value() not in (None, "", False) for each in self.rule_fields)

    def stopping_rule(self) -> dict[str, object] | None:
        """The rule that was filled in, None for none."""
        given = {
            name.removeprefix("stop_"): value
            for name, value in self.cleaned_data.items()
            if name.startswith("stop_") and name != "stop_when_decided" and value is not None
        }
        return given if given or self.cleaned_data["stop_when_decided"] else None


class InvitationForm(forms.Form):
    """A link that lets raters in."""

    label = forms.CharField(label="Label", required=False, max_length=120, help_text="For you: where you send it.")
    max_raters = forms.IntegerField(label="At most so many raters", required=False, min_value=1)
    days = forms.IntegerField(label="Works for so many days", required=False, min_value=1, max_value=3650)
    completion_code = forms.CharField(
        label="Completion code", required=False, max_length=100, help_text="For crowd platforms; shown after the end."
    )
    completion_url = forms.URLField(
        label="Where raters go back to", required=False, max_length=500, assume_scheme="https"
    )


@page("GET")
def studies(request: ResearcherRequest) -> HttpResponseBase:
    """All studies with what was rated."""
    listed = page_of(request, studies_listed(), size=25)
    context = {"area": "studies", "page": listed, "enough_runs": comparable_runs()[:2].count() == 2}
    return render(request, "researcher/studies.html", context)


@page("GET", "POST")
def new_study(request: ResearcherRequest) -> HttpResponseBase:
    """The form of a new study, and making it as a draft."""
    initial = {"runs": request.GET.getlist("run"), "raters_per_panel": request.GET.get("raters_per_panel")}
    form = StudyForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        chosen = list(values["runs"].order_by("pk"))
        labels = [_label(request, run) or run.name for run in chosen]
        try:
            study = study_create(
                name=values["name"],
                title=values["title"],
                protocol=values["protocol"],
                runs=chosen,
                labels=labels,
                raters_per_panel=values["raters_per_panel"],
                samples_per_set=values["samples_per_set"],
                missing=values["missing"],
                design_seed=values["design_seed"],
                contact=values["contact"],
                consent=values["consent"],
                stopping_rule=form.stopping_rule(),
                created_by=request.user,
            )
        except InputError as error:
            add_input_error(form, InputError(error.message, field=_form_field(error.field)))
        else:
            return redirect("researcher:study", name=study.name)
    picked = {str(key) for key in (form["runs"].value() or [])}
    candidates = [(run, str(run.pk) in picked, _label(request, run)) for run in comparable_runs()[:200]]
    return form_page(request, "researcher/study_new.html", form, {"area": "studies", "candidates": candidates})


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
    context = {"study": found, "progress": study_progress(found), "board": live_board(found)}
    return render(request, "researcher/_study_state.html", context)


@page("POST")
def open_study(request: ResearcherRequest, name: str) -> HttpResponseBase:
    """Lock the specification and let raters in."""
    found = _study(name)
    try:
        if study_open_soon(study=found):
            messages.success(
                request, "The study is open, its specification locked. Make an invitation to let raters in."
            )
    except InputError as error:
        messages.error(request, error.message)
    return redirect(_address(found))


@page("POST")
def close_study(request: ResearcherRequest, name: str) -> HttpResponseBase:
    """Take no more ratings."""
    found = _study(name)
    done = "The study is closed. No more ratings are taken."
    return act(request, lambda: study_close(study=found), done=done, back=_address(found))


@page("POST")
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
            )
        except InputError as error:
            add_input_error(form, error)
        else:
            return redirect(_address(found) + "#invitations")
    return _study_page(request, found, form)


@page("POST")
def revoke(request: ResearcherRequest, name: str, pk: int) -> HttpResponseBase:
    """Let nobody in by this invitation any more."""
    found = _study(name)
    invitation = get_object_or_404(Invitation, pk=pk, study=found)
    done = "The link lets nobody in any more. Raters who came by it go on."
    return act(
        request, lambda: invitation_revoke(invitation=invitation), done=done, back=_address(found) + "#invitations"
    )


@page("GET")
def ratings(request: ResearcherRequest, name: str, suffix: str) -> HttpResponseBase:
    """The standing ratings of a study, as a file."""
    found = _study(name)
    return ratings_response(ratings_frame(found), name=f"{found.name}-ratings", suffix=suffix)


def ratings_response(frame: Any, *, name: str, suffix: str) -> HttpResponse:
    """A ratings file to be kept: `suffix` csv or parquet."""
    data = ratings_csv(frame) if suffix == "csv" else ratings_parquet(frame)
    response = HttpResponse(data, content_type=MEDIA_TYPES[suffix])
    response["Content-Disposition"] = f'attachment; filename="{name}.{suffix}"'
    return response


def _label(request: ResearcherRequest, run: GenerationRun) -> str:
    """What was written beside a run; what can't be printed is left out."""
    return "".join(filter(str.isprintable, request.POST.get(f"label-{run.pk}", ""))).strip()


def _form_field(field: str) -> str:
    """Where the form has what `study_create` calls `field`."""
    return "runs" if field == "labels" else field.replace("stopping_rule.", "stop_")


def _study(name: str) -> Study:
    found = Study.objects.prefetch_related("study_runs__run").select_related("created_by").filter(name=name).first()
    if found is None:
        raise NotFoundError(f'There is no study called "{name}".')
    return found


def _address(study: Study) -> str:
    return reverse("researcher:study", args=[study.name])


def _study_page(request: ResearcherRequest, study: Study, form: InvitationForm) -> HttpResponse:
    invitations = [(each, invitation_url(each)) for each in study.invitations.order_by("-created_at")]
    specification: Mapping[str, Any] = study.specification
    opening = study_opening(study)
    context = {
        "area": "studies",
        "study": study,
        "progress": study_progress(study),
        "board": live_board(study),
        "specification": specification,
        "invitations": invitations,
        "reports": reports_listed(study)[:10],
        "is_draft": study.status == StudyStatus.DRAFT,
        "opening": opening,
        "being_opened": opening is not None and not opening.message,
        "is_open": study.status == StudyStatus.OPEN,
        "now": timezone.now(),
    }
    return form_page(request, "researcher/study.html", form, context)
