"""Where a local instance is served: noted while it is, so that a command in another terminal prints the right links."""

import contextlib
import fcntl
from collections.abc import Iterator

from drawbench.local.places import Places

HOST = "127.0.0.1"
USUAL_PORT = 8000


def local_address(port: int = USUAL_PORT) -> str:
    """The address of a web server on this machine."""
    return f"http://{HOST}:{port}"


@contextlib.contextmanager
def address_noted(places: Places, port: int) -> Iterator[None]:
    """While the block runs, `served_address` knows of `port`. The note is locked: a killed server's counts no more."""
    places.served.mkdir(exist_ok=True)
    note = places.served / str(port)
    with note.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            note.unlink(missing_ok=True)


def served_address(places: Places) -> str:
    """Where the instance is served now (the newest address, if there are several); where none is, the usual address."""
    notes = [path for path in places.served.glob("*") if path.name.isdigit()] if places.served.is_dir() else []
    for note in sorted(notes, key=lambda path: path.stat().st_mtime, reverse=True):
        with contextlib.suppress(OSError), note.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return local_address(int(note.name))
    return local_address()
