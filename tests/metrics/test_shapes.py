"""Every way of looking at an image says what it does with one that is no square, and says it truly."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from PIL import Image

from evaluation.metrics.features.clip import Preparation
from evaluation.metrics.features.resize import Recipe, prepare
from evaluation.metrics.shapes import MIDDLE, OF_RECIPE, SHORTER, SQUASHED


def ends_are_seen(pixels: np.ndarray) -> bool:
    """Whether the red left end of the picture is in what the network gets, (height, width, 3)."""
    return bool((pixels[:, :, 0].astype(float) - pixels[:, :, 1]).max() > 0.3 * pixels.max())


def wide() -> Image.Image:
    """Green, with a red left quarter, 64 x 32: the middle square has none of it."""
    picture = Image.new("RGB", (64, 32), (0, 255, 0))
    picture.paste((255, 0, 0), (0, 0, 14, 32))
    return picture


@pytest.mark.parametrize("shape", get_args(Recipe.__annotations__["shape"]) or ("crop", "squash", "resize_then_crop"))
def test_a_recipe_does_what_it_says(shape: str) -> None:
    said = OF_RECIPE[shape]
    recipe = Recipe(shape, "box", 32, "clean")  # type: ignore[arg-type]
    assert ends_are_seen(prepare(wide(), recipe, 32)) is (said == SQUASHED)
    assert said in (MIDDLE, SQUASHED, SHORTER)


@pytest.mark.parametrize("shorter", [32, None])
def test_a_clip_does_what_it_says(shorter: int | None) -> None:
    ready = Preparation(shorter, (32, 32), int(Image.Resampling.BOX), (0.0,) * 3, (1.0,) * 3)
    assert ends_are_seen(ready.pixels(wide()).transpose(1, 2, 0)) is (shorter is None)
