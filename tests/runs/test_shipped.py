"""The demonstration's images that ship: named for what they depend on, taken in honestly, and close to a redraw."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from common.hashes import bytes_sha256
from common.images import encode_png
from common.places import DEMONSTRATION
from evaluation.errors import ConflictError, InputError
from evaluation.models import GenerationRun, RunStatus, Sample, StoredImage
from evaluation.selectors.runs import run_manifest
from evaluation.services import demo
from evaluation.services.runs import shipped
from evaluation.services.runs.request import RunDraft, run_resume, run_retry
from evaluation.services.store.images import file_path, image_path, image_put, image_read
from evaluation.services.studies.mask import masks_read
from evaluation.services.studies.renditions import renditions_make
from evaluation.services.studies.specify import Display
from generators import registry
from generators.packed import read_packed, stored_as
from generators.runner import make_requests

pytestmark = pytest.mark.django_db

SIZE = demo.DemoSize()
MOST_BYTES = 6_000_000
LEAST_PSNR = 32.0
"""Decibels. The worst image that ships has 37 against its drawing; another machine moves some pixels."""


def drafts() -> list[RunDraft]:
    suite = demo._demo_suite(SIZE)
    return [demo._draft(suite, weight, SIZE) for weight in demo.GUIDANCE_WEIGHTS]


def test_what_ships_is_what_the_present_weights_and_settings_would_draw() -> None:
    """After a change of either: ./dev manage demo --draw-shipped."""
    assert {shipped.shipped_file(draft) for draft in drafts()} == set(DEMONSTRATION.iterdir())
    assert sum(path.stat().st_size for path in DEMONSTRATION.iterdir()) < MOST_BYTES


@pytest.mark.parametrize(
    "change",
    ["weights", "version", "guidance", "steps", "seed", "samples", "prompts", "quality"],
)
def test_a_change_of_what_images_depend_on_is_noticed(change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = drafts()[0]
    before = shipped.shipped_file(draft)
    if change in ("weights", "version"):
        known = registry.identity(registry.get_spec("cascade"), {"weights": "", "text_encoder": ""}, 256)
        assert known is not None
        version, fingerprint = known
        other = (version, "0" * 64) if change == "weights" else (version + "a", fingerprint)
        monkeypatch.setattr(registry, "identity", lambda *_: other)
    elif change == "quality":
        monkeypatch.setattr(shipped, "stored_as", lambda: stored_as(50))
    changes: dict[str, dict[str, object]] = {
        "guidance": {"parameters": {"guidance": 1.6}},
        "steps": {"parameters": {**draft.parameters, "steps": 15}},
        "seed": {"run_seed": 1},
        "samples": {"samples_per_prompt": 7},
        "prompts": {"suite": demo._demo_suite(demo.DemoSize(per_category=2))},
    }
    values = {name: getattr(draft, name) for name in draft.__dataclass_fields__} | changes.get(change, {})
    changed = RunDraft(**values)
    assert shipped.shipped_file(changed) != before
    assert shipped.run_take_shipped(changed) is None and not GenerationRun.objects.exists()


def test_a_run_that_ships_says_how_it_was_drawn_and_how_it_came() -> None:
    draft = drafts()[0]
    run = shipped.run_take_shipped(draft)
    assert run is not None
    run.refresh_from_db()
    assert (run.origin, run.status, run.generator, run.run_seed) == ("shipped", RunStatus.DONE, "cascade", 0)
    assert run.parameters["guidance"] == 1.5 and run.parameters["steps"] == 16
    assert run.known_seed == 0 and not run.is_drawn_here
    assert run.provenance["stored_as"] == "WebP, lossy, quality 90"
    assert run.provenance["came_as"] == f"fixtures/demo/{shipped.shipped_file(draft).name}"
    assert run.weights_fingerprint == run.provenance["weights_fingerprint"] and "torch" in run.provenance["packages"]
    samples = list(Sample.objects.filter(run=run).select_related("image", "prompt"))
    assert len(samples) == 33 * 8
    for sample in samples:
        assert (sample.image.image_format, sample.image.width, sample.image.height) == ("webp", 256, 256)
        assert bytes_sha256(image_read(sample.image)) == sample.image.sha256 != sample.provenance["drawn_sha256"]
        assert sample.provenance["seed"] and sample.seconds and sample.seconds > 0
    lines = list(run_manifest(run))
    assert lines[0]["origin"] == "shipped" and lines[0]["run_seed"] == 0 and lines[0]["provenance"]["stored_as"]  # type: ignore[index]
    with pytest.raises(ConflictError, match="came whole with DrawBench"):
        run_resume(run=run)
    with pytest.raises(ConflictError, match="came whole with DrawBench"):
        run_retry(run=run)
    with pytest.raises(ConflictError, match="already exists"):
        shipped.run_take_shipped(draft)


@pytest.mark.parametrize("damage", ["cut", "an image", "an image is gone", "no manifest", "another run", "fewer"])
def test_a_damaged_file_is_refused_and_leaves_nothing(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft, other = drafts()
    there, data = shipped.shipped_file(draft), shipped.shipped_file(draft).read_bytes()
    monkeypatch.setattr(shipped, "DEMONSTRATION", tmp_path)
    target = tmp_path / there.name
    if damage == "cut":
        target.write_bytes(data[: len(data) // 2])
    elif damage == "another run":
        target.write_bytes((DEMONSTRATION / shipped.shipped_file(other).name).read_bytes())
    else:
        with zipfile.ZipFile(io.BytesIO(data)) as whole, zipfile.ZipFile(target, "w") as part:
            for name in whole.namelist():
                held = whole.read(name)
                if damage == "fewer" and name == "manifest.jsonl":
                    held = b"".join(line for line in held.splitlines(keepends=True) if b'"00003"' not in line)
                if name == "00003/1.webp" and damage == "an image":
                    held = held[:-1] + bytes([held[-1] ^ 1])
                if (name, damage) not in {("00003/1.webp", "an image is gone"), ("manifest.jsonl", "no manifest")}:
                    part.writestr(name, held)
    with pytest.raises(InputError, match=r"fixtures/demo|--draw-shipped"):
        shipped.run_take_shipped(draft)
    assert not GenerationRun.objects.exists() and not Sample.objects.exists()


def _psnr(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    error = np.square(one.astype(np.float64) - other).mean()
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))


def _pixels(data: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.longest
def test_a_redraw_gives_what_ships() -> None:
    """Two images drawn anew with the real settings, of the run whose images lose most."""
    draft = drafts()[-1]
    packed = read_packed(shipped.shipped_file(draft))
    prompt = draft.suite.prompts.get(number=2)
    values, size = shipped.draft_resolved(draft, operator=True)
    generator = registry.load(draft.generator, values, size=size, device="cpu")
    requests = make_requests(
        [(prompt.prompt_id, prompt.text)],
        2,
        spec_name=draft.generator,
        parameters=values,
        weights_fingerprint=generator.info.weights_fingerprint,
        size=size,
        run_seed=draft.run_seed,
    )
    lines = {str(line["key"]): str(line["file"]) for line in packed.manifest.images}
    drawn = {lines[result.key]: result.image for result in generator.generate(requests)}
    stored = {file: _pixels(packed.images[file]) for file in drawn}
    one, other = drawn
    for file, image in drawn.items():
        assert image is not None
        likeness, another = _psnr(image, stored[file]), _psnr(image, stored[other if file == one else one])
        assert likeness > LEAST_PSNR > another + 8, (file, likeness, another)


def test_only_what_we_encoded_is_shown_as_it_is_and_only_where_all_images_are_alike() -> None:
    """No format tells a run from another, and what strangers encoded is encoded anew."""
    run = shipped.run_take_shipped(drafts()[0])
    assert run is not None
    images = [sample.image for sample in run.samples.select_related("image")[:3]]
    png = image_put(data=encode_png(_pixels(image_read(images[0]))), image_format="png", width=256, height=256)

    def kinds(*shown: StoredImage, display: Display, ours: bool = True) -> set[tuple[bool, bytes]]:
        made = renditions_make(shown, display, stored=[], ours=ours)
        return {(made[each.pk].sha256 == each.sha256, file_path(made[each.pk]).read_bytes()[8:16]) for each in shown}

    as_stored, anew = {(True, b"WEBPVP8 ")}, {(False, b"WEBPVP8L")}
    assert kinds(*images, display=Display(256, 256)) == as_stored
    assert kinds(*images, display=Display(256, 256), ours=False) == anew
    assert kinds(*images, display=Display(128, 128)) == anew
    assert kinds(*images, display=Display(256, 256, masks_read(["bottom-right:0.3x0.1"]))) == anew
    assert kinds(*images, png, display=Display(256, 256)) == anew
    whole = image_read(images[1])
    image_path(images[1]).write_bytes(whole + b"more")
    try:
        assert kinds(*images, display=Display(256, 256)) == anew
    finally:
        image_path(images[1]).write_bytes(whole)
