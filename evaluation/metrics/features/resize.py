"""How an image becomes what a feature extractor sees. Small differences here move a Frechet distance by whole points.

Parmar, Zhang and Zhu (2022), "On aliased resizing and surprising subtleties in GAN evaluation", is the reason that each
step is named in a protocol. The Pillow half runs in decoding processes; TensorFlow's resize in torch, on the device.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    import torch

Filter = Literal["box", "bilinear", "bicubic", "lanczos"]

_FILTERS = {
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


@dataclass(frozen=True)
class Recipe:
    """The steps from a decoded RGB image to the network's input.

    `shape`: "crop" cuts the centre square and resizes it; "resize_then_crop" resizes the shorter side and cuts the
    centre (torchvision's Resize and CenterCrop); "squash" resizes straight to the square, aspect lost.
    `filter`: Pillow's, antialiased. `size`: pixels of the square, or "network" for the network's own input size.
    `to_network`: how that square gets to the network's size: "tensorflow1" (bilinear, corners at zero, no antialiasing,
    on the device) or "clean" (Pillow's bicubic on float32, each channel by itself, clipped to 0..255, unrounded).
    """

    shape: Literal["crop", "resize_then_crop", "squash"]
    filter: Filter
    size: int | Literal["network"]
    to_network: Literal["tensorflow1", "clean"]


def prepare(image: Image.Image, recipe: Recipe, network_size: int) -> NDArray[np.uint8] | NDArray[np.float32]:
    """An RGB image as its recipe wants it: (side, side, 3), uint8, or float32 in 0..255 after a "clean" resize."""
    side = network_size if recipe.size == "network" else recipe.size
    resample = _FILTERS[recipe.filter]
    if recipe.shape == "crop":
        image = centre_square(image).resize((side, side), resample)
    elif recipe.shape == "squash":
        image = image.resize((side, side), resample)
    else:
        image = _shorter_side(image, side, resample)
    if recipe.to_network == "clean":
        return clean_resize(np.asarray(image), network_size)
    return np.asarray(image)


def centre_square(image: Image.Image) -> Image.Image:
    """The square of the shorter side; what is left over by an odd difference is cut at the right or the bottom."""
    width, height = image.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return image if width == height else image.crop((left, top, left + side, top + side))


def _shorter_side(image: Image.Image, side: int, resample: Image.Resampling) -> Image.Image:
    """torchvision's Resize(side) and CenterCrop(side) on a Pillow image: the longer side is rounded down."""
    width, height = image.size
    size = (side, int(side * height / width)) if width <= height else (int(side * width / height), side)
    if size != (width, height):
        image = image.resize(size, resample)
    left, top = round((size[0] - side) / 2.0), round((size[1] - side) / 2.0)
    return image.crop((left, top, left + side, top + side))


def clean_resize(pixels: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
    """clean-fid's resize: Pillow's bicubic on each channel as float32, clipped to 0..255, not rounded."""
    channels = [
        np.asarray(Image.fromarray(pixels[:, :, i].astype(np.float32)).resize((side, side), Image.Resampling.BICUBIC))
        for i in range(3)
    ]
    return np.stack(channels, axis=2).clip(0, 255)


def tensorflow1_bilinear(images: torch.Tensor, side: int) -> torch.Tensor:
    """TensorFlow 1.x's `resize_bilinear` (align_corners=False) as gather and lerp: (n, c, h, w) to (n, c, side, side).

    Source pixel of output i is i h / side, without the half-pixel shift of later versions and without antialiasing.
    float32 in, float32 out. Bit for bit what torch-fidelity 0.4.0 computes on a CPU: there four images are gathered and
    combined; here each row is interpolated once, then rows are.
    """
    height, width = images.shape[2:]
    if width != side:
        low, high, weight = _taps(width, side, images)
        left = images.index_select(3, low)
        images = images.index_select(3, high).sub_(left).mul_(weight).add_(left)
    if height != side:
        low, high, weight = _taps(height, side, images)
        top = images.index_select(2, low)
        images = images.index_select(2, high).sub_(top).mul_(weight.view(-1, 1)).add_(top)
    return images


def _taps(size: int, side: int, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """For each output position the pixel before it, the one after it, and how far it lies between them."""
    import torch

    position = torch.arange(side, dtype=torch.float32, device=like.device) * torch.tensor(
        size / side, dtype=torch.float32
    )
    low = position.long()
    return low, (low + 1).clamp_max(size - 1), position - low.float()
