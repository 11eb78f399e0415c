"""Scenes as a training set: what a batch holds depends on its number alone, whoever asks for it."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from generators.cascade.configs import ConfigError
from generators.training.captions_cache import CaptionCache
from generators.training.data import SceneData, load_data
from generators.training.data_config import ScenesConfig
from generators.training.scenes.captions import Scene, Thing
from generators.training.scenes.render import Renderer
from tests.training.toy import config

SQUARE = np.full((256, 256, 4), 255, dtype=np.uint8)


def world(**changes: object) -> SceneData:
    """Two scenes, a red and a blue ball that is a square, with made-up token states."""
    pool = [Scene((Thing("ball", colour),), f"a {colour} ball") for colour in ("red", "blue")]
    states = np.random.default_rng(0).standard_normal((4, 384)).astype(np.float16)
    return SceneData(config(**changes), pool, CaptionCache(states, np.array([0, 2, 4])), Renderer({"ball": SQUARE}))


def test_batches_depend_on_their_number_alone() -> None:
    one, other = world(), world()
    one.batch(1)
    assert torch.equal(one.batch(7).images, other.batch(7).images)
    assert not torch.equal(one.batch(7).images, one.batch(8).images)
    assert not torch.equal(one.batch(7).images, world(seed=4).batch(7).images)


@pytest.mark.parametrize("changes", [{"crop": 64, "batch": 12}, {"stage": "sr256", "crop": 64, "batch": 36}], ids=str)
def test_processes_share_the_batch_of_one(changes: dict[str, object]) -> None:
    """Also where a picture's crops fall to two processes."""
    data = world(**changes)
    whole = data.batch(3)
    for count in (2, 3, 4):
        parts = [data.batch(3, rank, count) for rank in range(count)]
        assert torch.equal(torch.cat([part.images for part in parts]), whole.images)
        assert torch.equal(torch.cat([part.text.tokens for part in parts]), whole.text.tokens)
        assert sum((part.captions for part in parts), ()) == whole.captions


def test_captions_belong_to_their_pictures() -> None:
    batch = world(crop=64, batch=16).batch(0)
    redness = (batch.images[:, 0] - batch.images[:, 2]).amax(dim=(1, 2)) > 0.5
    assert redness.tolist() == [caption == "a red ball" for caption in batch.captions]
    assert 0 < sum(redness.tolist()) < 16


def test_crops_and_their_low_resolution_agree() -> None:
    batch = world(stage="sr256", batch=8, crop=128).batch(0)
    assert batch.images.shape == (8, 3, 128, 128)
    assert batch.low_res is not None and batch.low_res.shape == (8, 3, 32, 32)
    assert torch.allclose(batch.images.mean(), batch.low_res.mean(), atol=1e-5)


def test_named_concepts_alone_stay(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    np.savez(tmp_path / "sprites.npz", apple=SQUARE, car=SQUARE, dog=SQUARE)

    def encoded(captions: list[str], *rest: object) -> CaptionCache:
        return CaptionCache(np.zeros((len(captions), 384), dtype=np.float16), np.arange(len(captions) + 1))

    monkeypatch.setattr("generators.training.data.load_captions", encoded)
    scenes = ScenesConfig(sprites=str(tmp_path / "sprites.npz"), captions=60, concepts=("apple", "car"))
    data = load_data(config(data=scenes))
    assert isinstance(data, SceneData)
    assert 0 < len(data.pool) < 60
    assert {thing.concept for scene in data.pool for thing in scene.things} <= {"apple", "car"}
    assert len(data._cache.starts) == len(data.pool) + 1
    with pytest.raises(ConfigError, match="no caption has only the concepts giraffe"):
        load_data(config(data=dataclasses.replace(scenes, concepts=("giraffe",))))
