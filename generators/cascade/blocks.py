"""The blocks that every U-Net of the cascade is made of. Images are (batch, channels, height, width)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

TIME_SCALE = 1000.0
"""t and aug_level in [0, 1] are stretched by this before their Fourier features, as discrete models count steps."""


@dataclass(frozen=True, slots=True)
class TextStates:
    """Token states of a batch of prompts from the frozen encoder.

    `tokens`: (batch, length, width). `mask`: (batch, length) bool, True where a token stands.
    """

    tokens: Tensor
    mask: Tensor

    def to(self, device: torch.device | str, dtype: torch.dtype) -> TextStates:
        """The same on another device and in another dtype."""
        return TextStates(self.tokens.to(device, dtype), self.mask.to(device))


def fourier_features(value: Tensor, width: int) -> Tensor:
    """Sinusoidal features, (batch,) in [0, 1] -> (batch, width); periods 2 pi to 2e4 pi of `TIME_SCALE * value`."""
    half = width // 2
    steps = torch.arange(half, device=value.device, dtype=torch.float32)
    angle = (TIME_SCALE * value.float())[:, None] * torch.exp(-math.log(10_000.0) * steps / half)
    return torch.cat((angle.cos(), angle.sin()), dim=1)


def group_norm(channels: int) -> nn.GroupNorm:
    """Group normalisation in groups of 8 channels or more, 32 groups at most."""
    return nn.GroupNorm(math.gcd(32, channels // 8), channels)


def zeroed(layer: nn.Conv2d) -> nn.Conv2d:
    """A convolution that starts as zero, so that its residual branch starts as the identity."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class AttentionPool(nn.Module):
    """One learned query over the token states: the text's pooled vector [D.3.1]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.randn(width) / math.sqrt(width))
        self.key_value = nn.Linear(width, 2 * width)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """(batch, length, width) -> (batch, width)."""
        key, value = self.key_value(tokens).chunk(2, dim=-1)
        query = self.query.to(key.dtype).expand(len(tokens), 1, -1)
        return F.scaled_dot_product_attention(query, key, value, attn_mask=mask[:, None, :])[:, 0]


class TextLayer(nn.Module):
    """Attention among a prompt's tokens, then a feed-forward network; learned with the stage, begins as the identity.

    The paper has none: its 4.6 billion frozen parameters know what belongs to what. A small encoder's states tell which
    words there are better than which of them is left of which (ours; docs/training-world.md has the comparison).
    """

    def __init__(self, width: int, head_width: int = 32) -> None:
        super().__init__()
        self.heads = max(1, width // head_width)
        self.norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.feed = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.SiLU())
        self.feed_out = nn.Linear(4 * width, width)
        for layer in (self.out, self.feed_out):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """(batch, length, width), (batch, length) bool -> as `tokens`."""
        batch, length, width = tokens.shape
        query, key, value = (
            part.view(batch, length, self.heads, width // self.heads).transpose(1, 2)
            for part in self.query_key_value(self.norm(tokens)).chunk(3, dim=-1)
        )
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask[:, None, None, :])
        tokens = tokens + self.out(mixed.transpose(1, 2).reshape(batch, length, width))
        return tokens + self.feed_out(self.feed(tokens))


class PlaceLook(nn.Module):
    """How what stands at a place looks just there (ours): features of what was heard, weighted anew at each place, then
    a network that all places share.

    A place hears which letter it belongs to and where that stands, and not which part of the letter lies in it: that
    follows from its own place. How that part looks is the same wherever it stands. Begins as the identity. `hidden`:
    features.
    """

    def __init__(self, width: int, side: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.heard = nn.Linear(width, hidden)
        self.weights = nn.Parameter(torch.randn(side * side, hidden))
        self.out = nn.Linear(hidden, width)
        self.shape = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, hidden), nn.SiLU())
        self.shape_out = nn.Linear(hidden, width)
        for layer in (self.out, self.shape_out):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, said: Tensor, asked: Tensor | None = None) -> Tensor:
        """(batch, n, width), (n,) numbers of places or all of them -> (batch, n, width)."""
        weights = self.weights if asked is None else self.weights[asked]
        heard = F.silu(self.heard(self.norm(said)))
        said = said + self.out(heard * weights.to(heard.dtype))
        return said + self.shape_out(self.shape(said))


class TextMap(nn.Module):
    """What the text says of each place: one learned query a place over the token states (ours).

    A network that draws two million pictures finds out by itself that "left of" is a place; one that draws a tenth of
    them does not. Here a place asks the text directly, and it can be taught without pictures
    (`generators.training.placing`). `look`: features of `PlaceLook`, 0 for none.
    """

    def __init__(self, width: int, side: int, head_width: int = 32, *, look: int = 0) -> None:
        super().__init__()
        self.side = side
        self.heads = max(1, width // head_width)
        self.places = nn.Parameter(torch.randn(side * side, width) * 0.5)
        self.norm = nn.LayerNorm(width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)
        self.feed = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.SiLU(), nn.Linear(2 * width, width)
        )
        self.look = PlaceLook(width, side, look) if look else None

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """(batch, length, width), (batch, length) bool -> (batch, width, side, side)."""
        said = self.said(tokens, mask)
        return said.transpose(1, 2).reshape(len(tokens), -1, self.side, self.side)

    def said(self, tokens: Tensor, mask: Tensor, asked: Tensor | None = None) -> Tensor:
        """What some places hear, or all: `asked`, (n,), their numbers row by row -> (batch, n, width)."""
        batch, _, width = tokens.shape
        asking = self.places if asked is None else self.places[asked]
        key, value = (
            part.view(batch, -1, self.heads, width // self.heads).transpose(1, 2)
            for part in self.key_value(self.norm(tokens)).chunk(2, dim=-1)
        )
        places = asking.to(key.dtype).view(-1, self.heads, width // self.heads).transpose(0, 1)
        query = places.expand(batch, -1, -1, -1)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask[:, None, None, :])
        said = self.out(mixed.transpose(1, 2).reshape(batch, len(asking), width))
        said = said + self.feed(said)
        return said if self.look is None else self.look(said, asked)


class Conditioning(nn.Module):
    """Time, text and aug_level as one embedding, and the text as a sequence for attention [D.3.1].

    LayerNorm on the token states before attention and pooling; the pooled text is added to the time embedding. A
    prompt that is dropped (classifier-free guidance) becomes a learned null token. `layers`: of `TextLayer`, over the
    projected states.
    """

    def __init__(
        self, encoder_width: int, text_width: int, embedding: int, *, augmented: bool, layers: int = 0
    ) -> None:
        super().__init__()
        self.features = embedding // 2
        self.null = nn.Parameter(torch.zeros(encoder_width))
        self.norm = nn.LayerNorm(encoder_width)
        self.project = nn.Linear(encoder_width, text_width)
        self.layers = nn.ModuleList(TextLayer(text_width) for _ in range(layers))
        self.pool = AttentionPool(text_width)
        self.pooled = nn.Sequential(
            nn.LayerNorm(text_width), nn.Linear(text_width, embedding), nn.SiLU(), nn.Linear(embedding, embedding)
        )
        self.time = nn.Sequential(nn.Linear(self.features, embedding), nn.SiLU(), nn.Linear(embedding, embedding))
        self.aug: nn.Module | None = None
        if augmented:
            self.aug = nn.Sequential(nn.Linear(self.features, embedding), nn.SiLU(), nn.Linear(embedding, embedding))

    def forward(
        self, t: Tensor, text: TextStates, keep: Tensor, aug_level: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Returns the embedding (batch, embedding), the text (batch, length, text_width) and its mask.

        `t`, `aug_level`: (batch,) in [0, 1]. `keep`: (batch,) bool, False where the prompt is dropped.
        """
        sequence, mask = self.read(text, keep)
        dtype = sequence.dtype
        embedding = self.time(fourier_features(t, self.features).to(dtype)) + self.whole(sequence, mask)
        if self.aug is not None:
            if aug_level is None:
                raise ValueError("a super-resolution stage needs aug_level, (batch,) in [0, 1]")
            embedding = embedding + self.aug(fourier_features(aug_level, self.features).to(dtype))
        return F.silu(embedding), sequence, mask

    def read(self, text: TextStates, keep: Tensor) -> tuple[Tensor, Tensor]:
        """The text as a sequence, (batch, length, text_width), and its mask; of dropped prompts, the null token."""
        first = torch.zeros_like(text.mask)
        first[:, 0] = True
        kept = keep[:, None]
        mask = torch.where(kept, text.mask, first)
        tokens = torch.where(kept[:, :, None], self.norm(text.tokens), self.null.to(text.tokens.dtype))
        sequence = self.project(tokens)
        for layer in self.layers:
            sequence = layer(sequence, mask)
        return sequence, mask

    def whole(self, sequence: Tensor, mask: Tensor) -> Tensor:
        """What a sequence says of the whole picture, (batch, embedding)."""
        said: Tensor = self.pooled(self.pool(sequence, mask))
        return said


