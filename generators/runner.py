"""Runs any generator over many requests: chunks, retries, cancelling, resuming, and one result for each request.

The core knows no store: it is given a `Sink` (a folder, `generators.folder_sink`; a database, in the platform's
worker). Whatever a generator does (answers twice, not at all, with unknown keys, raises half-way, returns nonsense),
each request that is started gets exactly one result, an image or a failure.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, cast

from common.hashes import hash_of
from common.limits import MESSAGE
from common.text import cleaned, storable
from generators.contract import (
    Failure,
    FailureKind,
    Generator,
    GeneratorError,
    ImageRequest,
    ImageResult,
    ParameterValue,
    StopError,
)
from generators.seeding import derive_seed
from generators.sizes import Size

MAX_WAIT_S = 120.0
"""Seconds: the longest pause before another try, whatever the generator asks for."""

_MAX_STRAYS = 20


class Sink(Protocol):
    """Where results go. `put` returns when the result is kept for good; what it raises ends the run."""

    def done_keys(self) -> Collection[str]:
        """Keys of requests that are answered already; they are not asked again."""
        ...

    def put(self, request: ImageRequest, result: ImageResult) -> None:
        """Keep the one result of a request. Its provenance holds `tries` where the generator was asked again."""
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is. `total`: requests; `skipped`: done before; `images` and `failures`: put so far."""

    total: int
    skipped: int
    images: int
    failures: int

    @property
    def done(self) -> int:
        """Requests that are answered, now or before."""
        return self.skipped + self.images + self.failures


@dataclass(slots=True)
class RunSummary:
    """What a run came to. `failures`: how many of each kind. `retried`: further tries that were made.

    `strays`: what the generator said that was no answer to any request (unknown keys, things that are no results),
    the first few, for its author. `cancelled`: whether it stopped before the last request;
    `short_of_money`: that this was since the plan could afford no more.
    """

    total: int
    skipped: int = 0
    images: int = 0
    failures: Counter[FailureKind] = field(default_factory=Counter)
    retried: int = 0
    strays: list[str] = field(default_factory=list)
    cancelled: bool = False
    short_of_money: bool = False

    @property
    def failed(self) -> int:
        """Requests that got no image."""
        return self.failures.total()


def content_key(
    spec_name: str,
    parameters: Mapping[str, ParameterValue],
    weights_fingerprint: str,
    size: int,
    run_seed: int,
    prompt_id: str,
    prompt: str,
    sample: int,
) -> str:
    """SHA-256 over all that an image depends on: equal keys, equal images (within the generator's tolerance).

    `size`: pixels, 0 where images keep their own.
    """
    identity = [spec_name, dict(parameters), weights_fingerprint, size, run_seed, prompt_id, prompt, sample]
    return hash_of(identity)


def make_requests(
    prompts: Sequence[tuple[str, str]],
    samples: int,
    *,
    spec_name: str,
    parameters: Mapping[str, ParameterValue],
    weights_fingerprint: str,
    size: int,
    run_seed: int,
) -> list[ImageRequest]:
    """Requests for every sample of every prompt, keyed by content, the samples of a prompt side by side.

    `prompts`: (prompt id, text).

    Raises:
        GeneratorError: fewer than one sample, an empty prompt, or a seed out of range.
    """
    if samples < 1:
        raise GeneratorError(f"{samples} samples a prompt: ask for 1 or more")
    derive_seed(run_seed, "", 0, "")  # refuses a seed out of range before anything is drawn
    requests = []
    for prompt_id, prompt in prompts:
        if not prompt.strip():
            raise GeneratorError(f"prompt {prompt_id} is empty")
        for sample in range(samples):
            key = content_key(spec_name, parameters, weights_fingerprint, size, run_seed, prompt_id, prompt, sample)
            requests.append(ImageRequest(key, prompt_id, prompt, sample, run_seed))
    return requests


