"""What an upload costs beside decoding its images alone: processor time an image, memory, and images a second.

python -m benchmarks.upload                          10,000 images of some 60 kB, as JPEG and as PNG
python -m benchmarks.upload --images 1000 --kind png

An instance of its own is made and removed. "Decoding" is Pillow's, of the same files in one process. The upload is
`upload_run`'s whole way: opened, listed, decoded in limited processes, hashed, written, matched, stored as a run.
"""

from __future__ import annotations

import argparse
import io
import os
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from common.commands import refuse_repeated
from common.places import CHECKOUT
from common.words import prompt_name

SIDES = {"jpeg": 512, "png": 160}
"""Pixels a side at which an image of each kind has some 60 kB."""
VARIANTS = 50
"""Different images; each of the others has a few pixels of its own, so that no two files are equal."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--kind", choices=tuple(SIDES), action="append")
    chosen = refuse_repeated(parser).parse_args()
    with tempfile.TemporaryDirectory(prefix="drawbench-bench-") as folder:
        root = Path(folder)
        environment = os.environ | {"DRAWBENCH_VAR": str(root / "var"), "OMP_NUM_THREADS": "1"}
        try:
            _local(environment, "up")
            _manage(environment, "migrate", "-v0")
            prompts = root / "prompts.txt"
            prompts.write_text("".join(f"thing number {number}\n" for number in range(chosen.images)))
            _manage(environment, "load_suite", str(prompts), "--name", "things")
            print(
                f"{'kind':6}{'images':>8}{'kB':>6}{'decoding':>12}{'upload':>12}{'ratio':>8}{'images/s':>10}{'MiB':>7}"
            )
            for kind in chosen.kind or SIDES:
                _measure(kind, chosen.images, root, environment)
        finally:
            _local(environment, "down", "--force")


def _measure(kind: str, n_images: int, root: Path, environment: dict[str, str]) -> None:
    path, n_bytes = _images(kind, n_images, root)
    began = time.process_time()
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            with Image.open(io.BytesIO(archive.read(name))) as image:
                image.load()
    decoding = (time.process_time() - began) / n_images
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    named = ("--suite", "things", "--name", kind, "--generator", "bench", "--yes")
    peak = _manage(environment, "upload_run", str(path), *named)
    seconds = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    upload = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / n_images
    print(
        f"{kind:6}{n_images:>8,}{n_bytes / n_images / 1000:>6.0f}{1000 * decoding:>9.2f} ms{1000 * upload:>9.2f} ms"
        f"{upload / decoding:>8.2f}{n_images / seconds:>10.0f}{peak / 1024:>7.0f}",
        flush=True,
    )


def _images(kind: str, n_images: int, root: Path) -> tuple[Path, int]:
    side = SIDES[kind]
    rng = np.random.default_rng(0)
    ground = [
        np.asarray(
            Image.fromarray(rng.integers(0, 255, (side // 8, side // 8, 3), dtype=np.uint8)).resize((side, side))
        ) // 2 + rng.integers(0, 60, (side, side, 3), dtype=np.uint8)
        for _ in range(VARIANTS)
    ]  # fmt: skip
    path = root / f"{kind}.zip"
    n_bytes = 0
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(n_images):
            pixels = ground[number % VARIANTS].astype(np.uint8)
            pixels[:16, :16] = rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)
            file = io.BytesIO()
            Image.fromarray(pixels).save(file, kind.upper())
            n_bytes += file.tell()
            archive.writestr(f"{prompt_name(number)}/0.{kind}", file.getvalue())
    return path, n_bytes


def _local(environment: dict[str, str], *arguments: str) -> None:
    command = [sys.executable, "-m", "drawbench.local", *arguments]
    subprocess.run(command, cwd=CHECKOUT, env=environment, check=True, stdout=subprocess.DEVNULL)


_PEAK = (
    "import resource, runpy, sys; sys.argv = ['manage.py', *sys.argv[1:]]\n"
    "try: runpy.run_path('manage.py', run_name='__main__')\n"
    "finally: print('peak', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
)


def _manage(environment: dict[str, str], *arguments: str) -> int:
    """Runs a command; the most memory that its own process had, in KiB."""
    done = subprocess.run(
        [sys.executable, "-c", _PEAK, *arguments], cwd=CHECKOUT, env=environment, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return int(done.stderr.rsplit("peak ", 1)[1].split()[0])


if __name__ == "__main__":
    main()
