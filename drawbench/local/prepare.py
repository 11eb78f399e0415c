"""`python -m drawbench.local.prepare`: migrations and, where they changed, static files; a process with Django in it.

Collecting and compressing the static files takes seconds, so it is skipped while no source file has changed.
"""

import hashlib
import os
import sys
from pathlib import Path

import django
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command

from common.commands import BAD_INPUT, SUCCESS
from drawbench.failures import plain_message


def main() -> int:
    """0: prepared. 2: it can't be, told on standard error."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "drawbench.settings")
    try:
        django.setup()
        call_command("migrate", interactive=False, verbosity=0)
        collect_static()
    except Exception as error:
        told = plain_message(error)
        if told is None:
            raise
        print(told, file=sys.stderr)
        return BAD_INPUT
    return SUCCESS


def collect_static() -> bool:
    """Bring STATIC_ROOT up to date; True if there was something to do."""
    stamp = Path(settings.STATIC_ROOT) / "collected"
    sources = _fingerprint()
    if stamp.exists() and stamp.read_text() == sources:
        return False
    stamp.unlink(missing_ok=True)  # An interrupted collection leaves no stamp.
    call_command("collectstatic", interactive=False, verbosity=0, clear=True)
    stamp.write_text(sources)
    return True


def _fingerprint() -> str:
    """A hash of every source file's name, size and time, and of how they are stored."""
    told = hashlib.sha256(repr(settings.STORAGES["staticfiles"]).encode())
    for finder in get_finders():
        for name, storage in finder.list([]):
            found = os.stat(storage.path(name))
            told.update(f"{name} {found.st_size} {found.st_mtime_ns}\n".encode())
    return told.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
