"""The cascade as a `Generator`: requests in, images or failures out, in micro-batches."""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import cast

import torch

from common.plugins import import_reference
from generators.cascade.blocks import TextStates
from generators.cascade.checkpoint import LARGE, open_weights
from generators.cascade.memory import first_line, fits
from generators.cascade.pipeline import Cascade, Settings
from generators.cascade.seen_words import read_words, unseen_words
from generators.cascade.settings import dtype_for, settings_from, text_device
from generators.cascade.spec import SPEC, VERSION
from generators.cascade.stage import Matcher
from generators.cascade.text import TextEncoder, load_encoder
from generators.cascade.text_cache import PromptFacts
from generators.cascade.weights_index import stages_to, with_matcher
from generators.contract import (
    Failure,
    FailureKind,
    GeneratorError,
    GeneratorInfo,
    ImageRequest,
    ImageResult,
    ParameterValue,
)
from generators.places import WEIGHTS
from generators.prompt_notes import CUT, UNKNOWN, UNSEEN
from generators.seeding import request_seed

BUNDLED = WEIGHTS

TOLERANCE = {torch.float32: 2.0, torch.bfloat16: 64.0}
"""Grey levels that a pixel may move with its batch, by dtype; measured by `tests/cascade/test_generator.py`."""

LED_TOLERANCE = 16.0
"""The same in float32 under the matcher's guidance: gradients repeat less exactly (1 was the most that was seen)."""

MATCHER = "generators.world.scene_clip.lead:load_matcher"

KEPT_PROMPTS = 512
ONE_AT_A_TIME = 64
"""Requests a call where one stage is in memory at a time: each loading of a stage serves so many."""


