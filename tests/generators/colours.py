"""A tiny deterministic generator for the tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from generators.contract import (
    Failure,
    FailureKind,
    GeneratorInfo,
    GeneratorSpec,
    ImageRequest,
    ImageResult,
    Parameter,
    ParameterValue,
)
from generators.seeding import request_seed

SPEC = GeneratorSpec(
    name="colours",
    summary="Noise in one colour, for tests.",
    factory="tests.generators.colours:load_colours",
    parameters=(
        Parameter("brightness", "how bright", 0.5, low=0.0, high=1.0),
        Parameter("slow", "seconds an image takes", 0.0, low=0.0, high=60.0),
        Parameter("refuse", "a word whose prompts are refused", ""),
    ),
    sizes=(16, 64),
    devices=("cpu",),
)


class Colours:
    """Draws noise from the request's seed and prompt."""

    batch_size = 4

    def __init__(self, size: int = 16, brightness: float = 0.5, slow: float = 0.0, refuse: str = "") -> None:
        self.size, self.brightness, self.slow, self.refuse = size, brightness, slow, refuse
        self.closed = 0
        self.asked: list[list[str]] = []
        self.info = GeneratorInfo("colours", "1", "ab" * 32, provenance={"device": "cpu", "steps": 1})

    def image(self, request: ImageRequest) -> NDArray[np.uint8]:
        """The image of one request."""
        seed = [request_seed(request, "base"), *request.prompt.encode()]
        noise = np.random.default_rng(seed).integers(0, 128, (self.size, self.size, 3), dtype=np.uint8)
        return noise + np.uint8(127 * self.brightness)

    def generate(self, requests: Sequence[ImageRequest]) -> Iterator[ImageResult]:
        """One result each, in the order asked."""
        self.asked.append([request.key for request in requests])
        for request in requests:
            if not request.prompt.strip() or (self.refuse and self.refuse in request.prompt):
                yield ImageResult(request.key, failure=Failure(FailureKind.REFUSED, "this prompt is refused"))
                continue
            if self.slow:
                import time

                time.sleep(self.slow)
            seed = request_seed(request, "base")
            yield ImageResult(request.key, self.image(request), seconds=0.0, provenance={"seed": seed})

    def close(self) -> None:
        """Count the calls."""
        self.closed += 1


def load_colours(parameters: Mapping[str, ParameterValue], *, size: int, device: str) -> Colours:
    """The factory."""
    return Colours(size, float(parameters["brightness"]), float(parameters["slow"]), str(parameters["refuse"]))


def requests(prompts: int = 3, samples: int = 2, run_seed: int = 1) -> list[ImageRequest]:
    """Some requests, keyed by place."""
    return [
        ImageRequest(f"{prompt:05d}/{sample}", f"{prompt:05d}", f"prompt {prompt}", sample, run_seed)
        for prompt in range(prompts)
        for sample in range(samples)
    ]
