"""What workers do. Every task is short, may be handed out again at any moment, and leaves its results in rows."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import Task, shared_task
from celery.exceptions import SoftTimeLimitExceeded
from celery.signals import worker_ready
from django.conf import settings
from django.db import InterfaceError, OperationalError

from evaluation.errors import InputError
from evaluation.models import GenerationRun, MetricRun, Upload
from evaluation.services.reporting.coverage import report_coverage_failed
from evaluation.services.reporting.coverage import report_coverage_simulate as simulate_coverage
from evaluation.services.runs.draw import Left, run_chunks, run_draw, run_finish, run_spoil
from evaluation.services.runs.generator import forget_generators
from evaluation.services.runs.request import UNFINISHED
from evaluation.services.scoring.load import forget_metrics
from evaluation.services.scoring.parts import metric_part_score, metric_parts_left, metric_parts_plan
from evaluation.services.scoring.score import LeftImages, metric_chunks, metric_finish, metric_score, metric_spoil
from evaluation.services.scoring.whole_set import metric_score_set, metric_too_long
from evaluation.services.studies.open_or_queue import study_open_by_worker, study_opening_failed
from evaluation.services.sweep import work_sweep
from evaluation.services.uploads.check import upload_check, upload_spoil
from evaluation.services.work.queue import hand_over
from generators.registry import describe

log = logging.getLogger(__name__)

TASK_SHARE = 0.2
"""Share of the longest time a task may take (`TASK_SECONDS`) after which it leaves the rest to another."""

SWEEP_SECONDS = 60
ANOTHER_S = 20
"""Seconds after which a part that another worker is at is looked for again."""

FAULT_RETRIES = 2
FAULT = "The program failed: {}. The worker's log has the details."

DATABASE_AWAY: dict[str, Any] = {
    "autoretry_for": (OperationalError, InterfaceError),
    "retry_backoff": 2,
    "retry_backoff_max": 60,
    "max_retries": 20,
}


@shared_task(**DATABASE_AWAY)
def run_begin(run: int) -> None:
    """Cut a run into tasks, or end it when nothing is missing."""
    found = GenerationRun.objects.filter(pk=run, status__in=UNFINISHED).first()
    if found is None:
        return
    chunks = run_chunks(found)
    if not chunks:
        run_finish(run=run)
    for prompts in chunks:
        if not hand_over("run_draw_prompts", run, prompts):
            raise OperationalError("the broker does not answer")


@shared_task(bind=True, **DATABASE_AWAY)
def run_draw_prompts(self: Task, run: int, prompts: list[int]) -> None:
    """Draw what is missing of a few prompts."""
    left: Left | None
    try:
        left = run_draw(run=run, prompts=prompts, seconds=settings.TASK_SECONDS * TASK_SHARE)
    except SoftTimeLimitExceeded:  # outside of drawing itself: loading, storing
        forget_generators()
        left = Left(prompts, after_s=5.0)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        log.exception("run %s, prompts %s", run, prompts)
        if self.request.retries < FAULT_RETRIES:
            raise self.retry(exc=error, countdown=5) from error
        run_spoil(run=run, message=FAULT.format(describe(error)))
        return
    if left is not None:
        run_draw_prompts.apply_async(args=[run, left.prompts], countdown=left.after_s)


@shared_task(name="evaluation.tasks.upload_check", **DATABASE_AWAY)
def check_upload(upload: int) -> None:
    """Check an upload's files, as many as fit in a task's time."""
    found = Upload.objects.filter(pk=upload, status=Upload.Status.CHECKING).first()
    if found is None:
        return
    try:
        finished = upload_check(upload=found, seconds=settings.TASK_SECONDS * TASK_SHARE)
    except (OperationalError, InterfaceError):
        raise
    except SoftTimeLimitExceeded:
        finished = False
    except InputError as error:  # its row says it
        log.warning("upload %s: %s", upload, error)
        return
    except Exception as error:
        log.exception("upload %s", upload)
        upload_spoil(upload=found, message=FAULT.format(describe(error)))
        return
    if not finished:
        hand_over("upload_check", upload)


@shared_task(
    **DATABASE_AWAY, time_limit=2 * settings.TASK_SECONDS, soft_time_limit=max(1, 2 * settings.TASK_SECONDS - 15)
)
def study_open_queued(study: int) -> None:
    """Open a study whose images are many. All or nothing: if it is handed out again, the second finds it open."""
    try:
        study_open_by_worker(study=study)
    except (OperationalError, InterfaceError):
        raise
    except SoftTimeLimitExceeded:
        message = (
            "Opening the study exceeded the time limit. Open it with `create_study --name NAME --open`, which has no "
            "limit, or set DRAWBENCH_TASK_SECONDS higher for the workers."
        )
        study_opening_failed(study=study, message=message)
    except Exception as error:
        log.exception("study %s", study)
        study_opening_failed(study=study, message=FAULT.format(describe(error)))


@shared_task(**DATABASE_AWAY)
def report_coverage_simulate(report: int) -> None:
    """Simulate how often a report's intervals hold the truth on its own design."""
    try:
        simulate_coverage(report=report)
    except (OperationalError, InterfaceError):
        raise
    except SoftTimeLimitExceeded:
        message = "The simulation exceeded the time limit. Set DRAWBENCH_TASK_SECONDS higher for the workers."
        report_coverage_failed(report=report, message=message)
    except Exception as error:
        log.exception("report %s", report)
        report_coverage_failed(report=report, message=FAULT.format(describe(error)))


