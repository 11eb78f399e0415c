"""Planning: what a study will find, take and cost, for no study yet, and beside the form of one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from django import forms
from django.http import HttpResponseBase
from django.shortcuts import render

from common import limits
from evaluation import protocols
from evaluation.analysis.pilot import PilotReading
from evaluation.errors import InputError
from evaluation.models import Suite
from evaluation.protocols import MOST_RATERS
from evaluation.reports.wording.plan import panel_cells, plan_lines
from evaluation.selectors.own_protocols import protocol_named
from evaluation.selectors.plan import (
    MOST_GENERATORS,
    MOST_PAY,
    MOST_SECONDS,
    MOST_SET,
    PlanAsked,
    pilot_named,
    plan_of_study,
    prompts_read,
    study_plan,
    suite_prompts,
)
from evaluation.selectors.studies import study_by_name
from evaluation.views.researcher.pages import ResearcherRequest, add_input_error, form_page, page
from evaluation.views.researcher.plain_form import PlainForm
from evaluation.views.researcher.study_form import StudyForm

PREFIX = "plan"
"""Of the planner's fields within the form of a study."""


UNNAMED = "a-plan"
"""Stands for the name of a study that has none yet."""


@dataclass(frozen=True, slots=True)
class PlanShown:
    """A plan as pages show it: `lines` of words, `rows` of panels where there are several; or `why` there is none."""

    lines: tuple[str, ...] = ()
    rows: tuple[tuple[str, str, str, str], ...] = ()
    why: str = ""


class PlannerFields(PlainForm):
    """What a plan needs beside the study itself."""

    seconds = forms.FloatField(
        label="Seconds per trial",
        required=False,
        min_value=0.1,
        max_value=MOST_SECONDS,
        help_text="If empty: the pilot's, or by what a trial shows and asks.",
    )
    pay = forms.FloatField(
        label="Pay per hour",
        required=False,
        min_value=0,
        max_value=MOST_PAY,
        help_text="Of a rater, in any currency.",
    )
    width = forms.FloatField(
        label="Wanted half-width",
        required=False,
        min_value=0.1,
        max_value=99,
        help_text="In points of the net share, such as 5.",
    )
    pilot = forms.CharField(
        label="Pilot",
        required=False,
        max_length=limits.STUDY_NAME,
        help_text="The name of a study, or of imported votes, whose variances and times are used.",
    )

    def asked(self, asked: PlanAsked) -> PlanAsked:
        """`asked` with what these fields say.

        Raises:
            InputError: there is no such pilot, or its ratings are too few.
        """
        values = self.cleaned_data
        pilot: PilotReading | None = pilot_named(values["pilot"]) if values["pilot"] else None
        width = values["width"] / 100 if values["width"] else None
        return replace(asked, seconds=values["seconds"], pay=values["pay"], width=width, pilot=pilot)


class PlanForm(PlannerFields):
    """A plan of no study: what there is to rate, by how many."""

    suite = forms.ModelChoiceField(
        Suite.objects.none(), label="Suite", required=False, empty_label="None: I give the numbers"
    )
    prompts = forms.CharField(
        label="Prompts",
        required=False,
        max_length=limits.SOURCE,
        help_text="Where no suite is chosen: how many, or how many in each category, such as 20, 20, 12.",
    )
    protocol = forms.ChoiceField(label="Protocol")
    generators = forms.IntegerField(label="Runs", min_value=1, max_value=MOST_GENERATORS)
    raters = forms.IntegerField(
        label="Raters per trial",
        required=False,
        min_value=1,
        max_value=MOST_RATERS,
        help_text="If empty: the protocol's number.",
    )
    set_size = forms.IntegerField(
        label="Images per set",
        required=False,
        min_value=1,
        max_value=MOST_SET,
        help_text="If empty: the protocol's number.",
    )
    field_order = ("suite", "prompts", "protocol", "generators", "raters", "set_size")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        suite, protocol = self.fields["suite"], self.fields["protocol"]
        assert isinstance(suite, forms.ModelChoiceField) and isinstance(protocol, forms.ChoiceField)
        suite.queryset = Suite.objects.filter(archived_at__isnull=True).order_by("-created_at", "-pk")
        protocol.choices = [(name, protocols.get(name).title) for name in protocols.names()]

    def plan(self) -> PlanShown:
        """The plan of a valid form. Raises InputError where there can be none."""
        values = self.cleaned_data
        if values["suite"] is not None:
            prompts = suite_prompts(values["suite"])
        elif values["prompts"]:
            prompts = prompts_read(values["prompts"])
        else:
            raise InputError("Choose a suite, or say how many prompts there are.", field="prompts")
        asked = PlanAsked(
            protocol=protocol_named(values["protocol"]),
            prompts=prompts,
            generators=values["generators"],
            raters=values["raters"],
            set_size=values["set_size"],
        )
        return shown(self.asked(asked))


