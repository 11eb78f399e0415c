"""The embedded PostgreSQL: made once, started, found again, stopped."""

import os
import shutil
import signal
import time
from pathlib import Path

import psycopg2

from drawbench.local.binaries import postgres_programs
from drawbench.local.errors import LocalError
from drawbench.local.places import Places
from drawbench.local.processes import Account, end, is_running, postgres_account, run_as, spawn, tail

USER = "drawbench"
DATABASE = "drawbench"
PATIENCE = 60.0
"""Seconds to wait for a start: a cluster that was killed replays its log first."""

# One instance serves one machine's web process and workers. Connections: web threads + worker processes + tests.
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "log_min_messages": "warning",
    "timezone": "UTC",
    "log_timezone": "UTC",
}

# For tests alone: what is written need not survive a power cut.
FAST_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def answers(places: Places) -> bool:
    """Whether the server takes a connection now."""
    try:
        _connect(places, "postgres").close()
    except psycopg2.OperationalError:
        return False
    return True


def process_id(places: Places) -> int | None:
    """The running postmaster of this data folder, or None."""
    try:
        pid = int(places.postgres_pid.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    return pid if is_running(pid, str(places.cluster)) else None


def start(places: Places, *, fast: bool = False) -> None:
    """Make the data folder if there is none, start the server, make the database. Does nothing where all that is done.

    fast: trade durability for speed (tests).

    Raises LocalError when the server can't be made or started; the message holds the log's last lines.
    """
    if not answers(places):
        account = postgres_account()
        programs, version = postgres_programs(places, account)
        if not places.cluster.exists():
            _make_cluster(places, programs, version, account, fast=fast)
        _check_version(places, version)
        if process_id(places) is not None:
            _wait_for(places)
        else:
            _launch(places, programs / "postgres", account, SETTINGS | (FAST_SETTINGS if fast else {}))
    _make_database(places)


def stop(places: Places) -> bool:
    """Stop the server, rolling back what is under way. True if one was running."""
    pid = process_id(places)
    if pid is None:
        return False
    # Interrupt means: roll back what is under way and go.
    if not end(pid, str(places.cluster), [(signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 5.0)]):
        raise LocalError(f"PostgreSQL (process {pid}) does not stop. Its log is {places.postgres_log}.")
    return True


def _make_cluster(places: Places, programs: Path, version: int, account: Account, *, fast: bool) -> None:
    """initdb beside the final place and a rename: an interrupted one leaves nothing that looks finished."""
    partial = places.cluster.with_name("postgres.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700, parents=True)
    os.chown(partial, account.uid, account.gid)
    # Text sorts and folds the same on every machine. Trust: the socket's folder is open to us alone; there is no port.
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if version >= 17 else []
    command: list[str | Path] = [
        programs / "initdb",
        "-D",
        partial,
        "-U",
        USER,
        "-E",
        "UTF8",
        "--locale=C",
        *locale,
        "-A",
        "trust",
    ]
    if fast:
        command.append("--no-sync")
    made = run_as(command, account)
    if made.returncode != 0:
        shutil.rmtree(partial, ignore_errors=True)
        raise LocalError(f"PostgreSQL could not create its data folder {places.cluster}:\n{made.stderr.strip()}")
    partial.rename(places.cluster)


def _check_version(places: Places, version: int) -> None:
    try:
        made_by = (places.cluster / "PG_VERSION").read_text().strip()
    except OSError as error:
        raise LocalError(
            f"{places.cluster} exists, but is not a PostgreSQL data folder ({error.strerror}). Move it away."
        ) from None
    if made_by != str(version):
        raise LocalError(
            f"The data in {places.cluster} was made by PostgreSQL {made_by}, and {version} is installed. Either name "
            f"the folder of version {made_by}'s programs in DRAWBENCH_POSTGRES_BIN, dump the database there and "
            "load it here (docs/deployment.md, Upgrades), or move the folder away to begin with an empty database."
        )


def _launch(places: Places, program: Path, account: Account, settings: dict[str, str]) -> None:
    command: list[str | Path] = [program, "-D", places.cluster, "-k", places.sockets]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    deadline = time.monotonic() + PATIENCE
    while True:
        _forget_dead_server(places)
        said_before = places.postgres_log.stat().st_size if places.postgres_log.exists() else 0
        process = spawn(command, account=account, log=places.postgres_log)
        while process.poll() is None and time.monotonic() < deadline:
            if answers(places):
                return
            time.sleep(0.02)
        said = _said_since(places.postgres_log, said_before)
        # A killed server's children hold its shared memory until they notice: that passes within seconds.
        passing = "shared memory block" in said or "lock file" in said
        if not passing or time.monotonic() > deadline:
            raise LocalError(_why_not(places, process.returncode))
        time.sleep(0.2)


def _forget_dead_server(places: Places) -> None:
    """Take a dead server's marks away, where PostgreSQL itself would take a zombie or a stranger for a living server.

    Only the process id in postmaster.pid is replaced, by our own, which PostgreSQL (our child) knows to be no rival;
    the shared-memory key in the same file stays, so its own check that no old backend is left still holds.
    """
    pid_file = places.postgres_pid
    if pid_file.exists():
        _, _, rest = pid_file.read_text().partition("\n")
        with pid_file.open("r+") as file:  # Keeps the owner, which a new file would not.
            file.write(f"{os.getpid()}\n{rest}")
            file.truncate()
    for socket in places.sockets.glob(".s.PGSQL.5432*"):
        socket.unlink(missing_ok=True)


def _wait_for(places: Places) -> None:
    deadline = time.monotonic() + PATIENCE
    while not answers(places):
        if time.monotonic() > deadline or process_id(places) is None:
            raise LocalError(_why_not(places, None))
        time.sleep(0.05)


def _why_not(places: Places, status: int | None) -> str:
    ended = "does not respond" if status is None else f"ended with status {status}"
    return f"PostgreSQL {ended}. The last lines of {places.postgres_log}:\n{tail(places.postgres_log)}"


def _said_since(log: Path, position: int) -> str:
    with log.open("rb") as file:
        file.seek(position)
        return file.read().decode(errors="replace")


def _make_database(places: Places) -> None:
    connection = _connect(places, "postgres")
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
            if cursor.fetchone() is None:
                cursor.execute(f"CREATE DATABASE {DATABASE}")
    finally:
        connection.close()


def _connect(places: Places, database: str) -> "psycopg2.extensions.connection":
    return psycopg2.connect(host=str(places.sockets), port=5432, user=USER, dbname=database, connect_timeout=5)
