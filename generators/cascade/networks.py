"""The network that a stage's configuration asks for."""

from __future__ import annotations

from torch import nn

from generators.cascade.configs import StageConfig, TextConfig
from generators.cascade.efficient_unet import EfficientUNet
from generators.cascade.unet import UNet


def build_unet(stage: StageConfig, text: TextConfig) -> nn.Module:
    """The network of a stage, freshly initialised, called as `UNet.forward`."""
    if stage.unet.kind == "efficient":
        return EfficientUNet(stage.unet, text)
    return UNet(stage.unet, text, super_resolution=bool(stage.low_size))
