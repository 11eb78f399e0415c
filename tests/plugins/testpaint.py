"""A generator for the tests, installed as a third party's plug-in is: an entry point in a folder on the path.

What it does to a prompt stands in the prompt: "refuse", "crash" (the whole call), "flaky" (once), "kill" (the worker
process), "small" (an image of another size).
"""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from generators.contract import (
    Failure,
    FailureKind,
    GeneratorError,
    GeneratorInfo,
    GeneratorSpec,
    ImageRequest,
    ImageResult,
    Parameter,
    ParameterValue,
)
from generators.seeding import noise

SPEC = GeneratorSpec(
    name="testpaint",
    summary="Noise, for tests.",
    factory="testpaint:load",
    parameters=(
        Parameter("slow", "seconds an image takes", 0.0, low=0.0, high=60.0),
        Parameter("weights", "a file that stands for the weights", "", operator_only=True),
        Parameter("log", "a file to which each drawn request adds a line", "", operator_only=True),
    ),
    sizes=(16, 32),
    devices=("cpu",),
)


class Testpaint:
    """Draws noise from each request's own seed."""

    batch_size = 4

    def __init__(self, size: int, slow: float, weights: Path | None, log: Path | None) -> None:
        self.size, self.slow, self.log = size, slow, log
        if weights is not None and not weights.exists():
            raise GeneratorError(f"the weights {weights} are not there")
        fingerprint = hashlib.sha256(weights.read_bytes()).hexdigest() if weights else ""
        self.info = GeneratorInfo("testpaint", "1.0", fingerprint, provenance={"device": "cpu"})
        self.flaked: set[str] = set()

    def generate(self, requests: Sequence[ImageRequest]) -> Iterator[ImageResult]:
        for request in requests:
            if "kill" in request.prompt:
                os.kill(os.getpid(), signal.SIGKILL)
            if "crash" in request.prompt:
                raise RuntimeError("out of paint")
        for request in requests:
            time.sleep(self.slow)
            if self.log is not None:
                with self.log.open("a") as log:
                    log.write(f"{request.prompt_id}/{request.sample}\n")
            if "refuse" in request.prompt:
                yield ImageResult(request.key, failure=Failure(FailureKind.REFUSED, "not to my taste"))
            elif "flaky" in request.prompt and request.key not in self.flaked:
                self.flaked.add(request.key)
                yield ImageResult(request.key, failure=Failure(FailureKind.RATE_LIMITED, "later", retry_after_s=0.1))
            else:
                size = self.size // 2 if "small" in request.prompt else self.size
                values = noise([request], "base", (size, size, 3))[0]
                yield ImageResult(request.key, (values * 40 + 128).clip(0, 255).astype(np.uint8), seconds=self.slow)

    def close(self) -> None:
        self.flaked.clear()


def load(parameters: Mapping[str, ParameterValue], *, size: int, device: str) -> Testpaint:
    """The factory."""
    files = {name: Path(str(parameters[name])) if parameters[name] else None for name in ("weights", "log")}
    return Testpaint(size, float(parameters["slow"]), files["weights"], files["log"])
