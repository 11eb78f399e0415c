"""Text in images, read by RapidOCR with the models inside its package (PP-OCRv4, Apache-2.0). No network."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from common.hashes import file_sha256
from evaluation.metrics.errors import MetricError
from evaluation.metrics.prompts.relations import Box
from evaluation.metrics.shapes import OTHER_SHAPES, WHOLE
from evaluation.suites.types import JsonValue

SMALLEST, LARGEST = 512, 1600
"""Pixels of the shorter side below which an image is enlarged, and of the longer one above which it is reduced."""

LONGEST_SHAPE = 4
"""An image whose longer side has more times the shorter one is padded."""

SURE_ENOUGH = 0.5
"""Lines below this score are noise that looks like writing."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text. `score`: 0 to 1. `box`: around it, fractions of the image."""

    text: str
    score: float
    box: Box


@dataclass(frozen=True)
class TextReader:
    """RapidOCR, loaded."""

    engine: Any

    def read(self, picture: Image.Image) -> tuple[Line, ...]:
        """The lines in an RGB image, in reading order."""
        image = _padded(picture)
        ready = image
        scale = min(max(1.0, SMALLEST / min(image.size)), LARGEST / max(image.size))
        if scale != 1.0:
            size = (round(image.width * scale), round(image.height * scale))
            ready = image.resize((max(size[0], 1), max(size[1], 1)), Image.Resampling.BICUBIC)
        pixels = np.ascontiguousarray(np.asarray(ready)[:, :, ::-1])  # OpenCV's order of colours
        found, _ = self.engine(pixels)
        return tuple(
            Line(str(text), float(score), _box(corners, picture.width * scale, picture.height * scale))
            for corners, text, score in found or ()
            if float(score) >= SURE_ENOUGH and str(text).strip()
        )


@functools.cache
def load_reader() -> TextReader:
    """RapidOCR on one processor core.

    Raises:
        MetricError: it is not installed, or a library that it needs is not there.
    """
    try:
        from rapidocr_onnxruntime import RapidOCR

        return TextReader(RapidOCR(intra_op_num_threads=1, inter_op_num_threads=1))
    except ImportError as error:
        raise MetricError(
            f"text-checks reads images with RapidOCR, which can't be imported ({error}). Install it: "
            "pip install --no-deps --ignore-requires-python -r requirements-ocr.txt"
        ) from None


def reader_provenance() -> dict[str, JsonValue]:
    """The hashes of its models and the versions of its libraries."""
    import rapidocr_onnxruntime

    folder = Path(str(rapidocr_onnxruntime.__file__)).parent / "models"
    models: Mapping[str, JsonValue] = {path.name: file_sha256(path) for path in sorted(folder.glob("*.onnx"))}
    return {
        "models_sha256": dict(models),
        "rapidocr": metadata.version("rapidocr-onnxruntime"),
        "onnxruntime": metadata.version("onnxruntime"),
        "smallest_side": SMALLEST,
        OTHER_SHAPES: WHOLE,
        "device": "cpu",
    }


def _padded(image: Image.Image) -> Image.Image:
    """`image`, or if it is a strip, with more of its mean colour at the right or below.

    RapidOCR enlarges the shorter side, so that a strip would become enormous.
    """
    floor = -(-max(image.size) // LONGEST_SHAPE)
    if min(image.size) >= floor:
        return image
    canvas = Image.new(
        "RGB", (max(image.width, floor), max(image.height, floor)), image.resize((1, 1)).getpixel((0, 0))
    )
    canvas.paste(image, (0, 0))
    return canvas


def _box(corners: Any, width: float, height: float) -> Box:
    across, down = [float(x) / width for x, _ in corners], [float(y) / height for _, y in corners]
    return max(min(across), 0.0), max(min(down), 0.0), min(max(across), 1.0), min(max(down), 1.0)
