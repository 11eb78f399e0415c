"""Inputs of super-resolution that a base has drawn again: which, how far from the truth, and always the same."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from generators.cascade.blocks import TextStates
from generators.cascade.checkpoint import open_weights
from generators.cascade.configs import ConfigError
from generators.cascade.stage import LoadedStage
from generators.places import WEIGHTS
from generators.training import checkpoints, turned
from generators.training.config import TrainConfig
from generators.training.data import Batch, Data, load_data
from generators.training.redrawing import redrawn, redraws_of
from generators.training.trainer import Trainer
from tests.training.toy import Squares, config


@pytest.fixture
def wanted(tmp_path: Path) -> TrainConfig:
    """A training of the tiny 256 stage on inputs that the tiny base draws again, half of them."""
    folder = tmp_path / "base"
    trainer = Trainer(config())
    trainer.step(Squares(config()), 0.0)
    checkpoints.save(trainer, folder)
    return config(stage="sr256", crop=256, batch=4, redrawn_share=0.5, redrawn_time=0.6, redrawn_weights=str(folder))


def moved(turned_batch: Batch, plain: Batch) -> Tensor:
    """Which rows' inputs are not the truth's."""
    assert plain.low_res is not None and turned_batch.low_res is not None
    return (turned_batch.low_res - plain.low_res).abs().amax(dim=(1, 2, 3)) > 0.01


def test_the_share_asked_for_is_drawn_again_and_the_truth_stays(wanted: TrainConfig) -> None:
    turn = redraws_of(wanted, "cpu")
    plain = [Squares(wanted).batch(step) for step in range(12)]
    batches = [turn(each) for each in plain]
    again = torch.cat([moved(*pair) for pair in zip(batches, plain, strict=True)])
    assert len(again) == 48 and 14 <= again.sum() <= 34
    for batch, before in zip(batches, plain, strict=True):
        assert batch.low_res is not None and before.low_res is not None
        rows = ~moved(batch, before)
        assert torch.equal(batch.low_res[rows], before.low_res[rows]) and batch.low_res.abs().max() <= 1
        assert torch.equal(batch.images, before.images) and batch.captions == before.captions
    all_of_them = redraws_of(dataclasses.replace(wanted, redrawn_share=1.0), "cpu")
    assert moved(all_of_them(plain[0]), plain[0]).all()


def test_a_batch_is_the_same_whoever_asks_and_in_how_many_parts(wanted: TrainConfig) -> None:
    data = [turned.Turned(Squares(wanted), redraws_of(wanted, "cpu")) for _ in range(2)]
    data[0].batch(1)
    one, other, another = (each.batch(step).low_res for each, step in ((data[0], 7), (data[1], 7), (data[1], 8)))
    assert one is not None and other is not None and another is not None
    assert torch.equal(one, other) and not torch.equal(one, another)
    parts = [data[0].batch(7, rank, 2).low_res for rank in range(2)]
    assert torch.allclose(torch.cat([part for part in parts if part is not None]), one, atol=1e-5)


def test_the_less_noise_the_nearer_the_truth() -> None:
    """The weights that ship, on plain squares: from a time near 0 next to nothing changes."""
    weights = open_weights(WEIGHTS).load("base")
    base = LoadedStage(weights.stage, weights.network(), weights.text.width)
    pictures = torch.full((2, 3, 64, 64), 0.5)
    pictures[:, 1:, 16:48, 16:48] = -0.8
    text = TextStates(torch.zeros(2, 1, weights.text.width), torch.ones(2, 1, dtype=torch.bool))
    eps = torch.randn(pictures.shape, generator=torch.Generator().manual_seed(0))
    far = [float((redrawn(base, pictures, text, time, eps) - pictures).abs().mean()) for time in (0.02, 0.2, 0.6)]
    assert far[0] < 0.02
    assert far[0] < far[1] < far[2] < 0.5
    assert torch.equal(*(redrawn(base, pictures, text, 0.2, eps) for _ in range(2)))


def test_a_training_learns_from_them(wanted: TrainConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its data come drawn again by the configuration alone, and a step of it learns."""
    asked: list[float] = []

    def counting(given: TrainConfig, device: str) -> Callable[[Batch], Batch]:
        turn = redraws_of(given, device)

        def turned_batch(batch: Batch) -> Batch:
            asked.append(given.redrawn_share)
            return turn(batch)

        return turned_batch

    def squares(given: TrainConfig, *rest: object) -> Data:
        return Squares(given)

    monkeypatch.setattr(turned, "redraws_of", counting)
    monkeypatch.setattr(turned, "load_plain", squares)
    trainer = Trainer(wanted)
    assert np.isfinite(trainer.step(load_data(wanted), 0.0))
    assert asked == [0.5]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"redrawn_share": 0.5}, "the base has no input to draw again"),
        ({"stage": "sr256", "redrawn_share": 0.5, "crop": 64}, "whole pictures: set crop to 256"),
        ({"stage": "sr256", "redrawn_share": 1.5}, "redrawn_share is 1.5"),
        ({"stage": "sr256", "redrawn_time": 0.0}, "redrawn_time is 0.0"),
    ],
    ids=str,
)
def test_what_can_not_be(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config(**changes)


def test_a_base_that_does_not_fit(wanted: TrainConfig) -> None:
    other = dataclasses.replace(wanted, cascade="imagen-small", redrawn_weights=str(WEIGHTS))
    with pytest.raises(ConfigError, match="reads other text than imagen-small"):
        redraws_of(other, "cpu")
    large = dataclasses.replace(wanted, stage="sr1024", crop=1024)
    with pytest.raises(ConfigError, match="draws at 64 pixels, and sr1024 enlarges 256"):
        redraws_of(large, "cpu")
