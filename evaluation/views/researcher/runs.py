"""Generation runs: the list, one run with its samples, making, stopping and trying again."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from common.words import nearest
from evaluation.declared import selection_in_words
from evaluation.errors import InputError
from evaluation.models import GenerationRun, Prompt, RunStatus, Sample, SampleFailure, Suite
from evaluation.reports.exams import exams_beside
from evaluation.reports.wording.scores import facts
from evaluation.selectors.list_shapes import runs_shape
from evaluation.selectors.overview import runs_listed, suite_categories, uploads_pending
from evaluation.selectors.runs import run_progress, run_prompts_noted, runs_progress
from evaluation.services.runs.estimate import run_estimate, run_pace_in_words
from evaluation.services.runs.request import RunDraft, run_cancel, run_pause, run_render, run_resume, run_retry
from evaluation.services.runs.spending import run_expected_usd
from evaluation.services.studies.run_specified import run_specified
from evaluation.views.researcher.lists import shown_list
from evaluation.views.researcher.metrics import scores_of
from evaluation.views.researcher.pages import (
    ResearcherRequest,
    act,
    add_input_error,
    form_page,
    page,
    page_of,
    problem,
)
from evaluation.views.researcher.parameter_form import PREFIX
from evaluation.views.researcher.run_form import RunForm, usable_specs
from generators.prompt_notes import prompt_notes
from generators.sizes import square

RUNS_A_PAGE = 25
PROMPTS_A_PAGE = 12
FAILURES_SHOWN = 50
TOLD_ALREADY = ("generator", "weights_fingerprint")
"""Keys of a run's provenance that its page shows under other names."""


@dataclass(frozen=True, slots=True)
class PromptSamples:
    """A prompt with its places, in order: a sample, a failure, or nothing yet.

    `notes`: what of the prompt its images can't show, as the generator said it.
    """

    prompt: Prompt
    places: list[tuple[int, Sample | None, SampleFailure | None]]
    notes: list[str]


@page("GET")
def runs(request: ResearcherRequest) -> HttpResponseBase:
    """All runs with how far each is."""
    shown = shown_list(request, runs_listed(), runs_shape(), size=RUNS_A_PAGE)
    listed = shown.page
    progress = runs_progress(listed.object_list)
    rows = [(run, progress[run.pk]) for run in listed.object_list]
    context = {"area": "runs", "list": shown, "page": listed, "rows": rows, "uploads": uploads_pending()[:20]}
    return render(request, "researcher/runs.html", context)


