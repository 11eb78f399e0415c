"""What a rating costs the server of `./dev serve`: CPU of all its processes a trial, and how long raters wait.

python -m benchmarks.rating                          50 raters: trials of two images, and of sixteen as in DrawBench
python -m benchmarks.rating --raters 10 50 200       at several crowds, each without a pause between trials
python -m benchmarks.rating --raters 1000 --think 8  raters who look at each trial for so many seconds on average
python -m benchmarks.rating --potato PYTHON          and Potato, installed in the environment of that Python, beside it

A trial is what the rater's page asks for: the images, and both answers in one request, which brings the next trial. CPU
is that of PostgreSQL, of the web processes and of the front; the raters are simulated by processes of their own, which
do not count, though they take their share of the machine.

Potato gets the same two images, questions and raters in the same run, whatever the trial: how often its processor time
for two images holds ours is printed for each size of trial (`benchmarks._potato`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from benchmarks._potato import HOW, VERSION, potato_cpu_seconds, potato_crowd, potato_served, potato_version
from benchmarks.connections import _free_port, _wait_until_healthy
from common.commands import refuse_repeated
from common.places import CHECKOUT
from drawbench.local.places import places_of
from drawbench.local.services import remove

PROCESSES = 2
SIDE = 132
"""Pixels of Potato's images: as in `benchmarks._rating_world`."""
WARM_S = 3
FILES = 20_000


@dataclass
class Measured:
    """Of one crowd. `cycles`: trials rated. `waits`: seconds from each trial's first request to its last answer."""

    cycles: int = 0
    errors: int = 0
    waits: list[float] = field(default_factory=list)


class Client:
    """A rater's browser: one kept connection, and the headers that browsers send."""

    def __init__(self, port: int, rater: dict[str, str]) -> None:
        self.port, self.rater = port, rater
        self.origin = f"http://127.0.0.1:{port}"
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def ask(self, path: str, body: dict[str, Any] | None = None) -> bytes:
        """The answer's body. Raises RuntimeError with any status but 200."""
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**22)
        data = b"" if body is None else json.dumps(body).encode()
        head = (
            f"{'GET' if body is None else 'POST'} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/138.0.0.0 Safari/537.36\r\n"
            "Accept: */*\r\nAccept-Language: en-GB,en;q=0.9\r\nAccept-Encoding: gzip, deflate, br\r\n"
            f"Referer: {self.origin}/r/\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\n"
            f"Sec-Fetch-Dest: empty\r\nCookie: {self.rater['cookies']}\r\n"
        )
        if body is not None:
            head += (
                f"Origin: {self.origin}\r\nContent-Type: application/json\r\nX-CSRFToken: {self.rater['token']}\r\n"
                f"Content-Length: {len(data)}\r\n"
            )
        assert self.reader is not None
        self.writer.write(f"{head}\r\n".encode() + data)
        answered = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(answered.partition("content-length: ")[2].partition("\r\n")[0])
        got = await self.reader.readexactly(length)
        if not answered.startswith("http/1.1 200"):
            raise RuntimeError(f"{path}: {answered.partition(chr(13))[0]} {got[:200]!r}")
        return got


async def rate(client: Client, until: float, think: float, measured: Measured) -> None:
    """One rater: trial after trial until the time is over or no trial is left."""
    if think:
        await asyncio.sleep(random.random() * think)
    after = -1
    trials: list[dict[str, Any]] = []
    while time.monotonic() < until:
        started = time.monotonic()
        try:
            if not trials:
                trials = json.loads(await client.ask(f"/r/next?rater={client.rater['rater']}&after={after}"))["trials"]
                if not trials:
                    return
            trial = trials.pop(0)
            for key in (*_keys(trial["left"]), *_keys(trial["right"])):
                await client.ask(key)
            after = max(after, trial["position"], *(each["position"] for each in trials))
            submission = str(uuid.uuid4())
            answers = [
                {
                    "assignment": trial["assignment"],
                    "question": question,
                    "choice": random.choice(("left", "indifferent", "right")),
                    "response_time_ms": 4000,
                    "submission": submission,
                }
                for question in ("fidelity", "alignment")
            ]
            body = {"rater": client.rater["rater"], "answers": answers, "after": after}
            told = json.loads(await client.ask("/r/rate", body))
            assert [each["status"] for each in told["answers"]] == ["saved", "saved"], told
            trials += told.get("trials", [])
            measured.waits.append(time.monotonic() - started)
            measured.cycles += 1
        except (OSError, RuntimeError, asyncio.IncompleteReadError) as error:
            measured.errors += 1
            print(error, file=sys.stderr)
            return
        if think:
            await asyncio.sleep(random.expovariate(1 / think))


