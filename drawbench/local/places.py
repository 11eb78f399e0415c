"""Where an instance keeps its embedded servers: what they hold, their sockets, logs and locks."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from drawbench.places import instance_folder

SOCKET_PATH_LIMIT = 103
"""Longest path of a Unix socket in bytes: 107 on Linux, 103 on macOS; one limit for both."""

LONGEST_SOCKET_NAME = ".s.PGSQL.5432.lock"


@dataclass(frozen=True)
class Places:
    """The files and folders of one instance. Nothing is made by asking for them.

    var: the instance's folder.
    outside: where PostgreSQL lives instead of `var`, for root in a folder that `nobody` can't reach; None otherwise.
    sockets: the folder of both sockets: in `var` where the path is short enough, else in the system's temporary folder.
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
        """A copy of PostgreSQL's programs, made only for root whose virtual environment `nobody` can't reach."""
        return (self.outside or self.var) / "programs"

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
    def lock(self) -> Path:
        """Held while services are started or stopped."""
        return self.var / "local.lock"

    @property
    def lease(self) -> Path:
        """Held, shared, by everything that needs the services to stay up."""
        return self.var / "local.lease"

    @property
    def kept(self) -> Path:
        """Exists while `up` was asked for by a person: the services then outlive whoever uses them."""
        return self.var / "local.kept"


def places_of(var: Path | None = None) -> Places:
    """The places of the instance in `var`; without it, of the one that `DRAWBENCH_VAR` names, or the checkout's own."""
    folder = instance_folder(var)
    noted = outside_note(folder)
    outside = Path(noted.read_text().strip()) if noted.is_file() else None
    return Places(var=folder, outside=outside, sockets=_sockets(outside or folder))


def outside_note(var: Path) -> Path:
    """The file in `var` that names the folder outside, once one was needed."""
    return var / "postgres.place"


def short_name(folder: Path) -> str:
    """A name for `folder` that is short, the same on every call, and not another folder's."""
    return f"drawbench-{os.getuid()}-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]}"


def _sockets(base: Path) -> Path:
    wanted = base / "run"
    if len(os.fsencode(wanted / LONGEST_SOCKET_NAME)) <= SOCKET_PATH_LIMIT:
        return wanted
    return Path(tempfile.gettempdir()) / short_name(base)
