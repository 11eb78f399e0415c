"""A command's upload goes on where it was broken off: what was checked of the same files is not checked again."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from common.files import write_text
from common.hashes import hash_of
from evaluation.declared import checked_declaration
from evaluation.errors import ConflictError
from evaluation.models import Suite, Upload
from evaluation.services.store.images import full_disk_errors
from evaluation.services.uploads.drop import staging_of, upload_drop
from evaluation.services.uploads.match import read_checked
from evaluation.services.uploads.receive import checked_names, upload_receive
from evaluation.services.work.locks import claim_upload

SOURCE = "source"
"""In the staging folder: the state of the folder or archive that is read where it lies."""

UNDER_WAY = (Upload.Status.RECEIVED, Upload.Status.CHECKING, Upload.Status.READY, Upload.Status.STORING)


def upload_begin_or_go_on(
    *, suite: Suite, run_name: str, generator: str, source: Path, declared: Mapping[str, object]
) -> tuple[Upload, int]:
    """The upload of a folder or archive that a command named, and how many of its files are checked already.

    It goes on with one of the same source, run and suite that was broken off, unless the source changed since.

    Raises:
        ConflictError: another process is at it now; nothing of it is touched.
        As `upload_receive`.
    """
    run_name, generator = checked_names(run_name, generator)
    declared = checked_declaration(declared)
    state = _state_of(source)
    for earlier in _broken_off(suite, run_name, source):
        with claim_upload(earlier.pk) as ours:
            if not ours:
                raise ConflictError(
                    f"Another process works on the upload {earlier.run_name} ({earlier.n_checked:,} of "
                    f"{earlier.n_files:,} files checked): the command elsewhere, or a worker that took it over. Wait "
                    "for it to finish, then give this command again."
                )
            if _noted(earlier) == state:
                return _taken_up(earlier, generator, declared), len(read_checked(earlier))
        upload_drop(upload=earlier)
    upload = upload_receive(suite=suite, run_name=run_name, generator=generator, source=source, declared=declared)
    staging = staging_of(upload)
    with full_disk_errors(staging):
        write_text(staging / SOURCE, state, sync="nothing")
    return upload, 0


def _broken_off(suite: Suite, run_name: str, source: Path) -> Iterator[Upload]:
    """Uploads of this source by a command, for this run, that have not come to an end."""
    yield from Upload.objects.select_related("suite").filter(
        suite=suite,
        run_name=run_name,
        staging=str(source.expanduser().absolute()),
        created_by=None,
        status__in=UNDER_WAY,
    )


def _taken_up(upload: Upload, generator: str, declared: Mapping[str, object]) -> Upload:
    """To be checked, matched and confirmed as this command says."""
    upload.generator, upload.declared = generator, dict(declared)
    upload.status, upload.message, upload.options = Upload.Status.CHECKING, "", {}
    upload.save(update_fields=["generator", "declared", "status", "message", "options"])
    return upload


def _noted(upload: Upload) -> str | None:
    try:
        return (staging_of(upload) / SOURCE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _state_of(source: Path) -> str:
    """A hash that is another when a file came, went, or was written to: over names, sizes and times of change."""
    path = source.expanduser().absolute()
    files = [path] if path.is_file() else [Path(at) / name for at, _, names in os.walk(path) for name in names]
    return hash_of(sorted([os.fsencode(file).hex(), *_stat_of(file)] for file in files))


def _stat_of(file: Path) -> tuple[int, int]:
    try:
        stat = file.lstat()
    except OSError:  # it went just now, or can't be looked at: reading it says what is wrong
        return -1, -1
    return stat.st_size, stat.st_mtime_ns
