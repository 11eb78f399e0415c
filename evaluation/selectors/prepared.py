"""Statements that every rater's click runs: planned once a connection, since planning takes longer than running them.

psycopg2 sends SQL as text, so they are PostgreSQL's own PREPARE and EXECUTE, with a generic plan. A connection keeps
its statements as long as it lives; a pool between (PgBouncer) must therefore pool sessions, not transactions.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.db.utils import DatabaseError
from psycopg2.errors import FeatureNotSupported, InvalidSqlStatementName

GONE = (InvalidSqlStatementName, FeatureNotSupported)
"""The server has forgotten the statement, or a migration changed what it reads."""


class Prepared:
    """A statement with parameters `$1`, `$2` ... of `types`. `name`: unique among all of them."""

    def __init__(self, name: str, types: Sequence[str], sql: str) -> None:
        self.name = name
        self._prepare = f"PREPARE {name} ({', '.join(types)}) AS {sql}"
        self._execute = f"EXECUTE {name} ({', '.join(f'%s::{each}' for each in types)})"

    def rows(self, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Run it; all rows. JSON comes as text."""
        try:
            return self._run(values)
        except DatabaseError as error:
            if not isinstance(error.__cause__, GONE) or connection.in_atomic_block:
                raise
            with connection.cursor() as cursor:
                cursor.execute("DEALLOCATE ALL")
            _known(fresh=True)
            return self._run(values)

    def _run(self, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            known = _known()
            if self.name not in known:
                cursor.execute("SET plan_cache_mode = force_generic_plan")
                cursor.execute(self._prepare)
                known.add(self.name)
            cursor.execute(self._execute, values)
            return cursor.fetchall()


class _Thread(threading.local):
    """A thread's connection, as Django keeps one for each, and the names of its statements."""

    connection: object = None
    names: set[str] = set()  # replaced before the first use


_thread = _Thread()


def _known(*, fresh: bool = False) -> set[str]:
    """The names of the statements that the present connection has."""
    if _thread.connection is not connection.connection or fresh:
        _thread.connection, _thread.names = connection.connection, set()
    return _thread.names
