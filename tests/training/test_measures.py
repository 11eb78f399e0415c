"""The measures of what the weights draw, on pictures whose answer is known."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from generators.training import measure_sr, samples
from generators.training.measure_sr import psnr, sharpness
from generators.training.samples import GRID_PROMPTS
from generators.world.sprites import load_sprites


def sprite(wide: bool) -> NDArray[np.uint8]:
    """A grey bar across, or a grey square: shapes that no resizing confuses."""
    picture = np.zeros((512, 512, 4), dtype=np.uint8)
    rows = slice(200, 312) if wide else slice(20, 492)
    picture[rows, 20:492] = (150, 150, 150, 255)
    return picture


SPRITES = {"car": sprite(wide=True), "book": sprite(wide=False)}


def test_psnr_and_sharpness_by_hand() -> None:
    flat = torch.zeros(1, 3, 4, 4)
    assert psnr(flat + 0.2, flat) == pytest.approx(20.0)  # 10 log10(4 / 0.04)
    step = torch.tensor([0.0, 0.0, 1.0, 1.0]).expand(1, 3, 4, 4)
    assert sharpness(step) == pytest.approx((1 / 3) / 2)


def test_the_grid_command_draws_all_prompts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "GRID_PROMPTS", GRID_PROMPTS[:2])
    monkeypatch.setattr(samples, "GUIDANCES", (2.0,))
    assert samples.main(["--size", "64", "--samples", "1", "--out", str(tmp_path / "deep" / "grid.png")]) == 0
    assert (tmp_path / "deep" / "grid.png").stat().st_size > 1000


def test_commands_refuse_what_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert samples.main(["--weights", str(tmp_path)]) == 2
    assert "no index.json" in capsys.readouterr().err
    assert measure_sr.main(["--sprites", str(tmp_path / "none.npz")]) == 2
    assert "no sprites" in capsys.readouterr().err
    assert measure_sr.main(["--weights", str(tmp_path)]) == 2
    assert "no index.json" in capsys.readouterr().err


def test_super_resolution_is_measured_against_bicubic(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "sprites.npz", car=SPRITES["car"], book=SPRITES["book"])
    arguments = ["--sprites", str(tmp_path / "sprites.npz"), "--images", "2", "--steps", "2", "--aug-level", "0"]
    assert measure_sr.main(arguments) == 0
    bicubic, from_zeros, from_noise = json.loads(capsys.readouterr().out)
    assert from_zeros["psnr_db"] > from_noise["psnr_db"] > bicubic["psnr_db"]


def test_missing_sprites_say_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="npm pack"):
        load_sprites(tmp_path / "sprites.npz")


def test_the_training_command_has_help() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "generators.training.train", "--help"], capture_output=True, text=True, check=True
    )
    assert "--resume" in done.stdout
