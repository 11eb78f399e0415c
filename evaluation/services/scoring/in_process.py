"""Scoring in this process from beginning to end, without workers and without their limit on time."""

from __future__ import annotations

import time

from evaluation.models import MetricRun
from evaluation.services.scoring.score import metric_chunks, metric_finish, metric_score
from evaluation.services.scoring.whole_set import metric_score_set

A_WHILE_S = 60.0
"""Seconds of scoring between two looks for more."""


def metric_work(*, metric_run: MetricRun) -> None:
    """Score all that is missing here, until it has ended. What another process holds at the moment is waited for."""
    while True:
        metric_run.refresh_from_db()
        if not metric_run.under_way:
            return
        if metric_run.kind == MetricRun.Kind.SET:
            metric_score_set(metric_run=metric_run.pk)
        else:
            chunks = metric_chunks(metric_run)
            for samples in chunks:
                metric_score(metric_run=metric_run.pk, samples=samples, seconds=A_WHILE_S)
            if not chunks:
                metric_finish(metric_run=metric_run.pk)
        metric_run.refresh_from_db()
        if metric_run.under_way and metric_chunks_held(metric_run):
            time.sleep(0.5)


def metric_chunks_held(metric_run: MetricRun) -> bool:
    """Whether something is left that another process may be at."""
    return metric_run.kind == MetricRun.Kind.SET or bool(metric_chunks(metric_run))
