"""The cascade as a `Generator`: requests in, images or failures out, in micro-batches."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

import torch

from generators.cascade.blocks import TextStates
from generators.cascade.checkpoint import open_weights
from generators.cascade.guidance import Thresholding
from generators.cascade.pipeline import Cascade, Settings, StageSettings
from generators.cascade.samplers import SamplerName
from generators.cascade.text import TextEncoder, load_encoder
from generators.contract import (
    Failure,
    FailureKind,
    GeneratorError,
    GeneratorInfo,
    ImageRequest,
    ImageResult,
    ParameterValue,
)
from generators.seeding import request_seed

VERSION = "1"
"""Raised when the same request, weights and parameters give another image."""

BUNDLED = Path(__file__).resolve().parent.parent / "weights"
MICRO_BATCH = {64: 32, 256: 8, 1024: 1}
"""Images drawn at once by size: enough to fill a core, little enough for a laptop's memory."""

TOLERANCE = {torch.float32: 2.0, torch.bfloat16: 64.0}
"""Grey levels that a pixel may move with its batch, by dtype; measured by `tests/cascade/test_generator.py`."""

KEPT_PROMPTS = 512


class CascadeGenerator:
    """Draws requests with one cascade and one setting of its parameters."""

    def __init__(self, cascade: Cascade, encoder: TextEncoder, settings: Settings, info: GeneratorInfo) -> None:
        self._cascade = cascade
        self._encoder = encoder
        self._settings = settings
        self._info = info
        self._encoded: OrderedDict[str, tuple[TextStates, int]] = OrderedDict()
        self.batch_size = MICRO_BATCH[cascade.size]

    @property
    def info(self) -> GeneratorInfo:
        """Name, version, fingerprint of the weights, and how it samples."""
        return self._info

    def generate(self, requests: Sequence[ImageRequest]) -> Iterator[ImageResult]:
        """One result a request; those that can't be drawn first, then the images in order."""
        drawable: list[ImageRequest] = []
        for request in requests:
            why = _unusable(request)
            if why is None:
                drawable.append(request)
            else:
                yield ImageResult(request.key, failure=Failure(FailureKind.INVALID, why))
        for first in range(0, len(drawable), self.batch_size):
            yield from self._draw(drawable[first : first + self.batch_size])

    def close(self) -> None:
        """Let go of the networks."""
        self._cascade.stages.clear()
        self._encoded.clear()

    def _draw(self, requests: Sequence[ImageRequest]) -> Iterator[ImageResult]:
        began = time.perf_counter()
        try:
            states, cut = self._text([request.prompt for request in requests])
            images = self._cascade.draw(requests, states, self._settings)
        except (RuntimeError, MemoryError, ValueError) as error:
            message = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}"
            for request in requests:
                yield ImageResult(request.key, failure=Failure(FailureKind.CRASH, message))
            return
        seconds = (time.perf_counter() - began) / len(requests)
        for request, image, tokens in zip(requests, images, cut, strict=True):
            provenance: dict[str, ParameterValue] = {"seed": request_seed(request, "base")}
            if tokens:
                provenance["prompt_tokens_cut"] = tokens
            yield ImageResult(request.key, image=image, seconds=seconds, provenance=provenance)

    def _text(self, prompts: Sequence[str]) -> tuple[TextStates, list[int]]:
        """The prompts' states, each encoded by itself and once, so that no neighbour's length can change them."""
        rows: list[tuple[TextStates, int]] = []
        for prompt in prompts:
            if prompt not in self._encoded:
                encoded = self._encoder.encode([prompt])
                self._encoded[prompt] = (encoded.states, encoded.cut[0])
            self._encoded.move_to_end(prompt)
            rows.append(self._encoded[prompt])
        while len(self._encoded) > KEPT_PROMPTS:
            self._encoded.popitem(last=False)
        length = max(states.tokens.shape[1] for states, _ in rows)
        tokens = rows[0][0].tokens.new_zeros(len(rows), length, rows[0][0].tokens.shape[2])
        mask = rows[0][0].mask.new_zeros(len(rows), length)
        for index, (states, _) in enumerate(rows):
            tokens[index, : states.tokens.shape[1]] = states.tokens[0]
            mask[index, : states.mask.shape[1]] = states.mask[0]
        return TextStates(tokens, mask), [cut for _, cut in rows]


def load_cascade(parameters: Mapping[str, ParameterValue], *, size: int, device: str) -> CascadeGenerator:
    """The registry's factory. `parameters`: resolved by `generators.cascade.spec.SPEC`.

    Raises:
        GeneratorError: a size it can't make, a device that isn't there, weights or text encoder missing or damaged.
    """
    dtype = _dtype_for(device)
    folder = Path(str(parameters["weights"])) if parameters["weights"] else BUNDLED
    weights = open_weights(folder)
    cascade = Cascade(weights, size, device=device, dtype=dtype)
    encoder = load_encoder(cascade.text, folder=str(parameters["text_encoder"]), device=device)
    settings = settings_from(parameters)
    info = GeneratorInfo(
        name="cascade",
        version=VERSION,
        weights_fingerprint=weights.fingerprint(cascade.names),
        tolerance=TOLERANCE[dtype],
        provenance={
            "cascade": weights.cascade,
            "stages": ",".join(cascade.names),
            "text_encoder": cascade.text.encoder,
            "size": size,
            "dtype": str(dtype).removeprefix("torch."),
            "device": device,
            "torch": torch.__version__,
            **{name: value for name, value in parameters.items() if name not in ("weights", "text_encoder")},
        },
    )
    return CascadeGenerator(cascade, encoder, settings, info)


def settings_from(parameters: Mapping[str, ParameterValue]) -> Settings:
    """The parameters as settings of the stages. The base is thresholded as asked, super-resolution clipped.

    Raises:
        GeneratorError: an interval of guidance that is empty.
    """
    sampler = cast(SamplerName, str(parameters["sampler"]))
    thresholding = cast(Thresholding, str(parameters["thresholding"]))
    eta = float(parameters["eta"])
    interval = float(parameters["guidance_low"]), float(parameters["guidance_high"])
    if interval[0] >= interval[1]:
        raise GeneratorError(
            f"guidance_low is {interval[0]:g} and guidance_high {interval[1]:g}: the first must be below the second. "
            "For no guidance at all say guidance=1."
        )
    return Settings(
        base=StageSettings(
            float(parameters["guidance"]), int(parameters["steps"]), sampler, eta, thresholding, *interval
        ),
        super_resolution=StageSettings(
            float(parameters["sr_guidance"]),
            int(parameters["sr_steps"]),
            sampler,
            eta,
            "none" if thresholding == "none" else "static",
            *interval,
        ),
        aug_level=float(parameters["aug_level"]),
        aug_level_1024=float(parameters["aug_level_1024"]),
    )


def _dtype_for(device: str) -> torch.dtype:
    try:
        kind = torch.device(device).type
    except RuntimeError:
        raise GeneratorError(f'device {device!r} is none that torch knows; use "cpu" or "cuda"') from None
    if kind == "cuda" and not torch.cuda.is_available():
        raise GeneratorError(f'device {device!r}: this machine or this build of torch has no CUDA; use "cpu"')
    return torch.bfloat16 if kind == "cuda" and torch.cuda.is_bf16_supported() else torch.float32


def _unusable(request: ImageRequest) -> str | None:
    """Why a request can't be drawn, None where it can."""
    if not request.prompt.strip():
        return "the prompt is empty: there is nothing to draw"
    try:
        request_seed(request, "base")
    except GeneratorError as error:
        return str(error)
    return None
