"""Every file of an upload, decoded and checked in a process of its own before anything of it is stored."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from django.db import transaction

from common.files import write_whole
from common.images import (
    DEFAULT_LIMITS,
    EXTENSIONS,
    FORMATS_IN_WORDS,
    CheckedImage,
    ImageProblem,
    Problem,
    check_images,
    extension_problem,
)
from common.images.decode import sniff
from common.words import counted
from evaluation.errors import ConflictError, InputError
from evaluation.models import Upload
from evaluation.services.store.images import full_disk_errors
from evaluation.services.uploads.archive import CLOSED, Archive, open_archive
from evaluation.services.uploads.beside import beside_keep
from evaluation.services.uploads.drop import clean_staging, staging_of
from evaluation.services.uploads.entries import DamagedEntryError, Entry
from evaluation.services.uploads.match import CHECKED, OTHERS, read_checked, upload_match
from evaluation.services.work.locks import claim_upload
from generators.filenames.embedded import embedded_prompt
from generators.filenames.filelist import TABLES
from generators.filenames.names import why_hidden, why_ignored

FILES = "files"
"""In the staging folder: each file as it came, and as it will be served, under their hashes."""

SHARDS = "shards"
"""In the staging folder: copies of shards that lie compressed inside an archive."""

OTHERS_KEPT = 1_000
"""Names of files that are no images, to be told of."""

OTHER_ENDINGS = (
    *(".txt", ".json", ".jsonl", ".csv", ".tsv", ".yaml", ".yml", ".md", ".log", ".html", ".xml", ".pdf", ".parquet"),
    *(".npy", ".npz", ".pt", ".pth", ".pkl", ".safetensors", ".zip", ".tar", ".gz", ".mp4", ".py", ".ipynb", ".cls"),
)
"""Endings of files whose content is not looked at."""
TABLE_BYTES = 2**14
"""A longer table without an image beside it may hold images as text."""
SNIFFED_BYTES = 64
NO_ENDING = "without the ending of an image format, taken for what the content is"

SHOWN_EVERY_S = 0.5


def upload_check(*, upload: Upload, seconds: float | None = None) -> bool:
    """Check all files of `upload` and match them to its suite: it is then ready to be confirmed. True when finished.

    `seconds`: leave the rest to another call after about so long; what was checked is kept and not checked again.

    Raises:
        InputError: the whole of it can't be taken (its message is the upload's too; nothing of it is kept).
        ConflictError: it was dropped or is over, or another process checks it at this moment.
    """
    with claim_upload(upload.pk) as ours:
        if not ours:
            raise ConflictError(
                f"The upload {upload.run_name} is being checked by another process. Wait for it to finish."
            )
        _start(upload)
        try:
            finished = _check(upload, None if seconds is None else time.monotonic() + seconds)
            if finished:
                matched = upload_match(upload=upload)
                Upload.objects.filter(pk=upload.pk, status=Upload.Status.CHECKING).update(status=Upload.Status.READY)
        except InputError as error:
            upload_spoil(upload=upload, message=error.message)
            raise
    if finished:
        upload.refresh_from_db(fields=["status", "message", "n_files", "n_checked"])
        upload.options, upload.table, upload.summary = matched.options, matched.table, matched.summary
    else:
        upload.refresh_from_db()
    return finished


def upload_spoil(*, upload: Upload, message: str) -> None:
    """End an upload as failed with a message for people, and keep nothing of it."""
    Upload.objects.filter(pk=upload.pk).exclude(status=Upload.Status.DONE).update(
        status=Upload.Status.FAILED, message=message, table=[], summary={}
    )
    clean_staging(upload)


@transaction.atomic
def _start(upload: Upload) -> None:
    row = Upload.objects.select_for_update().get(pk=upload.pk)
    if row.status not in (Upload.Status.RECEIVED, Upload.Status.CHECKING):
        raise ConflictError(
            f"The upload {row.run_name} is {row.get_status_display().lower()}; there is nothing to check."
        )
    if row.status == Upload.Status.RECEIVED:
        row.status = Upload.Status.CHECKING
        row.save(update_fields=["status"])


def _check(upload: Upload, deadline: float | None) -> bool:
    staging = staging_of(upload)
    with full_disk_errors(staging):
        (staging / FILES).mkdir(parents=True, exist_ok=True)
    with open_archive(Path(upload.staging), upload.file_name, staging / SHARDS) as archive:
        names = [entry.name for entry in archive.entries]
        images = [entry.name for entry in archive.entries if _is_image(archive, entry)]
        if not images:
            raise InputError(
                f"{upload.file_name} has no images ({counted(len(names), 'file')}). Use {FORMATS_IN_WORDS}."
                f"{_closed(archive.entries)}",
                field="source",
            )
        used = beside_keep(upload, archive).used
        others = sorted({*names} - {*images} - used)
        with full_disk_errors(staging):
            (staging / OTHERS).write_text(json.dumps(others[:OTHERS_KEPT]), encoding="utf-8")
        done = read_checked(upload)
        _show(upload, len(images), len(done))
        waiting = archive.in_order([name for name in images if name not in done])
        with _log(staging / CHECKED) as log:
            return _check_files(upload, archive, waiting, log, len(images), deadline)


def _closed(entries: list[Entry]) -> str:
    """What to do with files inside that may hold images and are not opened."""
    names = [entry.name for entry in entries if not why_hidden(entry.name)]
    name = next((name for name in names if name.lower().endswith(CLOSED)), "")
    table = next(
        (each.name for each in entries if each.name.lower().endswith(TABLES) and each.n_bytes > TABLE_BYTES), ""
    )
    if table and not name:
        return f" Images inside a table, such as base64 in {table}, are not read: write them as files, or as Parquet."
    if name.lower().endswith(".arrow"):
        return f" {name} is a data set as Hugging Face's save_to_disk writes it: write it as Parquet (to_parquet)."
    return f" {name} is not opened: unpack it first." if name else ""


def _is_image(archive: Archive, entry: Entry) -> bool:
    """Whether a file is an image by its name, or, where its ending says nothing (a prompt with a full stop, a name that
    a program cut off), by how its content begins.
    """
    if entry.is_row or not why_ignored(entry.name):
        return True
    last = entry.name.rpartition("/")[2].lower()
    if why_hidden(entry.name) or last.endswith(OTHER_ENDINGS):
        return False
    try:
        return sniff(archive.read(entry.name, SNIFFED_BYTES)) in EXTENSIONS
    except DamagedEntryError:
        return False


def _check_files(
    upload: Upload, archive: Archive, names: list[str], log: BinaryIO, n_images: int, deadline: float | None
) -> bool:
    """Check `names`; False when stopped before the last by the deadline, or because the upload was dropped."""
    folder = staging_of(upload) / FILES
    originals: dict[str, bytes] = {}
    damaged: dict[str, str] = {}
    shown = time.monotonic()
    n_done = n_images - len(names)

    def items() -> Iterator[tuple[str, bytes]]:
        for name in names:
            if deadline is not None and time.monotonic() > deadline:
                return
            try:
                originals[name] = archive.read(name, DEFAULT_LIMITS.max_bytes)
            except DamagedEntryError as error:
                originals[name], damaged[name] = b"", str(error)
            yield name, originals[name]

    for name, outcome in check_images(items(), workers=min(4, os.cpu_count() or 1), by_content=True):
        data = originals.pop(name)
        if name in damaged:
            outcome = ImageProblem(Problem.UNREADABLE, damaged.pop(name))
        with full_disk_errors(folder):
            if isinstance(outcome, ImageProblem):
                row = _row(name, outcome)
            else:
                row = _kept(folder, name, data, outcome)
                if why_ignored(name) and name not in archive.rows:
                    row |= {"mislabelled": "", "notes": [*outcome.notes, NO_ENDING]}
            log.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
        n_done += 1
        if time.monotonic() - shown > SHOWN_EVERY_S:
            log.flush()
            shown = time.monotonic()
            if not _show(upload, n_images, n_done):
                clean_staging(upload)
                return False
    _show(upload, n_images, n_done)
    return n_done == n_images


def _kept(folder: Path, name: str, data: bytes, image: CheckedImage) -> dict[str, object]:
    """Write both files into the staging folder; they come to the disk together when the upload is confirmed."""
    original_format = image.original_format.lower()
    as_it_came = f"{image.original_sha256}.{original_format}"
    _stage(folder / as_it_came, data)
    if (served := f"{image.sha256}.{image.image_format}") != as_it_came:
        _stage(folder / served, image.data)
    return {
        "file": name,
        "problem": "",
        "sha256": image.sha256,
        "n_bytes": len(image.data),
        "format": image.image_format,
        "width": image.width,
        "height": image.height,
        "original_sha256": image.original_sha256,
        "original_format": original_format,
        "original_n_bytes": len(data),
        "mislabelled": extension_problem(name, image.original_format),
        "notes": list(image.notes),
        "said": embedded_prompt(data),
    }


def _stage(target: Path, content: bytes) -> None:
    if not target.exists():
        write_whole(target, content, sync="nothing")


def _row(name: str, problem: ImageProblem) -> dict[str, object]:
    return {"file": name, "problem": problem.message, "kind": problem.problem.value}


def _log(path: Path) -> BinaryIO:
    """The log of what was found, opened to go on with; a line that a kill cut off is taken back."""
    with full_disk_errors(path.parent):
        file = path.open("ab")
        if file.tell():
            data = path.read_bytes()
            file.truncate(data.rfind(b"\n") + 1)
        return file


def _show(upload: Upload, n_files: int, n_checked: int) -> bool:
    """Write how far the check is; False when the upload is no longer to be checked."""
    return bool(
        Upload.objects.filter(pk=upload.pk, status=Upload.Status.CHECKING).update(n_files=n_files, n_checked=n_checked)
    )
