"""`generators.training.all` in a process of its own, on the tiny cascade; may be killed at its N-th step of a stage."""

import os
import signal
import sys

import torch

from generators.training import all as command
from generators.training.trainer import Trainer
from tests.training import toy


def main(argv: list[str]) -> int:
    """STAGE:STEP to be killed there by SIGKILL, or "-"; then the command's own arguments."""
    toy.register()
    torch.set_num_threads(1)
    where, *rest = argv
    if where != "-":
        stage, step = where.split(":")
        taken = Trainer.step

        def fatal(trainer: Trainer, *args: object) -> float:
            if (trainer.config.stage, trainer.progress.step) == (stage, int(step)):
                os.kill(os.getpid(), signal.SIGKILL)
            return taken(trainer, *args)  # type: ignore[arg-type]

        Trainer.step = fatal  # type: ignore[method-assign, assignment]
    return command.main(rest)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
