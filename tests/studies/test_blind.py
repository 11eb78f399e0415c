"""The audit at opening: a leak in what raters get refuses it and leaves nothing; what can't be avoided is told."""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from PIL import Image

from evaluation.errors import InputError
from evaluation.models import Place, Sample, Study, StudyImage
from evaluation.selectors.shared_images import study_shared_images
from evaluation.services.reporting.make import report_make
from evaluation.services.store.images import image_file_put, image_rows
from evaluation.services.studies import blind, renditions
from evaluation.services.studies import open as opening
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.open import study_open
from evaluation.services.studies.shown_trials import CopyOf, SetOf
from evaluation.services.studies.specify import Display
from tests.studies.world import a_run, a_suite

pytestmark = pytest.mark.django_db


def a_draft(**given: object) -> Study:
    suite = a_suite({"Colors": 12})
    return study_create(StudyDraft(name="study", runs=[a_run(suite, "one"), a_run(suite, "two")], **given))  # type: ignore[arg-type]


def with_exif(data: bytes, display: Display) -> bytes:
    exif = Image.Exif()
    exif[0x0131] = "generator two"
    out = io.BytesIO()
    Image.open(io.BytesIO(data)).save(out, "WEBP", lossless=True, exif=exif)
    return out.getvalue()


def lossy(data: bytes, display: Display) -> bytes:
    out = io.BytesIO()
    Image.open(io.BytesIO(data)).save(out, "WEBP", quality=80)
    return out.getvalue()


def larger(data: bytes, display: Display) -> bytes:
    return whole(data, Display(display.width + 1, display.height))


def with_more(data: bytes, display: Display) -> bytes:
    return whole(data, display) + b"two"


whole = renditions.rendition_bytes


def shown_files() -> set[Path]:
    return set((Path(settings.MEDIA_ROOT) / "shown").rglob("*.webp"))


