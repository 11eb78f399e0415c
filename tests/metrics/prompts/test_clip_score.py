"""CLIP scores against transformers' own forward pass; long texts, odd files, folders that are wrong; the curve."""

import json
import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

from evaluation.metrics import registry
from evaluation.metrics.brought import find_brought, read_brought
from evaluation.metrics.distances.curve import CurvePoint, guidance_curve
from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.clip import CLIP, architecture, load_clip, preparation
from evaluation.metrics.prompts.clip_score import HESSEL, ClipScore, W
from evaluation.metrics.spec import SampleScore, ScoredImage
from tests.metrics.pictures import picture, pictures
from tests.metrics.tiny import save_clip, save_siglip


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of weights with one CLIP in it."""
    place = tmp_path_factory.mktemp("weights")
    save_clip(place / "tiny-clip")
    return place


def scored(folder: Path, prompts: list[str]) -> list[ScoredImage]:
    """Pictures of different sizes in `folder`, one a prompt."""
    pictures(folder, len(prompts))
    return [ScoredImage(f"{i:05d}/0", folder / f"{i:03d}.png", text) for i, text in enumerate(prompts)]


def clip_score(weights: Path, **parameters: object) -> ClipScore:
    """The metric as the registry loads it."""
    metric = registry.load("clip-score", parameters, device="cpu", weight_folders=[weights])
    assert isinstance(metric, ClipScore)
    return metric


def theirs(folder: Path, image: Image.Image, text: str, longest: int = 20) -> float:
    """The cosine by transformers' own processor, tokenizer and model."""
    model = AutoModel.from_pretrained(folder).eval()
    siglip = model.config.model_type == "siglip"
    processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
    padding: Mapping[str, Any] = {"padding": "max_length"} if siglip else {}
    ids = AutoTokenizer.from_pretrained(folder)(
        [text], truncation=True, max_length=longest, return_tensors="pt", **padding
    )["input_ids"]
    with torch.no_grad():
        out = model(input_ids=ids, pixel_values=processor(images=[image], return_tensors="pt")["pixel_values"])
    return float(torch.nn.functional.cosine_similarity(out.image_embeds, out.text_embeds)[0])


def test_the_cosine_is_transformers_own(weights: Path, tmp_path: Path) -> None:
    prompts = ["a red cat", "Two dogs.", "", "x" * 60]
    images = scored(tmp_path / "images", prompts)
    got = clip_score(weights).score(images)
    for image, score in zip(images, got, strict=True):
        expected = theirs(weights / "tiny-clip", Image.open(image.path), image.prompt)
        assert score.value == pytest.approx(100 * expected, abs=2e-4)
        assert score.detail["cosine"] == pytest.approx(expected, abs=2e-6)
        assert score.detail["hessel"] == W * max(float(str(score.detail["cosine"])), 0)
    assert len({score.value for score in got}) == 4


def test_a_siglip_is_taken_too(tmp_path: Path) -> None:
    folder = save_siglip(tmp_path / "weights" / "tiny-siglip")
    metric = clip_score(tmp_path / "weights")
    assert "SigLIP" in metric.label
    images = scored(tmp_path / "images", ["a red cat", "dog"])
    for image, score in zip(images, metric.score(images), strict=True):
        assert score.detail["cosine"] == pytest.approx(theirs(folder, Image.open(image.path), image.prompt), abs=2e-6)


def test_hessels_form_and_prefix(weights: Path, tmp_path: Path) -> None:
    images = scored(tmp_path, ["a cat"])
    plain = clip_score(weights).score([ScoredImage("0", images[0].path, "A photo depicts a cat")])[0]
    hessel = clip_score(weights, form=HESSEL, prefix="A photo depicts").score(images)[0]
    assert hessel.detail["cosine"] == pytest.approx(plain.detail["cosine"], abs=1e-6)
    assert hessel.value == hessel.detail["hessel"]
    assert "2.5 x max(cosine, 0)" in clip_score(weights, form=HESSEL).label


def test_a_text_that_is_too_long_is_cut_and_said(weights: Path, tmp_path: Path) -> None:
    images = scored(tmp_path, ["y" * 18, "y" * 19, "y" * 60])
    whole, cut, longer = clip_score(weights).score(images)
    assert (whole.detail["tokens"], "cut" in whole.detail) == (20, False)
    assert cut.detail["cut"] == "the prompt has 21 tokens; this model reads the first 20"
    assert longer.detail["tokens"] == 62


def test_one_bad_file_loses_no_other_and_order_and_batches_do_not_matter(weights: Path, tmp_path: Path) -> None:
    images = scored(tmp_path, [f"prompt {i}" for i in range(20)])
    images[7].path.write_bytes(images[7].path.read_bytes()[:200])
    images[9] = ScoredImage("9", tmp_path / "gone.png", "nothing")
    metric = clip_score(weights)
    together = metric.score(images)
    assert together[7].value is None and "damaged" in together[7].why
    assert together[9] == SampleScore(None, "the file is gone")
    assert metric.score([images[7], images[9]]) == [together[7], together[9]]
    alone = [metric.score([image])[0] for image in reversed(images)][::-1]
    for one, other in zip(together, alone, strict=True):
        assert (one.value is None) == (other.value is None)
        assert one.value is None or one.value == pytest.approx(other.value, abs=1e-4)
    assert metric.score([]) == []


