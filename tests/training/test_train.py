"""The command: budgets, what it writes, what it says, what it refuses."""

import dataclasses
import json
import sys
import threading
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from generators.cascade.checkpoint import open_weights, save_stage, write_index
from generators.cascade.configs import ConfigError
from generators.cascade.networks import build_unet
from generators.contract import GeneratorError
from generators.training import checkpoints, dry_run
from generators.training import train as command
from generators.training.config import load_train_config, to_plain
from generators.training.curves import Curves, duration
from generators.training.export import export
from generators.training.grids import asked_for, drawn, grid
from generators.training.train import train
from generators.training.trainer import Trainer
from tests.training.toy import TINY, Squares, config


@pytest.fixture
def squares(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command trains on the toy squares."""
    monkeypatch.setattr(command, "load_data", lambda wanted, report, device: Squares(wanted))


def file_of(folder: Path, **changes: object) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "mine.json"
    path.write_text(json.dumps(to_plain(config(**changes))))
    return str(path)


def logged(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_what_it_writes_can_be_used_and_gathered(tmp_path: Path) -> None:
    for stage in ("base", "sr256"):
        wanted = config(stage=stage, batch=2)
        train(Trainer(wanted), Squares(wanted), tmp_path / stage, minutes=None, steps=1)
    assert open_weights(tmp_path / "base").load("base").stage == TINY.base
    lines = export([tmp_path / "base", tmp_path / "sr256"], tmp_path / "all")
    assert len(lines) == 2 and "1 steps of 2" in lines[0]
    gathered = open_weights(tmp_path / "all")
    assert gathered.cascade == "tiny" and set(gathered.hashes) == {"base", "sr256"}


def test_a_budget_in_minutes_ends_and_counts_all_runs(tmp_path: Path) -> None:
    wanted = config(batch=2)
    trainer = Trainer(wanted)
    train(trainer, Squares(wanted), tmp_path, minutes=1e-4, steps=None)
    steps = trainer.progress.step
    assert steps >= 1
    again = Trainer(wanted)
    checkpoints.resume(again, tmp_path)
    train(again, Squares(wanted), tmp_path, minutes=1e-4, steps=None)
    assert again.progress.step == steps  # spent before


def test_stopped_it_saves_and_ends(tmp_path: Path) -> None:
    wanted = config(batch=2)
    stop = threading.Event()
    stop.set()
    trainer = Trainer(wanted)
    trainer.step(Squares(wanted), 0.0)
    train(trainer, Squares(wanted), tmp_path, minutes=None, steps=1000, stop=stop)
    again = Trainer(wanted)
    checkpoints.resume(again, tmp_path)
    assert again.progress.step == 1


def test_the_whole_road_by_command(
    squares: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Train, refuse to overwrite, go on, start another from it; the line tells step, loss, rate, speed, time left."""
    monkeypatch.setattr(command, "REPORT_EVERY_S", 0.0)
    mine, out = file_of(tmp_path, batch=2, steps=2, sample_steps=2), tmp_path / "out"
    assert command.main([mine, "--out", str(out)]) == 0  # the budget is the configuration's
    told = capsys.readouterr().out
    assert "step 1/2" in told and "images/s  left 0:0" in told and "loss 0." in told and "lr " in told
    assert command.main([mine, "--out", str(out)]) == 2
    assert "add --resume" in capsys.readouterr().err
    assert command.main([mine, "--out", str(out), "--steps", "3", "--resume"]) == 0
    assert [line["step"] for line in logged(out)] == [1, 2, 3]
    assert set(logged(out)[0]) >= {"seconds", "loss", "learning_rate", "images_per_s", "gradient_norm", "skipped"}
    assert [path.name for path in (out / "samples").iterdir()] == ["000000002.png"]
    other = tmp_path / "other"
    assert command.main([mine, "--out", str(other), "--steps", "1", "--start-from", str(out)]) == 0
    assert logged(other)[-1]["step"] == 1


def test_bad_input_is_told_in_one_message(squares: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def fails(*arguments: str) -> str:
        assert command.main([*arguments, "--out", str(tmp_path / "out")]) == 2
        return capsys.readouterr().err

    mine = file_of(tmp_path)
    assert "No such file" in fails(str(tmp_path / "none.json"), "--steps", "1")
    assert "names no steps: give --steps N or --minutes N" in fails(mine)
    assert "nothing to go on from" in fails(mine, "--resume", "--steps", "1")
    assert "nothing to start from" in fails(mine, "--start-from", str(tmp_path / "none"), "--steps", "1")
    assert "none that torch knows" in fails(mine, "--steps", "1", "--device", "toaster")
    assert not (tmp_path / "out").exists()
    for arguments in (["--steps", "0"], ["--steps", "x"], ["--minutes", "-1"], ["--minutes", "nan"]):
        with pytest.raises(SystemExit, match="2"):
            command.main([mine, *arguments])
        assert "above 0" in capsys.readouterr().err


def test_files_that_are_missing_are_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = file_of(tmp_path, steps=1)
    assert command.main([mine, "--out", str(tmp_path / "out")]) == 2
    assert "no sprites at" in capsys.readouterr().err


def test_a_training_that_is_lost_ends_with_1(
    squares: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "generators.training.trainer.stage_loss", lambda network, *rest: next(network.parameters()).sum() * torch.nan
    )
    mine, out = file_of(tmp_path, batch=2, steps=50), tmp_path / "out"
    assert command.main([mine, "--out", str(out)]) == 1
    told = capsys.readouterr().err
    assert "not finite for 10 steps in a row" in told and "Nothing was saved" in told


def test_curves_drop_what_a_killed_training_had_gone_on_to(tmp_path: Path) -> None:
    lines = [json.dumps({"step": step, "loss": 1.0}) + "\n" for step in (10, 20, 30)]
    (tmp_path / "log.jsonl").write_text("".join(lines) + '{"step": 4')
    curves = Curves(tmp_path, 20)
    curves.add(25, {"loss": float("nan"), "seconds": 1.0})
    curves.close()
    assert [(line["step"], line["loss"]) for line in logged(tmp_path)] == [(10, 1.0), (20, 1.0), (25, None)]


def test_tensorboard_gets_curves_and_pictures_where_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against a stand-in with the methods of SummaryWriter, since the tests don't need TensorBoard."""
    calls: list[tuple[object, ...]] = []

    class SummaryWriter:
        def __init__(self, folder: str, purge_step: int | None = None) -> None:
            calls.append(("open", Path(folder).name, purge_step))

        def add_scalar(self, tag: str, scalar_value: float, global_step: int) -> None:
            calls.append((tag, scalar_value, global_step))

        def add_image(self, tag: str, img_tensor: np.ndarray, global_step: int, *, dataformats: str) -> None:
            calls.append((tag, img_tensor.shape, global_step, dataformats))

        def flush(self) -> None:
            calls.append(("flush",))

        def close(self) -> None:
            calls.append(("close",))

    module = types.ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = SummaryWriter  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    curves = Curves(tmp_path, 7)
    curves.add(8, {"loss": 0.5})
    curves.picture(8, "samples", np.zeros((4, 6, 3), dtype=np.uint8))
    curves.close()
    assert calls == [
        ("open", "tensorboard", 8), ("loss", 0.5, 8), ("samples", (4, 6, 3), 8, "HWC"), ("flush",), ("close",)
    ]  # fmt: skip


def test_without_tensorboard_it_says_so_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    said: list[str] = []
    curves = Curves(tmp_path, 0, said.append)
    curves.add(1, {"loss": 0.5})
    curves.picture(1, "samples", np.zeros((4, 6, 3), dtype=np.uint8))
    curves.close()
    assert len(said) == 1 and "requirements-curves.txt" in said[0]


@pytest.mark.parametrize(("stage", "shape"), [("base", (4, 4)), ("sr256", (8, 6))])
def test_sample_grids_are_the_same_each_time(stage: str, shape: tuple[int, int]) -> None:
    """The base's samples in a square; super-resolution's between input and truth. Training is not disturbed by them."""
    wanted = config(stage=stage, batch=16)
    trainer, data = Trainer(wanted), Squares(wanted)
    trainer.step(data, 0.0)
    asked = asked_for(wanted, data)
    before = {name: value.clone() for name, value in trainer.network.state_dict().items()}
    first, second = drawn(trainer, asked), drawn(trainer, asked)
    assert torch.equal(first, second) and first.shape == (16, 3, 32, 32)
    assert all(torch.equal(value, before[name]) for name, value in trainer.network.state_dict().items())
    assert trainer.network.training
    picture = grid(asked, first)
    assert picture.shape == (shape[0] * 34 - 2, shape[1] * 34 - 2, 3)
    if stage == "sr256":
        assert asked.real is not None
        truth = asked.real[0].add(1).mul(127.5).round().permute(1, 2, 0).numpy()
        assert np.abs(picture[:32, 68:100].astype(float) - truth).max() <= 1


def test_sample_grids_of_prompts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Encoder:
        def encode(self, prompts: list[str]) -> types.SimpleNamespace:
            return types.SimpleNamespace(states=Squares(config()).text([len(prompt) % 2 for prompt in prompts]))

    monkeypatch.setattr("generators.training.grids.load_encoder", lambda text: Encoder())
    wanted = config(batch=2, sample_steps=1, sample_prompts=("red", "blue"))
    train(Trainer(wanted), Squares(wanted), tmp_path, minutes=None, steps=2)
    pictures = sorted((tmp_path / "samples").iterdir())
    assert [path.name for path in pictures] == ["000000001.png", "000000002.png"]
    with Image.open(pictures[0]) as picture:
        assert picture.size == (66, 32)


def test_a_dry_run_says_what_it_would_take(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = file_of(tmp_path, batch=8, micro_batch=3)
    assert command.main([mine, "--dry-run", "--out", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().out
    assert "tiny base: 0.2 M parameters" in told and "3 micro-batches of 3 images of 32 pixels" in told
    assert "at most 64 tokens of width 384" in told and "TFLOP" in told and "memory a process" in told
    assert not (tmp_path / "out").exists()


def test_needs_against_a_network_that_is_there(tmp_path: Path) -> None:
    """Parameters and checkpoint as they are; the arithmetic some three times that of a forward pass."""
    wanted = config()
    found = dry_run.needs(wanted)
    trainer = Trainer(wanted)
    assert found.parameters == sum(parameter.numel() for parameter in trainer.network.parameters())
    trainer.step(Squares(wanted), 0.0)
    checkpoints.save(trainer, tmp_path)
    assert (tmp_path / "state.pt").stat().st_size == pytest.approx(
        dry_run.checkpoint_bytes(wanted, found.parameters), rel=0.2
    )
    from torch.utils.flop_counter import FlopCounterMode

    batch = Squares(wanted).batch(0)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        trainer.network(batch.images, torch.ones(8), batch.text, torch.ones(8, dtype=torch.bool))
    assert found.flops == pytest.approx(3 * counter.get_total_flops(), rel=0.35)
    shared = dry_run.needs(config(parallel="fsdp"), 4)
    assert shared.state_bytes == pytest.approx(found.state_bytes / 4, rel=0.01) and shared.micro_batch == 2
    assert shared.parameters == found.parameters and shared.flops == found.flops
    less = dry_run.needs(config(optimiser="adafactor", checkpoint_blocks=True, stage="sr256", max_aug=1.0))
    more = dry_run.needs(config(stage="sr256", max_aug=1.0))
    assert less.state_bytes < more.state_bytes and less.activation_bytes < 0.7 * more.activation_bytes
    assert more.flops < less.flops < 1.4 * more.flops


def test_the_bundled_cascade_is_measured_without_its_sprites(capsys: pytest.CaptureFixture[str]) -> None:
    path = Path("generators/training/configs/cpu-base.json")
    assert command.main([str(path), "--dry-run"]) == 0
    assert f"{load_train_config(path).cascade} base: 5.3 M parameters" in capsys.readouterr().out


def test_durations() -> None:
    told = [duration(seconds) for seconds in (0, 59.6, 3723, -5, float("inf"), float("nan"))]
    assert told == ["0:00:00", "0:01:00", "1:02:03", "0:00:00", "?", "?"]


def _trained(folder: Path, stage: str = "base", **changes: object) -> Path:
    wanted = config(stage=stage, batch=2, **changes)
    train(Trainer(wanted), Squares(wanted), folder, minutes=None, steps=1)
    return folder


def test_a_stage_from_two_runs_is_refused_and_one_can_be_named(tmp_path: Path) -> None:
    base, other = _trained(tmp_path / "base"), _trained(tmp_path / "other", seed=9)
    both = tmp_path / "both"
    export([_trained(tmp_path / "sr", "sr256"), other], both)
    for runs in ([base, both], [base, base]):
        with pytest.raises(GeneratorError, match=f"stage base is in both {base} and") as told:
            export(runs, tmp_path / "x")
        assert f"{runs[1]}:STAGE" in str(told.value) and not (tmp_path / "x").exists()
    lines = export([base, Path(f"{both}:sr256")], tmp_path / "x")
    assert [line.split(":")[0] for line in lines] == ["base", "sr256"]
    assert f"from {base}" in lines[0] and f"from {both}" in lines[1]
    assert open_weights(tmp_path / "x").hashes["base"] == open_weights(base).hashes["base"]
    again = export([other], tmp_path / "x")
    assert "in place of the one that was there" in again[0]
    assert open_weights(tmp_path / "x").hashes["base"] == open_weights(other).hashes["base"]


@pytest.mark.parametrize(
    ("stages", "told"),
    [("sr265", 'did you mean "sr256"'), ("sr1024", "has no stage sr1024; it has base"), ("base,base", "named twice")],
)
def test_a_stage_that_is_not_there(tmp_path: Path, stages: str, told: str) -> None:
    base = _trained(tmp_path / "base")
    with pytest.raises(GeneratorError, match=told):
        export([Path(f"{base}:{stages}")], tmp_path / "x")


def _renamed(folder: Path, cascade: str) -> Path:
    index = folder / "index.json"
    index.write_text(index.read_text().replace('"tiny"', f'"{cascade}"'))
    return folder


def test_stages_of_two_cascades_go_together_where_their_shapes_agree_and_it_is_said(tmp_path: Path) -> None:
    base = _trained(tmp_path / "base")
    other = _renamed(_trained(tmp_path / "sr", "sr256"), "another")
    told = export([base, other], tmp_path / "x")
    assert told[-1] == f"mixed, their shapes agree: base of tiny from {base}; sr256 of another from {other}"
    held = open_weights(tmp_path / "x")
    assert held.cascade == "tiny + another" and set(held.hashes) == {"base", "sr256"}


@pytest.mark.parametrize(
    ("size", "width", "why"),
    [(32, 384, "starts from 64 pixels and base draws 32"), (64, 12, "of different text encoders")],
)
def test_stages_that_do_not_fit_are_refused_with_where_each_came_from(
    tmp_path: Path, size: int, width: int, why: str
) -> None:
    other = _renamed(_trained(tmp_path / "sr", "sr256"), "another")
    (base := tmp_path / "base").mkdir()
    stage = dataclasses.replace(TINY.base, size=size)
    text = dataclasses.replace(TINY.text, width=width)
    save_stage(base / "base.safetensors", build_unet(stage, text).state_dict(), stage, text, "none")
    write_index(base, "tiny")
    for runs, out in (([base, other], tmp_path / "x"), ([base], other)):
        with pytest.raises(GeneratorError, match=why) as told:
            export(runs, out)
        assert f"base of tiny from {base}; sr256 of another from {other}" in str(told.value)
    assert set(open_weights(other).hashes) == {"sr256"} and not (tmp_path / "x").exists()


def test_a_stage_that_lies_above_is_stored_once(tmp_path: Path) -> None:
    """The index below names the file above; when that becomes another, the folder below keeps what it had."""
    above, below = tmp_path / "all", tmp_path / "all" / "wider"
    base, other = _trained(tmp_path / "base"), _trained(tmp_path / "other", seed=9)
    sr = _trained(tmp_path / "sr", "sr256")
    export([base, sr], above)
    lines = export([other, sr], below)
    assert lines[1].endswith("stored once: the same as ../sr256.safetensors")
    assert sorted(path.name for path in below.iterdir()) == ["base.safetensors", "index.json"]
    held = open_weights(below)
    assert held.files["sr256"] == "../sr256.safetensors" and held.load("sr256").parameters > 0
    again = _trained(tmp_path / "again", "sr256", seed=9)
    export([again], above)
    kept = open_weights(below)
    assert kept.hashes == held.hashes and kept.files["sr256"] == "sr256.safetensors" and kept.load("sr256")


def test_a_key_twice_in_a_configuration_is_refused(tmp_path: Path) -> None:
    path = Path(file_of(tmp_path))
    path.write_text(path.read_text().replace('"batch": 8', '"batch": 8, "batch": 16'))
    with pytest.raises(ConfigError, match='the key "batch" stands twice'):
        load_train_config(path)
