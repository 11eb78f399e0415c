"""Automatic scores: what was asked for of a run, how far it is, what it came to, and the scores as a table."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd
from django.core.cache import cache
from django.db.models import F, QuerySet

from common.words import nearest, prompt_name
from evaluation.errors import NotFoundError
from evaluation.models import GenerationRun, MetricRun, MetricScore, RunStatus, Sample, Study, StudyImage
from evaluation.suites.types import NO_CATEGORY

COLUMNS = ("prompt_id", "category", "generator", "sample", "metric", "value", "better", "why")
"""The scores file's columns (docs/running-metrics.md), as `evaluation.analysis.automatic_scores` takes it."""

PACE_WINDOW_S = 300.0
Order = Literal["best", "worst"]


@dataclass(frozen=True, slots=True)
class MetricProgress:
    """How far it is, in images. `images_per_minute`, `seconds_left`: as seen of late; None while nobody can tell."""

    done: int
    total: int
    images_per_minute: float | None = None
    seconds_left: float | None = None


def metric_runs_listed() -> QuerySet[MetricRun]:
    """Metric runs, newest first, with what stands in lists and without the rest of their results.

    Beside their fields: `value`, `corrected` (of a set), `overall` (of samples: a `SpreadOfScores`).
    """
    return (
        MetricRun.objects.select_related("run", "reference_run", "created_by")
        .defer("result")
        .annotate(value=F("result__value"), overall=F("result__overall"), corrected=F("result__corrected"))
        .order_by("-created_at", "-pk")
    )


def metric_run_of(run: GenerationRun, metric: str) -> MetricRun:
    """The newest metric run of `metric` on `run`.

    Raises:
        NotFoundError: there is none; those there are, are told.
    """
    found = MetricRun.objects.select_related("run", "reference_run").filter(run=run, metric=metric).first()
    if found is not None:
        return found
    known = sorted(set(MetricRun.objects.filter(run=run).values_list("metric", flat=True)))
    said = (
        f"{nearest(metric, known) or '.'} Scored with: {', '.join(known)}."
        if known
        else ": no score was requested yet."
    )
    raise NotFoundError(f'The run {run.name} was not scored with "{metric}"{said}', field="metric")


def metric_progress(metric_run: MetricRun) -> MetricProgress:
    """How far `metric_run` is. No query: the pace is what whoever looks has seen of it."""
    done, total = metric_run.n_done, metric_run.n_total
    key = f"metric:{metric_run.pk}:pace"
    if metric_run.status != RunStatus.RUNNING:
        return MetricProgress(done, total)
    now = time.time()
    mark = cache.get(key)
    if mark is None or done < mark[1] or now - mark[0] > PACE_WINDOW_S:
        cache.set(key, (now, done), PACE_WINDOW_S)
        return MetricProgress(done, total)
    seconds, images = now - mark[0], done - mark[1]
    if images < 1 or seconds < 1:
        return MetricProgress(done, total)
    return MetricProgress(done, total, 60 * images / seconds, (total - done) * seconds / images)


def scores_sorted(metric_run: MetricRun, order: Order, category: str | None = None) -> QuerySet[MetricScore]:
    """The scores of `metric_run`, best or worst first, each with its sample; those without a number are not among them.

    A set's scores are how much each image costs; there the worst are those that cost the most.
    """
    found = MetricScore.objects.filter(metric_run=metric_run, value__isnull=False)
    if category is not None:
        found = found.filter(sample__prompt__category=category)
    high_is_good = metric_run.kind == MetricRun.Kind.SAMPLE and metric_run.better == MetricRun.Better.HIGHER
    descending = high_is_good == (order == "best")
    return found.select_related("sample__prompt", "sample__image").order_by(
        "-value" if descending else "value", "sample"
    )


def scores_without(metric_run: MetricRun) -> QuerySet[MetricScore]:
    """The scores that are no number, with their reasons, in the suite's order."""
    found = MetricScore.objects.filter(metric_run=metric_run, value__isnull=True)
    return found.select_related("sample__prompt", "sample__image").order_by("sample__prompt__number", "sample__sample")