def test_the_folders_hash_stands_in_label_and_provenance(weights: Path, tmp_path: Path) -> None:
    metric = clip_score(weights)
    sha256 = str(metric.provenance["model_sha256"])
    assert f"tiny-clip, sha256 {sha256[:8]}" in metric.label and "100 x cosine" in metric.label
    json.dumps(dict(metric.provenance), allow_nan=False)
    other = save_clip(tmp_path / "tiny-clip", seed=1)
    assert read_brought(CLIP, other).sha256 != sha256
    same = shutil.copytree(weights / "tiny-clip", tmp_path / "copy")
    assert read_brought(CLIP, same).sha256 == sha256
    (same / "README.md").write_text("Not part of what decides a number.")
    assert read_brought(CLIP, same).sha256 == sha256
    config = json.loads((same / "preprocessor_config.json").read_text())
    (same / "preprocessor_config.json").write_text(json.dumps({**config, "resample": 2}))
    assert read_brought(CLIP, same).sha256 != sha256


def test_the_image_is_prepared_as_the_models_own_processor_does(weights: Path) -> None:
    folder = weights / "tiny-clip"
    processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
    prepare = preparation(read_brought(CLIP, folder))
    for width, height in ((32, 32), (33, 57), (640, 480), (31, 90), (7, 7)):
        image = picture(width, width, height)
        expected = np.asarray(processor(images=[image], return_tensors="np")["pixel_values"])[0]
        assert np.abs(prepare.pixels(image) - expected).max() < 1e-5, (width, height)


def test_which_folder_is_found_or_why_not(weights: Path, tmp_path: Path) -> None:
    assert find_brought(CLIP, {}, [tmp_path, weights]).path == weights / "tiny-clip"
    assert find_brought(CLIP, {"model": "tiny-clip"}, [weights]).path == weights / "tiny-clip"
    assert find_brought(CLIP, {"folder": str(weights / "tiny-clip")}, []).path == weights / "tiny-clip"
    for parameters, message in (
        ({"model": "tiny-clap"}, r'There is no CLIP \'tiny-clap\' in .*; did you mean "tiny-clip"\?'),
        ({"model": "../tiny-clip"}, "is a path; give the name of a folder"),
        ({"folder": str(tmp_path / "none")}, "There is no folder .*none"),
        ({"folder": str(tmp_path)}, "has no config.json"),
    ):
        with pytest.raises(MetricError, match=message):
            find_brought(CLIP, parameters, [weights])
    with pytest.raises(MetricError, match="takes a CLIP that you bring.* into .*/NAME, .*Nothing is downloaded"):
        find_brought(CLIP, {}, [tmp_path])
    two = tmp_path / "two"
    for name in ("a", "b"):
        shutil.copytree(weights / "tiny-clip", two / name)
    with pytest.raises(MetricError, match="several of the kind CLIP: say which by model, a, b"):
        find_brought(CLIP, {}, [two])
    (two / "a" / "model.safetensors").unlink()
    with pytest.raises(MetricError, match="no weights"):
        find_brought(CLIP, {"model": "a"}, [two])
    (two / "b" / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(MetricError, match="a model of the type bert; taken as CLIP: clip, siglip"):
        find_brought(CLIP, {"model": "b"}, [two])


def test_weights_that_lack_layers_are_refused(weights: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(weights / "tiny-clip", tmp_path / "part")
    state = load_file(folder / "model.safetensors")
    del state["visual_projection.weight"]
    save_file(state, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(MetricError, match="lack 1 layers .*visual_projection"):
        load_clip(read_brought(CLIP, folder), "cpu")
    (folder / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(MetricError, match="can't be loaded"):
        load_clip(read_brought(CLIP, folder), "cpu")
    with pytest.raises(MetricError, match="device 'cuda:77' can't be used here"):
        load_clip(read_brought(CLIP, weights / "tiny-clip"), "cuda:77")


def test_architectures_have_their_usual_names() -> None:
    def named(width: int, patch: int, side: int) -> str:
        return architecture({"vision_config": {"hidden_size": width, "patch_size": patch, "image_size": side}})

    assert (named(768, 32, 224), named(1024, 14, 336)) == ("ViT-B/32", "ViT-L/14-336")
    assert named(32, 8, 32) == "ViT-width 32/8-32"


def test_the_curve_orders_its_points_and_finds_the_frontier() -> None:
    points = [
        CurvePoint(10.0, 12.0, 28.9, n=100),
        CurvePoint(1.0, 9.0, 24.0, n=100),
        CurvePoint(4.0, 9.5, 29.0, n=100),
        CurvePoint(1.35, 7.3, 26.5, 0.1, 0.2, n=100),
    ]
    curve = guidance_curve(points, distance_name="FID", clip_name="CLIP score")
    assert [point.guidance for point in curve.points] == [1.0, 1.35, 4.0, 10.0]
    assert curve.frontier == (1.35, 4.0) and curve.turns_at == 1.35 and not curve.why_not_compared
    mixed = guidance_curve([*points[:2], CurvePoint(2.0, 8.0, 26.0, n=50)], distance_name="FID", clip_name="CLIP")
    assert "from 50 to 100 images" in mixed.why_not_compared
    for bad, message in (
        ([], "takes points"),
        ([points[0], points[0]], "two points at guidance 10"),
        ([CurvePoint(1.0, math.nan, 2.0)], "not finite"),
    ):
        with pytest.raises(MetricError, match=message):
            guidance_curve(bad, distance_name="FID", clip_name="CLIP")
