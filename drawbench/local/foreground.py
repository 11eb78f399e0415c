"""What runs while a person looks on: the web server, the worker, the demonstration. Ctrl-C ends all of it in order."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType

import psutil

from common.places import CHECKOUT
from drawbench.local import services
from drawbench.local.errors import LocalError
from drawbench.local.places import Places

HOST = "127.0.0.1"
START_PATIENCE = 60.0
STOP_PATIENCE = 20.0

WEB_PROCESSES = 2
WEB_THREADS = 8
"""A process; each thread keeps a database connection."""

MEMORY_PER_WORKER = 2 * 1024**3
"""Bytes a worker process may come to need with torch and the cascade loaded."""


def serve(*, port: int, with_worker: bool) -> None:
    """Everything a local instance needs, until Ctrl-C or until a part of it ends by itself.

    Raises LocalError (port in use, migration failed, a server that does not start).
    """
    _require_free(port)
    with _interruptible(), services.held() as places, _children() as children:
        prepare(port)
        if with_worker:
            children.append(_start_worker(places))
        children.append(_start_web(places, port))
        _say(f"Serving http://{HOST}:{port}/  (Ctrl-C stops; logs in {places.logs})")
        _wait_for_first_end(children)


def demo(arguments: Sequence[str], *, port: int, then_serve: bool) -> None:
    """Prepare the demonstration with a worker at hand, then serve it.

    Raises LocalError as `serve` does, and when the demonstration can't be prepared.
    """
    if then_serve:
        _require_free(port)
    with _interruptible(), services.held() as places, _children() as children:
        prepare(port)
        children.append(_start_worker(places))
        preparing = _start([*_python("manage.py"), "demo", "--base-url", f"http://{HOST}:{port}", *arguments])
        children.append(preparing)
        if preparing.wait() != 0:
            raise LocalError(
                f"The demonstration is not ready (see above; the worker's log is {places.logs}/worker.log)."
            )
        children.remove(preparing)
        if then_serve:
            children.append(_start_web(places, port))
            _say(f"Serving http://{HOST}:{port}/  (Ctrl-C stops; logs in {places.logs})")
            _wait_for_first_end(children)


def worker(*, concurrency: int | None) -> None:
    """A worker alone, its log on the terminal, until Ctrl-C."""
    with _interruptible(), services.held(), _children() as children:
        prepare()
        children.append(_start(worker_command(concurrency), environment=worker_environment(concurrency)))
        _wait_for_first_end(children)


def prepare(port: int = 8000) -> None:
    """Migrations and static files, for what follows in this process's environment."""
    os.environ.setdefault("DRAWBENCH_URL", f"http://{HOST}:{port}")
    with _children() as children:
        preparing = _start(_python("-m", "drawbench.local.prepare"))
        children.append(preparing)
        if preparing.wait() != 0:
            raise LocalError("The database or the static files could not be brought up to date (see above).")


def worker_concurrency() -> int:
    """Processes of a worker here: a core each, as far as memory goes; two where a GPU does the arithmetic."""
    if Path("/dev/nvidia0").exists():
        return 2
    by_memory = psutil.virtual_memory().total // MEMORY_PER_WORKER
    return int(max(1, min(cores(), by_memory, 8)))


def worker_command(concurrency: int | None = None) -> list[str]:
    """The command line of a Celery worker. Prefetch and acknowledgement are in the settings.

    Its name is its own even where several run on one machine: a worker that starts asks whether there are others.
    """
    processes = concurrency or worker_concurrency()
    return [
        *_python("-m", "celery", "-A", "drawbench", "worker", "--hostname", f"worker-{os.getpid()}@%h"),
        *("--concurrency", str(processes), "--loglevel", "INFO", "--without-gossip", "--without-mingle"),
    ]


def worker_environment(concurrency: int | None = None) -> dict[str, str]:
    """Each process gets its share of the cores: torch would otherwise start a thread a core in every one of them."""
    threads = str(max(1, cores() // (concurrency or worker_concurrency())))
    return {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _start_worker(places: Places) -> subprocess.Popen[bytes]:
    return _start(worker_command(), environment=worker_environment(), log=places.logs / "worker.log")


def _start_web(places: Places, port: int) -> subprocess.Popen[bytes]:
    """Start granian and wait until it answers."""
    log = places.logs / "web.log"
    command = [
        *_python("-m", "granian", "--interface", "wsgi", "--host", HOST, "--port", str(port)),
        *("--workers", str(WEB_PROCESSES), "--blocking-threads", str(WEB_THREADS), "--no-ws", "--log-level", "warning"),
        "drawbench.wsgi:application",
    ]
    web = _start(command, log=log)
    deadline = time.monotonic() + START_PATIENCE
    while not _listens(port):
        if web.poll() is not None or time.monotonic() > deadline:
            _end([web])
            raise LocalError(f"The web server does not start. Its log is {log}.")
        time.sleep(0.05)
    return web


def _require_free(port: int) -> None:
    if not 1 <= port <= 65535:
        raise LocalError(f"--port {port}: a port is a number from 1 to 65535.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError:
            raise LocalError(f"Port {port} may be used by root alone. Choose one above 1023 with --port.") from None
        except OSError:
            raise LocalError(
                f"Port {port} is in use by another program (or another ./dev serve). Stop that one, or choose another "
                f"port: --port {port + 1 if port < 65535 else 8000}."
            ) from None


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
        return True
    return False


def _python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]


def _start(
    command: Sequence[str], *, environment: Mapping[str, str] | None = None, log: Path | None = None
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, so that Ctrl-C reaches us alone and we end the children in order."""
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(log.open("ab")) if log else None
        return subprocess.Popen(
            command,
            cwd=CHECKOUT,
            env=os.environ | (environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if output else None,
            start_new_session=True,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )


def _die_with_parent() -> None:
    """In the child: ask the kernel for a SIGTERM when we are killed (prctl PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


@contextlib.contextmanager
def _children() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Whatever is in the list when the block ends is ended, the last started first."""
    children: list[subprocess.Popen[bytes]] = []
    try:
        yield children
    finally:
        _end(children[::-1])


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is None:
            process.terminate()
    deadline = time.monotonic() + STOP_PATIENCE
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.1, deadline - time.monotonic()))
        # The whole session: a worker's pool must not outlive the worker.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_for_first_end(children: Sequence[subprocess.Popen[bytes]]) -> None:
    while True:
        for process in children:
            if process.poll() is not None:
                raise LocalError(f"A part of the platform ended with status {process.returncode}; see its log.")
        time.sleep(0.2)


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Whoever asks for the end, the system or a closed terminal, is answered as Ctrl-C is."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    # SIGINT as well: a shell's background jobs start with it ignored. An ignored SIGHUP is nohup's, and stays.
    wanted = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        wanted.append(signal.SIGHUP)
    before = {number: signal.signal(number, interrupt) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say(line: str) -> None:
    print(line, flush=True)
