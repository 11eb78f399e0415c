"""Every address of the site, with every odd text in every place of a request: refused in words, never a fault."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import quote
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tests.gate.odd import SENDABLE, code
from tests.ratings.test_views import Browser
from tests.studies.world import an_open_study

pytestmark = pytest.mark.django_db

PARTS = {
    "int": "1",
    "str": "x",
    "slug": "x",
    "path": "x",
    "uuid": str(uuid4()),
    "sha256": "0" * 64,
    "figure": "svg",
    "ratings": "csv",
}
LEFT_OUT = ("static/", "admin/jsi18n")
DEEP = "[" * 100_000


def addresses(patterns: list[URLPattern | URLResolver] | None = None, before: str = "/") -> Iterator[str]:
    """An address for each pattern of the site; parts of text are `x`."""
    for each in get_resolver().url_patterns if patterns is None else patterns:
        route = str(each.pattern)
        for kind, value in PARTS.items():
            while f"<{kind}:" in route:
                start = route.index(f"<{kind}:")
                route = route[:start] + value + route[route.index(">", start) + 1 :]
        if "(" in route or "^" in route or "<" in route:  # the administrator's catch-all
            continue
        if isinstance(each, URLResolver):
            yield from addresses(list(each.url_patterns), before + route)
        else:
            yield before + route


ALL = sorted({each for each in addresses() if not each.startswith(tuple(f"/{part}" for part in LEFT_OUT))})


@pytest.fixture(params=["signed in", "a stranger"])
def caller(request: pytest.FixtureRequest, client: Client) -> Client:
    if request.param == "signed in":
        client.force_login(User.objects.create_superuser("ada"))
    client.raise_request_exception = False
    return client


def test_the_walk_finds_all_rooms() -> None:
    for part in ("/api/v1/runs/", "/r/rate", "/r/join/x", "/studies/new/", "/uploads/new/", "/admin/login/", "/docs/"):
        assert part in ALL
    assert len(ALL) > 90


def test_addresses_and_queries(caller: Client) -> None:
    for address in ALL:
        for letter in ("\x00", "\u202e"):
            query = f"{address}?q={quote(f'a{letter}b')}"
            answer = caller.get(query)
            assert answer.status_code == 400 and code(letter) in answer.content.decode(), query
            name = caller.get(f"{address}?{quote(f'a{letter}')}=1")
            assert name.status_code == 400 and code(letter) in name.content.decode(), address
        assert caller.get(f"{address}?q=%FF%FE&page={'9' * 5000}&limit=1e999").status_code < 500, address
        if "/x" in address:
            for odd in ("%00", "a%00b", "%E2%80%AE", "%FF"):
                assert caller.get(address.replace("/x", f"/{odd}", 1)).status_code in (302, 400, 401, 403, 404), address


def test_fields_of_forms(caller: Client) -> None:
    for address in ALL:
        answer = caller.post(address, {"anything": "a\x00b", "csrfmiddlewaretoken": "x"})
        assert answer.status_code < 500, address
        if not address.startswith("/api/"):
            assert answer.status_code == 400 and code("\x00") in answer.content.decode(), address


@pytest.mark.parametrize("letter", SENDABLE.values(), ids=SENDABLE)
def test_every_letter_is_named_with_its_field(letter: str, caller: Client) -> None:
    answer = caller.post("/studies/new/", {"title": f"a{letter}b"})
    told = answer.content.decode()
    assert answer.status_code == 400 and "The field title contains" in told and code(letter) in told
    answer = caller.post("/sign-in/", {"username": f"a{letter}b", "password": "x"})
    assert answer.status_code == 400 and code(letter) in answer.content.decode()


def test_names_of_files(caller: Client) -> None:
    """Django takes what can't be printed out of a file's name, before anybody sees it."""
    body = (
        b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename*=UTF-8''a%E2%80%AEb.zip\r\n"
        b"Content-Type: application/zip\r\n\r\nPK\r\n--x--\r\n"
    )
    for address in ("/uploads/new/", "/suites/"):
        answer = caller.generic("POST", address, body, content_type="multipart/form-data; boundary=x")
        assert answer.status_code in (302, 400, 422) and "\u202e" not in answer.content.decode()


def test_json_of_any_depth_and_kind(caller: Client) -> None:
    for address in ALL:
        for body in (DEEP, '{"a":' * 50_000, "\ufeff{}", '{"a": 1e999}', '{"a": NaN}', '{"a": "\\ud800"}', "9" * 5000):
            answer = caller.generic("POST", address, body.encode(), content_type="application/json")
            assert answer.status_code < 500, (address, body[:10])
        assert caller.generic("POST", address, b"\xff\xfe{", content_type="application/json").status_code < 500, address


def test_cookies(caller: Client) -> None:
    from django.conf import settings

    for name in (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, "rater", "other"):
        answer = caller.get("/", headers={"cookie": f'{name}="a\\000b"'})
        assert answer.status_code < 500, name


RATERS = ("/r/rate", "/r/undo", "/r/skip", "/r/uncover")


def test_the_rater_s_page(db: None) -> None:
    browser = Browser(an_open_study())
    browser.client.raise_request_exception = False
    key = str(browser.rater.key)
    for path in RATERS:
        for body, told in (
            (DEEP, "nested too deeply"),
            ('{"rater": "\\u0000"}', "U+0000"),
            (f'{{"rater": "{key}", "answers": [{{"choice": "\\ud800"}}], "reason": "\\ud800"}}', "U+D800"),
            (f'{{"rater": "{key}", "assignment": 1e999}}', "too large"),
            (f'{{"rater": "{key}", "rater": "{key}"}}', "stands twice"),
        ):
            answer = browser.client.generic("POST", path, body.encode(), content_type="application/json")
            assert answer.status_code == 400, (path, body[:40])
            assert told in json.loads(answer.content)["error"]["message"]
        numbers: tuple[object, ...] = (10**30, -(2**63) - 1, 10**399, True, 1.5, "1", None, [1], {})
        for number in numbers:
            data = {"rater": key, "assignment": number, "answers": [{"assignment": number, "question": "fidelity"}]}
            answer = browser.client.post(path, data, content_type="application/json")
            assert answer.status_code < 500, (path, number)
    for after in ("9" * 5000, "1e999", "nan", "\u0663", "1_0", "--1", str(2**31)):
        answer = browser.client.get("/r/next", {"rater": key, "after": after})
        assert answer.status_code == 400, after
