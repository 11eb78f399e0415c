"""Configurations of training: those that ship are whole, and every mistake is named."""

import json
from pathlib import Path

import pytest

from generators.cascade.configs import ConfigError
from generators.training.config import load_train_config, to_plain
from generators.training.data_config import FolderConfig, ScenesConfig, data_config
from tests.training.toy import config

SHIPPED = sorted(Path("generators/training/configs").glob("*.json"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_configurations_are_whole(path: Path) -> None:
    wanted = load_train_config(path)
    assert wanted.network.name in path.name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cascade": "imagen-xl"}, "cascade 'imagen-xl' is unknown; did you mean"),
        ({"stage": "sr512"}, "stage 'sr512' is unknown; did you mean"),
        ({"batch": 0}, "batch is 0"),
        ({"micro_batch": 9}, "micro_batch is 9; it must lie in 0 .. 8"),
        ({"crop": 24}, "multiple of 16 and at most 64"),
        ({"crop": 128}, "multiple of 16 and at most 64"),
        ({"text_drop": 1.5}, "text_drop"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"betas": (0.9,)}, "two numbers"),
        ({"betas": (0.9, 1.0)}, "two numbers"),
        ({"ema_std": 0.2}, r"one of ema_stds \[0.05, 0.1\]"),
        ({"ema_stds": (0.1, 0.4)}, "a width of ema_stds is 0.4"),
        ({"max_aug": 0.5}, "super-resolution"),
        ({"seed": -1}, "seed"),
    ],
    ids=str,
)
def test_values_that_can_not_be(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config(**changes)


def fails(path: Path, held: object) -> str:
    path.write_text(held if isinstance(held, str) else json.dumps(held))
    with pytest.raises(ConfigError) as raised:
        load_train_config(path)
    assert str(raised.value).startswith(f"{path}: ")
    return str(raised.value)


def test_files_that_can_not_be_read_as_one(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    fine = json.loads(json.dumps(to_plain(config())))
    with pytest.raises(ConfigError, match=r"No such file.*configs/"):
        load_train_config(path)
    assert "not JSON" in fails(path, "{")
    assert "an object is wanted, not list" in fails(path, [1])
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not JSON"):
        load_train_config(path)
    assert 'unknown lerning_rate; did you mean "learning_rate"?' in fails(path, {**fine, "lerning_rate": 1})
    assert "missing batch" in fails(path, {name: value for name, value in fine.items() if name != "batch"})
    assert "batch must be a whole number, not a string ('8')" in fails(path, {**fine, "batch": "8"})
    assert "batch must be a whole number, not a number (8.5)" in fails(path, {**fine, "batch": 8.5})
    assert "batch must be a whole number, not true or false" in fails(path, {**fine, "batch": True})
    assert "bf16 must be true or false" in fails(path, {**fine, "bf16": 1})
    assert "decay is 'square'; it must be one of linear, cosine" in fails(path, {**fine, "decay": "square"})
    assert "betas must be a list" in fails(path, {**fine, "betas": 0.9})
    assert "betas: an entry must be a number" in fails(path, {**fine, "betas": [0.9, "x"]})
    path.write_text(json.dumps({**fine, "learning_rate": 1}))
    assert isinstance(load_train_config(path).learning_rate, float)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    for wanted in (config(), config(data=FolderConfig(path="pictures"), sample_prompts=("A red car.",))):
        path = tmp_path / "mine.json"
        path.write_text(json.dumps(to_plain(wanted)))
        assert load_train_config(path) == wanted


@pytest.mark.parametrize(
    ("held", "message"),
    [
        ("pictures", "an object with a .kind. is wanted"),
        ({}, "kind. is missing; it says what the training set is: scenes, folder"),
        ({"kind": "foldr", "path": "x"}, 'kind .foldr. is unknown; did you mean "folder"'),
        ({"kind": "folder"}, r"data \(folder\): missing path"),
        ({"kind": "folder", "path": "x", "max_broken": 2.0}, "max_broken is 2.0; it must lie in 0.0 .. 1.0"),
        ({"kind": "folder", "path": 3}, "path must be a string"),
        ({"kind": "coco", "path": "x", "anotations": "y"}, 'did you mean "annotations"'),
        ({"kind": "scenes", "sprites": "x", "concepts": ["apple", "gryphon"]}, "gryphon"),
        ({"kind": "scenes", "sprites": "x", "concepts": ["apple", "car"], "often": {"cars": 2}}, 'did you mean "car"'),
        ({"kind": "scenes", "sprites": "x", "often": {"apple": 0}}, "apple is 0.0; it must lie in 0.1"),
        ({"kind": "scenes", "sprites": "x", "shrink": 0}, "shrink is"),
    ],
    ids=str,
)
def test_training_sets_that_can_not_be(held: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        data_config(held)


def test_a_training_set_by_its_kind() -> None:
    assert data_config({"kind": "scenes", "sprites": "s.npz", "concepts": ["apple"]}) == ScenesConfig(
        sprites="s.npz", concepts=("apple",)
    )