@dataclass(frozen=True, slots=True)
class RunPlan:
    """How a generator is asked.

    `chunk`: requests a call, `generator.batch_size` when None. `retries`: further tries of a failure that may pass;
    after a call that raised, each request goes alone, so that one that poisons its batch harms no other. `backoff`:
    seconds before the first further try, doubled each time; a generator's own `retry_after_s` counts where longer.
    `cancelled`: asked between calls and while waiting; what is under way is then put, failures that may pass are left
    undone for the next run. `on_progress`: called after each result. `wait`: sleeps; tests pass their own.
    `interrupts`: exceptions that are the caller's and no fault of the generator: what it answered before is put, and
    the exception goes on. `affordable`: how many of the next requests may be asked; with none the run stops. `size`:
    that was asked for; an image of another one is a failure.
    """

    chunk: int | None = None
    retries: int = 2
    backoff: float = 1.0
    cancelled: Callable[[], bool] = lambda: False
    on_progress: Callable[[Progress], None] = lambda progress: None
    wait: Callable[[float], None] = time.sleep
    interrupts: tuple[type[BaseException], ...] = ()
    affordable: Callable[[int], int] = lambda n_images: n_images
    size: Size | None = None


def run(generator: Generator, requests: Sequence[ImageRequest], sink: Sink, plan: RunPlan | None = None) -> RunSummary:
    """Ask `generator` for every request that `sink` does not have, and put one result for each.

    Raises:
        GeneratorError: two requests have one key, or the plan's `chunk` or `retries` are out of range.
        StopError: the generator said that it can't go on; what it answered before is put.
        Whatever `sink.put` raises, and the plan's `interrupts`.
    """
    plan = plan or RunPlan()
    size = generator.batch_size if plan.chunk is None else plan.chunk
    if size < 1 or plan.retries < 0:
        raise GeneratorError(f"a chunk has 1 request or more and retries are 0 or more, not {size} and {plan.retries}")
    doubled = [key for key, count in Counter(request.key for request in requests).items() if count > 1]
    if doubled:
        raise GeneratorError(f"{len(doubled)} keys stand for more than one request, the first {doubled[0]!r}")
    known = frozenset(sink.done_keys())
    todo = [request for request in requests if request.key not in known]
    summary = RunSummary(total=len(requests), skipped=len(requests) - len(todo))

    def put(request: ImageRequest, result: ImageResult, tries: int) -> None:
        if tries > 1:
            result = replace(result, provenance={**result.provenance, "tries": tries})
        sink.put(request, result)
        if result.failure is None:
            summary.images += 1
        else:
            summary.failures[result.failure.kind] += 1
        plan.on_progress(Progress(summary.total, summary.skipped, summary.images, summary.failed))

    plan.on_progress(Progress(summary.total, summary.skipped, 0, 0))
    start = 0
    while start < len(todo) and not plan.cancelled():
        chunk = todo[start : start + size]
        chunk = chunk[: plan.affordable(len(chunk))]
        if not chunk:
            summary.short_of_money = True
            break
        _run_chunk(generator, chunk, put, plan, summary)
        start += len(chunk)
    summary.cancelled = summary.skipped + summary.images + summary.failed < summary.total
    return summary


def _run_chunk(
    generator: Generator,
    requests: Sequence[ImageRequest],
    put: Callable[[ImageRequest, ImageResult, int], None],
    plan: RunPlan,
    summary: RunSummary,
) -> None:
    pending, alone = list(requests), False
    for tries in range(1, plan.retries + 2):
        again: list[ImageRequest] = []
        longest = 0.0
        raised = False
        for group in [[request] for request in pending] if alone else [pending]:
            if tries > 1 and plan.cancelled():
                return
            results, error = _ask(generator, group, summary, plan.size)
            raised = raised or error is not None
            if isinstance(error, (StopError, *plan.interrupts)):
                for request in group:
                    if request.key in results:
                        put(request, results[request.key], tries)
                raise cast(BaseException, error)
            for request in group:
                result = results.get(request.key) or _unanswered(request, error)
                if result.failure is not None and result.failure.kind.retryable and tries <= plan.retries:
                    again.append(request)
                    longest = max(longest, result.failure.retry_after_s or 0.0)
                else:
                    put(request, result, tries)
        if not again:
            return
        pause = min(MAX_WAIT_S, max(longest, plan.backoff * 2 ** (tries - 1)))
        if not _pause(pause, plan.cancelled, plan.wait):
            return
        summary.retried += len(again)
        pending, alone = again, alone or raised


