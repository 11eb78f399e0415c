"""What workers do. Every task is short, may be handed out again at any moment, and leaves its results in rows.

Errors are `work.ladder`'s: a task says here only what it does, and whose message an error becomes.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from celery import shared_task
from celery.signals import worker_ready
from django.conf import settings

from evaluation.errors import InputError
from evaluation.models import GenerationRun, MetricRun, Upload
from evaluation.services.reporting.coverage import report_coverage_failed
from evaluation.services.reporting.coverage import report_coverage_simulate as simulate_coverage
from evaluation.services.runs.draw import run_draw, run_drawing, run_lanes
from evaluation.services.scoring.load import forget_metrics
from evaluation.services.scoring.parts import metric_part_score, metric_parts_left, metric_parts_plan
from evaluation.services.scoring.score import Scoring, metric_lanes, metric_score
from evaluation.services.scoring.whole_set import metric_score_set, metric_too_long
from evaluation.services.studies.open_or_queue import study_open_by_worker, study_opening_failed
from evaluation.services.sweep import work_sweep
from evaluation.services.uploads.check import upload_check, upload_spoil
from evaluation.services.work.items import ItemWork
from evaluation.services.work.ladder import work_task
from evaluation.services.work.queue import hand_on
from evaluation.services.work.states import spoil, unfinished
from evaluation.services.work.turns import MOST_PASSED, is_served, lets_others_first

log = logging.getLogger(__name__)

TASK_SHARE = 0.2
"""Share of the longest time a task may take (`TASK_SECONDS`) after which it leaves the rest to another."""

SWEEP_SECONDS = 60
ANOTHER_S = 20
"""Seconds after which a part that another worker is at is looked for again."""

FAULT_RETRIES = 2
"""How often a batch of images is tried again after a fault of the program."""

LONG: dict[str, Any] = {
    "time_limit": 2 * settings.TASK_SECONDS,
    "soft_time_limit": max(1, 2 * settings.TASK_SECONDS - 15),
}
"""Twice the usual time: less than that after which the broker would hand a task out again."""


# --- Whose message an error becomes ----------------------------------------------------------------------------------


def _run_failed(run_pk: int, message: str) -> None:
    spoil(GenerationRun, run_pk, message)


def _score_failed(metric_run_pk: int, message: str) -> None:
    spoil(MetricRun, metric_run_pk, message)


def _upload_failed(upload_pk: int, message: str) -> None:
    upload = Upload.objects.filter(pk=upload_pk).first()
    if upload is not None:
        upload_spoil(upload=upload, message=message)


def _opening_failed(study_pk: int, message: str) -> None:
    study_opening_failed(study_pk=study_pk, message=message)


def _coverage_failed(report_pk: int, message: str) -> None:
    report_coverage_failed(report_pk=report_pk, message=message)


def _opening_too_long(study_pk: int) -> str:
    return (
        "Opening the study exceeded the time limit. Open it with `create_study --name NAME --open`, which has no "
        "limit, or set DRAWBENCH_TASK_SECONDS higher for the workers."
    )


def _coverage_too_long(report_pk: int) -> str:
    return "The simulation exceeded the time limit. Set DRAWBENCH_TASK_SECONDS higher for the workers."


def _set_too_long(metric_run_pk: int) -> str:
    forget_metrics()  # it was torn out of its work
    metric_run = MetricRun.objects.select_related("run").filter(pk=metric_run_pk).first()
    return "" if metric_run is None else metric_too_long(metric_run)


# --- Runs and scores -------------------------------------------------------------------------------------------------


@work_task(failed=_run_failed)
def run_begin(run_pk: int) -> None:
    """Cut a run into tasks, or end it when nothing is missing."""
    work = run_drawing(run_pk)
    if work is not None:
        _hand_out(work, "run_draw_prompts", run_lanes(work.row))


@work_task(failed=_run_failed, fault_retries=FAULT_RETRIES)
def run_draw_prompts(run_pk: int, prompt_pks: list[int], passed: int = 0) -> None:
    """Draw what is missing of these prompts for a while, unless it is another job's turn; hand on what is left."""
    run = unfinished(GenerationRun, run_pk)
    if run is None:
        return
    if passed < MOST_PASSED and lets_others_first(run):
        hand_on("run_draw_prompts", run_pk, prompt_pks, passed + 1)
        return
    is_served(run)
    seconds = settings.TASK_SECONDS * TASK_SHARE
    left = run_draw(run_pk=run_pk, prompt_pks=prompt_pks, seconds=seconds, goes_on=True)
    if left is not None:
        hand_on("run_draw_prompts", run_pk, left.keys, after_s=left.after_s)


