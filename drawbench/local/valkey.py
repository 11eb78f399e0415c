"""The embedded Valkey: the broker between the web process and the workers."""

import signal
import time

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from drawbench.local.binaries import valkey_program
from drawbench.local.errors import LocalError
from drawbench.local.places import Places
from drawbench.local.processes import end, is_running, spawn, tail

PATIENCE = 30.0
"""Seconds to wait for a start: Valkey reads its append-only file first."""


def answers(places: Places) -> bool:
    """Whether the server takes commands now (False while it still loads its data)."""
    # Without retries: by default the client waits some seconds for a server that isn't there.
    client = redis.Redis(unix_socket_path=str(places.valkey_socket), socket_timeout=5, retry=Retry(NoBackoff(), 0))
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def process_id(places: Places) -> int | None:
    """The running server of this data folder, or None."""
    try:
        pid = int(places.valkey_pid.read_text())
    except (OSError, ValueError):
        return None
    # By the folder that it works in: its command line names the socket alone, and that may have been elsewhere.
    return pid if is_running(pid, str(places.valkey.resolve())) else None


def start(places: Places) -> None:
    """Start the server, or wait for the one that is starting. Does nothing where one answers.

    Raises LocalError when it can't be started; the message holds the log's last lines.
    """
    if answers(places):
        return
    process = None
    if process_id(places) is None:
        places.valkey.mkdir(mode=0o700, exist_ok=True)
        process = spawn(
            [
                valkey_program(),
                *("--port", "0"),
                *("--databases", "64"),  # Tests give each of their processes one of its own.
                *("--unixsocket", str(places.valkey_socket)),
                *("--unixsocketperm", "700"),
                *("--dir", str(places.valkey)),
                *("--pidfile", str(places.valkey_pid)),
                # Every queued task is on disk within a second, and none is dropped for want of memory.
                *("--appendonly", "yes"),
                *("--maxmemory-policy", "noeviction"),
                *("--save", ""),
            ],
            log=places.valkey_log,
        )
    deadline = time.monotonic() + PATIENCE
    while not answers(places):
        ended = process is not None and process.poll() is not None
        if ended or time.monotonic() > deadline:
            said = tail(places.valkey_log)
            raise LocalError(f"Valkey does not start. The last lines of {places.valkey_log}:\n{said}")
        time.sleep(0.02)


def stop(places: Places) -> bool:
    """Stop the server once its data is on disk. True if one was running."""
    pid = process_id(places)
    if pid is None:
        return False
    if not end(pid, str(places.valkey.resolve()), [(signal.SIGTERM, 20.0), (signal.SIGKILL, 5.0)]):
        raise LocalError(f"Valkey (process {pid}) does not stop. Its log is {places.valkey_log}.")
    return True
