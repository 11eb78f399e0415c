"""Input that no form would send: nothing is answered with a fault of the server."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.studies.world import an_open_study

pytestmark = pytest.mark.django_db

HUGE = 10**30


@pytest.mark.parametrize(
    "path",
    [
        "runs/?name=%00",
        f"runs/?limit={HUGE}&offset={HUGE}",
        "runs/?limit=-1&offset=-1",
        f"runs/{HUGE}/",
        "runs/{run}/samples/?prompt_id=" + "9" * 40,
        "runs/{run}/samples/?prompt_id=٣",
        "runs/{run}/samples/?prompt_id=²",
        "suites/{suite}/prompts/?category=%00",
        "images/%00/",
        "images/" + "A" * 500 + "/",
        "generators/%00/",
        "studies/trial/results/?level=nan",
        "studies/trial/results/?level=inf",
        "studies/trial/results/?level=1e999",
        "studies/trial/ratings/?as=%00",
        "suites/?limit=%00",
    ],
)
def test_odd_addresses(api: APIClient, path: str) -> None:
    study = an_open_study()
    run = study.study_runs.all()[0].run
    api.raise_request_exception = False
    answer = api.get("/api/v1/" + path.replace("{run}", str(run.pk)).replace("{suite}", str(run.suite_id)))
    assert answer.status_code < 500, answer.content[:500]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("runs/", {"suite": "suite-trial", "generator": "cascade", "parameters": {"weights": "a\x00b"}}),
        ("runs/", {"suite": "suite-trial", "generator": "cascade", "parameters": {"a\x00b": 1}}),
        ("runs/", {"suite": "suite-trial", "generator": "cascade", "parameters": {"guidance": [1]}}),
        ("runs/", {"suite": "suite-trial", "generator": "cascade", "parameters": {"steps": 1e308}}),
        ("runs/", {"suite": "suite-trial", "generator": "cascade", "parameters": {"steps": HUGE}}),
        ("runs/", {"suite": "suite-trial", "generator": "cascade", "run_seed": HUGE}),
        ("runs/", {"suite": "suite-trial", "generator": "cascade", "samples_per_prompt": HUGE}),
        ("runs/", {"suite": "suite-trial", "generator": "cascade", "size": HUGE}),
        ("runs/", {"suite": "@", "generator": "cascade"}),
        ("runs/", [1, 2]),
        ("runs/", "text"),
        ("studies/", {"name": "x", "runs": ["trial-plain", "trial-guided"], "design_seed": HUGE}),
        ("studies/", {"name": "x", "runs": ["trial-plain", "trial-guided"], "raters_per_panel": HUGE}),
        ("studies/", {"name": "x", "runs": ["trial-plain", "trial-guided"], "samples_per_set": -HUGE}),
        ("studies/", {"name": "x", "runs": ["trial-plain", "trial-guided"], "labels": ["a"]}),
        ("studies/", {"name": "x y", "runs": ["trial-plain", "trial-guided"]}),
        ("studies/", {"name": "x", "runs": [{"a": 1}]}),
        ("studies/trial/invitations/", {"max_raters": HUGE}),
        ("studies/trial/invitations/", {"completion_url": "javascript:alert(1)"}),
        ("suites/", {"known": ["drawbench-cc0"]}),
    ],
)
def test_odd_bodies(api: APIClient, path: str, body: Any) -> None:
    an_open_study()
    api.raise_request_exception = False
    answer = api.post(f"/api/v1/{path}", body, format="json")
    assert 400 <= answer.status_code < 500, answer.content[:500]
    assert answer.json()["detail"]


def test_broken_json(api: APIClient) -> None:
    answer = api.post("/api/v1/runs/", b"{", content_type="application/json")
    assert answer.status_code == 400 and "JSON" in answer.json()["detail"]
