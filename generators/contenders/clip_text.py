"""`cascade-clip-text`: the cascade's base on the scene CLIP's text states, as Imagen compares CLIP's text with T5's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from generators.cascade.blocks import TextStates
from generators.cascade.configs import MINILM
from generators.cascade.generator import CascadeGenerator
from generators.cascade.stage import draw_stage
from generators.contenders.folder import CLIP_TEXT
from generators.contenders.load import Workplace, load_contender
from generators.contenders.part import load_part
from generators.contenders.specs import CLIP_TEXT as SPEC
from generators.contract import ImageRequest, ParameterValue
from generators.places import SCENE_CLIP
from generators.world.scene_clip.lead import SceneMatcher
from generators.world.scene_clip.load import load_scene_clip


class ClipTextFirst:
    """The base, told what the matcher's text tower found in the prompt."""

    text = MINILM

    def __init__(self, place: Workplace) -> None:
        beside = {SCENE_CLIP: place.files[SCENE_CLIP]}
        part = load_part(place.files[CLIP_TEXT], beside=beside, device=place.device, dtype=place.dtype)
        self._matcher = SceneMatcher(load_scene_clip(place.files[SCENE_CLIP], device=place.device))
        self.parameters = part.parameters
        self._stage, self._settings = part.stage, place.settings
        self._device, self._dtype = place.device, place.dtype

    def draw(self, requests: Sequence[ImageRequest], text: TextStates) -> Tensor:
        """As `First.draw`."""
        states = self._matcher.states([request.prompt for request in requests])
        return draw_stage(self._stage, requests, states.to(self._device, self._dtype), self._settings)

    def release(self) -> None:
        """Nothing: it is small, and stays."""


def load(parameters: Mapping[str, ParameterValue], *, size: int, device: str) -> CascadeGenerator:
    """The registry's factory; errors as `load_contender`."""
    return load_contender(SPEC, ClipTextFirst, parameters, size=size, device=device)
