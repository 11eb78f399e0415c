"""What runs while a person looks on: the web server, the worker, the demonstration. Ctrl-C ends all of it in order."""

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType

import psutil

from common.commands import FAILED, SUCCESS
from common.drawing import INSTALL_DRAWING, drawing_is_there
from drawbench.local import services
from drawbench.local.address import HOST, address_noted, local_address
from drawbench.local.binaries import nginx_program
from drawbench.local.children import Child, end, ended_at_the_end, python, start
from drawbench.local.drawing import DrawingInstaller, install_drawing
from drawbench.local.errors import LocalError
from drawbench.local.front import PROXIES, declared_proxies, front_command, front_prepare, web_socket_mode
from drawbench.local.places import Places
from drawbench.local.supervise import Supervisor

START_PATIENCE = 60.0

WEB_PROCESSES = 2
WEB_THREADS = 8
"""A process; each thread keeps a database connection."""

WEB_FLAGS = (
    *("--interface", "wsgi", "--workers", str(WEB_PROCESSES), "--blocking-threads", str(WEB_THREADS), "--no-ws"),
    # Waiting connections cost next to nothing. By default, half of all newcomers waited without end behind a thousand.
    *("--backlog", "4096", "--backpressure", "4096"),
    # A web process that dies is replaced while the other goes on serving.
    *("--respawn-failed-workers", "--respawn-interval", "1"),
)
"""How granian serves, here and in the unit and the image of deploy/, which a test holds to it."""

SERVING = "Serving {address}/  (Ctrl-C stops; logs in {logs})"

NO_FRONT = (
    "No nginx was found for this platform, so the web server stands alone, and whoever sends slowly holds one of its "
    "threads: install nginx before you let strangers in."
)

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
            _add_worker(supervisor, places, children)
        _serve_on(supervisor, places, port)


def demo(arguments: Sequence[str], *, port: int, then_serve: bool) -> None:
    """The demonstration, served as soon as people can rate; a worker then makes what is still missing of it.

    Without `then_serve` it ends when all of it is there. Raises LocalError as `serve` does, and when the demonstration
    can't be prepared.
    """
    if then_serve:
        _require_free(port)
    with _interruptible(), services.hold() as places, ended_at_the_end() as children:
        supervisor = Supervisor(places, children, _say)
        prepare(port)
        command = [*python("manage.py"), "demo", "--base-url", local_address(port), *arguments]
        beginning = start([*command, "--begin"])
        children.append(beginning)
        if then_serve:  # meanwhile
            _start_serving(supervisor, places, port)
        can_be_rated = _ended(supervisor, children, beginning, places) == SUCCESS
        if then_serve and can_be_rated:
            _say(SERVING.format(address=local_address(port), logs=places.logs))
        with address_noted(places, port) if then_serve else contextlib.nullcontext():
            if not drawing_is_there():
                _install_drawing(supervisor, children)
            _add_worker(supervisor, places, children)
            rest = start(command)
            children.append(rest)
            _ended(supervisor, children, rest, places)
            if then_serve:
                if not can_be_rated:
                    _say(SERVING.format(address=local_address(port), logs=places.logs))
                supervisor.watch()


def _ended(supervisor: Supervisor, children: list[Child], preparing: Child, places: Places) -> int:
    """The exit code of `manage.py demo`, 0 or 1, while everything else is watched over.

    Raises LocalError: it could not do its work.
    """
    supervisor.watch(until=lambda: preparing.poll() is not None)
    if preparing.returncode not in (SUCCESS, FAILED):
        raise LocalError(f"The demonstration is not ready (see above; the worker's log is {places.logs}/worker.log).")
    children.remove(preparing)
    return preparing.returncode


def _install_drawing(supervisor: Supervisor, children: list[Child]) -> None:
    """Install what draws, while everything else is watched over.

    Raises LocalError: it can't be installed.
    """
    installing = install_drawing()
    children.append(installing)
    supervisor.watch(until=lambda: installing.poll() is not None)
    if installing.returncode != SUCCESS:
        raise LocalError(f"What draws and scores could not be installed (see above). To try again: {INSTALL_DRAWING}")
    children.remove(installing)


