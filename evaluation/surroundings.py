"""Which of the two servers does not answer, each by its own errors: PostgreSQL, or Valkey with the queues and cache."""

from __future__ import annotations

from enum import StrEnum

from django.db import InterfaceError, OperationalError
from kombu.exceptions import OperationalError as QueueError
from redis.exceptions import RedisError

DATABASE_AWAY = (OperationalError, InterfaceError)
"""Django's errors when PostgreSQL does not answer. kombu's OperationalError is another: that one is the broker's."""

BROKER_AWAY = (QueueError, RedisError)
"""kombu's and redis' errors when Valkey does not answer."""


class BrokerAwayError(Exception):
    """The broker does not answer; it is no fault of the database, which may be well."""


class Away(StrEnum):
    """The server that does not answer, as people call it."""

    DATABASE = "database"
    BROKER = "task queue"


GOING_DOWN = ("08", "57P")
"""PostgreSQL's codes for a connection that failed, and for a server that is shutting down or coming up."""


def away(error: BaseException | None) -> Away | None:
    """The server that `error` says does not answer, or has ended in the middle; None for any other error."""
    if isinstance(error, DATABASE_AWAY):
        code = sqlstate(error)
        return Away.DATABASE if code is None or code.startswith(GOING_DOWN) else None
    if isinstance(error, BROKER_AWAY + (BrokerAwayError,)):
        return Away.BROKER
    return None


def sqlstate(error: BaseException) -> str | None:
    """PostgreSQL's code for what went wrong; None where no server answered."""
    code = getattr(error.__cause__, "pgcode", None)
    return None if code is None else str(code)
