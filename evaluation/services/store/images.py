"""The image store: files under the SHA-256 of their bytes, in `MEDIA_ROOT/images/ab/cd/<sha256>.<format>`.

A file is written whole under another name, brought to the disk and renamed, so a name that is there is a file that is
whole. A file is never changed; the same bytes are kept once, whoever brings them.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.db import connection, transaction

from common.files import Unnamed, disk_full, names_give, partial_files_remove, write_unnamed, write_whole
from common.hashes import bytes_sha256
from evaluation.errors import InputError, NoRoomError
from evaluation.models import StoredImage
from evaluation.services.store.places import images_folder

FORMATS = ("png", "jpeg", "webp", "avif")

PARTIAL = "partial"
"""The store's folder for files that are being written: what a kill leaves there is no image's."""

STORE_LOCK = 0x5354_4F52
"""PostgreSQL advisory lock: shared by those who add files, alone for who removes those without a row."""


class StoreFullError(NoRoomError):
    """No room for an image on the store's disk. What was stored before stays whole."""


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A file that lies in the store: what its row in the database will say. `n_bytes`: of the file."""

    sha256: str
    image_format: str
    width: int
    height: int
    n_bytes: int


@dataclass(frozen=True, slots=True)
class ComingFile:
    """A file on its way into the store. `data`: its bytes. `unnamed`: what is written of it, None where it is there."""

    file: ImageFile
    data: bytes
    unnamed: Unnamed | None


def image_put(*, data: bytes, image_format: str, width: int, height: int) -> StoredImage:
    """Store `data`, the bytes of an image already decoded and checked, and return its row.

    Raises:
        StoreFullError: no room.
    """
    with transaction.atomic():
        file = image_file_put(data=data, image_format=image_format, width=width, height=height)
        return image_rows([file])[file.sha256]


def image_file_put(*, data: bytes, image_format: str, width: int, height: int) -> ImageFile:
    """Store the file alone; `image_rows` in the same transaction makes its row.

    Raises:
        StoreFullError: no room.
    """
    hold_store()
    return image_file_write(data=data, image_format=image_format, width=width, height=height)


def image_file_write(*, data: bytes, image_format: str, width: int, height: int) -> ImageFile:
    """`image_file_put` without its query, for threads beside the one that holds the store (`hold_store`).

    Each file is brought to the disk by itself; where several threads write, the disk does so for all at once.

    Raises:
        StoreFullError: no room.
    """
    file = _file_of(data, image_format, width, height)
    target = file_path(file)
    if not target.exists():
        store_write(target, data)
    return file


def image_file_begin(*, data: bytes, image_format: str, width: int, height: int) -> ComingFile:
    """Write a file that comes with others: `image_files_end` brings them to the disk together, and names them.

    Raises:
        StoreFullError: no room.
    """
    file = _file_of(data, image_format, width, height)
    target = file_path(file)
    if target.exists():
        return ComingFile(file, data, None)
    with full_disk_errors(target.parent):
        return ComingFile(file, data, write_unnamed(target, data, beside=images_folder() / PARTIAL))


def image_files_end(coming: Sequence[ComingFile]) -> list[Exception | None]:
    """Bring files to the disk, names and all. Returns what is wrong with each, such as a `StoreFullError`, in order."""
    unnamed = [each.unnamed for each in coming if each.unnamed is not None]
    errors = iter(names_give(unnamed))
    return [None if each.unnamed is None else _as_the_store_says(each.unnamed, next(errors)) for each in coming]


def _as_the_store_says(file: Unnamed, error: Exception | None) -> Exception | None:
    """An error as the store tells it."""
    if error is None:
        return None
    try:
        with full_disk_errors(file.path.parent):
            raise error
    except (StoreFullError, OSError) as said:
        return said


def _file_of(data: bytes, image_format: str, width: int, height: int) -> ImageFile:
    if image_format not in FORMATS:
        raise ValueError(f"the image store keeps {', '.join(FORMATS)}, not {image_format!r}")
    return ImageFile(bytes_sha256(data), image_format, width, height, len(data))


def image_rows(files: Iterable[ImageFile]) -> dict[str, StoredImage]:
    """The rows of files that lie in the store, made where they are missing, by SHA-256. Three queries, however many.

    Called in the transaction in which the files were put (`hold_store`).
    """
    hashes = _rows_make(files)
    rows: dict[str, StoredImage] = {}
    for start in range(0, len(hashes), 5000):
        rows |= {row.sha256: row for row in StoredImage.objects.filter(sha256__in=hashes[start : start + 5000])}
    return rows


def image_keys(files: Iterable[ImageFile]) -> dict[str, int]:
    """As `image_rows`, but their primary keys alone. Two queries for up to 2,000 files."""
    hashes = _rows_make(files)
    keys: dict[str, int] = {}
    for start in range(0, len(hashes), 5000):
        found = StoredImage.objects.filter(sha256__in=hashes[start : start + 5000])
        keys |= dict(found.values_list("sha256", "pk"))
    return keys


def _rows_make(files: Iterable[ImageFile]) -> list[str]:
    """Make the rows that are missing; the hashes of all."""
    wanted = {file.sha256: file for file in files}
    StoredImage.objects.bulk_create(
        [
            StoredImage(
                sha256=file.sha256,
                image_format=file.image_format,
                width=file.width,
                height=file.height,
                n_bytes=file.n_bytes,
            )
            for file in wanted.values()
        ],
        ignore_conflicts=True,
        batch_size=2000,
    )
    return list(wanted)


def image_path(image: StoredImage) -> Path:
    """Where the file lies."""
    return path_of(image.sha256, image.image_format)


def file_path(file: ImageFile) -> Path:
    """Where a file that was put lies."""
    return path_of(file.sha256, file.image_format)


def image_read(image: StoredImage) -> bytes:
    """The file's bytes.

    Raises:
        InputError: the file is gone from the disk.
    """
    try:
        return image_path(image).read_bytes()
    except FileNotFoundError:
        raise InputError(
            f"The image {image.sha256[:12]} is in the database, but its file is missing from {images_folder()}. "
            "Restore that folder from the backup that belongs to the database."
        ) from None


def path_of(sha256: str, image_format: str) -> Path:
    """Where a file of this hash and format lies or will lie."""
    return images_folder() / f"{sha256[:2]}/{sha256[2:4]}/{sha256}.{image_format}"


def store_write(target: Path, data: bytes) -> None:
    """Write a file so that its name appears only once all of it is on the disk.

    Raises:
        StoreFullError: no room.
    """
    with full_disk_errors(target.parent):
        write_whole(target, data, sync="name", beside=images_folder() / PARTIAL)


def adopt(staged: Path, target: Path) -> bool:
    """Give a whole file of the staging folder its place in the store; it keeps its old name too until that is removed.

    False: it was there already.

    Raises:
        StoreFullError: no room for its name.
    """
    with full_disk_errors(target.parent):
        for folder_is_there in (False, True):
            try:
                os.link(staged, target)
            except FileExistsError:
                return False
            except FileNotFoundError:
                if folder_is_there:
                    raise
                target.parent.mkdir(parents=True, exist_ok=True)
            else:
                break
        return True


def hold_store() -> None:
    """Until the transaction ends, no file is removed from the store (`image_discard`)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [STORE_LOCK])


def image_discard(files: Iterable[ImageFile]) -> int:
    """Remove those of `files` that have no row: what a transaction that was rolled back left. How many went."""
    named = {file.sha256: file for file in files}
    if not named:
        return 0
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [STORE_LOCK])
        kept = set(StoredImage.objects.filter(sha256__in=list(named)).values_list("sha256", flat=True))
        gone = [file for sha256, file in named.items() if sha256 not in kept]
        for file in gone:
            path_of(file.sha256, file.image_format).unlink(missing_ok=True)
    return len(gone)


def store_partials_remove() -> int:
    """Remove what killed processes left half written. How many files went."""
    return partial_files_remove(images_folder() / PARTIAL)


@contextlib.contextmanager
def full_disk_errors(folder: Path) -> Iterator[None]:
    """A full disk or a folder that can't be written, as a sentence.

    Raises:
        StoreFullError: it is so.
    """
    try:
        yield
    except OSError as error:
        if disk_full(error):
            raise StoreFullError(
                f"The disk of {folder} is full. Images stored so far are kept. Free some space, then continue."
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise StoreFullError(
                f"Can't write to the folder {folder} ({error.strerror}). Give this process permission, then continue."
            ) from error
        raise
