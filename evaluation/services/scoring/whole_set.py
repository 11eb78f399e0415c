"""One number for all images of a run, by a worker. Whoever comes second finds it held or done: nothing comes twice."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from django.conf import settings
from django.db import transaction

from evaluation.metrics.errors import MetricError
from evaluation.metrics.spec import SetMetric
from evaluation.models import GenerationRun, MetricRun
from evaluation.services.scoring.images import images_hash, scored_images
from evaluation.services.scoring.load import metric_for
from evaluation.services.scoring.parts import feature_metric, metric_compare, metric_influence_keep
from evaluation.services.scoring.reference import reference_input
from evaluation.services.scoring.score import metric_begin_with
from evaluation.services.scoring.shapes import other_shapes
from evaluation.services.work.deaths import ALONE_DEATHS
from evaluation.services.work.items import work_alone
from evaluation.services.work.locks import WHOLE, claim_scores
from evaluation.services.work.states import (
    UNFINISHED,
    SpoiledError,
    StoppedError,
    end,
    locked,
    spoil,
    unfinished,
    watched,
)

COSTED = "frechet"
"""The metric of which it is known what each image costs."""

TOO_LONG = (
    "Scoring all images exceeded the time limit ({} s). Score the run with manage.py score {} --metric {} --here, "
    "which has no limit, or set DRAWBENCH_TASK_SECONDS higher for the workers."
)


def metric_score_set(*, metric_run_pk: int) -> None:
    """Score all images of a set metric in one piece, telling how far it is. It then ends as done or as failed."""
    row = unfinished(MetricRun, metric_run_pk)
    if row is None:
        return
    killed = (
        f"The worker died {ALONE_DEATHS} times while it scored all images together. Check that there is enough memory."
    )
    try:
        work_alone(row, "whole", claim_scores(row.pk, [WHOLE]), lambda: _score(row), killed=killed)
    except (MetricError, SpoiledError) as error:
        spoil(MetricRun, metric_run_pk, str(error))
    except StoppedError:
        pass


def metric_too_long(metric_run: MetricRun) -> str:
    """What to say when a set's score met the task's limit."""
    return TOO_LONG.format(2 * settings.TASK_SECONDS, metric_run.run.name, metric_run.metric)


@transaction.atomic
def metric_conclude(*, metric_run: MetricRun, result: Mapping[str, object]) -> None:
    """Keep a set's result; it is done, or failed where there is no value, for the reason in the result.

    Raises:
        MetricError: the metric gave something that is no result.
    """
    row = locked(metric_run)
    if row.status not in UNFINISHED:
        return
    checked = _checked(row, result)
    row.result = checked | other_shapes(row, checked)
    row.label = str(checked.get("name") or row.label)
    row.images_hash = images_hash(_runs(row))
    row.shards.all().delete()
    row.n_done = row.n_total
    problem = str(checked.get("why") or "The metric gave no number and no reason.")
    end(row, problem if checked["value"] is None else "")
    row.save()


def _score(metric_run: MetricRun) -> None:
    metric = metric_for(metric_run).metric
    metric_begin_with(metric_run, metric.label, metric.provenance, scored=False)
    progress = watched(metric_run, lambda done, total: _report_progress(metric_run, done, total))
    over_features = feature_metric(metric_run)
    if over_features is not None and over_features.measure.cache is not None:
        scored = metric_compare(metric_run, over_features, progress)
        result = over_features.result_of(scored)
        if metric_run.metric == COSTED:
            metric_influence_keep(metric_run, scored)
    else:
        set_metric: SetMetric = metric  # type: ignore[assignment]  # the spec's kind says so
        images = list(scored_images(metric_run.run).values())
        result = set_metric.score(images, reference_input(metric_run), progress)
    metric_conclude(metric_run=metric_run, result=result)


def _report_progress(metric_run: MetricRun, done: int, total: int) -> None:
    MetricRun.objects.filter(pk=metric_run.pk).update(n_done=min(done, total), n_total=total)


def _checked(row: MetricRun, result: object) -> dict[str, object]:
    """`result` as JSON that can be kept.

    Raises:
        MetricError: it can't.
    """
    if not isinstance(result, Mapping) or "value" not in result:
        raise MetricError(f"The metric {row.metric} gave no result with a value: a {type(result).__name__}.")
    value = result["value"]
    if value is not None and (
        isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value)
    ):
        raise MetricError(f"The metric {row.metric} gave the value {value!r}, which is not a number.")
    try:
        text = json.dumps(dict(result), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise MetricError(f"The result of the metric {row.metric} is not JSON: {error}") from error
    checked: dict[str, object] = json.loads(text)
    return checked


def _runs(row: MetricRun) -> list[GenerationRun]:
    return [row.run, *([row.reference_run] if row.reference_run else [])]
