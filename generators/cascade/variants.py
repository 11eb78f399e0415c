"""What the Efficient U-Net is compared with: a standard U-Net of its size, and itself without one of its points.

Every network here has the parameters of the 256 stage it stands beside within 5 %, the same text and embedding widths
and the same attention, so that a comparison tells of the shape alone. Widths were chosen for that; a test holds them
to it. None of them has weights: they are for benchmarks and for trainings of one's own.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal, get_args

from generators.cascade.configs import CascadeConfig, ConfigError, StageConfig, UNetConfig

Variant = Literal["efficient", "standard", "even-blocks", "standard-order", "unscaled-skips"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)


@dataclass(frozen=True, slots=True)
class _Widths:
    """Channels a level that match a 256 stage's parameters, and how many blocks each level then has.

    `standard`: of the standard U-Net, `attention` its level at 16x16. `even`: of the Efficient U-Net with its blocks
    spread evenly.
    """

    standard: tuple[int, ...]
    standard_blocks: int
    attention: int
    even: tuple[int, ...]
    even_blocks: int


WIDTHS = {
    "imagen-xxl": _Widths((128, 256, 512, 512, 1024, 960), 3, 4, (160, 320, 640, 1280), 5),
    "imagen-small": _Widths((64, 128, 256, 256, 512, 480), 3, 4, (80, 160, 320, 640), 5),
    "imagen-mini": _Widths((32, 64, 64, 96), 1, 3, (56, 80, 112), 1),
}
"""Multipliers 1, 2, 4, 4, 8, 8 and three blocks are the usual shape of an ADM-like U-Net from 64 to 256; imagen-mini's
is as much smaller as its Efficient U-Net is."""


def variant_of(cascade: CascadeConfig, variant: Variant) -> StageConfig:
    """A cascade's 256 stage with another U-Net.

    - "efficient": the stage as it is.
    - "standard": an ADM-shaped U-Net: as many blocks on every level, convolutions at each resolution before it is
      halved and after it is doubled, no scaled skips.
    - "even-blocks": without the move of parameters to low resolution: the blocks spread evenly, the levels wider.
    - "standard-order": resampling after the blocks on the way down and before them on the way up.
    - "unscaled-skips": without the factor of 1/sqrt(2).

    Raises:
        ConfigError: a cascade without chosen widths, or no variant of that name.
    """
    stage = cascade.sr256
    unet = stage.unet
    if variant not in VARIANTS:
        raise ConfigError(f"no variant is called {variant!r}; there are: {', '.join(VARIANTS)}")
    if cascade.name not in WIDTHS:
        raise ConfigError(f"no widths were chosen for {cascade.name!r}; there are: {', '.join(WIDTHS)}")
    widths = WIDTHS[cascade.name]
    if variant == "standard":
        return dataclasses.replace(stage, unet=_standard(unet, widths))
    changes: dict[Variant, UNetConfig] = {
        "efficient": unet,
        "even-blocks": dataclasses.replace(
            unet,
            channels=widths.even,
            blocks=(widths.even_blocks,) * len(widths.even),
            head_width=_head_width(unet, widths.even[-1]),
        ),
        "standard-order": dataclasses.replace(unet, resampling_order="standard"),
        "unscaled-skips": dataclasses.replace(unet, skip_scaling="none"),
    }
    return dataclasses.replace(stage, unet=changes[variant])


def _standard(unet: UNetConfig, widths: _Widths) -> UNetConfig:
    return UNetConfig(
        kind="base",
        channels=widths.standard,
        blocks=(widths.standard_blocks,) * len(widths.standard),
        self_attention=(widths.attention,) if unet.self_attention else (),
        text_attention=(widths.attention,),
        embedding=unet.embedding,
        text_width=unet.text_width,
        head_width=_head_width(unet, widths.standard[widths.attention]),
        patch=unet.patch,
        attention_hidden=unet.attention_hidden,
        attention_once=unet.attention_once,
    )


def _head_width(unet: UNetConfig, channels: int) -> int:
    """As many heads as the Efficient U-Net's lowest level has."""
    return unet.head_width * channels // unet.channels[-1]
