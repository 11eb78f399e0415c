"""What the table of an upload shows can be put right there: moved, left out, taken for what it is."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from PIL import Image

from evaluation.errors import InputError
from evaluation.models import Suite, Upload
from evaluation.selectors.uploads import upload_summary
from evaluation.services.uploads.check import upload_check
from evaluation.services.uploads.confirm import upload_confirm
from evaluation.services.uploads.match import upload_match
from evaluation.services.uploads.receive import upload_receive
from tests.uploads.conftest import image_bytes, whole_run

pytestmark = pytest.mark.django_db
Make = Callable[[Mapping[str, bytes]], Path]

FILES = whole_run(1) | {
    "00003/0.png": image_bytes(30, "JPEG"),  # mislabelled
    "00002/0.webp": image_bytes(99, "WEBP"),  # a second for one place
    "extra.png": image_bytes(50),  # of no prompt
}
del FILES["00001/0.png"]


@pytest.fixture
def upload(suite: Suite, make_zip: Make) -> Upload:
    upload = upload_receive(suite=suite, run_name="mine", generator="theirs", source=make_zip(FILES))
    assert upload_check(upload=upload)
    return upload


def places(upload: Upload) -> dict[str, tuple[str | None, int | None]]:
    return {row["file"]: (row["prompt_id"], row["sample"]) for row in upload.table if not row["problem"]}


def test_everything_wrong_is_put_right_without_uploading_again(upload: Upload) -> None:
    summary = upload_summary(upload)
    assert (summary.matched, summary.duplicates, summary.unmatched, summary.n_missing) == (1, 2, 1, 3)
    upload = upload_match(upload=upload, options={"by_content": True})
    assert places(upload)["00003/0.png"] == ("00003", 0)
    assert any("taken for what the content is" in note for note in upload_summary(upload).notes)
    upload = upload_match(upload=upload, options={"edits": [{"file": "00002/0.webp", "leave_out": True}]})
    assert "00002/0.png" in places(upload) and upload_summary(upload).left_out == ("00002/0.webp",)
    upload = upload_match(upload=upload, options={"edits": [{"file": "extra.png", "prompt": 1, "sample": 0}]})
    assert upload_summary(upload).complete and places(upload)["extra.png"] == ("00001", 0)
    assert upload_confirm(upload=upload).samples.count() == 4


def test_an_edit_can_be_taken_back(upload: Upload) -> None:
    before = upload.table
    upload_match(upload=upload, options={"edits": [{"file": "extra.png", "prompt": 1, "sample": 0}]})
    again = upload_match(upload=upload, options={"edits": [{"file": "extra.png"}]})
    assert again.table == before and again.options["edits"] == {}


def test_moving_two_files_to_one_place_doubles_them(upload: Upload) -> None:
    upload = upload_match(upload=upload, options={"edits": [{"file": "extra.png", "prompt": 0, "sample": 0}]})
    assert upload_summary(upload).duplicates == 4 and "00000/0.png" not in places(upload)


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        ({"file": "nothing.png", "leave_out": True}, "not among the images"),
        ({"file": "extra.png", "prompt": 4, "sample": 0}, "no prompt 00004 in the suite; its prompts run from 00000"),
        ({"file": "extra.png", "prompt": "one", "sample": 0}, "prompt must be a prompt's number"),
        ({"file": "extra.png", "prompt": 1, "sample": 1000}, "from 0 to 999"),
        ({"file": "extra.png", "prompt": -1, "sample": 0}, "prompt must be a prompt's number"),
        ({"name": "extra.png"}, "must have file"),
        ("extra.png", "must have file"),
    ],
)
def test_what_can_not_be_is_refused_and_changes_nothing(upload: Upload, edit: object, told: str) -> None:
    with pytest.raises(InputError, match=told):
        upload_match(upload=upload, options={"edits": [edit]})
    upload.refresh_from_db()
    assert "edits" not in upload.options


def test_the_page_shows_prompt_and_image_and_puts_right(upload: Upload, client: Client) -> None:
    client.force_login(User.objects.create_user("ada"))
    page = client.get(f"/uploads/{upload.key}/").content.decode()
    small = f"/uploads/{upload.key}/images/{next(row for row in upload.table if not row['problem'])['sha256']}/small/"
    assert small in page and "a fox" in page and "2 files doubled" in page
    answer = client.get(small)
    assert answer.headers["Content-Type"] == "image/webp" and answer.headers["X-Content-Type-Options"] == "nosniff"
    assert Image.open(io.BytesIO(answer.content)).size == (24, 24)
    assert client.get(small.replace(upload.table[0]["sha256"], "0" * 64)).status_code == 404
    moved = {"file": "extra.png", "prompt": "1", "sample": "0", "move": "1"}
    assert "was put right" in client.post(f"/uploads/{upload.key}/fix/", moved, follow=True).content.decode()
    upload.refresh_from_db()
    assert places(upload)["extra.png"] == ("00001", 0)
    client.post(f"/uploads/{upload.key}/fix/", {"file": "extra.png", "leave_out": "1"})
    page = client.get(f"/uploads/{upload.key}/").content.decode()
    assert "1 file left out by hand" in page
    refused = client.post(f"/uploads/{upload.key}/fix/", moved | {"prompt": "x"}, follow=True).content.decode()
    assert "prompt must be a prompt" in refused


def test_the_api_puts_right(upload: Upload, client: Client) -> None:
    client.force_login(User.objects.create_user("ada"))
    body = {"edits": [{"file": "extra.png", "prompt": 1, "sample": 0}], "by_content": True}
    address = f"/api/v1/uploads/{upload.key}/match/"
    answer = client.post(address, body, content_type="application/json")
    assert answer.status_code == 200 and answer.json()["options"]["edits"] == {"extra.png": ["00001", 0]}
    wrong = client.post(address, {"edits": [{"file": "extra.png", "promt": 1}]}, content_type="application/json")
    assert wrong.status_code == 400 and "promt" in wrong.content.decode()
