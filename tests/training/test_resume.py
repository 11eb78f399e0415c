"""Going on from a checkpoint: to the identical next step, after any kill; and what can't be gone on from."""

import dataclasses
import errno
import json
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from common.files import SaveError, write_whole
from generators.cascade.checkpoint import open_weights
from generators.cascade.configs import ConfigError
from generators.training import checkpoints, saving
from generators.training.config import TrainConfig, to_plain
from generators.training.ema import snapshots_in
from generators.training.saving import HASHES, STATE
from generators.training.train import main, train
from generators.training.trainer import Trainer
from tests.training.toy import Squares, config


def steps(trainer: Trainer, count: int) -> None:
    data = Squares(trainer.config)
    for _ in range(count):
        trainer.step(data, 0.25)


def assert_same(one: Trainer, other: Trainer) -> None:
    assert one.progress.step == other.progress.step
    for name, value in one.network.state_dict().items():
        assert torch.equal(value, other.network.state_dict()[name]), name
    for std, average in one.averages.items():
        for name, value in average.weights.items():
            assert torch.equal(value, other.averages[std].weights[name]), (std, name)


@pytest.mark.parametrize(
    "changes",
    [{}, {"stage": "sr256", "max_aug": 1.0}, {"micro_batch": 3}, {"optimiser": "adafactor"}, {"bf16": True}],
    ids=str,
)
def test_the_next_step_is_the_identical_one(changes: dict[str, object], tmp_path: Path) -> None:
    wanted = config(**changes)
    whole, broken = Trainer(wanted), Trainer(wanted)
    steps(whole, 6)
    steps(broken, 3)
    checkpoints.save(broken, tmp_path)
    steps(broken, 1)  # lost with the process
    torch.manual_seed(99)  # the new process's own state must not matter
    resumed = Trainer(wanted)
    checkpoints.resume(resumed, tmp_path)
    steps(resumed, 3)
    assert_same(whole, resumed)


def test_a_checkpoint_of_no_step_begins_as_a_new_training(tmp_path: Path) -> None:
    wanted = config()
    checkpoints.save(Trainer(wanted), tmp_path)
    resumed, fresh = Trainer(wanted), Trainer(wanted)
    checkpoints.resume(resumed, tmp_path)
    steps(resumed, 2)
    steps(fresh, 2)
    assert_same(fresh, resumed)


def test_a_state_from_before_a_field_was_there_has_its_default(tmp_path: Path) -> None:
    wanted = config(stage="sr256", crop=256, batch=1)
    trainer = Trainer(wanted)
    checkpoints.save(trainer, tmp_path)
    state = saving.read_state(tmp_path)
    held = json.loads(state["config"])
    assert held.pop("redrawn_share") == 0
    saving.save_state(tmp_path, {**state, "config": json.dumps(held)})
    checkpoints.resume(Trainer(wanted), tmp_path)
    with pytest.raises(ConfigError, match=r"redrawn_share \(0\.0 there, 0\.5 here\)"):
        checkpoints.resume(Trainer(dataclasses.replace(wanted, redrawn_share=0.5)), tmp_path)


def run(*arguments: str, limit: int = 0) -> subprocess.CompletedProcess[str]:
    """The worker in a process of its own. `limit`: bytes that a file of it may have."""

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    command = [sys.executable, "-m", "tests.training.worker", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, preexec_fn=limited if limit else None
    )


def written(folder: Path, wanted: TrainConfig) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps(to_plain(wanted)))
    return path


@pytest.mark.longest
@pytest.mark.parametrize("point", ["state", "name", "index"])
def test_killed_while_it_saves_it_goes_on_as_if_nothing_had_been(point: str, tmp_path: Path) -> None:
    """Signal 9 in the second save, with half of the state written, before it has its name, before the index."""
    wanted = config(batch=4, micro_batch=2, snapshot_steps=1, sample_steps=0)
    path = written(tmp_path, wanted)
    out = tmp_path / "out"
    budget = ["--steps", "4", "--out", str(out), "--save-minutes", "1e-9"]
    killed = run("killed", point, str(path), *budget)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    held = saving.read_state(out)["step"]
    assert 0 < held < 4
    assert main_on_squares([str(path), *budget, "--resume"]) == 0
    whole = Trainer(wanted)
    train(whole, Squares(wanted), tmp_path / "whole", minutes=None, steps=4)
    resumed = Trainer(wanted)
    checkpoints.resume(resumed, out)
    assert_same(whole, resumed)
    assert open_weights(out).load("base").about.startswith("4 steps")
    assert [(one.step, one.std) for one in snapshots_in(out)] == [(n, std) for n in range(1, 5) for std in (0.05, 0.1)]
    for one, other in zip(snapshots_in(out), snapshots_in(tmp_path / "whole"), strict=True):
        there = load_file(other.path)
        assert all(torch.equal(value, there[name]) for name, value in load_file(one.path).items())


def main_on_squares(arguments: list[str]) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("generators.training.train.load_data", lambda wanted, report, device: Squares(wanted))
        return main(arguments)


