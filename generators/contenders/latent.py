"""`latent`: diffusion on an autoencoder's latents (Rombach et al. 2022), told the prompt as the cascade's base is.

Here the latents are of 64x64 pictures, where the base itself is cheap. What the shape gains shows at 256 and above,
which these two cores don't train.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from torch import Tensor

from generators.cascade.blocks import TextStates
from generators.cascade.generator import CascadeGenerator
from generators.cascade.stage import draw_stage
from generators.contenders.autoencoder import load_autoencoder
from generators.contenders.folder import AUTOENCODER, LATENT
from generators.contenders.load import Workplace, load_contender
from generators.contenders.part import load_part
from generators.contenders.specs import LATENT as SPEC
from generators.contract import ImageRequest, ParameterValue


class LatentFirst:
    """Draws latents, and decodes them to 64x64 pictures."""

    def __init__(self, place: Workplace) -> None:
        beside = {AUTOENCODER: place.files[AUTOENCODER]}
        part = load_part(place.files[LATENT], beside=beside, device=place.device, dtype=place.dtype)
        autoencoder = load_autoencoder(place.files[AUTOENCODER], device=place.device)
        self.text = part.text
        self.parameters = part.parameters + sum(one.numel() for one in autoencoder.network.parameters())
        self._stage, self._decode = part.stage, autoencoder.network.decode
        # Latents have no range to be kept in: thresholding is of pictures.
        self._settings = dataclasses.replace(place.settings, thresholding="none")

    def draw(self, requests: Sequence[ImageRequest], text: TextStates) -> Tensor:
        """As `First.draw`."""
        latents = draw_stage(self._stage, requests, text, self._settings)
        return self._decode(latents.float()).clamp(-1.0, 1.0)

    def release(self) -> None:
        """Nothing: it is small, and stays."""


def load(parameters: Mapping[str, ParameterValue], *, size: int, device: str) -> CascadeGenerator:
    """The registry's factory; errors as `load_contender`."""
    return load_contender(SPEC, LatentFirst, parameters, size=size, device=device)
