"""Opening: images made alike, a locked specification, all of it or nothing."""

import io
import json
from pathlib import Path

import pytest
from django.conf import settings
from django.db import DatabaseError, transaction
from PIL import Image

from common.hashes import hash_of
from evaluation.errors import ConflictError, InputError
from evaluation.models import Comparison, Sample, StoredImage, Study, StudyImage
from evaluation.services.store.images import StoreFullError, image_read
from evaluation.services.studies import renditions as rendition_make
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.open import study_close, study_open
from evaluation.services.studies.renditions import rendition_bytes
from evaluation.services.studies.specify import Display
from tests.studies.world import a_run, a_suite, an_open_study, png

pytestmark = pytest.mark.django_db


def test_every_shown_image_has_one_format_one_size_and_no_metadata() -> None:
    suite = a_suite()
    runs = [
        a_run(suite, "small", size=(16, 16)),
        a_run(suite, "large", size=(48, 48), image_format="jpeg"),
        a_run(suite, "wide", size=(40, 20)),
    ]
    study = study_open(study=study_create(StudyDraft(name="study", runs=runs)))
    display = study.specification["display"]
    assert display["width"] == display["height"] == 48
    done = [display["from_sizes"][run["label"]] for run in study.specification["runs"]]
    assert done == [
        {"16 x 16": "resized to 48 x 48"},
        {"48 x 48": "shown as it is"},
        {"40 x 20": "resized to 48 x 24, in the middle of mid-grey"},
    ]
    assert [(run["width"], run["height"]) for run in study.specification["runs"]] == [(16, 16), (48, 48), (40, 20)]
    shown = StudyImage.objects.filter(study=study).select_related("rendition")
    assert shown.count() == 5 * 2 * 3
    headers = set()
    for image in shown:
        data = image_read(image.rendition)
        headers.add((data[:4], data[8:16]))
        assert chunks(data) == ["VP8L"], "nothing but pixels"
        with Image.open(io.BytesIO(data)) as picture:
            assert picture.size == (48, 48) and picture.format == "WEBP" and picture.mode == "RGB"
    assert headers == {(b"RIFF", b"WEBPVP8L")}
    assert len({image.key for image in shown}) == shown.count() and all(len(image.key) == 22 for image in shown)


def chunks(webp: bytes) -> list[str]:
    """The names of a WebP file's chunks."""
    names, at = [], 12
    while at < len(webp):
        names.append(webp[at : at + 4].decode())
        length = int.from_bytes(webp[at + 4 : at + 8], "little")
        at += 8 + length + length % 2
    return names


def test_an_image_of_the_common_size_keeps_its_pixels() -> None:
    data = png(3, size=(24, 24))
    with (
        Image.open(io.BytesIO(data)) as before,
        Image.open(io.BytesIO(rendition_bytes(data, Display(24, 24)))) as after,
    ):
        assert before.tobytes() == after.convert("RGB").tobytes()


def test_transparency_is_laid_on_white_and_other_shapes_on_grey() -> None:
    clear = Image.new("RGBA", (20, 10), (255, 0, 0, 0))
    out = io.BytesIO()
    clear.save(out, "PNG")
    with Image.open(io.BytesIO(rendition_bytes(out.getvalue(), Display(20, 20)))) as shown:
        assert shown.getpixel((10, 10)) == (255, 255, 255)
        assert shown.getpixel((10, 0)) == (128, 128, 128) == shown.getpixel((10, 19))


def test_the_specification_is_locked_and_hashed() -> None:
    study = an_open_study()
    assert study.status == "open" and study.opened_at is not None
    read = Study.objects.get(pk=study.pk)
    assert read.specification_hash == hash_of(json.loads(json.dumps(read.specification)))
    changes: list[dict[str, object]] = [
        {"specification": {}},
        {"specification_hash": "0" * 64},
        {"design_seed": 5},
        {"status": "draft"},
    ]
    for change in changes:
        with pytest.raises(DatabaseError, match="specification is locked|can't become draft"), transaction.atomic():
            Study.objects.filter(pk=study.pk).update(**change)
    with pytest.raises(DatabaseError, match="can't change"), transaction.atomic():
        Comparison.objects.filter(study=study).update(category="other")
    Study.objects.filter(pk=study.pk).update(title="A title may be corrected")


def test_comparisons_hold_each_prompt_once_a_pair_with_sets_alike() -> None:
    study = an_open_study(labels=("a", "b", "c"))
    assert Comparison.objects.filter(study=study).count() == 3 * 5
    runs = {each.pk: each for each in study.study_runs.all()}
    for comparison in Comparison.objects.filter(study=study):
        first, second = (runs[each] for each in comparison.members)
        assert [len(each) for each in comparison.sets] == [2, 2]
        assert first.order < second.order
        for keys, run in zip(comparison.sets, (first.run_id, second.run_id), strict=True):
            samples = Sample.objects.filter(pk__in=StudyImage.objects.filter(key__in=keys).values("sample"))
            assert {(s.run_id, s.prompt_id) for s in samples} == {(run, comparison.prompt_id)} and len(samples) == 2


def test_the_same_seed_shows_the_same_samples_and_another_seed_others() -> None:
    suite = a_suite({"Colors": 6})
    runs = [a_run(suite, "one", samples=6), a_run(suite, "two", samples=6)]

    def shown(name: str, seed: int) -> str:
        study = study_create(StudyDraft(name=name, runs=runs, labels=["x", "y"], samples_per_set=3, design_seed=seed))
        return str(study_open(study=study).specification["comparisons"]["shown_sha256"])

    assert shown("first", 1) == shown("again", 1) != shown("other", 2)


def test_opening_twice_and_closing_twice_are_refused() -> None:
    study = an_open_study()
    with pytest.raises(ConflictError, match="already open"):
        study_open(study=study)
    assert study_close(study=study).status == "closed"
    with pytest.raises(ConflictError, match="can't be closed: it is closed"):
        study_close(study=study)


def test_samples_that_went_missing_since_stop_the_opening() -> None:
    suite = a_suite()
    first = a_run(suite, "first")
    study = study_create(StudyDraft(name="study", runs=[first, a_run(suite, "second")]))
    first.samples.all()[0].delete()
    with pytest.raises(InputError, match="first lacks samples for 1 of 5 prompts"):
        study_open(study=study)
    study.refresh_from_db()
    assert study.status == "draft"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fault", [StoreFullError("The disk is full."), KeyboardInterrupt()])
def test_a_full_disk_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch, fault: BaseException) -> None:
    suite = a_suite()
    kind = type(fault).__name__  # other images than the other fault's, whose files the test's flush leaves
    study = study_create(StudyDraft(name="study", runs=[a_run(suite, f"first-{kind}"), a_run(suite, f"second-{kind}")]))
    files, rows = stored_files(), StoredImage.objects.count()
    put, calls = rendition_make.image_file_write, []

    def put_until_full(**image: object) -> object:
        calls.append(1)
        if len(calls) > 7:
            raise fault
        return put(**image)  # type: ignore[arg-type]

    monkeypatch.setattr(rendition_make, "image_file_write", put_until_full)
    with pytest.raises(type(fault)):
        study_open(study=study)
    study.refresh_from_db()
    assert study.status == "draft"
    assert not Comparison.objects.exists() and not StudyImage.objects.exists()
    assert stored_files() == files and StoredImage.objects.count() == rows
    monkeypatch.undo()
    assert study_open(study=study).status == "open"


def stored_files() -> set[Path]:
    return {path for path in (Path(settings.MEDIA_ROOT) / "images").rglob("*") if path.is_file()}
