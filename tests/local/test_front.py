"""The front by itself: in odd places, before a stand-in for the web server, and where there is none that fits."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import signal
import socket
import socketserver
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from drawbench import limits
from drawbench.local.binaries import nginx_program
from drawbench.local.errors import LocalError
from drawbench.local.front import declared_proxies, front_command, front_configuration, front_prepare
from drawbench.local.places import Places, places_of
from drawbench.local.processes import postgres_account
from tests.faults.instance import free_port, within


class _Echo(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps(dict(self.headers.items())).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "socket"

    def log_message(self, format: str, *arguments: object) -> None:
        """Quiet."""


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


class _Front:
    """A running front before `_Echo`."""

    def __init__(self, places: Places, *, proxies: int = 0) -> None:
        program = nginx_program()
        if program is None:
            pytest.skip("no nginx here, neither the wheel's nor the system's")
        self.port, self.said = free_port(), places.var / "front.log"
        socket_file = places.web_socket(self.port)
        self.web = _Server(str(socket_file), _Echo)
        socket_file.chmod(0o666)
        threading.Thread(target=self.web.serve_forever, daemon=True).start()
        front_prepare(program, places, self.port, proxies=proxies)
        with self.said.open("wb") as said:
            command = front_command(program, places, self.port)
            self.process = subprocess.Popen(command, cwd=places.sockets, stdout=said, stderr=said)
        if not within(20, self.listens):
            pytest.fail(self.said.read_text())

    def listens(self) -> bool:
        try:
            self.connect().close()
        except OSError:
            return False
        return True

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def get(self, path: str = "/", **headers: str) -> tuple[int, str]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    def end_web(self) -> None:
        self.web.shutdown()
        self.web.server_close()


@contextlib.contextmanager
def _running(places: Places, *, proxies: int = 0) -> Iterator[_Front]:
    front = _Front(places, proxies=proxies)
    try:
        yield front
    finally:
        front.process.terminate()
        front.process.wait(20)
        front.end_web()


@contextlib.contextmanager
def _places(name: str) -> Iterator[Places]:
    with tempfile.TemporaryDirectory(prefix="drawbench-test-") as folder:
        Path(folder).chmod(0o755)
        places = places_of(Path(folder) / name)
        places.var.mkdir()
        places.sockets.mkdir(mode=0o700, exist_ok=True)
        account = postgres_account()
        os.chown(places.sockets, account.uid, account.gid)
        yield places


@pytest.fixture
def plain() -> Iterator[Places]:
    with _places("var") as places:
        yield places


@pytest.mark.parametrize("name", ["a blank", "a$dollar", 'quo"te', "apo'strophe", "Bäume", "{brace}", "co:lon", "~x*"])
def test_it_works_in_odd_places_and_stops(name: str) -> None:
    with _places(name) as places:
        with _running(places) as front:
            status, told = front.get("/page")
            assert status == 200 and json.loads(told)["Host"] == f"127.0.0.1:{front.port}"
            status, told = front.get("/r/i/abcdef.webp")
            assert status == 200 and "Host" in json.loads(told), "without a file it is the web server's"
            image = places.var / "media" / "shown" / "ab" / "abcdef.webp"
            image.parent.mkdir(parents=True)
            image.write_text("an image")
            front.process.send_signal(signal.SIGHUP)  # what was not there is remembered for a while
            assert within(10, lambda: front.get("/r/i/abcdef.webp") == (200, "an image"))
        assert within(10, lambda: not front.listens())
        assert {path.name for path in places.var.iterdir()} <= {"front.log", "run", "media"}, "it writes nowhere else"


CLAIMS = {
    "X-Forwarded-For": "9.9.9.9",
    "X-Forwarded-Proto": "https",
    "X_Forwarded_For": "8.8.8.8",
    "X_FORWARDED_PROTO": "https",
}


def test_what_a_stranger_claims_about_himself_is_replaced(plain: Places) -> None:
    with _running(plain) as front:
        told = json.loads(front.get("/", **CLAIMS)[1])
    assert told["X-Forwarded-For"] == "127.0.0.1" and told["X-Forwarded-Proto"] == "http"
    assert not {"9.9.9.9", "8.8.8.8", "https"} & set(told.values())


def test_behind_a_declared_proxy_its_word_is_passed_on(plain: Places) -> None:
    with _running(plain, proxies=1) as front:
        told = json.loads(front.get("/", **CLAIMS)[1])
    assert told["X-Forwarded-For"] == "9.9.9.9, 127.0.0.1" and told["X-Forwarded-Proto"] == "https"


def test_a_web_server_that_is_away_is_503_in_both_forms(plain: Places) -> None:
    with _running(plain) as front:
        front.end_web()
        status, told = front.get("/page")
        assert status == 503 and limits.AWAY in told and told.startswith("<!doctype html>")
        status, told = front.get("/api/v1/runs/")
        assert (status, json.loads(told)) == (503, {"detail": limits.AWAY, "field": None})


def test_nobody_asks_for_the_fronts_own_addresses(plain: Places) -> None:
    with _running(plain) as front:
        assert [front.get(path)[0] for path in ("/-/sender", "/-/page/503", "/-/json/413")] == [404] * 3


def test_slow_ones_are_given_up(plain: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    text = front_configuration("web.sock", 1, shown=Path("/media/shown"))
    assert "client_body_timeout 15s;" in text and "client_header_timeout 15s;" in text
    monkeypatch.setattr("drawbench.local.front.SLOWEST", "1s")
    with _running(plain) as front:
        senders = [front.connect(), front.connect()]
        senders[0].sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\nab")
        senders[1].sendall(b"GET / HTTP/1.1\r\nHo")
        for sender in senders:
            with contextlib.suppress(ConnectionResetError):
                assert sender.recv(100) == b""


@pytest.mark.parametrize("wrong", ["/bin/true", "/nowhere/nginx"])
def test_a_program_that_is_no_nginx_is_refused_by_name(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAWBENCH_NGINX", wrong)
    with pytest.raises(LocalError, match=f"DRAWBENCH_NGINX names {wrong}, which is no nginx"):
        nginx_program()


def test_the_front_counts_as_one_more_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for told, production, n in (("", "0", 0), ("", "1", 1), ("2", "1", 2), ("0", "1", 0)):
        monkeypatch.setenv("DRAWBENCH_PROXIES", told)
        monkeypatch.setenv("DRAWBENCH_PRODUCTION", production)
        assert declared_proxies() == n
    for wrong in ("-1", "one", "1.5"):
        monkeypatch.setenv("DRAWBENCH_PROXIES", wrong)
        with pytest.raises(LocalError, match="DRAWBENCH_PROXIES must be a whole number"):
            declared_proxies()
