"""Whoever sends or reads slowly, or only keeps connections, never stops newcomers of `./dev serve`."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from common.places import CHECKOUT
from drawbench import limits
from drawbench.local import foreground
from drawbench.local.places import Places
from tests.faults.instance import Instance, environment_of, within

N = 40
"""More than twice the threads of the web server."""

PATIENCE = 90.0


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, module_places: Places) -> Iterator[Instance]:
    instance = Instance(module_places, tmp_path_factory.mktemp("serve") / "said")
    instance.start("serve", "--no-worker")
    assert within(PATIENCE, instance.healthy), instance.words()
    yield instance
    assert instance.process is not None
    instance.process.terminate()
    instance.process.wait(60)


class Senders:
    """Connections to an instance, closed at the end."""

    def __init__(self, port: int, csrf_cookie: str = "") -> None:
        self.port, self.csrf_cookie, self.open = port, csrf_cookie, contextlib.ExitStack()

    def connect(self, *, window: int | None = None) -> socket.socket:
        sender = self.open.enter_context(socket.socket())
        if window:
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        sender.settimeout(10)
        sender.connect(("127.0.0.1", self.port))
        return sender

    def head(self, method: str, path: str, *headers: str) -> bytes:
        return "\r\n".join([f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", *headers, "", ""]).encode()

    def answer(self, sent: bytes, more: bytes = b"") -> HTTPResponse:
        sender = self.connect()
        sender.sendall(sent)
        with contextlib.suppress(OSError):  # refused on the header: the rest is not taken
            sender.sendall(more)
        answer = HTTPResponse(sender)
        answer.begin()
        return answer

    def newcomers(self, n: int = 5) -> list[int]:
        """The statuses that `n` people get who ask for a page that needs the database."""
        statuses = []
        for _ in range(n):
            connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
            connection.request("GET", "/healthz")
            statuses.append(connection.getresponse().status)
            connection.close()
        return statuses


@pytest.fixture
def senders(served: Instance) -> Iterator[Senders]:
    connection = HTTPConnection("127.0.0.1", served.port, timeout=10)
    connection.request("GET", "/sign-in/")
    cookie = connection.getresponse().headers["Set-Cookie"].split("=")[0]
    assert cookie.startswith("csrftoken")
    made = Senders(served.port, cookie)
    with made.open:
        yield made


FORM = "Content-Type: application/x-www-form-urlencoded"


def _slow_body(senders: Senders) -> None:
    """To an address that reads what strangers send."""
    senders.connect().sendall(senders.head("POST", "/api/v1/token/", FORM, "Content-Length: 900") + b"ab")


def _slow_body_in_chunks(senders: Senders) -> None:
    senders.connect().sendall(senders.head("POST", "/api/v1/token/", FORM, "Transfer-Encoding: chunked") + b"384\r\nab")


def _slow_form(senders: Senders) -> None:
    """With a cookie, the check of forms reads the body of a page that strangers may not see."""
    cookie = f"Cookie: {senders.csrf_cookie}={'a' * 32}"
    head = senders.head("POST", "/uploads/new/", FORM, cookie, "Content-Length: 900000")
    senders.connect().sendall(head + b"ab")


def _slow_header(senders: Senders) -> None:
    senders.connect().sendall(senders.head("GET", "/sign-in/", "X-Slow: 1")[:-3])


def _slow_reader(senders: Senders) -> None:
    """Asks for pages, and reads none of them."""
    asked = senders.head("GET", "/static/evaluation/site/site.css") + senders.head("GET", "/docs/api/")
    senders.connect(window=2048).sendall(asked)


def _idle(senders: Senders) -> None:
    senders.connect()


@pytest.mark.slow
@pytest.mark.parametrize(
    "be_slow",
    [
        _slow_body,
        *(
            pytest.param(each, marks=pytest.mark.longest)
            for each in (_slow_body_in_chunks, _slow_form, _slow_header, _slow_reader, _idle)
        ),
    ],
)
def test_newcomers_are_served_beside_the_slow(senders: Senders, be_slow: Callable[[Senders], None]) -> None:
    for _ in range(300 if be_slow is _idle else N):
        be_slow(senders)
    assert senders.newcomers() == [200] * 5


@pytest.mark.slow
def test_connections_that_are_kept_are_all_served(senders: Senders) -> None:
    kept = []
    for _ in range(300):
        kept.append(senders.connect())
        kept[-1].sendall(senders.head("GET", "/healthz"))
    statuses = []
    for each in kept:
        answer = HTTPResponse(each)
        answer.begin()
        statuses.append(answer.status)
    assert statuses == [200] * 300 and senders.newcomers() == [200] * 5


@pytest.mark.slow
def test_a_body_that_comes_in_the_end_is_read(senders: Senders) -> None:
    """Chunks, too: the application gets them with their length."""
    head = senders.head("POST", "/r/rate", "Transfer-Encoding: chunked")
    assert senders.answer(head, b"2\r\n{}\r\n0\r\n\r\n").status == 403, "no cookie, and not 411"
    slow = senders.connect()
    slow.sendall(senders.head("POST", "/r/rate", "Content-Length: 900") + b"ab")
    slow.sendall(b"c" * 898)
    answer = HTTPResponse(slow)
    answer.begin()
    assert answer.status == 403


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "n_bytes", "status", "words"),
    [
        ("/r/rate", limits.BODY_MAX_BYTES + 1, 413, limits.TOO_LARGE),
        ("/api/v1/runs/", 593_000_000, 413, limits.TOO_LARGE),
        ("/api/v1/uploads/", 593_000_000, 413, limits.TOO_LARGE),
        ("/api/v1/uploads/", limits.PART_MAX_BYTES, 401, limits.SIGN_IN_FIRST),
        ("/uploads/new/", limits.PART_MAX_BYTES, 401, limits.SIGN_IN_FIRST),
    ],
)
def test_a_strangers_big_body_is_refused_on_the_header(
    senders: Senders, path: str, n_bytes: int, status: int, words: str
) -> None:
    answer = senders.answer(senders.head("POST", path, f"Content-Length: {n_bytes}"))
    assert answer.status == status and words in answer.read().decode()


@pytest.mark.slow
def test_nobody_else_reaches_the_web_server_past_its_front(served: Instance) -> None:
    socket_file = served.places.web_socket(served.port)
    assert socket_file.is_socket() and socket_file.parent.stat().st_mode & 0o077 == 0
    servers = served.processes().get("a web process", []) + served.processes().get("the web server", [])
    assert len(servers) >= 3
    assert [connection for each in servers for connection in each.net_connections("inet")] == [], "no port of its own"


@pytest.mark.longest
@pytest.mark.slow
def test_without_nginx_it_serves_and_says_so(fresh: Places, tmp_path: Path) -> None:
    instance = Instance(fresh, tmp_path / "said")
    program = (
        "import sys; from drawbench.local import __main__, foreground; foreground.nginx_program = lambda: None; "
        f"sys.exit(__main__.main(['serve', '--no-worker', '--port', '{instance.port}']))"
    )
    with instance.said.open("ab") as said:
        serving = subprocess.Popen(
            [sys.executable, "-c", program], cwd=CHECKOUT, env=environment_of(fresh), stdout=said, stderr=said
        )
    try:
        assert within(PATIENCE, instance.healthy), instance.words()
        assert foreground.NO_FRONT in instance.words() and foreground.NO_FRONT.count(".") == 1
        senders = Senders(instance.port)
        with senders.open:
            chunked = senders.head("POST", "/r/rate", "Transfer-Encoding: chunked")
            assert senders.answer(chunked, b"2\r\n{}\r\n0\r\n\r\n").status == 411
            large = senders.answer(senders.head("POST", "/api/v1/runs/", "Content-Length: 593000000"), b"x" * 100_000)
            assert large.status == 413
            for _ in range(700):
                senders.connect()
            assert senders.newcomers() == [200] * 5, "idle connections need no thread"
            for _ in range(N):
                _slow_body(senders)
            with pytest.raises(TimeoutError):  # what the front is for, and that the tests above can fail
                senders.newcomers()
    finally:
        serving.terminate()
        serving.wait(60)
