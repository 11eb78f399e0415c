"""The power-function averages: by hand, against their definition, and any width afterwards from snapshots."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from common.commands import run_command
from generators.cascade.checkpoint import open_weights
from generators.training import ema
from generators.training.ema import PowerEma, gamma_of, mixture, profile_products, snapshot_path
from generators.training.train import train
from generators.training.trainer import Trainer
from tests.training.toy import Squares, config


def test_by_hand() -> None:
    """beta_n = (1 - 1/n)^(gamma + 1): the first step takes the weights whole, the second (1 - 2^-(gamma + 1))."""
    network = nn.Linear(1, 1, bias=False)
    average = PowerEma(network, 0.1)
    network.weight.data.fill_(1.0)
    average.update(network, 1)
    assert average.weights["weight"].item() == 1.0
    network.weight.data.fill_(0.0)
    average.update(network, 2)
    assert average.weights["weight"].item() == pytest.approx(2 ** -(average.gamma + 1), rel=1e-4)
    assert gamma_of(0.1) == pytest.approx(6.94, abs=0.01) and gamma_of(0.05) == pytest.approx(16.97, abs=0.01)


@pytest.mark.parametrize("std", [0.02, 0.1, 0.25])
def test_the_profile_has_the_width_that_it_is_called_by(std: float) -> None:
    """p(t) on a fine grid: its integral is 1 and its standard deviation over T is `std`."""
    t = (np.arange(200_000) + 0.5) / 200_000
    gamma = gamma_of(std)
    p = (gamma + 1) * t**gamma
    assert p.mean() == pytest.approx(1, abs=1e-4)
    mean = (p * t).mean()
    assert np.sqrt((p * (t - mean) ** 2).mean()) == pytest.approx(std, rel=1e-3)


def test_products_of_profiles_by_summing() -> None:
    steps, stds = [30.0, 50.0, 50.0], [0.05, 0.1, 0.2]
    t = (np.arange(400_000) + 0.5) / 400_000 * 50
    profiles = np.stack(
        [
            np.where(t < step, (gamma_of(std) + 1) * t ** gamma_of(std) / step ** (gamma_of(std) + 1), 0.0)
            for step, std in zip(steps, stds, strict=True)
        ]
    )
    assert profile_products(steps, stds, steps, stds) == pytest.approx(profiles @ profiles.T * 50 / 400_000, rel=1e-3)


def test_a_snapshot_asked_for_again_is_itself() -> None:
    found = mixture([100, 100, 200, 200], [0.05, 0.1, 0.05, 0.1], 200, 0.05)
    assert found.shares == pytest.approx([0, 0, 1, 0], abs=1e-4) and found.error < 1e-4


@pytest.mark.parametrize("std", [0.03, 0.08, 0.15, 0.2])
def test_any_width_from_snapshots_of_two(std: float) -> None:
    """A random walk of weights, 40 snapshots in half precision, against the average tracked directly.

    It comes within 2 % of the walk's own spread, where the nearer of the two stored averages is 3 times as far.
    """
    random = torch.Generator().manual_seed(0)
    network = nn.Linear(400, 1, bias=False)
    network.weight.data.zero_()
    kept, direct = [PowerEma(network, width) for width in (0.05, 0.1)], PowerEma(network, std)
    stored: list[tuple[int, float, torch.Tensor]] = []
    for step in range(1, 2001):
        network.weight.data.add_(torch.randn(1, 400, generator=random) / 2000**0.5)
        for average in [*kept, direct]:
            average.update(network, step)
        if step % 50 == 0:
            stored += [(step, one.std, one.weights["weight"].half().double()) for one in kept]
    mixed = mixture([step for step, _, _ in stored], [width for _, width, _ in stored], 2000, std)
    made = sum(float(share) * value for share, (_, _, value) in zip(mixed.shares, stored, strict=True))
    wanted = direct.weights["weight"].double()
    off = float((made - wanted).std())
    nearest = min(float((one.weights["weight"].double() - wanted).std()) for one in kept)
    assert off < 0.02 and off < nearest / 3
    assert mixed.error < 0.05 and mixed.shares.sum() == pytest.approx(1, abs=0.01)


def test_in_place_the_network_has_the_average_for_a_while() -> None:
    network = nn.Linear(2, 1)
    average = PowerEma(network, 0.1)
    network.weight.data.add_(1.0)
    live = network.weight.detach().clone()
    with pytest.raises(KeyError), average.in_place(network):
        assert torch.equal(network.weight, average.weights["weight"])
        raise KeyError
    assert torch.equal(network.weight, live) and torch.allclose(average.weights["weight"], live - 1, atol=1e-6)


def test_the_command_makes_weights_that_load(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A training of 48 steps that also tracks 0.08 directly; the command makes it from the snapshots of the others."""
    wanted = config(batch=4, ema_stds=(0.05, 0.1, 0.08), snapshot_steps=2)
    trainer = Trainer(wanted)
    train(trainer, Squares(wanted), tmp_path / "run", minutes=None, steps=48)
    for path in (tmp_path / "run" / ema.SNAPSHOTS).glob("*-0.0800.safetensors"):
        path.unlink()
    out = tmp_path / "made"
    assert run_command(ema.main, [str(tmp_path / "run"), "--std", "0.08", "--out", str(out)]) == 0
    assert "48 steps, power EMA 0.08 from 48 snapshots" in capsys.readouterr().out
    held = open_weights(out).load("base")
    direct, live = trainer.averages[0.08].weights, trainer.network.state_dict()
    off = sum(float((value.float() - direct[name]).square().sum()) for name, value in held.tensors.items())
    apart = sum(float((live[name] - direct[name]).square().sum()) for name in direct)
    assert off < 0.01 * apart
    assert held.stage == wanted.network
    # At an earlier end, too.
    arguments = [str(tmp_path / "run"), "--std", "0.1", "--step", "30", "--out", str(out)]
    assert run_command(ema.main, arguments) == 0
    snapshot = load_file(snapshot_path(tmp_path / "run", "base", 30, 0.1))
    for name, value in open_weights(out).load("base").tensors.items():
        assert torch.allclose(value.float(), snapshot[name].float(), atol=2e-3), name


def test_what_can_not_be_put_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def fails(*arguments: str) -> str:
        assert run_command(ema.main, [str(tmp_path), *arguments, "--out", str(tmp_path / "made")]) == 2
        return capsys.readouterr().err

    assert "train with snapshot_steps" in fails("--std", "0.1")
    wanted = dataclasses.replace(config(batch=2), snapshot_steps=4)
    train(Trainer(wanted), Squares(wanted), tmp_path, minutes=None, steps=4)
    assert "relative widths lie in" in fails("--std", "0.5")
    assert "run from 4 to 4" in fails("--std", "0.1", "--step", "7")
    assert "can't make width 0.01" in fails("--std", "0.01")
    path = snapshot_path(tmp_path, "base", 4, 0.05)
    path.write_bytes(path.read_bytes()[:-10])
    assert "no whole safetensors file" in fails("--std", "0.05")
