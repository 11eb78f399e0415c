"""Addresses with a slash at the end and without, and the forms in which they answer."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from evaluation.api.negotiation import preferred
from evaluation.models import Invitation, Study
from evaluation.services.rating.simulate import raters_simulate
from evaluation.services.studies.invitation import invitation_create
from tests.api.test_names_and_kinds import READ, WRITTEN, address, ids
from tests.studies.world import an_open_study

pytestmark = pytest.mark.django_db


def alike(one: Any, other: Any) -> bool:
    if one.status_code != other.status_code or one.headers.get("Content-Type") != other.headers.get("Content-Type"):
        return False
    return b"".join(one) == b"".join(other) if one.streaming else len(one.content) == len(other.content)


@pytest.mark.parametrize("pattern", READ, ids=ids)
def test_the_api_answers_alike_without_the_slash(api: APIClient, pattern: URLPattern) -> None:
    an_open_study()
    for query in ("", "?limt=5"):
        one, other = (api.get(path + query) for path in (address(pattern), address(pattern).rstrip("/")))
        assert alike(one, other), (one.status_code, other.status_code)


@pytest.mark.parametrize("pattern", WRITTEN, ids=ids)
def test_no_body_is_lost_for_a_slash(api: APIClient, pattern: URLPattern) -> None:
    an_open_study()
    one, other = (
        api.post(path, {"zzzz": 1}, format="json") for path in (address(pattern), address(pattern).rstrip("/"))
    )
    assert one.status_code == other.status_code != 301 and one.content == other.content


def test_a_study_is_made_without_the_slash(api: APIClient) -> None:
    an_open_study()
    made = api.post("/api/v1/studies", {"name": "x", "runs": ["trial-plain", "trial-guided"]}, format="json")
    assert made.status_code == 201 and Study.objects.filter(name="x").exists()
    assert api.get("/api/v1/studies?limit=1").json()["next"].endswith("/api/v1/studies/?limit=1&offset=1")


def _patterns(resolver: URLResolver, prefix: str = "") -> list[tuple[str, URLPattern]]:
    found: list[tuple[str, URLPattern]] = []
    for each in resolver.url_patterns:
        path = prefix + str(each.pattern)
        found += _patterns(each, path) if isinstance(each, URLResolver) else [(path, each)]
    return found


def test_pages_lead_to_their_right_form_and_keep_the_method() -> None:
    User.objects.create_user("ada", password="engine-of-1843")
    client = Client()
    walked = 0
    for path, pattern in _patterns(get_resolver()):
        if (
            path.startswith(("admin/", "api/", "static"))
            or path in ("", "docs/", "r/")
            or "<path" in path
            or "docs/" in path
        ):
            continue
        known = {"int": "1", "slug": "trial", "uuid": "6f1d3c9a-6c0e-5f0b-9d0a-3c5f1f6f2a11", "str": "x"}
        known |= {"sha256": "0" * 64, "figure": "svg", "ratings": "csv"}
        right = "/" + path
        for kind, value in known.items():
            for name in pattern.pattern.converters:
                right = right.replace(f"<{kind}:{name}>", value)
        wrong = right[:-1] if right.endswith("/") else f"{right}/"
        led = client.get(f"{wrong}?a=1&b=%20")
        assert led.status_code == 301 and led.headers["Location"] == f"{right}?a=1&b=%20", wrong
        led = client.post(wrong, {"a": "1"})
        assert led.status_code == 308 and led.headers["Location"] == right, "308 keeps the POST"
        walked += 1
    assert walked > 60
    assert client.get("//evil.example/r/join/x").status_code == 404
    assert client.get("/nothing-here").status_code == client.get("/nothing-here/").status_code == 404


def test_an_invitation_pasted_with_a_slash_works() -> None:
    invitation = invitation_create(study=an_open_study())
    answer = Client().get(f"/r/join/{invitation.key}/", follow=True)
    assert answer.status_code == 200 and Invitation.objects.count() == 1


# --- Forms of answers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "offered", "wanted"),
    [
        ("", ["a/x", "b/y"], "a/x"),
        ("*/*", ["a/x", "b/y"], "a/x"),
        ("*", ["a/x"], "a/x"),
        ("b/y", ["a/x", "b/y"], "b/y"),
        ("a/x;q=0.1, b/*", ["a/x", "b/y"], "b/y"),
        ("a/x;q=0, */*;q=0.5", ["a/x", "b/y"], "b/y"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", ["application/json"], "application/json"),
        ("application/json; charset=utf-8; indent=4", ["application/json"], "application/json"),
        ("image/avif,image/webp", ["image/*"], "image/*"),
        ("image/*", ["image/*"], "image/*"),
        ("text/html", ["application/json"], None),
        ("application/json;q=0", ["application/json"], None),
        (";;;,/,,q=;*/", ["application/json"], None),
    ],
)
def test_what_the_accept_header_prefers(accept: str, offered: list[str], wanted: str | None) -> None:
    assert preferred(accept, offered) == wanted


@pytest.mark.parametrize("pattern", READ, ids=ids)
def test_every_address_by_every_accept_header(api: APIClient, pattern: URLPattern) -> None:
    an_open_study()
    usual = api.get(address(pattern)).status_code
    assert api.get(address(pattern), headers={"Accept": "text/html,*/*;q=0.8"}).status_code == usual
    for accept in ("video/mp4", "*/*;q=0", "\u00ff", ";", "a/b/c", "x" * 4000, "application/json;q=x", ", ,", "q=1"):
        answer = api.get(address(pattern), headers={"Accept": accept})
        assert answer.status_code in (usual, 406), accept
        if answer.status_code == 406:
            assert (
                answer.headers["Content-Type"] == "application/json"
                and "This address answers" in answer.json()["detail"]
            )
    missing = api.get(address(pattern) + "?limt=1", headers={"Accept": "*/*"})
    assert missing.status_code == 400 and missing.headers["Content-Type"] == "application/json"


def test_exports_by_accept(api: APIClient) -> None:
    study = an_open_study()
    raters_simulate(study=study, share=1, seed=0)

    def asked(path: str, accept: str) -> tuple[int, str, bytes]:
        answer = api.get(f"/api/v1/studies/trial/{path}", headers={"Accept": accept})
        return answer.status_code, answer.headers["Content-Type"].split(";")[0], answer.getvalue()[:6]

    assert asked("ratings/", "*/*")[:2] == asked("ratings/", "text/csv")[:2] == (200, "text/csv")
    assert asked("ratings/", "application/vnd.apache.parquet") == (
        200,
        "application/vnd.apache.parquet",
        b"PAR1\x15\x04",
    )
    assert asked("ratings/?as=csv", "application/json")[:2] == (200, "text/csv"), "the address is the plainer word"
    assert asked("ratings/", "application/json")[:2] == (406, "application/json")
    assert asked("results/", "*/*")[:2] == (200, "application/json")
    assert asked("results/", "text/csv, */*;q=0.1")[:2] == (200, "text/csv")
    assert asked("results/", "text/csv")[2] == b"genera"
    assert asked("results/?level=2", "text/csv")[:2] == (400, "application/json"), "errors are JSON"
    assert asked("progress/", "text/csv")[:2] == (406, "application/json")
