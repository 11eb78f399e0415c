"""Automatic scores: asked for beside a run, watched, read with their images, taken along as files."""

from __future__ import annotations

import json
from typing import cast
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.gzip import gzip_page

from common.words import nearest
from evaluation.errors import InputError
from evaluation.metrics.shapes import OTHER_SHAPES
from evaluation.models import GenerationRun, MetricRun, RunStatus
from evaluation.reports.figure import FigureFormat, Theme
from evaluation.reports.ratings_file import ratings_csv
from evaluation.reports.score_figure import spread_figure
from evaluation.reports.score_summary import ScoreSummary
from evaluation.reports.wording.descriptions import spread_description
from evaluation.reports.wording.scores import facts, files_told
from evaluation.selectors.metrics import (
    Order,
    metric_progress,
    metric_runs_listed,
    scores_frame,
    scores_sorted,
    scores_without,
)
from evaluation.services.scoring.request import metric_cancel, metric_request, metric_retry
from evaluation.views.researcher.drawn import figure_response
from evaluation.views.researcher.metric_form import MetricForm, unusable_metrics, usable_metrics
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

IMAGES_A_PAGE = 24
WITHOUT_SHOWN = 30
LISTED = 50
FIRST_CHOICES = ("clip-score", "frechet")
"""Metrics that the form begins with: the first of them that there is."""

RESULT_SHOWN_APART = ("value", "name", "why", "corrected", "warnings", "skipped", "converted")
"""Keys of a set's result that have places of their own on its page."""

SHAPES_TOLD = ("image_sizes", "images_of_further_sizes", OTHER_SHAPES)
"""Keys of a sample metric's result that its page shows beside the summary."""


def scores_of(run: GenerationRun) -> dict[str, object]:
    """What a run's page shows of its automatic scores. One query."""
    found = list(metric_runs_listed().filter(run=run)[:LISTED])
    return {
        "run": run,
        "metric_rows": [(each, metric_progress(each), _settings(each)) for each in found],
        "scoring": any(each.under_way for each in found),
    }


@page("GET")
def run_scores(request: ResearcherRequest, pk: int) -> HttpResponseBase:
    """The automatic scores of a run, as a part of its page that htmx fetches again and again while one is made."""
    return render(request, "researcher/_run_scores.html", scores_of(get_object_or_404(GenerationRun, pk=pk)))


