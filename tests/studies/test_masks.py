"""Makers' marks: covered on both sides alike where a study declares it; our own are never on what raters see."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from django.core.management import call_command
from numpy.typing import NDArray
from PIL import Image

from common.hashes import hash_of
from evaluation.errors import InputError
from evaluation.models import Sample, Study, StudyImage
from evaluation.services.runs.export import run_export
from evaluation.services.store.images import image_read
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.mask import Mask, masks_read
from evaluation.services.studies.open import study_open
from evaluation.services.studies.renditions import GREY
from evaluation.services.studies.specify import settings_of
from tests.studies.world import a_run, a_suite

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).parents[2]


def pixels(data: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def shown(study: Study) -> list[tuple[str, NDArray[np.uint8], NDArray[np.uint8]]]:
    """Of every shown image: the run's name, the sample's pixels, the pixels that raters see."""
    images = StudyImage.objects.filter(study=study).select_related("sample__image", "sample__run", "rendition")
    return [
        (each.sample.run.name, pixels(image_read(each.sample.image)), pixels(image_read(each.rendition)))
        for each in images
    ]


def test_a_corner_is_covered_on_both_sides_and_nothing_else() -> None:
    suite = a_suite()
    runs = [a_run(suite, "mine", size=(40, 40)), a_run(suite, "theirs", size=(40, 40), image_format="webp")]
    study = study_open(study=study_create(StudyDraft(name="masked", runs=runs, masks=["bottom-right:0.25x0.1"])))
    seen = shown(study)
    assert {name for name, _, _ in seen} == {"mine", "theirs"}
    for _, before, after in seen:
        assert (after[36:, 30:] == GREY).all()
        untouched = np.ones((40, 40), bool)
        untouched[36:, 30:] = False
        assert np.array_equal(after[untouched], before[untouched])
        assert not (before[36:, 30:] == GREY).all()


def test_other_shapes_are_covered_in_their_own_corner() -> None:
    suite = a_suite()
    runs = [a_run(suite, "wide", size=(40, 20)), a_run(suite, "square", size=(40, 40))]
    study = study_open(study=study_create(StudyDraft(name="masked", runs=runs, masks=["top-left:0.5x0.5"])))
    for name, _, after in shown(study):
        assert after.shape == (40, 40, 3)
        top = 10 if name == "wide" else 0
        high = 10 if name == "wide" else 20
        assert (after[top : top + high, :20] == GREY).all()
        assert not (after[top : top + high, 20:] == GREY).all()


def test_masks_are_declared_locked_and_told() -> None:
    suite = a_suite()
    runs = [a_run(suite, "one"), a_run(suite, "two")]
    study = study_create(StudyDraft(name="masked", runs=runs, masks=["bottom-right:0.3x0.1", "top-left:.2x.2"]))
    declared = study.specification["display"]["masks"]
    assert declared == [
        {"corner": "bottom-right", "width": 0.3, "height": 0.1},
        {"corner": "top-left", "width": 0.2, "height": 0.2},
    ]
    assert "the bottom right corner (0.3 of the width, 0.1 of the height)" in study.specification["departures"][-2]
    opened = study_open(study=study)
    assert opened.specification["display"]["masks"] == declared and settings_of(opened).masks[1].width == 0.2
    assert opened.specification_hash == hash_of(opened.specification)
    display = {name: value for name, value in opened.specification["display"].items() if "mask" not in name}
    assert opened.specification_hash != hash_of({**opened.specification, "display": display})


def test_without_masks_the_specification_is_as_it_was() -> None:
    suite = a_suite()
    study = study_create(StudyDraft(name="plain", runs=[a_run(suite, "one"), a_run(suite, "two")]))
    assert "mask" not in str(study.specification) and settings_of(study).masks == ()


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ("bottom-right", "Write CORNER:WIDTHxHEIGHT"),
        ("bottom-right:30x10", "is not a mask"),
        ("botom-right:0.3x0.1", 'did you mean "bottom-right"'),
        ("bottom-right:0.9x0.9", "at most a quarter of the image; .* covers 81.0 %"),
        ("bottom-right:0.0x0.5", "must cover more than nothing"),
        ("top-left:0.1x0.1 top-left:0.2x0.1", "given twice"),
    ],
)
def test_masks_that_are_none(mask: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        masks_read(mask.split())


def test_a_box_leaves_no_pixel_of_the_mark() -> None:
    assert Mask("bottom-right", 0.3, 0.1).box(10, 10) == (7, 9, 10, 10)
    assert Mask("top-right", 0.31, 0.11).box(10, 10) == (6, 0, 10, 2)
    assert Mask("top-left", 1.0, 0.2).box(7, 5) == (0, 0, 7, 1)
    assert Mask("bottom-left", 0.001, 0.001).box(64, 64) == (0, 63, 1, 64)


def test_the_command_takes_masks() -> None:
    suite = a_suite()
    a_run(suite, "one"), a_run(suite, "two")
    call_command("create_study", "--name", "masked", "--runs", "one,two", "--mask", "bottom-left:0.2x0.1")
    assert Study.objects.get().specification["display"]["masks"][0]["corner"] == "bottom-left"


@pytest.mark.parametrize("image_format", ["png", "jpeg", "webp"])
def test_our_own_mark_is_on_exports_and_never_on_what_raters_see(tmp_path: Path, image_format: str) -> None:
    suite = a_suite()
    runs = [a_run(suite, name, size=(64, 64), image_format=image_format) for name in ("one", "two")]
    run_export(run=runs[0], folder=tmp_path / "plain")
    run_export(run=runs[0], folder=tmp_path / "marked", watermark="drawn by a program")
    study = study_open(study=study_create(StudyDraft(name="study", runs=runs)))
    for _, before, after in shown(study):
        assert np.array_equal(before, after)
    for sample in Sample.objects.filter(run=runs[0]).select_related("image", "prompt"):
        name = f"{sample.prompt.prompt_id}/{sample.sample}.{image_format}"
        kept = image_read(sample.image)
        assert (tmp_path / "plain" / name).read_bytes() == kept
        plain, marked = pixels(kept).astype(int), pixels((tmp_path / "marked" / name).read_bytes()).astype(int)
        assert np.abs(plain - marked)[-12:, -24:].max() > 40
        if image_format != "jpeg":
            assert np.array_equal(plain[:48], marked[:48])


def test_nothing_that_makes_raters_images_knows_of_watermarks() -> None:
    """The module is imported by what writes copies for people outside, and by nothing else."""
    users = {
        path.relative_to(ROOT).as_posix()
        for folder in ("generators", "evaluation", "drawbench")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"^from generators\.watermark import|^import generators\.watermark", path.read_text(), re.M)
    }
    assert users == {"generators/sample.py", "evaluation/services/runs/export.py"}
