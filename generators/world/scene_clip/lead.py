"""The scene CLIP as what leads a sampler, or is climbed by an optimiser: how well pictures fit their prompts, with a
gradient."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from generators.cascade.blocks import TextStates
from generators.cascade.stage import Fit
from generators.world.scene_clip.load import LoadedSceneClip, load_scene_clip
from generators.world.scene_clip.network import MOST_SCALE, SIZE


class SceneMatcher:
    """`generators.cascade.stage.Matcher` of a scene CLIP. `sha256`: of its file.

    It reads prompts by an encoder of its own: that of the weights that it leads may be another.
    """

    def __init__(self, clip: LoadedSceneClip) -> None:
        self.sha256 = clip.sha256
        self.clip = clip
        self._said: dict[str, Tensor] = {}
        self._heard: dict[str, Tensor] = {}
        self._reading = threading.Lock()

    def texts(self, prompts: Sequence[str]) -> Tensor:
        """The unit vectors of prompts, (n, embedding), each encoded by itself, so that no neighbour changes it."""
        with self._reading, torch.inference_mode(False):
            for prompt in prompts:
                if prompt not in self._said:
                    self._said[prompt] = torch.from_numpy(self.clip.texts([prompt])[0])
            return torch.cat([self._said[prompt] for prompt in prompts])

    def states(self, prompts: Sequence[str]) -> TextStates:
        """What the text tower's queries find in each prompt: its last states before the text is one vector."""
        with self._reading, torch.inference_mode(False), torch.no_grad():
            for prompt in prompts:
                if prompt not in self._heard:
                    # Clones: what was made for inference alone has no gradient through it.
                    read = self.clip.encoder.encode([prompt]).states
                    plain = TextStates(read.tokens.clone(), read.mask.clone()).to(self.clip.device, torch.float32)
                    self._heard[prompt] = heard_states(self.clip, plain).tokens.cpu()
            tokens = torch.cat([self._heard[prompt] for prompt in prompts])
        return TextStates(tokens, torch.ones(tokens.shape[:2], dtype=torch.bool))

    def fit(self, prompts: Sequence[str], device: str) -> Fit:
        """(batch,) cosines of pictures and these prompts over the learned temperature: logits of Radford et al. (2021).

        Pictures of another size are resampled to the size that it looks at.
        """
        network = self.clip.network.to(device)
        scale = float(network.log_scale.exp().clamp(max=MOST_SCALE))
        said = self.texts(prompts).to(device)

        def fits(images: Tensor) -> Tensor:
            if images.shape[-1] != SIZE:
                images = F.interpolate(images, size=(SIZE, SIZE), mode="bilinear", antialias=True)
            cosines: Tensor = (network.image(images.float()) * said).sum(1)
            return scale * cosines

        return fits


def heard_states(clip: LoadedSceneClip, states: TextStates) -> TextStates:
    """The matcher's text states of prompts whose token states are known, (n, queries, text_width / 2)."""
    tokens = clip.network.text.heard(states)
    return TextStates(tokens, torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device))


def load_matcher() -> SceneMatcher:
    """The matcher that ships.

    Raises:
        SceneClipError: its file is missing or damaged.
    """
    return SceneMatcher(load_scene_clip())
