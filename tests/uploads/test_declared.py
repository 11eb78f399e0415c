"""What people say of images made elsewhere: kept, locked with a study, printed as a declaration; else unknown."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from evaluation.declared import SELECTIONS, checked_declaration, parameters_of, selection_in_words
from evaluation.errors import InputError
from evaluation.models import GenerationRun, Suite, Upload
from evaluation.services.studies.create import StudyDraft, study_create
from tests.uploads.conftest import whole_run

Make = Callable[[Mapping[str, bytes]], Path]
SAID = ("--generator-version", "3.5", "--licence", "CC BY 4.0", "--seeds", "0 to 1", "--parameter", "guidance=7.5")


def upload(folder: Path, name: str, *more: str) -> GenerationRun:
    named = ("--suite", "words", "--name", name, "--generator", "theirs", "--yes", "--format", "json")
    call_command("upload_run", str(folder), *named, *more, stdout=io.StringIO(), stderr=io.StringIO())
    return GenerationRun.objects.get(name=name)


@pytest.mark.django_db
def test_it_is_kept_locked_and_printed(suite: Suite, make_folder: Make, client: Client) -> None:
    folder = make_folder(whole_run())
    said = upload(folder, "said", *SAID, "--selection", "not_hand_picked")
    unsaid = upload(folder, "unsaid")
    assert said.parameters == {"guidance": "7.5"}
    assert said.declared == {
        "version": "3.5", "licence": "CC BY 4.0", "seeds": "0 to 1", "selection": "not_hand_picked"
    }  # fmt: skip
    assert (unsaid.parameters, unsaid.declared) == ({}, {})
    study = study_create(StudyDraft(name="mine", runs=[said, unsaid]))
    assert study.specification["runs"][0]["declared"] == said.declared
    client.force_login(User.objects.create_user("ada"))
    page = client.get("/studies/mine/").content.decode()
    assert SELECTIONS["not_hand_picked"] in page and "licence CC BY 4.0" in page and "seeds 0 to 1" in page
    run = client.get(f"/runs/{said.pk}/").content.decode()
    assert SELECTIONS["not_hand_picked"] in run and "3.5" in run and "7.5" in run
    assert client.get(f"/api/v1/runs/{said.pk}/").json()["declared"]["selection"] == "not_hand_picked"
    unknown = client.get(f"/runs/{unsaid.pk}/").content.decode()
    assert "<dt>Samples</dt><dd>unknown</dd>" in unknown and "unknown: not drawn here" in unknown


@pytest.mark.parametrize("selection", [*SELECTIONS, ""])
def test_every_way_of_choosing_has_words(selection: str) -> None:
    words = selection_in_words({"selection": selection}, drawn_here=False)
    assert ("declared" in words) == bool(selection) and selection_in_words({}, drawn_here=True) != words


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"version": "x" * 101}, "version"),
        ({"licence": "a\x00b"}, "licence"),
        ({"seeds": "a\u202eb"}, "seeds"),
        ({"selection": "the best"}, "selection"),
        ({"parameters": ["guidance"]}, "parameters"),
        ({"parameters": {"": "1"}}, "parameters"),
        ({"parameters": {str(at): "1" for at in range(101)}}, "parameters"),
    ],
)
def test_what_can_not_be_kept_is_refused(given: dict[str, object], field: str) -> None:
    with pytest.raises(InputError) as error:
        checked_declaration(given)
    assert error.value.field == field


def test_parameters_as_people_write_them() -> None:
    assert parameters_of(" guidance = 7.5\n\nnegative prompt=a=b\n") == {"guidance": "7.5", "negative prompt": "a=b"}
    for wrong in ("guidance", "=1", "a=1\na=2"):
        with pytest.raises(InputError):
            parameters_of(wrong)


@pytest.mark.django_db
def test_the_command_refuses_in_one_sentence(suite: Suite, make_folder: Make) -> None:
    with pytest.raises(CommandError, match="no parameter") as error:
        upload(make_folder(whole_run()), "mine", "--parameter", "guidance")
    assert error.value.returncode == 2 and not Upload.objects.exists()


@pytest.mark.django_db
def test_page_and_api_take_it(suite: Suite, make_zip: Make, client: Client) -> None:
    client.force_login(User.objects.create_user("ada"))
    said = {"version": "3.5", "licence": "", "seeds": "", "selection": "hand_picked"}
    form = {"suite": suite.pk, "run_name": "one", "generator": "theirs", **said, "parameters": "steps=20"}
    with make_zip(whole_run()).open("rb") as file:
        assert client.post("/uploads/new/", form | {"file": file}).status_code == 302
        file.seek(0)
        wrong = client.post("/uploads/new/", form | {"file": file, "run_name": "two", "parameters": "steps"})
        assert wrong.status_code == 422 and 'id="id_parameters-error"' in wrong.content.decode()
        file.seek(0)
        body = {"suite": "words", "run_name": "three", "generator": "theirs", "selection": "hand_picked", "file": file}
        assert client.post("/api/v1/uploads/", body).status_code == 201
    kept = {upload.run_name: upload.declared for upload in Upload.objects.all()}
    expected = {"version": "3.5", "selection": "hand_picked", "parameters": {"steps": "20"}}
    assert kept == {"one": expected, "three": {"selection": "hand_picked"}}
    assert json.loads(json.dumps(kept)) == kept
