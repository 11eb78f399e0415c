"""Scenes as a training set: what a batch holds depends on its number alone, whoever asks for it."""

import dataclasses
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from generators.cascade.configs import ConfigError
from generators.training.captions_cache import CaptionCache
from generators.training.data import SceneData, load_data, scene_pool
from generators.training.data_config import ScenesConfig
from generators.world.scenes.captions import Scene, Thing
from generators.world.scenes.compose import SceneComposer
from generators.world.scenes.render import Renderer
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


@pytest.mark.parametrize("changes", [{"crop": 64, "batch": 12}, {"stage": "sr256", "crop": 64, "batch": 36}], ids=str)
def test_drawn_when_finished_they_are_the_same_pictures(changes: dict[str, object]) -> None:
    """As on a GPU: prepared elsewhere, as plain data, and drawn by the composer; halves of a step apart."""
    here = world(**changes)
    sprites = {"ball": SQUARE}
    there = SceneData(here.config, here.pool, here._cache.on("cpu"), Renderer(sprites), SceneComposer(sprites))
    prepared = pickle.loads(pickle.dumps(there.prepare(3, 1, 2)))
    assert prepared.pictures is None
    one, other = there.finish(prepared), here.batch(3, 1, 2)
    assert one.captions == other.captions and torch.equal(one.text.mask, other.text.mask)
    assert torch.equal(one.text.tokens, other.text.tokens)
    assert (one.images - other.images).abs().mean() * 127.5 < 1
    assert (one.low_res is None) == (other.low_res is None)
    if one.low_res is not None and other.low_res is not None:
        assert (one.low_res - other.low_res).abs().mean() * 127.5 < 1


def test_what_makes_the_captions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Scenes of the named concepts alone, as many as asked; none with a prompt that will be measured on."""
    np.savez(tmp_path / "sprites.npz", apple=SQUARE, car=SQUARE, dog=SQUARE)

    def encoded(captions: list[str], *rest: object, device: str) -> CaptionCache:
        return CaptionCache(np.zeros((len(captions), 384), dtype=np.float16), np.arange(len(captions) + 1))

    monkeypatch.setattr("generators.training.data.load_captions", encoded)
    scenes = ScenesConfig(sprites=str(tmp_path / "sprites.npz"), captions=60, concepts=("apple", "car"))
    data = load_data(config(data=scenes))
    assert isinstance(data, SceneData)
    assert len(data.pool) == 60 and len(data._cache.starts) == 61
    assert {thing.concept for scene in data.pool for thing in scene.things} <= {"apple", "car"}
    suite = tmp_path / "suite.csv"
    suite.write_text(f"prompt,category\n{data.pool[0].caption.upper()},x\n", encoding="utf-8")
    without = load_data(config(data=dataclasses.replace(scenes, exclude=(str(suite),))))
    assert isinstance(without, SceneData)
    assert data.pool[0].caption not in {scene.caption for scene in without.pool}


def test_captions_that_cannot_be_had(tmp_path: Path) -> None:
    scenes = ScenesConfig(sprites="s.npz", captions=60, concepts=("giraffe",))
    with pytest.raises(ConfigError, match=r"the sprites in s\.npz have no giraffe"):
        scene_pool(scenes, ("apple", "car"), 0)
    everything = dataclasses.replace(scenes, concepts=())
    with pytest.raises(FileNotFoundError, match="exclude names suites"):
        scene_pool(dataclasses.replace(everything, exclude=(str(tmp_path / "none.csv"),)), ("apple",), 0)
    (tmp_path / "other.csv").write_text("colour,thing\nred,car\n")
    with pytest.raises(ConfigError, match=r"^data: \S*other\.csv has no column for the prompts"):
        scene_pool(dataclasses.replace(everything, exclude=(str(tmp_path / "other.csv"),)), ("apple",), 0)
