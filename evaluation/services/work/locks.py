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
def prompts_held(run: int, prompts: Sequence[int]) -> Iterator[list[int]]:
    """Those of `prompts` of `run` (primary keys) that nobody else draws; they are ours until the block ends."""
    with _held(run, prompts) as held:
        yield held


@contextmanager
def upload_held(upload: int) -> Iterator[bool]:
    """Whether the upload with this primary key is ours to work on until the block ends."""
    with _held(UPLOADS, [upload]) as held:
        yield bool(held)


@contextmanager
def scores_held(metric_run: int, keys: Sequence[int]) -> Iterator[list[int]]:
    """Those of `keys` (samples by primary key, or parts of a set) that nobody else scores for this metric run."""
    by_lock = {key & 0x7FFF_FFFF: key for key in keys}
    with _held(UPLOADS - metric_run, list(by_lock)) as held:
        yield [by_lock[key] for key in held]


@contextmanager
def statistics_held(keys: Sequence[int]) -> Iterator[list[int]]:
    """Those of `keys` (parts of image statistics) that nobody else computes."""
    with _held(STATISTICS, keys) as held:
        yield held


@contextmanager
def _held(group: int, keys: Sequence[int]) -> Iterator[list[int]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT key, pg_try_advisory_lock(%s, key) FROM unnest(%s::int[]) AS key", [group, list(keys)])
        held = [int(key) for key, ours in cursor.fetchall() if ours]
    try:
        yield held
    finally:
        # a connection that broke, or a transaction that did, has said so already
        with suppress(DatabaseError), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, key) FROM unnest(%s::int[]) AS key", [group, held])