class ResBlock(nn.Module):
    """Group norm, swish, 3x3 convolution, twice; the embedding scales and shifts the second norm [F.1, F.2].

    `resample`: -1 halves the resolution inside the block, 1 doubles it (BigGAN), 0 leaves it.
    `residual_scale`: 1/sqrt(2) in the Efficient U-Net, 1 elsewhere.
    """

    def __init__(
        self, inside: int, outside: int, embedding: int, *, resample: int = 0, residual_scale: float = 1.0
    ) -> None:
        super().__init__()
        self.resample = resample
        self.residual_scale = residual_scale
        self.norm_in = group_norm(inside)
        self.conv_in = nn.Conv2d(inside, outside, 3, padding=1)
        self.film = nn.Linear(embedding, 2 * outside)
        self.norm_out = group_norm(outside)
        self.conv_out = zeroed(nn.Conv2d(outside, outside, 3, padding=1))
        self.shortcut = nn.Conv2d(inside, outside, 1) if inside != outside else nn.Identity()

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """(batch, inside, h, w), (batch, embedding) -> (batch, outside, h', w')."""
        branch = F.silu(self.norm_in(x))
        if self.resample:
            branch, x = resampled(branch, self.resample), resampled(x, self.resample)
        branch = self.conv_in(branch)
        scale, shift = self.film(embedding)[:, :, None, None].chunk(2, dim=1)
        branch = torch.addcmul(shift, self.norm_out(branch), 1 + scale)
        return (self.shortcut(x) + self.conv_out(F.silu(branch))) * self.residual_scale


