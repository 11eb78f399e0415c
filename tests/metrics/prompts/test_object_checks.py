"""Object checks: real detectors of random weights against transformers' own boxes; the metric over a known finder."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageDraw
from transformers import AutoImageProcessor, AutoModelForObjectDetection, AutoModelForZeroShotObjectDetection
from transformers import AutoProcessor as AutoBoth

from evaluation.metrics import registry
from evaluation.metrics.brought import read_brought
from evaluation.metrics.errors import MetricError
from evaluation.metrics.prompts.detections import Detection
from evaluation.metrics.prompts.detector import DETECTOR, Detector, each_once, load_detector
from evaluation.metrics.prompts.scene_metric import SceneMetric
from evaluation.metrics.spec import SampleMetric, SampleScore, ScoredImage
from evaluation.suites.types import JsonValue
from tests.metrics.pictures import picture, spoilt
from tests.metrics.tiny import save_grounding_dino, save_owl, save_rt_detr, save_yolos

CATS: Mapping[str, JsonValue] = {"schema": "scene/1", "objects": [{"name": "cat", "count": 2}]}


@pytest.mark.parametrize("kind", ["yolos", "rt_detr"])
def test_boxes_of_a_fixed_list_are_transformers_own(tmp_path: Path, kind: str) -> None:
    folder = (save_yolos if kind == "yolos" else save_rt_detr)(tmp_path / kind)
    image = picture(4, 60, 40)
    detector = load_detector(read_brought(DETECTOR, folder), threshold=0.05, device="cpu")
    processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
    model = AutoModelForObjectDetection.from_pretrained(folder).eval()
    with torch.no_grad():
        out = model(**processor(images=[image], return_tensors="pt"))
    expected = processor.post_process_object_detection(out, threshold=0.05, target_sizes=[(40, 60)])[0]
    raw = [
        Detection(["cat", "dog", "wine glass"][int(label)], clipped(box.tolist(), 60, 40), float(score))
        for label, box, score in zip(expected["labels"], expected["boxes"], expected["scores"], strict=True)
    ]
    wanted = each_once([one for one in raw if one.name in ("cat", "dog") and one.box[2] > one.box[0]])
    got = detector.find(image, ["cat", "dog"])
    assert len(got) > 0 and [one.name for one in got] == [one.name for one in wanted]
    for one, other in zip(got, wanted, strict=True):
        assert one.box == pytest.approx(other.box, abs=1e-5) and one.score == pytest.approx(other.score, abs=1e-5)
    assert [detector.name_of(noun) for noun in ("cat", "kitten", "puppy", "boat", "wine glass")] == [
        "cat", "cat", "dog", None, "wine glass",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["owlvit", "owlv2"])
def test_boxes_for_any_words_are_transformers_own(tmp_path: Path, kind: str) -> None:
    folder = save_owl(tmp_path / kind, kind)
    image = picture(4, 60, 40)
    detector = load_detector(read_brought(DETECTOR, folder), threshold=0.1, device="cpu")
    names = ["lighthouse", "owl", "a name of more letters than there are tokens"]
    processor = AutoBoth.from_pretrained(folder, backend="pil")
    model = AutoModelForZeroShotObjectDetection.from_pretrained(folder).eval()
    with torch.no_grad():
        ready = processor(
            text=[names], images=[image], return_tensors="pt", padding="max_length", truncation=True, max_length=16
        )
        out = model(**ready)
    expected = processor.post_process_grounded_object_detection(
        out, threshold=0.1, target_sizes=[(40, 60)], text_labels=[names]
    )[0]
    raw = [
        Detection(name, clipped(box.tolist(), 60, 40), float(score))
        for name, box, score in zip(expected["text_labels"], expected["boxes"], expected["scores"], strict=True)
    ]
    wanted = each_once([one for one in raw if one.box[2] > one.box[0] and one.box[3] > one.box[1]])
    got = detector.find(image, names)
    assert len(got) > 0 and [one.name for one in got] == [one.name for one in wanted]
    for one, other in zip(got, wanted, strict=True):
        assert one.box == pytest.approx(other.box, abs=1e-5)
    assert detector.name_of("anything at all") == "anything at all" and detector.threshold == 0.1


def test_grounding_dino_gives_back_names_that_were_asked(tmp_path: Path) -> None:
    folder = save_grounding_dino(tmp_path / "grounding")
    detector = load_detector(read_brought(DETECTOR, folder), threshold=0.01, device="cpu")
    found = detector.find(picture(4, 60, 40), ["cat", "dog"])
    assert {one.name for one in found} <= {"cat", "dog"}
    assert all(0 <= side <= 1 for one in found for side in one.box)


def clipped(box: Sequence[float], width: int, height: int) -> tuple[float, float, float, float]:
    """Pixels to fractions within the image."""
    left, top, right, bottom = (
        min(max(side / of, 0.0), 1.0) for side, of in zip(box, (width, height) * 2, strict=True)
    )
    return left, top, right, bottom


def test_one_thing_found_twice_is_one_and_two_names_are_two() -> None:
    first, again = Detection("cat", (0.1, 0.1, 0.5, 0.5), 0.9), Detection("cat", (0.12, 0.1, 0.5, 0.5), 0.8)
    dog, aside = Detection("dog", (0.1, 0.1, 0.5, 0.5), 0.7), Detection("cat", (0.3, 0.1, 0.7, 0.5), 0.6)
    assert each_once([aside, dog, again, first]) == [first, dog, aside]


class Drawn:
    """A finder that knows where it was drawn: reads boxes from a table by the image's size."""

    label = "a table"
    provenance: Mapping[str, JsonValue] = {"kind": "table"}

    def __init__(self, found: Sequence[Detection]) -> None:
        self.found = found

    def name_of(self, noun: str) -> str | None:
        return {"man": "person", "woman": "person"}.get(noun, noun if noun != "ghost" else None)

    def find(self, image: Image.Image, names: Sequence[str]) -> Sequence[Detection]:
        assert "ghost" not in names
        return self.found


