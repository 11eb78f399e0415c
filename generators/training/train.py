"""Train one stage of the cascade: `python -m generators.training.train CONFIG.json --minutes N --out FOLDER`.

On one CPU or GPU as it stands; on many with torchrun: `torchrun --nproc-per-node 8 -m generators.training.train ...`.

Killed at any moment it goes on with --resume from its last checkpoint, to the identical next step: batches and noise
depend on the seed and the step's number alone. FOLDER gets `state.pt` (all that a resume needs), the averaged weights
as `STAGE.safetensors` with `index.json` (usable as the generator's parameter `weights`), `log.jsonl`, TensorBoard
curves, and pictures in `samples/`.
"""

from __future__ import annotations

import argparse
import math
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from common.commands import BAD_INPUT, FAILED, INTERRUPTED, SUCCESS, refuse_repeated
from common.files import SaveError, partial_files_remove
from generators.cascade.configs import ConfigError
from generators.contract import GeneratorError
from generators.places import TRAINING
from generators.training import checkpoints
from generators.training.ahead import Ahead
from generators.training.config import TrainConfig, load_train_config
from generators.training.curves import Curves, duration
from generators.training.data import Data, load_data
from generators.training.distributed import World, join, leave
from generators.training.dry_run import checkpoint_bytes, needs, needs_in_words
from generators.training.grids import asked_for, write_grid
from generators.training.saving import STATE
from generators.training.trainer import Diverged, Trainer

REPORT_EVERY_S = 15.0


def train(
    trainer: Trainer,
    data: Data,
    folder: Path,
    *,
    minutes: float | None,
    steps: int | None,
    save_every_s: float = 180.0,
    stop: threading.Event | None = None,
) -> None:
    """Steps until the budget (`minutes` of all runs, or `steps`) is spent; saves now and then and at the end.

    `stop`: once set, it saves after the step at hand and returns.

    Raises:
        SaveError: the disk is full or can't be written; the last whole checkpoint is still there.
        Diverged: it can't go on.
        ConfigError: too little memory.
    """
    config, progress, world = trainer.config, trainer.progress, trainer.world
    asked = asked_for(config, data) if config.sample_steps else None
    source: Data = Ahead(data, config.workers) if config.workers else data
    if world.main:
        partial_files_remove(folder)
    reports = _Reports(trainer, folder, minutes=minutes, steps=steps)
    saved, saved_step = time.monotonic(), progress.step
    try:
        while True:
            began = time.monotonic()
            done = progress.step / steps if steps is not None else progress.seconds / (60 * (minutes or 1.0))
            # Clocks differ, so rank 0's decides; a signal may have reached any process.
            due = progress.step > saved_step and began - saved > save_every_s
            done, to_report, to_save = world.agree([done, reports.due(), due])
            stopped = world.any(stop is not None and stop.is_set())
            if to_report:
                reports.write(done)
            if done >= 1 or stopped:
                break
            if to_save:
                checkpoints.save(trainer, folder)
                saved, saved_step = time.monotonic(), progress.step
            trainer.step(source, done)
            if asked is not None and progress.step % config.sample_steps == 0:
                reports.picture(write_grid(trainer, asked, folder))
            if config.snapshot_steps and progress.step % config.snapshot_steps == 0:
                checkpoints.snapshot(trainer, folder)
            progress.seconds += time.monotonic() - began
        reports.write(min(1.0, done))
        checkpoints.save(trainer, folder)
    finally:
        reports.close()


class _Reports:
    """The lines and curves of one run: how far it is, how fast, how long still."""

    def __init__(self, trainer: Trainer, folder: Path, *, minutes: float | None, steps: int | None) -> None:
        self._trainer = trainer
        self._minutes, self._steps = minutes, steps
        self._at, self._step = time.monotonic(), trainer.progress.step
        self._curves = Curves(folder, self._step, trainer.report) if trainer.world.main else None

    def due(self) -> bool:
        """Whether people have waited long enough."""
        return time.monotonic() - self._at > REPORT_EVERY_S

    def write(self, done: float) -> None:
        """One line of what was done since the last; nothing if nothing was."""
        trainer, progress = self._trainer, self._trainer.progress
        config, stepped = trainer.config, progress.step - self._step
        if not stepped:
            return
        now = time.monotonic()
        losses = progress.losses
        loss = trainer.world.mean(sum(losses) / len(losses) if losses else math.nan)
        losses.clear()
        a_step = (now - self._at) / stepped
        rate = config.batch / max(a_step, 1e-9)
        self._at, self._step = now, progress.step
        if self._curves is None:
            return
        if self._steps is None:
            left = 60 * (self._minutes or 0.0) - progress.seconds
        else:
            left = (self._steps - progress.step) * a_step
        lr = trainer.learning_rate(done)
        trainer.report(
            f"{config.stage} {done:6.1%}  step {progress.step}{f'/{self._steps}' if self._steps else ''}  "
            f"loss {loss:.4f}  lr {lr:.2e}  {rate:.0f} images/s  left {duration(left)}"
            + (f"  skipped {progress.skipped}" if progress.skipped else "")
        )
        told = {"seconds": progress.seconds, "loss": loss, "learning_rate": lr, "images_per_s": rate}
        self._curves.add(progress.step, {**told, "gradient_norm": progress.norm, "skipped": progress.skipped})

    def picture(self, image: NDArray[np.uint8] | None) -> None:
        """A grid of samples, beside the curves."""
        if self._curves is not None and image is not None:
            self._curves.picture(self._trainer.progress.step, "samples", image)

    def close(self) -> None:
        """Everything is on the disk afterwards."""
        if self._curves is not None:
            self._curves.close()


