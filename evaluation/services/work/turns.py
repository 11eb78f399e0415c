"""Whose turn it is. Runs and scores that need the same kind of device share its workers, whatever each of them wants.

A worker that meets a task of a job which is ahead of another puts the task back behind the other's (`LANES` tasks a job
at most, so the other's is near). Ahead is who has more workers, and among equals who was served last.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from django.core.cache import cache
from django.db import connection

from common.queues import ACCELERATOR
from evaluation.models import GenerationRun, MetricRun
from evaluation.services.work.locks import score_group
from evaluation.services.work.queue import run_queue
from evaluation.services.work.states import UNFINISHED, job_name

LANES = 32
"""Tasks of a job that are handed out at once; each works for a while, and hands on what is left."""

MOST_PASSED = 4 * LANES
"""How often a task lets others go first before it works whatever they do: what they wait for may not come."""

_KEPT_S = 24 * 3600

_Job: TypeAlias = GenerationRun | MetricRun


def lanes(chunks: Sequence[Sequence[int]]) -> list[list[int]]:
    """The keys of small tasks as those of the few that are handed out at once."""
    return [[key for chunk in chunks[lane::LANES] for key in chunk] for lane in range(min(LANES, len(chunks)))]


def lets_others_first(job: _Job, *, of_all_queues: bool = False) -> bool:
    """Whether another job's turn comes before `job`'s. Three queries, and two where no other job waits.

    `of_all_queues`: jobs of other queues that no worker is at come first too. Who leaves off is free for them.
    """
    name = job_name(job)
    others = [other for other in _waiting() if job_name(other) != name]
    mine = _queue(job) if others else ""
    rivals = {job_name(other): other for other in others if _queue(other) == mine}
    strangers = [other for other in others if of_all_queues and job_name(other) not in rivals]
    if not rivals and not strangers:
        return False
    workers, served = _workers(), cache.get_many([_turn(each) for each in (name, *rivals)])

    def ahead(each: _Job) -> tuple[int, float]:
        return workers.get(_group(each), 0), float(served.get(_turn(job_name(each)), 0.0))

    if any(not workers.get(_group(other)) for other in strangers):
        return True
    return any(ahead(other) < ahead(job) for other in rivals.values())


def is_served(job: _Job) -> None:
    """A worker is at it now."""
    cache.set(_turn(job_name(job)), time.time(), timeout=_KEPT_S)


def _waiting() -> Iterator[_Job]:
    """The jobs that are not over; scores of whole sets take no turns."""
    rendered = GenerationRun.objects.filter(status__in=UNFINISHED, origin=GenerationRun.Origin.RENDERED)
    yield from rendered.only("pk", "generator", "parameters")
    scores = MetricRun.objects.filter(status__in=UNFINISHED).exclude(kind=MetricRun.Kind.SET)
    yield from scores.only("pk")


def _queue(job: _Job) -> str:
    """The queue that its tasks lie in."""
    return ACCELERATOR if isinstance(job, MetricRun) else run_queue(job.generator, job.parameters)


def _turn(name: str) -> str:
    return f"turn:{name}"


def _group(job: _Job) -> int:
    """The group of its locks, as PostgreSQL shows it: without a sign."""
    return (job.pk if isinstance(job, GenerationRun) else score_group(job.pk)) & 0xFFFF_FFFF


def _workers() -> dict[int, int]:
    """How many connections hold something of each group of locks (`work.locks`)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT classid::bigint, count(DISTINCT pid) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) GROUP BY classid"
        )
        return {int(group): int(n) for group, n in cursor.fetchall()}
