"""What a training would take, before it takes it: parameters, memory, arithmetic. On the meta device, in seconds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, UntypedStorage, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from generators.cascade.blocks import TextStates
from generators.cascade.networks import build_unet
from generators.training.config import TrainConfig
from generators.training.data import rows_of
from generators.training.trainer import recompute_blocks


@dataclass(frozen=True, slots=True)
class Needs:
    """`parameters`: numbers the network learns. `micro_batch`: images at once in a process.

    `flops`: of a whole step, forward and backward, over all processes. `state_bytes`: a process's weights, gradients,
    optimiser and averages. `activation_bytes`: what the backward pass keeps of one micro-batch, roughly.
    `text_tokens`: of a prompt at most. `image_tokens`: positions of the finest self-attention, 0 without any.
    """

    parameters: int
    micro_batch: int
    flops: float
    state_bytes: int
    activation_bytes: int
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
        if config.checkpoint_blocks:
            recompute_blocks(network)
        flops, kept = _one_row(network, config)
    count = sum(parameter.numel() for parameter in network.parameters())
    split = world if world > 1 and config.parallel == "fsdp" else 1
    levels = [config.network.grid(level) ** 2 for level in config.network.unet.self_attention]
    return Needs(
        parameters=count,
        micro_batch=micro,
        flops=flops * config.batch,
        state_bytes=(checkpoint_bytes(config, count) + 4 * count) // split,
        activation_bytes=kept * micro // (2 if config.bf16 else 1),
        text_tokens=config.text.max_tokens,
        image_tokens=max(levels, default=0),
    )


def checkpoint_bytes(config: TrainConfig, parameters: int) -> int:
    """The size of `state.pt`: weights, moments and averages in float32."""
    moments = 0 if config.optimiser == "adafactor" else 2
    return 4 * parameters * (1 + moments + len(config.ema_stds))


def _one_row(network: nn.Module, config: TrainConfig) -> tuple[float, int]:
    """Floating-point operations of a step's forward and backward for one image, and the bytes kept between them."""
    crop, length = config.crop, config.text.max_tokens
    image, one = torch.zeros(1, config.network.unet.image_channels, crop, crop), torch.zeros(1)
    text = TextStates(torch.zeros(1, length, config.text.width), torch.zeros(1, length, dtype=torch.bool))
    low_res = (image, one) if config.network.low_size else ()
    kept: dict[int, tuple[UntypedStorage, int]] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if not isinstance(tensor, nn.Parameter):
            kept[storage._cdata] = (storage, storage.nbytes())  # held, so that no other takes its number
        return tensor

    with FlopCounterMode(display=False) as counter:
        with saved_tensors_hooks(keep, lambda tensor: tensor):
            output = network(image, one, text, one == 0, *low_res)
        output.square().mean().backward()
    return float(counter.get_total_flops()), sum(size for _, size in kept.values())


def needs_in_words(config: TrainConfig, needs: Needs, world: int) -> str:
    """The same for people."""
    pieces = math.ceil(config.batch / world / needs.micro_batch)
    shared = f"{world} processes ({config.parallel})" if world > 1 else "one process"
    attention = f", self-attention over {needs.image_tokens}" if needs.image_tokens else ", no self-attention"
    state = f"{_size(needs.state_bytes)} for weights, gradients, optimiser and averages"
    kept = f"about {_size(needs.activation_bytes)} for activations"
    images = f"{pieces} micro-batch{'es' if pieces > 1 else ''} of {needs.micro_batch} images of {config.crop} pixels"
    lines = [
        f"{config.cascade} {config.stage}: {needs.parameters / 1e6:,.1f} M parameters, {config.optimiser}",
        f"batch {config.batch} in {shared}, {images} in each",
        f"text: at most {needs.text_tokens} tokens of width {config.text.width} a prompt{attention}",
        f"a step: {needs.flops / 1e12:,.3g} TFLOP, {needs.flops / config.batch / 1e9:,.3g} GFLOP an image",
        f"memory a process: {state}; {kept}",
        f"a checkpoint: {_size(checkpoint_bytes(config, needs.parameters))}, twice that while one replaces the other",
    ]
    return "\n".join(lines)


def _size(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.0f} MB"
