"""Two metrics for the tests, installed as a third party's plug-in is: an entry point in a folder on the path.

`testbright` gives each image its mean brightness, 0 to 1; what else it does stands in the prompt: "refuse" (no value),
"crash" (the whole call), "kill" (the worker process). `testspread` tells how far the images'
mean brightness is from a reference's.
"""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from common.parameters import Parameter, ParameterValue
from evaluation.metrics.errors import MetricError
from evaluation.metrics.spec import MetricSpec, Progress, SampleScore, ScoredImage
from evaluation.suites.types import JsonValue

BRIGHT = MetricSpec(
    name="testbright",
    summary="How bright each image is, for tests.",
    kind="sample",
    better="higher",
    factory="testmetric:load_bright",
    parameters=(
        Parameter("scale", "what white is worth", 1.0, low=0.1, high=100.0),
        Parameter("slow", "seconds an image takes", 0.0, low=0.0, high=60.0),
        Parameter("weights", "a file that stands for the weights", "", operator_only=True),
    ),
)

SPREAD = MetricSpec(
    name="testspread",
    summary="How far the images are from a reference in brightness, for tests.",
    kind="set",
    better="lower",
    factory="testmetric:load_spread",
    needs_reference=True,
)


class Bright:
    """Mean brightness of each image."""

    def __init__(self, scale: float, slow: float, weights: Path | None) -> None:
        if weights is not None and not weights.is_file():
            raise MetricError(f"the weights {weights} are not there")
        sha256 = hashlib.sha256(weights.read_bytes()).hexdigest() if weights else ""
        self.scale, self.slow = scale, slow
        self.label = f"brightness (weights {sha256[:8]})" if sha256 else "brightness"
        self.provenance: Mapping[str, JsonValue] = {"weights_sha256": sha256, "scale": scale, "device": "cpu"}

    def score(self, images: Sequence[ScoredImage]) -> list[SampleScore]:
        for image in images:
            if "kill" in image.prompt:
                os.kill(os.getpid(), signal.SIGKILL)
            if "crash" in image.prompt:
                raise RuntimeError("out of light")
        return [self._one(image) for image in images]

    def _one(self, image: ScoredImage) -> SampleScore:
        time.sleep(self.slow)
        if "refuse" in image.prompt:
            return SampleScore(None, "not to my taste")
        try:
            mean = brightness(image.path)
        except (OSError, UnidentifiedImageError) as error:
            return SampleScore(None, f"can't be read: {error}")
        return SampleScore(mean * self.scale, detail={"mean": mean * 255})


class Spread:
    """How far the mean brightness of the images is from the reference's."""

    label = "spread of brightness"
    provenance: Mapping[str, JsonValue] = {"device": "cpu"}

    def score(
        self, images: Sequence[ScoredImage], reference: Sequence[ScoredImage] | Path | None, progress: Progress
    ) -> dict[str, JsonValue]:
        if reference is None:
            raise MetricError("testspread compares with a reference")
        values = []
        skipped: list[JsonValue] = []
        for done, image in enumerate(sorted(images, key=lambda image: image.key), start=1):
            try:
                values.append(brightness(image.path))
            except (OSError, UnidentifiedImageError) as error:
                skipped.append({"file": image.key, "why": str(error)})
            progress(done, len(images))
        other = sorted(_paths(reference))
        value: float | None = None
        if values and other:
            value = abs(float(np.mean(values)) - float(np.mean([brightness(path) for path in other])))
        return {
            "value": value,
            "name": self.label,
            "why": "" if value is not None else "no image could be read",
            "n": len(values),
            "n_reference": len(other),
            "skipped": skipped,
        }


def brightness(path: Path) -> float:
    """Mean grey level of an image file, 0 to 1."""
    with Image.open(path) as image:
        return float(np.asarray(image.convert("L"), dtype=np.float64).mean()) / 255


def _paths(reference: Sequence[ScoredImage] | Path) -> list[Path]:
    if isinstance(reference, Path):
        return [path for path in reference.rglob("*") if path.suffix in (".png", ".jpg")]
    return [image.path for image in reference]


def load_bright(
    parameters: Mapping[str, ParameterValue], *, device: str | None, weight_folders: Sequence[Path]
) -> Bright:
    """The factory of `testbright`."""
    weights = Path(str(parameters["weights"])) if parameters["weights"] else None
    return Bright(float(parameters["scale"]), float(parameters["slow"]), weights)


def load_spread(
    parameters: Mapping[str, ParameterValue], *, device: str | None, weight_folders: Sequence[Path]
) -> Spread:
    """The factory of `testspread`."""
    return Spread()