def main(argv: list[str] | None = None) -> int:
    """The command line.

    0 when the budget is spent; 1 when it can't go on (a full disk, a loss that is no number), the last checkpoint being
    whole; 2 on bad input; 130 stopped, and saved, by Ctrl-C or SIGTERM.
    """
    args = refuse_repeated(_parser()).parse_args(argv)
    try:
        config = load_train_config(args.config)
        world = join(args.device)
        try:
            return _run(args, config, world)
        except (SaveError, Diverged) as error:
            _say(world, f"{error}\n{_still_there(args.out or _default_out(args.config))}")
            return FAILED
        finally:
            leave()
    except (ConfigError, GeneratorError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return BAD_INPUT


def _run(args: argparse.Namespace, config: TrainConfig, world: World) -> int:
    out: Path = args.out or _default_out(args.config)
    steps, minutes = args.steps, args.minutes
    if steps is None and minutes is None:
        steps = config.steps or None
    if args.dry_run:
        if world.main:
            print(needs_in_words(config, needs(config, world.size), world.size))
        return SUCCESS
    if steps is None and minutes is None:
        raise ConfigError(f"{args.config} names no steps: give --steps N or --minutes N")
    if not args.resume and (out / STATE).exists():
        raise ConfigError(f"{out} holds a training already: add --resume, or give another --out")
    trainer = Trainer(config, world, _print)
    if args.resume:
        checkpoints.resume(trainer, out)
    elif args.start_from:
        checkpoints.start_from(trainer, args.start_from)
    elif args.take_over:
        taken, whole = checkpoints.take_over(trainer, args.take_over)
        trainer.report(f"taken over from {args.take_over}: {taken:,} of {whole:,} parameters")
    if world.main:
        _warn_of_disk(out, checkpoint_bytes(config, sum(one.numel() for one in trainer.network.parameters())))
    data = load_data(config, trainer.report, world.device)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    train(trainer, data, out, minutes=minutes, steps=steps, save_every_s=60 * args.save_minutes, stop=stop)
    if world.any(stop.is_set()):
        _say(world, f"stopped and saved at step {trainer.progress.step}; --resume goes on from there")
        return INTERRUPTED
    return SUCCESS


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m generators.training.train",
        description=__doc__,
        epilog="docs/training.md has the whole road.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("config", type=Path, help="JSON, see generators/training/configs/")
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--minutes", type=_positive(float), help="wall-clock budget, all runs of --resume together")
    budget.add_argument("--steps", type=_positive(int), help="budget in steps; default: the configuration's")
    parser.add_argument("--out", type=Path, help="folder for what comes of it; default: var/training/NAME of CONFIG")
    parser.add_argument("--resume", action="store_true", help="go on from --out's last checkpoint")
    parser.add_argument("--start-from", type=Path, metavar="FOLDER", help="begin with another training's weights")
    parser.add_argument(
        "--take-over", type=Path, metavar="FOLDER", help="begin with what of another network's weights fits in here"
    )
    parser.add_argument("--device", default="auto", help="auto (a GPU where there is one), cpu, cuda")
    parser.add_argument(
        "--save-minutes", type=_positive(float), default=3.0, metavar="N", help="between checkpoints; default 3"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what it would take, and do nothing")
    return parser


def _positive(kind: Callable[[str], float]) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = 0
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"{text!r} is no {kind.__name__} above 0")
        return value

    return parse


def _default_out(config: Path) -> Path:
    return TRAINING / config.stem


def _print(line: str) -> None:
    print(line, flush=True)


def _say(world: World, line: str) -> None:
    if world.main:
        print(line, file=sys.stderr)


def _still_there(out: Path) -> str:
    if (out / STATE).exists():
        return f"The last whole checkpoint is in {out}: mend the cause and go on with --resume"
    return f"Nothing was saved in {out} yet: mend the cause and start again"


def _warn_of_disk(out: Path, needed: int) -> None:
    place = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    free = shutil.disk_usage(place).free
    if free < 2 * needed:
        _print(
            f"only {free / 1e9:.1f} GB are free for {out}; at each save two checkpoints of "
            f"{needed / 1e9:.1f} GB stand there for a moment"
        )


if __name__ == "__main__":
    sys.exit(main())
