"""The trained scene CLIP: pictures and texts in, unit vectors out. The metric `clip-score` uses it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from common.errors import UserError
from common.json_in import read_json
from generators.cascade.blocks import TextStates
from generators.cascade.config_json import Json, text_from_json, to_json
from generators.cascade.configs import TextConfig
from generators.cascade.text import TextEncoder, load_encoder
from generators.cascade.text_cache import PromptFacts
from generators.places import SCENE_CLIP, WEIGHTS
from generators.world.checker.render import as_input
from generators.world.judge_file import JudgeKind
from generators.world.scene_clip.network import SceneClip, SceneClipConfig

SCHEMA = "drawbench-scene-clip/1"
BUNDLED = WEIGHTS / SCENE_CLIP
NAME = "scene CLIP of the bundled world (not CLIP)"
"""How people are told of it: it knows the bundled world and nothing else."""

CHUNK = 64

Rows = NDArray[np.float32]


class SceneClipError(UserError):
    """A scene CLIP's file that can't be used; the message names it and what to do."""


FILES = JudgeKind("scene CLIP", SCHEMA, "generators.training.scene_clip_train", SceneClipError)


@dataclass(frozen=True, slots=True)
class LoadedSceneClip:
    """`about`: what it was trained on and what it measured, as its file says. `sha256`: of the file."""

    network: SceneClip
    config: SceneClipConfig
    text: TextConfig
    encoder: TextEncoder
    about: Json
    sha256: str

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        return self.network.log_scale.device

    def images(self, pictures: NDArray[np.uint8]) -> Rows:
        """(n, SIZE, SIZE, 3) pictures (`checker.find.fitted` makes them of images) -> (n, embedding)."""
        rows = []
        for first in range(0, len(pictures), CHUNK):
            with torch.inference_mode():
                rows.append(self.network.image(as_input(pictures[first : first + CHUNK]).to(self.device)).cpu())
        return np.asarray(torch.cat(rows).numpy(), dtype=np.float32)

    def texts(self, texts: Sequence[str]) -> tuple[Rows, tuple[PromptFacts, ...]]:
        """Texts -> (n, embedding), and what became of each: how many tokens it has, what was cut."""
        rows, facts = [], list[PromptFacts]()
        for first in range(0, len(texts), CHUNK):
            encoded = self.encoder.encode(texts[first : first + CHUNK])
            facts += encoded.facts
            rows.append(self.of_states(encoded.states))
        return np.concatenate(rows), tuple(facts)

    def of_states(self, states: TextStates) -> Rows:
        """The vectors of texts whose token states are known."""
        with torch.inference_mode():
            return np.asarray(self.network.text(states.to(self.device, torch.float32)).cpu().numpy(), dtype=np.float32)


def save_scene_clip(path: Path, network: SceneClip, config: SceneClipConfig, text: TextConfig, about: Json) -> None:
    """Write it in half precision, whole or not at all.

    Raises:
        SaveError: it can't be written; what was there stays.
    """
    metadata = {
        "config": json.dumps(dataclasses.asdict(config), sort_keys=True),
        "text": json.dumps(to_json(text), sort_keys=True),
        "about": json.dumps(about),
    }
    FILES.save(path, network, metadata)


def load_scene_clip(path: Path = BUNDLED, *, device: str = "cpu") -> LoadedSceneClip:
    """A scene CLIP from its file; its text encoder is loaded with the first text.

    Raises:
        SceneClipError: it is missing, damaged or of another schema.
        GeneratorError: its text encoder is not there.
    """
    with FILES.opened(path) as file:
        told = cast(Any, read_json(file.metadata["config"]))
        config = SceneClipConfig(**{**told, "width": tuple(told["width"])})
        text = text_from_json(cast(Any, read_json(file.metadata["text"])))
        about = cast(Any, read_json(file.metadata["about"]))
        network = SceneClip(config)
        network.load_state_dict(file.state)
    ready = network.eval().requires_grad_(False).to(device)
    encoder = load_encoder(text, device=device, later=True)
    return LoadedSceneClip(ready, config, text, encoder, about, file.sha256)
