"""The Frechet distance beside its peers, all in one run: distance step, statistics step, folders of images, memory.

    python -m benchmarks.fid [--images 96] [--features 2048] [--rows 2000,20000,60000] [--device cuda] [--write]

Every task runs in a process of its own (so that its memory is its own) on one thread of arithmetic. All networks bear
the same random weights, so no download is needed; values are compared as well as times. The peers are those of
requirements-peers.txt, which `./dev test` installs beside .venv; one that is not there is named and left out. Ratios
matter, not seconds: the machine's other work moves all of them.

With `--device cuda` ours runs on the GPU; `stages` then says how near the whole comes to the slower of decoding and
forward.
"""

from __future__ import annotations

import argparse
import functools
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from benchmarks._fid_folders import (  # noqa: E402
    folders_clean_fid,
    folders_own,
    folders_pytorch_fid,
    folders_torch_fidelity,
    folders_torchmetrics,
    make_images,
    make_weights,
    memory_own,
    stage_decode,
    stage_forward,
    stage_whole,
    torch_fidelity,
)
from common.commands import SUCCESS, refuse_repeated  # noqa: E402
from common.pages import write_section  # noqa: E402
from common.places import DOCUMENTATION  # noqa: E402

PAGE = DOCUMENTATION / "fid.md"
START, END = "<!-- speed: written by benchmarks/fid.py -->", "<!-- end of speed -->"

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """`wall`, `cpu`: seconds, children included. `megabytes`: peak above what the process had before the task."""

    value: float
    wall: float
    cpu: float
    megabytes: float


# --- The distance step: two sets of statistics as FID has them ------------------------------------------------------


def covariances(features: int) -> tuple[Array, Array, Array]:
    """Two covariances of correlated features with variances over four decades, and a difference of means."""
    rng = np.random.default_rng(0)
    made = []
    for power in (1.0, 1.05):
        rows = rng.normal(size=(2 * features, features)) * np.logspace(0, -2, features) ** power
        rows = rows @ (np.eye(features) + rng.normal(size=(features, features)) / features**0.5 / 2)
        made.append(np.asarray(np.cov(rows.T)))
    return made[0], made[1], np.full(features, 0.01)


def distance_own(features: int) -> Iterator[Any]:
    from evaluation.metrics.frechet import frechet_distance

    first, second, shift = covariances(features)
    yield
    yield frechet_distance(np.zeros(features), first, shift, second)


def distance_torch_fidelity(features: int) -> Iterator[Any]:
    torch_fidelity()  # prepares
    from torch_fidelity.metric_fid import fid_statistics_to_metric

    first, second, shift = covariances(features)
    yield
    statistics = {"mu": np.zeros(features), "sigma": first}, {"mu": shift, "sigma": second}
    yield fid_statistics_to_metric(*statistics, False)["frechet_inception_distance"]


def distance_sqrtm(features: int) -> Iterator[Any]:
    """scipy.linalg.sqrtm of the product, as pytorch-fid, clean-fid and TTUR do."""
    from scipy.linalg import sqrtm

    first, second, shift = covariances(features)
    yield
    root = sqrtm(first @ second).real
    yield float(shift @ shift + np.trace(first) + np.trace(second) - 2 * np.trace(root))


# --- The statistics step: rows of features to mean and covariance --------------------------------------------------


def _batches(rows: int, features: int) -> Iterator[NDArray[np.float32]]:
    rng = np.random.default_rng(1)
    for start in range(0, rows, 50):
        yield rng.random((min(50, rows - start), features), dtype=np.float32)


def statistics_own(rows: int, features: int) -> Iterator[Any]:
    from evaluation.metrics.features.moments import MomentsBuilder

    yield
    builder = MomentsBuilder(features)
    for batch in _batches(rows, features):
        builder.add(batch)
    yield float(np.trace(builder.moments().covariance()))


def statistics_torch_fidelity(rows: int, features: int) -> Iterator[Any]:
    torch_fidelity()
    import torch
    from torch_fidelity.metric_fid import fid_features_to_statistics

    yield
    kept = torch.cat([torch.from_numpy(batch) for batch in _batches(rows, features)])
    yield float(np.trace(fid_features_to_statistics(kept)["sigma"]))


# --- Running ----------------------------------------------------------------------------------------------------------


def _child(task: Callable[..., Iterator[Any]], arguments: tuple[Any, ...], answer: Connection) -> None:
    import resource

    multiprocessing.set_start_method("fork", force=True)  # what peers' data loaders have by default
    try:
        steps = task(*arguments)
        next(steps)  # imports, input and weights are made
        before, memory = _times(), _status_megabytes("VmRSS")
        value = float(next(steps))
        wall, cpu = (after - start for after, start in zip(_times(), before, strict=True))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        answer.send(Measured(value, wall, cpu, peak - memory))
    except ImportError as error:
        answer.send(f"not installed ({error.name})")
    except Exception as error:
        answer.send(f"failed: {error}")


def _times() -> tuple[float, float]:
    import resource

    usages = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter(), sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _status_megabytes(name: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1024
    return 0.0


def measure(task: Callable[..., Iterator[Any]], *arguments: Any) -> Measured | str:
    """The task in a fresh process: what it took, or why there is nothing to tell."""
    context = multiprocessing.get_context("spawn")
    receive, send = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(task, arguments, send))
    process.start()
    send.close()
    try:
        found: Measured | str = receive.recv()
    except EOFError:
        found = "failed: the process died"
    process.join()
    return found


