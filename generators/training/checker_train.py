"""Train the scene checker: `python -m generators.training.checker_train --minutes 20`.

On renders of the world alone, on a GPU where there is one. Writes generators/weights/checker.safetensors with what it
measures on renders that it never saw. --folder keeps its state there, and goes on from it. A checker of a few concepts
learns sooner: --like-training names them by the configuration of the base that it will judge.
"""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from common.commands import BAD_INPUT, FAILED, SUCCESS, refuse_repeated
from common.files import SaveError
from generators.places import SPRITES
from generators.training.config import load_train_config
from generators.training.data_config import ScenesConfig
from generators.training.fitting import Pace, computing, fit
from generators.world.checker.find import BUNDLED, CheckerError, LoadedChecker, load_checker, save_checker
from generators.world.checker.measure import measure
from generators.world.checker.network import Checker, CheckerConfig, checker_loss
from generators.world.checker.render import Examples
from generators.world.scenes import WORLD
from generators.world.scenes.compose import SceneComposer
from generators.world.scenes.render import Renderer
from generators.world.sprites import load_sprites

PACE = Pace(learning_rate=2e-3)
MEASURED = 2000
"""Renders that the accuracies are measured on."""


@dataclass(frozen=True)
class CheckerTraining:
    """What a checker is trained on and for how long.

    `sprites`: the file of the drawings. `out`: where it is written. `minutes`: wall-clock budget. `concepts`: what it
    will know; none named, all that have drawings. `start_from`: another checker's file, whose weights it begins with.
    `batch`: renders of a step. `folder`: of the state that it goes on from. `measured`: renders that it is measured on.
    """

    sprites: Path
    out: Path
    minutes: float
    concepts: Sequence[str] = ()
    start_from: Path | None = None
    batch: int = 64
    seed: int = 0
    device: str = "cpu"
    folder: Path | None = None
    measured: int = MEASURED


def train_checker(
    training: CheckerTraining, *, stop: threading.Event | None = None, report: Callable[[str], None] = print
) -> bool:
    """Train one, measure it, write it; False where it was stopped before its budget was spent.

    Raises:
        FileNotFoundError: no sprites.
        ConfigError: the state in `folder` can't be used.
        SaveError: the state can't be written.
    """
    device, seed, batch = training.device, training.seed, training.batch
    drawings = load_sprites(training.sprites)
    renderer = Renderer(drawings)
    composer = SceneComposer(drawings, device) if torch.device(device).type != "cpu" else None
    examples = Examples(renderer, training.concepts or renderer.concepts, seed, batch, composer)
    torch.manual_seed(seed)
    begun = Checker(examples.config)
    if training.start_from is not None:
        begin_with(begun, examples.config, load_checker(training.start_from))
    network = begun.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def loss_of(step: int) -> Tensor:
        images, wanted, _ = examples.batch(step)
        with computing(device):
            seen = network(images.to(device, memory_format=torch.channels_last))
        return checker_loss(seen, *(each.to(device) for each in wanted))

    done = fit(
        "checker", network, loss_of, PACE, minutes=training.minutes, folder=training.folder, stop=stop, report=report
    )
    if not done.finished:
        return False
    about: dict[str, object] = {
        "world": WORLD,
        "trained": f"{done.steps} steps of {batch} renders on {torch.device(device).type}",
    }
    out = training.out
    part = out.with_name(f"{out.name}.measured")
    save_checker(part, network, examples.config, about)
    told = measure(part, renderer, training.measured, seed=seed + 1_000_000, concepts=examples.concepts)
    save_checker(out, network, examples.config, {**about, "measured": told})
    part.unlink()
    for name, value in told.items():
        report(f"{name}: {value:g}")
    return True


def begin_with(network: Checker, config: CheckerConfig, other: LoadedChecker) -> None:
    """Take over another checker's weights: all of its body, and of its classes those that both know.

    Raises:
        CheckerError: it is of another width or other colours.
    """
    if (other.config.width, other.config.colours) != (config.width, config.colours):
        raise CheckerError("the checker to start from has another width or other colours")
    state, mine = other.network.state_dict(), network.state_dict()
    known = {name: row for row, name in enumerate(other.config.classes)}
    for part in ("heat.weight", "heat.bias"):
        rows = mine[part].clone()
        for row, name in enumerate(config.classes):
            if name in known:
                rows[row] = state[part][known[name]]
        state[part] = rows
    network.load_state_dict(state)


def main(argv: list[str] | None = None) -> int:
    """The command line: 0 when it is trained and written, 1 when it can't be written, 2 on bad input."""
    parser = argparse.ArgumentParser(prog="python -m generators.training.checker_train", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0, help="wall-clock budget (%(default)s)")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sprites", type=Path, default=SPRITES)
    parser.add_argument("--like-training", type=Path, metavar="CONFIG", help="know the concepts of this training alone")
    parser.add_argument("--start-from", type=Path, metavar="FILE", help="begin with another checker's weights")
    parser.add_argument("--folder", type=Path, help="keeps its state, to go on from")
    parser.add_argument("--out", type=Path, default=BUNDLED)
    args = refuse_repeated(parser).parse_args(argv)
    if args.minutes <= 0 or args.batch < 2:
        print("--minutes must be more than 0 and --batch at least 2", file=sys.stderr)
        return BAD_INPUT
    try:
        like = load_train_config(args.like_training).data if args.like_training else None
        training = CheckerTraining(
            args.sprites,
            args.out,
            minutes=args.minutes,
            concepts=like.concepts if isinstance(like, ScenesConfig) else (),
            start_from=args.start_from,
            batch=args.batch,
            seed=args.seed,
            device="cuda" if torch.cuda.is_available() else "cpu",
            folder=args.folder,
        )
        train_checker(training, report=lambda line: print(line, flush=True))
    except SaveError as error:
        print(error, file=sys.stderr)
        return FAILED
    except (FileNotFoundError, ValueError) as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    return SUCCESS


if __name__ == "__main__":
    sys.exit(main())
