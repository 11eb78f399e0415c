"""A zip or folder from outside, listed and read without trusting it: nothing is ever extracted under its own names."""

from __future__ import annotations

import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from common import limits
from common.text import bad_character, composed, named
from evaluation.errors import InputError

MAX_FILES = 200_000
MAX_TOTAL_BYTES = 64 * 2**30
MAX_RATIO = 100
"""Unpacked to packed size above which an entry is a bomb; images hardly shrink."""
RATIO_FROM_BYTES = 4 * 2**20
"""Entries below this size may shrink as they like: small plain images do."""
MAX_DEPTH = 10
MAX_NAME_CHARACTERS = limits.NAME_IN_ARCHIVE
MAX_DIRECTORY_BYTES = 64 * 2**20
"""Of a zip's list of entries, which is read into memory."""
NAMED = 10

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_UTF8_NAME = 0x800
"""The flag that a name is UTF-8. Info-ZIP and macOS' Finder write such names without it."""

UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError),
    *(ValueError, LookupError, ArithmeticError, RuntimeError),
)
"""What `zipfile` raises for a zip that it can't read: names that are no UTF-8 (`ValueError`), a version that it does
not know (`NotImplementedError`, a `RuntimeError`), fields that point elsewhere."""


class DamagedEntryError(Exception):
    """An entry can't be unpacked; the message is for people."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file inside. `name`: its path there, with forward slashes. `n_bytes`: unpacked, as declared."""

    name: str
    n_bytes: int


class Archive:
    """An opened zip or folder: its entries, checked as a whole, and their bytes. Made by `open_archive`."""

    def __init__(
        self,
        root: Path,
        entries: list[Entry],
        archive: zipfile.ZipFile | None = None,
        inside: Mapping[str, zipfile.ZipInfo] | None = None,
    ) -> None:
        self.entries = entries
        self._root = root
        self._zip, self._inside = archive, dict(inside or {})

    def read(self, name: str, max_bytes: int) -> bytes:
        """At most `max_bytes` + 1 bytes of an entry, whatever size it declares.

        Raises:
            DamagedEntryError: it can't be read.
        """
        try:
            with self._open(name) as file:
                return file.read(max_bytes + 1)
        except UNREADABLE as error:
            raise DamagedEntryError(f"it can't be unpacked ({error}). Create the zip again") from error
        except OSError as error:
            raise DamagedEntryError(f"it can't be read: {(error.strerror or str(error)).lower()}") from error

    def _open(self, name: str) -> BinaryIO:
        if self._zip is not None:
            return self._zip.open(self._inside[name])  # type: ignore[return-value]
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        return os.fdopen(os.open(self._root / name, flags), "rb")


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """The zip or folder at `path`.

    Raises:
        InputError: it is neither, is damaged, or holds what no upload may: paths that leave it, links, encrypted
            entries, names that differ by case alone, too much of anything. All of it is named.
    """
    if path.is_dir():
        yield Archive(path, _checked(_walk(path), path.name))
        return
    try:
        _check_directory(path)
        archive = zipfile.ZipFile(path)
    except NotImplementedError as error:
        raise InputError(
            f"{path.name} can't be read: it asks for a newer form of zip than this server knows ({error}). Create the "
            "zip again with an ordinary program, or give a folder to upload_run.",
            field="source",
        ) from error
    except (OSError, *UNREADABLE) as error:
        raise InputError(
            f"{path.name} can't be read as a zip ({error}). Create the zip again, or give a folder to upload_run.",
            field="source",
        ) from error
    with archive:
        found = _zip_entries(archive)
        entries = _checked(((entry, wrong) for entry, _, wrong in found), path.name)
        yield Archive(path, entries, archive, {entry.name: info for entry, info, _ in found})


def _zip_entries(archive: zipfile.ZipFile) -> list[tuple[Entry, zipfile.ZipInfo, str]]:
    """Entries, each with what is wrong with it."""
    found: list[tuple[Entry, zipfile.ZipInfo, str]] = []
    end = 0
    names: set[str] = set()
    infos = sorted(archive.infolist(), key=lambda info: info.header_offset)
    by_windows = not any("/" in info.orig_filename for info in infos)
    for info in infos:
        name = _name_of(info)
        if by_windows:  # PowerShell 5 writes run\\00000\\0.png
            name = name.replace("\\", "/")
        mode = info.external_attr >> 16
        wrong = ""
        if info.header_offset < end:
            wrong = "overlaps another entry"
        elif name in names:
            wrong = "occurs twice"
        elif stat.S_ISLNK(mode):
            wrong = "is a link"
        elif stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            wrong = "is not a file"
        elif info.flag_bits & 0x1:
            wrong = "is encrypted"
        elif info.compress_type not in _METHODS:
            wrong = "uses a compression other than stored or deflated"
        elif info.file_size > max(RATIO_FROM_BYTES, MAX_RATIO * info.compress_size):
            wrong = f"unpacks to more than {MAX_RATIO} times its size"
        elif name and _local_name(archive, info) != _listed_name(info):
            wrong = "has another name beside its data than in the zip's list of entries"
        end = info.header_offset + 30 + info.compress_size
        names.add(name)
        if not name.endswith("/") or wrong:
            found.append((Entry(name, info.file_size), info, wrong))
    return found