@pytest.mark.parametrize("leak", [with_exif, lossy, larger, with_more])
def test_a_file_that_tells_is_refused(leak: Callable[[bytes, Display], bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    study, before = a_draft(), shown_files()
    marked = {sample.image.sha256 for sample in Sample.objects.filter(run__name="two").select_related("image")}
    bytes_of = {renditions.image_read(each.image): each for each in Sample.objects.select_related("image")}

    def made(data: bytes, display: Display, encoding: int) -> bytes:
        return leak(data, display) if bytes_of[data].image.sha256 in marked else whole(data, display, encoding)

    monkeypatch.setattr(renditions, "rendition_bytes", made)
    with pytest.raises(InputError, match="tell the generators apart by more than their images: images of .* differ"):
        study_open(study=study)
    assert Study.objects.get().status == "draft" and not StudyImage.objects.exists()
    assert shown_files() == before


def test_a_copy_for_a_control_trial_that_tells_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    study, before = a_draft(added_controls={"same": 3}), shown_files()

    def made(data: bytes, display: Display, encoding: int) -> bytes:
        return with_exif(data, display) if encoding > 1 else whole(data, display, encoding)

    monkeypatch.setattr(renditions, "rendition_bytes", made)
    with pytest.raises(InputError, match="tell the generators apart by more than their images: images of .* differ"):
        study_open(study=study)
    assert not StudyImage.objects.exists() and shown_files() == before


def test_addresses_that_tell_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    study = a_draft()
    numbers = iter(range(10**6))
    field = StudyImage._meta.get_field("key")
    monkeypatch.setattr(field, "default", lambda: f"image-{next(numbers):016d}")
    field.__dict__.pop("_get_default", None)
    with pytest.raises(InputError, match="order of the addresses tells the generators apart|have the piece"):
        study_open(study=study)
    field.__dict__.pop("_get_default", None)


def test_a_time_of_change_that_tells_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    study = a_draft()
    monkeypatch.setattr(os, "utime", lambda *given: None)
    with pytest.raises(InputError, match="when their files were changed"):
        study_open(study=study)


@pytest.mark.parametrize("header", ["ETag", "last-modified"])
def test_a_header_that_tells_is_refused(header: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blind, "IMAGE_HEADERS", {**blind.IMAGE_HEADERS, header: "x"})
    with pytest.raises(InputError, match=f"with the header {header}"):
        study_open(study=a_draft())


def one_side(study: Study, *given: Any) -> Any:
    counts = whole_design(*given)
    for place in Place.objects.all():
        Place.objects.filter(pk=place.pk).update(showings=[[pk, [0, 1], again] for pk, _, again in place.showings])
    return counts


def fewer_images(study: Study, shown: Any, set_of: SetOf, copy_of: CopyOf) -> Any:
    return whole_design(shown, lambda run, prompt: set_of(run, prompt)[: 1 if run.label == "two" else 2], copy_of)


whole_design = opening.design_make


@pytest.mark.parametrize(
    ("leak", "told"), [(one_side, "stands in place 1 in 300 of 300"), (fewer_images, "sets of different sizes")]
)
def test_a_design_that_tells_is_refused(leak: Callable[..., Any], told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    study = a_draft()
    monkeypatch.setattr(opening, "design_make", lambda *given: leak(study, *given))
    with pytest.raises(InputError, match=told):
        study_open(study=study)


def test_a_clean_study_passes_and_says_what_was_checked() -> None:
    study = study_open(study=a_draft())
    assert study.specification["blind"]["cautions"] == [] and len(study.specification["blind"]["checked"]) == 6
    assert "shared_images" not in study.specification


def test_what_cannot_be_avoided_is_locked_and_told(admin_client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    suite = a_suite()
    runs = [
        a_run(suite, "small", size=(16, 16)),
        a_run(suite, "large", size=(48, 48), image_format="jpeg"),
        a_run(suite, "wide", size=(48, 24)),
    ]
    study = study_create(StudyDraft(name="study", runs=runs, consent="We compare Small with others."))
    call_command("create_study", "--name", "study", "--open")
    told = capsys.readouterr().out
    study.refresh_from_db()
    cautions = study.specification["blind"]["cautions"]
    sizes = "small 16×16 (enlarged), large 48×48 (as they are), wide 48×24 (set on grey)"
    lossy = "small 0 of 10, large 10 of 10, wide 0 of 10"
    assert cautions == [
        f"generators' images are of different sizes, which may be seen at 48×48 pixels: {sizes}",
        f"some images came as JPEG or otherwise compressed with loss, which may be seen: {lossy}",
        "the consent text names 1 generator: small",
    ]
    pages = [
        reverse("researcher:study", args=["study"]),
        reverse("researcher:report", args=[report_make(study=study).pk]),
    ]
    for text in (told, *(admin_client.get(page).content.decode() for page in pages)):
        assert "wide 48×24 (set on grey)" in text and "the consent text names 1 generator: small" in text


def give_same(first: str, second: str, numbers: list[int], *, other_bytes: bool = False) -> None:
    """Let two runs have the same images of these prompts; as other bytes of the same pixels if asked."""
    for number in numbers:
        samples = Sample.objects.select_related("image").filter(prompt__number=number, sample=0)
        image = samples.get(run__name=first).image
        if other_bytes:
            out = io.BytesIO()
            Image.open(io.BytesIO(renditions.image_read(image))).save(out, "PNG", compress_level=1, dpi=(7, 7))
            file = image_file_put(data=out.getvalue(), image_format="png", width=image.width, height=image.height)
            image = image_rows([file])[file.sha256]
        Sample.objects.filter(pk=samples.get(run__name=second).pk).update(image=image)


def test_copies_for_control_trials_share_nothing_more() -> None:
    suite = a_suite({"Colors": 6})
    runs = [a_run(suite, "one"), a_run(suite, "two")]
    give_same("one", "two", [0])
    study = study_open(study=study_create(StudyDraft(name="study", runs=runs, added_controls={"same": 3})))
    assert StudyImage.objects.filter(copy__gt=0, sample__prompt__number=0).count() == 2 * 2 * 2
    assert [each.images for each in study_shared_images(study)] == [1]


def test_runs_that_share_images_are_named_everywhere(admin_client: Client) -> None:
    suite = a_suite({"Colors": 12})
    runs = [a_run(suite, name) for name in ("one", "two", "three")]
    give_same("one", "three", list(range(11)))
    give_same("two", "three", [11], other_bytes=True)
    study = study_create(StudyDraft(name="study", runs=runs))
    prompts = ", ".join(f"{number:05d}" for number in range(10))
    of_bytes = f"one and three share 11 images ({prompts} and 1 more)"
    assert [each.in_words for each in study_shared_images(study)] == [of_bytes]
    for name in ("researcher:new-study", "researcher:study", "researcher:preview"):
        page = admin_client.get(reverse(name, args=[] if name.endswith("new-study") else ["study"]))
        newest_first = of_bytes.replace("one and three", "three and one")
        assert (newest_first if name.endswith("new-study") else of_bytes) in page.content.decode(), name
    study = study_open(study=study)
    assert [each.in_words for each in study_shared_images(study)] == [of_bytes, "two and three share 1 image (00011)"]
    assert study.specification["shared_images"][1]["images"] == 1
    report = reverse("researcher:report", args=[report_make(study=study).pk])
    for address in (reverse("researcher:study", args=["study"]), report):
        assert "two and three share 1 image (00011)" in admin_client.get(address).content.decode()
