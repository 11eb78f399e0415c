"""The base network: an ADM-shaped U-Net on 64x64 [2.5, F.1].

A super-resolution stage may have it too: it is the standard U-Net that the Efficient one is compared with.
Start at `UNet.forward`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from generators.cascade.blocks import Conditioning, Down, ResBlock, TextMap, TextStates, Up, group_norm, zeroed
from generators.cascade.configs import TextConfig, UNetConfig
from generators.cascade.levels import Level, attention_of, beside


class UNet(nn.Module):
    """What a stage predicts from noisy images, time and text, and the low-resolution image unless it is the base.

    Skips join by concatenation. Without `extra_decoder_block` each block on the way down feeds one on the way up;
    with it (ADM) the stem and each resampling feed one more.
    """

    def __init__(self, config: UNetConfig, text: TextConfig, *, super_resolution: bool = False) -> None:
        super().__init__()
        self.config = config
        self.super_resolution = super_resolution
        levels = range(len(config.channels))
        widths = config.channels
        self.conditioning = Conditioning(
            text.width, config.text_width, config.embedding, augmented=super_resolution, layers=config.text_layers
        )
        images = 2 if super_resolution else 1
        self.stem = nn.Conv2d(images * config.image_channels * config.patch**2, widths[0], 3, padding=1)
        self.text_map = TextMap(config.text_width, config.text_map, look=config.text_look) if config.text_map else None
        self.from_map = nn.ModuleList(
            zeroed(nn.Conv2d(config.text_width, width, 1))
            for width in ((widths[0], *widths[:-1]) if config.text_map else ())
        )
        self.down = nn.ModuleList()
        self.shrink = nn.ModuleList()
        skips: list[list[int]] = []
        inside = widths[0]
        for level in levels:
            blocks = config.blocks[level]
            self.down.append(Level(config, level, [inside] + [widths[level]] * (blocks - 1)))
            skips.append(([inside] if config.extra_decoder_block else []) + [widths[level]] * blocks)
            inside = widths[level]
            if level != levels[-1]:
                self.shrink.append(_resample(config, inside, inside, -1))
        lowest = levels[-1]
        self.middle_in = ResBlock(inside, inside, config.embedding)
        self.middle_attention = attention_of(config, lowest)
        self.middle_out = ResBlock(inside, inside, config.embedding)
        self.up = nn.ModuleList()
        self.grow = nn.ModuleList()
        for level in reversed(levels):
            incoming = [inside] + [widths[level]] * (len(skips[level]) - 1)
            joined = [width + skip for width, skip in zip(incoming, reversed(skips[level]), strict=True)]
            self.up.append(Level(config, level, joined))
            if level:
                # ADM keeps the width here; the next level's own is a tenth cheaper where convolutions resample.
                inside = widths[level] if config.resblock_resampling else widths[level - 1]
                self.grow.append(_resample(config, widths[level], inside, 1))
        self.head_norm = group_norm(widths[0])
        self.head = zeroed(nn.Conv2d(widths[0], config.image_channels * config.patch**2, 3, padding=1))

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

        `z`: noisy images. `t`: (batch,) in [0, 1]. `keep`: (batch,) bool, False drops the prompt. `low_res`: (batch, 3,
        size, size), already upsampled and noised to `aug_level` (batch,). The base takes neither; they stand here so
        that all stages are called alike.
        """
        if not self.super_resolution and (low_res is not None or aug_level is not None):
            raise ValueError("the base takes no low-resolution image and no aug_level")
        shown = beside(z, low_res) if self.super_resolution else z
        embedding, sequence, mask = self.conditioning(t, text, keep, aug_level)
        x = self.stem(F.pixel_unshuffle(shown, self.config.patch))
        said = None if self.text_map is None else self.text_map(sequence, mask)
        skips: list[list[Tensor]] = []
        for level, stage in enumerate(self.down):
            held = [x] if self.config.extra_decoder_block else []
            if said is not None:
                x = x + F.interpolate(self.from_map[level](said), x.shape[-2:], mode="bilinear")
            for index in range(self.config.blocks[level]):
                x = stage(index, x, embedding, sequence, mask)
                held.append(x)
            skips.append(held)
            if level < len(self.shrink):
                x = _apply(self.shrink[level], x, embedding)
        x = self.middle_in(x, embedding)
        if self.middle_attention is not None:
            x = self.middle_attention(x, sequence, mask)
        x = self.middle_out(x, embedding)
        for position, stage in enumerate(self.up):
            held = skips.pop()
            for index in range(len(held)):
                x = stage(index, torch.cat((x, held.pop()), dim=1), embedding, sequence, mask)
            if position < len(self.grow):
                x = _apply(self.grow[position], x, embedding)
        return F.pixel_shuffle(self.head(F.silu(self.head_norm(x))), self.config.patch)


def _resample(config: UNetConfig, inside: int, outside: int, direction: int) -> nn.Module:
    if config.resblock_resampling:
        return ResBlock(inside, outside, config.embedding, resample=direction)
    return Down(inside, outside) if direction < 0 else Up(inside, outside)


def _apply(layer: nn.Module, x: Tensor, embedding: Tensor) -> Tensor:
    return layer(x, embedding) if isinstance(layer, ResBlock) else layer(x)
