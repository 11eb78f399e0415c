"""How fast a training will be on this machine, and whether torch.compile works here, before its time is spent."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable

from generators.cascade.memory import first_line, free_memory, is_out_of_memory
from generators.training.ahead import Ahead
from generators.training.config import TrainConfig
from generators.training.data import Data
from generators.training.distributed import World
from generators.training.trainer import Trainer

WARM_UP = 3
"""Steps before the clock starts: compiling, the choice of kernels, the first batches ahead."""


def probe(
    config: TrainConfig, data: Data, world: World, seconds: float, report: Callable[[str], None]
) -> tuple[float, bool]:
    """Images a second of a training on its own data, after a few steps, and whether torch.compile works here."""
    source: Data = Ahead(data, config.workers) if config.workers else data
    trainer = Trainer(config, world, report)
    try:
        trainer.step(source, 0.5)
    except Exception as error:  # of many kinds: no compiler, no Triton, a kernel that can't be made
        if not config.compile or is_out_of_memory(error):
            raise
        report(f"torch.compile does not work here ({first_line(error)}): without it")
        return probe(dataclasses.replace(config, compile=False), data, world, seconds, report)
    for _ in range(WARM_UP - 1):
        trainer.step(source, 0.5)
    began, steps = time.monotonic(), 0
    while steps == 0 or time.monotonic() - began < seconds:
        trainer.step(source, 0.5)
        steps += 1
    rate = steps * config.batch / (time.monotonic() - began)
    del trainer
    free_memory()
    return rate, config.compile