@shared_task(**DATABASE_AWAY)
def metric_begin(metric_run: int) -> None:
    """Cut an automatic score into tasks, or end it when nothing is missing."""
    found = MetricRun.objects.filter(pk=metric_run, status__in=UNFINISHED).first()
    if found is None:
        return
    if found.kind == MetricRun.Kind.SET:
        if not hand_over("metric_plan", metric_run):
            raise OperationalError("the broker does not answer")
        return
    chunks = metric_chunks(found)
    if not chunks:
        metric_finish(metric_run=metric_run)
    for samples in chunks:
        if not hand_over("metric_score_samples", metric_run, samples):
            raise OperationalError("the broker does not answer")


@shared_task(bind=True, **DATABASE_AWAY)
def metric_score_samples(self: Task, metric_run: int, samples: list[int]) -> None:
    """Score what is missing of a few samples."""
    left: LeftImages | None
    try:
        left = metric_score(metric_run=metric_run, samples=samples, seconds=settings.TASK_SECONDS * TASK_SHARE)
    except SoftTimeLimitExceeded:  # outside of scoring itself: loading, storing
        forget_metrics()
        left = LeftImages(samples, after_s=5.0)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        log.exception("metric run %s, samples %s", metric_run, samples)
        if self.request.retries < FAULT_RETRIES:
            raise self.retry(exc=error, countdown=5) from error
        metric_spoil(metric_run=metric_run, message=FAULT.format(describe(error)))
        return
    if left is not None:
        metric_score_samples.apply_async(args=[metric_run, left.samples], countdown=left.after_s)


LONG: dict[str, Any] = {
    "time_limit": 2 * settings.TASK_SECONDS,
    "soft_time_limit": max(1, 2 * settings.TASK_SECONDS - 15),
}
"""Twice the usual time: less than that after which the broker would hand a task out again."""


@shared_task(**DATABASE_AWAY, **LONG)
def metric_plan(metric_run: int) -> None:
    """Cut a set's score into parts for several workers, or hand it over whole."""
    with _set_guarded(metric_run):
        parts = metric_parts_plan(metric_run=metric_run)
        if len(parts) < 2:
            parts = []
        for number in parts:
            if not hand_over("metric_score_part", metric_run, number):
                raise OperationalError("the broker does not answer")
        if not parts and not hand_over("metric_score_whole", metric_run):
            raise OperationalError("the broker does not answer")


@shared_task(**DATABASE_AWAY, **LONG)
def metric_score_part(metric_run: int, number: int) -> None:
    """Score one part of a set; the last one done hands over the rest."""
    with _set_guarded(metric_run):
        if not metric_part_score(metric_run=metric_run, number=number):
            metric_score_part.apply_async(args=[metric_run, number], countdown=ANOTHER_S)
        elif not metric_parts_left(metric_run=metric_run) and not hand_over("metric_score_whole", metric_run):
            raise OperationalError("the broker does not answer")


@shared_task(**DATABASE_AWAY, **LONG)
def metric_score_whole(metric_run: int) -> None:
    """Score all images of a run at once."""
    with _set_guarded(metric_run):
        metric_score_set(metric_run=metric_run)


@contextmanager
def _set_guarded(metric_run: int) -> Iterator[None]:
    """What breaks in a task of a set's score becomes its message."""
    found = MetricRun.objects.select_related("run").filter(pk=metric_run).first()
    try:
        yield
    except (OperationalError, InterfaceError):
        raise
    except SoftTimeLimitExceeded:
        forget_metrics()
        if found is not None:
            metric_spoil(metric_run=metric_run, message=metric_too_long(found))
    except Exception as error:
        log.exception("metric run %s", metric_run)
        metric_spoil(metric_run=metric_run, message=FAULT.format(describe(error)))


@shared_task
def sweep(worker: str = "", starting: bool = False) -> None:
    """Take up what was lost."""
    queued = work_sweep(worker=worker, starting=starting)
    if queued:
        log.info("taken up again: %s", ", ".join(queued))


@worker_ready.connect
def _sweep_from_now_on(sender: Any, **_: object) -> None:
    """A worker sweeps when it starts and every minute; a sweep that waited behind a minute's work is not needed."""
    name = str(sender.hostname)
    sweep.apply_async(kwargs={"worker": name, "starting": True})
    sender.timer.call_repeatedly(
        SWEEP_SECONDS,
        lambda: sweep.apply_async(kwargs={"worker": name}, expires=SWEEP_SECONDS, retry=False),
    )
