"""The style of an image in numbers, for asking how much of a preference goes with it (`evaluation.analysis.style`)."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

STYLES = ("brightness", "saturation", "sharpness", "aspect")
TEXT = "text"
"""1 where a reader finds text in the image, else 0."""
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
SHARPNESS_SIDE = 512
"""Pixels of the shorter side that sharpness is taken at, so that images of different sizes can be compared."""


def style_of(picture: Image.Image) -> dict[str, float]:
    """The `STYLES` of an RGB image.

    `brightness`: mean luma, 0 to 1. `saturation`: mean of (max - min) / max over colours, 0 to 1. `sharpness`: standard
    deviation of luma's Laplacian over four neighbours, 0 to 1 scale, the image reduced to `SHARPNESS_SIDE` where it is
    larger. `aspect`: log2 of width over height.
    """
    pixels = np.asarray(picture.convert("RGB"), dtype=np.float64) / 255
    most, least = pixels.max(axis=2), pixels.min(axis=2)
    saturation = np.divide(most - least, most, out=np.zeros_like(most), where=most > 0)
    return {
        "brightness": float((pixels @ LUMA).mean()),
        "saturation": float(saturation.mean()),
        "sharpness": _sharpness(picture),
        "aspect": math.log2(picture.width / picture.height),
    }


def _sharpness(picture: Image.Image) -> float:
    scale = SHARPNESS_SIDE / min(picture.size)
    if scale < 1:
        size = (max(round(picture.width * scale), 1), max(round(picture.height * scale), 1))
        picture = picture.resize(size, Image.Resampling.BOX)
    luma = np.asarray(picture.convert("RGB"), dtype=np.float64) @ LUMA / 255
    if min(luma.shape) < 3:
        return 0.0
    centre = luma[1:-1, 1:-1]
    around = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
    return float((around - 4 * centre).std())
