"""Whom a study takes and hidden rates, by page, command and API."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from evaluation.models import GenerationRun, Invitation, Study
from evaluation.services.studies.open import study_open
from tests.ratings.test_admission import ITEMS
from tests.studies.world import a_run, a_suite, an_open_study

pytestmark = pytest.mark.django_db

WANTED = {
    "quota_question": "Age?",
    "quotas": [["young", 3], ["old", 4]],
    "most_per_panel": 2,
    "excluded_studies": ["trial"],
    "least_right": 1,
}


@pytest.fixture
def runs() -> list[GenerationRun]:
    an_open_study({"Colors": 1}, samples=1)
    suite = a_suite({"Colors": 3})
    return [a_run(suite, name, samples=1) for name in ("one", "two")]


def is_declared(study: Study) -> bool:
    declared = study.specification
    own = declared["admission"]
    return {name: own[name] for name in WANTED} == WANTED and len(own["qualification"]) == 2 and "rates" in declared


def test_by_page(signed_in: Client, runs: list[GenerationRun]) -> None:
    values: dict[str, Any] = {"name": "mine", "protocol": "drawbench", "missing": "refuse"}
    values["runs"] = [run.pk for run in runs]
    values |= {
        "design_seed": 0,
        "quota_question": "Age?",
        "quota_answers": "young: 3\r\n\r\nold: 4",
        "most_per_panel": 2,
    }
    values |= {"exclude_studies": "trial", "qualification_least": 1, "hide_rates": "on", "signs_exclude": ["speed"]}
    items = SimpleUploadedFile("items.csv", ITEMS)
    assert signed_in.post("/studies/new/", values | {"qualification_file": items}).status_code == 302
    study = Study.objects.get(name="mine")
    assert is_declared(study) and study.specification["signs"]["exclude"] == ["speed"]
    page = signed_in.get("/studies/mine/edit/").content.decode()
    assert "young: 3\nold: 4" in page and "The 2 trials of the qualification" in page
    assert signed_in.post("/studies/mine/edit/", values | {"quota_answers": "young: 3\nold: 4"}).status_code == 302
    assert is_declared(Study.objects.get(name="mine")), "the file stays"
    answer = signed_in.post("/studies/mine/edit/", values | {"exclude_studies": "nobodys"})
    assert answer.status_code == 422 and 'id="id_exclude_studies-error"' in answer.content.decode()
    bad = SimpleUploadedFile("items.csv", b"what,ever\n1,2\n")
    answer = signed_in.post("/studies/mine/edit/", values | {"qualification_file": bad})
    assert answer.status_code == 422 and 'id="id_qualification_file-error"' in answer.content.decode()

    text = signed_in.get("/studies/mine/").content.decode()
    assert "who has 1 of 2 first trials right" in text and "young at most 3" in text
    study_open(study=study)
    made = signed_in.post("/studies/mine/invitations/", {"completion_code": "A", "screen_out_code": "a"})
    assert made.status_code == 422 and "Give two" in made.content.decode()
    signed_in.post("/studies/mine/invitations/", {"completion_code": "A", "screen_out_code": "B"})
    assert Invitation.objects.filter(screen_out_code="B").exists()


def test_by_command(runs: list[GenerationRun], tmp_path: Any) -> None:
    path = tmp_path / "items.csv"
    path.write_bytes(ITEMS)
    options = ["--quota-question", "Age?", "--quota", "young: 3", "--quota", "old: 4", "--most-per-panel", "2"]
    options += ["--exclude-study", "trial", "--qualification", str(path), "--pass-mark", "1", "--hide-rates"]
    call_command("create_study", "--name", "mine", "--runs", "one,two", *options, stdout=io.StringIO())
    assert is_declared(Study.objects.get(name="mine"))


def test_by_api(runs: list[GenerationRun], django_user_model: Any) -> None:
    api = APIClient()
    api.force_authenticate(django_user_model.objects.create_user("grace"))
    given = {"quota_question": "Age?", "quota_answers": ["young: 3", "old: 4"], "most_per_panel": 2, "hide_rates": True}
    given |= {"exclude_studies": ["trial"], "qualification_file": ITEMS.decode(), "qualification_least": 1}
    made = api.post("/api/v1/studies/", {"name": "mine", "runs": ["one", "two"]} | given, format="json")
    assert made.status_code == 201, made.content
    assert is_declared(Study.objects.get(name="mine"))
    study_open(study=Study.objects.get(name="mine"))
    assert api.post("/api/v1/studies/mine/pause/").json()["paused_at"] is not None
    assert api.post("/api/v1/studies/mine/resume/").json()["paused_at"] is None
    link = api.post(
        "/api/v1/studies/mine/invitations/", {"completion_code": "A", "screen_out_code": "B"}, format="json"
    )
    assert link.json()["screen_out_code"] == "B"
