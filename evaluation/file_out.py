"""A file at a place that somebody named."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from common.files import whole_file
from evaluation.errors import InputError


@contextlib.contextmanager
def file_out(path: Path, *, option: str = "--out") -> Iterator[BinaryIO]:
    """A file to write bit by bit, its folders too where they are missing. It replaces what was there once it is whole.

    Raises:
        InputError: the file can't be written; the message names `option`. A file that was there before is untouched.
    """
    try:
        with whole_file(path) as part:
            yield part
    except OSError as error:
        reason = error.strerror or str(error)
        field = option.removeprefix("--")
        raise InputError(f"Can't write {path}: {reason}. Choose another place with {option}.", field=field) from error