@page("GET", "POST")
def new_run(request: ResearcherRequest) -> HttpResponseBase:
    """The form of a new run, and making it."""
    specs = usable_specs()
    if not specs:
        raise InputError("No generator can be used on this server. The generators page says why.")
    given = request.POST if request.method == "POST" else request.GET
    chosen = given.get("generator") or ("cascade" if "cascade" in specs else next(iter(specs)))
    if chosen not in specs:
        hint = nearest(chosen, specs) or "."
        return problem(request, InputError(f'Unknown generator "{chosen}"{hint} Generators: {", ".join(specs)}.'))
    initial: dict[str, object] = {"suite": request.GET.get("suite")}
    initial |= {name: value for name, value in request.GET.items() if name.startswith(PREFIX)}
    initial |= {name: request.GET[name] for name in ("run_seed", "samples_per_prompt", "size") if name in request.GET}
    form = RunForm(specs[chosen], list(specs), request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            run = run_render(_draft(form, chosen), created_by=request.user)
        except InputError as error:
            add_input_error(form, error)
        else:
            return redirect("researcher:run", pk=run.pk)
    context = {"area": "runs", "spec": specs[chosen], "has_suites": Suite.objects.exists()}
    template = "researcher/_run_parameters.html" if request.headers.get("HX-Request") else "researcher/run_new.html"
    return form_page(request, template, form, context)


@page("GET")
def estimate(request: ResearcherRequest) -> HttpResponseBase:
    """What a run with the form's values would come to, as a part of that form; nothing where they are not whole yet."""
    specs = usable_specs()
    chosen = request.GET.get("generator", "")
    told = problem_told = ""
    if chosen in specs:
        form = RunForm(specs[chosen], list(specs), request.GET)
        if form.is_valid():
            try:
                told = str(run_estimate(_draft(form, chosen)))
            except InputError as error:
                problem_told = str(error)
    return render(request, "researcher/_run_estimate.html", {"told": told, "problem": problem_told})


def _draft(form: RunForm, generator: str) -> RunDraft:
    """What a valid form asks for."""
    values = form.cleaned_data
    return RunDraft(
        suite=values["suite"],
        generator=generator,
        parameters=form.parameters,
        size=square(side) if (side := values.get("size")) else None,
        samples_per_prompt=values["samples_per_prompt"],
        run_seed=values["run_seed"],
        name=values["name"],
        budget_usd=values["budget_usd"],
    )


@page("GET")
def run(request: ResearcherRequest, pk: int) -> HttpResponseBase:
    """One run: how far it is, its samples by prompt, what failed, where it comes from."""
    found = get_object_or_404(GenerationRun.objects.select_related("suite", "created_by"), pk=pk)
    categories = suite_categories(found.suite)
    chosen = request.GET.get("category", "")
    prompts = found.suite.prompts.order_by("number")
    if "category" in request.GET and chosen in dict(categories):
        prompts = prompts.filter(category=chosen)
    else:
        chosen = ""
    shown = page_of(request, prompts, size=PROMPTS_A_PAGE)
    failures = list(found.failures.select_related("prompt").order_by("prompt__number", "sample")[: FAILURES_SHOWN + 1])
    context = (
        _progress_context(found)
        | scores_of(found)
        | {
            "area": "runs",
            "categories": categories,
            "chosen": chosen,
            "keep": f"{urlencode({'category': chosen})}&" if chosen else "",
            "page": shown,
            "rows": _places(found, list(shown.object_list)),
            "failures": failures[:FAILURES_SHOWN],
            "selection": selection_in_words(found.declared, drawn_here=found.is_drawn_by_us),
            "parameters": facts({name: value for name, value in sorted(found.parameters.items()) if value != ""}),
            "provenance": facts(
                {
                    name: value
                    for name, value in sorted(found.provenance.items())
                    if value not in ("", None) and found.parameters.get(name) != value and name not in TOLD_ALREADY
                }
            ),
            "n_noted": run_prompts_noted(found),
            "exams": exams_beside([run_specified(found.name, found)]),
            "more_failures": len(failures) > FAILURES_SHOWN,
            "studies": found.study_runs.select_related("study").order_by("-study__created_at")[:20],
        }
    )
    return render(request, "researcher/run.html", context)


@page("GET")
def run_state(request: ResearcherRequest, pk: int) -> HttpResponseBase:
    """How far a run is, as a part of its page that htmx fetches again and again; once it ends, the page is reloaded."""
    found = get_object_or_404(GenerationRun, pk=pk)
    response = render(request, "researcher/_run_state.html", _progress_context(found))
    if found.status not in (RunStatus.QUEUED, RunStatus.RUNNING):
        response["HX-Refresh"] = "true"
    return response


@page("POST", form_at="researcher:run")
def cancel(request: ResearcherRequest, pk: int) -> HttpResponseBase:
    """Stop a run; what is made stays."""
    found = get_object_or_404(GenerationRun, pk=pk)
    done = "The run is stopped. Images made so far are kept, and you can resume it."
    return act(request, lambda: run_cancel(run=found), done=done, back=_address(found))


@page("POST", form_at="researcher:run")
def pause(request: ResearcherRequest, pk: int) -> HttpResponseBase:
    """Leave a run for later."""
    found = get_object_or_404(GenerationRun, pk=pk)
    done = "The run is paused. Resume it to go on."
    return act(request, lambda: run_pause(run=found), done=done, back=_address(found))


@page("POST", form_at="researcher:run")
def retry(request: ResearcherRequest, pk: int) -> HttpResponseBase:
    """Try again what failed, and make what is missing."""
    found = get_object_or_404(GenerationRun, pk=pk)
    done = "Failed and missing samples are being made again."
    return act(request, lambda: run_retry(run=found), done=done, back=_address(found))


@page("POST", form_at="researcher:run")
def resume(request: ResearcherRequest, pk: int) -> HttpResponseBase:
    """Go on with a run that stopped."""
    found = get_object_or_404(GenerationRun, pk=pk)
    budget_usd = request.POST.get("budget_usd", "")
    return act(
        request,
        lambda: run_resume(run=found, budget_usd=budget_usd),
        done="The run was resumed.",
        back=_address(found),
    )


def _address(run: GenerationRun) -> str:
    return reverse("researcher:run", args=[run.pk])


def _progress_context(run: GenerationRun) -> dict[str, object]:
    progress = run_progress(run)
    under_way = run.status in (RunStatus.QUEUED, RunStatus.RUNNING)
    rendered = run.origin == GenerationRun.Origin.RENDERED
    expected_usd = run_expected_usd(run, progress.expected) if rendered else None
    return {
        "run": run,
        "progress": progress,
        "pace": run_pace_in_words(run, progress, expected_usd),
        "under_way": under_way,
        "can_resume": rendered and not under_way and run.status != RunStatus.DONE and progress.remaining > 0,
        "can_retry": rendered and not under_way and progress.failed > 0,
    }


def _places(run: GenerationRun, prompts: list[Prompt]) -> list[PromptSamples]:
    """The samples and failures of `prompts`. Two queries."""
    made: dict[int, dict[int, Sample]] = defaultdict(dict)
    for sample in Sample.objects.filter(run=run, prompt__in=prompts).select_related("image"):
        made[sample.prompt_id][sample.sample] = sample
    failed: dict[int, dict[int, SampleFailure]] = defaultdict(dict)
    for failure in SampleFailure.objects.filter(run=run, prompt__in=prompts):
        failed[failure.prompt_id][failure.sample] = failure
    return [
        PromptSamples(
            prompt,
            [
                (index, made[prompt.pk].get(index), failed[prompt.pk].get(index))
                for index in range(max(run.samples_per_prompt, max(made[prompt.pk], default=-1) + 1))
            ],
            next((prompt_notes(sample.provenance) for sample in made[prompt.pk].values()), []),
        )
        for prompt in prompts
    ]
