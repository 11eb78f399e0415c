"""`clip-score` by the scene CLIP of the bundled world: chosen, named, and never passed off as CLIP."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from evaluation.metrics import registry
from evaluation.metrics.errors import MetricError
from evaluation.metrics.prompts.clip_score import ClipScore
from evaluation.metrics.spec import ScoredImage
from generators.cascade.configs import MINILM
from generators.world.scene_clip import load
from generators.world.scene_clip.network import SceneClip, SceneClipConfig
from tests.metrics.tiny import save_clip


@pytest.fixture
def bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small one with chance weights in place of what ships."""
    torch.manual_seed(0)
    config = SceneClipConfig(width=(16, 32, 32), layers=1, embedding=32)
    path = tmp_path / "scene-clip.safetensors"
    load.save_scene_clip(path, SceneClip(config), config, MINILM, {"world": "test", "measured": {"binding_count": 0.5}})
    monkeypatch.setattr(load, "BUNDLED", path)
    return path


def clip_score(weights: Path, **parameters: object) -> ClipScore:
    metric = registry.load("clip-score", parameters, device="cpu", weight_folders=[weights])
    assert isinstance(metric, ClipScore)
    return metric


def test_without_a_clip_it_is_taken_and_says_what_it_is(bundled: Path, tmp_path: Path) -> None:
    metric = clip_score(tmp_path / "nothing")
    sha256 = load.load_scene_clip(bundled).sha256
    assert f"scene CLIP of the bundled world (not CLIP), sha256 {sha256[:8]}" in metric.label
    assert metric.provenance["model_sha256"] == sha256 and metric.provenance["brought_by_user"] is False
    assert "measured" in json.dumps(dict(metric.provenance), allow_nan=False)


def test_a_clip_that_was_brought_goes_first_and_either_can_be_named(bundled: Path, tmp_path: Path) -> None:
    save_clip(tmp_path / "weights" / "tiny-clip")
    assert "as brought: tiny-clip" in clip_score(tmp_path / "weights").label
    assert "not CLIP" in clip_score(tmp_path / "weights", model="scene-clip").label
    assert "as brought" in clip_score(tmp_path / "weights", model="tiny-clip").label
    assert "as brought" in clip_score(tmp_path, folder=str(tmp_path / "weights" / "tiny-clip")).label


def test_scores_are_its_cosines_for_images_of_any_shape(bundled: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    images = []
    for n, (width, height, prompt) in enumerate(((64, 64, "a red cat"), (300, 200, "two dogs"), (33, 90, "x " * 90))):
        path = tmp_path / f"{n}.png"
        Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(path)
        images.append(ScoredImage(f"{n}/0", path, prompt))
    images.append(ScoredImage("3/0", tmp_path / "gone.png", "a cat"))
    scores = clip_score(tmp_path).score(images)
    assert scores[3].value is None and "gone" in scores[3].why
    clip = load.load_scene_clip(bundled)
    with Image.open(images[0].path) as image:
        row = clip.images(np.array(image)[None])[0]
    expected = float(row @ clip.texts(["a red cat"])[0][0])
    assert scores[0].value == pytest.approx(100 * expected, abs=1e-3)
    assert scores[0].detail["tokens"] == 5 and "cut" not in scores[0].detail
    assert (
        scores[2].detail["cut"] == f"the prompt has {scores[2].detail['tokens']} tokens; this model reads the first 64"
    )


def test_damaged_weights_are_told(bundled: Path, tmp_path: Path) -> None:
    bundled.write_bytes(bundled.read_bytes()[:-50])
    with pytest.raises(MetricError, match="no whole scene CLIP"):
        clip_score(tmp_path / "nothing")
    bundled.unlink()
    with pytest.raises(MetricError, match="are not there"):
        clip_score(tmp_path / "nothing")
