"""Suites, runs and studies archived, renamed and deleted, by page, command and API; what is used stays, by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from evaluation.models import GenerationRun, MetricRun, Sample, StoredImage, Study, Suite, Upload
from evaluation.selectors.uses import run_uses, size_text, study_uses, suite_uses
from evaluation.services.runs.manage import run_delete
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.open import study_close
from tests.researcher.test_commands import document, refused, said
from tests.studies.world import a_run, a_suite, an_open_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(client: Client, settings: Settings, tmp_path: Path) -> Client:
    settings.MEDIA_ROOT = tmp_path / "media"
    client.force_login(User.objects.create_user("ada"))
    return client


def files(settings: Settings) -> set[str]:
    return {each.name for each in Path(settings.MEDIA_ROOT).rglob("*") if each.is_file()}


def did(client: Client, path: str, **given: Any) -> str:
    answer = client.post(path, given, follow=True)
    return str(answer.content.decode().replace("&#x27;", "'"))


def test_a_run_goes_with_its_files_and_nobody_elses(
    client: Client, settings: Settings, django_capture_on_commit_callbacks: Any
) -> None:
    suite = a_suite({"Colors": 3})
    gone, kept = a_run(suite, "gone"), a_run(suite, "kept")
    shared = kept.samples.all()[0].image
    Sample.objects.filter(pk=gone.samples.all()[0].pk).update(image=shared)
    alone = {f"{each.sha256}.png" for each in StoredImage.objects.all() if not _of(each, kept)}
    unused = {name for name in alone if not Sample.objects.filter(image__sha256=name[:64]).exists()}
    page = client.get(f"/runs/{gone.pk}/manage/").content.decode()
    uses = run_uses(gone)
    assert uses.images == 6 and uses.n_bytes > 0 and f"6 images, {size_text(uses.n_bytes)} of files" in page
    assert "can't be undone" in page.replace("&#x27;", "'")
    with django_capture_on_commit_callbacks(execute=True):
        assert "deleted" in did(client, f"/runs/{gone.pk}/manage/", action="delete", version=uses.version)
    assert not GenerationRun.objects.filter(name="gone").exists() and kept.samples.count() == 6
    there = files(settings)
    assert {f"{each.image.sha256}.png" for each in kept.samples.select_related("image")} <= there
    assert not (alone - unused) & there and StoredImage.objects.count() == 6 + len(unused)


def _of(image: StoredImage, run: GenerationRun) -> bool:
    return Sample.objects.filter(run=run, image=image).exists()


def test_what_was_not_said_is_not_lost(client: Client) -> None:
    run = a_run(a_suite({"Colors": 2}), "one")
    version = run_uses(run).version
    run.samples.all()[0].delete()
    answer = client.post(f"/runs/{run.pk}/manage/", {"action": "delete", "version": version})
    assert answer.status_code == 409 and "changed meanwhile" in answer.content.decode()
    assert GenerationRun.objects.filter(pk=run.pk).exists()


def test_what_is_used_is_refused_with_the_names(client: Client) -> None:
    study = an_open_study({"Colors": 1}, samples=1)
    run = study.study_runs.all()[0].run
    other = a_run(run.suite, "other", samples=1)
    draft = study_create(StudyDraft(name="a-draft", runs=[run, other]))
    MetricRun.objects.create(
        run=other,
        metric="fid",
        kind="set",
        better="lower",
        parameters_hash="0" * 64,
        reference_run=run,
        status="failed",
    )
    api = APIClient()
    api.force_authenticate(User.objects.get())
    for path, command, names in (
        (f"runs/{run.pk}/", ("run", run.name), ["trial", "a-draft", "the score fid of other"]),
        (f"runs/{other.pk}/", ("run", "other"), ["a-draft"]),
        (f"suites/{run.suite_id}/", ("suite", run.suite.name), [run.name, "other"]),
    ):
        page = client.get(f"/{path}manage/").content.decode()
        told = client.post(f"/{path}manage/", {"action": "delete"})
        renamed = client.post(f"/{path}manage/", {"action": "rename", "name": "new"})
        answer = api.delete(f"/api/v1/{path}")
        assert told.status_code == answer.status_code == 409 and renamed.status_code == 422
        shell = refused("tidy", *command, "--delete", "--yes")
        for name in names:
            for text in (page, told.content.decode(), answer.json()["detail"], shell, said("tidy", *command)):
                assert name in text
    assert refused("tidy", "study", "trial", "--delete", "--yes") and Study.objects.count() == 2
    assert said("tidy", "study", draft.name, "--delete").startswith("Nothing uses"), "without --yes nothing goes"
    said("tidy", "study", draft.name, "--delete", "--yes")
    assert api.delete(f"/api/v1/runs/{run.pk}/").status_code == 409 and Study.objects.get() == study


def test_archived_things_leave_lists_and_forms_and_come_back(client: Client) -> None:
    study = an_open_study({"Colors": 1}, samples=1)
    run, suite = study.study_runs.all()[0].run, Suite.objects.get()
    lone = a_run(suite, "lone", samples=1)
    assert "Close it first" in did(client, "/studies/trial/manage/", action="archive")
    study_close(study=study)
    for path, listed, name in (
        ("/studies/trial/manage/", "/studies/", "Secret title"),
        (f"/runs/{run.pk}/manage/", "/runs/", run.name),
        (f"/runs/{lone.pk}/manage/", "/studies/new/", "lone"),
        (f"/suites/{suite.pk}/manage/", "/suites/", suite.name),
        (f"/suites/{suite.pk}/manage/", "/runs/new/", str(suite)),
        (f"/suites/{suite.pk}/manage/", "/uploads/new/", str(suite)),
    ):
        assert f">{name}" in client.get(listed).content.decode(), listed
        did(client, path, action="archive")
        assert f">{name}" not in client.get(listed).content.decode(), listed
        assert f">{name}" in client.get(f"{listed}?archived=yes").content.decode() or "new" in listed
        assert client.get(path.replace("manage/", "")).status_code == 200
        did(client, path, action="restore")
        assert f">{name}" in client.get(listed).content.decode(), listed
    assert Study.objects.get().archived_at is None


def test_a_draft_whose_run_is_archived_can_still_be_edited(client: Client) -> None:
    suite = a_suite({"Colors": 1})
    runs = [a_run(suite, name, samples=1) for name in ("one", "two")]
    study_create(StudyDraft(name="draft", runs=runs))
    did(client, f"/runs/{runs[0].pk}/manage/", action="archive")
    given = {"runs": [run.pk for run in runs], "name": "draft", "protocol": "drawbench", "missing": "refuse"}
    answer = client.post("/studies/draft/edit/", given | {"design_seed": 3})
    assert answer.status_code == 302 and Study.objects.get().design_seed == 3


def test_renaming(client: Client) -> None:
    suite = a_suite({"Colors": 1}, name="mistyped")
    did(client, f"/suites/{suite.pk}/manage/", action="rename", name="right")
    assert Suite.objects.get().name == "right"
    run = a_run(suite, "one", samples=1)
    a_run(suite, "two", samples=1)
    for name, told in (("two", "already exists"), ("/", "can't be the name"), ("", "can't be the name")):
        assert told in did(client, f"/runs/{run.pk}/manage/", action="rename", name=name)
    assert document("tidy", "run", "one", "--rename", "first")["done"] == "renamed to first"
    study = an_open_study({"Colors": 1}, samples=1)
    hash_before = study.specification_hash
    did(client, "/studies/trial/manage/", action="rename", name="Another title")
    study.refresh_from_db()
    assert (study.title, study.name, study.specification_hash) == ("Another title", "trial", hash_before)


def test_a_suite_goes_once_its_runs_are_gone(client: Client) -> None:
    suite = a_suite({"Colors": 2})
    run = a_run(suite, "one")
    Suite.objects.update(frozen_at=run.created_at)
    Upload.objects.create(suite=suite, run_name="x", generator="x", status="dropped")
    assert suite_uses(suite).used_by == ("the run one",)
    run_delete(run=run)
    assert "2 prompts" in client.get(f"/suites/{suite.pk}/manage/").content.decode()
    api = APIClient()
    api.force_authenticate(User.objects.get())
    assert api.delete(f"/api/v1/suites/{suite.pk}/").status_code == 204 and not Suite.objects.exists()


def test_the_api_archives_and_says_what_would_be_lost(client: Client) -> None:
    run = a_run(a_suite({"Colors": 2}), "one")
    api = APIClient()
    api.force_authenticate(User.objects.get())
    assert api.get(f"/api/v1/runs/{run.pk}/manage/").json()["images"] == 4
    answer = api.post(f"/api/v1/runs/{run.pk}/manage/", {"archived": True, "name": "first"}, format="json")
    assert answer.status_code == 200 and (answer.json()["name"], answer.json()["archived"]) == ("first", True)
    assert api.delete(f"/api/v1/runs/{run.pk}/").status_code == 204
    assert study_uses(Study.objects.create(name="bare")).lost == "nothing but its name"


def test_whatever_refers_to_a_thing_was_thought_of() -> None:
    """A new relation to a suite, a run or a sample either uses it (and keeps it), or goes with it."""
    known = {
        Suite: {"Prompt", "GenerationRun", "Upload"},
        GenerationRun: {"Sample", "SampleFailure", "Upload", "StudyRun", "MetricRun"},
        Sample: {"StudyImage", "MetricScore"},
        StoredImage: {"Sample", "StudyImage"},
    }
    for model, users in known.items():
        found = {
            each.related_model.__name__
            for each in model._meta.get_fields(include_hidden=True)
            if each.auto_created and each.is_relation and not each.concrete and each.related_model
        }
        assert found == users, model


def test_bad_input_of_the_command() -> None:
    assert "Kinds: suite, run, study." in refused("tidy", "rum", "x")
    assert "--yes confirms --delete" in refused("tidy", "run", "x", "--yes")
