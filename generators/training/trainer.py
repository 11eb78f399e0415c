"""Network, optimiser, averages and progress of one training, and the step that it takes again and again."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, set_model_state_dict
from torch.nn.parallel import DistributedDataParallel
from torch.utils.checkpoint import checkpoint

from generators.cascade.blocks import TextStates
from generators.cascade.configs import ConfigError
from generators.cascade.memory import first_line, free_memory, is_out_of_memory
from generators.cascade.networks import build_unet
from generators.training.config import TrainConfig
from generators.training.data import Batch, Data, rows_of
from generators.training.distributed import ALONE, World, blocks_of, share_out, whole
from generators.training.ema import PowerEma
from generators.training.objective import draw, stage_loss

MAX_SKIPPED = 10
"""Steps in a row without a finite gradient after which a training is taken for lost."""


class Diverged(RuntimeError):
    """A training that can't go on: its loss or gradient is no longer a number."""


@dataclass(slots=True)
class Progress:
    """Where a training stands. `seconds`: spent so far, all runs together. `losses`: since the last report.

    `skipped`: steps left out because their gradient was not finite, `in_row` of them without a good one since.
    `norm`: of the last gradient, before clipping.
    """

    step: int = 0
    seconds: float = 0.0
    skipped: int = 0
    in_row: int = 0
    norm: float = 0.0
    losses: list[float] = field(default_factory=list)


