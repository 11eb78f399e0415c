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
from evaluation.errors import ConflictError, InputError
from evaluation.models import GenerationRun, Suite, Upload
from evaluation.services.runs.export import run_export
from evaluation.services.runs.manage import run_declare
from evaluation.services.studies.create import StudyDraft, study_create
from generators.filenames.said_of_all import said_of_all
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


CSV = "file,prompt,model,version,license,seed,guidance_scale,score\n" + "".join(
    f"{name}.png,{text},theirs,1.1,CC0,{40 + at},3.5,0.{at}\n"
    for at, (name, text) in enumerate(zip("abcd", ("a fox", "a heron", "a birch", "a moss"), strict=True))
)


@pytest.mark.django_db
def test_a_list_beside_the_images_says_it(suite: Suite, make_folder: Make) -> None:
    images = dict(zip(("a.png", "b.png", "c.png", "d.png"), whole_run(1).values(), strict=True))
    folder = make_folder({**images, "manifest.csv": CSV.encode()})
    run = upload(folder, "said")
    assert run.declared == {"version": "1.1", "licence": "CC0", "seeds": "40, 41, 42, 43"}
    assert run.parameters == {"guidance scale": "3.5"}
    own = upload(folder, "own", "--generator-version", "2", "--parameter", "steps=20")
    assert own.declared["version"] == "2" and own.parameters == {"steps": "20"}, "what somebody declares counts"
    assert any("another version, parameters than you declared" in note for note in own.provenance["notes"])


@pytest.mark.django_db
def test_a_run_that_was_exported_comes_back_with_what_was_declared(
    suite: Suite, make_folder: Make, tmp_path: Path
) -> None:
    said = upload(make_folder(whole_run()), "said", *SAID, "--selection", "not_hand_picked")
    run_export(run=said, folder=tmp_path / "exported")
    again = upload(tmp_path / "exported", "again")
    assert (again.declared, again.parameters) == (said.declared, said.parameters)
    named = ("--suite", "words", "--name", "other", "--generator", "mine", "--yes", "--format", "json")
    call_command("upload_run", str(tmp_path / "exported"), *named, stdout=io.StringIO(), stderr=io.StringIO())
    notes = GenerationRun.objects.get(name="other").provenance["notes"]
    assert any("says that theirs made them, and you that mine did" in note for note in notes)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"seed": 7, "version": "1"}, {"seed": 7, "version": "2"}], {"seeds": "7"}),
        ([{"seed": at} for at in range(9, 200)], {"seeds": "9 to 199 (191 seeds)"}),
        ([{"seed": 7}, {"seed": ""}, {"licence": None}], {}),
        ([{"kind": "session", "generator": "x", "run_seed": 0, "parameters": {"steps": 4}}],
         {"generator": "x", "seeds": "0", "parameters": {"steps": "4"}}),
        ([{"kind": "session", "generator_version": None, "run_seed": None, "parameters": {}}], {}),
        ([], {}),
    ],
)  # fmt: skip
def test_only_what_is_said_of_all_images_counts(rows: list[dict[str, object]], said: dict[str, object]) -> None:
    assert said_of_all(rows) == said


@pytest.mark.django_db
def test_what_a_list_says_that_can_not_be_kept_stays_unknown(suite: Suite, make_folder: Make) -> None:
    images = dict(zip(("a.png", "b.png", "c.png", "d.png"), whole_run(1).values(), strict=True))
    run = upload(make_folder({**images, "manifest.csv": CSV.replace("CC0", "x" * 2000).encode()}), "said")
    assert "licence" not in run.declared and run.declared["version"] == "1.1"


@pytest.mark.django_db
class TestDeclaredAnew:
    def test_by_the_page(self, suite: Suite, make_folder: Make, client: Client) -> None:
        run = upload(make_folder(whole_run()), "said", *SAID)
        client.force_login(User.objects.create_user("ada"))
        page = client.get(f"/runs/{run.pk}/manage/").content.decode()
        assert 'value="CC BY 4.0"' in page and "guidance=7.5" in page
        assert f"/runs/{run.pk}/manage/#declared" in client.get(f"/runs/{run.pk}/").content.decode()
        given = {"action": "declare", "licence": "CC0", "selection": "hand_picked", "parameters": "steps=20"}
        wrong = client.post(f"/runs/{run.pk}/manage/", given | {"parameters": "steps"})
        assert wrong.status_code == 422 and 'id="id_parameters-error"' in wrong.content.decode()
        assert client.post(f"/runs/{run.pk}/manage/", given).status_code == 302
        run.refresh_from_db()
        assert run.declared == {"licence": "CC0", "selection": "hand_picked"} and run.parameters == {"steps": "20"}

    def test_by_the_api(self, suite: Suite, make_folder: Make, client: Client) -> None:
        run = upload(make_folder(whole_run()), "said", *SAID)
        client.force_login(User.objects.create_user("ada"))

        def post(**given: object) -> int:
            answer = client.post(f"/api/v1/runs/{run.pk}/manage/", given, content_type="application/json")
            run.refresh_from_db()
            return answer.status_code

        assert post(seeds="", selection="hand_picked") == 200
        assert run.declared == {"version": "3.5", "licence": "CC BY 4.0", "selection": "hand_picked"}
        assert run.parameters == {"guidance": "7.5"}, "what is not given stays"
        assert post(parameters={"steps": 20}, selection="") == 200
        assert run.parameters == {"steps": "20"} and "selection" not in run.declared
        assert post(selection="the best") == 400 and run.parameters == {"steps": "20"}
        assert post(name="other", parameters={"": 1}) == 400 and run.name == "said", "nothing half done"

    def test_not_where_a_study_rests_on_it_or_it_was_drawn_here(self, suite: Suite, make_folder: Make) -> None:
        folder = make_folder(whole_run())
        said, unsaid = upload(folder, "said", *SAID), upload(folder, "unsaid")
        study_create(StudyDraft(name="mine", runs=[said, unsaid]))
        with pytest.raises(ConflictError, match="It is used by the .*mine"):
            run_declare(run=said, declared={"version": "4"})
        drawn = upload(folder, "drawn")
        GenerationRun.objects.filter(pk=drawn.pk).update(origin=GenerationRun.Origin.RENDERED)
        with pytest.raises(ConflictError, match="was drawn here"):
            run_declare(run=drawn, declared={"version": "4"})
        said.refresh_from_db()
        assert said.declared["version"] == "3.5"


@pytest.mark.django_db
def test_uploads_are_listed_by_the_api(suite: Suite, make_zip: Make, client: Client) -> None:
    client.force_login(User.objects.create_user("ada"))
    for name in ("one", "two"):
        with make_zip(whole_run()).open("rb") as file:
            body = {"suite": "words", "run_name": name, "generator": "theirs", "file": file}
            assert client.post("/api/v1/uploads/", body).status_code == 201
    found = client.get("/api/v1/uploads/?limit=1").json()
    assert found["count"] == 2 and [each["run_name"] for each in found["results"]] == ["two"]
    assert found["results"][0]["key"] == str(Upload.objects.get(run_name="two").key)
