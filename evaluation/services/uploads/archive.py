"""A zip, tar, Parquet file or folder from outside, listed and read without trusting it: nothing is ever extracted under
its own names. Shards inside (tars, Parquet files) are opened too; their entries are named `<shard>/<entry>`.
"""

from __future__ import annotations

import gzip
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

from common.file_pieces import Window
from common.hashes import bytes_sha256
from evaluation.errors import InputError
from evaluation.services.store.images import full_disk_errors
from evaluation.services.uploads.entries import DamagedEntryError, Entry, check_entries
from evaluation.services.uploads.tars import UNREADABLE_TAR, is_tar, opened_tar, tar_entries
from evaluation.services.uploads.zips import UNREADABLE, check_directory, zip_entries
from generators.filenames.filelist import FileEntry
from generators.filenames.names import why_hidden

if TYPE_CHECKING:
    from evaluation.services.uploads.parquet import ParquetImages

Kind = Literal["zip", "tar", "parquet"]
SHARDS = (".tar", ".parquet", ".zip")
"""Endings of files inside that are opened as well; what they hold of such files is not."""

CLOSED = (".zip", ".tar", ".tar.gz", ".tgz", ".7z", ".rar", ".gz", ".bz2", ".xz", ".zst", ".arrow", ".parquet")
"""Endings of files inside that may hold images and are not opened, which is said."""

KINDS_IN_WORDS = "a zip, tar, tar.gz or Parquet file"

_OTHERS = (
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ\0", "compressed with xz"),
    (b"\x28\xb5\x2f\xfd", "compressed with Zstandard"),
)


def kind_of(path: Path, label: str) -> Kind:
    """What kind of archive a file is, by its content.

    Raises:
        InputError: none that is read.
    """
    with path.open("rb") as file:
        first = file.read(512)
    told = next((f": it is {what}" for magic, what in _OTHERS if first.startswith(magic)), "")
    if first.startswith(b"PAR1"):
        return "parquet"
    if first.startswith(b"PK\x03\x04"):  # a damaged one is told of when it is read
        return "zip"
    if is_tar(first):
        return "tar"
    if first.startswith(b"\x1f\x8b"):
        try:
            with gzip.open(path, "rb") as unpacked:
                if is_tar(unpacked.read(512)):
                    return "tar"
        except UNREADABLE_TAR:
            told = ": it is a damaged gzip file"
        else:
            told = ": it is a gzip file without a tar inside"
    elif zipfile.is_zipfile(path):
        return "zip"
    raise InputError(
        f"{label} is not {KINDS_IN_WORDS}{told}. Pack the folder of images as a zip or tar.gz and upload that.",
        field="source",
    )


@dataclass
class Archive:
    """An opened archive or folder: its entries, checked as a whole, and their bytes. Made by `open_archive`.

    `said`: what Parquet files say of their rows.
    """

    entries: list[Entry]
    said: list[FileEntry] = field(default_factory=list)
    openers: Mapping[str, Callable[[], BinaryIO]] = field(default_factory=dict)
    rows: Mapping[str, ParquetImages] = field(default_factory=dict)
    order: Mapping[str, int] = field(default_factory=dict)

    def in_order(self, names: list[str]) -> list[str]:
        """`names` as they stand in the archive: one pass reads them."""
        return sorted(names, key=lambda name: self.order[name])

    def read(self, name: str, max_bytes: int) -> bytes:
        """At most `max_bytes` + 1 bytes of an entry, whatever size it declares.

        Raises:
            DamagedEntryError: it can't be read.
        """
        try:
            if (parquet := self.rows.get(name)) is not None:
                return parquet.read(self.entries[self.order[name]], max_bytes)
            with self.openers[name]() as file:
                return file.read(max_bytes + 1)
        except (*UNREADABLE, *UNREADABLE_TAR) as error:
            raise DamagedEntryError(f"it can't be unpacked ({error}). Create the archive again") from error
        except OSError as error:
            raise DamagedEntryError(f"it can't be read: {(error.strerror or str(error)).lower()}") from error


@contextmanager
def open_archive(path: Path, label: str = "", scratch: Path | None = None) -> Iterator[Archive]:
    """The archive or folder at `path`.

    `label`: what people call it. `scratch`: a folder for shards that lie compressed inside, which are copied there.

    Raises:
        InputError: it is none of those, is damaged, or holds what no upload may: paths that leave it, links, encrypted
            entries, names that differ by case alone, too much of anything. All of it is named.
    """
    label = label or path.name
    with ExitStack() as opened:
        if path.is_dir():
            entries, openers = check_entries(_walk(path), label), dict[str, Callable[[], BinaryIO]]()
            openers = {entry.name: partial(_open_below, path, entry.name) for entry in entries}
            packed = False
        else:
            kind = kind_of(path, label)
            if kind == "parquet":
                file = opened.enter_context(path.open("rb"))
                yield _finished([(Entry(label, path.stat().st_size), lambda: file)], scratch, label, opened)
                return
            if kind == "zip":
                read, openers, packed = _zip(opened.enter_context(path.open("rb")), label, opened)
                entries = check_entries(read, label)
            else:
                entries, openers, packed = _tar(path, label, opened)
        listed = [(entry, openers[entry.name]) for entry in entries]
        yield _finished(listed, scratch if packed else None, label, opened)


Listed = list[tuple[Entry, Callable[[], BinaryIO]]]


