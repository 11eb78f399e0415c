"""The mark in the corner: legible, nowhere else, asked for, and never mixed with unmarked images."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from common.commands import run_command
from generators import sample
from generators.contract import GeneratorError
from generators.manifest import FILE_NAME, read_manifest
from generators.watermark import Watermark, marked_box, read_watermark, watermarked


def grounds(width: int = 128, height: int = 96) -> list[NDArray[np.uint8]]:
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return [np.full((height, width, 3), grey, np.uint8) for grey in (0, 128, 255)] + [noise]


@pytest.fixture
def logo(tmp_path: Path) -> Path:
    path = tmp_path / "logo.png"
    image = Image.new("RGBA", (40, 20), (0, 0, 0, 0))
    image.paste((255, 0, 0, 255), (10, 5, 30, 15))
    image.save(path)
    return path


@pytest.mark.parametrize("text", ["drawn by a program", "Ümlaut GmbH ©", "a" * 60, "x"])
@pytest.mark.parametrize("side", [16, 64, 300])
def test_the_corner_changes_and_nothing_else(text: str, side: int) -> None:
    mark = read_watermark(text)
    for image in grounds(side, side):
        before = image.copy()
        found = watermarked(image, mark)
        assert np.array_equal(image, before)  # a copy
        assert np.array_equal(found, watermarked(image, mark))
        changed = np.argwhere((found != image).any(axis=2))
        wide, high = marked_box(side, side, mark)
        assert len(changed) and wide <= 0.65 and high <= 0.65
        assert changed[:, 0].min() >= round(side * (1 - high)) and changed[:, 1].min() >= round(side * (1 - wide))


def test_a_text_is_legible_on_any_ground() -> None:
    for image in grounds():
        found = watermarked(image, read_watermark("DRAWN"))
        corner = found[-12:, -60:].mean(axis=2)
        assert corner.max() - corner.min() > 100


def test_a_logo_keeps_its_shape_and_transparency(logo: Path) -> None:
    mark = read_watermark(str(logo))
    found = watermarked(grounds(256, 256)[0], mark)
    rows, columns = np.nonzero(found[..., 0] > 128)
    assert (np.ptp(columns) + 1) / (np.ptp(rows) + 1) == pytest.approx(2, abs=0.25)
    assert found[..., 1:].max() == 0 and mark.label.startswith("logo: ")


def bad_logo(folder: Path) -> str:
    (folder / "bad.png").write_bytes(b"no image")
    return str(folder / "bad.png")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", "give a text"),
        (" \n", "give a text"),
        ("a" * 61, "61 characters; at most 60"),
        ("描画", r"the font has no '描' \(CJK UNIFIED IDEOGRAPH-63CF\).*Give a logo"),
        ("/nowhere/logo.png", "/nowhere/logo.png can't be read: no such file"),
    ],
)
def test_what_is_no_mark(value: str, message: str) -> None:
    with pytest.raises(GeneratorError, match=message):
        read_watermark(value)


def test_a_logo_that_is_no_image_and_an_image_too_small(tmp_path: Path) -> None:
    with pytest.raises(GeneratorError, match="is no PNG, WebP or JPEG"):
        read_watermark(bad_logo(tmp_path))
    with pytest.raises(GeneratorError, match="12x12 pixels has no room"):
        watermarked(np.zeros((12, 12, 3), np.uint8), Watermark(text="x"))


def test_the_command_marks_and_never_mixes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    base = ["--generator", "cascade", "--size", "64", "--set", "steps=1", "--prompt", "a cat"]
    assert run_command(sample.main, [*base, "--out", str(tmp_path / "plain")]) == 0
    assert run_command(sample.main, [*base, "--out", str(out), "--watermark", "mine"]) == 0
    plain, marked = (np.asarray(Image.open(folder / "00000/0.png")) for folder in (tmp_path / "plain", out))
    assert np.array_equal(marked, watermarked(plain, read_watermark("mine")))
    content = read_manifest(out / FILE_NAME)
    assert content.identity is not None and content.identity.parameters["watermark"] == "text: mine"
    capsys.readouterr()
    for other in ([], ["--watermark", "yours"]):
        assert run_command(sample.main, [*base, "--out", str(out), *other]) == 2
        assert "holds another run (watermark:" in capsys.readouterr().err
    assert run_command(sample.main, [*base, "--out", str(out), "--watermark", "mine", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["there_before"] == 1
    assert run_command(sample.main, [*base, "--out", str(tmp_path / "no"), "--watermark", "描"]) == 2
    assert "the font has no" in capsys.readouterr().err and not (tmp_path / "no").exists()
