"""Little memory: a stage at a time, smaller micro-batches, and in the end a plain word; the images stay the same."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from generators.cascade import generator as generator_module
from generators.cascade import memory, pipeline
from generators.cascade.blocks import TextStates
from generators.cascade.generator import CascadeGenerator, load_cascade
from generators.cascade.memory import first_line, free_bytes, is_out_of_memory
from generators.cascade.pipeline import Cascade, Settings
from generators.cascade.spec import SPEC
from generators.cascade.stage import LoadedStage
from generators.contract import FailureKind, ImageRequest, ImageResult

QUICK = {"steps": 2, "sr_steps": 1}
ASKED = [ImageRequest(str(index), f"{index:05d}", "a red apple", 0, 0) for index in range(5)]


def load(size: int = 256, given: Mapping[str, object] | None = None) -> CascadeGenerator:
    return load_cascade(SPEC.resolve({**QUICK, **(given or {})}), size=size, device="cpu")


def drawn(made: CascadeGenerator, asked: Sequence[ImageRequest] = ASKED) -> dict[str, ImageResult]:
    return {result.key: result for result in made.generate(asked)}


def image(result: ImageResult) -> NDArray[np.uint8]:
    assert result.image is not None, result.failure
    return result.image


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """How many micro-batches there are depends on the threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def wanted(one_thread: None) -> dict[str, NDArray[np.uint8]]:
    """The images with all the memory that there is."""
    return {key: image(result) for key, result in drawn(load()).items()}


@pytest.fixture(scope="module")
def wanted_64(one_thread: None) -> dict[str, NDArray[np.uint8]]:
    """The same of the base stage alone."""
    return {key: image(result) for key, result in drawn(load(64)).items()}


def assert_same(found: dict[str, ImageResult], wanted: dict[str, NDArray[np.uint8]]) -> None:
    """Within the tolerance that the generator declares: the batches were others."""
    for key, result in found.items():
        assert np.abs(image(result).astype(int) - wanted[key].astype(int)).max() <= 2


class Short:
    """`Cascade._sample` on a machine that holds no more than `most` images, and `stages` stages, at a time."""

    def __init__(self, most: int, error: BaseException, stages: int = 3) -> None:
        self.most = most
        self.error = error
        self.stages = stages
        self.tried: list[tuple[str, int]] = []
        self.real = Cascade._sample

    def __call__(
        self,
        cascade: Cascade,
        stage: LoadedStage,
        requests: Sequence[ImageRequest],
        text: TextStates,
        settings: Settings,
        images: Tensor | None,
    ) -> Tensor:
        self.tried.append((stage.config.name, len(requests)))
        if len(requests) > self.most or len(cascade.stages) > self.stages:
            raise self.error
        return self.real(cascade, stage, requests, text, settings, images)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> "Short":
        monkeypatch.setattr(Cascade, "_sample", lambda *arguments: self(*arguments))
        return self


ERRORS = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: 12 bytes"),
    RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 268435456 bytes."),
    MemoryError("Unable to allocate 2.00 GiB for an array"),
]


