"""Failures of the surroundings (no database, no task queue, not migrated, full disk) as sentences."""

from django.core.exceptions import ImproperlyConfigured
from django.db import DataError, ProgrammingError

from common.errors import UserError
from common.files import disk_full
from drawbench.environment import text
from evaluation.intake import DOES_NOT_FIT
from evaluation.surroundings import Away, away, no_room, sqlstate


def plain_message(error: BaseException) -> str | None:
    """What to tell a person at a terminal, or None for an error that is the program's own."""
    if isinstance(error, OSError) and disk_full(error):
        where = f": can't write {error.filename}" if error.filename else ""
        return f"The disk is full{where}. Free some space and try again."
    if isinstance(error, DataError):
        return DOES_NOT_FIT
    if isinstance(error, UserError | ImproperlyConfigured):
        return str(error)
    if isinstance(error, ProgrammingError) and sqlstate(error) in {"42P01", "42703"}:  # No such table, no such column.
        return (
            f"The database is not migrated: {_first_line(error)}. "
            "Run `python manage.py migrate` (./dev serve and ./dev demo do so by themselves)."
        )
    if no_room(error) is not None:
        return f"The database has no room: {_first_line(error)}. Free some space on its disk and try again."
    which = away(error)
    return None if which is None else _unreachable(which, _first_line(error))


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _unreachable(which: Away, said: str) -> str:
    if which is Away.DATABASE:
        server, variable = "PostgreSQL", "DRAWBENCH_DATABASE"
    else:
        server, variable = "Valkey", "DRAWBENCH_BROKER"
    if not text(variable):
        return (
            f"The embedded {server} is not running ({said}). Start it: `./dev serve` in another terminal, or "
            "`python -m drawbench.local up`."
        )
    return f"The {which} in {variable} does not respond: {said}. Check the address and the server."
