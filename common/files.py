"""Files that appear whole or not at all.

A file is written under another name, a partial file's, brought to the disk and only then given its own. Every partial
file has a name that no other has, so that several processes may write one file: the last one's stands, whole. A failure
leaves nothing and what was there before; only a kill leaves a partial file, `.NAME.0123abcd.part`, for
`partial_files_remove`.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import secrets
import stat
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

from common.errors import UserError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

PARTIAL_SECONDS = 600.0
"""Seconds without a change after which a partial file is taken for left behind."""

Sync = Literal["nothing", "file", "name"]
"""What outlives a power cut: nothing, for what can be made anew and is checked when it is read; the file, so that its
name never stands for half of it; or its name too, where a row of the database says that it is there."""

_PARTIAL = re.compile(r"\..*\.[0-9a-f]{8}\.part")
_SYSTEM_ERROR = re.compile(r"\(os error (\d+)\)|\bOs \{ code: (\d+)")
"""How Rust's libraries (safetensors) name the system's error: the number is all that they hand over."""


class SaveError(OSError, UserError):
    """Something could not be written: the message says what, why, and what is still there.

    `errno`, `strerror` and `filename` are the system's, as far as whoever wrote told them.
    """

    def __init__(self, message: str, *, path: Path | None = None, code: int | None = None, reason: str = "") -> None:
        super().__init__(message)
        self.errno, self.strerror, self.filename = code, reason or message, None if path is None else str(path)

    def __str__(self) -> str:
        return str(self.args[0])


def disk_full(error: BaseException) -> bool:
    """Whether `error` came of a disk, or a share of it, that is full."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def write_whole(
    path: Path, content: bytes | Callable[[Path], object], *, sync: Sync = "file", beside: Path | None = None
) -> None:
    """Write a file, its folders too where they are missing.

    `content`: its bytes, or what writes them to the path that it is given; whatever that raises is a `SaveError`, so a
    worker, which is told by an exception that its time is up, uses `whole_file`. `sync`: what is on the disk itself
    afterwards. `beside`: the folder for the partial file, on the same disk, instead of the file's own.

    Raises:
        SaveError: it could not be written (a full disk, no permission); what was there before is untouched.
    """
    try:
        with partial_file(path, folder=beside) as part:
            if isinstance(content, bytes):
                _write(part, content, sync)
            else:
                mode = stat.S_IMODE(part.stat().st_mode)
                content(part)
                if stat.S_IMODE(part.stat().st_mode) != mode:  # safetensors makes a file of its own, a private one
                    part.chmod(mode)
                _sync_file(part, sync)
            _give_name(part, path, sync)
    except OSError as error:
        raise save_error(path, error) from error
    except Exception as error:
        if isinstance(content, bytes):
            raise
        raise save_error(path, error) from error


@dataclass(frozen=True, slots=True)
class Unnamed:
    """A file that is written, and whose bytes are on their way to the disk; `names_give` makes it `path`.

    `part`: its partial file. `descriptor`: of that, open until then, so that no failure of the disk goes unnoticed.
    """

    path: Path
    part: Path
    descriptor: int


def write_unnamed(path: Path, content: bytes, *, beside: Path) -> Unnamed:
    """Write a file that gets its name later, with others (`names_give`). `beside`: as for `write_whole`.

    Raises:
        SaveError: it could not be written; nothing is left of it.
    """
    part = _part_of(path, beside)
    try:
        descriptor = _part_open(part, 0o666)
        try:
            _write_all(descriptor, content)
            if hasattr(os, "posix_fadvise"):
                # the system begins to write now: the first file that waits for the disk then waits for all of them
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        except BaseException:
            os.close(descriptor)
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise save_error(path, error) from error
    return Unnamed(path, part, descriptor)


def names_give(files: Sequence[Unnamed]) -> list[SaveError | None]:
    """Bring files to the disk and give them their names, which are then on the disk too: `sync="name"` for many.

    First all files, then all names, and each folder once: most of them find what they wait for done by the first.

    Returns what is wrong with each, in order; what has an error is gone, and the others stand.
    """
    errors: list[SaveError | None] = [_sync_and_close(file) for file in files]
    for number, file in enumerate(files):
        if errors[number] is not None:
            continue
        try:
            _give_name(file.part, file.path, "file")
        except OSError as error:
            file.part.unlink(missing_ok=True)
            errors[number] = save_error(file.path, error)
    for folder in {file.path.parent for file, error in zip(files, errors, strict=True) if error is None}:
        _sync_folder(folder)
    return errors