def _ask(
    generator: Generator, requests: Sequence[ImageRequest], summary: RunSummary, size: Size | None
) -> tuple[dict[str, ImageResult], BaseException | None]:
    """One call: at most one result for each request, by its key, and what the call raised."""
    wanted = {request.key for request in requests}
    answers: dict[str, list[ImageResult]] = {}
    error: BaseException | None = None
    try:
        for result in _results(generator, requests):
            if not isinstance(result, ImageResult):
                _stray(summary, f"a {type(result).__name__} where an ImageResult belongs")
            elif result.key not in wanted:
                _stray(summary, f"an answer to the unknown key {result.key!r}")
            else:
                answers.setdefault(result.key, []).append(_of_size(_kept(result), size))
    except (Exception, SystemExit) as caught:  # a generator's trouble is a result, whatever it is
        error = caught
    return {key: _one_answer(key, given) for key, given in answers.items()}, error


def _one_answer(key: str, given: list[ImageResult]) -> ImageResult:
    if len(given) == 1:
        return given[0]
    message = f"the generator answered this request {len(given)} times; which answer it means can't be told"
    return ImageResult(key, failure=Failure(FailureKind.INVALID, message))


def _unanswered(request: ImageRequest, error: BaseException | None) -> ImageResult:
    if error is not None:
        message = f"the generator raised {_one_line(error)}"
    else:
        message = "the generator gave no answer to this request"
    return ImageResult(request.key, failure=Failure(FailureKind.CRASH, message))


def close(generator: Generator) -> str:
    """End a generator; what it raised, for its author, "" where it closed: its images are there in any case."""
    try:
        generator.close()
    except Exception as error:
        return _one_line(error)
    return ""


def _of_size(result: ImageResult, size: Size | None) -> ImageResult:
    if result.image is None or size is None:
        return result
    height, width, _ = result.image.shape
    if (there := Size(width, height)) == size:
        return result
    message = f"the image has {there} pixels where {size} were asked for"
    return replace(result, image=None, failure=Failure(FailureKind.INVALID, message))


def _kept(result: ImageResult) -> ImageResult:
    """`result` as a sink can keep it: pixels of its own, and texts and provenance that JSON can hold."""
    seconds, failure = result.seconds, result.failure
    if failure is not None:
        failure = replace(failure, message=cleaned(" ".join(str(failure.message).split()), MESSAGE))
    return replace(
        result,
        failure=failure,
        image=None if result.image is None else result.image.copy(),  # the generator may use its buffer again
        seconds=float(seconds) if isinstance(seconds, (int, float)) and math.isfinite(seconds) else None,
        provenance={_text(name): _scalar(value) for name, value in result.provenance.items()},
    )


def _scalar(value: object) -> ParameterValue:
    if isinstance(value, (bool, int)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return _text(value)


def _text(value: object) -> str:
    return str(storable(str(value)))


def _results(generator: Generator, requests: Sequence[ImageRequest]) -> Iterator[object]:
    """What the generator says, as objects: it may not keep its contract."""
    iterator: Iterator[object] = iter(generator.generate(requests))
    yield from iterator


def _pause(seconds: float, cancelled: Callable[[], bool], wait: Callable[[float], None]) -> bool:
    """Wait in short steps; False when cancelled meanwhile."""
    left = seconds
    while left > 0:
        if cancelled():
            return False
        step = min(left, 0.5)
        wait(step)
        left -= step
    return not cancelled()


def _stray(summary: RunSummary, message: str) -> None:
    if len(summary.strays) < _MAX_STRAYS:
        summary.strays.append(message)


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    text = text if len(text) <= 300 else text[:299] + "\N{HORIZONTAL ELLIPSIS}"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
