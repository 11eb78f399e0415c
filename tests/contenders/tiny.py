"""Networks with random weights, so small that a picture takes milliseconds: what the contenders are tried with."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch

from generators.cascade.checkpoint import save_stage, write_index
from generators.cascade.configs import IMAGEN_MINI, StageConfig, TextConfig, UNetConfig
from generators.cascade.networks import build_unet

UNET = UNetConfig(
    kind="base",
    channels=(16, 16),
    blocks=(1, 1),
    self_attention=(),
    text_attention=(1,),
    embedding=16,
    text_width=16,
    head_width=16,
    patch=2,
)
BASE = dataclasses.replace(IMAGEN_MINI.base, unet=UNET)
SR256 = dataclasses.replace(
    IMAGEN_MINI.sr256, unet=dataclasses.replace(UNET, kind="efficient", skip_scaling="residual")
)


def stage_file(path: Path, stage: StageConfig, text: TextConfig, seed: int = 0) -> None:
    """A stage with random weights, none of them zero, so that the prompt matters."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = build_unet(stage, text)
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    save_stage(path, network.state_dict(), stage, text, "random weights")


def cascade_folder(folder: Path) -> Path:
    """A cascade to 256 pixels."""
    folder.mkdir(parents=True, exist_ok=True)
    for stage in (BASE, SR256):
        stage_file(folder / f"{stage.name}.safetensors", stage, IMAGEN_MINI.text)
    write_index(folder, "tiny")
    return folder
