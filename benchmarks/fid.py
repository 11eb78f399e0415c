"""The Frechet distance beside its peers, all in one run: distance step, statistics step, and folders of images.

    python -m benchmarks.fid [--images 96] [--features 2048] [--rows 2000,20000] [--write]

Every task runs in a process of its own (so that its memory is its own) on one thread of arithmetic. All networks bear
the same random weights, so no download is needed; values are compared as well as times. A peer that is not installed is
named and left out: torch-fidelity comes with requirements-dev.txt, `pip install pytorch-fid clean-fid`
brings the others. Ratios matter, not seconds: the machine's other work moves all of them.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

PAGE = Path(__file__).parents[1] / "docs" / "fid.md"
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
    _torch_fidelity()
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
    from evaluation.metrics.moments import MomentsBuilder

    yield
    builder = MomentsBuilder(features)
    for batch in _batches(rows, features):
        builder.add(batch)
    yield float(np.trace(builder.moments().covariance()))


def statistics_torch_fidelity(rows: int, features: int) -> Iterator[Any]:
    _torch_fidelity()
    import torch
    from torch_fidelity.metric_fid import fid_features_to_statistics

    yield
    kept = torch.cat([torch.from_numpy(batch) for batch in _batches(rows, features)])
    yield float(np.trace(fid_features_to_statistics(kept)["sigma"]))


# --- Folders of images -----------------------------------------------------------------------------------------------


def make_images(folder: Path, count: int) -> None:
    """Two folders of 256 x 256 PNGs with detail, as generated images have."""
    from PIL import Image

    for name, seed in (("a", 0), ("b", 1)):
        (folder / name).mkdir()
        rng = np.random.default_rng(seed)
        for i in range(count):
            small = Image.fromarray(rng.integers(0, 256, (64 >> (i % 3), 64 >> (i % 3), 3), dtype=np.uint8))
            small.resize((256, 256), Image.Resampling.BICUBIC).save(folder / name / f"{i:05d}.png")


def make_weights(path: Path) -> None:
    """Random weights under which features keep their spread through the layers."""
    import torch

    from evaluation.metrics.networks import FIDInception

    torch.manual_seed(0)
    network = FIDInception()
    for name, value in network.state_dict().items():
        if name.endswith("conv.weight"):
            torch.nn.init.kaiming_normal_(value)
        elif name.endswith("bn.running_mean"):
            value.normal_(0, 0.1)
    torch.save(network.state_dict(), path)


def _network(weights: Path) -> Any:
    import torch

    from evaluation.metrics.networks import FIDInception

    network = FIDInception()
    network.load_state_dict(torch.load(weights, weights_only=True))
    return network.eval().requires_grad_(False)


def folders_own(folder: Path, weights: Path) -> Iterator[Any]:
    import torch

    from evaluation.metrics.extractors import EXTRACTORS, Extractor, prepare_module
    from evaluation.metrics.moments import distance
    from evaluation.metrics.pipeline import folder_statistics
    from evaluation.metrics.protocols import PROTOCOLS

    extractor = Extractor(EXTRACTORS["inception"], prepare_module(_network(weights)), torch.device("cpu"))
    yield
    made = [folder_statistics(folder / name, extractor, PROTOCOLS["imagen-full"]).total() for name in ("a", "b")]
    yield distance(*made)


def folders_torch_fidelity(folder: Path, weights: Path) -> Iterator[Any]:
    package = _torch_fidelity()
    yield
    yield package.calculate_metrics(
        input1=str(folder / "a"),
        input2=str(folder / "b"),
        fid=True,
        cuda=False,
        cache=False,
        verbose=False,
        batch_size=32,
        feature_extractor_weights_path=str(weights),
    )["frechet_inception_distance"]


def folders_pytorch_fid(folder: Path, weights: Path) -> Iterator[Any]:
    _torch_fidelity()
    import torch
    from pytorch_fid import fid_score, inception

    inception.load_state_dict_from_url = lambda *_, **__: torch.load(weights, weights_only=True)
    network = inception.InceptionV3([inception.InceptionV3.BLOCK_INDEX_BY_DIM[2048]])
    yield
    activations = [
        fid_score.get_activations(sorted((folder / name).iterdir()), network, 32, num_workers=2) for name in ("a", "b")
    ]
    yield _sqrtm_free(*activations)


def folders_clean_fid(folder: Path, weights: Path) -> Iterator[Any]:
    _torch_fidelity()
    import torch
    from cleanfid.fid import get_folder_features

    network = _network(weights)
    yield
    features = [
        get_folder_features(
            str(folder / name), network, num_workers=2, batch_size=32, device=torch.device("cpu"), verbose=False
        )
        for name in ("a", "b")
    ]
    yield _sqrtm_free(*features)


def _sqrtm_free(x: Array, y: Array) -> float:
    """The peers' own last step fails with scipy 1.18 or takes minutes; it is compared above."""
    from evaluation.metrics.frechet import frechet_distance_of_features

    return frechet_distance_of_features(x, y)


# --- Running ----------------------------------------------------------------------------------------------------------


def _torch_fidelity() -> ModuleType:
    from tests.metrics import peers

    return peers.torch_fidelity()


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
    "pytorch-fid (torch's resize)": folders_pytorch_fid,
    "clean-fid (its resize)": folders_clean_fid,
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="The Frechet distance beside its peers.")
    parser.add_argument("--images", type=int, default=96, help="images in each of two folders")
    parser.add_argument("--features", type=int, default=2048, help="features in the distance step")
    parser.add_argument("--rows", default="2000,20000", help="rows of features in the statistics step, with commas")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/fid.md")
    options = parser.parse_args(arguments)
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
    if options.write:
        top, rest = PAGE.read_text(encoding="utf-8").split(START)
        PAGE.write_text(f"{top}{START}\n" + "\n".join(lines) + f"\n\n{END}{rest.split(END)[1]}", encoding="utf-8")
    return 0


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.1f} ms"


if __name__ == "__main__":
    raise SystemExit(main())
