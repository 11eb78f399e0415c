"""A zip through the pages: sent, checked, looked over, confirmed or dropped."""

from __future__ import annotations

import io
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django.fixtures import Settings

from evaluation.models import GenerationRun, Suite, Upload
from evaluation.services.uploads.check import upload_check
from tests.studies.world import a_suite, png

pytestmark = pytest.mark.django_db


def zipped(files: dict[str, bytes]) -> SimpleUploadedFile:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return SimpleUploadedFile("images.zip", buffer.getvalue())


@pytest.fixture
def suite(db: None) -> Suite:
    return a_suite({"Colors": 2})


def send(signed_in: Client, suite: Suite, file: SimpleUploadedFile, **headers: str) -> Upload:
    values = {"suite": suite.pk, "run_name": "imagen", "generator": "imagen", "file": file}
    answer = signed_in.post("/uploads/new/", values)
    upload = Upload.objects.get()
    assert answer.headers["Location"] == f"/uploads/{upload.key}/"
    return upload


GOOD = {f"{prompt:05d}/{sample}.png": png(10 * prompt + sample) for prompt in range(2) for sample in range(2)}


def test_a_whole_zip_becomes_a_run(signed_in: Client, suite: Suite) -> None:
    upload = send(signed_in, suite, zipped(GOOD))
    text = signed_in.get(f"/uploads/{upload.key}/").content.decode()
    assert f'hx-get="/uploads/{upload.key}/state/"' in text
    while not upload_check(upload=upload, seconds=30):
        pass
    assert signed_in.get(f"/uploads/{upload.key}/state/").headers["HX-Refresh"] == "true"
    text = signed_in.get(f"/uploads/{upload.key}/").content.decode()
    assert "<strong>4</strong> valid images for <strong>2</strong> prompts" in text and "00001/1.png" in text
    answer = signed_in.post(f"/uploads/{upload.key}/confirm/", follow=True)
    run = GenerationRun.objects.get()
    assert run.samples.count() == 4 and f"Saved as run &quot;{run.name}&quot;." in answer.content.decode()


def test_problems_are_named_and_must_be_settled(signed_in: Client, suite: Suite) -> None:
    upload = send(signed_in, suite, zipped(GOOD | {"00001/1.png": b"no image", "notes.txt": b"hello"}))
    while not upload_check(upload=upload, seconds=30):
        pass
    text = signed_in.get(f"/uploads/{upload.key}/").content.decode()
    assert "Leave out the <strong>1</strong> file" in text and "missing sample" in text and "1 file ignored" in text
    assert "00001/1.png" in signed_in.get(f"/uploads/{upload.key}/?problems").content.decode()
    refused = signed_in.post(f"/uploads/{upload.key}/confirm/", follow=True).content.decode()
    assert "has problems" in refused and not GenerationRun.objects.exists()
    signed_in.post(f"/uploads/{upload.key}/confirm/", {"ignore_problems": "on", "allow_missing": "on"})
    assert GenerationRun.objects.get().samples.count() == 3


def test_an_upload_can_be_dropped(signed_in: Client, suite: Suite) -> None:
    upload = send(signed_in, suite, zipped(GOOD))
    assert f'href="/uploads/{upload.key}/"' in signed_in.get("/runs/").content.decode()
    assert "was discarded" in signed_in.post(f"/uploads/{upload.key}/drop/", follow=True).content.decode()
    upload.refresh_from_db()
    assert upload.status == Upload.Status.DROPPED
    assert str(upload.key) not in signed_in.get("/runs/").content.decode()


def test_what_is_no_zip_is_refused_beside_its_field(signed_in: Client, suite: Suite) -> None:
    values = {"suite": suite.pk, "run_name": "x", "generator": "x", "file": SimpleUploadedFile("x.zip", b"no zip")}
    answer = signed_in.post("/uploads/new/", values)
    assert answer.status_code == 422
    assert 'id="id_file-error"' in answer.content.decode() and "is not a zip" in answer.content.decode()
    values["file"] = SimpleUploadedFile("x.zip", b"no zip")
    told = signed_in.post("/uploads/new/", values, headers={"Accept": "application/json"})
    assert told.status_code == 422 and "is not a zip" in told.json()["errors"]["file"][0]
    assert not Upload.objects.exists()


def test_a_name_that_is_taken_is_told_beside_its_field(signed_in: Client, suite: Suite) -> None:
    GenerationRun.objects.create(name="imagen", suite=suite, origin="uploaded", generator="x", samples_per_prompt=1)
    values = {"suite": suite.pk, "run_name": "imagen", "generator": "imagen", "file": zipped(GOOD)}
    answer = signed_in.post("/uploads/new/", values)
    assert answer.status_code == 422 and 'id="id_run_name-error"' in answer.content.decode()


def test_the_script_gets_an_address(signed_in: Client, suite: Suite) -> None:
    values = {"suite": suite.pk, "run_name": "imagen", "generator": "imagen", "file": zipped(GOOD)}
    answer = signed_in.post("/uploads/new/", values, headers={"Accept": "application/json"})
    assert answer.status_code == 201 and answer.json()["address"] == f"/uploads/{Upload.objects.get().key}/"


def test_a_zip_beyond_the_limit_is_refused_with_the_limit(signed_in: Client, suite: Suite, settings: Settings) -> None:
    settings.UPLOAD_MAX_BYTES = 100
    values = {"suite": suite.pk, "run_name": "imagen", "generator": "imagen", "file": zipped(GOOD)}
    answer = signed_in.post("/uploads/new/", values)
    assert answer.status_code == 422 and "the limit of this server" in answer.content.decode()
    assert not Upload.objects.exists()
