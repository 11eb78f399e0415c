"""Sizes of rivals' images, width x height in pixels: held to what was asked for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from generators.contract import Failure, FailureKind


def other_size(pixels: NDArray[np.uint8], width: int, height: int, who: str) -> Failure | None:
    """The failure of an image of another size than was asked for; None where it has it, or any will do (0)."""
    there = (pixels.shape[1], pixels.shape[0])
    if not width or there == (width, height):
        return None
    message = f"{who} gave {there[0]} x {there[1]} pixels where {width} x {height} were asked for"
    return Failure(FailureKind.INVALID, message)
