"""What drawing through workers costs beside the drawing itself: milliseconds an image, with 1, 2 and 4 processes.

python -m benchmarks.render                      null generator and 100 ms an image, 256 x 256 pixels
python -m benchmarks.render --processes 1 --images 400

An instance of its own is made and removed. The generator is a plug-in that draws in batches of 8 and sleeps
for `--ms` an image, as a process does that waits for its device. Everything else is the product:
tasks, claims, PNG, files brought to the disk, rows. Each worker draws a few images first: nothing is loaded meanwhile.

Overhead: (wall time x processes - images x time an image) / images, from the run's beginning to its last image's row.
On a machine with other work it holds the waiting for a processor too; the workers' processor time does not.

Floor: the same measure of as many processes that do nothing but encode these images, write them and bring them to the
disk, by as many threads as a worker has: a generator that takes no time can't be drawn through workers in less. It is
measured before and after each row, and the smaller is shown.
"""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray

from common.commands import SUCCESS, refuse_repeated, run_command
from common.files import Unnamed, names_give, write_unnamed
from common.hashes import bytes_sha256
from common.images import encode_png
from common.json_in import read_json
from common.places import CHECKOUT
from generators.contract import ImageRequest

PROCESSES = (1, 2, 4)
IMAGES_OF = {0: 2000, 100: 320}
"""Images by milliseconds an image; 100 ms: of each process."""

TITLES = """\
| an image takes | processes | images | images a second | overhead an image | floor | processor time an image |
|---|---|---|---|---|---|---|"""

FLOOR_IMAGES = 400
ENCODERS, KEPT_TOGETHER = 2, 64
"""To measure the floor: images of each process, and the numbers of the worker's (`evaluation.services.runs.writer`)."""

PLUGIN = """
import time
import numpy as np
from generators import GeneratorInfo, GeneratorSpec, ImageResult, Parameter, request_seed

SPEC = GeneratorSpec(
    name="benchpaint", summary="Sleeps, and gives a picture.", factory="benchpaint:Paint", sizes=(256,),
    devices=("cpu",), parameters=(Parameter("ms", "an image takes so long", 0, low=0, high=60000),),
)

class Paint:
    batch_size = 8

    def __init__(self, parameters, *, size, device):
        self.seconds = parameters["ms"] / 1000
        steps = np.linspace(0, 255, size).astype(np.uint8)
        self.ground = np.stack([np.tile(steps, (size, 1)), np.tile(steps[:, None], (1, size)),
                                np.full((size, size), 90, np.uint8)], axis=2)
        self.info = GeneratorInfo("benchpaint", "1", "", provenance={"device": "none"})

    def generate(self, requests):
        for request in requests:
            began = time.thread_time()
            image = self.ground.copy()
            noise = np.random.default_rng(request_seed(request, "base")).integers(0, 40, (64, 64, 3), dtype=np.uint8)
            image[:64, :64] = noise
            if self.seconds:  # an image takes so long with the processor time that the picture itself took
                time.sleep(self.seconds - (time.thread_time() - began))
            yield ImageResult(request.key, image)

    def close(self):
        pass
"""