def test_a_full_disk_ends_it_and_the_last_checkpoint_stays(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: the write itself fails, as it does there."""
    wanted = config(batch=2)
    path, out = written(tmp_path, wanted), tmp_path / "out"
    train(Trainer(wanted), Squares(wanted), out, minutes=None, steps=2)
    size = (out / STATE).stat().st_size
    done = run("run", str(path), "--steps", "4", "--out", str(out), "--resume", limit=size // 2)
    assert done.returncode == 1, done.stderr
    assert f"{out / STATE} could not be written" in done.stderr and "last whole checkpoint" in done.stderr
    assert "Traceback" not in done.stderr
    assert [file.name for file in out.iterdir() if file.name.endswith(".part")] == []
    again = Trainer(wanted)
    checkpoints.resume(again, out)
    assert again.progress.step == 2
    assert open_weights(out).load("base").about.startswith("2 steps")


def test_a_disk_full_from_the_start_says_that_nothing_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(state: object, part: Path) -> None:
        part.write_bytes(b"some")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("generators.training.saving.torch.save", full)
    out = tmp_path / "out"
    assert main_on_squares([str(written(tmp_path, config(batch=2))), "--steps", "1", "--out", str(out)]) == 1
    told = capsys.readouterr().err
    assert "No space left on device" in told and "Nothing was saved" in told
    assert not (out / STATE).exists() and not (out / f"{STATE}.part").exists()


def test_whatever_fails_in_writing_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def fails(part: Path) -> None:
        part.write_text("ne")
        raise RuntimeError("PytorchStreamWriter failed writing file data/0")

    with pytest.raises(SaveError, match="failed writing file.*MB are free"):
        write_whole(path, fails)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_state_of_another_configuration_says_what_differs(tmp_path: Path) -> None:
    checkpoints.save(Trainer(config()), tmp_path)
    with pytest.raises(ConfigError, match=r"another configuration: batch \(8 there, 4 here\), learning_rate"):
        checkpoints.resume(Trainer(config(batch=4, learning_rate=0.5)), tmp_path)
    free = {
        "micro_batch": 2,
        "checkpoint_blocks": True,
        "sample_steps": 5,
        "steps": 9,
        "workers": 1,
        "parallel": "fsdp",
    }
    checkpoints.resume(Trainer(config(**free)), tmp_path)


def test_a_state_that_was_altered_or_cut_short(tmp_path: Path) -> None:
    checkpoints.save(Trainer(config()), tmp_path)
    state = tmp_path / STATE
    whole = state.read_bytes()
    for damaged in (whole[:1000], whole[:-1], whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:]):
        state.write_bytes(damaged)
        with pytest.raises(ConfigError, match="altered or cut short"):
            checkpoints.resume(Trainer(config()), tmp_path)
    state.write_bytes(whole)
    (tmp_path / HASHES).unlink()
    with pytest.raises(ConfigError, match="state.sha256 is not there"):
        checkpoints.resume(Trainer(config()), tmp_path)
    torch.save({"schema": "drawbench-training/1"}, state)
    with pytest.raises(ConfigError, match="another version's"):
        checkpoints.resume(Trainer(config()), tmp_path)
    state.unlink()
    with pytest.raises(ConfigError, match="nothing to go on from"):
        checkpoints.resume(Trainer(config()), tmp_path)


def test_a_start_from_another_training_takes_weights_and_optimiser_alone(tmp_path: Path) -> None:
    first = Trainer(config(batch=2, weight_decay=0.1))
    train(first, Squares(first.config), tmp_path, minutes=None, steps=2)
    second = Trainer(config(batch=4, weight_decay=0.2, betas=(0.9, 0.999)))
    checkpoints.start_from(second, tmp_path)
    assert second.progress.step == 0
    live = first.network.state_dict()
    assert all(torch.equal(value, live[name]) for name, value in second.network.state_dict().items())
    group = second.optimiser.param_groups[0]
    assert (group["weight_decay"], tuple(group["betas"])) == (0.2, (0.9, 0.999))
    state = next(iter(second.optimiser.state.values()))
    assert float(state["step"]) == 2
    steps(second, 1)
    with pytest.raises(ConfigError, match="another network"):
        checkpoints.start_from(Trainer(config(stage="sr256")), tmp_path)


def test_a_start_from_weights_that_were_written_for_use(tmp_path: Path) -> None:
    first = Trainer(config(batch=2))
    train(first, Squares(first.config), tmp_path, minutes=None, steps=2)
    (tmp_path / STATE).unlink()
    second = Trainer(config(batch=4, optimiser="adafactor", learning_rate=0.1))
    checkpoints.start_from(second, tmp_path)
    for name, value in second.network.state_dict().items():
        assert torch.allclose(value, first.ema.weights[name], atol=1e-3), name
    steps(second, 1)
    with pytest.raises(ConfigError, match="nothing to start from"):
        checkpoints.start_from(second, tmp_path / "nowhere")


def test_later_snapshots_go_when_a_training_goes_back(tmp_path: Path) -> None:
    trainer = Trainer(dataclasses.replace(config(batch=2), snapshot_steps=1))
    train(trainer, Squares(trainer.config), tmp_path, minutes=None, steps=2)
    steps(trainer, 1)
    checkpoints.snapshot(trainer, tmp_path)
    assert {one.step for one in snapshots_in(tmp_path)} == {1, 2, 3}
    checkpoints.resume(Trainer(trainer.config), tmp_path)
    assert {one.step for one in snapshots_in(tmp_path)} == {1, 2}


def test_two_trainings_alike_to_the_bit_have_one_fingerprint(tmp_path: Path) -> None:
    """Whatever the clock says, and whether one of them was stopped half-way."""
    fingerprints = set()
    for seconds in (1.0, 7200.0):
        trainer = Trainer(config())
        steps(trainer, 2)
        if seconds > 1:
            checkpoints.save(trainer, tmp_path / "half")
            trainer = Trainer(config())
            checkpoints.resume(trainer, tmp_path / "half")
        steps(trainer, 2)
        trainer.progress.seconds = seconds
        checkpoints.save(trainer, tmp_path / f"{seconds}")
        fingerprints.add(open_weights(tmp_path / f"{seconds}").fingerprint(("base",)))
    assert len(fingerprints) == 1
