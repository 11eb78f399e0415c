"""Two towers: 64x64 pictures, and the frozen text encoder's token states, to unit vectors whose products are cosines.

Trained by the symmetric loss of Radford et al. (2021), "Learning transferable visual models from natural language
supervision", with its learned temperature, on renders of the world and nothing else.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from generators.cascade.blocks import TextStates
from generators.world.checker.network import Residual

SIZE = 64
"""Pixels a side of what it looks at."""

GRID = 8
"""Places a side that its attention sees."""

FIRST_SCALE, MOST_SCALE = 1 / 0.07, 100.0
"""The inverse temperature at first, and its limit, both as in CLIP."""


@dataclass(frozen=True, slots=True)
class SceneClipConfig:
    """`text_width`: of a token state. `width`: channels at 32, 16 and 8 places a side. `layers`: of attention over the
    8x8 places. `queries`: learned, over the text's tokens. `embedding`: of both towers.
    """

    text_width: int = 384
    width: tuple[int, int, int] = (32, 96, 160)
    layers: int = 2
    queries: int = 4
    embedding: int = 128


class ImageTower(nn.Module):
    """Convolutions down to 8x8 places, then attention among them: how things stand to each other must be seen."""

    def __init__(self, config: SceneClipConfig) -> None:
        super().__init__()
        high, middle, low = config.width
        self.stem = nn.Conv2d(12, high, 3, padding=1)
        self.high = Residual(high)
        self.down = nn.Conv2d(4 * high, middle, 1)
        self.middle = nn.Sequential(Residual(middle), Residual(middle))
        self.down_again = nn.Conv2d(middle, low, 3, stride=2, padding=1)
        self.low = Residual(low)
        self.places = nn.Parameter(torch.randn(GRID * GRID, low) * 0.02)
        self.layers = nn.ModuleList(Among(low) for _ in range(config.layers))
        self.norm = nn.LayerNorm(2 * low)
        self.out = nn.Linear(2 * low, config.embedding)

    def forward(self, images: Tensor) -> Tensor:
        """(n, 3, 64, 64) in [-1, 1] -> (n, embedding), of length 1."""
        x = self.high(F.relu(self.stem(F.pixel_unshuffle(images, 2))))
        x = self.middle(F.relu(self.down(F.pixel_unshuffle(x, 2))))
        x = self.low(F.relu(self.down_again(x)))
        tokens = x.flatten(2).transpose(1, 2) + self.places
        for layer in self.layers:
            tokens = layer(tokens)
        pooled = torch.cat((tokens.mean(1), tokens.amax(1)), dim=1)
        return F.normalize(self.out(self.norm(pooled)).float(), dim=-1)


class Among(nn.Module):
    """Self-attention and a small network over the places, each added to what came in."""

    def __init__(self, width: int, head_width: int = 32) -> None:
        super().__init__()
        self.heads = width // head_width
        self.norm_one = nn.LayerNorm(width)
        self.mixed = nn.Linear(width, 3 * width)
        self.back = nn.Linear(width, width)
        self.norm_two = nn.LayerNorm(width)
        self.inner = nn.Linear(width, 2 * width)
        self.outer = nn.Linear(2 * width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """(n, places, width) -> the same."""
        count, places, width = tokens.shape
        parts = self.mixed(self.norm_one(tokens)).view(count, places, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(count, places, width)
        tokens = tokens + self.back(seen)
        hidden: Tensor = tokens + self.outer(F.gelu(self.inner(self.norm_two(tokens))))
        return hidden


class TextTower(nn.Module):
    """Learned queries over the frozen encoder's token states, and a small network over what they found."""

    def __init__(self, config: SceneClipConfig) -> None:
        super().__init__()
        width = config.text_width // 2
        self.norm = nn.LayerNorm(config.text_width)
        self.query = nn.Parameter(torch.randn(config.queries, width) / math.sqrt(width))
        self.key_value = nn.Linear(config.text_width, 2 * width)
        self.inner = nn.Linear(config.queries * width, config.text_width)
        self.out = nn.Linear(config.text_width, config.embedding)

    def forward(self, text: TextStates) -> Tensor:
        """(n, length, text_width) with its mask -> (n, embedding), of length 1."""
        hidden = F.gelu(self.inner(self.heard(text).flatten(1)))
        return F.normalize(self.out(hidden).float(), dim=-1)

    def heard(self, text: TextStates) -> Tensor:
        """What each query finds in the text, (n, queries, text_width / 2): the last states before the text is one."""
        key, value = self.key_value(self.norm(text.tokens)).chunk(2, dim=-1)
        query = self.query.to(key.dtype).expand(len(key), -1, -1)
        return F.scaled_dot_product_attention(query, key, value, attn_mask=text.mask[:, None, :])


class SceneClip(nn.Module):
    """Both towers and the temperature."""

    def __init__(self, config: SceneClipConfig) -> None:
        super().__init__()
        self.image = ImageTower(config)
        self.text = TextTower(config)
        self.log_scale = nn.Parameter(torch.tensor(math.log(FIRST_SCALE)))

    def forward(self, images: Tensor, text: TextStates) -> tuple[Tensor, Tensor]:
        """The unit vectors of pictures and of texts."""
        return self.image(images), self.text(text)

    def loss(self, images: Tensor, texts: Tensor, same: Tensor) -> Tensor:
        """Which text belongs to which picture, and which picture to which text: the mean of both cross-entropies.

        `same`: (n, n) bool, pairs that show and say the same thing though they are not a row's own; they don't count.
        """
        logits = self.log_scale.exp().clamp(max=MOST_SCALE) * images @ texts.T
        logits = logits.masked_fill(same, -torch.inf)
        own = torch.arange(len(images), device=images.device)
        return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
