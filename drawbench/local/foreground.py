"""What runs while a person looks on: the web server, the worker, the demonstration. Ctrl-C ends all of it in order."""

import contextlib
import os
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

import psutil

from drawbench.local import services
from drawbench.local.address import HOST, address_noted, local_address
from drawbench.local.children import Child, end, ended_at_the_end, python, start
from drawbench.local.errors import LocalError
from drawbench.local.places import Places
from drawbench.local.supervise import Supervisor

START_PATIENCE = 60.0

WEB_PROCESSES = 2
WEB_THREADS = 8
"""A process; each thread keeps a database connection."""

RESPAWN = ("--respawn-failed-workers", "--respawn-interval", "1")
"""A web process that dies is replaced while the other goes on serving. The units and the image have the same."""

MEMORY_PER_WORKER = 2 * 1024**3
"""Bytes a worker process may come to need with torch and the cascade loaded."""


def serve(*, port: int, with_worker: bool) -> None:
    """Everything a local instance needs, until Ctrl-C. What ends by itself is started again.

    Raises LocalError (port in use, migration failed, a server that does not start).
    """
    _require_free(port)
    with _interruptible(), services.hold() as places, ended_at_the_end() as children:
        supervisor = Supervisor(places, children, _say)
        prepare(port)
        if with_worker:
            _add_worker(supervisor, places)
        _serve_on(supervisor, places, port)


def demo(arguments: Sequence[str], *, port: int, then_serve: bool) -> None:
    """Prepare the demonstration with a worker at hand, then serve it.

    Raises LocalError as `serve` does, and when the demonstration can't be prepared.
    """
    if then_serve:
        _require_free(port)
    with _interruptible(), services.hold() as places, ended_at_the_end() as children:
        supervisor = Supervisor(places, children, _say)
        prepare(port)
        _add_worker(supervisor, places)
        preparing = start([*python("manage.py"), "demo", "--base-url", local_address(port), *arguments])
        children.append(preparing)
        supervisor.watch(until=lambda: preparing.poll() is not None)
        if preparing.returncode != 0:
            raise LocalError(
                f"The demonstration is not ready (see above; the worker's log is {places.logs}/worker.log)."
            )
        children.remove(preparing)
        if then_serve:
            _serve_on(supervisor, places, port)


def worker(*, concurrency: int | None) -> None:
    """A worker alone, its log on the terminal, until Ctrl-C."""

    def begin() -> Child:
        return start(worker_command(concurrency), environment=worker_environment(concurrency))

    with _interruptible(), services.hold() as places, ended_at_the_end() as children:
        supervisor = Supervisor(places, children, _say)
        prepare()
        supervisor.add("The worker", begin(), begin, "above")
        supervisor.watch()


def prepare(port: int | None = None) -> None:
    """Migrations and static files. What follows in this process's environment is served on `port`."""
    if port is not None:
        os.environ.setdefault("DRAWBENCH_URL", local_address(port))
    with ended_at_the_end() as children:
        preparing = start(python("-m", "drawbench.local.prepare"))
        children.append(preparing)
        if preparing.wait() != 0:
            raise LocalError("Could not update the database or the static files (see above).")


def _serve_on(supervisor: Supervisor, places: Places, port: int) -> None:
    """The web server on `port` until Ctrl-C; other terminals find out where it serves."""

    def begin() -> Child:
        return _start_web(places, port)

    web = begin()
    supervisor.add("The web server", web, begin, str(places.logs / "web.log"))
    _wait_until_it_listens(web, places, port)
    with address_noted(places, port):
        _say(f"Serving {local_address(port)}/  (Ctrl-C stops; logs in {places.logs})")
        supervisor.watch()


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
        *python("-m", "celery", "-A", "drawbench", "worker", "--hostname", f"worker-{os.getpid()}@%h"),
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


def _add_worker(supervisor: Supervisor, places: Places) -> None:
    log = places.logs / "worker.log"

    def begin() -> Child:
        return start(worker_command(), environment=worker_environment(), log=log)

    supervisor.add("The worker", begin(), begin, str(log))


def _start_web(places: Places, port: int) -> Child:
    command = [
        *python("-m", "granian", "--interface", "wsgi", "--host", HOST, "--port", str(port)),
        *("--workers", str(WEB_PROCESSES), "--blocking-threads", str(WEB_THREADS), "--no-ws", "--log-level", "warning"),
        *RESPAWN,
        "drawbench.wsgi:application",
    ]
    return start(command, log=places.logs / "web.log")


def _wait_until_it_listens(web: Child, places: Places, port: int) -> None:
    deadline = time.monotonic() + START_PATIENCE
    while not _listens(port):
        if web.poll() is not None or time.monotonic() > deadline:
            end([web])
            raise LocalError(f"The web server does not start. Its log is {places.logs / 'web.log'}.")
        time.sleep(0.05)


def _require_free(port: int) -> None:
    if not 1 <= port <= 65535:
        raise LocalError(f"--port must be between 1 and 65535; got {port}.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError:
            raise LocalError(f"Only root may use port {port}. Choose one above 1023 with --port.") from None
        except OSError:
            raise LocalError(
                f"Port {port} is in use by another program (or another ./dev serve). Stop that one, or choose another "
                f"port: --port {port + 1 if port < 65535 else 8000}."
            ) from None


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
        return True
    return False


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
