"""Files that appear whole or not at all: what a failure leaves, what a kill leaves, and what several writers leave."""

import errno
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from common import files
from common.errors import UserError
from common.files import (
    PARTIAL_SECONDS,
    SaveError,
    Sync,
    disk_full,
    move_whole,
    names_give,
    partial_files_remove,
    whole_file,
    write_text,
    write_unnamed,
    write_whole,
)

NO_SPACE = OSError(errno.ENOSPC, "No space left on device")


def streamed(path: Path, data: bytes) -> None:
    with whole_file(path) as file:
        file.write(data)


WAYS: dict[str, Callable[[Path, bytes], None]] = {
    "bytes": write_whole,
    "by a function": lambda path, data: write_whole(path, lambda part: part.write_bytes(data)),
    "beside": lambda path, data: write_whole(path, data, beside=path.parent / "partial"),
    "its name too": lambda path, data: write_whole(path, data, sync="name"),
    "in the cache": lambda path, data: write_whole(path, data, sync="nothing"),
    "bit by bit": streamed,
}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Callable[[Path, bytes], None]:
    return WAYS[request.param]


@pytest.fixture
def mask() -> Iterator[None]:
    before = os.umask(0o027)
    yield
    os.umask(before)


def test_a_file_is_written_over_another(way: Callable[[Path, bytes], None], tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "file.bin"
    for data in (b"first, and longer", b"second"):
        way(path, data)
        assert path.read_bytes() == data
    assert [found for found in tmp_path.rglob("*") if found.is_file()] == [path]


def test_a_failure_leaves_what_was_there(
    way: Callable[[Path, bytes], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def full(source: Path, target: Path) -> None:
        raise NO_SPACE

    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(SaveError, match=f"{path} could not be written: No space left on device") as caught:
        way(path, b"new")
    assert isinstance(caught.value, UserError) and disk_full(caught.value) and caught.value.filename == str(path)
    assert path.read_text() == "old" and [found for found in tmp_path.rglob("*") if found.is_file()] == [path]


@pytest.mark.parametrize(("sync", "synced"), [("nothing", []), ("file", ["file"]), ("name", ["file", "folder"])])
def test_what_is_brought_to_the_disk(
    sync: Sync, synced: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file before it has its name, the folder after."""
    path, done = tmp_path / "file", []

    def seen(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        assert path.exists() == is_folder
        done.append("folder" if is_folder else "file")

    monkeypatch.setattr(files.os, "fsync", seen)
    write_whole(path, b"x", sync=sync)
    assert done == synced


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ValueError])
def test_an_exception_while_writing_passes_and_leaves_nothing(tmp_path: Path, stop: type[BaseException]) -> None:
    with pytest.raises(stop), whole_file(tmp_path / "file") as file:
        file.write(b"half")
        raise stop
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_of_a_function_passes_and_leaves_nothing(tmp_path: Path) -> None:
    def stopped(part: Path) -> None:
        part.write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "file", stopped)
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_is_told_by_the_files_name(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk; the failure comes from the write itself, in another process."""
    script = (
        "import sys; from pathlib import Path; from common.files import SaveError, whole_file\n"
        "try:\n"
        "    with whole_file(Path(sys.argv[1])) as file: file.write(bytes(1 << 20))\n"
        "except SaveError as error: print(error.errno, error)\n"
    )

    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))

    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "file")], capture_output=True, text=True, preexec_fn=limited
    )
    assert done.stdout == f"{errno.EFBIG} {tmp_path / 'file'} could not be written: {os.strerror(errno.EFBIG)}\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "told",
    [
        "Error while serializing: I/O error: No space left on device (os error 28)",
        'Error while serializing: IoError(Os { code: 28, kind: StorageFull, message: "No space left on device" })',
    ],
)
def test_a_full_disk_is_known_when_a_library_names_it_in_words(tmp_path: Path, told: str) -> None:
    def fails(part: Path) -> None:
        raise RuntimeError(told)

    with pytest.raises(SaveError, match="could not be written: No space left on device") as caught:
        write_whole(tmp_path / "file", fails)
    assert disk_full(caught.value)


def test_a_failure_within_a_failure_keeps_its_number(tmp_path: Path) -> None:
    def fails(part: Path) -> None:
        raise files.save_error(tmp_path / "inner", NO_SPACE)

    with pytest.raises(SaveError, match="outer could not .*inner could not be written: No space") as caught:
        write_whole(tmp_path / "outer", fails)
    assert disk_full(caught.value)


