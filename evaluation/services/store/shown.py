"""Images as raters know them: a name for each in a folder of their own, for whoever sends files without asking us.

The name is the key of the `StudyImage`, 128 random bits: who knows it was shown the image. It is another name of the
rendition's file, so it costs no room.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from evaluation.services.store.images import full_disk_errors
from evaluation.services.store.places import shown_folder

CHANGED = 946_684_800
"""When every file says that it was changed, the first second of 2000: files are made run by run, and a server that
sends Last-Modified would tell."""


def shown_path(key: str) -> Path:
    """Where the image with this key lies, if it was named."""
    return shown_folder() / key[:2] / f"{key}.webp"


def images_name(files: Iterable[tuple[str, Path]]) -> None:
    """Give each (key, file) its name, and the file the time of all of them. A name that is there stays.

    Raises:
        StoreFullError: no room.
    """
    for key, file in files:
        target = shown_path(key)
        with full_disk_errors(target.parent):
            target.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                os.link(file, target)
            os.utime(target, (CHANGED, CHANGED))


def images_unname(keys: Iterable[str]) -> None:
    """Take the names away again: of a study that did not open."""
    for key in keys:
        shown_path(key).unlink(missing_ok=True)
