"""Drafts of studies: made, edited and copied in one form, and deleted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect

from evaluation import protocols
from evaluation.errors import InputError
from evaluation.models import GenerationRun, Study, StudyStatus
from evaluation.selectors.own_protocols import protocol_of
from evaluation.selectors.studies import study_by_name
from evaluation.services.studies.change import draft_of, draft_version, study_change, study_delete
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.views.researcher.pages import ResearcherRequest, add_input_error, form_page, page, tell
from evaluation.views.researcher.plan import planned, planner, unsaid
from evaluation.views.researcher.run_chooser import asks_for_runs, run_chooser
from evaluation.views.researcher.study_form import StudyForm
from evaluation.views.researcher.study_values import form_field, study_initial


@page("GET", "POST")
def new_study(request: ResearcherRequest) -> HttpResponseBase:
    """The form of a new study, and making it as a draft. `?copy=NAME`: like that study."""
    copied = request.GET.get("copy")
    base = None if copied is None else replace(draft_of(study_by_name(copied)), title="", copied_from=copied)
    initial: dict[str, object] = {
        "runs": request.GET.getlist("run"),
        "raters_per_panel": request.GET.get("raters_per_panel"),
        "protocol": request.GET.get("protocol", "drawbench"),
    }
    if base is not None:
        initial = study_initial(replace(base, name=""))
    form = _form(request, initial, base)
    if request.method == "POST" and not _only_asks(request) and form.is_valid():
        study = _saved(form, lambda draft: study_create(draft, created_by=request.user), request)
        if study is not None:
            return redirect("researcher:study", name=study.name)
    return _page(request, form, {"copied": copied, "heading": "New study", "button": "Create draft"})


@page("GET", "POST")
def edit_study(request: ResearcherRequest, name: str) -> HttpResponseBase:
    """The same form for a draft that is there."""
    found = study_by_name(name)
    if found.status != StudyStatus.DRAFT and request.method != "POST":
        messages.error(request, "Only drafts can be edited. Copy this study as a new draft instead.")
        return redirect("researcher:study", name=found.name)
    base = draft_of(found)
    form = _form(request, study_initial(base) | {"version": draft_version(found)}, base)
    if request.method == "POST" and not _only_asks(request) and form.is_valid():
        version = form.cleaned_data["version"]
        study = _saved(form, lambda draft: study_change(study=found, draft=draft, version=version), request)
        if study is not None:
            messages.success(request, "The draft is saved.")
            return redirect("researcher:study", name=study.name)
    return _page(
        request, form, {"study": found, "heading": f"Edit {found.title or found.name}", "button": "Save draft"}
    )


@page("POST", form_at="researcher:study")
def delete_study(request: ResearcherRequest, name: str) -> HttpResponseBase:
    """Delete a draft."""
    found = study_by_name(name)
    try:
        study_delete(study=found, version=request.POST.get("version", ""))
    except InputError as error:
        tell(request, error)
        return redirect("researcher:study", name=found.name)
    messages.success(request, f"The draft {found.name} is deleted.")
    return redirect("researcher:studies")


@page("GET")
def protocol_file(request: ResearcherRequest, name: str) -> HttpResponseBase:
    """The protocol of a study as a YAML file, to be changed and used again."""
    protocol = protocol_of(study_by_name(name))
    response = HttpResponse(protocols.to_yaml(protocol), content_type="application/yaml; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{protocol.name}.yaml"'
    return response


def _form(request: ResearcherRequest, initial: dict[str, object], base: StudyDraft | None) -> StudyForm:
    if request.method == "POST":
        return StudyForm(request.POST, request.FILES, initial=initial, base=base)
    return StudyForm(initial=initial, base=base)


def _saved(form: StudyForm, save: Callable[[StudyDraft], Study], request: ResearcherRequest) -> Study | None:
    """What `save` makes of the form's draft; None where it can't be, with the error beside its field."""
    chosen = _in_order(list(form.cleaned_data["runs"].order_by("pk")), form.base)
    labels = [_label(request, run) or run.name for run in chosen]
    try:
        return save(form.draft(chosen, labels))
    except InputError as error:
        add_input_error(form, error, field=form_field(error.field))
        return None


def _in_order(runs: list[GenerationRun], base: StudyDraft | None) -> list[GenerationRun]:
    """Runs of the base first, in its order."""
    before = {run.pk: at for at, run in enumerate(base.runs)} if base is not None else {}
    return sorted(runs, key=lambda run: before.get(run.pk, len(before)))


def _label(request: ResearcherRequest, run: GenerationRun) -> str:
    """What was written beside a run."""
    return request.POST.get(f"label-{run.pk}", "").strip()


def _only_asks(request: ResearcherRequest) -> bool:
    """Whether the form was sent for a plan, or to look for runs: it saves nothing then."""
    return "plan" in request.POST or asks_for_runs(request)


def _page(request: ResearcherRequest, form: StudyForm, context: dict[str, object]) -> HttpResponse:
    context = {"area": "studies", **context, "planner": planner(request)}
    if "plan" in request.POST:
        context["planned"] = planned(request)
    if _only_asks(request):
        form = unsaid(form, request)
    labels: dict[int, str] = {}
    also: tuple[int, ...] = ()
    if form.base is not None:
        also = tuple(run.pk for run in form.base.runs)
        if request.method != "POST":
            labels = dict(zip(also, form.base.labels or (), strict=True))
    context["chooser"] = run_chooser(request, form, labels, also=also)
    return form_page(request, "researcher/study_new.html", form, context)
