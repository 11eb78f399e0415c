"""What a feature extractor is: what is known of it before it is loaded, and the loaded network.

The catalogue of them is `extractors`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evaluation.metrics.features.protocols import Precision, Protocol

if TYPE_CHECKING:
    import torch
    from torch import nn

Features = NDArray[np.float32]


@dataclass(frozen=True)
class ExtractorInfo:
    """`label`: what a Frechet distance of these features is called. `features`: how many. `input_size`: pixels a side.

    `sha256`: of the weight file. `files`: the names under which it goes round. `how`: how a user gets it.
    """

    name: str
    label: str
    features: int
    input_size: int
    sha256: str
    files: tuple[str, ...]
    how: str
    network: Callable[[], nn.Module]
    packaged: Callable[[], Path | None]


@dataclass(frozen=True)
class Extractor:
    """A loaded network. Call it with prepared images; see `features_of`."""

    info: ExtractorInfo
    module: nn.Module
    device: torch.device

    def features_of(self, images: Sequence[NDArray[np.uint8] | NDArray[np.float32]], protocol: Protocol) -> Features:
        """(n, features), float32, of n images that the recipe has prepared, all of one shape (side, side, 3)."""
        return self.begin(images, protocol)()

    def begin(
        self, images: Sequence[NDArray[np.uint8] | NDArray[np.float32]], protocol: Protocol
    ) -> Callable[[], Features]:
        """Start `features_of`, and return what fetches the result: on a GPU the caller can decode meanwhile.

        TF32 is off for the while unless the protocol says otherwise: on by default for convolutions on recent GPUs, it
        moves the third digit.
        """
        import torch

        from evaluation.metrics.features.resize import tensorflow1_bilinear

        on_gpu = self.device.type == "cuda"
        stacked = torch.from_numpy(np.stack(images))
        if on_gpu:  # as bytes, from memory that the GPU reads by itself
            stacked = stacked.pin_memory().to(self.device, non_blocking=True)
        # Stacked as (n, h, w, c) and turned: the tensor is channels_last, which is the faster format.
        batch = stacked.to(self.device).permute(0, 3, 1, 2).to(torch.float32)
        with torch.inference_mode(), _arithmetic(protocol.precision, self.device):
            if protocol.recipe.to_network == "tensorflow1":
                batch = tensorflow1_bilinear(batch, self.info.input_size)
            features = self.module(batch.contiguous(memory_format=torch.channels_last)).float()
        if not on_gpu:
            made = np.asarray(features.cpu().numpy(), dtype=np.float32)
            return lambda: made
        there = torch.empty(features.shape, dtype=torch.float32, pin_memory=True).copy_(features, non_blocking=True)
        arrived = torch.cuda.Event()
        arrived.record(torch.cuda.current_stream(self.device))

        def fetch() -> Features:
            arrived.synchronize()
            return np.asarray(there.numpy(), dtype=np.float32)

        return fetch


def prepare_module(module: nn.Module) -> nn.Module:
    """`module` in evaluation mode, frozen, its weights in the memory format that is fast for pictures."""
    import torch

    module.eval().requires_grad_(False)
    converted: nn.Module = module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return converted


def float32_exactly(device: torch.device) -> AbstractContextManager[None]:
    """Plain float32 on `device` for the while, TF32 off."""
    return _arithmetic("float32", device)


@contextmanager
def _arithmetic(precision: Precision, device: torch.device) -> Iterator[None]:
    """How products and convolutions are computed for the while: in plain float32 unless `precision` says otherwise."""
    import torch

    cudnn = torch.backends.cudnn
    products = torch.backends.cuda.matmul.allow_tf32
    tf32 = precision == "tf32"
    half = {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(precision)
    try:
        torch.backends.cuda.matmul.allow_tf32 = tf32
        with (
            cudnn.flags(enabled=cudnn.enabled, benchmark=False, deterministic=True, allow_tf32=tf32),
            torch.autocast(device.type, dtype=half or torch.bfloat16, enabled=half is not None),
        ):
            yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = products
