"""Whose turn it is. Runs that need the same kind of device share its workers, however many images each wants.

A worker that meets a task of a run which is ahead of another puts the task back behind the other's (`LANES` tasks a run
at most, so the other's is near). Ahead is who has more workers, and among equals who was served last.
"""

from __future__ import annotations

import time

from django.core.cache import cache
from django.db import connection

from evaluation.models import GenerationRun
from evaluation.services.work.queue import generator_queue
from evaluation.services.work.states import UNFINISHED

LANES = 32
"""Tasks of a run that are handed out at once; each draws for a while, and hands on what is left."""

MOST_PASSED = 4 * LANES
"""How often a task lets others go first before it draws whatever they do: what they wait for may not come."""

_KEPT_S = 24 * 3600


def run_lets_others_first(run: GenerationRun) -> bool:
    """Whether another run's turn comes before `run`'s. Two queries, and one where runs wait together."""
    others = GenerationRun.objects.filter(status__in=UNFINISHED, origin=GenerationRun.Origin.RENDERED)
    mine = generator_queue(run.generator)
    rivals = [
        pk for pk, name in others.exclude(pk=run.pk).values_list("pk", "generator") if generator_queue(name) == mine
    ]
    if not rivals:
        return False
    workers, served = _workers(), cache.get_many([_name(pk) for pk in (run.pk, *rivals)])

    def ahead(pk: int) -> tuple[int, float]:
        return workers.get(pk, 0), float(served.get(_name(pk), 0.0))

    return any(ahead(pk) < ahead(run.pk) for pk in rivals)


def run_is_served(run_pk: int) -> None:
    """A worker draws for it now."""
    cache.set(_name(run_pk), time.time(), timeout=_KEPT_S)


def _name(run_pk: int) -> str:
    return f"turn:{run_pk}"


def _workers() -> dict[int, int]:
    """How many connections hold prompts of each run (`work.locks`)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT classid::bigint, count(DISTINCT pid) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) GROUP BY classid"
        )
        return {int(group): int(n) for group, n in cursor.fetchall()}
