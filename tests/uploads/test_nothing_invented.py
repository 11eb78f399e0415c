"""What nobody here knows of an uploaded run is told as unknown, nowhere as zero."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from evaluation.models import GenerationRun, Suite
from evaluation.selectors.runs import run_manifest
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.uploads.check import upload_check
from evaluation.services.uploads.confirm import upload_confirm
from evaluation.services.uploads.receive import upload_receive
from tests.uploads.conftest import whole_run

Make = Callable[[Mapping[str, bytes]], Path]


@pytest.fixture
def uploaded(suite: Suite, make_zip: Make) -> GenerationRun:
    upload = upload_receive(suite=suite, run_name="theirs", generator="x", source=make_zip(whole_run(1)))
    assert upload_check(upload=upload)
    run = upload_confirm(upload=upload)
    # as runs of earlier versions were stored
    GenerationRun.objects.filter(pk=run.pk).update(started_at=run.finished_at)
    return GenerationRun.objects.get(pk=run.pk)


def test_nowhere(uploaded: GenerationRun, client: Client, django_user_model: type[User]) -> None:
    client.force_login(django_user_model.objects.create_user("ada"))
    page = client.get(f"/runs/{uploaded.pk}/").content.decode()
    assert "unknown: not drawn here" in page and "Took" not in page
    said = client.get(f"/api/v1/runs/{uploaded.pk}/").json()
    assert said["run_seed"] is None and said["started_at"] is None and said["finished_at"] is not None
    first = next(iter(run_manifest(uploaded)))
    assert first["run_seed"] is None and json.loads(json.dumps(first))["origin"] == "uploaded"


def test_in_studies_too(uploaded: GenerationRun, suite: Suite, make_zip: Make, client: Client) -> None:
    other = upload_receive(suite=suite, run_name="others", generator="y", source=make_zip(whole_run(1)))
    upload_check(upload=other)
    study = study_create(StudyDraft(name="mine", runs=[uploaded, upload_confirm(upload=other)]))
    assert [each["run_seed"] for each in study.specification["runs"]] == [None, None]
    client.force_login(User.objects.create_user("ada"))
    page = client.get("/studies/mine/").content.decode()
    assert page.count('<span class="muted">unknown</span>') == 4  # parameters and seed of each


def test_the_command_says_null(uploaded: GenerationRun, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("render", "--list", "--format", "json")
    told = json.loads(capsys.readouterr().out)
    assert [run["seed"] for run in told["runs"]] == [None]


def test_a_run_that_was_drawn_here_has_its_seed(suite: Suite) -> None:
    run = GenerationRun(suite=suite, name="ours", origin="rendered", generator="x", samples_per_prompt=1, run_seed=0)
    assert run.known_seed == 0