def study(arguments: Sequence[str]) -> int:
    """`manage.py study` beside the services that it needs; its exit code."""
    with _interruptible(), services.hold(), ended_at_the_end() as children:
        prepare()
        running = start([*python("manage.py"), "study", *arguments])
        children.append(running)
        return running.wait()


def worker(*, concurrency: int | None) -> None:
    """A worker alone, its log on the terminal, until Ctrl-C."""

    with _interruptible(), services.hold() as places, ended_at_the_end() as children:
        supervisor = Supervisor(places, children, _say)
        wishes = _installer(supervisor, places, children)

        def begin() -> Child:
            return start(worker_command(concurrency), environment=worker_environment(concurrency) | wishes)

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
    """The web server on `port`, and its front, until Ctrl-C; other terminals find out where it serves."""
    _start_serving(supervisor, places, port)
    with address_noted(places, port):
        _say(SERVING.format(address=local_address(port), logs=places.logs))
        supervisor.watch()


def _start_serving(supervisor: Supervisor, places: Places, port: int) -> None:
    """The web server on `port`, and its front, taking connections."""
    nginx = nginx_program()
    if nginx is None:
        _say(NO_FRONT)
        _add_server(supervisor, "web server", places.logs / "web.log", lambda log: _start_web(port, log), port)
        return
    socket_path = places.web_socket(port)
    proxies = declared_proxies()

    def begin_web(log: Path) -> Child:
        return _start_web(socket_path, log, {PROXIES: str(proxies + 1)})

    def begin_front(log: Path) -> Child:
        front_prepare(nginx, places, port, proxies=proxies)
        return start(front_command(nginx, places, port), log=log, folder=places.sockets)

    _add_server(supervisor, "web server", places.logs / "web.log", begin_web, socket_path)
    _add_server(supervisor, "front", places.logs / "front.log", begin_front, port)


def _add_server(
    supervisor: Supervisor, name: str, log: Path, begin: Callable[[Path], Child], address: int | Path
) -> None:
    """Start a server, watch over it, and wait until it takes connections at `address`."""
    server = begin(log)
    supervisor.add(f"The {name}", server, lambda: begin(log), str(log))
    deadline = time.monotonic() + START_PATIENCE
    while not _listens(address):
        if server.poll() is not None or time.monotonic() > deadline:
            end([server])
            raise LocalError(f"The {name} does not start. Its log is {log}.")
        time.sleep(0.05)


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


def _add_worker(supervisor: Supervisor, places: Places, children: list[Child]) -> None:
    log = places.logs / "worker.log"
    wishes = _installer(supervisor, places, children)

    def begin() -> Child:
        return start(worker_command(), environment=worker_environment() | wishes, log=log)

    supervisor.add("The worker", begin(), begin, str(log))


def _installer(supervisor: Supervisor, places: Places, children: list[Child]) -> dict[str, str]:
    """Watch for a worker of ours that needs what is not installed; its environment."""
    installer = DrawingInstaller(places.drawing_wish(os.getpid()), children, _say)
    supervisor.also(installer.look)
    return installer.environment()


def _start_web(address: int | Path, log: Path, environment: Mapping[str, str] | None = None) -> Child:
    """granian at a port, or at a socket behind the front."""
    if isinstance(address, Path):
        address.unlink(missing_ok=True)
        where = ("--uds", str(address), "--uds-permissions", web_socket_mode())
    else:
        where = ("--host", HOST, "--port", str(address))
    command = [
        *python("-m", "granian", *where, *WEB_FLAGS, "--log-level", "warning"),
        "drawbench.wsgi:application",
    ]
    return start(command, environment=environment, log=log)


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


def _listens(address: int | Path) -> bool:
    with contextlib.suppress(OSError), socket.socket(_family(address)) as probe:
        probe.settimeout(1)
        probe.connect(str(address) if isinstance(address, Path) else (HOST, address))
        return True
    return False


def _family(address: int | Path) -> socket.AddressFamily:
    return socket.AF_UNIX if isinstance(address, Path) else socket.AF_INET


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
