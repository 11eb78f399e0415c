"""`load_coco`, `fid`, `why_differs` and `metric_weights` as a user gives them, on a small made-up COCO."""

from __future__ import annotations

import hashlib
import json
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from evaluation.metrics.features import jackknife, measure
from evaluation.models import GenerationRun, Suite
from evaluation.services.store.images import image_put
from tests.metrics.coco_small import PEOPLE, small_coco
from tests.metrics.pictures import picture, pictures
from tests.metrics.projection import projection

pytestmark = pytest.mark.django_db

BUNDLED = ("--extractor", "efficientnet-lite0", "--device", "cpu", "--workers", "1")


@pytest.fixture(autouse=True)
def _own_places(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.VAR = tmp_path / "var"
    settings.MEDIA_ROOT = tmp_path / "media"
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


def _call(command: str, *arguments: object) -> dict[str, Any]:
    out = StringIO()
    call_command(command, *map(str, arguments), "--format", "json", stdout=out)
    result: dict[str, Any] = json.loads(out.getvalue())
    return result


def _text(command: str, *arguments: object) -> str:
    out = StringIO()
    call_command(command, *map(str, arguments), stdout=out)
    return out.getvalue()


def _refused(command: str, *arguments: object) -> str:
    with pytest.raises(CommandError) as told:
        _call(command, *arguments)
    assert told.value.returncode == 2
    return str(told.value)


def _run(name: str, suite: Suite, *, samples: int = 1, first: int = 0, without: int = 0) -> GenerationRun:
    """A run as an upload leaves it: what raters see is PNG, what was uploaded was JPEG, of another picture."""
    run = GenerationRun.objects.create(
        name=name,
        suite=suite,
        origin="uploaded",
        generator="made up",
        samples_per_prompt=samples,
        status="done",
        parameters={"ema": 0.999},
    )
    prompts = list(suite.prompts.order_by("number"))
    for prompt in prompts[: len(prompts) - without]:
        for sample in range(samples):
            stored = []
            for seed, kind in ((first + 50 * sample + prompt.number, "JPEG"), (9000, "PNG")):
                data = BytesIO()
                picture(seed, 64, 64).save(data, kind)
                stored.append(image_put(data=data.getvalue(), image_format=kind.lower(), width=64, height=64))
            run.samples.create(prompt=prompt, sample=sample, image=stored[1], original=stored[0])
    return run


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network of six features where it is not the network that matters."""
    monkeypatch.setattr(measure, "load_extractor", lambda name, weights, *, folders, device: projection())


@pytest.mark.usefixtures("_quick")
def test_load_coco(tmp_path: Path) -> None:
    captions, instances, place = small_coco(tmp_path, 40)
    (place / "COCO_val2014_000000001007.jpg").write_bytes(b"\xff\xd8\xff damaged")
    made = _call("load_coco", captions, place, "--draw", 25, *BUNDLED)
    assert (made["reference"], made["created"], made["images"], made["scored"]) == ("coco-val2014", True, 40, 39)
    assert [(one["name"], one["prompts"]) for one in made["suites"]] == [("coco-val2014", 40), ("coco-val2014-25", 25)]
    assert [skip["file"] for skip in made["skipped"]] == ["COCO_val2014_000000001007.jpg"]
    assert made["missing"] == []
    draw = made["draw"]
    assert (draw["captions"], draw["of"], draw["rule"]) == (25, 40, "drawbench-coco-draw/1")
    kept = tmp_path / "var" / "references" / "coco-val2014" / "draw.tsv"
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == made["lists"]["draw.tsv"]
    suite = Suite.objects.get(name="coco-val2014-25")
    ids = [prompt.attributes["image_id"] for prompt in suite.prompts.order_by("number")]
    assert [int(line.split("\t")[0]) for line in kept.read_text().splitlines()] == ids
    again = _call("load_coco", captions, place, "--draw", 25, *BUNDLED)
    assert again == {**made, "created": False, "suites": [{**one, "created": False} for one in made["suites"]]}
    assert Suite.objects.count() == 2
    assert "1 damaged:\n    COCO_val2014_000000001007.jpg: the JPEG file is damaged" in _text(
        "load_coco", captions, place, "--draw", 25, *BUNDLED
    )
    # Another draw is another reference; people go by the words of captions, or by instances.
    assert "another reference coco-val2014" in _refused("load_coco", captions, place, "--draw", 20, "--no-statistics")
    words = _call("load_coco", captions, place, "--no-people", "--no-statistics")
    assert (words["reference"], words["images"]) == ("coco-val2014-no-people", 40 * (5 - len(PEOPLE)) // 5)
    assert (words["people"]["filter"], words["scored"]) == ("captions", None)
    seen = _call(
        "load_coco", captions, place, "--no-people", "--instances", instances, "--name", "seen", "--no-statistics"
    )
    assert (seen["people"]["filter"], seen["images"], seen["people"]["images_left_out"]) == ("instances", 30, 10)
    every = _call("load_coco", captions, place, "--captions", "all", "--name", "every", "--no-statistics")
    assert every["suites"][0]["prompts"] == 120


def test_load_coco_refuses(tmp_path: Path) -> None:
    captions, instances, place = small_coco(tmp_path, 12)
    assert "holds instances" in _refused("load_coco", instances, place, *BUNDLED)
    assert "holds captions" in _refused("load_coco", captions, place, "--no-people", "--instances", captions, *BUNDLED)
    assert "together with --no-people" in _refused("load_coco", captions, place, "--instances", instances, *BUNDLED)
    assert "There is no folder" in _refused("load_coco", captions, tmp_path / "no", *BUNDLED)
    assert '; did you mean "ldm-30k"' in _refused("load_coco", captions, place, "--protocol", "ldm30k", *BUNDLED)
    # Networks that users bring are looked for where every other command looks for them.
    assert str(tmp_path / "var" / "weights") in _refused("load_coco", captions, place, "--extractor", "dinov2:none")
    told = _refused("load_coco", captions, place, "--device", "cpu")
    assert "weights-inception-2015-12-05-6726825d.pth" in told
    assert not Suite.objects.exists()
    for name in ("COCO_val2014_000000001000.jpg", "COCO_val2014_000000001014.jpg"):
        (place / name).unlink()
    assert "lacks 2 of 12 images: COCO_val2014_000000001000.jpg" in _refused("load_coco", captions, place, *BUNDLED)
    made = _call("load_coco", captions, place, "--allow-missing", "--no-statistics")
    assert (len(made["missing"]), made["images"], made["suites"][0]["prompts"]) == (2, 10, 10)


@pytest.mark.longest
def test_fid_of_a_run(tmp_path: Path) -> None:
    captions, _, place = small_coco(tmp_path, 30)
    _call("load_coco", captions, place, "--draw", 20, *BUNDLED)
    run = _run("mine", Suite.objects.get(name="coco-val2014-20"), without=2)
    run.failures.create(prompt=run.suite.prompts.get(number=19), sample=0, kind="refused", message="not drawn")
    found = _call("fid", "mine", "--reference", "coco-val2014", *BUNDLED)
    assert found["schema"] == "drawbench-fid/1"
    assert found["name"] == "Frechet distance (EfficientNet-Lite0 features)"
    assert (found["n_1"], found["n_2"]) == (18, 30)
    record = found["generated"]
    assert record["files"] == {"originals": 18, "stored": 0, "formats": {"jpeg": 18}, "sizes": {"64x64": 18}}
    assert record["missing"] == [
        {"sample": "00018/0", "why": "the run has no such sample"},
        {"sample": "00019/0", "why": "refused: not drawn"},
    ]
    assert [skip["file"] for skip in found["skipped"]] == ["mine/00018/0", "mine/00019/0"]
    assert record["ema"] == {"ema": 0.999}
    assert found["reference"]["lists"]["draw.tsv"]
    assert found["protocol"]["network"] == "float32, TF32 off"
    assert any("18 images generated" in text for text in found["deviations"])
    assert not any("stored draw" in text for text in found["deviations"])
    assert found["kid"]["name"] == "Kernel distance (EfficientNet-Lite0 features)"
    assert found["kid"]["se"] > 0
    assert 0 <= found["precision_recall"]["precision"] <= 1
    assert len(found["influence"]["dearest"]) == 18
    assert found["delta_se"] > 0

    # The same images in a folder: the same distance, though no record of a run.
    folder = tmp_path / "folder"
    for sample in run.samples.all():
        there = folder / sample.prompt.prompt_id / f"{sample.sample}.jpg"
        there.parent.mkdir(parents=True)
        data = BytesIO()
        picture(sample.prompt.number, 64, 64).save(data, "JPEG")
        there.write_bytes(data.getvalue())
    same = _call("fid", folder, "--reference", place, "--without", "kid,influence,precision-recall", *BUNDLED)
    assert same["value"] == pytest.approx(found["value"], rel=1e-9)
    assert "kid" not in same
    told = _text("fid", "mine", "--reference", "coco-val2014", *BUNDLED)
    assert "not as published: 18 images generated" in told
    assert "largest influence: 000" in told
    assert "FID" not in told


def test_fid_refuses(tmp_path: Path) -> None:
    captions, _, place = small_coco(tmp_path, 12)
    _call("load_coco", captions, place, "--no-statistics")
    suite = Suite.objects.get()
    _run("mine", suite)
    assert 'no folder "mime"; did you mean' in _refused("fid", "mime", "--reference", "coco-val2014", *BUNDLED)
    assert "coco-val2014" in _refused("fid", "mine", "--reference", "coco-val2015", *BUNDLED)
    assert "unknown measure 'kidd'" in _refused(
        "fid", "mine", "--reference", "coco-val2014", "--without", "kidd", *BUNDLED
    )
    assert "needs two runs" in _refused("fid", "mine", "--reference", "coco-val2014", "--paired", *BUNDLED)
    _run("coco-val2014", suite)
    assert "Write reference:coco-val2014 or run:coco-val2014" in _refused(
        "fid", "mine", "--reference", "coco-val2014", *BUNDLED
    )
    GenerationRun.objects.filter(name="mine").update(status="running")
    assert "still in progress" in _refused("fid", "mine", "--reference", "reference:coco-val2014", *BUNDLED)


@pytest.mark.usefixtures("_quick")
def test_paired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    captions, _, place = small_coco(tmp_path, 30)
    _call("load_coco", captions, place, "--no-statistics")
    suite = Suite.objects.get()
    _run("a", suite, without=3)
    _run("b", suite, first=400)
    monkeypatch.setattr(jackknife, "MIN_RATIO", 100)
    few = _call("fid", "a", "b", "--reference", "coco-val2014", "--paired", *BUNDLED)
    assert few["difference"] is None
    assert "27 images are too few" in few["difference_why"]
    assert (few["prompts"], few["only_in_b"]) == (27, ["00027", "00028", "00029"])
    assert (few["a"]["n"], few["b"]["n"], few["reference"]["n"]) == (27, 27, 30)
    monkeypatch.setattr(jackknife, "MIN_RATIO", 3)
    found = _call("fid", "a", "b", "--reference", "coco-val2014", *BUNDLED)["difference"]
    assert found["raw"] == pytest.approx(found["distance_a"] - found["distance_b"])
    assert found["low"] < found["estimate"] < found["high"]
    assert "a minus b, corrected" in _text("fid", "a", "b", "--reference", "coco-val2014", *BUNDLED)
    other = _call("load_coco", captions, place, "--captions", "all", "--name", "all", "--no-statistics")["suites"][0]
    _run("c", Suite.objects.get(name=other["name"]))
    assert "needs the same prompts" in _refused("fid", "a", "c", "--reference", "coco-val2014", *BUNDLED)


@pytest.mark.usefixtures("_quick")
def test_why_differs(tmp_path: Path) -> None:
    a, b = pictures(tmp_path / "a", 9), pictures(tmp_path / "b", 8, first=200)
    found = _call("why_differs", a, b, "--from", "imagen-full", "--to", "gigagan-lanczos-clean", *BUNDLED)
    assert [step["step"] for step in found["steps"]] == ["filter", "resize to network"]
    assert found["generated"]["kind"] == "folder"
    told = _text("why_differs", a, b, "--to", "gigagan-lanczos-clean", *BUNDLED)
    assert "bicubic -> lanczos" in told
    assert "tensorflow1 -> clean" in told
    assert "sum of steps" in told
    assert "not differ in anything that matters" in _text("why_differs", a, b, "--to", "imagen-full", *BUNDLED)
    assert "TF32 exists only on GPUs" in _text(
        "why_differs", a, b, "--to", "imagen-full", "--to-precision", "tf32", *BUNDLED
    )
    few = _call("why_differs", a, b, "--to", "dalle-squash", *BUNDLED)
    assert [step["step"] for step in few["steps"]] == ["crop", "filter", "size"]
    assert few["notes"][0].startswith("dalle-squash drops the last part batch of 64 images, and only 8 are there")
    assert "must be 2 or more" in _refused("why_differs", a, b, "--to", "ldm-30k", "--to-reference-images", 1, *BUNDLED)
    assert '; did you mean "dalle-squash"' in _refused("why_differs", a, b, "--to", "dalle-squish", *BUNDLED)
    # A part of a stored reference is the protocol's own business, of a folder it is not.
    captions, _, place = small_coco(tmp_path, 12)
    _call("load_coco", captions, place, "--no-statistics")
    part = _call("why_differs", a, "coco-val2014", "--to", "ldm-30k", "--to-reference-images", 10, *BUNDLED)
    assert part["steps"][-1]["step"] == "reference images"
    assert (part["steps"][-1]["before"], part["steps"][-1]["after"]) == ("12", "10")


def test_metric_weights(tmp_path: Path) -> None:
    told = {one["extractor"]: one for one in _call("metric_weights")["extractors"]}
    assert told["inception"]["found"] is None
    assert told["inception"]["goes_to"].endswith("var/weights/weights-inception-2015-12-05-6726825d.pth")
    assert told["efficientnet-lite0"]["right"]
    wrong = tmp_path / "wrong.pth"
    wrong.write_bytes(b"not these")
    assert "weight file of no extractor" in _refused("metric_weights", "--install", wrong)
    assert "can't be read" in _refused("metric_weights", "--install", tmp_path / "no.pth")
    right = _call("metric_weights", "--install", told["efficientnet-lite0"]["found"])["installed"]
    assert right["extractor"] == "efficientnet-lite0"
    assert Path(right["file"]).parent == tmp_path / "var" / "weights"
    place = Path(told["inception"]["goes_to"])
    place.write_bytes(b"damaged")
    text = _text("metric_weights")
    assert "is the wrong file: its SHA-256 must be 6726825d" in text
    assert "--install FILE" in text
