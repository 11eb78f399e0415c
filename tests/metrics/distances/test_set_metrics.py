"""frechet, kid and precision-recall as metrics of a run, with the bundled extractor and ones that a user brings."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import CLIPVisionModelWithProjection, Dinov2Model

from evaluation.metrics import registry
from evaluation.metrics.distances.kernel import kernel_distance
from evaluation.metrics.distances.neighbours import precision_recall
from evaluation.metrics.distances.score import score_folders
from evaluation.metrics.distances.set_metrics import FeatureMetric
from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.brought_extractors import brought_info, load_brought
from evaluation.metrics.features.extractors import extractor_by_name, load_extractor
from evaluation.metrics.features.images import decode_images, list_images
from evaluation.metrics.features.measure import MeasureRequest
from evaluation.metrics.features.protocols import protocol_by_name
from evaluation.metrics.spec import ScoredImage, SetMetric, no_progress
from tests.metrics.pictures import pictures, spoilt
from tests.metrics.tiny import save_clip, save_dinov2


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """var/weights with a DINOv2 and a CLIP in it."""
    place = tmp_path_factory.mktemp("var") / "weights"
    save_dinov2(place / "tiny-dino")
    save_clip(place / "tiny-clip")
    return place


def loaded(name: str, place: Path | None, **parameters: object) -> FeatureMetric:
    """The metric as the registry loads it, with a folder of weights or none."""
    folders = [place] if place else []
    metric = registry.load(name, parameters, device="cpu", weight_folders=folders)
    assert isinstance(metric, FeatureMetric) and isinstance(metric, SetMetric)
    return metric


def scored(folder: Path) -> list[ScoredImage]:
    """The images of a folder as a run's, a prompt each."""
    return [ScoredImage(f"{i:05d}/0", path, "") for i, path in enumerate(sorted(folder.iterdir()))]


def test_a_run_gets_what_the_folders_get(weights: Path, tmp_path: Path) -> None:
    mine, theirs = pictures(tmp_path / "run", 12), pictures(tmp_path / "reference", 9, first=40)
    metric = loaded("frechet", weights, extractor="dinov2:tiny-dino")
    calls: list[tuple[int, int]] = []
    result = metric.score(scored(mine), theirs, lambda done, total: calls.append((done, total)))
    expected = score_folders(mine, theirs, MeasureRequest(f"dinov2:{weights / 'tiny-dino'}", device="cpu"))
    assert result["value"] == pytest.approx(expected.value, rel=1e-6)
    assert result["name"] == metric.label and metric.label.startswith(
        "FD-DINOv2 (ViT-width 32/14-28, tiny-dino, sha256 "
    )
    assert (result["n_1"], result["n_2"]) == (12, 9) and calls[-1] == (21, 21)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)
    json.dumps(result, allow_nan=False)
    again = metric.score(scored(mine)[::-1], scored(theirs)[::-1], no_progress)
    assert again["value"] == pytest.approx(result["value"], rel=1e-9)


def test_kid_and_precision_recall_are_those_of_the_features(weights: Path, tmp_path: Path) -> None:
    mine, theirs = pictures(tmp_path / "run", 12), pictures(tmp_path / "reference", 9, first=40)
    extractor, protocol = (
        load_brought("clip:tiny-clip", folders=[weights], device="cpu"),
        protocol_by_name("imagen-full"),
    )

    def rows(folder: Path) -> Any:
        images = decode_images(list_images(folder), protocol.recipe, extractor.info.input_size, workers=1)
        return extractor.features_of([image.pixels for image in images if hasattr(image, "pixels")], protocol)

    x, y = rows(mine), rows(theirs)
    for folders in (weights, None):  # with a cache, and without one
        if folders is None:
            kid = loaded("kid", None, extractor="clip:x", weights=str(weights / "tiny-clip"))
        else:
            kid = loaded("kid", folders, extractor="clip:tiny-clip")
        result: Any = kid.score(scored(mine), theirs, no_progress)
        expected = kernel_distance(x, y)
        assert result["value"] == pytest.approx(expected.value, rel=1e-5) and result["se"] == pytest.approx(expected.se)
        assert result["name"].startswith("Kernel distance (CLIP ViT-width 32/8-32 features, tiny-clip")
        assert result["frechet"] > 0
    both: Any = loaded("precision-recall", weights, extractor="clip:tiny-clip").score(scored(mine), theirs, no_progress)
    wanted = precision_recall(x, y)
    assert both["precision_recall"] == {"precision": wanted.precision, "recall": wanted.recall, "k": 3}
    total = wanted.precision + wanted.recall
    assert both["value"] == pytest.approx(2 * wanted.precision * wanted.recall / total if total else 0)


