"""Where an instance keeps its embedded servers: what they hold, their sockets, logs, notes and locks."""

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from drawbench.places import instance_folder, secret_key_file

SOCKET_PATH_LIMIT = 103
"""Longest path of a Unix socket in bytes: 107 on Linux, 103 on macOS; one limit for both."""

READ_AS_MORE = re.compile(r"[,;%?#\x00-\x1f\x7f]")
"""Characters of a path that mean something else in PostgreSQL's list of folders or in the broker's and cache's URL."""

EXPANDED = re.compile(r'[$`"\\\n]')
"""Characters that a shell expands between double quotes, as initdb gives its own path to one."""

LONGEST_SOCKET_NAME = ".s.PGSQL.5432.lock"


@dataclass(frozen=True)
class Places:
    """The files and folders of one instance. Nothing is made by asking for them.

    var: the instance's folder.
    outside: where PostgreSQL lives instead of `var`, for root in a folder that `nobody` can't reach; None otherwise.
    sockets: the folder of both sockets: in `var` where its path can be a socket's, else in a temporary folder, noted in
        `var` so that commands with another TMPDIR find it.
    """

    var: Path
    outside: Path | None
    sockets: Path

    @property
    def cluster(self) -> Path:
        """PostgreSQL's data folder."""
        return (self.outside or self.var) / "postgres"

    @property
    def postgres_pid(self) -> Path:
        """Where the running PostgreSQL writes its process id."""
        return self.cluster / "postmaster.pid"

    @property
    def programs(self) -> Path:
        """A copy of PostgreSQL's programs, made where they can't be run from where they are (see `binaries`)."""
        inside = (self.outside or self.var) / "programs"
        return Path("/var/tmp") / f"{short_name(self.var)}-programs" if EXPANDED.search(str(inside)) else inside

    @property
    def valkey(self) -> Path:
        """Valkey's data folder."""
        return self.var / "valkey"

    @property
    def valkey_pid(self) -> Path:
        return self.valkey / "valkey.pid"

    @property
    def valkey_socket(self) -> Path:
        return self.sockets / "valkey.sock"

    def web_socket(self, port: int) -> Path:
        """Where the web server that is served on `port` listens behind its front."""
        return self.sockets / f"web-{port}.sock"

    def front(self, port: int) -> Path:
        """What the front on `port` needs: its configuration and its temporary files. Made anew at every start."""
        return self.sockets / f"front-{port}"

    def drawing_wish(self, process: int) -> Path:
        """The file by which workers ask whoever started them, a process, for what they need to draw."""
        return self.sockets / f"drawing-{process}"

    @property
    def logs(self) -> Path:
        return self.var / "log"

    @property
    def postgres_log(self) -> Path:
        return self.logs / "postgres.log"

    @property
    def valkey_log(self) -> Path:
        return self.logs / "valkey.log"

    @property
    def secret_key(self) -> Path:
        """What signs sessions and invitations."""
        return secret_key_file(self.var)

    @property
    def lock(self) -> Path:
        """Held while services are started or stopped."""
        return self.var / "local.lock"

    @property
    def lease(self) -> Path:
        """Held, shared, by everything that needs the services to stay up."""
        return self.var / "local.lease"

    @property
    def served(self) -> Path:
        """A file for each port on which the instance is served now, named after it."""
        return self.var / "served"

    @property
    def stopped(self) -> Path:
        """Exists once a person stopped the services although they were in use: no supervisor starts them again."""
        return self.var / "local.stopped"

    @property
    def kept(self) -> Path:
        """Exists while `up` was asked for by a person: the services then outlive whoever uses them."""
        return self.var / "local.kept"


def places_of(var: Path | None = None) -> Places:
    """The places of the instance in `var`; without it, of the one that `DRAWBENCH_VAR` names, or the checkout's own."""
    folder = instance_folder(var)
    outside = _noted(outside_note(folder))
    sockets = _noted(sockets_note(folder))
    if sockets is None or not sockets.is_dir():  # a temporary folder may have been cleared
        sockets = _sockets(outside or folder)
    return Places(var=folder, outside=outside, sockets=sockets)


def outside_note(var: Path) -> Path:
    """The file in `var` that names the folder outside, once one was needed."""
    return var / "postgres.place"


def sockets_note(var: Path) -> Path:
    """The file in `var` that names the folder of the sockets, where it is not in `var`."""
    return var / "sockets.place"


def _noted(note: Path) -> Path | None:
    return Path(note.read_text().strip()) if note.is_file() else None


def short_name(folder: Path) -> str:
    """A name for `folder` that is short, the same on every call, and not another folder's."""
    return f"drawbench-{os.getuid()}-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]}"


def _sockets(base: Path) -> Path:
    wanted = base / "run"
    if _can_hold_sockets(wanted):
        return wanted
    temporary = Path(tempfile.gettempdir()) / short_name(base)
    return temporary if _can_hold_sockets(temporary) else Path("/tmp") / short_name(base)


def _can_hold_sockets(folder: Path) -> bool:
    path = folder / LONGEST_SOCKET_NAME
    return len(os.fsencode(path)) <= SOCKET_PATH_LIMIT and not READ_AS_MORE.search(str(path))
