"""How fast the cascade draws and trains: `python -m benchmarks.cascade`, or `./dev bench cascade`.

Ratios measured in one run on one machine, contenders taking turns:

- images: seconds and peak memory an image with the bundled weights, by size and batch;
- stages: each stage's forward and training step against the floor (its FLOPs at the device's best rate);
- shapes: the Efficient U-Net against a standard one of the same parameters, and against itself without its points;
- peers: our networks against imagen-pytorch's and diffusers' of the same shape (they live in .tools/cascade-peers; see
  benchmarks/requirements-cascade-peers.txt).

On a CPU seconds are the processor's and float32; on a GPU they are the wall's and bfloat16.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import torch
from torch import nn

from benchmarks._cascade_nets import Contender, Facts, Part, held_megabytes, peak_megabytes, seconds, serve
from common.commands import SUCCESS, refuse_repeated
from common.words import prompt_name
from generators.cascade.configs import CASCADES, STAGES
from generators.cascade.variants import VARIANTS

PROMPTS = ("a red apple", "three blue cars", "a dog to the left of a green chair", "a house in the snow")
SECTIONS = ("images", "stages", "shapes", "peers")
PEAKS = {"H100": 989.0, "H200": 989.0, "A100": 312.0, "L40S": 362.0, "L4": 121.0, "4090": 165.0}
"""Dense bfloat16 TFLOP/s by part of the device's name, as its maker says."""

Row = dict[str, float | str]


def floor_rate(device: str, threads: int, given: float | None) -> float:
    """FLOP a second that the floor is reckoned with: a GPU's peak; on a CPU one well-shaped 3x3 convolution's rate.

    Raises:
        ValueError: a GPU whose peak is not known here.
    """
    if given is not None:
        return given * 1e12
    if device != "cpu":
        name = torch.cuda.get_device_name(device)
        for part, peak in PEAKS.items():
            if part in name:
                return peak * 1e12
        raise ValueError(f"the peak of {name!r} is not known here: give it as --peak-tflops")
    torch.set_num_threads(threads)
    layer = nn.Conv2d(128, 128, 3, padding=1).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    x = torch.randn(8, 128, 32, 32).to(memory_format=torch.channels_last)

    def work() -> None:
        with torch.inference_mode():
            layer(x)

    work()
    return 2 * 9 * 128**2 * 32**2 * 8 / min(seconds(work, device) for _ in range(20))


class Process:
    """A contender in its process. `facts`: what it is, or why it can't be measured."""

    def __init__(self, target: Callable[..., None], *arguments: object) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=target, args=(theirs, *arguments), daemon=True)
        self.process.start()
        theirs.close()

    def receive(self) -> object:
        """Its next answer; a process that died says so in words."""
        try:
            return self.connection.recv()
        except EOFError:
            self.process.join()
            return f"failed: its process ended with {self.process.exitcode} (out of memory?)"

    def end(self) -> None:
        """Stop it."""
        if self.process.is_alive():
            self.connection.send(None)
        self.process.join()


def compare(contenders: Sequence[Contender], batch: int, device: str, threads: int, repeats: int) -> list[Row]:
    """Forward and training step of each, taking turns; ratios are medians over the turns, to the first's."""
    held: list[tuple[Contender, Process, Facts]] = []
    rows: list[Row] = []
    for contender in contenders:
        process = Process(serve, contender, batch, device, threads)
        facts = process.receive()
        if isinstance(facts, Facts):
            held.append((contender, process, facts))
        else:
            process.end()
            rows.append({"who": contender.who, "why": str(facts)})
    spent: dict[str, list[list[float]]] = {work: [[] for _ in held] for work in ("forward", "train")}
    for _ in range(repeats):
        for work, lists in spent.items():
            for (_, process, _), times in zip(held, lists, strict=True):
                process.connection.send(work)
                found = process.receive()
                times.append(found if isinstance(found, float) else float("nan"))
    for index, (contender, process, facts) in enumerate(held):
        process.end()
        row: Row = {"who": contender.who, "parameters": facts.parameters, "flop": facts.flop}
        for work, lists in spent.items():
            turns = zip(lists[index], lists[0], strict=True)
            row[work] = min(lists[index])
            row[f"{work}_ratio"] = statistics.median(own / first for own, first in turns)
        rows.insert(index, row | {"forward_mb": facts.forward_mb, "train_mb": facts.train_mb})
    return rows