def test_where_there_is_no_number_it_says_why(weights: Path, tmp_path: Path) -> None:
    few, theirs = pictures(tmp_path / "few", 3), pictures(tmp_path / "reference", 9, first=40)
    result = loaded("precision-recall", weights, extractor="clip:tiny-clip").score(scored(few), theirs, no_progress)
    assert result["value"] is None and "more than 3 images" in str(result["why"])
    same = loaded("kid", weights, extractor="clip:tiny-clip").score(scored(theirs), scored(theirs), no_progress)
    assert same["value"] is None and "the same images" in str(same["why"])
    with pytest.raises(MetricError, match="compares with a reference"):
        loaded("frechet", weights).score(scored(few), None, no_progress)


def test_bad_files_are_named(weights: Path, tmp_path: Path) -> None:
    folder = pictures(tmp_path / "run", 5)
    bad = spoilt(folder)
    result: Any = loaded("frechet", weights, extractor="clip:tiny-clip").score(
        [ScoredImage(path.name, path, "") for path in sorted(folder.iterdir())],
        pictures(tmp_path / "reference", 5, first=9),
        no_progress,
    )
    assert result["n_1"] == 5 and {Path(skip["file"]).name for skip in result["skipped"]} == set(bad)


def test_the_bundled_extractor_is_never_called_fid_and_paths_are_not_for_everyone(weights: Path) -> None:
    for name in ("frechet", "kid", "precision-recall"):
        label = loaded(name, weights).label
        assert "EfficientNet-Lite0 features" in label and "FID" not in label and "KID" not in label
    with pytest.raises(MetricError, match="holds a path. Name a folder in var/weights"):
        loaded("frechet", weights, extractor=f"dinov2:{weights}/tiny-dino")
    with pytest.raises(MetricError, match="operator|only a command"):
        registry.get_spec("frechet").resolve({"weights": "/etc/passwd"}, operator=False)
    with pytest.raises(MetricError, match=r'no DINOv2 \'tiny-dina\' in .*; did you mean "tiny-dino"'):
        loaded("frechet", weights, extractor="dinov2:tiny-dina")
    with pytest.raises(MetricError, match="weights of inception are not here"):
        loaded("frechet", weights, extractor="inception")


@pytest.mark.parametrize("kind", ["dinov2", "clip"])
def test_features_are_transformers_own(weights: Path, kind: str) -> None:
    name = f"{kind}:{'tiny-dino' if kind == 'dinov2' else 'tiny-clip'}"
    extractor = load_extractor(name, folders=[weights], device="cpu")
    info = extractor_by_name(name, [weights])
    side = info.input_size
    assert (side, info.features) == ((28, 32) if kind == "dinov2" else (32, 16))
    images = np.random.default_rng(0).integers(0, 256, (3, side, side, 3), dtype=np.uint8)
    got = extractor.features_of(list(images), protocol_by_name("imagen-full"))
    mean, std = (
        ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
        if kind == "dinov2"
        else ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
    )
    pixels = torch.from_numpy(((images / 255 - mean) / std).transpose(0, 3, 1, 2)).float()
    folder = weights / name.partition(":")[2]
    with torch.no_grad():
        if kind == "dinov2":
            expected = Dinov2Model.from_pretrained(folder).eval()(pixel_values=pixels).last_hidden_state[:, 0]
        else:
            expected = CLIPVisionModelWithProjection.from_pretrained(folder).eval()(pixel_values=pixels).image_embeds
    assert np.abs(got - expected.numpy()).max() < 1e-5


def test_a_dinov2_that_was_trained_larger_is_used_at_224(weights: Path, tmp_path: Path) -> None:
    folder = save_dinov2(tmp_path / "large")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "image_size": 518}))
    assert brought_info(f"dinov2:{folder}").input_size == 224
    assert brought_info("dinov2:tiny-dino", [weights]).input_size == 28
    with pytest.raises(MetricError, match="taken as DINOv2: dinov2"):
        brought_info(f"dinov2:{weights / 'tiny-clip'}")
