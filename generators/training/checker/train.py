"""Train the scene checker: `python -m generators.training.checker.train --minutes 20`.

On renders of the world alone, on a GPU where there is one. Writes generators/weights/checker.safetensors with what it
measures on renders that it never saw.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import torch

from generators.training.checker.find import BUNDLED, save_checker
from generators.training.checker.measure import measure
from generators.training.checker.network import Checker, checker_loss
from generators.training.checker.render import Examples
from generators.training.scenes import WORLD
from generators.training.scenes.render import Renderer
from generators.training.sprites import load_sprites

LEARNING_RATE = 2e-3
WARMUP = 200
COOLDOWN = 0.5
MEASURED = 2000
"""Renders that the accuracies are measured on."""


def train_checker(examples: Examples, *, minutes: float, device: str, seed: int = 0) -> tuple[Checker, int]:
    """A checker trained for so long, and how many steps that were."""
    torch.manual_seed(seed)
    network = Checker(examples.config).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.0, weight_decay=0.02)
    step, losses = 0, list[float]()
    began = reported = time.monotonic()
    while (done := (time.monotonic() - began) / (60 * minutes)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = LEARNING_RATE * min(1.0, (step + 1) / WARMUP, (1 - done) / COOLDOWN)
        images, wanted, _ = examples.batch(step)
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            seen = network(images.to(device, memory_format=torch.channels_last))
        loss = checker_loss(seen, *(each.to(device) for each in wanted))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        step += 1
        losses.append(float(loss.detach()))
        if time.monotonic() - reported > 15:
            reported = time.monotonic()
            print(f"checker {done:6.1%}  step {step}  loss {sum(losses) / len(losses):.4f}", flush=True)
            losses.clear()
    return network.eval(), step


def main(argv: list[str] | None = None) -> int:
    """The command line: 0 when it is trained and written, 2 on bad input."""
    parser = argparse.ArgumentParser(prog="python -m generators.training.checker.train", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0, help="wall-clock budget (%(default)s)")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sprites", type=Path, default=Path("var/training/sprites-2.npz"))
    parser.add_argument("--out", type=Path, default=BUNDLED)
    args = parser.parse_args(argv)
    if args.minutes <= 0 or args.batch < 2:
        print("--minutes must be more than 0 and --batch at least 2", file=sys.stderr)
        return 2
    try:
        renderer = Renderer(load_sprites(args.sprites))
    except (FileNotFoundError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    device = "cuda" if torch.cuda.is_available() else "cpu"
    examples = Examples(renderer, renderer.concepts, args.seed, args.batch)
    network, steps = train_checker(examples, minutes=args.minutes, device=device, seed=args.seed)
    about: dict[str, object] = {
        "world": WORLD,
        "trained": f"{steps} steps of {args.batch} renders, {args.minutes:g} minutes on {torch.device(device).type}",
    }
    save_checker(args.out, network, examples.config, about)
    about["measured"] = measured = measure(args.out, renderer, MEASURED, seed=args.seed + 1_000_000)
    save_checker(args.out, network, examples.config, about)
    for name, value in measured.items():
        print(f"{name}: {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