@page("GET", "POST")
def new_score(request: ResearcherRequest, pk: int) -> HttpResponseBase:
    """The form of an automatic score, and asking for it."""
    run = get_object_or_404(GenerationRun.objects.select_related("suite"), pk=pk)
    specs = usable_metrics()
    if not specs:
        raise InputError("No metric can be used on this server. manage.py score --list says why.")
    given = request.POST if request.method == "POST" else request.GET
    chosen = given.get("metric") or next((name for name in FIRST_CHOICES if name in specs), next(iter(specs)))
    if chosen not in specs:
        hint = nearest(chosen, specs) or "."
        return problem(request, InputError(f'Unknown metric "{chosen}"{hint} Metrics: {", ".join(specs)}.'))
    initial = {name: value for name, value in request.GET.items() if name.startswith((PREFIX, "reference"))}
    data = request.POST if request.method == "POST" else None
    form = MetricForm(specs[chosen], list(specs), run, data, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            asked = metric_request(
                run=run,
                metric=chosen,
                parameters=form.parameters,
                reference=form.cleaned_data.get("reference", ""),
                created_by=request.user,
            )
        except InputError as error:
            add_input_error(form, error)
        else:
            if not asked.is_new:
                messages.info(request, "This score was requested before; here it is.")
            return redirect("researcher:metric-run", pk=asked.metric_run.pk)
    context = {"area": "runs", "run": run, "spec": specs[chosen], "unusable": unusable_metrics()}
    template = (
        "researcher/_metric_parameters.html" if request.headers.get("HX-Request") else "researcher/metric_new.html"
    )
    return form_page(request, template, form, context)


@page("GET")
def metric_run(request: ResearcherRequest, pk: int) -> HttpResponseBase:
    """One automatic score: how far it is, what it came to, the images it likes most or least, what it was made with."""
    found = _metric_run(pk)
    order: Order = "best" if request.GET.get("order") == "best" else "worst"
    summary = _summary(found)
    categories = list(summary["categories"]) if summary else []
    chosen = request.GET.get("category", "")
    category = chosen if chosen in categories and len(categories) > 1 else None
    images = page_of(request, scores_sorted(found, order, category), size=IMAGES_A_PAGE)
    without = list(scores_without(found)[: WITHOUT_SHOWN + 1])
    result = found.result or {}
    context = _state(found) | {
        "area": "runs",
        "summary": summary,
        "description": spread_description(summary, found.label) if summary else "",
        "result": result,
        "categories": categories if len(categories) > 1 else [],
        "chosen": category,
        "order": order,
        "keep": urlencode({"order": order, **({"category": category} if category is not None else {})}) + "&",
        "page": images,
        "without": without[:WITHOUT_SHOWN],
        "more_without": len(without) > WITHOUT_SHOWN,
        "later": found.run.samples.count() - found.n_done if summary and not found.under_way else 0,
        "manifest": facts({name: value for name, value in result.items() if name not in RESULT_SHOWN_APART})
        if found.kind == MetricRun.Kind.SET
        else facts({name: result[name] for name in SHAPES_TOLD if name in result}),
        "files": files_told(result),
        "parameters": _settings(found),
        "provenance": facts(
            {
                name: value
                for name, value in found.provenance.items()
                if value not in ("", None) and found.parameters.get(name) != value
            }
        ),
    }
    return render(request, "researcher/metric_run.html", context)


@page("GET")
def metric_run_state(request: ResearcherRequest, pk: int) -> HttpResponseBase:
    """How far it is, as a part of its page that htmx fetches; once it ends, the page is reloaded."""
    found = _metric_run(pk)
    response = render(request, "researcher/_metric_state.html", _state(found))
    if not found.under_way:
        response["HX-Refresh"] = "true"
    return response


@page("POST", form_at="researcher:metric-run")
def cancel_score(request: ResearcherRequest, pk: int) -> HttpResponseBase:
    """Stop it; what is scored stays."""
    found = _metric_run(pk)
    done = "Scoring is stopped. Scores computed so far are kept, and you can resume it."
    return act(request, lambda: metric_cancel(metric_run=found), done=done, back=_address(found))


@page("POST", form_at="researcher:metric-run")
def retry_score(request: ResearcherRequest, pk: int) -> HttpResponseBase:
    """Go on with what failed, was stopped, or lacks images that came later."""
    found = _metric_run(pk)
    return act(request, lambda: metric_retry(metric_run=found), done="Scoring was resumed.", back=_address(found))


@page("POST", form_at="researcher:metric-run")
def score_anew(request: ResearcherRequest, pk: int) -> HttpResponseBase:
    """Forget its numbers and score all again."""
    found = _metric_run(pk)
    done = "All images are being scored again. Existing reports keep their numbers."
    return act(request, lambda: metric_retry(metric_run=found, anew=True), done=done, back=_address(found))


@gzip_page
@page("GET")
def score_figure(request: ResearcherRequest, pk: int, suffix: str) -> HttpResponseBase:
    """How its scores are spread, drawn."""
    found = _metric_run(pk)
    summary = _summary(found)
    if summary is None:
        raise Http404
    theme: Theme = "dark" if request.GET.get("theme") == "dark" else "light"
    data = spread_figure(
        summary,
        label=found.label,
        image_format=cast(FigureFormat, suffix),
        theme=theme,
        narrow="narrow" in request.GET,
    )
    return figure_response(request, data, suffix, name=_stem(found))


@page("GET")
def scores_csv(request: ResearcherRequest, pk: int) -> HttpResponseBase:
    """Its scores of all images, in the form of the scores file."""
    found = _metric_run(pk)
    response = HttpResponse(ratings_csv(scores_frame([found])), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{_stem(found)}.csv"'
    return response


@page("GET")
def score_json(request: ResearcherRequest, pk: int) -> HttpResponseBase:
    """Its result, with all that it was made with."""
    found = _metric_run(pk)
    document = {
        "run": found.run.name,
        "metric": found.metric,
        "parameters": found.parameters,
        "reference": found.reference,
        "status": found.status,
        "label": found.label,
        "result": found.result,
        "provenance": found.provenance,
        "code_version": found.code_version,
        "images_hash": found.images_hash,
        "finished_at": found.finished_at and found.finished_at.isoformat(),
    }
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2) + "\n"
    response = HttpResponse(text, content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="{_stem(found)}.json"'
    return response


def _settings(found: MetricRun) -> list[tuple[str, str]]:
    """Its parameters that are set, for people."""
    return facts({name: value for name, value in sorted(found.parameters.items()) if value != ""})


def _metric_run(pk: int) -> MetricRun:
    return get_object_or_404(MetricRun.objects.select_related("run__suite", "reference_run", "created_by"), pk=pk)


def _summary(found: MetricRun) -> ScoreSummary | None:
    """What the scores of images came to; None for a set, and while they are made."""
    if found.kind != MetricRun.Kind.SAMPLE or not found.result or found.under_way:
        return None
    summary = cast(ScoreSummary, found.result)
    # the database keeps no order of keys
    return {**summary, "categories": dict(sorted(summary["categories"].items()))}


def _state(found: MetricRun) -> dict[str, object]:
    ended = not found.under_way
    return {
        "metric_run": found,
        "run": found.run,
        "progress": metric_progress(found),
        "can_go_on": ended and found.status != RunStatus.DONE,
    }


def _address(found: MetricRun) -> str:
    return reverse("researcher:metric-run", args=[found.pk])


def _stem(found: MetricRun) -> str:
    return f"{found.metric}-run-{found.run_id}-{found.pk}"