@work_task(failed=_score_failed)
def metric_begin(metric_run_pk: int) -> None:
    """Cut an automatic score into tasks, or end it when nothing is missing."""
    metric_run = unfinished(MetricRun, metric_run_pk)
    if metric_run is None:
        return
    if metric_run.kind == MetricRun.Kind.SET:
        hand_on("metric_plan", metric_run_pk)
    else:
        _hand_out(Scoring(metric_run), "metric_score_samples", metric_lanes(metric_run))


@work_task(failed=_score_failed, fault_retries=FAULT_RETRIES)
def metric_score_samples(metric_run_pk: int, sample_pks: list[int], passed: int = 0) -> None:
    """Score what is missing of these samples for a while, unless it is another job's turn; hand on what is left."""
    metric_run = unfinished(MetricRun, metric_run_pk)
    if metric_run is None:
        return
    if passed < MOST_PASSED and lets_others_first(metric_run):
        hand_on("metric_score_samples", metric_run_pk, sample_pks, passed + 1)
        return
    is_served(metric_run)
    left = metric_score(metric_run_pk=metric_run_pk, sample_pks=sample_pks, seconds=settings.TASK_SECONDS * TASK_SHARE)
    if left is not None:
        hand_on("metric_score_samples", metric_run_pk, left.keys, after_s=left.after_s)


@work_task(failed=_score_failed, too_long=_set_too_long, **LONG)
def metric_plan(metric_run_pk: int) -> None:
    """Cut a set's score into parts for several workers, or hand it over whole."""
    parts = metric_parts_plan(metric_run_pk=metric_run_pk)
    if len(parts) < 2:
        hand_on("metric_score_whole", metric_run_pk)
        return
    for number in parts:
        hand_on("metric_score_part", metric_run_pk, number)


@work_task(failed=_score_failed, too_long=_set_too_long, **LONG)
def metric_score_part(metric_run_pk: int, number: int) -> None:
    """Score one part of a set; the last one done hands over the rest."""
    if not metric_part_score(metric_run_pk=metric_run_pk, number=number):
        hand_on("metric_score_part", metric_run_pk, number, after_s=ANOTHER_S)
    elif not metric_parts_left(metric_run_pk=metric_run_pk):
        hand_on("metric_score_whole", metric_run_pk)


@work_task(failed=_score_failed, too_long=_set_too_long, **LONG)
def metric_score_whole(metric_run_pk: int) -> None:
    """Score all images of a run at once."""
    metric_score_set(metric_run_pk=metric_run_pk)


def _hand_out(work: ItemWork[Any, Any], task: str, chunks: Sequence[list[int]]) -> None:
    if not chunks:
        work.finish()
    for keys in chunks:
        hand_on(task, work.row.pk, keys)


# --- Uploads, studies, reports ---------------------------------------------------------------------------------------


@work_task(failed=_upload_failed, name="evaluation.tasks.upload_check")
def check_upload(upload_pk: int) -> None:
    """Check an upload's files, as many as fit in a task's time."""
    upload = Upload.objects.filter(pk=upload_pk, status=Upload.Status.CHECKING).first()
    if upload is None:
        return
    try:
        finished = upload_check(upload=upload, seconds=settings.TASK_SECONDS * TASK_SHARE)
    except InputError as error:  # its row says it
        log.warning("upload %s: %s", upload_pk, error)
        return
    if not finished:
        hand_on("upload_check", upload_pk)


@work_task(failed=_opening_failed, too_long=_opening_too_long, **LONG)
def study_open_queued(study_pk: int) -> None:
    """Open a study whose images are many. All or nothing: if it is handed out again, the second finds it open."""
    study_open_by_worker(study_pk=study_pk)


@work_task(failed=_coverage_failed, too_long=_coverage_too_long)
def report_coverage_simulate(report_pk: int) -> None:
    """Simulate how often a report's intervals hold the truth on its own design."""
    simulate_coverage(report_pk=report_pk)


# --- What was lost ---------------------------------------------------------------------------------------------------


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
