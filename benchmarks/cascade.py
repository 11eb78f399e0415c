"""How fast the cascade draws: `python -m benchmarks.cascade [--sizes 64 256 1024] [--threads N]`.

Measured in one run on one machine: CPU-seconds an image at the default parameters, each stage's forward against the
floor (its FLOPs over the rate of one well-shaped convolution here), and the Efficient U-Net against a standard U-Net of
the same table, forward at 256x256.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections.abc import Callable, Sequence

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from generators.cascade.blocks import TextStates
from generators.cascade.configs import IMAGEN_MINI, STAGES, StageConfig
from generators.cascade.generator import load_cascade
from generators.cascade.spec import SPEC
from generators.cascade.unet import build_unet
from generators.contract import ImageRequest

PROMPTS = ("a red apple", "three blue cars", "a dog to the left of a green chair", "a house in the snow")


def cpu_seconds(work: Callable[[], object], repeats: int) -> float:
    """The least CPU time of a call, after one to warm up: of all threads, so a busy machine changes it little."""
    work()
    best = float("inf")
    for _ in range(repeats):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best


def convolution_rate(channels: int = 128, side: int = 32, batch: int = 8) -> float:
    """FLOP per CPU-second of one well-shaped 3x3 convolution in float32: the floor's rate on this machine."""
    layer = nn.Conv2d(channels, channels, 3, padding=1).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    x = torch.randn(batch, channels, side, side).to(memory_format=torch.channels_last)

    def work() -> object:
        with torch.inference_mode():
            return layer(x)

    return 2 * 9 * channels**2 * side**2 * batch / cpu_seconds(work, 20)


def forward(network: nn.Module, size: int, low_res: bool) -> Callable[[], object]:
    """One forward of one image."""
    network = network.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    text = TextStates(torch.randn(1, 12, 384), torch.ones(1, 12, dtype=torch.bool))
    z = torch.randn(1, 3, size, size).to(memory_format=torch.channels_last)
    rest = (z, torch.zeros(1)) if low_res else ()

    def work() -> object:
        with torch.inference_mode():
            return network(z, torch.full((1,), 0.5), text, torch.ones(1, dtype=torch.bool), *rest)

    return work


def flops(work: Callable[[], object]) -> int:
    """FLOPs of the convolutions and products of a call."""
    with FlopCounterMode(display=False) as counter:
        work()
    return int(counter.get_total_flops())


def stage_row(stage: StageConfig, rate: float) -> dict[str, float]:
    """One stage's forward: parameters, GFLOP, CPU-seconds, and how many times the floor that is."""
    network = build_unet(stage, IMAGEN_MINI.text)
    work = forward(network, stage.size, bool(stage.low_size))
    total, seconds = flops(work), cpu_seconds(work, 3)
    return {
        "million_parameters": sum(parameter.numel() for parameter in network.parameters()) / 1e6,
        "gflop": total / 1e9,
        "cpu_seconds": seconds,
        "times_the_floor": seconds / (total / rate),
    }


def efficient_to_standard() -> float:
    """CPU-seconds of a standard U-Net over those of the Efficient one, of the same channels, blocks and attention."""
    stage = IMAGEN_MINI.sr256
    unet = dataclasses.replace(stage.unet, kind="base", skip_scaling="none")
    standard = build_unet(dataclasses.replace(IMAGEN_MINI.base, size=256, unet=unet), IMAGEN_MINI.text)
    efficient = build_unet(stage, IMAGEN_MINI.text)
    return cpu_seconds(forward(standard, 256, False), 3) / cpu_seconds(forward(efficient, 256, True), 3)


def image_seconds(size: int) -> float:
    """CPU-seconds an image at the default parameters, text and all, drawn four at once."""
    generator = load_cascade(SPEC.resolve({}), size=size, device="cpu")
    asked = [ImageRequest(str(index), f"{index:05d}", prompt, 0, 0) for index, prompt in enumerate(PROMPTS)]
    return cpu_seconds(lambda: list(generator.generate(asked)), 1 if size == 1024 else 2) / len(asked)


def main(argv: Sequence[str] | None = None) -> None:
    """The command line; prints JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cascade", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=[64, 256, 1024], choices=(64, 256, 1024))
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    rate = convolution_rate()
    print(
        json.dumps(
            {
                "threads": args.threads,
                "floor_gflop_per_cpu_second": rate / 1e9,
                "stages": {name: stage_row(IMAGEN_MINI.stage(name), rate) for name in STAGES},
                "standard_over_efficient_at_256": efficient_to_standard(),
                "cpu_seconds_an_image": {str(size): image_seconds(size) for size in args.sizes},
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
