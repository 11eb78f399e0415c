"""`ENGINE` of the tests' database."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.db.backends.postgresql import base, operations


class DatabaseOperations(operations.DatabaseOperations):
    """Statements that Django makes itself."""

    def execute_sql_flush(self, sql_list: Iterable[str]) -> None:
        """Empty the tables after a transactional test, with the triggers off for this one transaction."""
        with transaction.atomic(using=self.connection.alias), self.connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            for sql in sql_list:
                cursor.execute(sql)


class DatabaseWrapper(base.DatabaseWrapper):
    """The connection."""

    ops_class = DatabaseOperations
