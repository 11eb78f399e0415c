"""What surrounds the program and fails it: PostgreSQL or Valkey that does not answer, each by its own errors, and disks
that are full."""

from __future__ import annotations

from enum import StrEnum

from django.db import DatabaseError, InterfaceError, OperationalError
from kombu.exceptions import OperationalError as QueueError
from redis.exceptions import RedisError

from common.files import disk_full
from evaluation.errors import NoRoomError

DATABASE_AWAY = (OperationalError, InterfaceError)
"""Django's errors when PostgreSQL does not answer. kombu's OperationalError is another: that one is the broker's."""

BROKER_AWAY = (QueueError, RedisError)
"""kombu's and redis' errors when Valkey does not answer."""


class BrokerAwayError(Exception):
    """The broker does not answer; it is no fault of the database, which may be well."""


class Room(StrEnum):
    """Which disk is full, as people call it."""

    DISK = "disk"
    DATABASE = "database's disk"


class Away(StrEnum):
    """The server that does not answer, as people call it."""

    DATABASE = "database"
    BROKER = "task queue"


GOING_DOWN = ("08", "57P", "53300")
"""PostgreSQL's codes for a connection that failed, for a server that is shutting down or coming up, and for one that
takes no more connections."""

NO_ROOM = "53"
"""PostgreSQL's codes for resources that it lacks: a full disk, memory, a limit that its operator set."""


def away(error: BaseException | None) -> Away | None:
    """The server that `error` says does not answer, or has ended in the middle; None for any other error."""
    if isinstance(error, DATABASE_AWAY):
        code = sqlstate(error)
        return Away.DATABASE if code is None or code.startswith(GOING_DOWN) else None
    if isinstance(error, BROKER_AWAY + (BrokerAwayError,)):
        return Away.BROKER
    return None


def no_room(error: BaseException | None) -> Room | None:
    """The disk that `error` says is full, also where another error was raised from it; None for any other error."""
    while error is not None:
        if isinstance(error, NoRoomError) or disk_full(error):
            return Room.DISK
        if isinstance(error, DatabaseError):
            code = sqlstate(error)
            if code is not None and code.startswith(NO_ROOM) and not code.startswith(GOING_DOWN):
                return Room.DATABASE
        error = error.__cause__
    return None


def sqlstate(error: BaseException) -> str | None:
    """PostgreSQL's code for what went wrong; None where no server answered."""
    code = getattr(error.__cause__, "pgcode", None)
    return None if code is None else str(code)
