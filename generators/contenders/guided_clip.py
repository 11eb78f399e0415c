"""`guided-clip`: no network draws; an autoencoder's latents are moved until the matcher likes the picture.

VQ-GAN+CLIP's shape (Crowson et al. 2022): Adam on what stands for a picture, from noise; at each step some copies of
the picture, shifted and coloured a little at random, are looked at, so that what is liked is seen by more than one
pixel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from generators.cascade.blocks import TextStates
from generators.cascade.configs import MINILM
from generators.cascade.generator import CascadeGenerator
from generators.cascade.stage import noise_on
from generators.contenders.autoencoder import load_autoencoder
from generators.contenders.folder import AUTOENCODER
from generators.contenders.load import Workplace, load_contender
from generators.contenders.specs import GUIDED_CLIP as SPEC
from generators.contract import ImageRequest, ParameterValue
from generators.places import SCENE_CLIP
from generators.world.scene_clip.lead import SceneMatcher
from generators.world.scene_clip.load import load_scene_clip

SIDE, CHANNELS = 16, 4
SHIFT = 4
"""Pixels that a look is shifted by at most, each way."""
TINT = 0.1
"""How much a look's channels are paler and lighter at most."""


class GuidedFirst:
    """Climbs the matcher's score through the autoencoder's decoder."""

    text = MINILM

    def __init__(self, place: Workplace) -> None:
        self._network = load_autoencoder(place.files[AUTOENCODER], device=place.device).network
        self._matcher = SceneMatcher(load_scene_clip(place.files[SCENE_CLIP], device=place.device))
        networks = (self._network, self._matcher.clip.network)
        self.parameters = sum(one.numel() for network in networks for one in network.parameters())
        self._steps, self._looks = int(place.parameters["climb_steps"]), int(place.parameters["looks"])
        self._rate, self._pull = float(place.parameters["climb_rate"]), float(place.parameters["pull"])
        self._device = place.device

    def draw(self, requests: Sequence[ImageRequest], text: TextStates) -> Tensor:
        """As `First.draw`. Each picture alone: many steps make more of the last bits that a batch may change."""
        return torch.cat([self._climbed([request]) for request in requests])

    def _climbed(self, requests: Sequence[ImageRequest]) -> Tensor:
        fit = self._matcher.fit([request.prompt for request in requests for _ in range(self._looks)], self._device)
        start = noise_on(self._device, requests, "climb", (CHANNELS, SIDE, SIDE))
        with torch.inference_mode(False), torch.enable_grad():
            latents = start.clone().requires_grad_()
            optimiser = torch.optim.Adam([latents], lr=self._rate, betas=(0.9, 0.99))
            for step in range(self._steps):
                for group in optimiser.param_groups:  # down to a tenth, so that it settles
                    group["lr"] = self._rate * (1 - 0.9 * step / self._steps)
                pictures = self._network.decode(latents)
                seen = self._looked_at(pictures, requests, step)
                liked = fit(seen).sum() / self._looks
                # Latents of renders have unit variance: what strays from there is no picture of the decoder's.
                loss = -liked + self._pull * latents.square().mean((1, 2, 3)).sub(1).clamp(min=0).sum()
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                optimiser.step()
            latents = latents.detach()
        return self._network.decode(latents).clamp(-1.0, 1.0)

    def _looked_at(self, pictures: Tensor, requests: Sequence[ImageRequest], step: int) -> Tensor:
        """(n * looks, 3, 64, 64): each picture some times, shifted and tinted by its own request's noise."""
        draws = noise_on(self._device, requests, f"climb/{step}", (self._looks, 8)).clamp(-2, 2) / 2
        side = pictures.shape[-1]
        wide = F.pad(pictures, (SHIFT,) * 4, mode="replicate")
        looks = []
        for row, picture in zip(draws, wide, strict=True):
            for look in row:
                y, x = ((look[:2] * SHIFT).round().long() + SHIFT).tolist()
                cut = picture[:, y : y + side, x : x + side]
                looks.append(cut * (1 + TINT * look[2:5, None, None]) + TINT * look[5:8, None, None])
        return torch.stack(looks)

    def release(self) -> None:
        """Nothing: it is small, and stays."""


def load(parameters: Mapping[str, ParameterValue], *, size: int, device: str) -> CascadeGenerator:
    """The registry's factory; errors as `load_contender`."""
    return load_contender(SPEC, GuidedFirst, parameters, size=size, device=device, taught=False)