@pytest.mark.parametrize("error", [ValueError("x"), OSError("x"), OSError(errno.EACCES, "x"), SaveError("x")])
def test_other_errors_are_no_full_disk(error: Exception) -> None:
    assert not disk_full(error)


@pytest.mark.usefixtures("mask")
def test_permissions_are_those_of_any_new_file(way: Callable[[Path, bytes], None], tmp_path: Path) -> None:
    way(tmp_path / "file", b"x")
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


@pytest.mark.usefixtures("mask")
def test_a_library_that_makes_a_private_file_of_its_own_changes_no_permissions(tmp_path: Path) -> None:
    def private(part: Path) -> None:
        part.unlink()
        os.close(os.open(part, os.O_CREAT | os.O_WRONLY, 0o600))

    write_whole(tmp_path / "file", private)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


def test_several_may_write_one_file(tmp_path: Path) -> None:
    """Each has a partial file of its own: the one that stands is whole."""
    path = tmp_path / "file"

    def write(number: int) -> None:
        for _ in range(20):
            write_whole(path, bytes([number]) * 50_000)

    threads = [threading.Thread(target=write, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    data = path.read_bytes()
    assert len(data) == 50_000 and len(set(data)) == 1 and list(tmp_path.iterdir()) == [path]


def test_what_a_kill_leaves_is_known_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.npy"
    script = (
        "import os, signal, sys; from pathlib import Path; from common.files import whole_file\n"
        "with whole_file(Path(sys.argv[1])) as file: file.write(b'half'); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", script, str(path)]).returncode == -signal.SIGKILL
    (old,) = path.parent.iterdir()
    others = [path.parent / name for name in ("file.npy", "x.part", ".hidden.part", ".a.0123abcd.png")]
    for other in others:
        other.write_text("whole")
    assert partial_files_remove(tmp_path) == 0
    os.utime(old, (0, old.stat().st_mtime - PARTIAL_SECONDS - 1))
    for other in others:
        os.utime(other, (0, 0))
    assert partial_files_remove(tmp_path) == 1
    assert sorted(path.parent.iterdir()) == sorted(others)
    assert partial_files_remove(tmp_path / "absent") == 0


def test_a_whole_file_is_moved(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    move_whole(tmp_path / "a", tmp_path / "new" / "b")
    assert (tmp_path / "new" / "b").read_text() == "a" and not (tmp_path / "a").exists()
    with pytest.raises(SaveError, match="c could not be written: No such file or directory"):
        move_whole(tmp_path / "a", tmp_path / "c")


def test_text_is_written_as_utf8(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "Größe\n")
    assert (tmp_path / "file").read_bytes() == "Größe\n".encode()


def test_a_folder_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SaveError, match="could not be written: (Not a directory|File exists)"):
        write_whole(tmp_path / "file" / "inner", b"x")


# --- Several together ------------------------------------------------------------------------------------------------


def test_several_files_get_their_names_together_when_all_of_them_are_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["ab/1", "ab/2", "cd/3"]
    files = [write_unnamed(tmp_path / name, name.encode(), beside=tmp_path / "partial") for name in names]
    assert not any((tmp_path / name).exists() for name in names) and len(list((tmp_path / "partial").iterdir())) == 3
    steps: list[str] = []
    fsync, replace = os.fsync, os.replace

    def synced(descriptor: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def renamed(source: Path, target: Path) -> None:
        if not target.parent.exists():
            raise FileNotFoundError
        steps.append("name")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", renamed)
    assert names_give(files) == [None, None, None]
    assert steps == ["file"] * 3 + ["name"] * 3 + ["folder"] * 2
    assert [(tmp_path / name).read_text() for name in names] == names and not list((tmp_path / "partial").iterdir())


def test_one_of_several_that_fails_is_gone_and_the_others_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [write_unnamed(tmp_path / name, b"x", beside=tmp_path / "partial") for name in ("a", "b", "c")]
    fsync = os.fsync

    def full(descriptor: int) -> None:
        if descriptor == files[1].descriptor:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    errors = names_give(files)
    assert errors[0] is None and errors[2] is None and disk_full(errors[1] or ValueError())
    assert "b could not be written: No space left on device" in str(errors[1])
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["a", "c"]
    assert not list((tmp_path / "partial").iterdir())
    with pytest.raises(OSError):
        os.fstat(files[1].descriptor)


def test_a_write_of_one_of_several_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(SaveError, match="a could not be written: No space left on device"):
        write_unnamed(tmp_path / "a", b"x", beside=tmp_path / "partial")
    assert not list((tmp_path / "partial").iterdir())
