"""Pictures as 16x16x4 numbers and back: what latent diffusion draws in (Rombach et al. 2022, section 3.1).

Narrow, regularised by a small KL term, trained without an adversary (ours): the drawings of this world have no texture
that one would have to invent.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from common.json_in import read_json
from generators.cascade.blocks import Down, Up, group_norm, zeroed
from generators.cascade.config_json import Json
from generators.contenders.folder import ContenderError
from generators.world.judge_file import JudgeKind

SCHEMA = "drawbench-autoencoder/1"
FILES = JudgeKind("autoencoder", SCHEMA, "generators.training.contenders autoencoder", ContenderError)
PATCH = 2
"""Space-to-depth factor of both ends, so that no convolution works at 64x64."""


@dataclass(frozen=True, slots=True)
class AutoencoderConfig:
    """`channels`: at 32 and 16 places a side. `blocks`: at each of them, a way. `latent`: channels of what stands for a
    picture. `scale`: standard deviation of the encoder's means, by which they are divided: found after training.
    """

    channels: tuple[int, int] = (48, 96)
    blocks: tuple[int, int] = (1, 2)
    latent: int = 4
    scale: float = 1.0


class Block(nn.Module):
    """Group norm, swish, 3x3 convolution, twice, added to what came in; begins as the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm_one, self.norm_two = group_norm(width), group_norm(width)
        self.one = nn.Conv2d(width, width, 3, padding=1)
        self.two = zeroed(nn.Conv2d(width, width, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, width, h, w) -> the same."""
        hidden: Tensor = x + self.two(F.silu(self.norm_two(self.one(F.silu(self.norm_one(x))))))
        return hidden


class Autoencoder(nn.Module):
    """Both ways. Latents are (batch, 4, 16, 16), of unit variance."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config = config
        (high, low), (at_high, at_low) = config.channels, config.blocks
        self.into = nn.Sequential(
            nn.Conv2d(3 * PATCH**2, high, 3, padding=1),
            *(Block(high) for _ in range(at_high)),
            Down(high, low),
            *(Block(low) for _ in range(at_low)),
            group_norm(low),
            nn.SiLU(),
            nn.Conv2d(low, 2 * config.latent, 3, padding=1),
        )
        self.out_of = nn.Sequential(
            nn.Conv2d(config.latent, low, 3, padding=1),
            *(Block(low) for _ in range(at_low)),
            Up(low, high),
            *(Block(high) for _ in range(at_high)),
            group_norm(high),
            nn.SiLU(),
            nn.Conv2d(high, 3 * PATCH**2, 3, padding=1),
        )

    def spread(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance of what stands for each picture, before scaling."""
        mean, log_variance = self.into(F.pixel_unshuffle(images, PATCH)).chunk(2, dim=1)
        return mean, log_variance.clamp(-20.0, 10.0)

    def rebuilt(self, values: Tensor) -> Tensor:
        """Pictures of values before scaling, (batch, 3, 64, 64); not clipped."""
        return F.pixel_shuffle(self.out_of(values), PATCH)

    def encode(self, images: Tensor) -> Tensor:
        """(batch, 3, 64, 64) in [-1, 1] -> latents of unit variance: the means."""
        return self.spread(images)[0] / self.config.scale

    def decode(self, latents: Tensor) -> Tensor:
        """Latents of unit variance -> (batch, 3, 64, 64), not clipped."""
        return self.rebuilt(latents * self.config.scale)


EDGES, KL = 1.0, 1e-4
"""Weights in the loss of the difference of neighbours, and of the KL divergence to a standard normal, a number."""


def autoencoder_loss(network: Autoencoder, images: Tensor, eps: Tensor) -> Tensor:
    """Mean absolute error of pixels and of the differences of neighbouring ones, and the small KL term.

    `eps`: standard normal, as the latents.
    """
    mean, log_variance = network.spread(images)
    seen = network.rebuilt(mean + torch.exp(log_variance / 2) * eps)
    error = seen - images
    edges = (error[..., 1:] - error[..., :-1]).abs().mean() + (error[..., 1:, :] - error[..., :-1, :]).abs().mean()
    kl = (mean**2 + log_variance.exp() - 1 - log_variance).mean() / 2
    return error.abs().mean() + EDGES * edges + KL * kl


@dataclass(frozen=True, slots=True)
class LoadedAutoencoder:
    """`about`: what it was trained on and what it measured, as its file says. `sha256`: of the file."""

    network: Autoencoder
    about: Json
    sha256: str


def save_autoencoder(path: Path, network: Autoencoder, about: Json) -> None:
    """Write it in half precision, whole or not at all.

    Raises:
        SaveError: it can't be written; what was there stays.
    """
    told = {"config": json.dumps(dataclasses.asdict(network.config), sort_keys=True), "about": json.dumps(about)}
    FILES.save(path, network, told)


def load_autoencoder(path: Path, *, device: str = "cpu") -> LoadedAutoencoder:
    """An autoencoder from its file, for use.

    Raises:
        ContenderError: it is missing, damaged or of another schema.
    """
    with FILES.opened(path) as file:
        told = cast(Any, read_json(file.metadata["config"]))
        named: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in told.items()
        }
        network = Autoencoder(AutoencoderConfig(**named))
        network.load_state_dict(file.state)
        about = cast(Any, read_json(file.metadata["about"]))
    return LoadedAutoencoder(network.eval().requires_grad_(False).to(device), about, file.sha256)
