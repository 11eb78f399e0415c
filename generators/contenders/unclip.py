"""`unclip`: DALL-E 2's shape (Ramesh et al. 2022): a prior draws a picture's embedding from the prompt, and the
decoder, the cascade's base told that embedding alone, draws the picture. Upsamplers are not told the prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from generators.cascade.blocks import TextStates
from generators.cascade.configs import MINILM
from generators.cascade.generator import CascadeGenerator
from generators.cascade.guidance import guided
from generators.cascade.samplers import dpmpp_2m
from generators.cascade.stage import draw_stage, noise_on
from generators.contenders.configs import EMBEDDING_TOKENS
from generators.contenders.folder import DECODER, PRIOR
from generators.contenders.load import Workplace, load_contender
from generators.contenders.part import load_part
from generators.contenders.prior import Prior, load_prior, scaled
from generators.contenders.specs import UNCLIP as SPEC
from generators.contract import ImageRequest, ParameterValue
from generators.places import SCENE_CLIP
from generators.world.scene_clip.lead import SceneMatcher
from generators.world.scene_clip.load import load_scene_clip


class UnclipFirst:
    """Draws embeddings, then pictures of them."""

    text = MINILM

    def __init__(self, place: Workplace) -> None:
        beside = {SCENE_CLIP: place.files[SCENE_CLIP]}
        decoder = load_part(place.files[DECODER], beside=beside, device=place.device, dtype=place.dtype)
        self._prior = load_prior(place.files[PRIOR], beside=beside, device=place.device)
        self._matcher = SceneMatcher(load_scene_clip(place.files[SCENE_CLIP], device=place.device))
        self.parameters = decoder.parameters + sum(one.numel() for one in self._prior.parameters())
        self._stage, self._settings = decoder.stage, place.settings
        self._steps, self._candidates = int(place.parameters["prior_steps"]), int(place.parameters["candidates"])
        self._w = float(place.parameters["prior_guidance"])
        self._device, self._dtype = place.device, place.dtype

    def draw(self, requests: Sequence[ImageRequest], text: TextStates) -> Tensor:
        """As `First.draw`. Of some drawn embeddings the one nearest to the prompt's own is kept [2.2]."""
        said = self._matcher.texts([request.prompt for request in requests]).to(self._device)
        plain = TextStates(text.tokens.float(), text.mask)
        best, best_cosine = said, torch.full((len(said),), -torch.inf, device=said.device)
        for number in range(self._candidates):
            start = noise_on(self._device, requests, f"prior/{number}", (said.shape[1],))
            drawn = F.normalize(self._embeddings(start, plain, scaled(said)), dim=1)
            cosine = (drawn * said).sum(1)
            best = torch.where((cosine > best_cosine)[:, None], drawn, best)
            best_cosine = torch.maximum(cosine, best_cosine)
        told = embedding_states(best)
        return draw_stage(self._stage, requests, told.to(self._device, self._dtype), self._settings)

    def _embeddings(self, start: Tensor, text: TextStates, said: Tensor) -> Tensor:
        return drawn_embeddings(self._prior, start, text, said, steps=self._steps, w=self._w)

    def release(self) -> None:
        """Nothing: it is small, and stays."""


def drawn_embeddings(
    prior: Prior, start: Tensor, text: TextStates, said: Tensor, *, steps: int, w: float = 1.0
) -> Tensor:
    """Embeddings of about unit variance, from the noise `start`, (n, embedding). `said`: the prompts' own, scaled."""
    kept = torch.ones(len(start), dtype=torch.bool, device=start.device)

    def denoise(z: Tensor, t: float) -> Tensor:
        times = torch.full((len(z),), t, device=z.device)
        told = prior(z, times, text, said, kept)
        return told if w == 1.0 else guided(told, prior(z, times, text, said, ~kept), w)

    return dpmpp_2m(denoise, start, "cosine", steps)


def embedding_states(unit: Tensor) -> TextStates:
    """The decoder's text states for pictures' unit vectors: (n, embedding) -> (n, tokens, tokens * embedding).

    Token k holds the embedding in its k-th part and nothing elsewhere: so one linear layer projects it into as many
    different tokens [2.1].
    """
    n, width = unit.shape
    tokens = unit.new_zeros(n, EMBEDDING_TOKENS, EMBEDDING_TOKENS * width)
    for token in range(EMBEDDING_TOKENS):
        tokens[:, token, token * width : (token + 1) * width] = scaled(unit)
    return TextStates(tokens, torch.ones(tokens.shape[:2], dtype=torch.bool, device=unit.device))


def load(parameters: Mapping[str, ParameterValue], *, size: int, device: str) -> CascadeGenerator:
    """The registry's factory; errors as `load_contender`."""
    return load_contender(SPEC, UnclipFirst, parameters, size=size, device=device)
