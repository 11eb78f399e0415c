"""Memory that is kept where torch computes: fewer page faults, and given back when it is let go for good."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from common import allocator
from common.allocator import keep_freed_memory, return_freed_memory
from tests.house.repository import CHECKOUT, read

WORK = """
import resource, sys
from common.allocator import keep_freed_memory, return_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory() and keep_freed_memory()
import numpy as np
np.ones(80 << 20, dtype=np.uint8)  # what the first touch costs is up to the system's free pages
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    np.ones(80 << 20, dtype=np.uint8)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
resident = lambda: int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
held = [np.ones(8 << 20, dtype=np.uint8) for _ in range(20)]
last = np.ones(1 << 20, dtype=np.uint8)  # lies above what is freed, so that it can't simply be cut off
full = resident()
del held
return_freed_memory()
print(full - resident())
"""


def _work(how: str) -> tuple[int, int]:
    command = [sys.executable, "-c", WORK, how]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout.split()
    return int(done[0]), int(done[1])


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's own")
def test_blocks_used_again_and_again_fault_once() -> None:
    """Twenty blocks of 80 MB: as glibc comes, each is mapped anew."""
    kept, plain = _work("kept"), _work("plain")
    assert kept[0] < plain[0] / 5
    assert kept[1] > 100 << 20  # what was held beneath a living block went back


@pytest.mark.parametrize("library", ["", "musl"])
def test_elsewhere_nothing_is_done(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: (library, ""))
    allocator._glibc.cache_clear()
    try:
        assert keep_freed_memory() is False and return_freed_memory() is False
    finally:
        allocator._glibc.cache_clear()


CALLERS = (
    "generators/registry.py",
    "generators/training/distributed.py",
    "generators/training/fitting.py",
    "evaluation/metrics/registry.py",
    "evaluation/metrics/features/extractors.py",
)
"""The roads by which drawing, training and metrics reach torch."""


@pytest.mark.parametrize("path", CALLERS)
def test_every_road_to_torch_sets_it(path: str) -> None:
    assert "keep_freed_memory()" in read(Path(path))
