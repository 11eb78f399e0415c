"""Scoring in this process from beginning to end, without workers and without their limit on time."""

from __future__ import annotations

import time

from evaluation.models import MetricRun
from evaluation.services.scoring.score import metric_scoring
from evaluation.services.scoring.whole_set import metric_score_set
from evaluation.services.work.items import CLAIMED_S, work_here


def metric_work(*, metric_run: MetricRun) -> None:
    """Score all that is missing here, until it has ended. What another process holds at the moment is waited for."""
    if metric_run.kind == MetricRun.Kind.SAMPLE:
        work_here(lambda: metric_scoring(metric_run.pk))
    else:
        _work_on_set(metric_run)
    metric_run.refresh_from_db()


def _work_on_set(metric_run: MetricRun) -> None:
    while True:
        metric_run.refresh_from_db()
        if not metric_run.under_way:
            return
        metric_score_set(metric_run_pk=metric_run.pk)
        metric_run.refresh_from_db()
        if metric_run.under_way:
            time.sleep(CLAIMED_S)
