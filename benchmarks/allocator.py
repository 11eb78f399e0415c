"""What page faults cost where torch computes on a CPU, with glibc as it comes and as `common.allocator` sets it.

    python -m benchmarks.allocator [--rounds 3]

Each task runs in a process of its own, on one thread. Processor seconds and page faults are those of the work alone,
without loading; the least of the rounds counts. Memory is the whole process's peak.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

from common.allocator import keep_freed_memory
from common.commands import SUCCESS, refuse_repeated, run_command
from common.places import CHECKOUT

TASKS = {
    "lite0": "EfficientNet-Lite0 features of 640 images",
    "draw": "24 images at 64x64, drawn by the bundled cascade",
    "inception": "Inception features of 96 images, random weights",
}


def main(arguments: Sequence[str]) -> int:
    """Measure and print; docs/deployment.md has the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.allocator", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", choices=tuple(TASKS), help=argparse.SUPPRESS)
    parser.add_argument("--kept", action="store_true", help=argparse.SUPPRESS)
    options = refuse_repeated(parser).parse_args(arguments)
    if options.one:
        print(*_measured(options.one, kept=options.kept))
        return SUCCESS
    rows = [
        "| task | glibc as it comes: CPU-s, page faults, peak | memory kept: CPU-s, page faults, peak |",
        "|---|---|---|",
    ]
    for name, title in TASKS.items():
        rounds: dict[bool, list[tuple[float, ...]]] = {False: [], True: []}
        for _ in range(options.rounds):
            for kept, found in rounds.items():  # in turn, so that the machine's other work meets both alike
                found.append(_in_a_process(name, kept=kept))
        cells = [" | ".join(_cell(min(rounds[kept])) for kept in (False, True))]
        rows.append(f"| {title} | {cells[0]} |")
        print(rows[-1], flush=True)
    return SUCCESS


def _cell(found: tuple[float, ...]) -> str:
    seconds, faults, megabytes = found
    return f"{seconds:.1f}, {faults / 1000:,.0f} thousand, {megabytes:,.0f} MB"


def _in_a_process(name: str, *, kept: bool) -> tuple[float, ...]:
    command = [sys.executable, "-m", "benchmarks.allocator", "--one", name, *(["--kept"] if kept else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=CHECKOUT)
    return tuple(float(word) for word in done.stdout.split()[-3:])


def _measured(name: str, *, kept: bool) -> tuple[float, int, float]:
    import torch

    torch.set_num_threads(1)
    work = {"lite0": _lite0, "draw": _draw, "inception": _inception}[name]()
    if not kept:
        _as_it_comes()
    elif not keep_freed_memory():
        raise SystemExit("this machine has no glibc: there is nothing to compare")
    before = resource.getrusage(resource.RUSAGE_SELF)
    work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, after.ru_minflt - before.ru_minflt, after.ru_maxrss / 1024


def _as_it_comes() -> None:
    """glibc's own values again, for loading has set ours. (It would adapt its threshold itself, up to 32 MB.)"""
    import ctypes

    library: Any = ctypes.CDLL(None)
    library.mallopt(-4, 65536)
    library.mallopt(-3, 32 << 20)
    library.mallopt(-1, 64 << 20)


def _pictures(count: int) -> list[Any]:
    import numpy as np

    return [np.random.default_rng(i).integers(0, 256, (256, 256, 3), dtype=np.uint8) for i in range(count)]


def _lite0() -> Callable[[], None]:
    from evaluation.metrics.features.extractors import load_extractor
    from evaluation.metrics.features.protocols import PROTOCOLS

    extractor, images = load_extractor("efficientnet-lite0", device="cpu"), _pictures(32)

    def work() -> None:
        for _ in range(20):
            extractor.features_of(images, PROTOCOLS["imagen-full"])

    return work


def _inception() -> Callable[[], None]:
    import torch

    from evaluation.metrics.features.extractor import Extractor, prepare_module
    from evaluation.metrics.features.extractors import EXTRACTORS
    from evaluation.metrics.features.inception import FIDInception
    from evaluation.metrics.features.protocols import PROTOCOLS

    torch.manual_seed(0)
    extractor = Extractor(EXTRACTORS["inception"], prepare_module(FIDInception()), torch.device("cpu"))
    images = _pictures(32)

    def work() -> None:
        for _ in range(3):
            extractor.features_of(images, PROTOCOLS["imagen-full"])

    return work


def _draw() -> Callable[[], None]:
    from generators import registry
    from generators.runner import make_requests

    generator = registry.load("cascade", {}, size=64, device="cpu")
    prompts = [
        (f"{number:05d}", text) for number, text in enumerate(("A red car.", "Two black cats.", "A green apple."))
    ]
    requests = make_requests(
        prompts, 8, spec_name="cascade", parameters={}, weights_fingerprint="", size=64, run_seed=0
    )

    def work() -> None:
        for _ in generator.generate(requests):
            pass

    return work


if __name__ == "__main__":
    sys.exit(run_command(main))
