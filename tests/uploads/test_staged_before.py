"""Uploads that were staged by an earlier version: they are confirmed as if they had been staged today."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from evaluation.models import Suite, Upload
from evaluation.services.store.images import image_path
from evaluation.services.uploads.beside import BESIDE, beside_of
from evaluation.services.uploads.check import upload_check
from evaluation.services.uploads.confirm import upload_confirm
from evaluation.services.uploads.drop import staging_of
from evaluation.services.uploads.match import CHECKED, upload_match
from evaluation.services.uploads.receive import upload_receive
from evaluation.services.uploads.staged import staged_small
from tests.uploads.conftest import whole_run

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("beside", [None, {}])
def test_rows_without_a_format_are_png_and_nothing_need_lie_beside(
    suite: Suite, make_zip: Callable[[Mapping[str, bytes]], Path], beside: object
) -> None:
    upload = upload_receive(suite=suite, run_name="mine", generator="imagen", source=make_zip(whole_run()))
    assert upload_check(upload=upload)
    staging = staging_of(upload)
    rows = [json.loads(line) for line in (staging / CHECKED).read_text().splitlines()]
    assert {row.pop("format") for row in rows} == {"png"}
    (staging / CHECKED).write_text("".join(json.dumps(row) + "\n" for row in rows))
    (staging / BESIDE).unlink(missing_ok=True)
    if beside is not None:
        (staging / BESIDE).write_text(json.dumps(beside))
    assert not beside_of(upload).captions
    upload = upload_match(upload=upload, options={})
    assert not any("format" in row for row in upload.table)
    small = staged_small(upload, upload.table[0]["sha256"])
    assert small is not None and small[8:12] == b"WEBP"
    run = upload_confirm(upload=Upload.objects.get(pk=upload.pk))
    assert run.samples.count() == 8
    assert all(image_path(sample.image).suffix == ".png" for sample in run.samples.select_related("image"))
