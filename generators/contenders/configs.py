"""The contenders' networks as data: the cascade's base, but for what it is told or what it draws."""

from __future__ import annotations

import dataclasses

from generators.cascade.configs import (
    IMAGEN_MINI,
    MINILM,
    CascadeConfig,
    DiffusionConfig,
    StageConfig,
    TextConfig,
    UNetConfig,
)

MATCHER_TEXT = TextConfig(encoder="scene-clip", width=192, max_tokens=4)
"""The four vectors that the scene CLIP's text tower finds in a prompt, before it makes one of them."""

EMBEDDING_TOKENS = 4
"""DALL-E 2 projects an embedding into so many tokens [2.1]. One alone would say the same of every place."""

MATCHER_IMAGE = TextConfig(encoder="scene-clip image", width=128 * EMBEDDING_TOKENS, max_tokens=EMBEDDING_TOKENS)
"""A picture's embedding by the scene CLIP, in each token at another place, so that each has its own projection."""

LATENT_BASE = StageConfig(
    name="base",
    size=16,
    low_size=0,
    unet=UNetConfig(
        kind="base",
        channels=(64, 96),
        blocks=(1, 2),
        self_attention=(1,),
        text_attention=(0, 1),
        embedding=192,
        text_width=128,
        head_width=32,
        text_layers=2,
        text_map=32,
        text_look=384,
        image_channels=4,
    ),
    diffusion=DiffusionConfig(schedule="cosine", prediction="v"),
)
"""On 16x16x4 latents, patch 1. Its text side has the shape of the cascade's base, whose weights it can begin with."""


def _with(name: str, text: TextConfig, base: StageConfig) -> CascadeConfig:
    return dataclasses.replace(IMAGEN_MINI, name=name, text=text, base=base)


CONTENDERS: dict[str, CascadeConfig] = {
    config.name: config
    for config in (
        _with("mini-clip-text", MATCHER_TEXT, IMAGEN_MINI.base),
        _with("mini-unclip", MATCHER_IMAGE, IMAGEN_MINI.base),
        _with("mini-latent", MINILM, LATENT_BASE),
    )
}
"""Of each only the base is trained; super-resolution is the cascade's own, not told the prompt."""