class CascadeGenerator:
    """Draws requests with one cascade and one setting of its parameters."""

    def __init__(
        self,
        cascade: Cascade,
        encoder: TextEncoder,
        settings: Settings,
        info: GeneratorInfo,
        seen: frozenset[str] | None = None,
    ) -> None:
        """`seen`: the words that the weights were taught; None where they do not say."""
        self._cascade = cascade
        self._encoder = encoder
        self._settings = settings
        self._info = info
        self._seen = seen
        self._encoded: OrderedDict[str, tuple[TextStates, PromptFacts]] = OrderedDict()
        self._encoding = threading.Lock()
        # Threads inside of a small network mostly wait for one another: on a busy machine they took 20 times as long.
        self._beside = torch.device(cascade.device).type == "cpu" and cascade.parameters < LARGE
        self._threads = torch.get_num_threads() if self._beside else 1
        batch = cascade.micro_batch[cascade.names[-1]]
        self.batch_size = batch * self._threads if cascade.at_once else max(batch, ONE_AT_A_TIME)

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
        if not self._cascade.at_once:
            for first in range(0, len(drawable), self.batch_size):
                yield from self._draw(drawable[first : first + self.batch_size])
            return
        batches = shares(drawable, self._cascade.micro_batch[self._cascade.names[-1]], self._threads)
        if self._threads > 1 and len(batches) > 1:
            yield from self._draw_side_by_side(batches)
            return
        for batch in batches:
            with one_thread() if self._beside else contextlib.nullcontext():
                drawn = self._drawn(batch)
            yield from drawn

    def close(self) -> None:
        """Let go of the networks."""
        self._cascade.release()
        self._encoder.release()
        self._encoded.clear()

    def _draw_side_by_side(self, batches: Sequence[Sequence[ImageRequest]]) -> Iterator[ImageResult]:
        """Micro-batches on a core each."""
        with (
            one_thread(),
            ThreadPoolExecutor(self._threads, initializer=torch.set_num_threads, initargs=(1,)) as pool,
        ):
            waiting: deque[Future[list[ImageResult]]] = deque()
            for batch in batches:
                waiting.append(pool.submit(self._drawn, batch))
                if len(waiting) > self._threads:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()

    def _drawn(self, requests: Sequence[ImageRequest]) -> list[ImageResult]:
        return list(self._draw(requests))

    def _draw(self, requests: Sequence[ImageRequest]) -> Iterator[ImageResult]:
        began = time.perf_counter()
        try:
            states, facts = self._text([request.prompt for request in requests])
            if not self._cascade.at_once:
                self._encoder.release()
            images = self._cascade.draw(requests, states, self._settings)
        except (RuntimeError, MemoryError, ValueError) as error:
            message = str(error) if isinstance(error, GeneratorError) else first_line(error)
            for request in requests:
                yield ImageResult(request.key, failure=Failure(FailureKind.CRASH, message))
            return
        seconds = (time.perf_counter() - began) / len(requests)
        for request, image, told in zip(requests, images, facts, strict=True):
            yield ImageResult(request.key, image=image, seconds=seconds, provenance=self._provenance(request, told))

    def _provenance(self, request: ImageRequest, facts: PromptFacts) -> dict[str, ParameterValue]:
        """What a reader needs beside the run's own account: the seed, what of the prompt was lost, what ran out."""
        told: dict[str, ParameterValue] = {"seed": request_seed(request, "base")}
        if facts.cut:
            told["prompt_tokens_cut"] = facts.cut
            told[CUT] = facts.cut_text
        if facts.unknown:
            told[UNKNOWN] = facts.unknown
        unseen = [] if self._seen is None else unseen_words(request.prompt, self._seen)
        if unseen:
            told[UNSEEN] = ", ".join(unseen)
        return {**told, **self._cascade.notes, **self._encoder.notes}

    def _text(self, prompts: Sequence[str]) -> tuple[TextStates, list[PromptFacts]]:
        """The prompts' states, each encoded by itself and once, so that no neighbour's length can change them."""
        rows: list[tuple[TextStates, PromptFacts]] = []
        with self._encoding:
            for prompt in prompts:
                if prompt not in self._encoded:
                    encoded = self._encoder.encode([prompt])
                    self._encoded[prompt] = (encoded.states, encoded.facts[0])
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
        return TextStates(tokens, mask), [facts for _, facts in rows]


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Within it torch computes in one thread, whatever it was told."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def shares(requests: Sequence[ImageRequest], largest: int, threads: int) -> list[Sequence[ImageRequest]]:
    """The requests in batches of at most `largest`, and at least one a thread where there are so many requests."""
    size = max(1, min(largest, -(-len(requests) // threads)))
    return [requests[first : first + size] for first in range(0, len(requests), size)]


def load_cascade(
    parameters: Mapping[str, ParameterValue], *, size: int, device: str, name: str = SPEC.name, sr_told: bool = True
) -> CascadeGenerator:
    """The registry's factory. `parameters`: resolved by `generators.cascade.spec.SPEC`.

    `name`: what it is called as a generator. `sr_told`: whether super-resolution is told the prompt.

    Raises:
        GeneratorError: a size it can't make, a device that isn't there, weights or text encoder missing or damaged.
    """
    dtype, notes = dtype_for(device, str(parameters["dtype"]))
    folder = Path(str(parameters["weights"])) if parameters["weights"] else BUNDLED
    weights = open_weights(folder)
    names = stages_to(size)
    text = weights.head("base").text
    given = str(parameters["text_encoder"])
    encoder = load_encoder(
        text,
        folder=given,
        device=text_device(str(parameters["text_device"]), device),
        dtype=str(parameters["text_dtype"]),
        later=True,
    )
    needed = encoder.bytes_needed + dtype.itemsize * sum(weights.head(name).parameters for name in names)
    memory = str(parameters["memory"])
    at_once = memory == "all" or (memory == "auto" and fits(needed, device))
    if at_once and encoder.cache is None:
        encoder.load()
    cascade = Cascade(weights, size, device=device, dtype=dtype, at_once=at_once, compiled=bool(parameters["compile"]))
    fingerprint = weights.fingerprint(names)
    if encoder.fingerprint:  # another than the one that ships: its files count as weights
        notes["text_encoder_sha256"] = encoder.fingerprint
        fingerprint = hashlib.sha256(f"{fingerprint}\ntext {encoder.fingerprint}".encode()).hexdigest()
    if not at_once:
        notes["stages_in_memory"] = "one at a time"
    # By name: the matcher stands on this room's text encoder.
    led = float(parameters["matcher_guidance"]) > 0
    matcher = cast("Callable[[], Matcher]", import_reference(MATCHER))() if led else None
    if matcher is not None:
        notes["matcher_sha256"] = matcher.sha256
        fingerprint = with_matcher(fingerprint, matcher.sha256)
    info = GeneratorInfo(
        name=name,
        version=VERSION,
        weights_fingerprint=fingerprint,
        tolerance=max(TOLERANCE[dtype], 0.0 if matcher is None else LED_TOLERANCE),
        provenance={
            "cascade": weights.cascade,
            "stages": ",".join(cascade.names),
            "text_encoder": cascade.text.encoder,
            "size": size,
            "dtype": str(dtype).removeprefix("torch."),
            "device": device,
            "torch": torch.__version__,
            **{name: value for name, value in parameters.items() if name not in ("weights", "text_encoder", "dtype")},
            "text_dtype": str(encoder.dtype).removeprefix("torch."),
            **notes,
        },
    )
    settings = settings_from(parameters, sr_told=sr_told, matcher=matcher)
    return CascadeGenerator(cascade, encoder, settings, info, read_words(folder))


def _unusable(request: ImageRequest) -> str | None:
    """Why a request can't be drawn, None where it can."""
    prompt: object = request.prompt
    if not isinstance(prompt, str):
        return f"the prompt is no text but {type(prompt).__name__}: {str(prompt)[:80]}"
    if not any(character.isprintable() and not character.isspace() for character in prompt):
        return "the prompt is empty: there is nothing to draw"
    try:
        prompt.encode()
        request_seed(request, "base")
    except UnicodeEncodeError:
        return "the prompt holds half of a character (a lone surrogate), which no encoder can read; write it anew"
    except GeneratorError as error:
        return str(error)
    return None
