"""Files that come in parts: each part is written only once its sender is known and its place is right.

The row says how much is on disk, and is changed after the bytes are there: what a kill or a full disk leaves beyond it
is written over by the next part. Parts of one file are taken one after another, whoever sends them at once.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from common import limits
from common.hashes import bytes_sha256, file_sha256
from common.text import cleaned
from evaluation.errors import ConflictError, InputError, NotFoundError
from evaluation.models import IncomingFile
from evaluation.services.store.images import StoreFullError, full_disk_errors
from evaluation.services.store.places import incoming_folder

KEPT_FOR = timedelta(days=1)
"""How long a file is kept that nobody sends more of."""

IDLE_AFTER = timedelta(hours=1)
"""When a file gives way to its owner's next one, where both have no room."""

ROOM_KEPT = 256 * 2**20
"""Bytes that a file must leave free on the disk: the database may lie there too."""

FILES_AT_ONCE = 20
_SHA256 = re.compile(r"[0-9a-f]{64}|")


def path_of_incoming(file: IncomingFile) -> Path:
    """Where the bytes of `file` are."""
    return incoming_folder() / str(file.key)


def incoming_expect(*, owner: User, file_name: str, n_bytes: int, sha256: str = "") -> IncomingFile:
    """Make ready for a file of `n_bytes`. `sha256`: of the whole file, where the sender knows it. `file_name`: shown
    to people and nothing else, so what no text may have is replaced.

    Raises:
        InputError: no file could be like that, or it is larger than this server takes.
        ConflictError: `owner` has too much under way already.
        StoreFullError: the disk has no room for it.
    """
    most = settings.UPLOAD_MAX_BYTES
    file_name = cleaned(file_name.strip(), limits.FILE_NAME)
    if not file_name:
        raise InputError("Give the file's name.", field="file_name")
    if not _SHA256.fullmatch(sha256):
        raise InputError('"sha256" must be 64 hexadecimal digits in lower case.', field="sha256")
    if not 1 <= n_bytes <= most:
        raise InputError(
            f"{file_name} has {n_bytes:,} bytes; this server takes 1 to {most:,} ({most / 2**20:,.0f} MiB). Use "
            "manage.py upload_run on the server, or ask the operator to raise DRAWBENCH_UPLOAD_MAX_MB.",
            field="n_bytes",
        )
    with transaction.atomic():
        User.objects.select_for_update().get(pk=owner.pk)  # one file after another gets its share
        _make_room(owner, n_bytes)
        with full_disk_errors(incoming_folder()):
            incoming_folder().mkdir(parents=True, exist_ok=True)
            if n_bytes > shutil.disk_usage(incoming_folder()).free - ROOM_KEPT:
                raise StoreFullError(
                    f"This server's disk has no room for {file_name}. Ask the operator to make room.", field="n_bytes"
                )
        return IncomingFile.objects.create(owner=owner, file_name=file_name, n_bytes=n_bytes, sha256=sha256)


def incoming_add(*, file: IncomingFile, offset: int, data: bytes, sha256: str = "") -> IncomingFile:
    """Take `data`, which belongs at byte `offset` of `file`. A part that is there already is compared, and taken again.

    `sha256`: of `data`, where the sender knows it.

    Raises:
        InputError: the part is empty, too large, reaches beyond the end, or was damaged on its way.
        ConflictError: bytes before it are missing, or other bytes are there; `details` say how many there are.
        NotFoundError: the file is gone.
        StoreFullError: the disk is full; what came before is kept.
    """
    if not 1 <= len(data) <= settings.PART_MAX_BYTES:
        raise InputError(
            f"A part must have 1 to {settings.PART_MAX_BYTES:,} bytes; this one has {len(data):,}.", field="part"
        )
    if not _SHA256.fullmatch(sha256) or (sha256 and sha256 != bytes_sha256(data)):
        raise InputError('The part does not have the SHA-256 that "sha256" gives. Send it again.', field="sha256")
    with transaction.atomic():
        file = _locked(file)
        have, end = file.n_received, offset + len(data)
        if offset < 0 or end > file.n_bytes:
            raise InputError(
                f"The part reaches from byte {offset:,} to {end:,}, and {file.file_name} has {file.n_bytes:,} bytes.",
                field="offset",
            )
        if offset > have:
            raise ConflictError(
                f"Bytes {have:,} to {offset:,} of {file.file_name} are missing. Go on at {have:,}.",
                field="offset",
                details={"n_received": have},
            )
        path = path_of_incoming(file)
        with full_disk_errors(path.parent), _opened(path) as descriptor:
            if os.fstat(descriptor).st_size < have:
                raise NotFoundError(f"What was received of {file.file_name} is gone. Send it anew, as another file.")
            again = data[: max(0, have - offset)]
            if again and _read(descriptor, offset, len(again)) != again:
                raise ConflictError(
                    f"Bytes {offset:,} to {offset + len(again):,} of {file.file_name} were received before, and were "
                    "others: it is not the same file. Send this one anew.",
                    field="part",
                    details={"n_received": have},
                )
            if end > have:
                _write(descriptor, have, data[have - offset :])
                file.n_received = end
        file.save(update_fields=["n_received", "received_at"])
    return file