@page("GET")
def plan(request: ResearcherRequest) -> HttpResponseBase:
    """A plan of no study. `?study=NAME`: as that study declares it; `?pilot=NAME`: with its variances and times."""
    if "study" in request.GET:
        declared = plan_of_study(study_by_name(request.GET["study"]))
        known = declared.protocol.name in protocols.names()
        initial = {
            "prompts": ", ".join(str(n) for n in declared.prompts.values()),
            "protocol": declared.protocol.name if known else "drawbench",
            "generators": declared.generators,
            "raters": declared.raters,
            "set_size": declared.set_size,
            "pilot": request.GET.get("pilot", ""),
        }
        return form_page(request, "researcher/plan.html", PlanForm(initial=initial), {"area": "studies"})
    if "generators" not in request.GET:
        initial = {"generators": 2, "protocol": "drawbench", "pilot": request.GET.get("pilot", "")}
        return form_page(request, "researcher/plan.html", PlanForm(initial=initial), {"area": "studies"})
    form, found = PlanForm(request.GET), None
    if form.is_valid():
        try:
            found = form.plan()
        except InputError as error:
            add_input_error(form, error)
    return form_page(request, "researcher/plan.html", form, {"area": "studies", "planned": found})


@page("POST", form_at="researcher:new-study")
def plan_draft(request: ResearcherRequest) -> HttpResponseBase:
    """The plan of what the form of a study holds now, as a part of its page: for its script, and saved nowhere."""
    return render(request, "researcher/_plan.html", {"planned": planned(request)})


def planner(request: ResearcherRequest) -> PlannerFields:
    """The planner's fields within the form of a study."""
    if request.method == "POST":
        return PlannerFields(request.POST, prefix=PREFIX)
    return PlannerFields(prefix=PREFIX, initial={"pilot": request.GET.get("pilot", "")})


def planned(request: ResearcherRequest) -> PlanShown:
    """The plan of a study's form as it was sent, whole or not."""
    sent = request.POST.copy()
    if not sent.get("name"):
        sent["name"] = UNNAMED  # without a name the form has an error, and looks at no protocol's questions
    form, fields = StudyForm(sent, request.FILES), planner(request)
    form.is_valid()
    if not fields.is_valid():
        return PlanShown(why="; ".join(f"{fields[name].label}: {told[0]}" for name, told in fields.errors.items()))
    values = form.cleaned_data
    runs = list(values.get("runs") or ())
    if not runs:
        return PlanShown(why="Choose the runs, and this says what the study will find and cost.")
    if len({run.suite_id for run in runs}) > 1:
        return PlanShown(why="Choose runs of one suite: a study compares runs of the same prompts.")
    if "declared" not in values:
        return PlanShown(why="Choose a protocol, or complete its questions.")
    own = values["protocol"] == "own-questions"
    asked = PlanAsked(
        protocol=values["declared"],
        prompts=suite_prompts(runs[0].suite),
        generators=len(runs),
        raters=None if own else values.get("raters_per_panel"),
        set_size=None if own else values.get("samples_per_set"),
    )
    if asked.set_size is None:  # as a draft takes it (`services.studies.sets.default_set_size`)
        most = min(run.samples_per_prompt for run in runs)
        asked = replace(asked, set_size=min(asked.protocol.set_size, most))
    try:
        return shown(fields.asked(asked))
    except InputError as error:
        return PlanShown(why=error.message)


def shown(asked: PlanAsked) -> PlanShown:
    """The plan, for a page. Raises InputError as `study_plan`."""
    found = study_plan(asked)
    rows = tuple(panel_cells(each) for each in found.panels) if len(found.panels) > 1 else ()
    return PlanShown(tuple(plan_lines(found)), rows)


def unsaid(form: StudyForm, request: ResearcherRequest) -> StudyForm:
    """The form with what was sent, and no errors: asking for a plan saves nothing, so nothing is amiss yet."""
    sent = {
        name: field.widget.value_from_datadict(request.POST, request.FILES, name) for name, field in form.fields.items()
    }
    return StudyForm(initial={name: value for name, value in sent.items() if name not in request.FILES}, base=form.base)