Contenders = dict[str, Callable[..., Iterator[Any]]]

DISTANCE: Contenders = {
    "own": distance_own,
    "torch-fidelity (eigenvalues)": distance_torch_fidelity,
    "scipy sqrtm (pytorch-fid, clean-fid)": distance_sqrtm,
}
STATISTICS: Contenders = {"own": statistics_own, "torch-fidelity": statistics_torch_fidelity}
FOLDERS: Contenders = {
    "own": folders_own,
    "torch-fidelity": folders_torch_fidelity,
    "torchmetrics (its resize)": folders_torchmetrics,
    "pytorch-fid (torch's resize)": folders_pytorch_fid,
    "clean-fid (its resize)": folders_clean_fid,
}
STAGES: Contenders = {"decoding alone": stage_decode, "forward alone": stage_forward, "whole": stage_whole}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="The Frechet distance beside its peers.")
    parser.add_argument("--images", type=int, default=96, help="images in each of two folders")
    parser.add_argument("--features", type=int, default=2048, help="features in the distance step")
    parser.add_argument("--rows", default="2000,20000,60000", help="rows in the statistics step, with commas")
    parser.add_argument("--memory", default="100,400,1600", help="images in our pipeline's memory table, with commas")
    parser.add_argument("--device", default="cpu", help="where ours runs: cpu or cuda; peers run on the CPU")
    parser.add_argument("--workers", type=int, default=2, help="decoding processes of the stages")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/fid.md")
    options = refuse_repeated(parser).parse_args(arguments)
    lines: list[str] = []

    def say(line: str) -> None:
        print(line, flush=True)
        lines.append(line)

    def table(contenders: Contenders, *given: Any, images: int = 1) -> None:
        per = " an image" if images > 1 else ""
        say(f"| who | value | wall{per} | CPU{per} | CPU against own | peak memory |")
        say("|---|---|---|---|---|---|")
        own: Measured | None = None
        for who, task in contenders.items():
            found = measure(task, *given)
            if isinstance(found, str):
                say(f"| {who} | {found} | | | | |")
                continue
            own = own or found
            say(
                f"| {who} | {found.value:.8g} | {_time(found.wall / images)} | {_time(found.cpu / images)} "
                f"| {found.cpu / own.cpu:.2f} x | {found.megabytes:.0f} MB |"
            )

    say(f"\nDistance step, {options.features} features:\n")
    table(DISTANCE, options.features)
    for rows in (int(part) for part in options.rows.split(",")):
        say(f"\nStatistics step, {rows:,} rows of {options.features} features (value: trace of the covariance):\n")
        table(STATISTICS, rows, options.features)
    with TemporaryDirectory() as name:
        folder = Path(name)
        make_images(folder, options.images)
        make_weights(folder / "random.pth")
        say(f"\nTwo folders of {options.images} PNGs of 256 x 256, FID's Inception with random weights, CPU:\n")
        table(FOLDERS, folder, folder / "random.pth", images=2 * options.images)
        if options.device != "cpu":
            say(f"\nThe same on {options.device}:\n")
            on_device: Contenders = {"own": functools.partial(folders_own, device=options.device)}
            table(on_device, folder, folder / "random.pth", images=2 * options.images)
        stages(options, folder, say)
        memory(options, folder, say)
    if options.write:
        write_section(PAGE, START, END, "\n".join(lines) + "\n")
    return SUCCESS


def stages(options: argparse.Namespace, folder: Path, say: Callable[[str], None]) -> None:
    """How near the whole comes to the slower of its stages, which run beside each other."""
    say(f"\nStages on {options.device}, {options.workers} decoding processes, {options.images} images:\n")
    say("| stage | images a second | wall an image | CPU an image |")
    say("|---|---|---|---|")
    pace: dict[str, float] = {}
    for who, task in STAGES.items():
        found = measure(task, folder, folder / "random.pth", options.device, options.workers)
        if isinstance(found, str):
            say(f"| {who} | {found} | | |")
            continue
        pace[who] = options.images / found.wall
        wall, cpu = found.wall / options.images, found.cpu / options.images
        say(f"| {who} | {pace[who]:.1f} | {_time(wall)} | {_time(cpu)} |")
    if len(pace) == len(STAGES):
        slower = min(pace["decoding alone"], pace["forward alone"])
        say(f"\nThe whole runs at {pace['whole'] / slower:.0%} of the slower stage's pace.")


def memory(options: argparse.Namespace, folder: Path, say: Callable[[str], None]) -> None:
    """Our pipeline's peak by number of images: features go to the disk, moments stay as large as they are."""
    counts = [int(part) for part in options.memory.split(",")]
    make_images(folder / "many", max(counts), sets=("a",))
    say("\nPeak memory of our pipeline by number of images, EfficientNet-Lite0, features kept:\n")
    say("| images | peak memory | wall an image | CPU an image |")
    say("|---|---|---|---|")
    for count in counts:
        found = measure(memory_own, folder / "many" / "a", count)
        if isinstance(found, str):
            say(f"| {count:,} | {found} | | |")
        else:
            say(f"| {count:,} | {found.megabytes:.0f} MB | {_time(found.wall / count)} | {_time(found.cpu / count)} |")


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.1f} ms"


if __name__ == "__main__":
    raise SystemExit(main())
