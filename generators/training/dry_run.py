"""What a training would take, before it takes it: parameters, memory, arithmetic. On the meta device, in seconds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from generators.cascade.blocks import TextStates
from generators.cascade.unet import build_unet
from generators.training.config import TrainConfig
from generators.training.data import Batch, rows_of
from generators.training.objective import Draws, stage_loss


@dataclass(frozen=True, slots=True)
class Needs:
    """`parameters`: numbers the network learns. `micro_batch`: images at once in a process.

    `flops`: of a whole step, forward and backward, over all processes. `state_bytes`: a process's weights, gradients,
    optimiser and averages. `activation_bytes`: what the backward pass keeps of one micro-batch, roughly.
    `checkpoint_bytes`: of `state.pt` on disk. `text_tokens`: of a prompt at most. `image_tokens`: positions of the
    finest self-attention, 0 without any.
    """

    parameters: int
    micro_batch: int
    flops: float
    state_bytes: int
    activation_bytes: int
    checkpoint_bytes: int
    text_tokens: int
    image_tokens: int


def needs(config: TrainConfig, world: int = 1) -> Needs:
    """What a training takes in each of `world` processes.

    Raises:
        ConfigError: the batch can't be shared by them.
    """
    share = len(rows_of(config.batch, 0, world))
    micro = min(config.micro_batch or share, share)
    with torch.device("meta"):
        network = build_unet(config.network, config.text)
        count = sum(parameter.numel() for parameter in network.parameters())
        # Both are proportional to the rows; two measurements would tell apart what is fixed, and it is next to nothing.
        one, forward_bytes = _one_row(network, config)
    numbers = 4 * count
    moments = 0 if config.optimiser == "adafactor" else 2
    split = world if world > 1 and config.parallel == "fsdp" else 1
    kept = (1 + moments + len(config.ema_stds)) * numbers
    levels = [config.network.grid(level) ** 2 for level in config.network.unet.self_attention]
    return Needs(
        parameters=count,
        micro_batch=micro,
        flops=one * config.batch,
        state_bytes=(kept + numbers) // split,
        activation_bytes=forward_bytes * micro // (2 if config.bf16 else 1),
        checkpoint_bytes=kept,
        text_tokens=config.text.max_tokens,
        image_tokens=max(levels, default=0),
    )


def _one_row(network: torch.nn.Module, config: TrainConfig) -> tuple[float, int]:
    """Floating-point operations of a step's forward and backward for one image, and the bytes kept between them."""
    stage, crop = config.network, config.crop
    low = crop * stage.low_size // stage.size
    low_res = torch.zeros(1, 3, low, low) if low else None
    text = TextStates(torch.zeros(1, config.text.max_tokens, config.text.width), torch.ones(1, 1) > 0)
    text = TextStates(text.tokens, text.mask.expand(1, config.text.max_tokens))
    batch = Batch(torch.zeros(1, 3, crop, crop), low_res, text, ("",))
    level = torch.zeros(1)
    drawn = Draws(torch.zeros(1), level == 0, torch.zeros(1, 3, crop, crop), level, low_res)
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        if not isinstance(tensor, torch.nn.Parameter):
            kept[id(tensor.untyped_storage())] = tensor.untyped_storage().nbytes()
        return tensor

    with FlopCounterMode(display=False) as counter, saved_tensors_hooks(keep, lambda tensor: tensor):
        stage_loss(network, stage, batch, drawn).backward()
    return float(counter.get_total_flops()), sum(kept.values())


def told(config: TrainConfig, found: Needs, world: int) -> str:
    """The same for people."""
    pieces = math.ceil(config.batch / world / found.micro_batch)
    shared = f"{world} processes ({config.parallel})" if world > 1 else "one process"
    whole = "a quarter to a half of it with checkpoint_blocks" if config.checkpoint_blocks else "all blocks' kept"
    attention = f", self-attention over {found.image_tokens}" if found.image_tokens else ", no self-attention"
    state = f"{_size(found.state_bytes)} for weights, gradients, optimiser and averages"
    kept = f"about {_size(found.activation_bytes)} for activations ({whole})"
    images = f"{pieces} micro-batch{'es' if pieces > 1 else ''} of {found.micro_batch} images of {config.crop} pixels"
    lines = [
        f"{config.cascade} {config.stage}: {found.parameters / 1e6:,.1f} M parameters, {config.optimiser}",
        f"batch {config.batch} in {shared}, {images} in each",
        f"text: at most {found.text_tokens} tokens of width {config.text.width} a prompt{attention}",
        f"a step: {found.flops / 1e12:,.3g} TFLOP, {found.flops / config.batch / 1e9:,.3g} GFLOP an image",
        f"memory a process: {state}; {kept}",
        f"a checkpoint: {_size(found.checkpoint_bytes)}, twice that while one replaces the other",
    ]
    return "\n".join(lines)


def _size(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.0f} MB"
