"""The use cases: bring the two servers up, take them down, say how they are, hold them up while needed."""

import contextlib
import errno
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from common.files import disk_full
from drawbench.local import postgres, valkey
from drawbench.local.errors import LocalError
from drawbench.local.owner import refuse_another_user
from drawbench.local.places import Places, outside_note, places_of, short_name, sockets_note
from drawbench.local.processes import postgres_account, reaches

ROOM_NEEDED = 200 * 1024 * 1024
"""Bytes that must be free before a start: an empty cluster takes 40 MB and its log up to 80 MB more."""

LOCK_PATIENCE = 180.0


@dataclass(frozen=True)
class Status:
    """How one server is: its process id (None: not running), and whether it answers."""

    name: str
    pid: int | None
    answers: bool
    place: Path


def up(places: Places | None = None, *, fast: bool = False) -> Places:
    """Start whatever of the two is not running. Safe to call again and from several processes at once.

    fast: PostgreSQL without durability, for tests.

    Raises LocalError with a message for the terminal.
    """
    places = places or places_of()
    with _plainly(places), _locked(_prepared(places)):
        places = places_of(places.var)  # The folder outside may have been chosen meanwhile.
        # Whoever names a server of their own is not given another.
        if not os.environ.get("DRAWBENCH_DATABASE"):
            postgres.start(places, fast=fast)
        if not os.environ.get("DRAWBENCH_BROKER"):
            valkey.start(places)
    return places


def down(places: Places | None = None, *, even_if_used: bool = False) -> list[str]:
    """Stop both; the names of those that were running.

    Raises LocalError while a web server, worker or test run still uses them, unless even_if_used.
    """
    places = places or places_of()
    if not places.var.is_dir():
        return []
    refuse_another_user(places)
    with _plainly(places), _locked(places):
        if not even_if_used and _is_leased(places):
            raise LocalError(
                f"The services in {places.var} are in use (by ./dev serve, worker, demo or test). Stop those "
                "first with Ctrl-C, or run ./dev stop --force."
            )
        places.kept.unlink(missing_ok=True)
        if _is_leased(places):
            places.stopped.touch()
        return _stop_both(places)


def status(places: Places | None = None) -> list[Status]:
    """How the two are now. Starts nothing."""
    places = places or places_of()
    return [
        Status("PostgreSQL", postgres.process_id(places), postgres.answers(places), places.cluster),
        Status("Valkey", valkey.process_id(places), valkey.answers(places), places.valkey),
    ]


def gone(places: Places) -> list[str]:
    """The names of the embedded servers that should run and do not. Cheap: it looks for their processes."""
    ours = [
        ("PostgreSQL", "DRAWBENCH_DATABASE", postgres.process_id),
        ("Valkey", "DRAWBENCH_BROKER", valkey.process_id),
    ]
    return [name for name, elsewhere, find in ours if not os.environ.get(elsewhere) and find(places) is None]


def keep(places: Places) -> None:
    """Let the services outlive whoever holds them, until `down`."""
    places.kept.touch()


@contextlib.contextmanager
def hold(places: Places | None = None, *, fast: bool = False) -> Iterator[Places]:
    """The services are up while the block runs. The last to leave stops them, unless a person asked to keep them.

    The hold is a lock on a file, so a holder that is killed lets go of it as well.
    """
    places = _prepared(places or places_of())
    with places.lease.open("a") as lease:
        fcntl.flock(lease, fcntl.LOCK_SH)
        try:
            places.stopped.unlink(missing_ok=True)
            yield up(places, fast=fast)
        finally:
            fcntl.flock(lease, fcntl.LOCK_UN)
            places = places_of(places.var)
            with _locked(places):
                if not places.kept.exists() and not _is_leased(places):
                    _stop_both(places)


def remove(places: Places) -> None:
    """Stop both and delete everything the instance has. For instances made for a test run."""
    down(places, even_if_used=True)
    for folder in (places.var, places.outside, places.sockets, places.programs):
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _stop_both(places: Places) -> list[str]:
    stops: list[tuple[str, Callable[[Places], bool]]] = [("PostgreSQL", postgres.stop), ("Valkey", valkey.stop)]
    return [name for name, stop in stops if stop(places)]


def _prepared(places: Places) -> Places:
    """The instance with its folders made, each with the owner and mode its server asks for."""
    refuse_another_user(places)
    with _plainly(places):
        for folder in (places.var, places.logs):
            folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(places.var).free
        if free < ROOM_NEEDED and not postgres.answers(places):
            raise LocalError(
                f"Only {free // 2**20} MB are free on the disk of {places.var}; {ROOM_NEEDED // 2**20} MB are needed. "
                "Free some space, or name a folder on another disk in DRAWBENCH_VAR."
            )
        account = postgres_account()
        if places.outside is None and not account.is_self and not reaches(account, places.var):
            outside = Path("/var/tmp") / short_name(places.var)
            _make_private(outside, mode=0o755)
            outside_note(places.var).write_text(f"{outside}\n")
            places = places_of(places.var)
        elif places.outside is not None:
            _make_private(places.outside, mode=0o755)
        _make_private(places.sockets, mode=0o700, owner=(account.uid, account.gid))
        if places.sockets.parent != (places.outside or places.var):
            sockets_note(places.var).write_text(f"{places.sockets}\n")
        else:
            sockets_note(places.var).unlink(missing_ok=True)
        if not reaches(account, places.sockets):
            raise LocalError(
                f"User `{account.name}`, as whom PostgreSQL must run, can't enter {places.sockets}. Open the folders "
                "above it (chmod o+x), or name another folder in DRAWBENCH_VAR."
            )
    return places


def _make_private(folder: Path, *, mode: int, owner: tuple[int, int] | None = None) -> None:
    """Make a folder that may lie in a shared temporary place, and refuse one that somebody else has put there."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=mode, parents=True)
        folder.chmod(mode)
        if owner:
            os.chown(folder, *owner)
    found = folder.lstat()
    if (
        folder.is_symlink()
        or not folder.is_dir()
        or found.st_uid not in {os.geteuid(), owner[0] if owner else os.geteuid()}
    ):
        raise LocalError(
            f"{folder} belongs to another user or is not a folder. Remove it, or choose another DRAWBENCH_VAR."
        )
    if owner and found.st_uid != owner[0]:
        os.chown(folder, *owner)


@contextlib.contextmanager
def _locked(places: Places) -> Iterator[None]:
    """One start or stop at a time, across processes."""
    with places.lock.open("a") as lock:
        deadline = time.monotonic() + LOCK_PATIENCE
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise LocalError(
                        f"Another process has been starting or stopping the services in {places.var} for "
                        f"{LOCK_PATIENCE:.0f} seconds. Wait for it or end it; `fuser {places.lock}` names it."
                    ) from None
                time.sleep(0.05)
        yield


def _is_leased(places: Places) -> bool:
    with places.lease.open("a") as lease:
        try:
            fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


@contextlib.contextmanager
def _plainly(places: Places) -> Iterator[None]:
    """The operating system's refusals as sentences."""
    try:
        yield
    except OSError as error:
        if disk_full(error):
            told = (
                f"The disk of {places.var} is full. Free some space, or name a folder on another disk in DRAWBENCH_VAR."
            )
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            told = (
                f"{error.filename or places.var} can't be written ({error.strerror}). Give yourself permission for "
                f"{places.var}, or name another folder in DRAWBENCH_VAR."
            )
        elif error.errno in (errno.EEXIST, errno.ENOTDIR):
            told = f"{error.filename} is in the way of a folder. Move it, or change DRAWBENCH_VAR."
        else:
            raise
        raise LocalError(told) from error
