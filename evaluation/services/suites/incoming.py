"""The file of a suite as a page or the API received it: small in one piece, larger in parts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.models import User
from django.core.files.base import File

from evaluation.errors import InputError
from evaluation.services.store.incoming import incoming_whole

SUITE_MAX_BYTES = 100 * 2**20


@dataclass(frozen=True, slots=True)
class SuiteFile:
    """What was sent, and how it was called."""

    data: bytes
    file_name: str


@contextmanager
def suite_source(owner: User, *, file: File[bytes] | None, file_key: UUID | None) -> Iterator[SuiteFile | None]:
    """What `owner` sent as a suite; None where neither is given. A file that came in parts is used up when the block
    ends well.

    Raises:
        InputError: it is larger than any suite is, or not there.
    """
    if file_key is not None:
        with incoming_whole(owner=owner, key=file_key) as (incoming, path):
            _refuse_too_large(incoming.n_bytes)
            yield SuiteFile(path.read_bytes(), incoming.file_name)
    elif file is not None:
        _refuse_too_large(file.size)
        yield SuiteFile(file.read(), file.name or "")
    else:
        yield None


def _refuse_too_large(n_bytes: int) -> None:
    if n_bytes > SUITE_MAX_BYTES:
        raise InputError(
            f"The file has {n_bytes / 2**20:,.0f} MiB; a suite may have {SUITE_MAX_BYTES / 2**20:,.0f} MiB. Check that "
            "it is the right file, or split it into several suites.",
            field="file",
        )
