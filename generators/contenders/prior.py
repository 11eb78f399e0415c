"""unCLIP's prior: from a prompt to the embedding of a picture of it, by diffusion (Ramesh et al. 2022, section 2.2).

A transformer over the prompt's token states, its embedding, the time, the noisy picture's embedding and a query whose
output is the clean one: x0-prediction, a squared error. Not causal, and small (ours).
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from common.hashes import file_sha256
from common.json_in import read_json
from generators.cascade.blocks import TextLayer, TextStates, fourier_features
from generators.cascade.config_json import Json
from generators.cascade.schedules import noise_at
from generators.contenders.folder import PRIOR
from generators.contenders.part import check_beside, kind_of


@dataclass(frozen=True, slots=True)
class PriorConfig:
    """`text_width`: of a token state. `embedding`: of the matcher. `width`, `layers`: of the transformer."""

    text_width: int = 384
    embedding: int = 128
    width: int = 256
    layers: int = 6


class Prior(nn.Module):
    """What a noisy embedding was before the noise. Embeddings are unit vectors times the root of their length, so that
    each of their numbers has about unit variance."""

    def __init__(self, config: PriorConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.norm = nn.LayerNorm(config.text_width)
        self.tokens = nn.Linear(config.text_width, width)
        self.null = nn.Parameter(torch.zeros(width))
        self.said = nn.Linear(config.embedding, width)
        self.time = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.noisy = nn.Linear(config.embedding, width)
        self.kinds = nn.Parameter(torch.randn(4, width) * 0.02)
        self.layers = nn.ModuleList(TextLayer(width) for _ in range(config.layers))
        self.out = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, config.embedding))

    def forward(self, z: Tensor, t: Tensor, text: TextStates, said: Tensor, keep: Tensor) -> Tensor:
        """(batch, embedding) noisy embeddings -> the clean ones.

        `t`: (batch,) in [0, 1]. `text`: token states of the prompts. `said`: (batch, embedding), the prompts' own
        embeddings, scaled alike. `keep`: (batch,) bool, False drops the prompt.
        """
        batch = len(z)
        kept = keep[:, None, None]
        tokens = torch.where(kept, self.tokens(self.norm(text.tokens)), self.null)
        own = torch.where(keep[:, None], self.said(said), self.null)
        time = self.time(fourier_features(t, self.config.width).to(tokens.dtype))
        behind = torch.stack((own, time, self.noisy(z), torch.zeros_like(own)), dim=1) + self.kinds
        sequence = torch.cat((tokens, behind), dim=1)
        seen = torch.cat((text.mask & keep[:, None], text.mask.new_ones(batch, behind.shape[1])), dim=1)
        for layer in self.layers:
            sequence = layer(sequence, seen)
        clean: Tensor = self.out(sequence[:, -1]).float()
        return clean


def prior_loss(
    network: nn.Module, pictures: Tensor, text: TextStates, said: Tensor, t: Tensor, keep: Tensor, eps: Tensor
) -> Tensor:
    """Squared error of the predicted embedding, on the cosine schedule. All embeddings of about unit variance."""
    noise = noise_at("cosine", t[:, None])
    return F.mse_loss(network(noise.alpha * pictures + noise.sigma * eps, t, text, said, keep), pictures)


def scaled(unit: Tensor) -> Tensor:
    """Unit vectors -> what the prior works with, (n, embedding)."""
    return unit * math.sqrt(unit.shape[-1])


def save_prior(path: Path, network: Prior, about: Json, *, beside: Mapping[str, Path]) -> None:
    """Write it in half precision, whole or not at all. `beside`: the matcher's file, by name.

    Raises:
        SaveError: it can't be written; what was there stays.
    """
    told = {
        "config": json.dumps(dataclasses.asdict(network.config), sort_keys=True),
        "about": json.dumps(about),
        "beside": json.dumps({file: file_sha256(other) for file, other in sorted(beside.items())}),
    }
    kind_of(PRIOR).save(path, network, told)


def load_prior(path: Path, *, beside: Mapping[str, Path], device: str) -> Prior:
    """A prior from its file, for use.

    Raises:
        ContenderError: it is missing, damaged, of another schema, or was trained with another matcher.
    """
    with kind_of(PRIOR).opened(path) as file:
        network = Prior(PriorConfig(**cast(Any, read_json(file.metadata["config"]))))
        check_beside(path, cast(Any, read_json(file.metadata["beside"])), beside)
        network.load_state_dict(file.state)
    return network.eval().requires_grad_(False).to(device)