def show(title: str, rows: Sequence[Row], rate: float, clock: str) -> None:
    """A Markdown table; ratios are to its first row."""
    print(f"\n{title}\n")
    print(f"| who | parameters | GFLOP | forward, {clock} | of the floor | ratio ", end="")
    print(f"| step, {clock} | of the floor | ratio ", end="")
    print("| peak memory, forward | step |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        if "why" in row:
            print(f"| {row['who']} | {row['why']} |")
            continue
        value = {name: float(held) for name, held in row.items() if not isinstance(held, str)}
        floor = value["flop"] / rate
        print(
            f"| {row['who']} | {value['parameters'] / 1e6:.2f} M | {value['flop'] / 1e9:.1f} "
            f"| {value['forward']:.3g} | {floor / value['forward']:.0%} | {value['forward_ratio']:.2f} "
            f"| {value['train']:.3g} | {3 * floor / value['train']:.0%} | {value['train_ratio']:.2f} "
            f"| {value['forward_mb']:.0f} MB | {value['train_mb']:.0f} MB |",
            flush=True,
        )


def shapes(cascade: str) -> list[Contender]:
    """The Efficient U-Net of the 256 stage first, then what it is compared with. Scaled skips cost nothing."""
    return [Contender(name, "own", cascade, "sr256", name) for name in VARIANTS if name != "unscaled-skips"]


def peers(cascade: str, part: Part) -> list[Contender]:
    """Ours first. diffusers has no Efficient U-Net: at 256 it takes the shape of our standard one."""
    held = [
        Contender("own", "own", cascade, part),
        Contender("imagen-pytorch, channels last", "imagen-pytorch", cascade, part),
        Contender("imagen-pytorch, as it comes", "imagen-pytorch", cascade, part, channels_last=False),
        Contender("diffusers", "diffusers", cascade, part, "standard"),
    ]
    if part == "sr256":
        held.insert(3, Contender("own, standard", "own", cascade, part, "standard"))
    return held


def jobs(sections: Sequence[str], cascades: Sequence[str] | None) -> Iterator[tuple[str, list[Contender]]]:
    """What the sections compare: a title and the contenders of each table."""
    if "stages" in sections:
        for cascade in cascades or ("imagen-mini",):
            yield f"{cascade}: stages, whole images", [Contender(name, "own", cascade, name) for name in STAGES]
    if "shapes" in sections:
        for cascade in cascades or ("imagen-mini", "imagen-small"):
            yield f"{cascade}: the 256 stage, parameters matched", shapes(cascade)
    if "peers" in sections:
        for cascade in cascades or ("imagen-mini",):
            yield f"{cascade}: base, and its peers", peers(cascade, "base")
            yield f"{cascade}: the 256 stage, and its peers", peers(cascade, "sr256")


def draw(connection: Connection, size: int, batch: int, device: str, threads: int) -> None:
    """Draws images at the default parameters; sends the clock's and the wall's seconds, and peak MB, for the batch."""
    torch.set_num_threads(threads)
    from generators.cascade.generator import load_cascade
    from generators.cascade.spec import SPEC
    from generators.contract import ImageRequest

    generator = load_cascade(SPEC.resolve({}), size=size, device=device)
    requests = [
        ImageRequest(str(index), prompt_name(index), PROMPTS[index % len(PROMPTS)], index, 0) for index in range(batch)
    ]

    def work() -> None:
        for result in generator.generate(requests):
            if result.failure is not None:
                raise RuntimeError(result.failure.message)

    try:
        before = held_megabytes(device)
        peak = peak_megabytes(work, device) - before
        began = time.perf_counter()
        spent = seconds(work, device)
        connection.send((spent, time.perf_counter() - began, peak))
    except (RuntimeError, MemoryError) as error:
        connection.send(f"failed: {str(error).splitlines()[0]}")


def images(sizes: Sequence[int], batches: Sequence[int], device: str, threads: int) -> list[Row]:
    """Seconds and peak memory an image, text and all, each size and batch in a process of its own."""
    clock = "CPU-s" if device == "cpu" else "s"
    print(
        f"\nImages of the bundled weights at the default parameters\n\n| size | drawn at once | {clock} an image ",
        end="",
    )
    print("| wall, s an image | peak memory above the networks |\n|---|---|---|---|---|")
    rows: list[Row] = []
    for size in sizes:
        for batch in batches:
            process = Process(draw, size, batch, device, threads)
            found = process.receive()
            process.process.join()
            if not isinstance(found, tuple):
                rows.append({"size": size, "batch": batch, "why": str(found)})
                print(f"| {size} | {batch} | {found} |", flush=True)
                continue
            spent, wall, peak = found
            rows.append({"size": size, "batch": batch, "seconds": spent / batch, "wall": wall / batch, "peak_mb": peak})
            print(f"| {size} | {batch} | {spent / batch:.3g} | {wall / batch:.3g} | {peak:.0f} MB |", flush=True)
    return rows


def main(argv: Sequence[str] | None = None) -> int:
    """The command line: Markdown on standard output; 0 when done, 2 on bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cascade", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sections", nargs="*", default=SECTIONS, choices=SECTIONS)
    parser.add_argument(
        "--cascades", nargs="*", choices=list(CASCADES), help="default: imagen-mini, for shapes imagen-small, too"
    )
    parser.add_argument("--sizes", type=int, nargs="*", default=[64, 256, 1024], choices=(64, 256, 1024))
    parser.add_argument("--batches", type=int, nargs="*", default=[1, 4], help="images drawn at once (images)")
    parser.add_argument("--batch", type=int, default=1, help="images a forward (stages, shapes, peers)")
    parser.add_argument("--repeats", type=int, default=3, help="turns of each contender")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:1")
    parser.add_argument("--threads", type=int, default=1, help="of torch, on a CPU")
    parser.add_argument("--peak-tflops", type=float, help="the floor's rate, if the device's own is not known")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    args = refuse_repeated(parser).parse_args(argv)
    if min(args.batch, args.repeats, args.threads, *args.batches) < 1:
        parser.error("batches, repeats and threads must be 1 or more")
    if args.device != "cpu" and not torch.cuda.is_available():
        parser.error(f"--device {args.device}: this machine or this build of torch has no CUDA")
    try:
        rate = floor_rate(args.device, args.threads, args.peak_tflops)
    except ValueError as error:
        parser.error(str(error))
    told: dict[str, object] = {"device": args.device, "threads": args.threads, "floor_gflop_a_second": rate / 1e9}
    name = args.device if args.device == "cpu" else torch.cuda.get_device_name(args.device)
    clock = "CPU-s" if args.device == "cpu" else "s"
    print(
        f"{name}, torch {torch.__version__}, {args.threads} thread(s); the floor is {rate / 1e9:,.0f} GFLOP a second."
    )
    if "images" in args.sections:
        told["images"] = images(args.sizes, args.batches, args.device, args.threads)
    for title, contenders in jobs(args.sections, args.cascades):
        rows = compare(contenders, args.batch, args.device, args.threads, args.repeats)
        show(title, rows, rate, clock)
        told[title] = rows
    if args.json:
        args.json.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return SUCCESS


if __name__ == "__main__":
    sys.exit(main())
