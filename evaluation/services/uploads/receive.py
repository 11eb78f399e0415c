"""A researcher's own images come in: an archive from a page or the API, a folder or archive from a command."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.base import File
from django.db import transaction

from common import limits
from common.text import cleaned
from evaluation.declared import checked_declaration
from evaluation.errors import ConflictError, InputError
from evaluation.intake import text_in
from evaluation.models import Suite, Upload
from evaluation.services.runs.request import checked_run_name
from evaluation.services.store.images import StoreFullError, full_disk_errors
from evaluation.services.store.incoming import ROOM_KEPT, incoming_whole
from evaluation.services.uploads.archive import KINDS_IN_WORDS, kind_of
from evaluation.services.uploads.drop import clean_staging, staging_of
from evaluation.services.work.queue import hand_over

RECEIVED = "received"
"""In the staging folder: the archive as it came."""


def upload_receive(
    *,
    suite: Suite,
    run_name: str,
    generator: str,
    source: Path | File[bytes] | uuid.UUID,
    file_name: str = "",
    created_by: User | None = None,
    declared: Mapping[str, object] | None = None,
) -> Upload:
    """Take in images that are to become the run `run_name`; `upload_check` or `upload_check_queue` is next.

    `generator`: what made the images, as reports will call it. `source`: a folder or archive named by a command, read
    where it lies; an archive as a page or the API received it, copied in pieces; or the key of a file of `created_by`
    that came in parts (`store.incoming`). `file_name`: what it was called. `declared`: as
    `evaluation.declared.checked_declaration` takes it.

    Raises:
        InputError: it is no folder or archive, too large, or a name can't be used; nothing is kept but a file that
            came in parts.
        StoreFullError: no room; nothing is kept.
    """
    run_name, generator = checked_names(run_name, generator)
    upload = Upload(
        key=uuid.uuid4(),
        suite=suite,
        run_name=run_name,
        generator=generator,
        created_by=created_by,
        declared=checked_declaration(declared or {}),
    )
    try:
        with ExitStack() as used_up:
            if isinstance(source, uuid.UUID):
                assert created_by is not None, "a file in parts has an owner"
                incoming, path = used_up.enter_context(incoming_whole(owner=created_by, key=source))
                upload.file_name = incoming.file_name
                upload.staging = str(_linked(path, upload))
            else:
                name = (file_name or Path(str(source.name)).name)[-limits.FILE_NAME :]
                upload.file_name = cleaned(name, limits.FILE_NAME)
                upload.staging = str(_named(source) if isinstance(source, Path) else _received(source, upload))
            upload.save()
    except BaseException:
        clean_staging(upload)
        raise
    return upload


def checked_names(run_name: str, generator: str) -> tuple[str, str]:
    """The names of the run and of the generator that made its images, as they are kept.

    Raises:
        InputError: a name can't be used.
    """
    what = "the name of the generator that made the images"
    return (
        checked_run_name(run_name, field="run_name"),
        text_in(generator, "generator", what, most=limits.GENERATOR, empty=False),
    )


@transaction.atomic
def upload_check_queue(*, upload: Upload) -> Upload:
    """Have a worker check an upload, when the transaction is committed; its row then tells how far it is.

    Raises:
        ConflictError: it was dropped or has become a run.
    """
    upload = Upload.objects.select_for_update().get(pk=upload.pk)
    if upload.status not in (Upload.Status.RECEIVED, Upload.Status.CHECKING):
        raise ConflictError(
            f"The upload {upload.run_name} is {upload.get_status_display().lower()}; there is nothing to check."
        )
    upload.status, upload.message = Upload.Status.CHECKING, ""
    upload.save(update_fields=["status", "message"])
    transaction.on_commit(lambda: _hand_over(upload))
    return upload


def _hand_over(upload: Upload) -> None:
    if not hand_over("upload_check", upload.pk):
        upload.message = "The task queue does not respond. The images will be checked once a worker has started."
        Upload.objects.filter(pk=upload.pk, status=Upload.Status.CHECKING).update(message=upload.message)


def _named(source: Path) -> Path:
    path = source.expanduser().absolute()
    text_in(str(path), "source", "the path of the images", most=limits.SOURCE)
    if path.is_file():
        kind_of(path, str(source))
    elif not path.is_dir():
        what = "is neither a file nor a folder" if path.exists() else "does not exist"
        raise InputError(f"{source} {what}. Give a folder of images, or {KINDS_IN_WORDS}.", field="source")
    return path


def _received(source: File[bytes], upload: Upload) -> Path:
    staging = staging_of(upload)
    target = staging / RECEIVED
    limit = settings.UPLOAD_MAX_BYTES
    with full_disk_errors(staging):
        staging.mkdir(parents=True)
        free = shutil.disk_usage(staging).free - ROOM_KEPT
        taken = 0
        with target.open("wb") as file:
            for part in _parts(source):
                taken += len(part)
                if taken > limit:
                    raise InputError(
                        f"{upload.file_name} has more than {limit / 2**20:,.0f} MiB, the limit of this server. Use "
                        "manage.py upload_run on the server, or ask the operator to raise DRAWBENCH_UPLOAD_MAX_MB.",
                        field="source",
                    )
                if taken > free:
                    raise StoreFullError(
                        f"This server's disk has no room for {upload.file_name}. Ask the operator to make room."
                    )
                file.write(part)
    kind_of(target, upload.file_name)
    return target


def _linked(path: Path, upload: Upload) -> Path:
    """The same bytes under a name of the upload's own; the other goes when the transaction is committed."""
    kind_of(path, upload.file_name)
    target = staging_of(upload) / RECEIVED
    with full_disk_errors(target.parent):
        target.parent.mkdir(parents=True)
        os.link(path, target)
    return target


def _parts(source: File[bytes]) -> Iterator[bytes]:
    for part in source.chunks():
        yield part if isinstance(part, bytes) else bytes(part)
