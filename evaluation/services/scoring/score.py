"""The images of a run, scored by workers: what an automatic score gives the machine of `services.work.items`."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import ClassVar

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, QuerySet, Value
from django.db.models.functions import Least

from common.plugins import describe
from evaluation.metrics import registry
from evaluation.metrics.errors import MetricError
from evaluation.metrics.spec import SampleMetric, SampleScore, ScoredImage
from evaluation.models import MetricRun, MetricScore, Sample
from evaluation.reports.score_summary import summarise
from evaluation.selectors.metrics import scores_frame
from evaluation.services.scoring.images import images_hash, scored_images
from evaluation.services.scoring.load import LoadedMetric, differs, forget_metrics, metric_code_version, metric_for
from evaluation.services.scoring.shapes import other_shapes
from evaluation.services.work.deaths import ALONE_DEATHS
from evaluation.services.work.items import ItemWork, Left, cut
from evaluation.services.work.limits import Pace, SoftLimit
from evaluation.services.work.locks import claim_scores
from evaluation.services.work.shares import work_in_shares
from evaluation.services.work.states import STARTED, SpoiledError, locked, start, unfinished
from evaluation.services.work.turns import lanes

log = logging.getLogger(__name__)

IMAGES_PER_TASK = 64
"""A run is cut into tasks of so many images."""

IMAGES_CLAIMED = 256
"""So many at most are held by one worker at a time."""

BATCH = 16
"""Images that a metric is given at once, unless it has a `batch_size` of its own."""

FAULTS = 20
"""After so many images on which a metric raised, and none on which it did not, it is given up."""

FAILED = {"failed": True}
"""The detail of a score that is none because something broke: it is tried again when the metric run is taken up."""

LONGEST_DETAIL = 20_000
"""Characters kept of a reason, and of what was seen, as JSON."""

TIMEOUT = (
    "scoring it exceeded the time limit ({} s): set DRAWBENCH_TASK_SECONDS higher for the workers, or score the "
    "run with manage.py score --here, which has no limit"
)


def metric_scoring(metric_run_pk: int) -> Scoring | None:
    """The scoring of each image of a run, if it is not over."""
    row = unfinished(MetricRun, metric_run_pk)
    return None if row is None else Scoring(row)


def metric_missing(metric_run: MetricRun, sample_pks: Sequence[int] | None = None) -> QuerySet[Sample]:
    """The samples (of those with these primary keys, or all) that have no score yet, in the suite's order."""
    scored = MetricScore.objects.filter(metric_run=metric_run, sample=OuterRef("pk"))
    missing = Sample.objects.filter(~Exists(scored), run=metric_run.run_id)
    if sample_pks is not None:
        missing = missing.filter(pk__in=sample_pks)
    return missing.order_by("prompt__number", "sample")


def metric_chunks(metric_run: MetricRun) -> list[list[int]]:
    """What is still to be scored, as the samples (primary keys) of each task."""
    return cut(list(metric_missing(metric_run).values_list("pk", flat=True)), IMAGES_PER_TASK)


def metric_score(*, metric_run_pk: int, sample_pks: Sequence[int], seconds: float) -> Left | None:
    """Score what is missing of these samples, for about `seconds`; as `work_on`, a few after the other."""
    return work_in_shares(
        lambda: metric_scoring(metric_run_pk), sample_pks, at_once=lambda work: IMAGES_CLAIMED, seconds=seconds
    )


def metric_lanes(metric_run: MetricRun) -> list[list[int]]:
    """What is still to be scored, as the samples of each of the tasks that are handed out at once."""
    return lanes(metric_chunks(metric_run))


def metric_begin_with(
    metric_run: MetricRun, label: str, provenance: Mapping[str, object], *, scored: bool | None = None
) -> None:
    """Mark it as under way, and hold it to the metric that its first images were scored with.

    `scored`: whether images are scored already; looked up when None.

    Raises:
        SpoiledError: the metric's weights or versions are others than those of the scores that are there.
    """
    with transaction.atomic():
        row = locked(metric_run)
        start(row)
        if row.label:
            changed = differs(row, label, provenance)
            if changed and (row.scores.exists() if scored is None else scored):
                raise SpoiledError(
                    f"The metric {row.metric} has changed since the first images were scored: {changed}. A score must "
                    "not mix two metrics. Score all images again, or restore the earlier metric and resume."
                )
        row.label, row.provenance = label, json.loads(json.dumps(dict(provenance)))
        row.code_version = metric_code_version(row.metric)
        row.save(update_fields=[*STARTED, "label", "provenance", "code_version"])


