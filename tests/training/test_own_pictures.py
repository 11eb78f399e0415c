"""docs/training.md: its configuration for a folder of one's own is whole, and trains as it stands."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.places import CHECKOUT
from generators.cascade.checkpoint import open_weights
from generators.training.config import load_train_config
from generators.training.export import export
from generators.training.train import main

PAGE = (CHECKOUT / "docs" / "training.md").read_text()


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page's configuration as a file, in a folder with four pictures as the page describes them."""
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"^```json\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    path = tmp_path / "mine.json"
    path.write_text(block)
    (tmp_path / "my-pictures").mkdir()
    for number, name in enumerate(("cat", "dog", "car", "tree")):
        colours = np.random.default_rng(number).integers(0, 256, (3, 4, 3), dtype=np.uint8)
        Image.fromarray(colours).resize((90, 80)).save(tmp_path / "my-pictures" / f"{name}.jpg")
        (tmp_path / "my-pictures" / f"{name}.txt").write_text(f"A {name}.\n")
    return path


def test_it_is_whole_and_trains(mine: Path, tmp_path: Path) -> None:
    config = load_train_config(mine)
    assert (config.data.kind, config.stage, config.batch) == ("folder", "base", 32)
    small = {**json.loads(mine.read_text()), "batch": 2, "sample_steps": 0, "cache": str(tmp_path / "cache")}
    mine.write_text(json.dumps(small))
    assert main([str(mine), "--steps", "2", "--out", "run", "--device", "cpu"]) == 0
    assert open_weights(Path("run")).head("base").about.startswith("2 steps of 2")
    lines = export([Path("run"), Path(f"{CHECKOUT / 'generators' / 'weights'}:sr256,sr1024")], Path("weights"))
    assert [line.split(":")[0] for line in lines] == ["base", "sr256", "sr1024"]
    assert set(open_weights(Path("weights")).hashes) == {"base", "sr256", "sr1024"}


def test_a_base_alone_asked_for_more_pixels_names_what_gathers_stages(tmp_path: Path) -> None:
    from generators import GeneratorError, registry

    export([Path(f"{CHECKOUT / 'generators' / 'weights'}:base")], tmp_path / "alone")
    with pytest.raises(GeneratorError, match=r"has no stage sr256; it has base\. .*generators\.training\.export"):
        registry.load("cascade", {"weights": str(tmp_path / "alone")}, size=256, device="cpu")


def test_the_pages_commands_are_those_of_the_programs() -> None:
    assert "generators/weights:sr256,sr1024 --out weights" in PAGE and "--start-from generators/weights" in PAGE
