"""The road over a GPU, on a machine that has none: the same calls in the same order, with its few own calls put in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from evaluation.metrics.features import parts, pipeline
from evaluation.metrics.features.extractor import Extractor
from evaluation.metrics.features.pipeline import Division, folder_statistics
from evaluation.metrics.features.protocols import PROTOCOLS
from tests.metrics.pictures import pictures
from tests.metrics.projection import projection

DEFAULT = PROTOCOLS["imagen-full"]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked of the GPU, in order. Transfers stay on the CPU."""
    made: list[str] = []
    really_to, really_empty = torch.Tensor.to, torch.empty

    def to(self: torch.Tensor, *arguments: Any, **named: Any) -> torch.Tensor:
        if arguments and isinstance(arguments[0], torch.device) and arguments[0].type == "cuda":
            made.append(f"to {str(self.dtype).removeprefix('torch.')}")
            return self
        return really_to(self, *arguments, **named)

    def empty(*arguments: Any, pin_memory: bool = False, **named: Any) -> torch.Tensor:
        return really_empty(*arguments, **named)

    class Event:
        def record(self, stream: object) -> None:
            made.append("record")

        def synchronize(self) -> None:
            made.append("wait")

    def pin(self: torch.Tensor) -> torch.Tensor:
        made.append("pin")
        return self

    monkeypatch.setattr(torch.Tensor, "to", to)
    monkeypatch.setattr(torch.Tensor, "pin_memory", pin)
    monkeypatch.setattr(torch, "empty", empty)
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: None)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a GPU")
    return made


@pytest.mark.filterwarnings("ignore:.*CUDA is not available")
def test_the_next_batch_is_under_way_before_the_last_is_waited_for(
    tmp_path: Path, calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "GPU_BATCH", 16)
    folder, on_cpu = pictures(tmp_path / "a", 40), projection()
    on_gpu: Extractor = replace(on_cpu, device=torch.device("cuda:0"))
    found = folder_statistics(folder, on_gpu, DEFAULT, Division(groups=2), cache=tmp_path / "cache", workers=1).total()
    # Bytes cross to the GPU, not floats; its result is fetched one batch late.
    started = ["pin", "to uint8", "to uint8", "record"]
    assert calls == [*started, *started, "wait", *started, "wait", "wait"]
    expected = folder_statistics(folder, on_cpu, DEFAULT, Division(groups=2), workers=1).total()
    np.testing.assert_allclose(found.scatter, expected.scatter, rtol=1e-5)
    assert parts.GPU_BATCH % parts.BATCH == 0
    assert pipeline.SHARD % parts.GPU_BATCH == 0


def test_statistics_of_another_device_are_others(tmp_path: Path, calls: list[str]) -> None:
    folder, on_cpu = pictures(tmp_path / "a", 6), projection()
    folder_statistics(folder, on_cpu, DEFAULT, cache=tmp_path / "cache")
    folder_statistics(folder, replace(on_cpu, device=torch.device("cuda")), DEFAULT, cache=tmp_path / "cache")
    assert len(list((tmp_path / "cache").glob("*.npz"))) == 2


@pytest.mark.parametrize("precision", ["tf32", "bfloat16", "float16"])
def test_precisions_differ_no_more_than_they_should(tmp_path: Path, precision: Any) -> None:
    folder, extractor = pictures(tmp_path / "a", 4), projection()
    exact, other = (
        folder_statistics(folder, extractor, replace(DEFAULT, precision=p)).total().mean for p in ("float32", precision)
    )
    gap = float(np.abs(exact - other).max() / np.abs(exact).max())
    assert gap == 0 if precision == "tf32" else 0 < gap < 0.02
    assert not torch.backends.cuda.matmul.allow_tf32
