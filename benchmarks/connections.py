"""How newcomers of `./dev serve` fare beside many who send slowly, read slowly, or only keep their connections.

python -m benchmarks.connections                    with its front
python -m benchmarks.connections --without-front    granian alone, as where no nginx is found
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path

from common.commands import refuse_repeated
from common.places import CHECKOUT
from drawbench.local.places import places_of
from drawbench.local.services import remove

NEWCOMERS = 20
PATIENCE_S = 10.0
"""How long a newcomer waits before the request counts as unanswered."""

FILES = 10_000

SERVE = (
    "import sys; from drawbench.local import __main__, foreground\n"
    "if sys.argv[2] == 'alone': foreground.nginx_program = lambda: None\n"
    "sys.exit(__main__.main(['serve', '--no-worker', '--port', sys.argv[1]]))"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--without-front", action="store_true", help="granian alone")
    chosen = refuse_repeated(parser).parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES if hard == resource.RLIM_INFINITY else min(hard, FILES), hard))
    with tempfile.TemporaryDirectory(prefix="drawbench-bench-") as folder:
        Path(folder).chmod(0o755)
        port = _free_port()
        serving = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(port), "alone" if chosen.without_front else "front"],
            cwd=CHECKOUT,
            env=os.environ | {"DRAWBENCH_VAR": f"{folder}/var"},
            stdout=subprocess.DEVNULL,
        )
        try:
            _wait_until_healthy(port, serving)
            with ThreadPoolExecutor(16) as warming:  # both processes load what their first request needs
                list(warming.map(_newcomer, [port] * 200))
            _report(port)
        finally:
            serving.terminate()
            serving.wait(60)
            remove(places_of(Path(folder) / "var"))


def _report(port: int) -> None:
    kinds: list[tuple[str, int, Callable[[int], socket.socket]]] = [
        ("nobody", 0, _idle),
        ("slow bodies", 16, _slow_body),
        ("slow bodies", 200, _slow_body),
        ("slow headers", 200, _slow_header),
        ("slow readers", 200, _slow_reader),
        ("idle connections", 1500, _idle),
        ("idle connections", 3000, _idle),
        ("served, then kept", 1500, _kept),
    ]
    print("| beside | how many | of them served | newcomers answered | median ms | longest ms |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, n, connect in kinds:
        with contextlib.ExitStack() as held:
            served = 0
            for _ in range(n):
                with contextlib.suppress(OSError, HTTPException):
                    held.enter_context(connect(port))
                    served += 1
            time.sleep(1)
            answers = [_newcomer(port) for _ in range(NEWCOMERS)]
        answered = sorted(1000 * seconds for status, seconds in answers if status == 200)
        others = Counter(status for status, _ in answers if status != 200)
        timing = f"{statistics.median(answered):.0f} | {answered[-1]:.0f}" if answered else "- | -"
        print(f"| {name} | {n:,} | {served:,} | {len(answered)} of {NEWCOMERS} | {timing} |", *others, flush=True)


def _newcomer(port: int) -> tuple[int | str, float]:
    began = time.perf_counter()
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request("GET", "/healthz")
        status: int | str = connection.getresponse().status
    except (OSError, HTTPException) as error:
        status = type(error).__name__
    finally:
        connection.close()
    return status, time.perf_counter() - began


def _idle(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=5)


def _slow_body(port: int) -> socket.socket:
    """To an address that reads what a stranger sends: where tokens are given out."""
    form = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 900"
    return _asking(port, b"POST /api/v1/token/ HTTP/1.1\r\nHost: 127.0.0.1\r\n" + form + b"\r\n\r\nab")


def _slow_header(port: int) -> socket.socket:
    return _asking(port, b"GET /sign-in/ HTTP/1.1\r\nHost: 127")


def _slow_reader(port: int) -> socket.socket:
    """Asks for 96 kB of style sheets and reads nothing of it."""
    return _asking(port, b"GET /static/vendor/pico-2.1.1.min.css HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", window=2048)


def _kept(port: int) -> socket.socket:
    connection = _asking(port, b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    answer = HTTPResponse(connection)
    answer.begin()
    answer.read()
    return connection


def _asking(port: int, request: bytes, *, window: int | None = None) -> socket.socket:
    connection = socket.socket()
    if window:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    connection.settimeout(5)
    connection.connect(("127.0.0.1", port))
    connection.sendall(request)
    return connection


def _wait_until_healthy(port: int, serving: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while _newcomer(port)[0] != 200:
        if serving.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("The instance does not start.")
        time.sleep(0.2)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
