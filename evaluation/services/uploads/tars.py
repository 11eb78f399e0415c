"""Entries of a tar, plain or by gzip, listed without trusting it."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from common.file_pieces import ShortReads, TooLongError
from evaluation.services.uploads.entries import MAX_RATIO, RATIO_FROM_BYTES, Entry

MAX_HEADER_BYTES = 2**20
"""Of an entry's headers, which are read into memory: names are short."""

UNREADABLE_TAR = (tarfile.TarError, TooLongError, EOFError, zlib.error, gzip.BadGzipFile)


def is_tar(first_block: bytes) -> bool:
    """Whether a file that begins so is a plain tar."""
    try:
        tarfile.TarInfo.frombuf(first_block[: tarfile.BLOCKSIZE], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def opened_tar(path: Path) -> BinaryIO:
    """A tar's bytes, unpacked where it is by gzip."""
    file = path.open("rb")
    if file.read(2) == b"\x1f\x8b":
        file.close()
        return gzip.open(path, "rb")  # type: ignore[return-value]
    file.seek(0)
    return file


def tar_entries(file: BinaryIO, packed_bytes: int) -> Iterator[tuple[Entry, str]]:
    """Entries, each with what is wrong with it, "" where nothing is; `place`: where its bytes begin.

    `packed_bytes`: the size of the file as it came; more than `MAX_RATIO` times as much is a bomb.

    Raises (`UNREADABLE_TAR`): it is damaged, or unpacks to too much.
    """
    names: set[str] = set()
    total = 0
    with tarfile.open(fileobj=ShortReads(file, MAX_HEADER_BYTES), mode="r:", errorlevel=0) as archive:  # type: ignore[call-overload]
        for member in archive:
            archive.members = []  # the list of all members is ours to keep, in less
            name = member.name.removeprefix("./")
            total += member.size
            if total > max(RATIO_FROM_BYTES, MAX_RATIO * packed_bytes):
                raise tarfile.ReadError(f"it unpacks to more than {MAX_RATIO} times its size")
            if member.isdir():
                continue
            wrong = ""
            if name in names:
                wrong = "occurs twice"
            elif member.islnk() or member.issym():
                wrong = "is a link"
            elif not member.isfile() or member.issparse():
                wrong = "is not a file"
            names.add(name)
            yield Entry(name, member.size, member.offset_data), wrong
        file.seek(archive.offset)
        if file.read(tarfile.BLOCKSIZE).strip(b"\0"):  # what is no header ends the list without a word
            raise tarfile.ReadError("it is cut off or damaged")
