"""A few samples of a run, scored by a worker. Safe to do again, at the same time, or after a kill: nothing comes twice.

As in `runs.draw`: what is to be scored is always asked of the database, a sample is held (`locks`) while it is scored,
and each batch is kept in a transaction of its own. A kill loses one batch at most.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, QuerySet, Value
from django.db.models.functions import Least
from django.utils import timezone

from evaluation.metrics import registry
from evaluation.metrics.errors import MetricError
from evaluation.metrics.spec import SampleMetric, SampleScore, ScoredImage
from evaluation.models import MetricRun, MetricScore, RunStatus, Sample
from evaluation.reports.score_summary import summarise
from evaluation.selectors.metrics import scores_frame
from evaluation.services.runs.request import UNFINISHED
from evaluation.services.scoring.images import images_hash, scored_images
from evaluation.services.scoring.load import LoadedMetric, differs, forget_metrics, metric_code_version, metric_for
from evaluation.services.work.locks import scores_held
from generators.registry import describe

log = logging.getLogger(__name__)

IMAGES_PER_TASK = 64
MAX_TASKS = 1_000
"""A run is cut into tasks of about so many images, and into no more tasks than that."""

BATCH = 16
"""Images that a metric is given at once, unless it has a `batch_size` of its own."""

BATCH_SHARE = 0.1
"""Share of a task's longest time that one batch should take: the pace of the batch before says how many fit."""

KILLS = 3
"""How often an image that is scored alone, or a part of a set, may kill its worker before it is given up."""

FAULTS = 20
"""After so many images on which a metric raised, and none on which it did not, it is given up."""

FAILED = {"failed": True}
"""The detail of a score that is none because something broke: it is tried again when the metric run is taken up."""

LONGEST_WHY = 2_000
LONGEST_DETAIL = 20_000
"""Characters kept of a reason, and of what was seen, as JSON."""

TIMEOUT = (
    "scoring it exceeded the time limit ({} s): set DRAWBENCH_TASK_SECONDS higher for the workers, or score the "
    "run with manage.py score --here, which has no limit"
)


@dataclass(frozen=True, slots=True)
class LeftImages:
    """What a task leaves for another: samples (primary keys), not before `after_s` seconds from now."""

    samples: list[int]
    after_s: float = 0.0


class MetricSpoiledError(Exception):
    """The metric can't go on as it is; the message is for people and becomes the metric run's own."""


def metric_missing(metric_run: MetricRun, samples: Sequence[int] | None = None) -> QuerySet[Sample]:
    """The samples (of those with these primary keys, or all) that have no score yet, in the suite's order."""
    scored = MetricScore.objects.filter(metric_run=metric_run, sample=OuterRef("pk"))
    found = Sample.objects.filter(~Exists(scored), run=metric_run.run_id)
    if samples is not None:
        found = found.filter(pk__in=samples)
    return found.order_by("prompt__number", "sample")


