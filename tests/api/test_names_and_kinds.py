"""Whatever an endpoint does not know, or knows as another kind, is refused by name, and nothing is made of the rest.

The walks take every address and method from the API's own list, so a new endpoint is walked as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.test.client import MULTIPART_CONTENT, encode_multipart
from django.urls import URLPattern, reverse
from rest_framework import serializers
from rest_framework.test import APIClient

from common.places import CHECKOUT
from evaluation.api import fields
from evaluation.api.base import Endpoint
from evaluation.api.urls import urlpatterns
from evaluation.models import GenerationRun, Invitation, MetricRun, Study, Suite, Upload
from tests.studies.world import a_run, a_suite, an_open_study

pytestmark = pytest.mark.django_db

KEY = "6f1d3c9a-6c0e-5f0b-9d0a-3c5f1f6f2a11"
PARTS = {"pk": 1, "key": KEY, "sha256": "0" * 64, "name": "trial"}
FORMS = ("json", "form", "multipart")
CASES = CHECKOUT.parent / "shared" / "cases" / "api-unknown-field"


def endpoint(pattern: URLPattern) -> type[Endpoint]:
    found: type[Endpoint] = pattern.callback.view_class  # type: ignore[attr-defined]  # `as_view` sets it
    return found


def address(pattern: URLPattern) -> str:
    return reverse(f"api:{pattern.name}", kwargs={name: PARTS[name] for name in pattern.pattern.converters})


def ids(pattern: URLPattern) -> str:
    return str(pattern.name)


READ = [each for each in urlpatterns if isinstance(each, URLPattern) and hasattr(endpoint(each), "get")]
WRITTEN = [each for each in urlpatterns if isinstance(each, URLPattern) and hasattr(endpoint(each), "post")]


def send(api: APIClient, path: str, body: Mapping[str, object], form: str) -> Any:
    if form == "json":
        return api.post(path, json.dumps(body), content_type="application/json")
    if form == "form":
        return api.post(path, urlencode(body), content_type="application/x-www-form-urlencoded")
    return api.post(path, encode_multipart("BoUnDaRyStRiNg", dict(body)), content_type=MULTIPART_CONTENT)


def counts() -> list[int]:
    return [each.objects.count() for each in (Study, Suite, Invitation, GenerationRun, MetricRun, Upload, User)]


def test_every_endpoint_is_walked() -> None:
    assert len(READ) + len(WRITTEN) > 40
    assert all(issubclass(endpoint(each), Endpoint) for each in urlpatterns if isinstance(each, URLPattern))


@pytest.mark.parametrize("pattern", READ, ids=ids)
def test_unknown_parameters_of_addresses(api: APIClient, pattern: URLPattern) -> None:
    known = list(endpoint(pattern).query().fields)
    for name in ("limt", "offest", "nmae", "x" * 500, "format" if "format" not in known else "fromat"):
        answer = api.get(f"{address(pattern)}?{name}=5")
        assert answer.status_code == 400, (pattern.name, name)
        assert answer.json()["field"] == name[:60] and f'Unknown parameter "{name[:60]}"' in answer.json()["detail"]
    for name in known:
        misspelt = name + name[-1]
        answer = api.get(f"{address(pattern)}?{misspelt}=5")
        assert answer.status_code == 400 and f'did you mean "{name}"?' in answer.json()["detail"]
        twice = api.get(f"{address(pattern)}?{name}=5&{name}=6")
        assert twice.status_code == 400 and twice.json()["field"] == name, "of two values none is the right one"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("pattern", WRITTEN, ids=ids)
def test_unknown_fields_of_bodies(api: APIClient, pattern: URLPattern, form: str) -> None:
    before = counts()
    known = [name for name, each in endpoint(pattern).body().fields.items() if not each.read_only]
    for name, near in [("zzzz", ""), *((each + each[-1], each) for each in known)]:
        answer = send(api, address(pattern), {name: "5"}, form)
        if answer.status_code == 415:
            assert form == "json", "an address that takes files takes forms alone"
            return
        assert answer.status_code == 400, (pattern.name, name, answer.json())
        told = answer.json()
        assert told["field"] == name and f'Unknown field "{name}"' in told["detail"]
        assert not near or f'did you mean "{near}"?' in told["detail"]
        assert name in told["errors"]
    assert send(api, f"{address(pattern)}?dry_run=1", {}, form).json()["field"] == "dry_run"
    assert counts() == before


def typed() -> Iterator[tuple[str, str, object]]:
    """(endpoint, field, a value of another kind) for every field that a body has, nested ones too."""
    others: dict[type[object], tuple[object, ...]] = {
        fields.Words: (5, True, [], {}),
        fields.Whole: ("5", 5.5, True, [], {}, 1e400),
        fields.Number: ("0.5", True, [], {}),
        fields.Flag: ("true", "yes", 1, 0, [], {}),
        fields.Choice: (1, True, [], {}),
        fields.Moment: (5, True, "2030-01-01", "2030-01-01T00:00:00", []),
        fields.Several: ("a", 5, True, {}),
        fields.Mapped: ("a", 5, True, []),
        fields.SentFile: ("a", 5, [], {}),
        fields.Input: ("a", 5, True, []),
    }
    for pattern in WRITTEN:
        body = endpoint(pattern).body()
        nested = [(f"{name}.", each) for name, each in body.fields.items() if isinstance(each, serializers.Serializer)]
        for prefix, part in [("", body), *nested]:
            for name, field in part.fields.items():
                if field.read_only:
                    continue
                values = next(each for kind, each in others.items() if isinstance(field, kind))
                for value in (*values, *([] if field.allow_null else [None])):
                    yield str(pattern.name), prefix + name, value


@pytest.mark.parametrize("pattern", WRITTEN, ids=ids)
def test_values_of_another_kind(api: APIClient, pattern: URLPattern) -> None:
    before, walked = counts(), 0
    for _, name, value in (each for each in typed() if each[0] == pattern.name):
        outer, _, inner = name.partition(".")
        body = {outer: {inner: value}} if inner else {name: value}
        text = json.dumps(body).replace("Infinity", "1e400")
        answer = api.post(address(pattern), text, content_type="application/json")
        if answer.status_code == 415:
            return
        assert answer.status_code == 400, (name, value, answer.content)
        if value == 1e400:  # no JSON can hold it: refused before any field is looked at
            assert "1e400" in answer.json()["detail"] or "too large" in answer.json()["detail"], answer.content
            walked += 1
            continue
        errors = answer.json()["errors"]
        assert outer in errors and (not inner or inner in errors[outer]), (name, value, errors)
        walked += 1
    assert walked >= 3 * len(endpoint(pattern).body().fields)
    for other in ([], [1], "text", 5, None):
        answer = api.post(address(pattern), json.dumps(other), content_type="application/json")
        assert answer.status_code == 400 and answer.json()["detail"], other
    assert counts() == before


def test_numbers_in_forms_and_addresses_are_plain(api: APIClient) -> None:
    for text in ("٣", "1_000", " 5", "5 ", "0x10", "5.5", "", "null", "1e3", "9" * 5000, "-1", "0"):
        assert api.get(f"/api/v1/runs/?{urlencode({'limit': text})}").status_code == 400, text
    for text in ("nan", "inf", "1_0", "0,9", "", "½", "9" * 400):
        assert api.get(f"/api/v1/studies/none/results/?{urlencode({'level': text})}").json()["field"] == "level", text
    assert api.get("/api/v1/runs/?limit=5&offset=0").status_code == 200


def test_fields_within_fields(api: APIClient) -> None:
    suite = a_suite()
    for name in ("one", "two"):
        a_run(suite, name)
    given = {"name": "mine", "runs": ["one", "two"]}
    answer = api.post("/api/v1/studies/", {**given, "stopping_rule": {"half_with": 0.1, "mrgin": 1}}, format="json")
    assert answer.status_code == 400 and answer.json()["field"] == "stopping_rule"
    assert 'did you mean "half_width"?' in answer.json()["detail"] and "mrgin" in str(answer.json()["errors"])
    for form in ({"stopping_rule.half_with": "0.1"}, {"stopping_rule": "{}"}, {"runs.0": "one"}, {"name[0]": "x"}):
        answer = send(api, "/api/v1/studies/", {"name": "mine", **form}, "form")
        assert answer.status_code == 400 and next(iter(form)).split(".")[0] in str(answer.json()), form
    assert not Study.objects.exists()


def test_a_hundred_thousand_unknown_fields_are_told_in_a_line(api: APIClient) -> None:
    answer = api.post("/api/v1/suites/", {f"n{number}": 1 for number in range(100_000)}, format="json")
    assert answer.status_code == 400 and len(answer.content) < 20_000


@pytest.mark.skipif(not CASES.exists(), reason="the shared cases are not here")
@pytest.mark.parametrize(
    ("case", "path", "name", "near"),
    [
        ("invitation.json", "studies/trial/invitations/", "max_rater", "max_raters"),
        ("study.json", "studies/", "sample_per_set", "samples_per_set"),
        ("study-seed.json", "studies/", "seed", ""),
    ],
)
def test_the_shared_cases(api: APIClient, case: str, path: str, name: str, near: str) -> None:
    suite = an_open_study().study_runs.all()[0].run.suite
    for run in ("ra", "rb"):
        a_run(suite, run)
    before = counts()
    answer = api.post(f"/api/v1/{path}", Path(CASES / case).read_bytes(), content_type="application/json")
    assert answer.status_code == 400 and answer.json()["field"] == name
    assert not near or f'did you mean "{near}"?' in answer.json()["detail"]
    assert counts() == before
