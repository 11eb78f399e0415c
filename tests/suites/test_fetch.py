"""Fetching the published suite: within its deadline, from where it is published, whole; else a way out."""

import http.server
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from evaluation.suites import SuiteFetchError, fetch_drawbench
from evaluation.suites import fetch as fetching
from tests.suites.published import PATH, needs_published

Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


@contextmanager
def served(answer: Answer) -> Iterator[str]:
    """A server on this machine that answers every GET by `answer`; its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                answer(self)
            except OSError:
                self.close_connection = True  # the client has left, as the slow answers want it to

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/suite.csv"
    finally:
        server.shutdown()
        server.server_close()


def body(content: bytes, code: int = 200, headers: dict[str, str] | None = None) -> Answer:
    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in (headers or {}).items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def drip(handler: http.server.BaseHTTPRequestHandler) -> None:
    """A byte now and then: no single wait is long, the whole has no end."""
    handler.send_response(200)
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(b"x")
        time.sleep(0.05)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


def refused(monkeypatch: pytest.MonkeyPatch, url: str, timeout_s: float = 5.0) -> str:
    monkeypatch.setenv(fetching.URL_VARIABLE, url)
    with pytest.raises(SuiteFetchError) as caught:
        fetch_drawbench(timeout_s)
    return str(caught.value)


@needs_published
def test_the_published_suite_comes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    with served(body(PATH.read_bytes())) as url:
        monkeypatch.setenv(fetching.URL_VARIABLE, url)
        assert fetch_drawbench() == PATH.read_bytes()
    hops = [0]

    def redirect_once(handler: http.server.BaseHTTPRequestHandler) -> None:
        hops[0] += 1
        body(b"", 307, {"Location": "/other.csv"})(handler) if hops[0] == 1 else body(PATH.read_bytes())(handler)

    with served(redirect_once) as url:
        monkeypatch.setenv(fetching.URL_VARIABLE, url)
        assert fetch_drawbench() == PATH.read_bytes() and hops == [2]


@needs_published
def test_a_cut_copy_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with served(body(b"\n".join(PATH.read_bytes().split(b"\n")[:150]))) as url:
        assert "of its 200 prompts are here" in refused(monkeypatch, url)


@pytest.mark.parametrize(
    ("answer", "fact"),
    [
        (body(b"<!doctype html><title>Sign in</title>"), "web page"),
        (body(b"\x89PNG\r\n\x1a\n"), "PNG"),
        (body(b""), "empty"),
        (body(b"prompt,category\na gate,Things\n"), "0 of its 200"),
        (body(b"gone", 404), "answered 404"),
        (body(b"x" * (fetching.MAX_BYTES + 1)), "more than 1 MiB"),
        (body(b"cut", headers={"Content-Length": "5000"}), "closed the connection"),
        (body(b"", 302, {"Location": "https://example.org/x.csv"}), "sends the request on to 'example.org'"),
        (body(b"", 302, {"Location": "http://docs.google.com/x.csv"}), "sends the request on to 'docs.google.com'"),
        (body(b"", 302, {"Location": "https://evil-google.com/x.csv"}), "'evil-google.com'"),
        (body(b"", 302, {"Location": "file:///etc/passwd"}), "127.0.0.1"),
        (body(b"", 302, {"Location": "/suite.csv"}), "answered 302"),
        (lambda handler: handler.wfile.write(b"nonsense\n"), "invalid HTTP"),
    ],
)
def test_garbage_is_told_with_a_way_out(monkeypatch: pytest.MonkeyPatch, answer: Answer, fact: str) -> None:
    with served(answer) as url:
        message = refused(monkeypatch, url)
    assert fact in message and message.count("File, Download") == 1


@pytest.mark.parametrize("answer", [lambda handler: time.sleep(3), drip], ids=["hangs", "drips"])
def test_the_deadline_holds_for_the_whole(monkeypatch: pytest.MonkeyPatch, answer: Answer) -> None:
    with served(answer) as url:
        started = time.monotonic()
        message = refused(monkeypatch, url, 0.3)
    assert "within 0.3 s" in message and time.monotonic() - started < 2.0


def test_a_name_look_up_that_hangs_does_not_block(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: release.wait(10))
    monkeypatch.delenv(fetching.URL_VARIABLE, raising=False)
    started = time.monotonic()
    with pytest.raises(SuiteFetchError, match=r"docs.google.com did not send the published DrawBench within 0.2 s"):
        fetch_drawbench(0.2)
    assert time.monotonic() - started < 2.0
    release.set()


def test_no_network_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.delenv(fetching.URL_VARIABLE, raising=False)
    with pytest.raises(SuiteFetchError, match=r"docs.google.com can't be reached .*name resolution.*File, Download"):
        fetch_drawbench(1.0)


@pytest.mark.parametrize(
    "url", ["http://example.org/x.csv", "file:///etc/passwd", "ftp://x/y", "nonsense", "https://", "https://[x"]
)
def test_only_https_may_be_named(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    assert "https://" in refused(monkeypatch, url) and fetching.URL_VARIABLE in refused(monkeypatch, url)


def test_refused_connection_and_bad_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
    assert "can't be reached" in refused(monkeypatch, url)
    assert "more than 0" in refused(monkeypatch, url, 0)