def metric_chunks(metric_run: MetricRun) -> list[list[int]]:
    """What is still to be scored, as the samples (primary keys) of each task."""
    missing = list(metric_missing(metric_run).values_list("pk", flat=True))
    a_task = max(IMAGES_PER_TASK, -(-len(missing) // MAX_TASKS))
    return [missing[start : start + a_task] for start in range(0, len(missing), a_task)]


def metric_score(*, metric_run: int, samples: Sequence[int], seconds: float) -> LeftImages | None:
    """Score what is missing of `samples` (primary keys) for about `seconds`.

    Returns what is left when the time is up. A metric run that can't go on (no weights, others than before) ends as
    failed with its message; one that has all its scores ends as done.
    """
    found = MetricRun.objects.select_related("run").filter(pk=metric_run).first()
    if found is None or found.status not in UNFINISHED:
        return None
    deadline = time.monotonic() + seconds
    try:
        with scores_held(metric_run, samples) as held:
            try:
                left = _score_held(found, held, deadline)
            except (MetricSpoiledError, MetricError):
                begun = _begun(found, held)  # an end with a message is no death: whoever asks again begins anew
                cache.delete_many([begun, _loading(begun)])
                raise
    except (MetricSpoiledError, MetricError) as error:
        metric_spoil(metric_run=metric_run, message=str(error))
        return None
    if left is not None:
        return left
    metric_finish(metric_run=metric_run)
    return None


def metric_spoil(*, metric_run: int, message: str) -> None:
    """End it as failed, with what to tell people. What is scored stays, and it may be taken up again."""
    log.warning("metric run %s failed: %s", metric_run, message)
    MetricRun.objects.filter(pk=metric_run, status__in=UNFINISHED).update(
        status=RunStatus.FAILED, message=message, finished_at=timezone.now()
    )


@transaction.atomic
def metric_finish(*, metric_run: int) -> bool:
    """End a sample metric that has nothing left to score; True when it has ended. Any number of tasks may ask."""
    row = MetricRun.objects.select_for_update(of=("self",)).select_related("run").filter(pk=metric_run).first()
    if row is None or row.status not in UNFINISHED:
        return row is not None
    if metric_missing(row).exists():
        return False
    counts = row.scores.aggregate(n=Count("pk"), n_values=Count("value"))
    row.n_total = row.n_done = counts["n"]
    row.status, row.message, row.finished_at = RunStatus.DONE, "", timezone.now()
    row.images_hash = images_hash([row.run])
    row.result = {"name": row.label, **summarise(scores_frame([row]), registry.value_range_of(row.metric))}
    if not counts["n_values"]:
        first = row.scores.exclude(why="").first()
        row.status = RunStatus.FAILED
        row.message = "No image got a score." + (f" The first: {first.why}" if first else "")
    row.save()
    return True


def metric_begin_with(
    metric_run: MetricRun, label: str, provenance: Mapping[str, object], *, scored: bool | None = None
) -> None:
    """Mark it as under way, and hold it to the metric that its first images were scored with.

    `scored`: whether images are scored already; looked up when None.

    Raises:
        MetricSpoiledError: the metric's weights or versions are others than those of the scores that are there.
    """
    with transaction.atomic():
        row = MetricRun.objects.select_for_update().get(pk=metric_run.pk)
        if row.status == RunStatus.QUEUED:
            row.status, row.message = RunStatus.RUNNING, ""
        row.started_at = row.started_at or timezone.now()
        if row.label:
            changed = differs(row, label, provenance)
            if changed and (row.scores.exists() if scored is None else scored):
                raise MetricSpoiledError(
                    f"The metric {row.metric} has changed since the first images were scored: {changed}. A score must "
                    "not mix two metrics. Score all images again, or restore the earlier metric and resume."
                )
        row.label, row.provenance = label[:300], json.loads(json.dumps(dict(provenance)))
        row.code_version = metric_code_version(row.metric)
        row.save(update_fields=["status", "message", "started_at", "label", "provenance", "code_version"])


def is_wanted(metric_run: int) -> bool:
    """Whether it has not been stopped meanwhile."""
    return MetricRun.objects.filter(pk=metric_run, status__in=UNFINISHED).exists()


def _score_held(metric_run: MetricRun, held: Sequence[int], deadline: float) -> LeftImages | None:
    """Score what is missing of the samples that this process holds; one by one after a worker died over them."""
    missing = list(metric_missing(metric_run, held).values_list("pk", flat=True)) if held else []
    if not missing:
        return None
    begun = _begun(metric_run, held)
    careful = deaths(begun) > 0
    loaded = _loaded(metric_run, begun)
    metric = loaded.metric
    assert isinstance(metric, SampleMetric)
    metric_begin_with(metric_run, metric.label, metric.provenance)
    images = scored_images(metric_run.run, missing)
    waiting = [key for key in missing if key in images]
    while waiting:
        if not is_wanted(metric_run.pk):
            break
        batch = waiting[: 1 if careful else _batch_size(loaded)]
        if careful and deaths(f"metric:{metric_run.pk}:image:{batch[0]}") >= KILLS:
            why = f"the worker died {KILLS} times on this image alone. Check that there is enough memory."
            scores = [SampleScore(None, why, FAILED)]
        else:
            try:
                scores = _scores(loaded, [images[key] for key in batch])
            except SoftTimeLimitExceeded:
                forget_metrics()  # it was torn out of its work
                if len(batch) > 1:
                    cache.set(_begun(metric_run, waiting), 1, timeout=24 * 3600)  # the next goes one by one
                    return LeftImages(waiting)
                _keep(metric_run, batch, [SampleScore(None, TIMEOUT.format(settings.TASK_SECONDS), FAILED)])
                return LeftImages(waiting[1:]) if waiting[1:] else None
        _keep(metric_run, batch, scores)
        waiting = waiting[len(batch) :]
        if waiting and time.monotonic() > deadline:
            if not careful:
                cache.delete(begun)
            return LeftImages(waiting)
    cache.delete(begun)
    return None


def _scores(loaded: LoadedMetric, batch: Sequence[ScoredImage]) -> list[SampleScore]:
    """A score for each image of `batch`, whatever a plug-in makes of it.

    Raises:
        SoftTimeLimitExceeded: the task's time is over, also where the metric took that for a fault of an image's.
    """
    began = time.monotonic()
    metric = loaded.metric
    assert isinstance(metric, SampleMetric)
    try:
        scores = list(metric.score(batch))
        if len(scores) != len(batch) or not all(isinstance(score, SampleScore) for score in scores):
            raise MetricError(f"it answered {len(batch)} images with {len(scores)} scores, or with other things")
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:  # a plug-in's own
        if len(batch) > 1:  # one by one, so that a bad file costs itself alone
            return [score for image in batch for score in _scores(loaded, [image])]
        log.exception("metric %s on %s", metric.label, batch[0].key)
        why = f"the metric failed: {describe(error)}"
        if not loaded.works:
            loaded.faults += 1
            if loaded.faults >= FAULTS:
                raise MetricSpoiledError(f"It failed on each of the first {FAULTS} images. The last: {why}.") from error
        return [SampleScore(None, why, FAILED)]
    loaded.works = True
    if any("SoftTimeLimitExceeded" in score.why for score in scores):
        raise SoftTimeLimitExceeded
    loaded.seconds_per_image = (time.monotonic() - began) / len(batch)
    return scores


@transaction.atomic
def _keep(metric_run: MetricRun, samples: Sequence[int], scores: Sequence[SampleScore]) -> None:
    there = set(Sample.objects.filter(pk__in=samples).values_list("pk", flat=True))
    rows = [
        MetricScore(
            metric_run=metric_run,
            sample_id=sample,
            value=score.value,
            why=score.why.replace("\x00", "")[:LONGEST_WHY],
            detail=_detail(score.detail),
        )
        for sample, score in zip(samples, scores, strict=True)
        if sample in there
    ]
    # the unique constraint decides, not a look before
    MetricScore.objects.bulk_create(rows, ignore_conflicts=True)
    n_done = MetricScore.objects.filter(metric_run=metric_run).count()
    MetricRun.objects.filter(pk=metric_run.pk).update(n_done=Least("n_total", Value(n_done)))


def _detail(detail: Mapping[str, object]) -> dict[str, object]:
    """`detail` as JSON that PostgreSQL takes, or why it is not kept."""
    try:
        text = json.dumps(dict(detail), allow_nan=False)
    except (TypeError, ValueError) as error:
        return {"left out": f"it is not JSON: {error}"}
    if len(text) > LONGEST_DETAIL:
        return {"left out": f"it has {len(text):,} characters; {LONGEST_DETAIL:,} are kept at most"}
    kept: dict[str, object] = json.loads(text.replace("\\u0000", "\\ufffd"))
    return kept


def _batch_size(loaded: LoadedMetric) -> int:
    """As many as the metric likes and as fit a share of a task's time at its pace; one to learn the pace."""
    if loaded.seconds_per_image is None:
        return 1
    likes = getattr(loaded.metric, "batch_size", BATCH)
    fit = int(settings.TASK_SECONDS * BATCH_SHARE / max(loaded.seconds_per_image, 1e-6))
    return max(1, min(likes if isinstance(likes, int) else BATCH, fit))


def _loaded(metric_run: MetricRun, begun: str) -> LoadedMetric:
    """The metric of `metric_run`.

    Raises:
        MetricSpoiledError: loading it was begun often and never came to an end.
    """
    if deaths(_loading(begun)) >= KILLS:
        raise MetricSpoiledError(
            f"Loading the metric {metric_run.metric} killed its worker or exceeded the time limit {KILLS} times. Check "
            "that there is enough memory, or set DRAWBENCH_TASK_SECONDS higher for the workers."
        )
    loaded = metric_for(metric_run)
    cache.delete(_loading(begun))
    return loaded


def _begun(metric_run: MetricRun, samples: Sequence[int]) -> str:
    """Under which name it is counted how often the scoring of `samples` was begun."""
    return f"metric:{metric_run.pk}:{min(samples)}"


def _loading(begun: str) -> str:
    """Under which name it is counted how often loading the metric for that was begun."""
    return f"{begun}:loading"


def deaths(begun: str) -> int:
    """How often this was begun without coming to an end, this time not counted."""
    cache.add(begun, 0, timeout=24 * 3600)
    return int(cache.incr(begun)) - 1
