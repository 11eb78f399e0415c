"""Whoever is not signed in: at each address that takes a password or a key, or makes rows, tries are limited.

The list of those addresses is walked over, not written down: an address that strangers reach is a door, or is named
below with the reason why nothing can be guessed or made there.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings
from rest_framework.authtoken.models import Token

from drawbench.cache import _Client
from evaluation import doors
from evaluation.models import Rater
from evaluation.services.accounts.sign_in_link import sign_in_link_create
from evaluation.services.studies.invitation import invitation_create
from tests.addresses import every_address
from tests.studies.world import an_open_study, enrolled

pytestmark = pytest.mark.django_db

FEW = 4

NO_DOORS = {
    "sign-out": "ends a session",
    "logout": "ends a session",
    "health": "says whether the servers answer",
    "documentation": "the repository's own pages",
    "schema": "the API's description",
    "docs": "the API's description",
    "i18n": "the words of the administrator's pages",
}
"""By a part of the address's name."""


@pytest.fixture(autouse=True)
def few(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Small limits, and nothing counted yet."""
    settings.JOINS_PER_MINUTE = FEW
    settings.PROXIES = 1
    cache.clear()
    yield
    cache.clear()


def stranger(address: str = "198.51.100.4") -> Client:
    """A browser behind one proxy, from `address`, holding keys that nobody has."""
    client = Client(raise_request_exception=False, headers={"X-Forwarded-For": address})
    client.cookies["rater"] = "a-key-that-nobody-has"
    return client


def _ask(client: Client, method: str, address: str) -> HttpResponse:
    if method == "GET":
        return client.get(address, {"rater": str(uuid4())} if address in HOT else None)  # type: ignore[return-value]
    body = {"username": "ada", "password": "wrong", "rater": str(uuid4()), "answers": []}
    kind = "application/json" if address in HOT else "application/x-www-form-urlencoded"
    data = body if kind.endswith("json") else "username=ada&password=wrong"
    return client.post(address, data, content_type=kind)  # type: ignore[return-value]


def _is_told(answer: HttpResponse, address: str) -> None:
    """One sentence, when to come back, as a page or as JSON."""
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 300
    text = answer.content.decode()
    assert "Too many" in text and ("Wait " in text or "try again in" in text), text
    kind = answer.headers["Content-Type"]
    assert kind.startswith("application/json") == (address.startswith("/api/") or address in HOT), (address, kind)


HOT = {"/r/next", "/r/rate", "/r/undo", "/r/skip", "/r/uncover"}


def open_to_strangers() -> list[tuple[str, str, str]]:
    """(name, method, address) of what does more for a stranger than refuse it or send it to sign in."""
    found = []
    for name, address in every_address():
        for method in ("GET", "POST"):
            answer = _ask(stranger(), method, address)
            cache.clear()
            sent_away = answer.status_code == 302 and "/sign-in/" in answer.headers["Location"]
            sent_to_admin = answer.status_code == 302 and "/admin/login/" in answer.headers["Location"]
            asks_for_token = answer.status_code == 401 and name != "api:token"
            if not (sent_away or sent_to_admin or asks_for_token or answer.status_code == 405):
                found.append((name, method, address))
    return found


def test_every_door_is_limited() -> None:
    User.objects.create_user("ada", password="engine-of-1843")
    limited, unlimited = set(), []
    for name, method, address in open_to_strangers():
        cache.clear()
        client = stranger()
        answers = [_ask(client, method, address) for _ in range(11)]
        if answers[-1].status_code == 429:
            _is_told(answers[-1], address)
            assert answers[0].status_code != 429, address
            assert _ask(stranger("203.0.113.9"), method, address).status_code != 429, "others come in as before"
            limited.add(address)
        elif not any(part in name for part in NO_DOORS):
            unlimited.append(f"{method} {address}: {answers[-1].status_code}")
    # what shows a form, or leads on, and takes nothing
    shown = {"GET /sign-in/: 200", "GET /admin/login/: 200", "GET /r/finish: 302", "GET /r/continue: 200"}
    assert set(unlimited) == shown
    assert limited >= {"/sign-in/", "/sign-in/nothing/", "/admin/login/", "/api/v1/token/", "/r/join/nothing"} | HOT
    assert limited >= {
        "/r/i/nothing.webp",
        "/r/",
        "/r/about",
        "/r/instructions",
        "/r/finish",
        "/r/end",
        "/r/withdraw",
        "/r/device",
        "/r/continue",
    }


def test_tokens_that_nobody_has_are_limited_everywhere() -> None:
    token = Token.objects.create(user=User.objects.create_user("ada")).key
    paths = [address for name, address in every_address() if address.startswith("/api/v1/") and name != "api:token"]
    assert len(paths) > 30
    for path in paths:
        cache.clear()
        wrong = Client(headers={"X-Forwarded-For": "198.51.100.4", "Authorization": "Token " + "0" * 40})
        answers = [wrong.get(path) for _ in range(FEW + 1)]
        assert [each.status_code for each in answers[:-1]] == [401] * FEW, path
        _is_told(answers[-1], path)  # type: ignore[arg-type]
        right = Client(headers={"X-Forwarded-For": "198.51.100.4", "Authorization": f"Token {token}"})
        assert right.get(path).status_code not in (401, 429), "a right token passes beside it"


@pytest.mark.parametrize("address", ["/sign-in/", "/admin/login/", "/api/v1/token/"])
def test_wrong_passwords_are_counted_by_account_and_by_address(address: str) -> None:
    User.objects.create_superuser("ada", password="engine-of-1843")

    def tries(client: Client, name: str, password: str = "wrong") -> int:
        return client.post(address, {"username": name, "password": password}).status_code

    one = stranger()
    wrong = tries(one, "ada")
    assert wrong in (200, 401)
    assert [tries(one, "ADA ") for _ in range(9)] == [wrong] * 9
    assert tries(one, "ada") == tries(one, "ada", "engine-of-1843") == 429
    assert tries(one, "bob") == wrong, "another account has tries of its own"
    assert tries(stranger("203.0.113.9"), "ada", "engine-of-1843") in (200, 302), "nobody else is locked out"
    forged = Client(headers={"X-Forwarded-For": "203.0.113.9, 198.51.100.4"})
    assert tries(forged, "ada") == 429, "what a client claims about itself changes nothing"
    statuses = [tries(one, f"name-{number}") for number in range(doors.PASSWORDS_OF_ADDRESS.most)]
    assert statuses[30] == wrong and statuses[-1] == 429, "all accounts from one address"


def test_many_strangers_do_not_lock_the_owner_out() -> None:
    User.objects.create_user("ada", password="engine-of-1843")

    def tries(client: Client, password: str) -> int:
        return client.post("/sign-in/", {"username": "ada", "password": password}).status_code

    home = stranger("203.0.113.9")
    assert tries(home, "engine-of-1843") == 302
    crowd = [tries(stranger(f"198.51.100.{n // 9}"), "wrong") for n in range(doors.PASSWORDS_OF_ACCOUNT.most + 1)]
    assert set(crowd[:-1]) == {200} and crowd[-1] == 429
    assert tries(stranger("192.0.2.1"), "engine-of-1843") == 429
    assert tries(stranger("203.0.113.9"), "engine-of-1843") == 302, "from where the owner has signed in before"
    assert Client().get(sign_in_link_create(user=User.objects.get())).status_code == 302, "and a link works anywhere"


def test_right_passwords_are_not_counted() -> None:
    User.objects.create_user("ada", password="engine-of-1843")
    for _ in range(doors.PASSWORDS_OF_ADDRESS.most + 2):
        answer = stranger().post("/api/v1/token/", {"username": "ada", "password": "engine-of-1843"})
        if answer.status_code == 429:  # the API's own limit on requests of any kind
            assert "Too many requests" in answer.json()["detail"]
            cache.delete("throttle_anon_198.51.100.4")
        else:
            assert answer.status_code == 200


def test_one_address_joins_only_so_often() -> None:
    """An open link: rows are made until the limit, and none beyond it."""
    study = an_open_study({"Colors": 1}, raters_per_panel=30, samples=1)
    link = f"/r/join/{invitation_create(study=study).key}"
    answers = [Client(headers={"X-Forwarded-For": "198.51.100.4"}).post(link) for _ in range(FEW + 2)]
    assert [each.status_code for each in answers] == [302] * FEW + [429] * 2
    _is_told(answers[-1], link)  # type: ignore[arg-type]
    assert Rater.objects.count() == FEW
    assert Client(headers={"X-Forwarded-For": "203.0.113.9"}).post(link).status_code == 302


def test_one_address_makes_only_so_many_sessions() -> None:
    """A crowd platform's link keeps its ids in a session, which is a row."""
    link = f"/r/join/{invitation_create(study=an_open_study({'Colors': 1}, samples=1)).key}"
    answers = [
        Client(headers={"X-Forwarded-For": "198.51.100.4"}).get(link, {"PROLIFIC_PID": str(number)})
        for number in range(FEW + 2)
    ]
    assert [each.status_code for each in answers] == [302] * FEW + [429] * 2
    assert Session.objects.count() == FEW


def test_a_rater_goes_on_beside_a_guesser() -> None:
    study = an_open_study({"Colors": 1}, samples=1)
    session = enrolled(study)
    for _ in range(FEW + 1):
        last = stranger().get("/r/")
    assert last.status_code == 429
    rater = Client(headers={"X-Forwarded-For": "198.51.100.4"})
    rater.cookies["rater"] = session.session_key
    assert rater.get("/r/next", {"rater": str(session.rater.key)}).status_code == 200
    assert rater.get("/r/", follow=True).status_code == 200


def test_refusals_are_said_in_the_log_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "evaluation.doors"):
        for _ in range(FEW + 5):
            stranger().get("/r/join/nothing")
    assert [record.getMessage() for record in caplog.records if record.name == "evaluation.doors"] == [
        "Too many links and keys that do not exist from 198.51.100.4: refused for now."
    ]


def test_a_door_opens_again_after_its_time() -> None:
    request = RequestFactory().get("/")
    door = doors.Door("test", "tests", 1, 1)
    door.knock(request, "a")
    with pytest.raises(doors.TooManyError) as refused:
        door.knock(request, "a")
    assert refused.value.retry_after == 1
    assert str(refused.value) == "Too many tests from your address. Wait a second, then try again."
    door.knock(request, "b")
    time.sleep(1.2)
    door.knock(request, "a")


def test_without_a_cache_everybody_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """`tests/faults/test_without_valkey.py` has it for whole pages, and the line in the log."""
    monkeypatch.setattr(_Client, "_away_until", math.inf)
    assert {stranger().get("/r/join/nothing").status_code for _ in range(3 * FEW)} == {404}