def resampled(x: Tensor, direction: int) -> Tensor:
    """Halved by averaging (-1) or doubled by repetition (1): no transposed convolution, so no checkerboard."""
    return F.avg_pool2d(x, 2) if direction < 0 else F.interpolate(x, scale_factor=2.0, mode="nearest")


class Attention(nn.Module):
    """Attention of image positions to the image, to the text, or to both at once.

    With both, the text's keys and values are concatenated to the image's and one softmax serves them [2.5]. `hidden`:
    width of queries, keys and values, in channels.
    """

    def __init__(
        self,
        channels: int,
        text_width: int,
        head_width: int,
        *,
        to_image: bool,
        to_text: bool,
        max_tokens: int,
        hidden: int = 1,
    ) -> None:
        super().__init__()
        inner = hidden * channels
        self.heads = inner // head_width
        self.max_tokens = max_tokens
        self.norm = group_norm(channels)
        self.query = nn.Conv2d(channels, inner, 1)
        self.image: nn.Module | None = nn.Conv2d(channels, 2 * inner, 1) if to_image else None
        self.text: nn.Module | None = None
        if to_text:
            self.text = nn.Sequential(nn.LayerNorm(text_width), nn.Linear(text_width, 2 * inner))
        self.out = zeroed(nn.Conv2d(inner, channels, 1))

    def forward(self, x: Tensor, text: Tensor, mask: Tensor) -> Tensor:
        """(batch, channels, h, w), (batch, length, text_width), (batch, length) -> as `x`."""
        batch, _, height, width = x.shape
        places = height * width
        normed = self.norm(x)
        pairs: list[Tensor] = []
        seen: list[Tensor] = []
        if self.image is not None:
            if places > self.max_tokens:
                raise ValueError(
                    f"self-attention over {height}x{width} = {places} positions; this network allows "
                    f"{self.max_tokens}: it can't be run on images this large"
                )
            pairs.append(self.image(normed).flatten(2).transpose(1, 2))
            seen.append(mask.new_ones(batch, places))
        if self.text is not None:
            pairs.append(self.text(text))
            seen.append(mask)
        key, value = torch.cat(pairs, dim=1).chunk(2, dim=-1)
        query = self.query(normed).flatten(2).transpose(1, 2)
        allowed = torch.cat(seen, dim=1)[:, None, None, :] if self.text is not None else None
        mixed = F.scaled_dot_product_attention(
            self._heads(query), self._heads(key), self._heads(value), attn_mask=allowed
        )
        mixed = mixed.transpose(1, 2).reshape(batch, height, width, -1).permute(0, 3, 1, 2)
        return x + self.out(mixed)

    def _heads(self, x: Tensor) -> Tensor:
        batch, length, channels = x.shape
        return x.view(batch, length, self.heads, channels // self.heads).transpose(1, 2)


class Down(nn.Module):
    """Half the resolution by one strided convolution."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inside, outside, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inside, h, w) -> (batch, outside, h / 2, w / 2)."""
        return self.conv(x)


class Up(nn.Module):
    """Twice the resolution: repetition, then a convolution."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inside, outside, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inside, h, w) -> (batch, outside, 2 h, 2 w)."""
        return self.conv(resampled(x, 1))
