"""FID's network: torch-fidelity's Inception, fed by our pipeline. torch and torchvision are loaded with this module."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from common.vision_operators import torchvision_importable

torchvision_importable()

from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3  # noqa: E402

NAME = "inception-v3-compat"
"""torch-fidelity's name of it."""
LAYER = "2048"
"""Its name of the pooled features."""


class FIDInception(FeatureExtractorInceptionV3):
    """Inception-v3 as FID defines it: the TensorFlow graph of 2015-12-05, up to the 2048 pooled features.

    Layers and weights are torch-fidelity's. Its own `forward` takes bytes and resizes them itself; here images come
    resized as the protocol says, and features go out alone.

    (n, 3, 299, 299), float32 in 0..255, to (n, 2048).
    """

    def __init__(self) -> None:
        # Its constructor loads a weight file, from the net unless it is given one: an empty one here. The weights come
        # later, hashed and read without code.
        empty = io.BytesIO()
        torch.save({}, empty)
        empty.seek(0)
        super().__init__(NAME, [LAYER], feature_extractor_weights_path=empty)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """As torch's; without any weights (`__init__`) nothing is missing."""
        return super().load_state_dict(state_dict, strict and bool(state_dict), assign)

    def forward(self, x: Tensor) -> Tensor:
        """The features of images of the network's own size."""
        x = (x - 128) / 128
        for name, layer in self.named_children():  # as they are applied, one after another
            if name != "fc":  # in the weight file; FID stops before it
                x = layer(x)
        return torch.flatten(x, 1)
