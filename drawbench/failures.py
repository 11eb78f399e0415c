"""Failures of the surroundings (no database, not migrated, full disk) as sentences."""

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, ProgrammingError

from common.errors import UserError
from common.files import disk_full


def plain_message(error: BaseException) -> str | None:
    """What to tell a person at a terminal, or None for an error that is the program's own."""
    if isinstance(error, OSError) and disk_full(error):
        return f"The disk is full: can't write {error.filename or settings.MEDIA_ROOT}. Free some space and try again."
    if isinstance(error, UserError | ImproperlyConfigured):
        return str(error)
    if isinstance(error, OperationalError) and _sqlstate(error) is None:
        return _unreachable(error)
    if isinstance(error, ProgrammingError) and _sqlstate(error) in {"42P01", "42703"}:  # No such table, no such column.
        return (
            f"The database is not migrated: {str(error).splitlines()[0]}. "
            "Run `python manage.py migrate` (./dev serve and ./dev demo do so by themselves)."
        )
    return None


def _sqlstate(error: BaseException) -> str | None:
    """PostgreSQL's code for what went wrong; None where no server answered."""
    return getattr(error.__cause__, "pgcode", None)


def _unreachable(error: OperationalError) -> str:
    database = settings.DATABASES["default"]
    first = str(error).strip().splitlines()[0]
    if database["HOST"] == str(settings.PLACES.sockets):
        return (
            f"The embedded PostgreSQL is not running ({first}). Start it: `python -m drawbench.local up`, or use ./dev."
        )
    return f"The database in DRAWBENCH_DATABASE does not respond: {first}. Check the address and the server."
