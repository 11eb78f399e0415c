"""The style of an image: right values of pictures that are known."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from evaluation.metrics.prompts.style import STYLES, style_of


def flat(colour: tuple[int, int, int], width: int = 8, height: int = 4) -> Image.Image:
    return Image.new("RGB", (width, height), colour)


def test_flat_colours() -> None:
    assert style_of(flat((255, 255, 255))) == pytest.approx(
        {"brightness": 1.0, "saturation": 0.0, "sharpness": 0.0, "aspect": 1.0}
    )
    red = style_of(flat((255, 0, 0), 4, 8))
    assert red == pytest.approx({"brightness": 0.299, "saturation": 1.0, "sharpness": 0.0, "aspect": -1.0})
    assert style_of(flat((100, 50, 50)))["saturation"] == pytest.approx(0.5)
    assert tuple(red) == STYLES


def test_sharpness_falls_with_blur_and_hardly_with_size() -> None:
    board = np.kron(np.indices((32, 32)).sum(axis=0) % 2, np.ones((16, 16))) * 255
    sharp = Image.fromarray(board.astype(np.uint8)).convert("RGB")
    blurred = sharp.resize((64, 64), Image.Resampling.BOX).resize((512, 512), Image.Resampling.BICUBIC)
    larger = sharp.resize((1024, 1024), Image.Resampling.NEAREST)
    value = {name: style_of(each)["sharpness"] for name, each in (("s", sharp), ("b", blurred), ("l", larger))}
    assert value["s"] > 3 * value["b"] > 0 and value["l"] == pytest.approx(value["s"], rel=1e-6)
    # one edge in each direction every 16 pixels: (32 - 1) edges of a Laplacian of 1 on both sides of 510 lines
    expected = np.asarray(sharp, dtype=float)[:, :, 0] / 255
    inner = (
        expected[:-2, 1:-1] + expected[2:, 1:-1] + expected[1:-1, :-2] + expected[1:-1, 2:] - 4 * expected[1:-1, 1:-1]
    )
    assert value["s"] == pytest.approx(inner.std())


def test_tiny_images_have_no_sharpness() -> None:
    assert style_of(flat((1, 2, 3), 2, 2))["sharpness"] == 0
