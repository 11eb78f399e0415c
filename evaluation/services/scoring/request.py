"""Automatic scores asked for, stopped and taken up again. The scoring itself is `scoring.score`'s, in a worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from common.hashes import hash_of
from common.parameters import ParameterValue
from evaluation.errors import ConflictError, InputError
from evaluation.metrics import registry
from evaluation.metrics.errors import MetricError
from evaluation.metrics.spec import MetricSpec
from evaluation.models import GenerationRun, MetricRun, RunStatus, Sample
from evaluation.selectors.runs import run_by_name
from evaluation.services.runs.request import more_images
from evaluation.services.scoring.reference import reference_count, reference_known
from evaluation.services.work.deaths import Deaths
from evaluation.services.work.states import UNFINISHED, announce, job_name, locked, stop, take_up

RUN_PREFIX = "run:"
"""Before the name of a run that serves as reference."""

NOT_QUEUED = (
    "The task queue does not respond, so no worker has this score yet. Start the services. The next worker that "
    "starts will queue it. Or score in this process: manage.py score {run} --metric {metric} --here"
)


@dataclass(frozen=True, slots=True)
class Requested:
    """What was asked for. `is_new`: False where the same was asked for before; then it is that one."""

    metric_run: MetricRun
    is_new: bool


def metric_request(
    *,
    run: GenerationRun,
    metric: str,
    parameters: Mapping[str, object] | None = None,
    reference: str = "",
    created_by: User | None = None,
    operator: bool = False,
    queue: bool = True,
) -> Requested:
    """Score the images of `run` with `metric`, handed to the workers when the transaction is committed.

    `parameters`: values or their texts, checked against the metric's own; the rest are its defaults. `reference`: a
    stored reference's name, or `run:NAME`, for metrics that compare with one. `operator`: whether who asks runs this
    machine (a command) and may give parameters that name its files. `queue`: False leaves the scoring to the caller.

    The same asked for again is the same metric run; one that failed or was stopped goes on then.

    Raises:
        InputError: an unknown metric, parameter or reference, or a reference too many or too few.
        ConflictError: the run is still being drawn, or has no image.
    """
    spec = _spec(metric, operator)
    values = _values(spec, parameters or {}, operator)
    name, other = _reference(spec, run, reference)
    if run.status in UNFINISHED:
        raise ConflictError(
            f"The run {run.name} is still in progress. Wait until it is done, or stop it to score what there is.",
            field="run",
        )
    n_images = Sample.objects.filter(run=run).count()
    if not n_images:
        raise ConflictError(f"The run {run.name} has no images to score. {more_images(run)} first.", field="run")
    n_total = n_images + (reference_count(name, other) if spec.kind == "set" else 0)
    key = {
        "run": run,
        "metric": spec.name,
        "parameters_hash": parameters_hash(values),
        "reference_name": name,
        "reference_run": other,
    }
    with transaction.atomic():
        row, is_new = _get_or_create(
            key,
            {
                "kind": spec.kind,
                "better": spec.better,
                "parameters": values,
                "n_total": n_total,
                "created_by": created_by,
            },
        )
        if is_new and queue:
            transaction.on_commit(lambda: metric_hand_over(row))
        elif row.status in (RunStatus.FAILED, RunStatus.CANCELLED):
            return Requested(metric_retry(metric_run=row, queue=queue), False)
    return Requested(row, is_new)


@transaction.atomic
def metric_cancel(*, metric_run: MetricRun) -> MetricRun:
    """Stop scoring: what is scored stays. Workers notice within a batch of images.

    Raises:
        ConflictError: it has ended already.
    """
    row = locked(metric_run)
    if not row.under_way:
        raise ConflictError(f"{row.metric} of {row.run.name} has ended already: {row.get_status_display().lower()}.")
    stop(row)
    return row


@transaction.atomic
def metric_retry(*, metric_run: MetricRun, anew: bool = False, queue: bool = True) -> MetricRun:
    """Go on with what failed, was stopped or lacks images that came later. `anew`: forget all of it and begin again.

    Harmless while workers are at it: what one of them scores is not scored twice. Reports keep the numbers they have.

    Raises:
        ConflictError: nothing is left to score (and `anew` is False), it is under way (and `anew` is True), or the run
            has no image any more.
    """
    row = locked(metric_run)
    if anew and row.under_way:
        raise ConflictError(
            f"{row.metric} of {row.run.name} is still in progress. Stop it before you score all images again."
        )
    n_images = Sample.objects.filter(run=row.run).count()
    if not n_images:
        raise ConflictError(f"The run {row.run.name} has no images to score. {more_images(row.run)} first.")
    # what broke, as against images that a metric has no number for
    forgotten, _ = row.scores.filter(detail__failed=True).delete() if row.kind == MetricRun.Kind.SAMPLE else (0, {})
    whole = row.kind == MetricRun.Kind.SET or (row.n_done >= n_images and not forgotten)
    if row.status == RunStatus.DONE and not anew and whole:
        raise ConflictError(
            f"{row.metric} of {row.run.name} is done; nothing is left to score. To score all images again: --anew."
        )
    if anew or row.kind == MetricRun.Kind.SET:
        row.scores.all().delete()
        row.result, row.label, row.provenance, row.images_hash, row.n_done = None, "", {}, "", 0
        row.started_at = None
    if anew:
        row.shards.all().delete()
    if row.kind == MetricRun.Kind.SET:
        Deaths(job_name(row)).begin_anew()
    if row.kind == MetricRun.Kind.SAMPLE:
        row.n_total = n_images
        row.n_done = min(row.scores.count(), n_images)
    take_up(row)
    row.save()
    if queue:
        transaction.on_commit(lambda: metric_hand_over(row))
    return row


def metric_hand_over(row: MetricRun) -> None:
    """Tell the workers of it, or its row that none could be told."""
    announce(row, "metric_begin", not_queued=NOT_QUEUED.format(run=row.run.name, metric=row.metric))


def parameters_hash(values: Mapping[str, ParameterValue]) -> str:
    """SHA-256 of resolved parameters: the same values have the same hash, in whatever order they came."""
    return hash_of(dict(values), spaced=True)


def _get_or_create(key: dict[str, object], fields: dict[str, object]) -> tuple[MetricRun, bool]:
    found = MetricRun.objects.filter(**key).first()
    if found is not None:
        return found, False
    try:
        with transaction.atomic():
            return MetricRun.objects.create(**key, **fields), True
    except IntegrityError:  # the unique constraint decides: another asked at the same moment
        return MetricRun.objects.get(**key), False


def _spec(metric: str, operator: bool) -> MetricSpec:
    try:
        spec = registry.get_spec(metric)
    except MetricError as error:
        raise InputError(str(error), field="metric") from error
    if spec.needs_operator and not operator:
        raise InputError(
            f"The metric {metric} reads files or addresses of the server. Use it there: manage.py score.",
            field="metric",
        )
    return spec


def _values(spec: MetricSpec, given: Mapping[str, object], operator: bool) -> dict[str, ParameterValue]:
    try:
        return spec.resolve(given, operator=operator)
    except MetricError as error:
        raise InputError(str(error), field="parameters") from error


def _reference(spec: MetricSpec, run: GenerationRun, reference: str) -> tuple[str, GenerationRun | None]:
    """The name of a stored reference, or a run, or neither."""
    reference = reference.strip()
    if not spec.needs_reference:
        if reference:
            raise InputError(f"The metric {spec.name} uses no reference. Leave the reference out.", field="reference")
        return "", None
    if not reference:
        raise InputError(
            f"The metric {spec.name} needs a reference: name a stored one, or another run as run:NAME.",
            field="reference",
        )
    if not reference.startswith(RUN_PREFIX):
        reference_known(reference)
        return reference, None
    other = run_by_name(reference.removeprefix(RUN_PREFIX))
    if other.pk == run.pk:
        raise InputError("A run can't be its own reference. Name another one.", field="reference")
    if not Sample.objects.filter(run=other).exists():
        raise ConflictError(
            f"The run {other.name} has no images to compare with. Name another reference.", field="reference"
        )
    if other.status in UNFINISHED:
        raise ConflictError(f"The run {other.name} is still in progress. Wait until it is done.", field="reference")
    return "", other
