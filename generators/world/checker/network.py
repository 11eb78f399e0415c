"""A detector by centres (Zhou et al. 2019, "Objects as Points"): one heatmap a class, size and colour at each place.

Pictures are 64x64, what the cascade's base draws; larger ones are averaged down. Classes are the world's concepts and
the letters of signs, upper and lower case as one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIZE = 64
"""Pixels a side of what it looks at."""

GRID = 16
"""Places a side; each is 4x4 pixels."""

PRIOR = 0.01
"""Share of places where a class is before anything is learned: the heatmaps' bias (Lin et al. 2017)."""


@dataclass(frozen=True, slots=True)
class CheckerConfig:
    """`classes`, `colours`: names, in the order of the outputs. `width`: channels at 32, 16 and 8 places a side."""

    classes: tuple[str, ...]
    colours: tuple[str, ...]
    width: tuple[int, int, int] = (32, 96, 160)


class Seen(NamedTuple):
    """What the network says of each place: logits (n, classes, GRID, GRID), (n, 4, ..), logits (n, colours, ..).

    `boxes`: the centre's offset within its place, x then y, 0 to 1, and width and height as shares of the picture.
    """

    heat: Tensor
    boxes: Tensor
    colour: Tensor


class Residual(nn.Module):
    """Two 3x3 convolutions with batch normalisation, added to what came in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.one = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm_one = nn.BatchNorm2d(width)
        self.two = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm_two = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        hidden = F.relu(self.norm_one(self.one(x)))
        return F.relu(x + self.norm_two(self.two(hidden)))


class Checker(nn.Module):
    """64x64 pictures in [-1, 1], (n, 3, 64, 64), to what is seen at each of 16x16 places."""

    def __init__(self, config: CheckerConfig) -> None:
        super().__init__()
        high, middle, low = config.width
        self.stem = nn.Conv2d(12, high, 3, padding=1)
        self.high = Residual(high)
        self.down = nn.Conv2d(4 * high, middle, 1)
        self.middle = nn.Sequential(Residual(middle), Residual(middle))
        self.down_again = nn.Conv2d(middle, low, 3, stride=2, padding=1)
        self.low = nn.Sequential(Residual(low), Residual(low))
        self.up = nn.Conv2d(low, middle, 1)
        self.joined = nn.Sequential(Residual(middle), Residual(middle))
        self.heat = nn.Conv2d(middle, len(config.classes), 1)
        self.boxes = nn.Conv2d(middle, 4, 1)
        self.colour = nn.Conv2d(middle, len(config.colours), 1)
        assert self.heat.bias is not None
        nn.init.constant_(self.heat.bias, float(torch.logit(torch.tensor(PRIOR))))

    def features(self, images: Tensor) -> Tensor:
        """(n, width[1], GRID, GRID): what the heads look at."""
        high = self.high(F.relu(self.stem(F.pixel_unshuffle(images, 2))))
        middle = self.middle(F.relu(self.down(F.pixel_unshuffle(high, 2))))
        low = self.low(F.relu(self.down_again(middle)))
        joined: Tensor = self.joined(middle + F.interpolate(self.up(low), scale_factor=2.0, mode="nearest"))
        return joined

    def forward(self, images: Tensor) -> Seen:
        features = self.features(images)
        return Seen(self.heat(features), self.boxes(features).sigmoid(), self.colour(features))


def checker_loss(seen: Seen, heat: Tensor, boxes: Tensor, colour: Tensor) -> Tensor:
    """The penalty-reduced focal loss of the heatmaps, and at the centres the boxes' error and the colours' entropy.

    `heat`: targets in [0, 1], 1 at centres. `boxes`: as `Seen.boxes`, NaN where there is no centre. `colour`: (n, GRID,
    GRID), the colour's number, -1 where it is not known.
    """
    logits = seen.heat.float()
    p = logits.sigmoid().clamp(1e-4, 1 - 1e-4)
    centre = heat >= 1
    hit = (1 - p) ** 2 * F.logsigmoid(logits)
    miss = (1 - heat) ** 4 * p**2 * F.logsigmoid(-logits)
    focal = -torch.where(centre, hit, miss).sum() / centre.sum().clamp(min=1)
    there = ~boxes[:, :1].isnan()
    error = (seen.boxes.float() - boxes.nan_to_num()).abs() * there
    sizes = error.sum() / there.sum().clamp(min=1)
    told = colour >= 0
    entropy = F.cross_entropy(seen.colour.float(), colour.clamp(min=0), reduction="none")
    return focal + 4 * sizes + (entropy * told).sum() / told.sum().clamp(min=1)
