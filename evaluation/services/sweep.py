"""Finding work that no worker and no queue knows of any more, and handing it over again."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone

from common.files import partial_files_remove
from evaluation.models import GenerationRun, MetricRun, RunStatus, Upload
from evaluation.services.sealing.seal import studies_seal
from evaluation.services.store.images import store_partials_remove
from evaluation.services.store.incoming import incoming_sweep
from evaluation.services.store.places import statistics_folder
from evaluation.services.uploads.drop import upload_drop
from evaluation.services.work.queue import hand_over, messages_waiting, workers_answering
from evaluation.services.work.states import UNFINISHED

UPLOAD_DAYS = 7
"""Days after which an upload that nobody confirmed is dropped, with the files that it holds."""


def work_sweep(*, worker: str = "", starting: bool = False) -> list[str]:
    """Queue unfinished runs, scores and checks again if they were lost, and clean up; the names of those queued.

    Lost is what no message speaks of: the queue was emptied, or did not answer when the run was asked for. A worker
    that is `starting` and finds no other takes everything up at once, also what a killed worker held: the broker would
    hand that out again too, but minutes later. To queue a thing twice is harmless (`work.items`).
    """
    for upload in Upload.objects.filter(
        status__in=[Upload.Status.RECEIVED, Upload.Status.READY, Upload.Status.FAILED],
        created_at__lt=timezone.now() - timedelta(days=UPLOAD_DAYS),
    ):
        upload_drop(upload=upload)
    incoming_sweep()
    studies_seal()
    store_partials_remove()
    partial_files_remove(statistics_folder())
    SessionStore.clear_expired()
    alone = starting and not workers_answering(besides=worker)
    waiting = messages_waiting()
    # one message is the sweep's own
    if not alone and (waiting is None or waiting > 1):
        return []
    queued: list[str] = []
    # a run that nobody began has its first message among those that wait
    lost = (RunStatus.RUNNING,) if waiting is not None and waiting > 1 else UNFINISHED
    for run in GenerationRun.objects.filter(status__in=lost, origin=GenerationRun.Origin.RENDERED):
        if hand_over("run_begin", run.pk):
            queued.append(run.name)
    for metric_run in MetricRun.objects.filter(status__in=lost).select_related("run"):
        if hand_over("metric_begin", metric_run.pk):
            queued.append(str(metric_run))
    for upload in Upload.objects.filter(status=Upload.Status.CHECKING):
        if hand_over("upload_check", upload.pk):
            queued.append(upload.run_name)
    return queued