def incoming_remove(*, file: IncomingFile) -> None:
    """Remove a file and its row; harmless when they are gone."""
    with transaction.atomic():
        IncomingFile.objects.filter(pk=file.pk).delete()
        transaction.on_commit(lambda: path_of_incoming(file).unlink(missing_ok=True))


@contextmanager
def incoming_whole(*, owner: User, key: UUID, field: str = "file_key") -> Iterator[tuple[IncomingFile, Path]]:
    """A file of `owner` that came in whole, and its path. When the block ends well it is used up, in one transaction
    with what the block writes; when it fails, the file stays for another try.

    Raises:
        NotFoundError: there is none with this key.
        ConflictError: it is not whole yet.
        InputError: it has not the SHA-256 that was declared.
    """
    with transaction.atomic():
        file = IncomingFile.objects.select_for_update().filter(owner=owner, key=key).first()
        if file is None:
            raise NotFoundError("There is no file with this key, or it was used. Send it again.", field=field)
        path = path_of_incoming(file)
        size = path.stat().st_size if path.exists() else 0
        if file.n_received < file.n_bytes or size < file.n_bytes:
            raise ConflictError(
                f"{file.file_name} is not whole: {min(file.n_received, size):,} of {file.n_bytes:,} bytes have come. "
                "Send the rest first.",
                field=field,
                details={"n_received": min(file.n_received, size)},
            )
        if file.sha256 and file_sha256(path) != file.sha256:
            raise InputError(
                f"{file.file_name} does not have the SHA-256 that was declared. Send it anew, as another file.",
                field=field,
            )
        yield file, path
        incoming_remove(file=file)


def incoming_sweep() -> int:
    """Remove files that nobody went on with, and those without a row; how many went."""
    abandoned = list(IncomingFile.objects.filter(received_at__lt=timezone.now() - KEPT_FOR))
    for file in abandoned:
        incoming_remove(file=file)
    removed = len(abandoned)
    before = time.time() - KEPT_FOR.total_seconds()
    rows = {str(key) for key in IncomingFile.objects.values_list("key", flat=True)}
    for path in incoming_folder().glob("*"):
        with contextlib.suppress(OSError):
            if path.name not in rows and path.stat().st_mtime < before:
                path.unlink()
                removed += 1
    return removed


def _make_room(owner: User, n_bytes: int) -> None:
    """Raises ConflictError where `owner` has too much under way; what has lain idle gives way first."""
    own = IncomingFile.objects.filter(owner=owner)
    idle = list(own.filter(received_at__lt=timezone.now() - IDLE_AFTER).order_by("received_at"))
    while True:
        taken = own.aggregate(total=Sum("n_bytes"))["total"] or 0
        if taken + n_bytes <= settings.UPLOAD_MAX_BYTES and own.count() < FILES_AT_ONCE:
            return
        if not idle:
            raise ConflictError(
                f"You have {own.count()} files of {taken / 2**20:,.0f} MiB under way, and this server takes "
                f"{settings.UPLOAD_MAX_BYTES / 2**20:,.0f} MiB in {FILES_AT_ONCE} files at once. Finish or remove "
                "one first.",
                field="n_bytes",
                details={"files": [str(key) for key in own.values_list("key", flat=True)]},
            )
        incoming_remove(file=idle.pop(0))


def _locked(file: IncomingFile) -> IncomingFile:
    locked = IncomingFile.objects.select_for_update().filter(pk=file.pk).first()
    if locked is None:
        raise NotFoundError("There is no file with this key any more. Send it anew.")
    return locked


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _read(descriptor: int, offset: int, n: int) -> bytes:
    data = b""
    while len(data) < n:
        piece = os.pread(descriptor, n - len(data), offset + len(data))
        if not piece:
            break
        data += piece
    return data


def _write(descriptor: int, offset: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        n = os.pwrite(descriptor, view, offset)
        view, offset = view[n:], offset + n
    os.fsync(descriptor)
