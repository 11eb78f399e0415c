"""Every address by every method, from everybody: whatever is asked, nothing is a fault of the server."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from rest_framework.authtoken.models import Token

from evaluation.models import Study
from evaluation.services.reporting.make import report_make
from evaluation.services.studies.invitation import invitation_create
from tests.addresses import every_address
from tests.studies.world import an_open_study

pytestmark = pytest.mark.django_db

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE")
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
PARTS, PART = (
    "multipart/form-data; boundary=x",
    b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n',
)
STRANGE = "session, from another site"


def _known(study: Study) -> Mapping[str, str]:
    run = study.study_runs.all()[0].run
    return {
        "runs/": str(run.pk),
        "suites/": str(run.suite_id),
        "studies/": study.name,
        "reports/": str(report_make(study=study).pk),
        "images/": run.samples.all()[0].image.sha256,
        "r/join/": invitation_create(study=study).key,
    }


def _caller(who: str, user: User) -> Client:
    client = Client(raise_request_exception=False, enforce_csrf_checks=who == STRANGE)
    if who == "token":
        client.defaults["HTTP_AUTHORIZATION"] = f"Token {Token.objects.get_or_create(user=user)[0].key}"
    if who == STRANGE:
        client.defaults |= {"HTTP_ORIGIN": "https://evil.example", "HTTP_SEC_FETCH_SITE": "cross-site"}
    if "session" in who:
        client.force_login(user)
    return client


@pytest.mark.slow
@pytest.mark.parametrize(
    ("who", "there"),
    [
        ("nobody", False),
        ("nobody", True),
        ("token", True),
        pytest.param("session", True, marks=pytest.mark.longest),
        pytest.param(STRANGE, True, marks=pytest.mark.longest),
    ],
    ids=lambda each: each if isinstance(each, str) else "of things" if each else "of nothing",
)
def test_no_address_is_a_fault_of_the_server(who: str, there: bool) -> None:
    user = User.objects.create_superuser("ada", password="engine-of-1843")
    known = _known(an_open_study({"Colors": 1}, samples=1)) if there else {}
    client = _caller(who, user)
    asked, wrong = 0, []
    for name, address in every_address(known):
        cache.clear()
        for method in METHODS:
            for kind in (JSON, FORM, PARTS) if method == "POST" else (JSON,):
                body = {JSON: b"{}", FORM: b"a=1", PARTS: PART}[kind] if method in {"POST", "PUT", "PATCH"} else b""
                answer = client.generic(method, address, body, content_type=kind)
                b"".join(answer) if answer.streaming else answer.content
                asked += 1
                if answer.status_code >= 500 and not (address == "/healthz" and answer.status_code == 503):
                    wrong.append(f"{method} {address} {kind}: {answer.status_code}")
        if "out" in name and "session" in who:
            client.force_login(user)
    assert wrong == []
    assert asked > 1000


def test_the_apis_page_says_which_methods_it_has() -> None:
    answer = Client().options("/api/v1/docs/")
    assert answer.status_code == 204 and answer.headers["Allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://testserver.evil.example"},
        {"Origin": "https://testserver"},
        {"Origin": "http://testserver:81"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=lambda each: " ".join(next(iter(each.items()))),
)
def test_another_site_can_not_sign_in(headers: dict[str, str]) -> None:
    User.objects.create_user("ada", password="engine-of-1843")
    cache.clear()
    right = {"username": "ada", "password": "engine-of-1843"}
    client = Client(headers=headers)
    for answer in (
        client.post("/api/v1/token/", right),
        client.post("/api/v1/token/", right, content_type=JSON),
    ):
        assert answer.status_code == 403 and "token" not in answer.json()
        assert answer.json()["detail"].startswith("A page of another site can't sign in here.")
    assert not Token.objects.exists()


@pytest.mark.parametrize("headers", [{}, {"Origin": "http://testserver"}, {"Sec-Fetch-Site": "same-origin"}])
def test_programs_and_pages_of_ours_sign_in(headers: dict[str, str]) -> None:
    User.objects.create_user("ada", password="engine-of-1843")
    cache.clear()
    answer = Client(headers=headers).post("/api/v1/token/", {"username": "ada", "password": "engine-of-1843"})
    assert answer.status_code == 200 and answer.json()["token"] == Token.objects.get().key
