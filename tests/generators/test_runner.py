"""One result for each request, whatever a generator does; retries, waits, cancelling and resuming."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators import runner
from generators.contract import Failure, FailureKind, Generator, GeneratorError, ImageRequest, ImageResult
from generators.runner import MAX_WAIT_S, Progress, RunPlan, RunSummary, content_key, make_requests
from tests.generators.colours import Colours, requests


class Memory:
    """A sink that remembers."""

    def __init__(self, done: Sequence[str] = ()) -> None:
        self.before = set(done)
        self.results: dict[str, ImageResult] = {}

    def done_keys(self) -> set[str]:
        """Those put, here and before."""
        return self.before | set(self.results)

    def put(self, request: ImageRequest, result: ImageResult) -> None:
        """Keep; twice is a fault of the runner."""
        assert request.key == result.key and request.key not in self.done_keys()
        self.results[request.key] = result

    def kinds(self) -> Counter[str]:
        """How many images and failures of each kind."""
        return Counter(
            "image" if result.failure is None else str(result.failure.kind) for result in self.results.values()
        )


class Odd(Colours):
    """Says what a function makes of the right results."""

    def __init__(self, twist: Callable[[list[ImageResult], int], Iterator[object]]) -> None:
        super().__init__()
        self.twist = twist

    def generate(self, requests: Sequence[ImageRequest]) -> Iterator[ImageResult]:
        """The twisted results."""
        right = list(super().generate(requests))
        return cast(Iterator[ImageResult], self.twist(right, len(self.asked)))


def run(generator: Generator, asked: Sequence[ImageRequest], sink: runner.Sink, **plan: Any) -> RunSummary:
    """As the runner does it, by the plan given."""
    return runner.run(generator, asked, sink, RunPlan(**plan))


def no_wait(seconds: float) -> None:
    """Wait for nothing."""


def test_every_request_is_answered_in_chunks() -> None:
    generator, sink = Colours(), Memory()
    seen: list[Progress] = []
    summary = run(generator, requests(3, 3), sink, chunk=4, on_progress=seen.append, wait=no_wait)
    assert [len(keys) for keys in generator.asked] == [4, 4, 1]
    assert (summary.total, summary.images, summary.failed, summary.retried, summary.cancelled) == (9, 9, 0, 0, False)
    assert list(sink.results) == [request.key for request in requests(3, 3)]
    assert seen[0] == Progress(9, 0, 0, 0) and seen[-1] == Progress(9, 0, 9, 0) and seen[-1].done == 9
    assert generator.batch_size == 4
    run(generator, requests(3, 3), Memory(), wait=no_wait)
    assert [len(keys) for keys in generator.asked[3:]] == [4, 4, 1]


def test_what_is_done_is_not_asked_again() -> None:
    asked = requests(2, 2)
    sink = Memory(done=[asked[1].key, asked[2].key, "a stranger"])
    summary = run(Colours(), asked, sink, wait=no_wait)
    assert (summary.skipped, summary.images, summary.cancelled) == (2, 2, False)
    assert set(sink.results) == {asked[0].key, asked[3].key}
    assert run(Colours(), [], Memory()).total == 0


def test_an_answer_given_twice_is_invalid() -> None:
    def twist(right: list[ImageResult], call: int) -> Iterator[object]:
        yield from right
        yield right[0]

    sink = Memory()
    summary = run(Odd(twist), requests(1, 3), sink, wait=no_wait)
    failure = sink.results["00000/0"].failure
    assert failure is not None and failure.kind is FailureKind.INVALID and "2 times" in failure.message
    assert sink.kinds() == {"image": 2, "invalid": 1} and summary.retried == 0


def test_an_answer_that_stays_away_is_asked_for_again_and_then_a_crash() -> None:
    def twist(right: list[ImageResult], call: int) -> Iterator[object]:
        yield from right[1:]

    sink = Memory()
    summary = run(Odd(twist), requests(1, 3), sink, retries=1, wait=no_wait)
    # Asked again, the second request is the first of two and stays away as well.
    assert sink.kinds() == {"image": 2, "crash": 1} and summary.retried == 1
    failure = sink.results["00000/0"].failure
    assert failure is not None and failure.message == "the generator gave no answer to this request"
    assert sink.results["00000/0"].provenance["tries"] == 2


def test_unknown_keys_and_nonsense_are_strays() -> None:
    def twist(right: list[ImageResult], call: int) -> Iterator[object]:
        yield None
        yield {"key": right[0].key}
        yield replace(right[0], key="unknown")
        yield from right

    sink = Memory()
    summary = run(Odd(twist), requests(1, 2), sink, wait=no_wait)
    assert sink.kinds() == {"image": 2}
    assert summary.strays == [
        "a NoneType where an ImageResult belongs",
        "a dict where an ImageResult belongs",
        "an answer to the unknown key 'unknown'",
    ]


def test_raising_half_way_keeps_what_came_and_then_isolates_the_culprit() -> None:
    class Poisoned(Colours):
        def generate(self, requests: Sequence[ImageRequest]) -> Iterator[ImageResult]:
            for result in super().generate(requests):
                if result.key == "00000/2":
                    raise RuntimeError("out of\nmemory")
                yield result

    generator, sink = Poisoned(), Memory()
    summary = run(generator, requests(1, 4), sink, retries=2, wait=no_wait)
    assert sink.kinds() == {"image": 3, "crash": 1}
    failure = sink.results["00000/2"].failure
    assert failure is not None and failure.message == "the generator raised RuntimeError: out of memory"
    # First all four together; 2 and 3 had no answer and went alone; then 2 alone once more.
    assert generator.asked == [[f"00000/{n}" for n in range(4)], ["00000/2"], ["00000/3"], ["00000/2"]]
    assert summary.retried == 3


@pytest.mark.parametrize("nothing", [None, 3])
def test_a_generator_that_gives_no_results_at_all(nothing: object) -> None:
    sink = Memory()
    run(Odd(lambda right, call: cast(Iterator[object], nothing)), requests(1, 2), sink, retries=0, wait=no_wait)
    assert sink.kinds() == {"crash": 2}


def test_what_may_pass_is_tried_again_and_what_may_not_is_not() -> None:
    def twist(right: list[ImageResult], call: int) -> Iterator[object]:
        for result in right:
            sample = int(result.key[-1])
            kind = list(FailureKind)[sample]
            yield result if call == 3 else ImageResult(result.key, failure=Failure(kind, "no"))

    waits: list[float] = []
    sink, generator = Memory(), Odd(twist)
    summary = run(generator, requests(1, 6), sink, chunk=6, retries=2, backoff=0.25, wait=waits.append)
    assert sink.kinds() == {"image": 3, "refused": 1, "filtered": 1, "invalid": 1}
    assert [len(keys) for keys in generator.asked] == [6, 3, 3]
    assert waits == [0.25, 0.5] and summary.retried == 6
    assert sum(summary.failures.values()) == summary.failed == 3


@pytest.mark.parametrize(("asked_s", "waited"), [(0.1, 1.0), (7.0, 7.0), (10_000.0, MAX_WAIT_S)])
def test_a_generators_own_wait_counts_where_longer(asked_s: float, waited: float) -> None:
    def twist(right: list[ImageResult], call: int) -> Iterator[object]:
        failure = Failure(FailureKind.RATE_LIMITED, "slow down", retry_after_s=asked_s)
        yield from [ImageResult(right[0].key, failure=failure)] if call == 1 else right

    waits: list[float] = []
    run(Odd(twist), requests(1, 1), Memory(), backoff=1.0, wait=waits.append)
    assert sum(waits) == pytest.approx(waited) and max(waits) <= 0.5


def test_cancelling_stops_between_chunks_and_the_next_run_goes_on() -> None:
    sink = Memory()
    summary = run(Colours(), requests(3, 2), sink, chunk=2, cancelled=lambda: len(sink.results) >= 2, wait=no_wait)
    assert summary.cancelled and summary.images == 2
    summary = run(Colours(), requests(3, 2), sink, chunk=2, wait=no_wait)
    assert (summary.skipped, summary.images, summary.cancelled) == (2, 4, False)


def test_cancelling_while_waiting_leaves_what_may_pass_undone() -> None:
    def twist(right: list[ImageResult], call: int) -> Iterator[object]:
        yield ImageResult(right[0].key, failure=Failure(FailureKind.TIMEOUT, "late"))
        yield from right[1:]

    sink = Memory()
    waits: list[float] = []
    summary = run(Odd(twist), requests(1, 3), sink, cancelled=lambda: bool(waits), backoff=60, wait=waits.append)
    assert summary.cancelled and set(sink.results) == {"00000/1", "00000/2"} and len(waits) == 1


def test_a_buffer_that_is_used_again_does_not_change_what_was_kept() -> None:
    class Frugal(Colours):
        buffer = np.zeros((16, 16, 3), np.uint8)

        def generate(self, requests: Sequence[ImageRequest]) -> Iterator[ImageResult]:
            for request in requests:
                self.buffer[...] = self.image(request)
                yield ImageResult(request.key, self.buffer)

    sink = Memory()
    run(Frugal(), requests(2, 2), sink, wait=no_wait)
    for request in requests(2, 2):
        image = sink.results[request.key].image
        assert image is not None and np.array_equal(image, Colours().image(request))


def test_provenance_is_brought_to_what_json_holds() -> None:
    def twist(right: list[ImageResult], call: int) -> Iterator[object]:
        odd = {"steps": np.int64(3), "w": float("nan"), "ok": 1.5}
        yield replace(right[0], seconds=float("inf"), provenance=odd)  # type: ignore[arg-type]

    sink = Memory()
    run(Odd(twist), requests(1, 1), sink, wait=no_wait)
    assert sink.results["00000/0"].provenance == {"steps": "3", "w": "nan", "ok": 1.5}
    assert sink.results["00000/0"].seconds is None


def test_what_the_sink_raises_ends_the_run() -> None:
    class Full(Memory):
        def put(self, request: ImageRequest, result: ImageResult) -> None:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        run(Colours(), requests(2, 2), Full(), wait=no_wait)


def test_bad_arguments() -> None:
    with pytest.raises(GeneratorError, match="1 keys stand for more than one request"):
        run(Colours(), requests(1, 1) * 2, Memory())
    for chunk, retries in ((0, 1), (1, -1)):
        with pytest.raises(GeneratorError, match="1 request or more"):
            run(Colours(), requests(), Memory(), chunk=chunk, retries=retries)


SAYINGS = st.lists(st.one_of(st.integers(-1, 5), st.sampled_from(["raise", "none", "rate"])), max_size=12)


@given(st.lists(SAYINGS, min_size=1, max_size=6), st.integers(1, 6), st.integers(0, 3))
@settings(max_examples=200, deadline=None)
def test_whatever_it_says_no_request_is_lost_or_doubled(
    script: list[list[int | str]], chunk: int, retries: int
) -> None:
    calls = iter(script)

    class Liar(Colours):
        def generate(self, requests: Sequence[ImageRequest]) -> Iterator[ImageResult]:
            for saying in next(calls, ["none"]):
                if saying == "raise":
                    raise ValueError("no")
                if saying == "none":
                    yield cast(ImageResult, None)
                elif saying == "rate":
                    yield ImageResult(requests[0].key, failure=Failure(FailureKind.RATE_LIMITED, "wait"))
                else:
                    request = requests[int(saying) % len(requests)]
                    key = "stranger" if saying == -1 else request.key
                    yield ImageResult(key, self.image(request))

    sink, asked = Memory(), requests(3, 2)
    generator: Generator = Liar()
    summary = run(generator, asked, sink, chunk=chunk, retries=retries, wait=no_wait)
    assert set(sink.results) == {request.key for request in asked}
    assert summary.images + summary.failed == 6 and not summary.cancelled
    for request in asked:
        image = sink.results[request.key].image
        assert image is None or np.array_equal(image, Colours().image(request))


PARTS: tuple[Any, ...] = ("cascade", {"guidance": 5.0, "steps": 8}, "ab", 64, 7, "00003", "A red car.", 2)


def test_the_content_key_depends_on_each_part_and_not_on_order() -> None:
    key = content_key(*PARTS)
    assert len(key) == 64 and key == content_key("cascade", {"steps": 8, "guidance": 5.0}, *PARTS[2:])
    changed = ("folder", {"guidance": 5.1, "steps": 8}, "ac", 256, 8, "00004", "A red car", 3)
    variants: list[list[Any]] = [[*PARTS[:at], changed[at], *PARTS[at + 1 :]] for at in range(8)]
    others = {content_key(*variant) for variant in variants}
    assert len(others | {key}) == 9


def test_requests_are_made_prompt_by_prompt() -> None:
    made = make_requests(
        [("00000", "a"), ("00007", "b")], 2, spec_name="x", parameters={}, weights_fingerprint="", size=64, run_seed=3
    )
    assert [(request.prompt_id, request.sample, request.run_seed) for request in made] == [
        ("00000", 0, 3),
        ("00000", 1, 3),
        ("00007", 0, 3),
        ("00007", 1, 3),
    ]
    assert len({request.key for request in made}) == 4
    for prompts, samples, seed, message in (
        ([("00000", "a")], 0, 3, "0 samples a prompt"),
        ([("00000", " ")], 1, 3, "prompt 00000 is empty"),
        ([("00000", "a")], 1, -3, "run seed -3"),
    ):
        with pytest.raises(GeneratorError, match=message):
            make_requests(
                prompts, samples, spec_name="x", parameters={}, weights_fingerprint="", size=64, run_seed=seed
            )


class Rang(Exception):
    """A limit of the caller's."""


def test_what_interrupts_the_caller_is_no_fault_of_the_generator_and_goes_on() -> None:
    def twist(right: list[ImageResult], call: int) -> Iterator[object]:
        yield right[0]
        raise Rang

    sink = Memory()
    with pytest.raises(Rang):
        run(Odd(twist), requests(1, 3), sink, wait=no_wait, interrupts=(Rang,))
    assert sink.kinds() == {"image": 1}, "what was answered before is kept, and the rest is neither image nor failure"
    assert run(Odd(twist), requests(1, 3), Memory(), retries=0, wait=no_wait).failures == {FailureKind.CRASH: 2}
