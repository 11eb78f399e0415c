"""Train one stage of the cascade: `python -m generators.training.train CONFIG.json --minutes N --out FOLDER`.

Killed at any moment it goes on with --resume from its last checkpoint, to the identical next step: batches and noise
depend on the seed and the step's number alone. FOLDER gets `state.pt` (all that a resume needs), the averaged weights
as `STAGE.safetensors` with `index.json` (usable as the generator's parameter `weights`), and `log.jsonl`.
"""

from __future__ import annotations

import argparse
import json
import pickle
import signal
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from generators.cascade.checkpoint import save_stage, write_index
from generators.cascade.configs import ConfigError
from generators.cascade.unet import build_unet
from generators.training.config import TrainConfig, load_train_config, to_plain
from generators.training.data import Data, load_data
from generators.training.objective import PowerEma, stage_loss

STATE_SCHEMA = "drawbench-training/1"


@dataclass(slots=True)
class Progress:
    """Where a training stands. `seconds`: spent so far, all runs together. `losses`: since the last report."""

    step: int = 0
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)


class Trainer:
    """Network, optimiser, average and progress of one stage."""

    def __init__(self, config: TrainConfig) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.network: nn.Module = build_unet(config.network, config.text).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=0.0, betas=(0.9, 0.99), weight_decay=config.weight_decay, fused=True
        )
        self.ema = PowerEma(self.network, config.ema_std)
        self.progress = Progress()

    def learning_rate(self, done: float) -> float:
        """The rate when `done` of the budget (0 to 1) is spent: warm-up by steps, flat, then linearly to zero."""
        config = self.config
        warm = min(1.0, (self.progress.step + 1) / max(1, config.warmup))
        cool = min(1.0, max(0.0, 1.0 - done) / config.cooldown) if config.cooldown else 1.0
        return config.learning_rate * warm * cool

    def step(self, data: Data, done: float) -> float:
        """One step; returns its loss."""
        config = self.config
        random = torch.Generator().manual_seed((config.seed << 32) + self.progress.step)
        for group in self.optimiser.param_groups:
            group["lr"] = self.learning_rate(done)
        batch = data.batch(self.progress.step)
        with torch.autocast("cpu", torch.bfloat16, enabled=config.bf16):
            loss = stage_loss(
                self.network, config.network, batch, random, text_drop=config.text_drop, max_aug=config.max_aug
            )
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), config.clip)
        self.optimiser.step()
        self.progress.step += 1
        self.ema.update(self.network, self.progress.step)
        value = float(loss.detach())
        self.progress.losses.append(value)
        return value

    def save(self, folder: Path) -> None:
        """Everything a resume needs, and the averaged weights for use; the last whole file stays until then."""
        folder.mkdir(parents=True, exist_ok=True)
        state = {
            "schema": STATE_SCHEMA,
            "config": json.dumps(to_plain(self.config)),
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "ema": self.ema.weights,
            "step": self.progress.step,
            "seconds": self.progress.seconds,
        }
        part = folder / "state.pt.part"
        torch.save(state, part)
        part.replace(folder / "state.pt")
        config, progress = self.config, self.progress
        about = (
            f"{progress.step} steps of {config.batch}, {progress.seconds / 60:.0f} minutes, power EMA {config.ema_std}"
        )
        save_stage(folder / f"{config.stage}.safetensors", self.ema.weights, config.network, config.text, about)
        write_index(folder, config.cascade)

    def load(self, folder: Path) -> None:
        """Go on from a folder's checkpoint.

        Raises:
            ConfigError: there is none, it can't be read, or it belongs to another configuration.
        """
        state = _read_state(folder)
        if state["config"] != json.dumps(to_plain(self.config)):
            raise ConfigError(f"{folder} belongs to another configuration; give its own, or another --out")
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.ema.weights = state["ema"]
        self.progress = Progress(step=state["step"], seconds=state["seconds"])

    def start_from(self, folder: Path) -> None:
        """Take network and optimiser of another training of the same stage; steps and budget start anew.

        Raises:
            ConfigError: there is none, it can't be read, or its network is another.
        """
        state = _read_state(folder)
        try:
            self.network.load_state_dict(state["network"])
        except RuntimeError:
            raise ConfigError(
                f"{folder} trained another network than {self.config.cascade} {self.config.stage}"
            ) from None
        self.optimiser.load_state_dict(state["optimiser"])
        self.ema = PowerEma(self.network, self.config.ema_std)


def _read_state(folder: Path) -> dict[str, Any]:
    path = folder / "state.pt"
    if not path.is_file():
        raise ConfigError(f"nothing to go on from: {path} is not there")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, pickle.UnpicklingError) as error:
        raise ConfigError(f"{path} can't be read: {str(error).splitlines()[0]}") from error
    if not isinstance(state, dict) or state.get("schema") != STATE_SCHEMA:
        raise ConfigError(f"{path} is not a training's state of schema {STATE_SCHEMA}")
    return state


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
    """
    progress = trainer.progress
    folder.mkdir(parents=True, exist_ok=True)
    saved = reported = time.monotonic()
    while True:
        done = progress.step / steps if steps is not None else progress.seconds / (60 * (minutes or 1.0))
        if done >= 1 or (stop is not None and stop.is_set()):
            break
        began = time.monotonic()
        trainer.step(data, done)
        now = time.monotonic()
        progress.seconds += now - began
        if now - reported > 15:
            reported = now
            _report(trainer, folder, done)
        if now - saved > save_every_s:
            saved = now
            trainer.save(folder)
    if progress.losses:
        _report(trainer, folder, 1.0)
    trainer.save(folder)


def _report(trainer: Trainer, folder: Path, done: float) -> None:
    progress, config = trainer.progress, trainer.config
    loss = sum(progress.losses) / len(progress.losses)
    progress.losses.clear()
    rate = progress.step * config.batch / max(progress.seconds, 1e-9)
    print(
        f"{config.stage} {done:6.1%}  step {progress.step}  loss {loss:.4f}  lr {trainer.learning_rate(done):.2e}  "
        f"{rate:.0f} images/s",
        flush=True,
    )
    with (folder / "log.jsonl").open("a", encoding="utf-8") as log:
        log.write(json.dumps({"step": progress.step, "seconds": round(progress.seconds, 1), "loss": loss}) + "\n")


def main(argv: list[str] | None = None) -> int:
    """The command line: 0 when the budget is spent, 2 on bad input, 130 stopped (and saved) by Ctrl-C or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m generators.training.train", description=__doc__)
    parser.add_argument("config", type=Path, help="JSON, see generators/training/configs/")
    budget = parser.add_mutually_exclusive_group(required=True)
    budget.add_argument("--minutes", type=float, help="wall-clock budget, all runs of --resume together")
    budget.add_argument("--steps", type=int, help="budget in steps instead")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--resume", action="store_true", help="go on from --out's last checkpoint")
    parser.add_argument("--start-from", type=Path, metavar="FOLDER", help="begin with another training's weights")
    args = parser.parse_args(argv)
    try:
        trainer = Trainer(load_train_config(args.config))
        if args.resume:
            trainer.load(args.out)
        elif (args.out / "state.pt").exists():
            raise ConfigError(f"{args.out} holds a training already: add --resume, or give another --out")
        elif args.start_from:
            trainer.start_from(args.start_from)
        data = load_data(trainer.config, lambda line: print(line, flush=True))
    except (ConfigError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 2
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    train(trainer, data, args.out, minutes=args.minutes, steps=args.steps, stop=stop)
    if stop.is_set():
        print(f"stopped and saved at step {trainer.progress.step}; --resume goes on from there", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