class Trainer:
    """One training in one process; all processes of a training call the same methods at the same time."""

    def __init__(self, config: TrainConfig, world: World = ALONE, report: Callable[[str], None] = print) -> None:
        rows_of(config.batch, world.rank, world.size)
        self.sharded = world.size > 1 and config.parallel == "fsdp"
        if self.sharded and config.optimiser == "adafactor":
            raise ConfigError(
                "training: torch's adafactor takes norms over a process's own shard and would learn otherwise under "
                'fsdp: use "optimiser": "adamw", or "parallel": "ddp"'
            )
        self.config = config
        self.world = world
        self.report = report if world.main else _silent
        self.bf16 = config.bf16 and self._has_bf16()
        self.progress = Progress()
        self.micro = config.micro_batch or config.batch // world.size
        torch.manual_seed(config.seed)
        self.network = build_unet(config.network, config.text)
        initial: dict[str, Any] = {}
        if self.sharded:  # only rank 0 holds the whole network, and only until it is handed out
            initial = self.network.state_dict() if world.main else {}
            with torch.device("meta"):
                self.network = build_unet(config.network, config.text)
        else:
            self.network.to(device=world.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if config.checkpoint_blocks:
            recompute_blocks(self.network)
        if config.compile:
            for part in blocks_of(self.network) if self.sharded else [self.network]:
                part.compile()
        self.engine = share_out(self.network, config.parallel, world)
        if self.sharded:
            self.network.to_empty(device=world.device)
            set_model_state_dict(self.network, initial, options=self.loading)
        self.optimiser = self._optimiser()
        self.averages = {std: PowerEma(self.network, std) for std in config.ema_stds}

    @property
    def ema(self) -> PowerEma:
        """The average that is written for use."""
        return self.averages[self.config.ema_std]

    @property
    def loading(self) -> StateDictOptions:
        """How a whole state comes in: rank 0 has it and hands it out."""
        return StateDictOptions(full_state_dict=True, broadcast_from_rank0=self.world.size > 1)

    def learning_rate(self, done: float) -> float:
        """The rate when `done` of the budget (0 to 1) is spent: warm-up by steps, flat, then down to zero."""
        config = self.config
        warm = min(1.0, (self.progress.step + 1) / max(1, config.warmup))
        cool = min(1.0, max(0.0, 1.0 - done) / config.cooldown) if config.cooldown else 1.0
        if config.decay == "cosine":
            cool = (1 - math.cos(math.pi * cool)) / 2
        return config.learning_rate * warm * cool

    def step(self, data: Data, done: float) -> float:
        """One step; returns its loss over this process's rows.

        Raises:
            Diverged: the gradient was not finite for `MAX_SKIPPED` steps in a row.
        """
        progress, world = self.progress, self.world
        for group in self.optimiser.param_groups:
            group["lr"] = self.learning_rate(done)
        batch = _to(data.batch(progress.step, world.rank, world.size), world.device)
        value = self._backward(batch)
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip)
        progress.norm = whole(norm)
        if math.isfinite(progress.norm):  # the same in every process: a bad gradient anywhere is in the shared one
            self.optimiser.step()
            progress.in_row = 0
        else:
            progress.skipped += 1
            progress.in_row += 1
        self.optimiser.zero_grad(set_to_none=True)
        progress.step += 1
        for average in self.averages.values():
            average.update(self.network, progress.step)
        if math.isfinite(value):
            progress.losses.append(value)
        if progress.in_row >= MAX_SKIPPED:
            raise Diverged(
                f"step {progress.step}: the gradient was not finite for {progress.in_row} steps in a row; nothing more "
                "can be learned like this. Lower learning_rate or clip, lengthen warmup, or set bf16 to false"
            )
        return value

    def _backward(self, batch: Batch) -> float:
        """Gradients of the loss over a batch, by micro-batches; too little memory halves them, once and for all."""
        while True:
            try:
                return self._accumulate(batch)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if self.world.size > 1 or self.micro <= 1:
                    raise ConfigError(
                        f"no memory left for micro-batches of {self.micro} ({first_line(error)}). Set micro_batch "
                        "lower or checkpoint_blocks to true; in several processes also parallel to fsdp"
                    ) from error
            # Out of the handler: while the error lives, so does what it was about to compute with.
            self.optimiser.zero_grad(set_to_none=True)
            free_memory()
            self.micro = max(1, self.micro // 2)
            self.report(f"no memory left: from here in micro-batches of {self.micro}; the steps stay the same")

    def _accumulate(self, batch: Batch) -> float:
        config, world = self.config, self.world
        rows = rows_of(config.batch, world.rank, world.size)
        total = torch.zeros((), device=world.device)
        for first in range(0, len(rows), self.micro):
            piece = slice(first, min(first + self.micro, len(rows)))
            drawn = draw(config, self.progress.step, rows[piece], world.device)
            with self._exchange(last=piece.stop == len(rows)):
                with torch.autocast(world.device.type, torch.bfloat16, enabled=self.bf16):
                    loss = stage_loss(self.engine, config.network, _piece(batch, piece), drawn, config.weighting)
                loss = loss * ((piece.stop - piece.start) / len(rows))
                loss.backward()
            total += loss.detach()
        return float(total)

    def _exchange(self, *, last: bool) -> AbstractContextManager[None]:
        """DDP exchanges gradients in the last micro-batch alone; FSDP in each, to keep none but its shard's."""
        if isinstance(self.engine, DistributedDataParallel) and not last:
            return self.engine.no_sync()
        return nullcontext()

    def _optimiser(self) -> torch.optim.Optimizer:
        config = self.config
        parameters = list(self.network.parameters())
        if config.optimiser == "adafactor":
            return torch.optim.Adafactor(parameters, lr=0.0, weight_decay=config.weight_decay)
        betas = (config.betas[0], config.betas[1])
        return torch.optim.AdamW(parameters, lr=0.0, betas=betas, weight_decay=config.weight_decay, fused=True)

    def _has_bf16(self) -> bool:
        """Whether this device computes in bfloat16 by itself; emulated it is slower than float32."""
        if self.world.device.type == "cuda":
            able = torch.cuda.is_bf16_supported(including_emulation=False)
        else:
            able = any(torch.cpu.get_capabilities().get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
        if not able:
            self.report(f"this {self.world.device.type} has no bfloat16: float32 instead")
        return able


def recompute_blocks(network: nn.Module) -> None:
    """Let each block keep its input alone, and compute the rest again in the backward pass."""
    for block in blocks_of(network):
        block.forward = functools.partial(checkpoint, block.forward, use_reentrant=False)


def _to(batch: Batch, device: torch.device) -> Batch:
    def moved(images: Tensor) -> Tensor:
        return images.to(device, memory_format=torch.channels_last, non_blocking=True)

    low_res = None if batch.low_res is None else moved(batch.low_res)
    return Batch(moved(batch.images), low_res, batch.text.to(device, torch.float32), batch.captions)


def _piece(batch: Batch, rows: slice) -> Batch:
    low_res = None if batch.low_res is None else batch.low_res[rows]
    text = TextStates(batch.text.tokens[rows], batch.text.mask[rows])
    return Batch(batch.images[rows], low_res, text, batch.captions[rows])


def _silent(line: str) -> None:
    """What the other processes say."""
