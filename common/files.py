"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from common.errors import UserError


class SaveError(UserError):
    """Something could not be written: the message says what, why, and what is still there."""


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file beside its name, to the disk itself, and only then give it its name.

    Raises:
        SaveError: it could not be written (a full disk, no permission); what was there before is untouched.
    """
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(part)
        with part.open("rb+") as held:
            os.fsync(held.fileno())
        part.replace(path)
    except Exception as error:
        part.unlink(missing_ok=True)
        raise SaveError(f"{path} could not be written: {_reason(error, path)}") from error


def write_text(path: Path, text: str) -> None:
    """The same for text, in UTF-8.

    Raises:
        SaveError: as `write_whole`.
    """

    def write(part: Path) -> None:
        part.write_text(text, encoding="utf-8")

    write_whole(path, write)


def _reason(error: BaseException, path: Path) -> str:
    """What an error in writing means; torch hides a full disk behind messages of its own."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, SaveError):
        return str(error)
    try:
        held = os.statvfs(path.parent)
    except OSError:
        return _first_line(error)
    free = held.f_bavail * held.f_frsize
    return f"{_first_line(error)} ({free / 1e6:.0f} MB are free on its disk)"


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