def _keys(shown: list[str] | dict[str, Any]) -> list[str]:
    """The addresses of a set's images, or of the file that holds them all."""
    if isinstance(shown, dict):
        return [str(shown["url"])]
    return [each if each.startswith("/") else f"/r/i/{each}.webp" for each in shown]


def crowd(port: int, raters: Sequence[dict[str, str]], seconds: float, think: float, out: Any) -> None:
    """A process of raters."""

    async def all_of_them() -> Measured:
        measured = Measured()
        until = time.monotonic() + seconds
        await asyncio.gather(*(rate(Client(port, each), until, think, measured) for each in raters))
        return measured

    out.send(asyncio.run(all_of_them()))


def measure(port: int, var: Path, raters: Sequence[dict[str, str]], seconds: float, think: float) -> float:
    """Rate with this crowd, and print the line of the table; CPU-ms a trial."""
    before = cpu_seconds(var)
    started = time.monotonic()
    pipes, processes = [], []
    for number in range(PROCESSES):
        here, there = multiprocessing.Pipe()
        part = raters[number::PROCESSES]
        processes.append(multiprocessing.Process(target=crowd, args=(port, part, seconds, think, there)))
        pipes.append(here)
    for process in processes:
        process.start()
    found = [pipe.recv() for pipe in pipes]
    took = time.monotonic() - started
    after = cpu_seconds(var)
    cycles, waits = sum(each.cycles for each in found), sorted(wait for each in found for wait in each.waits)
    errors = sum(each.errors for each in found)
    if not cycles:
        raise SystemExit("Nothing was rated.")
    spent = {name: (after[name] - before[name]) * 1000 / cycles for name in after}
    cuts = statistics.quantiles(waits, n=100) if len(waits) > 1 else [waits[0]] * 99
    parts = " + ".join(f"{spent[name]:.2f} {name}" for name in ("web", "PostgreSQL", "front"))
    print(
        f"| {len(raters):,} | {think:g} s | {sum(spent.values()):.2f} ({parts}) | {cycles / took:.0f} | "
        f"{cuts[49] * 1000:.0f} / {cuts[94] * 1000:.0f} / {cuts[98] * 1000:.0f} | {errors} |",
        flush=True,
    )
    return sum(spent.values())


def measure_potato(python: Path, raters: int, seconds: float) -> float:
    """Let Potato have its trials of two images rated by so many, and print its line; CPU-ms a trial."""
    with (
        tempfile.TemporaryDirectory(prefix="potato-bench-") as folder,
        potato_served(python, Path(folder) / "task", SIDE) as (port, process),
    ):
        potato_crowd(port, ["first", "second"], WARM_S)
        before, started = potato_cpu_seconds(process), time.monotonic()
        cycles, errors = potato_crowd(port, [f"rater-{number}" for number in range(raters)], seconds)
        took, spent = time.monotonic() - started, potato_cpu_seconds(process) - before
    if not cycles:
        raise SystemExit("Nothing was rated with Potato.")
    each = spent * 1000 / cycles
    print(
        f"| {raters:,}, Potato {VERSION}, 2 images | 0 s | {each:.2f} | {cycles / took:.0f} | | {errors} |", flush=True
    )
    return each


def cpu_seconds(var: Path) -> dict[str, float]:
    """CPU seconds so far of the instance's processes, and of children of theirs that have ended, by part."""
    spent = {"web": 0.0, "PostgreSQL": 0.0, "front": 0.0}
    for process in psutil.process_iter():
        try:
            part = _part(process, var)
            if part:
                times = process.cpu_times()
                spent[part] += times.user + times.system
        except psutil.Error:
            continue
    return spent