def drawn(path: Path) -> Path:
    """A red and a blue square on grey."""
    image = Image.new("RGB", (100, 100), (130, 130, 130))
    ImageDraw.Draw(image).rectangle((10, 40, 30, 60), fill=(220, 20, 20))
    ImageDraw.Draw(image).rectangle((70, 40, 90, 60), fill=(20, 60, 220))
    image.save(path)
    return path


def test_the_metric_tells_colours_by_the_pixels_and_names_by_the_finder(tmp_path: Path) -> None:
    path = drawn(tmp_path / "a.png")
    finder = Drawn([Detection("person", (0.1, 0.4, 0.31, 0.61)), Detection("person", (0.7, 0.4, 0.91, 0.61))])
    attributes: dict[str, JsonValue] = {
        "schema": "scene/1",
        "objects": [{"name": "man", "color": "red"}, {"name": "woman", "color": "blue"}, {"name": "ghost"}],
        "relations": [{"subject": 0, "relation": "left of", "object": 1}],
    }
    metric = SceneMetric(finder)
    assert isinstance(metric, SampleMetric)
    score = metric.score([ScoredImage("0", path, "", attributes=attributes)])[0]
    assert score.value == 1.0
    detail = json.loads(json.dumps(score.detail))
    assert (detail["n_claims"], detail["n_hold"], detail["n_unchecked"]) == (5, 5, 1)
    assert sorted(one["colors"][0] for one in detail["found"]) == ["blue", "red"]
    swapped: dict[str, JsonValue] = {**attributes, "relations": [{"subject": 1, "relation": "left of", "object": 0}]}
    assert metric.score([ScoredImage("0", path, "", attributes=swapped)])[0].value == 0.8


def test_images_and_prompts_that_cannot_be_checked_say_why(tmp_path: Path) -> None:
    path = drawn(tmp_path / "a.png")
    bad = spoilt(tmp_path)
    asked: list[tuple[Path, Mapping[str, JsonValue], str]] = [
        (path, {}, "has no scene"),
        (path, {"schema": "scene/1", "text": ["HI"]}, "names no objects"),
        (path, {"schema": "scene/9"}, "can't be read: schema 'scene/9'"),
        (path, {"schema": "scene/1", "objects": [{"name": "ghost"}]}, "none of the 1 claims can be checked"),
        *((tmp_path / name, CATS, why) for name, why in bad.items() if name != "dangling.png"),
        (tmp_path / "none.png", CATS, "gone"),
    ]
    metric = SceneMetric(Drawn([Detection("cat", (0, 0, 1, 1))]))
    images = [ScoredImage(str(i), path, "", attributes=scene) for i, (path, scene, _) in enumerate(asked)]
    images.append(ScoredImage("last", path, "", attributes=CATS))
    scores = metric.score(images)
    for score, (_, _, why) in zip(scores, asked, strict=False):
        assert score.value is None and why in score.why, score
    assert scores[-1].value == 0.5


def test_the_registry_loads_it_with_a_detector_that_is_brought(tmp_path: Path) -> None:
    with pytest.raises(MetricError, match="takes a detector that you bring"):
        registry.load("object-checks", {}, weight_folders=[tmp_path])
    save_yolos(tmp_path / "tiny-yolos")
    metric = registry.load("object-checks", {"threshold": 0.4}, device="cpu", weight_folders=[tmp_path])
    assert isinstance(metric, SceneMetric)
    assert "tiny-yolos, sha256" in metric.label and "scores from 0.4" in metric.label
    image = ScoredImage("0", drawn(tmp_path / "a.png"), "two cats", attributes=CATS)
    first, again = metric.score([image]), metric.score([image])
    assert isinstance(first[0], SampleScore) and first == again and first[0].value is not None
    usual = load_detector(read_brought(DETECTOR, tmp_path / "tiny-yolos"), device="cpu")
    assert isinstance(usual, Detector) and usual.threshold == 0.5
