"""Hashes that databases, folders of users and publications hold: what makes them may move, they may not change."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from common.hashes import files_hash, hash_of
from common.parameters import ParameterValue
from evaluation.design.seeds import derived_seed
from evaluation.metrics.brought import Wanted, read_brought
from evaluation.metrics.features.extractor import Extractor
from evaluation.metrics.features.extractors import EXTRACTORS
from evaluation.metrics.features.images import Listing
from evaluation.metrics.features.pipeline import Division, statistics_plan, unfinished
from evaluation.metrics.features.protocols import PROTOCOLS
from evaluation.metrics.features.references import save_reference
from evaluation.metrics.features.shard_plan import make_plan
from evaluation.metrics.features.shards import made_with
from evaluation.reports.compute import settings_from
from evaluation.services.scoring.request import parameters_hash
from evaluation.suites import content_hash, version_hash
from evaluation.suites.types import PromptData
from generators.cascade.configs import MINILM
from generators.cascade.text_cache import TextCache
from generators.runner import content_key
from generators.training.captions_cache import load_captions
from generators.training.sources.webdataset import INDEX_VERSION, Index, shard_index

IMAGES = {"b/ä.png": "cd" * 32, "a.png": "ab" * 32}


def test_of_a_specification() -> None:
    value = {"zwei": [1, 2.5, None, True], "ä": 'Größe — "x"', "a": {"c": 1, "b": "🦊"}}
    assert hash_of(value) == "5b2a9d8c30227dbb05b184edd351367562f9464bd845079036ed972015335c63"


def test_of_parameters_and_settings() -> None:
    values: dict[str, ParameterValue] = {"zwei": 1, "ä": "Größe", "scale": 2.5, "on": True}
    assert parameters_hash(values) == "42aa10406fb224fe6ce83cf5d48db9f1d238e431d13d404ed812d527ae57b37d"
    assert settings_from({"level": 0.9}).hash == "843a8e4680f41e4e565c49eb31c73706f095996f7a4edbda0ad5ad1787bd9b97"


def test_of_a_suite() -> None:
    prompts = [
        PromptData(0, "Ein Fuchs, „grün“", "Größe", {"z": 1, "ä": ["ü", 2.5]}),
        PromptData(1, "A red car.", "Colors"),
    ]
    assert content_hash(prompts) == "24bb71e1a7429cf6bf889435757fb141fa2f0bff184405e19e21287f6457fe86"
    assert version_hash(prompts) == "f61aa2ea1386df3cf3d0a04738a54ab106927b89924780d0b8e17bd83cf2c335"


def test_of_an_image_that_was_asked_for() -> None:
    parameters: dict[str, ParameterValue] = {"steps": 30, "guidance": 7.5, "ä": "ü"}
    key = content_key("cascade", parameters, "ab" * 32, 64, 7, "00012", 'Ein Fuchs, "grün"', 3)
    assert key == "2d3b94d3ce4005f0218137363e2c43ebe4afd46727b76b42176136b17397603d"


def test_of_a_studys_seeds() -> None:
    assert derived_seed(7, "order", "Colors", 3) == 6753287495131562603
    assert derived_seed(7, "Größe") == 8402705808118974185


def test_of_a_set_of_images() -> None:
    assert files_hash(IMAGES) == "61969d570aa4eb1924772e1be4383d52f2c4b3effb6df872fdfb2b3f22d3f517"


def test_of_a_network_that_a_user_brings(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "clip"}')
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    brought = read_brought(Wanted("CLIP", ("clip",), "x"), tmp_path)
    assert brought.sha256 == "74b38c13a60450491872e9ebcca0b7534fc924d4684d22793cb93199b6f49768"


def test_of_a_reference(tmp_path: Path) -> None:
    manifest, lists = {"what": "Größe", "n": 2}, {"draw.tsv": b"1\t2\n"}
    made, _ = save_reference(tmp_path, "mine", folder=tmp_path, hashes=IMAGES, manifest=manifest, lists=lists)
    assert made.manifest["sha256"] == "bf8e7ac711880742c2526110b02746101d7f80851485d36b2df5a0b116b0542e"


def test_of_a_plan_of_shards() -> None:
    listing = Listing(Path("x"), tuple(sorted(IMAGES)), hashes=IMAGES)
    inception, protocol = EXTRACTORS["inception"], PROTOCOLS["imagen-full"]
    plan = make_plan(listing, inception, protocol, shards=1, groups=2, group_of=[0, 1], batch=32, keep_features=False)
    assert plan.key == "ca9a82fc110c55f1ccdf83550f1a12beb59fbaaaa109e9b4b1f7179504108862"


def test_of_statistics_that_are_kept(tmp_path: Path) -> None:
    """Their name has what else moves the last digits: the device and the libraries."""
    listing = Listing(Path("x"), tuple(sorted(IMAGES)), hashes=IMAGES)
    extractor = Extractor(EXTRACTORS["inception"], torch.nn.Identity(), torch.device("cpu"))
    plan = statistics_plan(listing, extractor, PROTOCOLS["imagen-full"], Division(group_of=[0, 0]))
    name = hashlib.sha256(json.dumps([plan.key, made_with(extractor)]).encode()).hexdigest()
    assert unfinished(plan, tmp_path, extractor) == tmp_path / "unfinished" / f"{name}-0-1"


def test_of_prompts_that_are_kept_encoded(tmp_path: Path) -> None:
    cache = TextCache(tmp_path, encoder="enc", limit=64, dtype=torch.float16, most_bytes=1)
    name = "5848baa05dc01ba0157671f94baf00a3209612392711410c379f9b0e8aa10e8d"
    assert cache.path("Ein Fuchs, grün") == tmp_path / "58" / f"{name}.safetensors"


def test_of_captions_that_are_kept_encoded(tmp_path: Path) -> None:
    """What lies under that name is taken: nothing is encoded anew."""
    tokens, starts = np.ones((3, 4), np.float16), np.array([0, 2, 3])
    np.savez(tmp_path / "captions-3f9487d6d65f46df.npz", tokens=tokens, starts=starts)
    assert np.array_equal(load_captions(["Ein Fuchs, grün", "a car"], MINILM, tmp_path).starts, starts)


def test_of_a_shard_whose_index_is_kept(tmp_path: Path) -> None:
    shard = tmp_path / "ä.tar"
    shard.write_bytes(b"no tar, and never read as one")
    stat = shard.stat()
    told = json.dumps([INDEX_VERSION, str(shard.resolve()), stat.st_size, stat.st_mtime_ns])
    name = hashlib.sha256(told.encode()).hexdigest()[:32]
    (tmp_path / "shards").mkdir()
    fields: Any = {field: np.arange(2) for field in Index.__slots__}
    np.savez(tmp_path / "shards" / f"{name}.npz", **fields)
    assert len(shard_index(shard, tmp_path).keys) == 2
