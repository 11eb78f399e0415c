"""A run of images that are no squares: asked for by page, API and command alike, and told alike."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from evaluation.errors import InputError
from evaluation.models import GenerationRun
from evaluation.selectors.runs import run_manifest
from evaluation.services.runs.request import RunDraft, run_render
from generators.sizes import Size
from tests.rivals.conftest import declare, folder, openai_like, service  # noqa: F401  (fixtures)
from tests.rivals.server import KEY, Service
from tests.runs.steps import Capture, MakeSuite, command, draw, refused

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def tests_service(folder: object, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setenv("TESTS_KEY", KEY)
    declare(folder, "tests", **openai_like(service))  # type: ignore[arg-type]


def wide(make_suite: MakeSuite, **changes: object) -> GenerationRun:
    draft: dict[str, Any] = {"size": Size(48, 32), "samples_per_prompt": 1, "parameters": {}, **changes}
    draft["parameters"] = {"service": "tests", **draft["parameters"]}
    return run_render(
        RunDraft(suite=make_suite("a fox"), generator="http", **draft),
        queue=False,
    )


def test_width_and_height_of_a_run_are_its_images(make_suite: MakeSuite) -> None:
    run = draw(wide(make_suite))
    assert (run.width, run.height, run.parameters["width"], run.parameters["height"]) == (48, 32, 48, 32)
    image = run.samples.get().image
    assert (image.width, image.height) == (48, 32)
    session, line = run_manifest(run)
    assert (session["size"], session["width"], session["height"]) == (0, 48, 32)
    assert (line["width"], line["height"]) == (48, 32)


def test_one_side_is_refused_at_asking(make_suite: MakeSuite) -> None:
    with pytest.raises(InputError, match="give width and height together"):
        wide(make_suite, size=None, parameters={"width": 48})


def test_the_command_takes_width_and_height(make_suite: MakeSuite) -> None:
    make_suite("a fox")
    asked = ("--suite", "words", "--generator", "http", "--set", "service=tests", "--here")
    told = command(*asked, "--size", "48x32")
    assert (told["width"], told["height"], told["made"]) == (48, 32, 1)
    assert "a width and a height" in refused(*asked, "--size", "wide")
    assert "Its sizes: 64 x 64" in refused("--suite", "words", "--generator", "cascade", "--size", "64x32")


def test_the_api_takes_and_tells_width_and_height(
    make_suite: MakeSuite, admin_user: User, django_capture_on_commit_callbacks: Capture
) -> None:
    make_suite("a fox")
    api = APIClient()
    api.force_authenticate(admin_user)
    body = {"suite": "words", "generator": "http", "parameters": {"service": "tests"}, "samples_per_prompt": 1}
    made = api.post("/api/v1/runs/", body | {"width": 48, "height": 32}, format="json")
    assert made.status_code == 201 and (made.json()["width"], made.json()["height"]) == (48, 32)
    square = api.post("/api/v1/runs/", body | {"size": 64}, format="json").json()
    assert (square["width"], square["height"]) == (64, 64)
    for wrong, field in (({"width": 48}, "height"), ({"width": 48, "height": 32, "size": 48}, "size")):
        answer = api.post("/api/v1/runs/", body | wrong, format="json")
        assert answer.status_code == 400 and answer.json()["field"] == field, answer.json()


def test_the_page_says_width_and_height(make_suite: MakeSuite, admin_client: Client) -> None:
    run = wide(make_suite)
    page = admin_client.get(f"/runs/{run.pk}/").content.decode()
    assert "48 × 32 pixels" in page and "parameter-width=48" in page


def test_runs_of_before_keep_their_squares(make_suite: MakeSuite) -> None:
    from django.db import connection

    run = wide(make_suite)
    GenerationRun.objects.filter(pk=run.pk).update(width=64, height=64)
    with connection.cursor() as cursor:  # as the migration gives both sides to what had one
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE evaluation_generationrun DROP CONSTRAINT run_has_both_sides_or_none")
        cursor.execute("UPDATE evaluation_generationrun SET height = NULL")
        migration = __import__("evaluation.migrations.0021_width_height_and_pause", fromlist=["BOTH_SIDES"])
        cursor.execute(migration.BOTH_SIDES)
    run.refresh_from_db()
    assert (run.width, run.height) == (64, 64)
