"""One number for all images of a run, by a worker. Whoever comes second finds it held or done: nothing comes twice."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Mapping

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from evaluation.metrics.errors import MetricError
from evaluation.metrics.spec import SetMetric
from evaluation.models import GenerationRun, MetricRun, RunStatus
from evaluation.services.runs.request import UNFINISHED
from evaluation.services.scoring.images import images_hash, scored_images
from evaluation.services.scoring.load import metric_for
from evaluation.services.scoring.parts import feature_metric, metric_features, metric_influence_keep
from evaluation.services.scoring.reference import reference_input
from evaluation.services.scoring.score import (
    KILLS,
    MetricSpoiledError,
    deaths,
    is_wanted,
    metric_begin_with,
    metric_spoil,
)
from evaluation.services.work.locks import WHOLE, scores_held

log = logging.getLogger(__name__)

TOLD_EVERY_S = 0.5

COSTED = "frechet"
"""The metric of which it is known what each image costs."""

TOO_LONG = (
    "Scoring all images exceeded the time limit ({} s). Score the run with manage.py score {} --metric {} --here, "
    "which has no limit, or set DRAWBENCH_TASK_SECONDS higher for the workers."
)


class _Stopped(Exception):
    """It was cancelled meanwhile."""


def metric_score_set(*, metric_run: int) -> None:
    """Score all images of a set metric in one piece, telling how far it is. It then ends as done or as failed."""
    found = MetricRun.objects.select_related("run", "reference_run").filter(pk=metric_run).first()
    if found is None or found.status not in UNFINISHED:
        return
    begun = f"metric:{metric_run}:whole"
    with scores_held(metric_run, [WHOLE]) as held:
        if not held:
            return
        try:
            if deaths(begun) >= KILLS:
                raise MetricSpoiledError(
                    f"The worker died {KILLS} times while it scored all images together. Check that there is enough "
                    "memory."
                )
            _score(found)
        except (MetricError, MetricSpoiledError) as error:
            metric_spoil(metric_run=metric_run, message=str(error))
        except _Stopped:
            pass
    cache.delete(begun)


def metric_too_long(metric_run: MetricRun) -> str:
    """What to say when a set's score met the task's limit."""
    return TOO_LONG.format(2 * settings.TASK_SECONDS, metric_run.run.name, metric_run.metric)


@transaction.atomic
def metric_conclude(*, metric_run: int, result: Mapping[str, object]) -> None:
    """Keep a set's result; it is done, or failed where there is no value, for the reason in the result.

    Raises:
        MetricError: the metric gave something that is no result.
    """
    row = MetricRun.objects.select_for_update(of=("self",)).select_related("run", "reference_run").get(pk=metric_run)
    if row.status not in UNFINISHED:
        return
    checked = _checked(row, result)
    row.result = checked
    row.label = str(checked.get("name") or row.label)[:300]
    row.images_hash = images_hash(_runs(row))
    row.shards.all().delete()
    row.n_done = row.n_total
    row.status, row.message, row.finished_at = RunStatus.DONE, "", timezone.now()
    if checked["value"] is None:
        row.status = RunStatus.FAILED
        row.message = str(checked.get("why") or "The metric gave no number and no reason.")
    row.save()


def metric_told(metric_run: MetricRun) -> Callable[[int, int], None]:
    """A `Progress` that writes into the row of `metric_run`, and ends the work once it is not wanted any more."""
    told = 0.0

    def progress(done: int, total: int) -> None:
        nonlocal told
        if time.monotonic() - told < TOLD_EVERY_S and done < total:
            return
        told = time.monotonic()
        if not is_wanted(metric_run.pk):
            raise _Stopped
        MetricRun.objects.filter(pk=metric_run.pk).update(n_done=min(done, total), n_total=total)

    return progress


def _score(metric_run: MetricRun) -> None:
    metric = metric_for(metric_run).metric
    metric_begin_with(metric_run, metric.label, metric.provenance, scored=False)
    images = list(scored_images(metric_run.run).values())
    told = metric_told(metric_run)
    over_features = feature_metric(metric_run)
    # with each image's features kept, merged from parts where workers scored such
    made = metric_features(metric_run, over_features, told) if over_features else None
    set_metric: SetMetric = metric  # type: ignore[assignment]  # the spec's kind says so
    result = set_metric.score(images, reference_input(metric_run), told)
    if made is not None and metric_run.metric == COSTED and result.get("value") is not None:
        metric_influence_keep(metric_run, made)
    metric_conclude(metric_run=metric_run.pk, result=result)


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
    checked: dict[str, object] = json.loads(text.replace("\\u0000", "\\ufffd"))
    return checked


def _runs(row: MetricRun) -> list[GenerationRun]:
    return [row.run, *([row.reference_run] if row.reference_run else [])]
