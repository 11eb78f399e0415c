"""The single checks of `generators.conformance`: each draws a few images and yields what is not as it must be."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common.conformance import ODD_PROMPTS
from common.plugins import describe
from generators.contract import FailureKind, Generator, GeneratorInfo, ImageRequest, ImageResult
from generators.sizes import Size


@dataclass(slots=True)
class State:
    """The generator under test and the images that the first check drew, by key."""

    generator: Generator
    size: Size | None
    prompts: tuple[tuple[str, str], ...]
    images: dict[str, NDArray[np.uint8]] = dataclasses.field(default_factory=dict)
    calls: int = 0

    def requests(self, samples: int = 3, run_seed: int = 7) -> list[ImageRequest]:
        """Some requests for the prompts; keys tell prompt and sample, and differ between calls."""
        self.calls += 1
        return [
            ImageRequest(f"{prompt_id}/{sample}#{self.calls}", prompt_id, prompt, sample, run_seed)
            for prompt_id, prompt in self.prompts
            for sample in range(samples)
        ]

    def ask(self, requests: Sequence[ImageRequest]) -> tuple[dict[str, ImageResult], list[str]]:
        """The results by key, and what is wrong with how they came."""
        wrong = []
        results: dict[str, ImageResult] = {}
        wanted = {request.key for request in requests}
        for result in _objects(self.generator, requests):
            if not isinstance(result, ImageResult):
                wrong.append(f"gave a {type(result).__name__} where an ImageResult belongs")
            elif result.key not in wanted:
                wrong.append(f"answered the key {result.key!r}, which was not asked")
            elif result.key in results:
                wrong.append(f"answered {result.key!r} twice")
            else:
                # A copy, and the first one taken: a buffer that is used again shows as equal images.
                image = None if result.image is None else result.image.copy()
                results[result.key] = dataclasses.replace(result, image=image)
        if unanswered := wanted - set(results):
            wrong.append(f"left {len(unanswered)} of {len(wanted)} requests unanswered")
        return results, wrong

    def draw(self, requests: Sequence[ImageRequest]) -> dict[str, NDArray[np.uint8]]:
        """Images by place ("00000/1"), of those requests that gave one."""
        results, _ = self.ask(requests)
        return {place(key): result.image for key, result in results.items() if result.image is not None}

    def compare(self, other: dict[str, NDArray[np.uint8]], what: str) -> Iterator[str]:
        """A message for each image of the first call that `other` has differently, beyond the tolerance."""
        tolerance = self.generator.info.tolerance
        for name, image in self.images.items():
            if name not in other:
                yield f"{what}: {name} was drawn before and is not now"
            elif (moved := _moved(image, other[name])) > tolerance:
                yield f"{what}: {name} moved by {moved:g} grey levels; its tolerance is {tolerance:g}"


def place(key: str) -> str:
    """The prompt and sample of a key."""
    return key.partition("#")[0]


def _objects(generator: Generator, requests: Sequence[ImageRequest]) -> Iterator[object]:
    iterator: Iterator[object] = iter(generator.generate(requests))
    yield from iterator


def _moved(image: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """The most that a pixel differs, in grey levels; 256 for images of different shapes."""
    if image.shape != other.shape:
        return 256.0
    return float(np.abs(image.astype(np.int16) - other.astype(np.int16)).max())


def _info(state: State) -> Iterator[str]:
    said: object = state.generator.info
    if not isinstance(said, GeneratorInfo):
        yield f"info is a {type(said).__name__}, not a GeneratorInfo"
        return
    info = said
    if not info.name.strip() or not info.version.strip():
        yield "info has no name or no version; without them a manifest can't say what made an image"
    if not 0 <= info.tolerance <= 255:
        yield f"info's tolerance {info.tolerance} is not in grey levels from 0 to 255"
    if info.weights_fingerprint and (
        len(info.weights_fingerprint) != 64 or set(info.weights_fingerprint) - set("0123456789abcdef")
    ):
        yield "info's weights_fingerprint is not a SHA-256 in lower-case hexadecimal (empty where there are no weights)"
    if not info.provenance:
        yield "info's provenance is empty: say device, dtype, sampler, steps and what else an image depends on"
    try:
        json.dumps(dict(info.provenance), allow_nan=False)
    except (TypeError, ValueError) as error:
        yield f"info's provenance can't be written as JSON: {error}"
    if state.generator.batch_size < 1:
        yield f"batch_size is {state.generator.batch_size}"


def _one_result(state: State) -> Iterator[str]:
    results, wrong = state.ask(state.requests())
    yield from wrong
    state.images = {place(key): result.image for key, result in results.items() if result.image is not None}
    for key, result in results.items():
        if result.failure is not None:
            yield f"{place(key)} gave no image: {result.failure.kind}: {result.failure.message}"


def _size(state: State) -> Iterator[str]:
    if state.size:
        for name, image in state.images.items():
            had = Size(image.shape[1], image.shape[0])
            if had != state.size:
                yield f"{name} has {had} pixels; {state.size} was asked for"


def _empty(state: State) -> Iterator[str]:
    results, wrong = state.ask([])
    if results or wrong:
        yield "an empty list of requests was answered with something"


def _repeat(state: State) -> Iterator[str]:
    yield from state.compare(state.draw(state.requests()), "asked again")


def _order(state: State) -> Iterator[str]:
    yield from state.compare(state.draw(state.requests()[::-1]), "asked in reverse order")


def _chunks(state: State) -> Iterator[str]:
    requests = state.requests()
    other: dict[str, NDArray[np.uint8]] = {}
    for group in (requests[:1], requests[1:4], requests[4:]):
        other |= state.draw(group)
    yield from state.compare(other, "asked in other chunks")


def _neighbours(state: State) -> Iterator[str]:
    """An image depends on its own request alone, not on what is drawn beside it."""
    requests = state.requests()
    strangers = [
        dataclasses.replace(request, key=f"{request.key}~", prompt="Something else.", prompt_id="00777")
        for request in requests[1::2]
    ]
    results, _ = state.ask([*strangers, *requests])
    other = {place(key): result.image for key, result in results.items() if result.image is not None and "~" not in key}
    yield from state.compare(other, "asked beside other prompts")


def _samples(state: State) -> Iterator[str]:
    for prompt_id, _ in state.prompts:
        images = [image for name, image in state.images.items() if name.startswith(f"{prompt_id}/")]
        for image, other in zip(images, images[1:], strict=False):
            if _moved(image, other) == 0:
                yield f"two samples of prompt {prompt_id} are the same image"
                break


def _prompts(state: State) -> Iterator[str]:
    names = [f"{prompt_id}/0" for prompt_id, _ in state.prompts]
    if (
        len(names) > 1
        and all(name in state.images for name in names)
        and not _moved(*(state.images[name] for name in names[:2]))
    ):
        yield "two prompts gave the same image"


def _seeds(state: State) -> Iterator[str]:
    if not state.generator.info.seeded:
        return
    other = state.draw(state.requests(samples=1, run_seed=8))
    if other and all(name in state.images and _moved(image, state.images[name]) == 0 for name, image in other.items()):
        yield "another run seed gave the same images (say seeded=False in info if it follows none)"


def _odd_prompts(state: State) -> Iterator[str]:
    requests = [
        ImageRequest(f"odd{index}", f"{90000 + index}", prompt, 0, 7) for index, prompt in enumerate(ODD_PROMPTS)
    ]
    for request in requests:
        shown = repr(request.prompt if len(request.prompt) < 30 else request.prompt[:20] + "...")
        try:
            results, wrong = state.ask([request])
        except Exception as error:  # the point of the check
            yield f"the prompt {shown} made it raise {describe(error)}; give a Failure instead"
            continue
        yield from (f"the prompt {shown}: {message}" for message in wrong)
        failure = results[request.key].failure if request.key in results else None
        if failure is not None and failure.kind is FailureKind.CRASH:
            yield f"the prompt {shown} made it crash ({failure.message}); refuse it, or call it invalid"
    _, wrong = state.ask(state.requests(samples=1))
    yield from (f"after odd prompts it {message}" for message in wrong)


def _close(state: State) -> Iterator[str]:
    state.generator.close()
    try:
        state.generator.close()
    except Exception as error:
        yield f"a second close raised {describe(error)}"


CHECKS: tuple[tuple[str, Callable[[State], Iterator[str]]], ...] = (
    ("info", _info),
    ("one_result", _one_result),
    ("size", _size),
    ("empty", _empty),
    ("repeat", _repeat),
    ("order", _order),
    ("chunks", _chunks),
    ("neighbours", _neighbours),
    ("samples", _samples),
    ("prompts", _prompts),
    ("seeds", _seeds),
    ("odd_prompts", _odd_prompts),
    ("close", _close),
)