@pytest.mark.parametrize(("error", "size"), [(ERRORS[0], 256), *((error, 64) for error in ERRORS[1:])])
def test_micro_batches_shrink_until_they_fit_and_stay_small(
    error: BaseException,
    size: int,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Over all stages by one error; that the others are told for what they are shows in the first stage."""
    wanted = request.getfixturevalue("wanted" if size == 256 else "wanted_64")
    made, short = load(size), Short(2, error).install(monkeypatch)
    found = drawn(made)
    assert_same(found, wanted)
    assert max(count for _, count in short.tried[-3:]) <= 2
    stages = ("base", "sr256") if size == 256 else ("base",)
    assert all("since memory ran out" in str(found["4"].provenance[f"micro_batch_{name}"]) for name in stages)
    assert any("out of memory" in line for line in caplog.messages)
    before = len(short.tried)
    assert_same(drawn(made), wanted)
    assert all(count <= 2 for _, count in short.tried[before:])  # not tried again in vain


def test_then_one_stage_at_a_time(wanted: dict[str, NDArray[np.uint8]], monkeypatch: pytest.MonkeyPatch) -> None:
    made = load()
    Short(1, ERRORS[0], stages=1).install(monkeypatch)
    found = drawn(made, ASKED[:2])
    assert_same(found, wanted)
    assert "one stage in memory at a time" in str(found["1"].provenance["memory_note"])
    assert len(made._cascade.stages) == 1


def test_no_memory_for_one_image_is_a_failure_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    made = load(64)
    Short(0, ERRORS[2]).install(monkeypatch)
    failure = drawn(made, ASKED[:1])["0"].failure
    assert failure is not None and failure.kind == FailureKind.CRASH
    assert "not enough memory on cpu for stage base with one image at a time" in failure.message
    assert "smaller size" in failure.message


def test_other_errors_are_not_taken_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    made, short = load(64), Short(0, RuntimeError("shape mismatch")).install(monkeypatch)
    failure = drawn(made, ASKED[:4])["0"].failure
    assert failure is not None and failure.message == "RuntimeError: shape mismatch"
    assert len({count for _, count in short.tried}) == 1
    assert not is_out_of_memory(ValueError("out of memory"))


def test_asked_to_hold_one_stage_at_a_time(wanted: dict[str, NDArray[np.uint8]]) -> None:
    made = load(given={"memory": "one"})
    assert made.batch_size >= 32 and not made._cascade.stages
    assert made.info.provenance["stages_in_memory"] == "one at a time"
    assert_same(drawn(made), wanted)
    assert list(made._cascade.stages) == ["sr256"] and not made._encoder.loaded


@pytest.mark.parametrize(("free", "at_once"), [(10**12, True), (10**6, False)])
def test_memory_decides_by_itself(free: int, monkeypatch: pytest.MonkeyPatch, *, at_once: bool) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda device: free)
    assert load(64)._cascade.at_once is at_once
    assert load(64, {"memory": "all"})._cascade.at_once


def test_a_containers_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_GROUP", tmp_path)
    unlimited = free_bytes("cpu")
    assert unlimited > 10**6
    (tmp_path / "memory.current").write_text("4000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert free_bytes("cpu") > 10**6
    (tmp_path / "memory.max").write_text("5000\n")
    assert free_bytes("cpu") == 1000


def test_an_error_in_one_line() -> None:
    assert first_line(RuntimeError("one\ntwo")) == "RuntimeError: one"
    assert first_line(MemoryError()) == "MemoryError: no message"


def test_a_large_network_is_built_without_initialising_it(
    wanted: dict[str, NDArray[np.uint8]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("generators.cascade.checkpoint.LARGE", 0)
    assert_same(drawn(load(), ASKED[:1]), wanted)


def test_all_threads_draw_and_the_setting_comes_back(
    wanted: dict[str, NDArray[np.uint8]], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        made = load()
        assert made.batch_size == 3 * pipeline.MICRO_BATCH[256]
        short = Short(99, ERRORS[0]).install(monkeypatch)
        assert_same(drawn(made), wanted)
        assert sorted(short.tried) == [("base", 1), ("base", 2), ("base", 2), ("sr256", 1), ("sr256", 2), ("sr256", 2)]
        assert torch.get_num_threads() == 3
        inside: list[int] = []

        def look(*arguments: object) -> NDArray[np.uint8]:
            inside.append(torch.get_num_threads())
            return np.zeros((1, 256, 256, 3), np.uint8)

        monkeypatch.setattr(Cascade, "draw", look)
        drawn(made, ASKED[:1])  # alone: its network has too little work to share
        assert inside == [1] and torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("count", "threads", "sizes"), [(5, 1, [4, 1]), (5, 2, [3, 2]), (9, 2, [4, 4, 1]), (1, 4, [1])]
)
def test_shares(count: int, threads: int, sizes: list[int]) -> None:
    asked = (ASKED * 2)[:count]
    assert [len(share) for share in generator_module.shares(asked, 4, threads)] == sizes