def _zip(
    file: BinaryIO, label: str, opened: ExitStack
) -> tuple[list[tuple[Entry, str]], dict[str, Callable[[], BinaryIO]], bool]:
    """Entries, each with what is wrong with it; what opens them; whether one of them is compressed."""
    try:
        check_directory(file)
        archive = opened.enter_context(zipfile.ZipFile(file))
        listed = zip_entries(archive)
    except NotImplementedError as error:
        raise InputError(
            f"{label} can't be read: it asks for a newer form of zip than this server knows ({error}). Create the "
            "zip again with an ordinary program, or give a folder to upload_run.",
            field="source",
        ) from error
    except (OSError, *UNREADABLE) as error:
        raise InputError(
            f"{label} can't be read as a zip ({error}). Create the zip again, or give a folder to upload_run.",
            field="source",
        ) from error
    openers = {entry.name: _inside(archive, info) for entry, info, _ in listed}
    packed = any(info.compress_type != zipfile.ZIP_STORED for _, info, _ in listed)
    return [(entry, wrong) for entry, _, wrong in listed], openers, packed


def _tar(path: Path, label: str, opened: ExitStack) -> tuple[list[Entry], dict[str, Callable[[], BinaryIO]], bool]:
    file = opened.enter_context(opened_tar(path))
    try:
        entries = check_entries(tar_entries(file, path.stat().st_size), label)
    except (*UNREADABLE_TAR, OSError) as error:
        raise InputError(
            f"{label} can't be read as a tar ({error}). Create the tar again, or give a folder to upload_run.",
            field="source",
        ) from error
    return entries, {entry.name: _window(file, entry) for entry in entries}, isinstance(file, gzip.GzipFile)


def _inside(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], BinaryIO]:
    return lambda: archive.open(info)  # type: ignore[return-value]


def _window(file: BinaryIO, entry: Entry) -> Callable[[], BinaryIO]:
    return lambda: Window(file, entry.place, entry.n_bytes)  # type: ignore[return-value]


def _finished(listed: Listed, scratch: Path | None, label: str, opened: ExitStack) -> Archive:
    """The archive with its shards' entries in their places. `scratch`: where shards are copied, None where they need
    not be.
    """
    whole: list[tuple[Entry, Callable[[], BinaryIO] | None]] = []
    rows: dict[str, ParquetImages] = {}
    said: list[FileEntry] = []
    for entry, opener in sorted(listed, key=lambda pair: (pair[0].place, pair[0].name)):
        if not entry.name.lower().endswith(SHARDS) or why_hidden(entry.name):
            whole.append((entry, opener))
            continue
        file = opened.enter_context(_shard(entry, opener, scratch))
        if entry.name.lower().endswith(".parquet"):
            from evaluation.services.uploads.parquet import parquet_images  # pyarrow is for workers, not for the web

            images = parquet_images(file, entry.name)
            if images is None:
                whole.append((entry, opener))
                continue
            said += images.said
            rows |= dict.fromkeys((row.name for row in images.entries), images)
            whole += [(row, None) for row in images.entries]
            continue
        if entry.name.lower().endswith(".zip"):
            inside, of_zip, _ = _zip(file, f"{entry.name} in {label}", opened)
        else:
            inside, of_zip = _tar_inside(entry, file, label), {}
        checked = check_entries(
            ((replace(each, name=f"{entry.name}/{each.name}"), wrong) for each, wrong in inside), label
        )
        whole += [
            (each, of_zip.get(each.name.removeprefix(f"{entry.name}/")) or _window(file, each))
            for each in sorted(checked, key=lambda each: each.place)
        ]
    names = check_entries(((entry, "") for entry, _ in whole), label)
    order = {entry.name: at for at, (entry, _) in enumerate(whole)}
    assert len(names) == len(order)
    return Archive(
        entries=[entry for entry, _ in whole],
        said=said,
        openers={entry.name: opener for entry, opener in whole if opener is not None},
        rows=rows,
        order=order,
    )


def _tar_inside(entry: Entry, file: BinaryIO, label: str) -> list[tuple[Entry, str]]:
    try:
        return list(tar_entries(file, entry.n_bytes))
    except (*UNREADABLE_TAR, OSError) as error:
        raise InputError(
            f"{entry.name} in {label} can't be read as a tar ({error}). Create it again.", field="source"
        ) from error


def _shard(entry: Entry, opener: Callable[[], BinaryIO], scratch: Path | None) -> BinaryIO:
    """A shard as a file that can be read at any place: a copy of it, where it lies compressed."""
    if scratch is None:
        return opener()
    copy = scratch / bytes_sha256(entry.name.encode())
    if not copy.exists() or copy.stat().st_size != entry.n_bytes:
        with full_disk_errors(scratch), opener() as source:
            scratch.mkdir(parents=True, exist_ok=True)
            with copy.open("wb") as target:
                shutil.copyfileobj(source, target, 2**20)
    return copy.open("rb")


def _open_below(root: Path, name: str) -> BinaryIO:
    return os.fdopen(os.open(root / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")


def _walk(root: Path) -> Iterator[tuple[Entry, str]]:
    """All files below a folder, by name, links not followed."""
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as found:
                inside = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            raise InputError(f"The folder {folder} can't be read: {error.strerror}.", field="source") from error
        for item in inside:
            name = Path(item.path).relative_to(root).as_posix()
            if item.is_symlink():
                yield Entry(name, 0), "is a link"
            elif item.is_dir():
                waiting.append(Path(item.path))
            elif item.is_file():
                yield Entry(name, item.stat().st_size), ""
            else:
                yield Entry(name, 0), "is not a file"
