"""Slow senders and large bodies at deploy/nginx.conf, with a real nginx before a stand-in for the web process."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import ssl
import uuid
from http.client import HTTPResponse

import pytest

from drawbench import limits
from tests.house.test_nginx import DEPLOY, NAME, NGINX, Application, Front, front, get_from, within

__all__ = ["front"]


def secure_to(front: Front) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", front.secure), timeout=10)
    return ssl._create_unverified_context().wrap_socket(plain, server_hostname=NAME)


def _head(front: Front, method: str, path: str, *headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {NAME}:{front.secure}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _answer(sender: ssl.SSLSocket) -> HTTPResponse:
    answer = HTTPResponse(sender)
    answer.begin()
    return answer


def test_slow_bodies_and_headers_do_not_reach_the_application(front: Front) -> None:
    before = len(Application.bodies)
    slow = [secure_to(front) for _ in range(40)]
    for at, sender in enumerate(slow):
        head = _head(front, "POST", "/r/rate", "Content-Length: 900")
        sender.sendall(head + b"ab" if at % 2 else head[:20])
    for _ in range(5):
        assert get_from(front, "/page")[0].status == 200
    assert len(Application.bodies) == before
    slow[1].sendall(b"c" * 898)  # whole at last
    assert _answer(slow[1]).read() == b"900 None 900"
    for sender in slow:
        sender.close()


def test_a_body_in_chunks_is_passed_on_with_its_length(front: Front) -> None:
    with secure_to(front) as sender:
        sender.sendall(_head(front, "POST", "/r/rate", "Transfer-Encoding: chunked") + b"2\r\n{}\r\n0\r\n\r\n")
        assert _answer(sender).read() == b"2 None 2"


LARGE = f"/api/v1/files/{uuid.UUID(int=7)}/part/"


@pytest.mark.parametrize(
    ("path", "n_bytes", "token", "status", "words"),
    [
        ("/r/rate", limits.BODY_MAX_BYTES + 1, "good", 413, limits.TOO_LARGE),
        ("/api/v1/runs/", limits.BODY_MAX_BYTES + 1, "good", 413, limits.TOO_LARGE),
        ("/api/v1/runs/", 593_000_000, "", 413, limits.TOO_LARGE),
        (LARGE, limits.LARGE_BODY_MAX_BYTES + 1, "good", 413, limits.TOO_LARGE),
        (LARGE, limits.PART_MAX_BYTES, "", 401, limits.SIGN_IN_FIRST),
        (LARGE, limits.PART_MAX_BYTES, "bad", 401, limits.SIGN_IN_FIRST),
        ("/uploads/new/", limits.PART_MAX_BYTES, "", 401, limits.SIGN_IN_FIRST),
        ("/suites/", limits.PART_MAX_BYTES, "", 401, limits.SIGN_IN_FIRST),
    ],
)
def test_what_is_too_large_is_refused_on_the_header(
    front: Front, path: str, n_bytes: int, token: str, status: int, words: str
) -> None:
    with secure_to(front) as sender:
        sender.sendall(_head(front, "POST", path, f"Content-Length: {n_bytes}", f"Authorization: Token {token}"))
        answer = _answer(sender)
        body = answer.read().decode()
    assert (answer.status, words in body) == (status, True), body
    if path.startswith("/api/"):
        assert json.loads(body) == {"detail": words, "field": None}
        assert answer.getheader("Content-Type") == "application/json"
    else:
        assert body.startswith("<!doctype html>") and answer.getheader("Content-Type") == "text/html"


def test_a_large_body_in_chunks_is_bounded_too(front: Front) -> None:
    chunk = b"10000\r\n" + b"y" * 2**16 + b"\r\n"
    for path, statuses in (("/r/rate", {413}), (LARGE, {401})):
        with secure_to(front) as sender:
            sender.sendall(_head(front, "POST", path, "Transfer-Encoding: chunked"))
            with contextlib.suppress(OSError):
                for _ in range(20):
                    sender.sendall(chunk)
            with contextlib.suppress(OSError):
                assert _answer(sender).status in statuses


def test_a_part_of_a_signed_in_person_is_let_through_and_kept_off_the_disk(front: Front) -> None:
    part = b"z" * limits.PART_MAX_BYTES
    with secure_to(front) as sender:
        sender.sendall(_head(front, "POST", LARGE, f"Content-Length: {len(part)}", "Authorization: Token good") + part)
        assert _answer(sender).read() == f"{len(part)} None {len(part)}".encode()
    assert "buffered to a temporary file" not in front.log.read_text(), "nginx says so where it writes a body to disk"
    with secure_to(front) as sender:  # a small form of a stranger is the application's to judge
        sender.sendall(_head(front, "POST", "/uploads/new/", "Content-Length: 2") + b"ab")
        assert _answer(sender).read() == b"2 None 2"


def test_one_address_has_not_all_connections(front: Front) -> None:
    """A connection counts once its header is there."""
    held = []
    statuses = set()
    for _ in range(420):
        sender = secure_to(front)
        sender.sendall(_head(front, "POST", "/r/rate", "Content-Length: 900"))
        held.append(sender)
    for sender in held[-5:]:
        statuses.add(_answer(sender).status)
    for sender in held:
        sender.close()
    assert statuses == {429}
    assert within(20, lambda: get_from(front, "/page")[0].status == 200)


def test_an_application_that_is_away_is_503(front: Front) -> None:
    before = front.names.address
    front.names.address = "127.0.0.3"  # nobody listens there
    try:
        assert within(15, lambda: get_from(front, "/page")[0].status == 503)
        answer, body = get_from(front, "/api/v1/runs/")
        assert answer.getheader("Retry-After") == "5"
        assert json.loads(body) == {"detail": limits.AWAY, "field": None}
    finally:
        front.names.address = before
    assert within(15, lambda: get_from(front, "/page")[0].status == 200)


def test_the_numbers_are_those_of_the_application() -> None:
    def sizes(name: str) -> list[int]:
        return [int(size) * 2**20 for size in re.findall(rf"client_{name}_size (\d+)m;", NGINX)]

    assert sizes("max_body") == [limits.BODY_MAX_BYTES, limits.LARGE_BODY_MAX_BYTES]
    assert all(held > most for held, most in zip(sizes("body_buffer"), sizes("max_body"), strict=True))
    assert f'location ~ "{limits.LARGE_BODY_ADDRESSES}"' in NGINX
    assert "proxy_request_buffering" not in NGINX
    for words in (limits.TOO_LARGE, limits.SIGN_IN_FIRST, limits.TOO_MANY, limits.AWAY):
        assert NGINX.count(words) == 2, words
    main = (DEPLOY / "nginx-main.conf").read_text()
    [connections] = re.findall(r"events \{\n    worker_connections (\d+);", main)
    [files] = re.findall(r"worker_rlimit_nofile (\d+);", main)
    assert int(connections) >= 8192 and int(files) >= 2 * int(connections)
