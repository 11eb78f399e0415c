"""Files that are parts of files, and files that give little at once."""

from __future__ import annotations

import io
import os
from typing import BinaryIO


class Window(io.RawIOBase):
    """`size` bytes of a file from `start`, as a file of its own; one reader at a time."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        super().__init__()
        self._file, self._start, self._size = file, start, size
        self._at = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Bytes from its own beginning."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As files do."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """As files do; it ends where the window does."""
        n = min(len(buffer), max(0, self._size - self._at))
        if n <= 0:
            return 0
        self._file.seek(self._start + self._at)
        data = self._file.read(n)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


class TooLongError(Exception):
    """More was to be read at once than is allowed."""


class ShortReads:
    """A file for a program that reads small things from it, such as headers: at most `most` bytes at once."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file, self._most = file, most

    def read(self, n: int) -> bytes:
        """Raises TooLongError: more than is allowed."""
        if not 0 <= n <= self._most:
            raise TooLongError("one of its headers is too long")
        return self._file.read(n)

    def seek(self, offset: int) -> int:
        """As files do."""
        return self._file.seek(offset)

    def tell(self) -> int:
        """As files do."""
        return self._file.tell()
