"""The Efficient U-Net of the super-resolution stages [F.2, F.3, figures A.27 to A.30].

Three points make it cheaper than a plain U-Net of its size, each a switch of `UNetConfig`: parameters sit at low
resolution (`channels`, `blocks`), skips are scaled by 1/sqrt(2) (`skip_scaling`), and resampling comes before the
convolutions on the way down and after them on the way up (`resampling_order`).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from generators.cascade.blocks import Conditioning, Down, TextStates, Up, zeroed
from generators.cascade.configs import IMAGE_CHANNELS, TextConfig, UNetConfig
from generators.cascade.levels import Level, beside


class DBlock(nn.Module):
    """Strided convolution FIRST, then residual blocks, then attention [A.28]; last in the standard order."""

    def __init__(self, config: UNetConfig, level: int, inside: int, residual_scale: float) -> None:
        super().__init__()
        width = config.channels[level]
        self.first = config.resampling_order == "efficient"
        self.down = Down(inside if self.first else width, width)
        blocks = [width if self.first else inside] + [width] * (config.blocks[level] - 1)
        self.level = Level(config, level, blocks, residual_scale=residual_scale)

    def forward(self, x: Tensor, embedding: Tensor, text: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Half the resolution, `config.channels[level]` channels; and the skip, what the blocks and attention gave."""
        if self.first:
            x = self.down(x)
        for index in range(len(self.level.blocks)):
            x = self.level(index, x, embedding, text, mask)
        return (x, x) if self.first else (self.down(x), x)


class UBlock(nn.Module):
    """The skip joins, then residual blocks, attention, and the up-convolution LAST [A.29]; first in the standard order.

    `inside`, `outside`: channels of the level below and of the one above.
    """

    def __init__(self, config: UNetConfig, level: int, inside: int, outside: int, scales: tuple[float, float]) -> None:
        super().__init__()
        width = config.channels[level]
        residual_scale, self.skip_scale = scales
        self.last = config.resampling_order == "efficient"
        self.add = config.skip_join == "add"
        blocks = [width if self.add else 2 * width] + [width] * (config.blocks[level] - 1)
        self.level = Level(config, level, blocks, residual_scale=residual_scale)
        self.up = Up(width, outside) if self.last else Up(inside, width)

    def forward(self, x: Tensor, skip: Tensor, embedding: Tensor, text: Tensor, mask: Tensor) -> Tensor:
        """Twice the resolution, `outside` channels (in the standard order those of the level)."""
        if not self.last:
            x = self.up(x)
        skip = skip * self.skip_scale
        x = x + skip if self.add else torch.cat((x, skip), dim=1)
        for index in range(len(self.level.blocks)):
            x = self.level(index, x, embedding, text, mask)
        return self.up(x) if self.last else x


class EfficientUNet(nn.Module):
    """Noisy image and upsampled low-resolution image in, prediction out [A.30].

    Fully convolutional but for self-attention: a network without it draws any multiple of its stride, so one trained
    on 256x256 crops runs on whole 1024x1024 images [F.3].
    """

    def __init__(self, config: UNetConfig, text: TextConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.channels
        scales = (
            math.sqrt(0.5) if config.skip_scaling == "residual" else 1.0,
            math.sqrt(0.5) if config.skip_scaling == "concat" else 1.0,
        )
        self.conditioning = Conditioning(
            text.width, config.text_width, config.embedding, augmented=True, layers=config.text_layers
        )
        self.stem = nn.Conv2d(2 * IMAGE_CHANNELS * config.patch**2, widths[0], 3, padding=1)
        levels = range(len(widths))
        self.down = nn.ModuleList(DBlock(config, level, widths[max(level - 1, 0)], scales[0]) for level in levels)
        self.up = nn.ModuleList(
            UBlock(config, level, widths[min(level + 1, levels[-1])], widths[max(level - 1, 0)], scales)
            for level in reversed(levels)
        )
        self.head = zeroed(nn.Conv2d(widths[0], IMAGE_CHANNELS * config.patch**2, 3, padding=1))

    def forward(
        self,
        z: Tensor,
        t: Tensor,
        text: TextStates,
        keep: Tensor,
        low_res: Tensor | None = None,
        aug_level: Tensor | None = None,
    ) -> Tensor:
        """The network's raw prediction, (batch, 3, size, size).

        `low_res`: (batch, 3, size, size), already upsampled and noised to `aug_level` (batch,). The rest as
        `UNet.forward`.
        """
        shown = beside(z, low_res)
        embedding, sequence, mask = self.conditioning(t, text, keep, aug_level)
        stem = self.stem(F.pixel_unshuffle(shown, self.config.patch))
        x, skips = stem, []
        for block in self.down:
            x, skip = block(x, embedding, sequence, mask)
            skips.append(skip)
        for block in self.up:
            x = block(x, skips.pop(), embedding, sequence, mask)
        return F.pixel_shuffle(self.head(F.silu(x + stem)), self.config.patch)
