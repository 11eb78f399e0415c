"""Weights between two trainings: where they lie, what they say of themselves, and what has nothing between it."""

import dataclasses
from pathlib import Path

import pytest
import torch

from common.commands import run_command
from generators.cascade import configs
from generators.cascade.checkpoint import open_weights
from generators.training import checkpoints
from generators.training.between import main
from generators.training.trainer import Trainer
from tests.training.toy import TINY, Squares, config


def trained(folder: Path, steps: int, **changes: object) -> Path:
    wanted = config(**changes)
    trainer = Trainer(wanted)
    for _ in range(steps):
        trainer.step(Squares(wanted), 0.0)
    checkpoints.save(trainer, folder)
    return folder


def test_every_weight_lies_between(tmp_path: Path) -> None:
    one, other = trained(tmp_path / "one", 1), trained(tmp_path / "other", 4)
    for share in ("0", "0.25", "1"):
        out = tmp_path / share
        assert run_command(main, [str(one), str(other), "--stage", "base", "--share", share, "--out", str(out)]) == 0
        made, before, after = (open_weights(each).load("base") for each in (out, one, other))
        for name, value in made.network().state_dict().items():
            ends = before.network().state_dict()[name], after.network().state_dict()[name]
            assert torch.allclose(value, ends[0].lerp(ends[1], float(share)), atol=1e-3), name
    assert "0.75 of (1 steps of 8" in open_weights(tmp_path / "0.25").load("base").about
    assert "0.25 of (4 steps of 8" in open_weights(tmp_path / "0.25").load("base").about


def test_what_has_nothing_between_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = trained(tmp_path / "one", 1)
    smaller = dataclasses.replace(TINY.base.unet, embedding=16)
    other_shape = dataclasses.replace(TINY, base=dataclasses.replace(TINY.base, unet=smaller))
    monkeypatch.setitem(configs.CASCADES, "tiny", other_shape)
    other = trained(tmp_path / "other", 1)

    def says(*arguments: str) -> str:
        assert run_command(main, arguments) == 2
        return capsys.readouterr().err

    fresh = ("--out", str(tmp_path / "new"))
    assert "of different shapes: nothing lies between them" in says(str(one), str(other), "--stage", "base", *fresh)
    assert "sr256" in says(str(one), str(one), "--stage", "sr256", *fresh)
    assert "--share is 2; it must lie in 0 .. 1" in says(str(one), str(one), "--stage", "base", "--share", "2", *fresh)
    assert "is not empty" in says(str(one), str(one), "--stage", "base", "--out", str(one))
    assert not (tmp_path / "new").exists()
