"""Raters, ratings and links of a study, each as a list; simulated raters; what a closer look says of the ratings."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from common import limits
from evaluation.errors import InputError
from evaluation.models import Rater, StudyStatus
from evaluation.selectors.list_shapes import invitations_shape, raters_shape, ratings_shape
from evaluation.selectors.raters import rater_rows, raters_listed, study_rater_table
from evaluation.selectors.ratings import rater_pseudonym, standing_ratings
from evaluation.selectors.studies import study_by_name
from evaluation.services.rating.revoke import rater_revoke
from evaluation.services.rating.simulate import raters_simulate
from evaluation.services.studies.invitation import invitation_url
from evaluation.views.researcher.lists import shown_list
from evaluation.views.researcher.looks import seen
from evaluation.views.researcher.pages import ResearcherRequest, act, add_input_error, form_page, page
from evaluation.views.researcher.plain_form import PlainForm

RATERS_A_PAGE = 25
MOST_SIMULATED = 10_000


class SimulateForm(PlainForm):
    """Simulated raters to add."""

    raters = forms.IntegerField(
        label="Simulated raters",
        required=False,
        min_value=1,
        max_value=MOST_SIMULATED,
        help_text="So many more, into the emptiest panels. If empty: a share of the places.",
    )
    share = forms.FloatField(
        label="Share of the places, per cent",
        required=False,
        min_value=1,
        max_value=100,
        initial=20,
        help_text="Fill each panel until simulated raters hold this share of its places.",
    )
    seed = forms.IntegerField(
        label="Seed", min_value=0, max_value=limits.COLUMN, initial=0, help_text="The same seed gives the same ratings."
    )
    prefer = forms.CharField(
        label="Preferences",
        required=False,
        max_length=limits.TITLE * 10,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="One in a line, such as guided=0.8: how much they like a run, on the logit scale. 0.8 above another "
        "gets 69 % of the decided answers. LABEL:QUESTION=0.8 is for one question.",
    )

    def preferences(self) -> dict[str, float]:
        """By label, or label and question. Raises InputError where a line is none."""
        found = {}
        for line in filter(None, (each.strip() for each in self.cleaned_data["prefer"].splitlines())):
            label, _, value = line.rpartition("=")
            number = forms.FloatField(required=False)
            try:
                found[label.strip()] = number.clean(value)
            except forms.ValidationError:
                found[label.strip()] = None
            if not label.strip() or found[label.strip()] is None:
                raise InputError(f'"{line[:60]}" is not LABEL=NUMBER, such as guided=0.8.', field="prefer")
        return found


@page("GET")
def raters(request: ResearcherRequest, name: str) -> HttpResponseBase:
    """A study's raters, a row each."""
    study = study_by_name(name)
    panels = [panel["panel"] for panel in study.specification["panels"]]
    shown = shown_list(request, raters_listed(study), raters_shape(panels), size=RATERS_A_PAGE)
    rows = rater_rows(study, list(shown.page.object_list))
    context = {
        "area": "studies",
        "study": study,
        "list": shown,
        "page": shown.page,
        "rows": rows,
        "has_controls": any(row.signs.get("control_accuracy") is not None for row in rows),
        "is_open": study.status == StudyStatus.OPEN,
        "panels": len(panels),
    }
    return render(request, "researcher/raters.html", context)


@page("GET")
def raters_csv(request: ResearcherRequest, name: str) -> HttpResponseBase:
    """The measures of all raters, as a file."""
    study = study_by_name(name)
    response = HttpResponse(study_rater_table(study).to_csv(index=False), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{study.name}-raters.csv"'
    return response


@page("POST", form_at="researcher:study-raters")
def revoke_rater(request: ResearcherRequest, name: str, pk: int) -> HttpResponseBase:
    """Take a rater out of an open study."""
    study = study_by_name(name)
    rater = get_object_or_404(Rater, pk=pk, study=study)
    done = f"The rater {rater_pseudonym(str(rater.key))} is out of the study, and the place is free again."
    back = reverse("researcher:study-raters", args=[study.name])
    return act(request, lambda: rater_revoke(rater=rater), done=done, back=back)


@page("GET", "POST")
def simulate(request: ResearcherRequest, name: str) -> HttpResponseBase:
    """Let simulated raters take places, to try the study out."""
    study = study_by_name(name)
    form = SimulateForm(request.POST) if request.method == "POST" else SimulateForm()
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        share = None if values["raters"] else (values["share"] or 20) / 100
        try:
            made = raters_simulate(
                study=study, seed=values["seed"], share=share, raters=values["raters"], prefer=form.preferences()
            )
        except InputError as error:
            add_input_error(form, error)
        else:
            messages.success(request, f"Simulated: {made['ratings']} ratings by {made['raters']} raters, marked so.")
            return redirect("researcher:study", name=study.name)
    return form_page(request, "researcher/simulate.html", form, {"area": "studies", "study": study})


@page("GET")
def ratings_list(request: ResearcherRequest, name: str) -> HttpResponseBase:
    """The standing ratings of a study, a row each."""
    study = study_by_name(name)
    seen(request, study, "ratings")
    rows = standing_ratings(study, include_simulated=True, as_of=None).select_related(
        "rater", "assignment__comparison__prompt"
    )
    questions = [each["id"] for each in study.specification["protocol"]["questions"]]
    shown = shown_list(request, rows, ratings_shape(questions), size=50)
    listed = [(each, rater_pseudonym(str(each.rater.key))) for each in shown.page.object_list]
    context = {"area": "studies", "study": study, "list": shown, "page": shown.page, "rows": listed}
    return render(request, "researcher/ratings.html", context)


@page("GET")
def links(request: ResearcherRequest, name: str) -> HttpResponseBase:
    """All invitation links of a study, with how many came by each."""
    study = study_by_name(name)
    rows = study.invitations.annotate(n_raters=Count("raters", filter=Q(raters__dropped_at__isnull=True)))
    shown = shown_list(request, rows, invitations_shape(), size=25)
    listed = [(each, invitation_url(each)) for each in shown.page.object_list]
    context = {"area": "studies", "study": study, "list": shown, "page": shown.page, "rows": listed}
    return render(request, "researcher/links.html", context | {"now": timezone.now()})
