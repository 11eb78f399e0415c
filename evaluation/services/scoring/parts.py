"""Metrics over features (`frechet` and its kin), scored in parts by as many workers as there are, and merged.

    metric_parts_plan (once) -> metric_part_score (each part, anywhere) -> metric_compare (merged, then the distance)

The parts are the shards of the cache of statistics (`metrics/features/pipeline`): whoever scored one, for this metric
or another of the same images, spares all others of it, and the result is the same as one process gives.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Sum

from common.words import counted
from evaluation.metrics.errors import MetricError
from evaluation.models import MetricRun, MetricScore, MetricShard, RunStatus
from evaluation.services.scoring.images import scored_images
from evaluation.services.scoring.load import metric_for
from evaluation.services.scoring.reference import reference_input
from evaluation.services.scoring.score import metric_begin_with
from evaluation.services.work.deaths import ALONE_DEATHS
from evaluation.services.work.items import work_alone
from evaluation.services.work.locks import claim_statistics
from evaluation.services.work.states import SpoiledError, StoppedError, spoil, unfinished, watched

if TYPE_CHECKING:
    from evaluation.metrics.distances.score import Scored
    from evaluation.metrics.distances.set_metrics import FeatureMetric
    from evaluation.metrics.features.images import Listing

log = logging.getLogger(__name__)

PART = 2_048
"""Images of a part: some minutes of a slow processor, and a multiple of the batches that pass a network together."""


def metric_parts_plan(*, metric_run_pk: int) -> list[int]:
    """Cut a set metric over features into parts, and return the numbers of those that are still to be scored.

    Empty where there is nothing to share out: another kind of metric, few images, or all of it known already.
    """
    metric_run = unfinished(MetricRun, metric_run_pk)
    if metric_run is None or metric_run.kind != MetricRun.Kind.SET:
        return []
    try:
        metric = feature_metric(metric_run)
        if metric is None or metric.measure.cache is None:
            return []
        metric_begin_with(metric_run, metric.label, metric.provenance, scored=False)
        rows = _plan(metric_run, metric, metric.measure.cache)
    except (MetricError, SpoiledError) as error:
        spoil(MetricRun, metric_run_pk, str(error))
        return []
    return [row.number for row in rows if not row.is_done]


def metric_part_score(*, metric_run_pk: int, number: int) -> bool:
    """Score one part. False where another process is at it just now: it is then to be asked for again later."""
    metric_run = unfinished(MetricRun, metric_run_pk)
    part = MetricShard.objects.filter(metric_run=metric_run_pk, number=number, is_done=False).first()
    if metric_run is None or part is None:
        return True
    key = int(hashlib.sha256(f"{part.folder}/{part.shard}".encode()).hexdigest()[:7], 16)
    killed = (
        f"The worker died {ALONE_DEATHS} times while it scored {counted(part.n_images, 'image')}. Check that there is "
        "enough memory."
    )
    try:
        return work_alone(
            metric_run,
            f"part-{number}",
            claim_statistics([key]),
            lambda: _score_part(metric_run, part),
            killed=killed,
        )
    except StoppedError:
        pass
    except (MetricError, SpoiledError) as error:
        spoil(MetricRun, metric_run_pk, str(error))
    return True


def metric_parts_left(*, metric_run_pk: int) -> bool:
    """Whether parts are still to be scored."""
    return MetricShard.objects.filter(metric_run=metric_run_pk, is_done=False).exists()


def feature_metric(metric_run: MetricRun) -> FeatureMetric | None:
    """The metric of `metric_run` if it is one over features; None for all others.

    Raises:
        MetricError: it can't be loaded.
    """
    from evaluation.metrics.distances.set_metrics import FeatureMetric

    metric: object = metric_for(metric_run).metric
    return metric if isinstance(metric, FeatureMetric) else None


def metric_compare(metric_run: MetricRun, metric: FeatureMetric, progress: Callable[[int, int], None]) -> Scored:
    """The distance of `metric_run` with each image's features kept, merged from the parts that are there."""
    return metric.compare(_sides(metric_run, metric), progress, keep_features=True, shard=PART)


@transaction.atomic
def metric_influence_keep(metric_run: MetricRun, scored: Scored) -> None:
    """Keep what each image of the run costs: by about how much the squared distance falls without it."""
    from evaluation.metrics.distances.companions import costs

    shares = costs(scored.first, scored.second)
    samples = {image.key: key for key, image in scored_images(metric_run.run).items()}
    rows = [
        MetricScore(metric_run=metric_run, sample_id=samples[key], value=value)
        for key, value in shares.items()
        if key in samples
    ]
    MetricScore.objects.filter(metric_run=metric_run).delete()
    MetricScore.objects.bulk_create(rows, batch_size=2000)


def _score_part(metric_run: MetricRun, part: MetricShard) -> None:
    from evaluation.metrics.features.pipeline import unfinished_at
    from evaluation.metrics.features.shards import score_shard

    metric = feature_metric(metric_run)
    if metric is None or metric.measure.cache is None:
        return
    work = unfinished_at(metric.measure.cache, part.folder)
    try:
        score_shard(work, part.shard, extractor=metric.measure.extractor, progress=watched(metric_run))
    except MetricError:
        if work.exists():  # else another merged them all meanwhile, and they are known
            raise
    MetricShard.objects.filter(pk=part.pk).update(is_done=True)
    _report_progress(metric_run)


def _sides(metric_run: MetricRun, metric: FeatureMetric) -> tuple[Listing, Listing]:
    return metric.listings(list(scored_images(metric_run.run).values()), reference_input(metric_run))


def _plan(metric_run: MetricRun, metric: FeatureMetric, statistics: Path) -> list[MetricShard]:
    """The rows of all parts of both sides that the cache does not know yet, and their plans on the disk."""
    from evaluation.metrics.features.pipeline import unfinished
    from evaluation.metrics.features.shard_plan import write_plan
    from evaluation.metrics.features.shards import shard_done

    rows: list[MetricShard] = []
    total = 0
    for side in _sides(metric_run, metric):
        total += len(side.files)
        plan = metric.measure.plan(side, keep_features=True, shard=PART)
        work = unfinished(plan, statistics, metric.measure.extractor)
        if work is None:
            continue
        write_plan(plan, work)
        for shard, (start, stop) in enumerate(plan.bounds):
            rows.append(
                MetricShard(
                    metric_run=metric_run,
                    number=len(rows),
                    folder=work.name,
                    shard=shard,
                    n_images=stop - start,
                    is_done=shard_done(work, plan, shard, metric.measure.extractor),
                )
            )
    with transaction.atomic():
        MetricShard.objects.filter(metric_run=metric_run).delete()
        MetricShard.objects.bulk_create(rows)
        MetricRun.objects.filter(pk=metric_run.pk).update(n_done=0, n_total=total)
    _report_progress(metric_run)
    return rows


def _report_progress(metric_run: MetricRun) -> None:
    """How far it is: what the cache knew, and the parts that are done."""
    with transaction.atomic():
        row = MetricRun.objects.select_for_update().get(pk=metric_run.pk)
        if row.status != RunStatus.RUNNING:
            return
        left = row.shards.filter(is_done=False).aggregate(n=Sum("n_images"))["n"] or 0
        row.n_done = max(0, row.n_total - left)
        row.save(update_fields=["n_done"])
