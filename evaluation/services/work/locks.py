"""Who is at what: PostgreSQL advisory locks, let go by the database itself when a worker dies.

They belong to the connection, so they need one that no pooler shares between transactions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from django.db import DatabaseError, connection

UPLOADS = -1
"""The group of upload locks. The groups of prompts are runs, which have positive keys; those of scores lie below."""

STATISTICS = -(2**31)
"""The group of parts of image statistics, which belong to no metric run alone."""

WHOLE = 0
"""The key of what a set's score is made of in one piece."""


@contextmanager
def claim_prompts(run_pk: int, prompt_pks: Sequence[int]) -> Iterator[list[int]]:
    """Those of these prompts of a run that nobody else draws; they are ours until the block ends."""
    with _claimed(run_pk, prompt_pks) as claimed:
        yield claimed


def prompts_drawn(run_pk: int) -> dict[int, int]:
    """The prompts (primary keys) of a run that somebody draws just now, each with who does: the number of a connection.

    This process's own are among them.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT objid::bigint, pid FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND classid = %s "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            [run_pk],
        )
        return {int(key): int(pid) for key, pid in cursor.fetchall()}


@contextmanager
def claim_upload(upload_pk: int) -> Iterator[bool]:
    """Whether the upload is ours to work on until the block ends."""
    with _claimed(UPLOADS, [upload_pk]) as claimed:
        yield bool(claimed)


@contextmanager
def claim_scores(metric_run_pk: int, keys: Sequence[int]) -> Iterator[list[int]]:
    """Those of `keys` (samples by primary key, or parts of a set) that nobody else scores for this metric run."""
    by_lock = {key & 0x7FFF_FFFF: key for key in keys}
    with _claimed(score_group(metric_run_pk), list(by_lock)) as claimed:
        yield [by_lock[key] for key in claimed]


def score_group(metric_run_pk: int) -> int:
    """The group of a metric run's locks; a run's is its primary key."""
    return UPLOADS - metric_run_pk


@contextmanager
def claim_statistics(keys: Sequence[int]) -> Iterator[list[int]]:
    """Those of `keys` (parts of image statistics) that nobody else computes."""
    with _claimed(STATISTICS, keys) as claimed:
        yield claimed


@contextmanager
def _claimed(group: int, keys: Sequence[int]) -> Iterator[list[int]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT key, pg_try_advisory_lock(%s, key) FROM unnest(%s::int[]) AS key", [group, list(keys)])
        claimed = [int(key) for key, ours in cursor.fetchall() if ours]
    try:
        yield claimed
    finally:
        # a connection that broke, or a transaction that did, has said so already
        with suppress(DatabaseError), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, key) FROM unnest(%s::int[]) AS key", [group, claimed])
