"""Where a run or an automatic score stands: asked for, running, stopped, done or failed, and how it gets there."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from evaluation.models import GenerationRun, MetricRun, RunStatus
from evaluation.services.work.queue import hand_over

log = logging.getLogger(__name__)

UNFINISHED = (RunStatus.QUEUED, RunStatus.RUNNING)

Job = TypeVar("Job", GenerationRun, MetricRun)

RELATED: dict[type[GenerationRun] | type[MetricRun], tuple[str, ...]] = {
    GenerationRun: ("suite",),
    MetricRun: ("run", "reference_run"),
}
"""What is read together with a row, since whoever changes it looks at that too."""

LOOKED_EVERY_S = 0.5


class SpoiledError(Exception):
    """The work can't go on as it is; the message is for people and becomes its row's own."""


class StoppedError(Exception):
    """Somebody stopped the work meanwhile."""


def job_name(row: GenerationRun | MetricRun) -> str:
    """Which job it is, for logs and counts."""
    return f"{row._meta.model_name}:{row.pk}"


def unfinished(kind: type[Job], pk: int) -> Job | None:
    """The row, if workers have it or will."""
    rows = kind._default_manager.select_related(*RELATED[kind])
    return rows.filter(pk=pk, status__in=UNFINISHED).first()


def is_wanted(row: GenerationRun | MetricRun) -> bool:
    """Whether it has neither ended nor been stopped meanwhile."""
    return type(row)._default_manager.filter(pk=row.pk, status__in=UNFINISHED).exists()


def locked(row: Job) -> Job:
    """The row as it is now, and nobody else's until the transaction ends."""
    return _locked_rows(type(row)).get(pk=row.pk)


def start(row: GenerationRun | MetricRun) -> None:
    """A worker begins with it. The caller holds the row and saves `STARTED`."""
    if row.status == RunStatus.QUEUED:
        row.status, row.message = RunStatus.RUNNING, ""
    row.started_at = row.started_at or timezone.now()


STARTED = ("status", "message", "started_at")


def end(row: GenerationRun | MetricRun, problem: str = "") -> None:
    """It is done, or failed for the `problem`. The caller holds the row and saves it."""
    row.status = RunStatus.FAILED if problem else RunStatus.DONE
    row.message, row.finished_at = problem, timezone.now()


@transaction.atomic
def finish(job: Job, outcome: Callable[[Job], str | None]) -> bool:
    """End a job that has nothing left to do; True when it has ended. Any number of tasks may ask.

    `outcome`: what it came to, "" for well and else why it failed; None while something is left. It may set the row's
    other fields.
    """
    row = _locked_rows(type(job)).filter(pk=job.pk).first()
    if row is None or row.status not in UNFINISHED:
        return row is not None
    problem = outcome(row)
    if problem is None:
        return False
    end(row, problem)
    row.save()
    return True


def spoil(kind: type[GenerationRun] | type[MetricRun], pk: int, message: str) -> None:
    """End it as failed, with what to tell people. What is made stays, and it may be taken up again."""
    log.warning("%s %s failed: %s", kind._meta.verbose_name, pk, message)
    kind._default_manager.filter(pk=pk, status__in=UNFINISHED).update(
        status=RunStatus.FAILED, message=message, finished_at=timezone.now()
    )


def stop(row: GenerationRun | MetricRun) -> None:
    """Somebody stops it; what is made stays. The caller holds the row."""
    row.status, row.message, row.finished_at = RunStatus.CANCELLED, "", timezone.now()
    row.save(update_fields=["status", "message", "finished_at"])


def pause(row: GenerationRun) -> None:
    """Somebody leaves it for later; what is made stays. The caller holds the row."""
    row.status, row.message = RunStatus.PAUSED, ""
    row.save(update_fields=["status", "message"])


def take_up(row: GenerationRun | MetricRun) -> None:
    """It is to go on. The caller holds the row and saves it."""
    if row.status != RunStatus.RUNNING:
        row.status = RunStatus.QUEUED
    row.message, row.finished_at = "", None


def announce(row: GenerationRun | MetricRun, task: str, *, not_queued: str) -> None:
    """Tell the workers of it, by the task that begins it; its row says `not_queued` where none could be told."""
    if not hand_over(task, row.pk):
        row.message = not_queued
        type(row)._default_manager.filter(pk=row.pk, status=RunStatus.QUEUED).update(message=row.message)


def watched(
    row: GenerationRun | MetricRun, report_progress: Callable[[int, int], None] = lambda done, total: None
) -> Callable[[int, int], None]:
    """A `Progress` that looks every half second whether the work is still wanted, and then reports how far it is.

    It raises StoppedError when the work is not wanted any more.
    """
    looked = 0.0

    def progress(done: int, total: int) -> None:
        nonlocal looked
        if time.monotonic() - looked < LOOKED_EVERY_S and done < total:
            return
        looked = time.monotonic()
        if not is_wanted(row):
            raise StoppedError
        report_progress(done, total)

    return progress


def _locked_rows(kind: type[Job]) -> QuerySet[Job]:
    return kind._default_manager.select_for_update(of=("self",)).select_related(*RELATED[kind])
