"""One process of a training of the tiny cascade, for the tests that need processes of their own.

`python -m tests.training.worker run ARGUMENTS` is `generators.training.train ARGUMENTS` on the toy squares;
`... killed WHERE ARGUMENTS` the same, but killed by signal 9 at a certain point of a save; `... scenarios FOLDER` what
`test_distributed` compares.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from generators.training import checkpoints, distributed, saving, train
from generators.training.config import TrainConfig
from generators.training.data import Data
from generators.training.trainer import Trainer
from tests.training import toy

STEPS = 6
HALF = 3


def scenario(name: str) -> TrainConfig:
    """Configurations by what shares the work; all of them take the same steps."""
    parallel = "fsdp" if name.startswith("fsdp") else "ddp"
    micro = 2 if "micro" in name else 0
    return toy.config(
        parallel=parallel,
        micro_batch=micro,
        checkpoint_blocks="blocks" in name,
        learning_rate=1e-3,
        cooldown=0.0,
        bf16="bf16" in name,
        sample_steps=STEPS,
        snapshot_steps=STEPS,
    )


def scenarios(folder: Path) -> None:
    """Each kind of training, fresh in two processes, and gone on with from one process's checkpoint."""
    world = distributed.join("cpu")
    for name in ("ddp-micro", "fsdp-blocks", "fsdp-bf16"):
        config = scenario(name)
        data = toy.Squares(config)
        fresh = Trainer(config, world)
        train.train(fresh, data, folder / name, minutes=None, steps=STEPS)
        if config.bf16:  # another configuration than that of the one process
            continue
        went_on = Trainer(config, world)
        checkpoints.resume(went_on, folder / "one")
        for _ in range(HALF, STEPS):
            went_on.step(data, 0.0)
        checkpoints.save(went_on, folder / f"{name}-resumed")
    distributed.leave()


def dying(point: str) -> None:
    """Let this process be killed in its second save: half-way through the state's file ("state"), before that gets its
    name ("name"), or before the index of the weights ("index")."""
    owner, name = {
        "state": (saving.torch, "save"),
        "name": (os, "replace"),
        "index": (checkpoints, "write_index"),
    }[point]
    function: Callable[..., Any] = getattr(owner, name)
    met = 0

    def fatal(*args: Any) -> Any:
        nonlocal met
        met += point != "name" or Path(args[1]).name == saving.STATE
        if met < 2:
            return function(*args)
        if point == "state":
            function(*args)
            os.truncate(args[1], os.path.getsize(args[1]) // 2)
        os.kill(os.getpid(), signal.SIGKILL)
        return None

    setattr(owner, name, fatal)


def squares(config: TrainConfig, report: Callable[[str], None] = print, device: object = None) -> Data:
    """Instead of the training set that the configuration names."""
    return toy.Squares(config)


def main(argv: list[str]) -> int:
    """The command line."""
    toy.register()
    torch.set_num_threads(1)
    train.load_data = squares
    word, *rest = argv
    if word == "scenarios":
        scenarios(Path(rest[0]))
        return 0
    if word == "killed":
        dying(rest.pop(0))
    return train.main(rest)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