def _name_of(info: zipfile.ZipInfo) -> str:
    """An entry's name: UTF-8 where it is flagged so or can be read so, else the IBM PC's old letters (cp437)."""
    if info.flag_bits & _UTF8_NAME or info.orig_filename.isascii():
        return info.orig_filename
    try:
        return _listed_name(info).decode("utf-8")
    except UnicodeDecodeError:
        return info.orig_filename


def _listed_name(info: zipfile.ZipInfo) -> bytes:
    """The bytes of an entry's name in the list of entries."""
    return info.orig_filename.encode("utf-8" if info.flag_bits & _UTF8_NAME else "cp437", "surrogateescape")


def _local_name(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes | None:
    """The bytes of an entry's name beside its data; None where there is none."""
    file = archive.fp
    assert file is not None
    file.seek(info.header_offset)
    header = file.read(30)
    if len(header) < 30 or header[:4] != b"PK\x03\x04":
        return None
    return file.read(struct.unpack_from("<H", header, 26)[0])


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


def _checked(read: Iterable[tuple[Entry, str]], label: str) -> list[Entry]:
    """The entries, sorted by name.

    Raises:
        InputError: one of them or all together can't be taken.
    """
    entries: list[Entry] = []
    wrong: list[str] = []
    seen: dict[str, str] = {}
    total = 0
    for entry, problem in read:
        problem = problem or _bad_name(entry.name)
        same = seen.setdefault(composed(entry.name).casefold(), entry.name)
        if not problem and same is not entry.name:
            problem = f"differs from {_shown(same)} only by case or by how its accents are written"
        if problem:
            wrong.append(f"{_shown(entry.name)} {problem}".strip())
        entries.append(entry)
        total += entry.n_bytes
        if len(entries) > MAX_FILES or total > MAX_TOTAL_BYTES:
            raise InputError(
                f"{label} has more than {MAX_FILES:,} files or {MAX_TOTAL_BYTES // 2**30} GiB. Upload it in parts, as "
                "runs on parts of the suite.",
                field="source",
            )
    if wrong:
        more = f" and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
        raise InputError(
            f"{label} was refused and nothing was stored: {'; '.join(wrong[:NAMED])}{more}. "
            "Pack plain image files with plain relative names.",
            field="source",
            details={"entries": wrong[:1000]},
        )
    if not entries:
        raise InputError(f"{label} is empty. Give a zip or folder with images.", field="source")
    return sorted(entries, key=lambda entry: entry.name)


def _bad_name(name: str) -> str:
    parts = name.split("/")
    bad = bad_character(name)
    if not name:
        return "an entry has an empty name"
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name):
        return "has an absolute path"
    if ".." in parts or ".." in name.split("\\"):
        return "leaves its folder"
    if "\\" in name:
        return "has a backslash in its name amid names with slashes"
    if bad is not None and "\ud800" <= bad <= "\udfff":
        return "has a name that is not UTF-8"
    if bad is not None:
        return f"has control characters in its name: {named(bad)}"
    if len(parts) > MAX_DEPTH:
        return f"lies more than {MAX_DEPTH} folders deep"
    if len(name) > MAX_NAME_CHARACTERS:
        return f"has a name of more than {MAX_NAME_CHARACTERS} characters"
    return ""


def _check_directory(path: Path) -> None:
    """Refuse a zip whose list of entries would fill the memory, before it is read.

    Raises:
        zipfile.BadZipFile: it has no end record, or too long a list.
    """
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 65_557 - 20))
        tail = file.read()
        at = tail.rfind(b"PK\x05\x06")
        if at < 0:
            raise zipfile.BadZipFile("it is not a zip, or its end is missing")
        (length,) = struct.unpack_from("<I", tail, at + 12)
        locator = tail.rfind(b"PK\x06\x07", 0, at)
        if locator >= 0:
            (place,) = struct.unpack_from("<Q", tail, locator + 8)
            file.seek(min(place, size))
            record = file.read(56)
            length = max(length if length != 0xFFFFFFFF else 0, struct.unpack_from("<Q", record, 40)[0])
    if length > MAX_DIRECTORY_BYTES:
        raise zipfile.BadZipFile("its list of entries is too long")


def _shown(name: str) -> str:
    clean = "".join(letter if letter.isprintable() else "?" for letter in name)
    return clean if len(clean) <= 80 else clean[:79] + "\N{HORIZONTAL ELLIPSIS}"