def scores_frame(
    metric_runs: Iterable[MetricRun],
    *,
    labels: Mapping[int, str] | None = None,
    names: Mapping[int, str] | None = None,
    shown_in: Study | None = None,
) -> pd.DataFrame:
    """The scores of all images by these metric runs, one row each, with `COLUMNS`.

    `labels`: what to call a run (primary key), its name unless given. `names`: what to call the metric of a metric run
    (primary key). `shown_in`: only images that this study shows its raters. Without a number `value` is NaN. In the
    suite's order, metric by metric. A query a metric run.
    """
    parts: list[pd.DataFrame] = []
    for metric_run in metric_runs:
        scores = MetricScore.objects.filter(metric_run=metric_run)
        if shown_in is not None:
            scores = scores.filter(sample__in=StudyImage.objects.filter(study=shown_in).values("sample"))
        rows = scores.order_by("sample__prompt__number", "sample__sample").values_list(
            "sample__prompt__number", "sample__prompt__category", "sample__sample", "value", "why"
        )
        numbers, categories, samples, values, whys = list(zip(*rows, strict=True)) or [(), (), (), (), ()]
        part = pd.DataFrame(
            {
                "prompt_id": pd.Series([prompt_name(number) for number in numbers], dtype=object),
                "category": pd.Series([category or NO_CATEGORY for category in categories], dtype=object),
                "generator": (labels or {}).get(metric_run.run_id, metric_run.run.name),
                "sample": pd.Series(samples, dtype="int64"),
                "metric": (names or {}).get(metric_run.pk, metric_run.metric),
                "value": pd.Series(values, dtype="float64"),
                "better": metric_run.better,
                "why": pd.Series(whys, dtype=object),
            }
        )
        parts.append(part)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))


def metric_names(metric_runs: Sequence[MetricRun]) -> dict[int, str]:
    """What to call the metric of each metric run (primary key) where several stand together.

    The metric's name; where it was used with several settings, with those that differ: "clip-score (model=a)".
    """
    names: dict[int, str] = {}
    for metric in dict.fromkeys(each.metric for each in metric_runs):
        same = [each for each in metric_runs if each.metric == metric]
        differ = [
            name
            for name in sorted({name for each in same for name in each.parameters})
            if len({repr(each.parameters.get(name)) for each in same}) > 1
        ]
        for each in same:
            settings = ", ".join(f"{name}={each.parameters.get(name)}" for name in differ)
            names[each.pk] = f"{metric} ({settings})" if settings else metric
    return names


def study_metric_runs(study: Study) -> list[MetricRun]:
    """The finished metric runs of the runs of `study`, of kind sample, that can be held against each other.

    Those are by the same metric, with the same parameters and label (weights), of two runs or more; in the order of
    metrics and of the runs in the study. Two queries.
    """
    return [each for group, why in study_metric_groups(study) if not why for each in group]


def study_metrics_left_out(study: Study) -> list[str]:
    """Why finished scores of the runs of `study` are not among `study_metric_runs`, a sentence each. Two queries."""
    return [why for _, why in study_metric_groups(study) if why]


def study_metric_groups(study: Study) -> list[tuple[list[MetricRun], str]]:
    """Finished metric runs of the study's runs, alike in metric and parameters, and why they can't be held against each
    other, if so. Two queries.
    """
    places = {each.run_id: each for each in study.study_runs.all()}
    done = MetricRun.objects.filter(run__in=places, kind=MetricRun.Kind.SAMPLE, status=RunStatus.DONE)
    groups: dict[tuple[str, str], list[MetricRun]] = {}
    for each in done.select_related("run").defer("result").order_by("metric", "parameters_hash"):
        groups.setdefault((each.metric, each.parameters_hash), []).append(each)
    found: list[tuple[list[MetricRun], str]] = []
    for group in groups.values():
        group.sort(key=lambda each: places[each.run_id].order)
        labels, why = sorted({each.label for each in group}), ""
        if len(group) < 2:
            only = places[group[0].run_id].label
            why = f"{labels[0]} is left out: of the compared runs, only {only} was scored with it."
        elif len(labels) > 1:
            told = ", ".join(labels)
            why = (
                f"{group[0].metric} is left out: the runs were scored with different weights ({told}). Score one again."
            )
        found.append((group, why))
    return found


def study_sets(study: Study, prompts: Iterable[str]) -> dict[tuple[str, str], list[Sample]]:
    """The images that `study` shows for these prompts (five digits), by prompt and label of the run. Two queries."""
    labels = {each.run_id: each.label for each in study.study_runs.all()}
    found: dict[tuple[str, str], list[Sample]] = {}
    samples = Sample.objects.filter(
        run__in=labels,
        prompt__number__in=[int(prompt) for prompt in prompts],
        pk__in=StudyImage.objects.filter(study=study).values("sample"),
    )
    for sample in samples.select_related("prompt", "image").order_by("prompt__number", "run", "sample"):
        found.setdefault((sample.prompt.prompt_id, labels[sample.run_id]), []).append(sample)
    return found
