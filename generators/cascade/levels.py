"""What both U-Nets share: a level's blocks with their attention, and the low-resolution image beside the noisy one."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from generators.cascade.blocks import Attention, ResBlock
from generators.cascade.configs import UNetConfig


class Level(nn.Module):
    """Residual blocks of one resolution, each (or the last alone) followed by attention where the level has it."""

    def __init__(self, config: UNetConfig, level: int, inside: list[int], *, residual_scale: float = 1.0) -> None:
        super().__init__()
        channels = config.channels[level]
        self.blocks = nn.ModuleList(
            ResBlock(width, channels, config.embedding, residual_scale=residual_scale) for width in inside
        )
        self.last = len(inside) - 1
        self.once = config.attention_once
        self.attention = nn.ModuleList(
            attention
            for _ in (inside[-1:] if self.once else inside)
            if (attention := attention_of(config, level)) is not None
        )

    def forward(self, index: int, x: Tensor, embedding: Tensor, text: Tensor, mask: Tensor) -> Tensor:
        """Block `index` and its attention."""
        x = self.blocks[index](x, embedding)
        if not self.attention or (self.once and index < self.last):
            return x
        return self.attention[0 if self.once else index](x, text, mask)


def beside(z: Tensor, low_res: Tensor | None) -> Tensor:
    """Noisy and low-resolution image as channels of one input, (batch, 6, size, size)."""
    if low_res is None:
        raise ValueError("a super-resolution stage needs its low-resolution image")
    return torch.cat((z, low_res), dim=1)


def attention_of(config: UNetConfig, level: int) -> Attention | None:
    """The attention that a level has, None where it has none."""
    to_image, to_text = level in config.self_attention, level in config.text_attention
    if not (to_image or to_text):
        return None
    return Attention(
        config.channels[level],
        config.text_width,
        config.head_width,
        to_image=to_image,
        to_text=to_text,
        max_tokens=config.max_attention_tokens,
        hidden=config.attention_hidden,
    )
