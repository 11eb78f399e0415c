"""No address reads a body that is too large, of unknown length, or a large one of a stranger's; and nothing that comes
in is written to the temporary disk. Every address is tried, also those that are yet to come."""

from __future__ import annotations

import io
import re
import tempfile
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.authtoken.models import Token

from drawbench import limits
from tests.studies.world import a_suite

pytestmark = pytest.mark.django_db

EXAMPLES = {
    "uuid": str(uuid.UUID(int=7)),
    "int": "7",
    "slug": "trial",
    "str": "word",
    "sha256": "0" * 64,
    "ratings": "csv",
    "figure": "svg",
}
LARGE = {
    "/uploads/new/",
    "/suites/",
    "/studies/new/",
    f"/studies/{EXAMPLES['slug']}/edit/",
    "/api/v1/uploads/",
    "/api/v1/suites/",
    f"/api/v1/files/{EXAMPLES['uuid']}/part/",
}


class _Unread:
    """A body that nobody may read."""

    def read(self, *arguments: object) -> bytes:
        raise AssertionError("the body was read")

    readline = readlines = __iter__ = read


def _body(of: object) -> dict[str, Any]:
    """Of a request's environment: what the server reads the body from."""
    return {"wsgi.input": of}


def _paths(patterns: list[URLPattern | URLResolver], before: str = "/") -> Iterator[str]:
    for pattern in patterns:
        here = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _paths(pattern.url_patterns, here)
        elif not here.endswith("$"):
            yield re.sub(r"<(?:(\w+):)?\w+>", lambda part: EXAMPLES.get(part[1] or "str", "7"), here)


def _all_paths() -> list[str]:
    found = sorted(set(_paths(get_resolver().url_patterns)))
    assert len(found) > 100 and not any("<" in path for path in found)
    return found


def _send(client: Client, path: str, method: str = "POST", **environ: Any) -> HttpResponse:
    answer = client.generic(method, path, content_type="multipart/form-data; boundary=x", **environ)
    assert isinstance(answer, HttpResponse)
    return answer


@pytest.fixture(params=["a stranger", "somebody signed in", "somebody with a token"])
def sender(request: pytest.FixtureRequest) -> Client:
    client = Client(enforce_csrf_checks=True)
    if request.param != "a stranger":
        user = User.objects.create_user("ada")
        if request.param == "somebody signed in":
            client.force_login(user)
        else:
            client.defaults["HTTP_AUTHORIZATION"] = f"Token {Token.objects.create(user=user).key}"
    client.known = request.param != "a stranger"  # type: ignore[attr-defined]
    return client


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "GET"])
def test_no_address_reads_what_is_too_large(sender: Client, method: str) -> None:
    for path in _all_paths():
        allowed = limits.LARGE_BODY_MAX_BYTES if path in LARGE else limits.BODY_MAX_BYTES
        answer = _send(sender, path, method, CONTENT_LENGTH=str(allowed + 1), **_body(_Unread()))
        assert answer.status_code == 413, path
        if path.startswith("/api/"):
            assert answer.json() == {"detail": limits.TOO_LARGE, "field": None}  # type: ignore[attr-defined]
        else:
            assert "at most 1 MiB" in answer.content.decode(), path


def test_large_bodies_are_for_those_we_know(client: Client) -> None:
    for path in LARGE:
        for token in ("", "Token " + "0" * 40, "Token", "Token a b"):
            length = str(limits.BODY_MAX_BYTES + 1)
            answer = _send(client, path, CONTENT_LENGTH=length, HTTP_AUTHORIZATION=token, **_body(_Unread()))
            assert answer.status_code == 401 and limits.SIGN_IN_FIRST in answer.content.decode(), (path, token)


def test_no_address_takes_a_body_of_unknown_length_for_an_empty_one(sender: Client) -> None:
    for path in _all_paths():
        answer = _send(sender, path, HTTP_TRANSFER_ENCODING="chunked", **_body(_Unread()))
        assert answer.status_code == 411 and limits.NEEDS_A_LENGTH in answer.content.decode(), path


@pytest.mark.parametrize("length", ["abc", "-5", "1e9", "\u0663", "9" * 5000])
def test_an_odd_length_is_refused(client: Client, length: str) -> None:
    for path in ("/r/rate", "/api/v1/runs/", "/uploads/new/"):
        answer = _send(client, path, CONTENT_LENGTH=length, **_body(io.BytesIO()))
        assert answer.status_code == 400 and limits.NO_LENGTH in answer.content.decode()


def test_nothing_that_comes_in_is_written_to_the_temporary_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a stranger's nor ours: a full temporary disk is nobody's way to harm us."""

    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError("a temporary file was made")

    a_suite()
    for name in ("NamedTemporaryFile", "TemporaryFile", "SpooledTemporaryFile", "mkstemp", "mkdtemp"):
        monkeypatch.setattr(tempfile, name, refuse)
    monkeypatch.setattr("django.core.files.temp.NamedTemporaryFile", refuse)
    stranger, known = Client(), Client()
    known.force_login(User.objects.create_user("ada"))
    for path in ("/uploads/new/", "/suites/", "/r/rate", "/sign-in/", "/api/v1/uploads/", "/nowhere/"):
        small = SimpleUploadedFile("x.zip", b"x" * (limits.BODY_MAX_BYTES - 1000))
        assert stranger.post(path, {"file": small}).status_code < 500, path
    large = {"file": SimpleUploadedFile("x.zip", b"x" * limits.PART_MAX_BYTES)}
    for path in ("/uploads/new/", "/suites/"):
        assert known.post(path, large).status_code == 422, path


def test_the_walk_knows_all_addresses_that_take_more() -> None:
    assert {path for path in _all_paths() if re.match(limits.LARGE_BODY_ADDRESSES, path)} == LARGE