def main(arguments: Sequence[str]) -> int:
    """Measure and print; docs/running-generators.md has the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.render", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--processes", type=int, choices=PROCESSES, action="append", help="default: all")
    parser.add_argument("--ms", type=int, choices=tuple(IMAGES_OF), action="append", help="an image takes so long")
    parser.add_argument("--images", type=int, help="images of each process")
    options = refuse_repeated(parser).parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="drawbench-bench-") as folder:
        root = Path(folder)
        environment = os.environ | {
            "DRAWBENCH_VAR": str(root / "var"),
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join([str(_plugin(root)), str(CHECKOUT)]),
        }
        try:
            _local(environment, "up")
            _manage(environment, "migrate", "-v0")
            print(TITLES, flush=True)
            for ms in options.ms or IMAGES_OF:
                for processes in options.processes or PROCESSES:
                    n_images = options.images or IMAGES_OF[ms]
                    print(_row(root, environment, ms, processes, n_images * (processes if ms else 1)), flush=True)
        finally:
            _local(environment, "down", "--force")
    return SUCCESS


def _row(root: Path, environment: dict[str, str], ms: int, processes: int, n_images: int) -> str:
    suite, few = _suite(root, environment, n_images // 4), _suite(root, environment, 40)
    floor = _floor_ms(root, processes)
    with _worker(root, environment, processes) as worker:
        _run(environment, few, ms, f"warm-{ms}-{processes}")
        before = _processor_s(worker)
        seconds = _run(environment, suite, ms, f"run-{ms}-{processes}")
        busy = (_processor_s(worker) - before) / n_images
    floor = min(floor, _floor_ms(root, processes))
    overhead = (seconds * processes - n_images * ms / 1000) / n_images
    share = f" ({100 * overhead / (ms / 1000):.1f} %)" if ms else ""
    return (
        f"| {ms} ms | {processes} | {n_images:,} | {n_images / seconds:.1f} | {1000 * overhead:.2f} ms{share} | "
        f"{floor:.2f} ms | {1000 * busy:.2f} ms |"
    )


def _floor_ms(root: Path, processes: int) -> float:
    """Milliseconds an image of so many processes that encode and write alone."""
    with ProcessPoolExecutor(processes) as pool:
        seconds = list(pool.map(_written_in, [root] * processes, range(processes)))
    return 1000 * max(seconds) / FLOOR_IMAGES


def _written_in(root: Path, number: int) -> float:
    """Encode and write images, as a worker does it; seconds."""
    sys.path.insert(0, str(root / "plugin"))
    paint = importlib.import_module("benchpaint").Paint({"ms": 0}, size=256, device="cpu")
    requests = [ImageRequest(f"{number}-{index}", "0", "a thing", index, number) for index in range(FLOOR_IMAGES)]
    images = [result.image for result in paint.generate(requests)]

    def written(image: NDArray[np.uint8]) -> Unnamed:
        data = encode_png(image)
        name = bytes_sha256(data)
        return write_unnamed(root / f"floor/{name[:2]}/{name[2:4]}/{name}.png", data, beside=root / "floor")

    began = time.monotonic()
    with ThreadPoolExecutor(ENCODERS) as threads:
        under_way = [threads.submit(written, image) for image in images]
        for first in range(0, len(under_way), KEPT_TOGETHER):
            problems = names_give([file.result() for file in under_way[first : first + KEPT_TOGETHER]])
            assert not any(problems), problems
    return time.monotonic() - began


def _suite(root: Path, environment: dict[str, str], n_prompts: int) -> str:
    name = f"things-{n_prompts}"
    prompts = root / f"{name}.txt"
    prompts.write_text("".join(f"thing number {number}\n" for number in range(n_prompts)))
    _manage(environment, "load_suite", str(prompts), "--name", name)
    return name


def _processor_s(worker: psutil.Process) -> float:
    """Processor seconds of the worker and its pool so far."""
    return sum(sum(each.cpu_times()[:2]) for each in (worker, *worker.children(recursive=True)))


_TOOK = (
    "from evaluation.models import GenerationRun;"
    "run = GenerationRun.objects.get(name={name!r});"
    "import json; print(json.dumps([run.status, (run.finished_at - run.started_at).total_seconds()]))"
)


def _run(environment: dict[str, str], suite: str, ms: int, name: str) -> float:
    """Draw the suite, four samples a prompt; seconds from the run's beginning to its end."""
    asked = ("--suite", suite, "--generator", "benchpaint", "--set", f"ms={ms}", "--samples", "4", "--name", name)
    _manage(environment, "render", *asked, "--wait")
    told = read_json(_manage(environment, "shell", "-v0", "-c", _TOOK.format(name=name)).strip().splitlines()[-1])
    assert isinstance(told, list) and told[0] == "done", told
    return float(str(told[1]))


@contextmanager
def _worker(root: Path, environment: dict[str, str], processes: int) -> Iterator[psutil.Process]:
    command = [sys.executable, "-m", "celery", "-A", "drawbench", "worker", "--concurrency", str(processes)]
    log = root / "worker.log"
    with log.open("wb") as output:
        worker = subprocess.Popen(
            [*command, "--loglevel", "INFO"], cwd=CHECKOUT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        deadline = time.monotonic() + 120
        while b" ready." not in log.read_bytes():
            if worker.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(log.read_text(errors="replace")[-4000:])
            time.sleep(0.2)
        yield psutil.Process(worker.pid)
    finally:
        worker.terminate()
        worker.wait()


def _plugin(root: Path) -> Path:
    """The generator as an installed package."""
    folder = root / "plugin"
    about = folder / "benchpaint-1.0.dist-info"
    about.mkdir(parents=True)
    (folder / "benchpaint.py").write_text(PLUGIN)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: benchpaint\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[drawbench.generators]\nbenchpaint = benchpaint:SPEC\n")
    return folder


def _local(environment: dict[str, str], *arguments: str) -> None:
    command = [sys.executable, "-m", "drawbench.local", *arguments]
    subprocess.run(command, cwd=CHECKOUT, env=environment, check=True, stdout=subprocess.DEVNULL)


def _manage(environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


if __name__ == "__main__":
    sys.exit(run_command(main))
