"""The trained scene CLIP: pictures and texts in, unit vectors out. The metric `clip-score` uses it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from common.errors import UserError
from common.files import write_whole
from generators.cascade.blocks import TextStates
from generators.cascade.config_json import Json, text_from_json, to_json
from generators.cascade.configs import TextConfig
from generators.cascade.text import TextEncoder, load_encoder
from generators.cascade.text_cache import PromptFacts
from generators.places import SCENE_CLIP, WEIGHTS
from generators.world.checker.render import as_input
from generators.world.scene_clip.network import SceneClip, SceneClipConfig

SCHEMA = "drawbench-scene-clip/1"
BUNDLED = WEIGHTS / SCENE_CLIP
NAME = "scene CLIP of the bundled world (not CLIP)"
"""How people are told of it: it knows the bundled world and nothing else."""

CHUNK = 64

Rows = NDArray[np.float32]


class SceneClipError(UserError):
    """A scene CLIP's file that can't be used; the message names it and what to do."""


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
    kept = {
        name: value.detach().to("cpu", torch.float16 if value.is_floating_point() else value.dtype).contiguous()
        for name, value in network.state_dict().items()
    }
    metadata = {
        "schema": SCHEMA,
        "config": json.dumps(dataclasses.asdict(config), sort_keys=True),
        "text": json.dumps(to_json(text), sort_keys=True),
        "about": json.dumps(about),
    }
    write_whole(path, lambda part: save_file(kept, part, metadata=metadata))
    path.chmod(0o644)  # safetensors makes it private


def load_scene_clip(path: Path = BUNDLED, *, device: str = "cpu") -> LoadedSceneClip:
    """A scene CLIP from its file; its text encoder is loaded with the first text.

    Raises:
        SceneClipError: it is missing, damaged or of another schema.
        GeneratorError: its text encoder is not there.
    """
    if not path.is_file():
        raise SceneClipError(
            f"the scene CLIP's weights {path} are not there; python -m generators.training.scene_clip_train makes them"
        )
    try:
        data = path.read_bytes()
        with safe_open(path, framework="pt") as held:
            metadata = held.metadata() or {}
            state = {name: held.get_tensor(name) for name in held.keys()}  # noqa: SIM118 - not a dict
        if metadata.get("schema") != SCHEMA:
            raise SceneClipError(f"{path} has the schema {metadata.get('schema')!r}; this version reads {SCHEMA!r}")
        told = json.loads(metadata["config"])
        config = SceneClipConfig(**{**told, "width": tuple(told["width"])})
        text = text_from_json(json.loads(metadata["text"]))
        about = json.loads(metadata["about"])
        network = SceneClip(config)
        network.load_state_dict(
            {name: value.float() if value.is_floating_point() else value for name, value in state.items()}
        )
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        if isinstance(error, SceneClipError):
            raise
        raise SceneClipError(
            f"{path} is no whole scene CLIP ({(str(error).splitlines() or ['no message'])[0]}); fetch it again"
        ) from error
    ready = network.eval().requires_grad_(False).to(device)
    encoder = load_encoder(text, device=device, later=True)
    return LoadedSceneClip(ready, config, text, encoder, about, hashlib.sha256(data).hexdigest())
