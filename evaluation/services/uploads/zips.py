"""Entries of a zip, listed without trusting it."""

from __future__ import annotations

import os
import stat
import struct
import zipfile
import zlib
from typing import BinaryIO

from evaluation.services.uploads.entries import MAX_RATIO, RATIO_FROM_BYTES, Entry

MAX_DIRECTORY_BYTES = 64 * 2**20
"""Of a zip's list of entries, which is read into memory."""

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_UTF8_NAME = 0x800
"""The flag that a name is UTF-8. Info-ZIP and macOS' Finder write such names without it."""

UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError),
    *(ValueError, LookupError, ArithmeticError, RuntimeError),
)
"""What `zipfile` raises for a zip that it can't read: names that are no UTF-8 (`ValueError`), a version that it does
not know (`NotImplementedError`, a `RuntimeError`), fields that point elsewhere."""


def zip_entries(archive: zipfile.ZipFile) -> list[tuple[Entry, zipfile.ZipInfo, str]]:
    """Entries, each with what is wrong with it, "" where nothing is."""
    listed: list[tuple[Entry, zipfile.ZipInfo, str]] = []
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
            listed.append((Entry(name, info.file_size, info.header_offset), info, wrong))
    return listed


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


def check_directory(file: BinaryIO) -> None:
    """Refuse a zip whose list of entries would fill the memory, before it is read.

    Raises:
        zipfile.BadZipFile: it has no end record, or too long a list.
    """
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