def write_text(path: Path, text: str, *, sync: Sync = "file") -> None:
    """The same for text, in UTF-8.

    Raises:
        SaveError: as `write_whole`.
    """
    write_whole(path, text.encode(), sync=sync)


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write bit by bit: on leaving the `with` it has its name, or if that was by an exception, it is gone.

    Raises:
        SaveError: as `write_whole`, from every write too.
    """
    with contextlib.ExitStack() as stack:
        try:
            part = stack.enter_context(partial_file(path))
            file = stack.enter_context(io.BufferedWriter(_Written(part, path)))
        except OSError as error:
            raise save_error(path, error) from error
        yield file
        try:
            file.close()
            _sync_file(part, "file")
            _give_name(part, path, "file")
        except OSError as error:
            raise save_error(path, error) from error


@contextlib.contextmanager
def partial_file(path: Path, *, folder: Path | None = None, mode: int = 0o666) -> Iterator[Path]:
    """A new, empty file that will be `path`, in `folder` or beside it; it is gone in the end, unless it was renamed.

    `mode`: its permissions, less those that the process gives no file.
    """
    part = _part_of(path, folder)
    os.close(_part_open(part, mode))
    try:
        yield part
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def partial_files_remove(folder: Path, *, seconds: float = PARTIAL_SECONDS) -> int:
    """Remove the partial files in `folder` and below that did not change for so long; how many went."""
    gone = 0
    for path in folder.rglob(".*.part"):
        with contextlib.suppress(OSError):  # another process took it, or it has become whole meanwhile
            if _PARTIAL.fullmatch(path.name) and time.time() - path.stat().st_mtime > seconds:
                path.unlink()
                gone += 1
    return gone


def move_whole(source: Path, path: Path) -> None:
    """Give a whole file another name on the same disk; what was there goes.

    Raises:
        SaveError: as `write_whole`.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.replace(source, path)
    except OSError as error:
        raise save_error(path, error) from error


def save_error(path: Path, error: BaseException) -> SaveError:
    """What is raised when `error` kept `path` from being written."""
    code, reason = _reason(error, path)
    return SaveError(f"{path} could not be written: {reason}", path=path, code=code, reason=reason)


class _Written(io.FileIO):
    """The file at `part`, whose failures speak of `path`."""

    def __init__(self, part: Path, path: Path) -> None:
        super().__init__(part, "r+")
        self._path = path

    def write(self, data: Buffer, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            raise save_error(self._path, error) from error


def _part_of(path: Path, folder: Path | None) -> Path:
    return (folder or path.parent) / f".{path.name}.{secrets.token_hex(4)}.part"


def _part_open(part: Path, mode: int) -> int:
    """Make a partial file, and its folder where that is missing; its descriptor."""
    how = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        return os.open(part, how, mode)
    except (FileNotFoundError, NotADirectoryError):
        part.parent.mkdir(parents=True, exist_ok=True)
        return os.open(part, how, mode)


def _write_all(file: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(file, left) :]


def _sync_and_close(file: Unnamed) -> SaveError | None:
    try:
        try:
            os.fsync(file.descriptor)
        finally:
            os.close(file.descriptor)
    except OSError as error:
        file.part.unlink(missing_ok=True)
        return save_error(file.path, error)
    return None


def _write(part: Path, content: bytes, sync: Sync) -> None:
    file = os.open(part, os.O_WRONLY)
    try:
        _write_all(file, content)
        if sync != "nothing":
            os.fsync(file)
    finally:
        os.close(file)


def _sync_file(part: Path, sync: Sync) -> None:
    if sync != "nothing":
        with part.open("rb+") as held:
            os.fsync(held.fileno())


def _give_name(part: Path, path: Path, sync: Sync) -> None:
    try:
        os.replace(part, path)
    except FileNotFoundError:  # the partial file lay in another folder, and this one is new
        path.parent.mkdir(parents=True, exist_ok=True)
        os.replace(part, path)
    if sync == "name":
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Bring a folder's names to the disk, where the system and the file system can."""
    if sys.platform == "win32":
        return
    with contextlib.suppress(OSError):
        held = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(held)
        finally:
            os.close(held)


def _reason(error: BaseException, path: Path) -> tuple[int | None, str]:
    """The system's number of an error in writing, and what it means; torch hides a full disk behind its own words."""
    if isinstance(error, SaveError):
        return error.errno, str(error)
    if isinstance(error, OSError) and error.strerror:
        return error.errno, error.strerror
    told = _first_line(error)
    if named := _SYSTEM_ERROR.search(told):
        code = int(named[1] or named[2])
        return code, os.strerror(code)
    try:
        held = os.statvfs(path.parent)
    except OSError:
        return None, told
    free = held.f_bavail * held.f_frsize
    return None, f"{told} ({free / 1e6:.0f} MB are free on its disk)"


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