def _part(process: psutil.Process, var: Path) -> str:
    names = [process, *process.parents()]
    for each in names:
        command = " ".join(each.cmdline())
        if "nginx" in each.name() and Path(each.cwd()).is_relative_to(var):
            return "front"
        if str(var) in command and "postgres" in command:
            return "PostgreSQL"
        if "granian" in command and str(var) in each.environ().get("DRAWBENCH_VAR", ""):
            return "web"
    return ""


@contextmanager
def served() -> Iterator[tuple[int, Path]]:
    """An instance as `./dev serve --no-worker` starts it, in a folder of its own: its port and the folder."""
    with tempfile.TemporaryDirectory(prefix="drawbench-bench-") as folder:
        Path(folder).chmod(0o755)
        var = Path(folder) / "var"
        port = _free_port()
        serving = subprocess.Popen(
            [sys.executable, "-m", "drawbench.local", "serve", "--no-worker", "--port", str(port)],
            cwd=CHECKOUT,
            env=os.environ | {"DRAWBENCH_VAR": str(var)},
            stdout=subprocess.DEVNULL,
        )
        try:
            _wait_until_healthy(port, serving)
            yield port, var
        finally:
            serving.terminate()
            serving.wait()
            remove(places_of(var))


def world(var: Path, raters: int, images: int) -> list[dict[str, str]]:
    """A study with so many raters, and so many images in a set."""
    made = subprocess.run(
        [sys.executable, "-m", "benchmarks._rating_world", str(raters), str(images)],
        cwd=CHECKOUT,
        env=os.environ | {"DRAWBENCH_VAR": str(var)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: list[dict[str, str]] = json.loads(made.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--raters", type=int, nargs="+", default=[50], help="crowds, one after another")
    parser.add_argument("--images", type=int, nargs="+", default=[1, 8], help="images in a set (two sets a trial)")
    parser.add_argument("--seconds", type=float, default=15, help="how long each crowd rates")
    parser.add_argument("--think", type=float, default=0, help="mean seconds that a rater looks at a trial")
    parser.add_argument("--potato", type=Path, metavar="PYTHON", help="of an environment with Potato: measured beside")
    chosen = refuse_repeated(parser).parse_args()
    there = _potato(chosen.potato)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES if hard == resource.RLIM_INFINITY else min(hard, FILES), hard))
    with served() as (port, var):
        for images in chosen.images:
            print(f"\nTrials of 2 x {images} images:\n")
            print("| raters | looking | CPU-ms a trial | trials a second | p50 / p95 / p99 ms | errors |")
            print("|---|---|---|---|---|---|")
            people = world(var, sum(chosen.raters) + PROCESSES, images)
            for warm in (True, False):
                start = PROCESSES
                if warm:  # both web processes load what their first request needs
                    asyncio.run(_warm(port, people[:PROCESSES]))
                    continue
                for raters in chosen.raters:
                    ours = measure(port, var, people[start : start + raters], chosen.seconds, chosen.think)
                    start += raters
                    if there is not None:
                        theirs = measure_potato(there, raters, chosen.seconds)
                        print(f"Potato takes {theirs / ours:.1f} times the CPU for its 2 images.", flush=True)


def _potato(python: Path | None) -> Path | None:
    """The Python of an environment in which Potato is, or None where none is asked for."""
    if python is None:
        print(f"Potato is not measured beside. To do so: {HOW}", file=sys.stderr)
        return None
    python = python.absolute()
    found = potato_version(python)
    if not found:
        raise SystemExit(f"There is no Potato in the environment of {python}. Install it: {HOW}")
    if found != VERSION:
        print(f"This is Potato {found}; the figures of the documents are of {VERSION}.", file=sys.stderr)
    return python


async def _warm(port: int, people: Sequence[dict[str, str]]) -> None:
    for _ in range(10):
        await asyncio.gather(*(Client(port, each).ask(f"/r/next?rater={each['rater']}") for each in people))


if __name__ == "__main__":
    main()