class Scoring(ItemWork[MetricRun, int]):
    """A metric run as the machine scores it: it claims samples, which are its items."""

    endings: ClassVar[tuple[type[Exception], ...]] = (MetricError,)
    _loaded: LoadedMetric

    def missing(self, keys: Sequence[int] | None = None) -> list[int]:
        return list(metric_missing(self.row, keys).values_list("pk", flat=True))

    def chunks(self) -> list[list[int]]:
        return metric_chunks(self.row)

    def claim(self, keys: Sequence[int]) -> AbstractContextManager[list[int]]:
        return claim_scores(self.row.pk, keys)

    def load(self) -> Pace:
        self._loaded = metric_for(self.row)
        return self._loaded.pace

    def unload(self) -> None:
        forget_metrics()

    @property
    def batch_size(self) -> int:
        likes = getattr(self._loaded.metric, "batch_size", BATCH)
        return likes if isinstance(likes, int) else BATCH

    @property
    def loading_kills(self) -> str:
        return (
            f"Loading the metric {self.row.metric} killed its worker or exceeded the time limit {ALONE_DEATHS} times. "
            "Check that there is enough memory, or set DRAWBENCH_TASK_SECONDS higher for the workers."
        )

    def start(self) -> None:
        metric_begin_with(self.row, self._loaded.metric.label, self._loaded.metric.provenance)

    def do(self, batch: Sequence[int], limit: SoftLimit) -> Mapping[int, float]:
        images = scored_images(self.row.run, batch)
        there = [key for key in batch if key in images]
        if there:
            _keep(self.row, there, _scores(self._loaded, [images[key] for key in there], limit))
        return {}

    def too_long(self, item: int) -> Mapping[int, float]:
        _keep(self.row, [item], [SampleScore(None, TIMEOUT.format(settings.TASK_SECONDS), FAILED)])
        return {}

    def give_up(self, items: Collection[int]) -> None:
        why = f"the worker died {ALONE_DEATHS} times on this image alone. Check that there is enough memory."
        _keep(self.row, list(items), [SampleScore(None, why, FAILED)] * len(items))

    def outcome(self, row: MetricRun) -> str | None:
        if metric_missing(row).exists():
            return None
        counts = row.scores.aggregate(n=Count("pk"), n_values=Count("value"))
        row.n_total = row.n_done = counts["n"]
        row.images_hash = images_hash([row.run])
        summary = summarise(scores_frame([row]), registry.value_range_of(row.metric))
        row.result = {"name": row.label, **summary, **other_shapes(row, summary)}
        if counts["n_values"]:
            return ""
        first = row.scores.exclude(why="").first()
        return "No image got a score." + (f" The first: {first.why}" if first else "")


def _scores(loaded: LoadedMetric, batch: Sequence[ScoredImage], limit: SoftLimit) -> list[SampleScore]:
    """A score for each image of `batch`, whatever a plug-in makes of it.

    Raises:
        SoftTimeLimitExceeded: the task's time is over, also where the metric took that for a fault of an image's.
    """
    metric = loaded.metric
    assert isinstance(metric, SampleMetric)
    try:
        scores = list(metric.score(batch))
        if len(scores) != len(batch) or not all(isinstance(score, SampleScore) for score in scores):
            raise MetricError(f"it answered {len(batch)} images with {len(scores)} scores, or with other things")
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:  # a plug-in's own
        if limit.rang:
            raise SoftTimeLimitExceeded from error
        if len(batch) > 1:  # one by one, so that a bad file costs itself alone
            return [score for image in batch for score in _scores(loaded, [image], limit)]
        log.exception("metric %s on %s", metric.label, batch[0].key)
        why = f"the metric failed: {describe(error)}"
        if not loaded.works:
            loaded.faults += 1
            if loaded.faults >= FAULTS:
                raise SpoiledError(f"It failed on each of the first {FAULTS} images. The last: {why}.") from error
        return [SampleScore(None, why, FAILED)]
    if limit.rang and any(score.value is None for score in scores):
        raise SoftTimeLimitExceeded
    loaded.works = True
    return scores


@transaction.atomic
def _keep(metric_run: MetricRun, sample_pks: Sequence[int], scores: Sequence[SampleScore]) -> None:
    there = set(Sample.objects.filter(pk__in=sample_pks).values_list("pk", flat=True))
    rows = [
        MetricScore(
            metric_run=metric_run,
            sample_id=sample_pk,
            value=score.value,
            why=score.why,
            detail=_detail(score.detail),
        )
        for sample_pk, score in zip(sample_pks, scores, strict=True)
        if sample_pk in there
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
    kept: dict[str, object] = json.loads(text)
    return kept
