"""Weights on disk: one safetensors file a stage with its configuration and schema inside, and an index of hashes.

Everything about a load is strict: another schema, another configuration, a missing or extra tensor, a truncated or
altered file each raise `CheckpointError` with what to do. Nothing is ever drawn from half-loaded weights.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from generators.cascade.configs import (
    STAGES,
    ConfigError,
    StageConfig,
    StageName,
    TextConfig,
    stage_from_json,
    text_from_json,
    to_json,
)
from generators.cascade.unet import build_unet
from generators.contract import GeneratorError

SCHEMA = "drawbench-cascade/1"
INDEX_SCHEMA = "drawbench-cascade-index/1"
INDEX = "index.json"


class CheckpointError(GeneratorError):
    """Weights that can't be used: the message names the file, what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class StageWeights:
    """One stage's file, read and checked: its network is built by `network`. `about`: how it was trained, one line."""

    stage: StageConfig
    text: TextConfig
    tensors: dict[str, Tensor]
    about: str

    def network(self, *, device: str = "cpu", dtype: torch.dtype = torch.float32) -> nn.Module:
        """The network with these weights, for inference, channels last."""
        # Initialised and then overwritten: 15 ms for a small network, where the meta device's imports take a second.
        with torch.random.fork_rng(devices=[]):
            network = build_unet(self.stage, self.text)
        wanted, given = set(network.state_dict()), set(self.tensors)
        if wanted != given:
            raise CheckpointError(
                f"stage {self.stage.name}: the file lacks {_some(wanted - given)} and has unknown "
                f"{_some(given - wanted)}; it was written by another version of the network"
            )
        for name, tensor in network.state_dict().items():
            if tensor.shape != self.tensors[name].shape:
                raise CheckpointError(
                    f"stage {self.stage.name}: {name} is {tuple(self.tensors[name].shape)}, not {tuple(tensor.shape)}"
                )
        network.load_state_dict(self.tensors)
        network = network.to(device=device, dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return network.eval().requires_grad_(False)


def save_stage(path: Path, network_state: dict[str, Tensor], stage: StageConfig, text: TextConfig, about: str) -> None:
    """Write one stage in fp16 with its configuration inside; the old file stays until the new one is whole.

    `about`: one line for people: how it was trained.
    """
    tensors = {name: tensor.detach().to("cpu", torch.float16).contiguous() for name, tensor in network_state.items()}
    metadata = {
        "schema": SCHEMA,
        "stage": json.dumps(to_json(stage), sort_keys=True),
        "text": json.dumps(to_json(text), sort_keys=True),
        "about": about,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    save_file(tensors, part, metadata=metadata)
    part.chmod(0o644)  # safetensors makes it private; weights are for whoever may read the folder
    part.replace(path)


def load_stage(path: Path, sha256: str | None = None) -> StageWeights:
    """Read and check one stage's file. `sha256`: what its content must hash to, None to take it as it is.

    Raises:
        CheckpointError: not there, truncated, altered, of another schema, or with a configuration that can't be.
    """
    if not path.is_file():
        raise CheckpointError(f"weights: {path} is not there. Check the checkout, or give another folder of weights.")
    if sha256 is not None:
        found = file_sha256(path)
        if found != sha256:
            raise CheckpointError(
                f"weights: {path.name} hashes to {found[:12]}..., its index says {sha256[:12]}...: the file was "
                "altered or cut short. Fetch it again (git checkout, or copy it anew)."
            )
    try:
        with safe_open(path, framework="pt") as held:
            metadata = held.metadata() or {}
            if metadata.get("schema") != SCHEMA:
                raise CheckpointError(
                    f"weights: {path.name} has schema {metadata.get('schema', 'none')!r}; this version reads "
                    f"{SCHEMA!r}. It is another program's file or another version's: train or export it again."
                )
            stage = stage_from_json(json.loads(metadata["stage"]))
            text = text_from_json(json.loads(metadata["text"]))
            names: list[str] = held.keys()  # it is no mapping: iterating over it is an error
            tensors = {name: held.get_tensor(name) for name in names}
    except SafetensorError as error:
        raise CheckpointError(
            f"weights: {path.name} is no whole safetensors file ({error}). Fetch it again."
        ) from error
    except (KeyError, json.JSONDecodeError, ConfigError) as error:
        raise CheckpointError(f"weights: {path.name} holds no usable configuration: {error}") from error
    return StageWeights(stage, text, tensors, metadata.get("about", ""))


def write_index(folder: Path, cascade: str) -> None:
    """Record the hashes of the stages in a folder of weights."""
    stages = {
        name: {"file": path.name, "sha256": file_sha256(path), "bytes": path.stat().st_size}
        for name in STAGES
        if (path := folder / f"{name}.safetensors").is_file()
    }
    text = json.dumps({"schema": INDEX_SCHEMA, "cascade": cascade, "stages": stages}, indent=2)
    (folder / INDEX).write_text(text + "\n", encoding="utf-8")


@dataclass(frozen=True, slots=True)
class WeightsFolder:
    """A folder of weights and its index: which stages it has, and their hashes."""

    folder: Path
    cascade: str
    hashes: dict[StageName, str]

    def load(self, name: StageName) -> StageWeights:
        """One stage, its hash checked.

        Raises:
            CheckpointError: the folder lacks it, or as `load_stage`.
        """
        if name not in self.hashes:
            raise CheckpointError(
                f"weights: {self.folder} has no stage {name}; it has {', '.join(self.hashes) or 'none'}"
            )
        weights = load_stage(self.folder / f"{name}.safetensors", self.hashes[name])
        if weights.stage.name != name:
            raise CheckpointError(f"weights: {name}.safetensors holds the stage {weights.stage.name}")
        return weights

    def fingerprint(self, stages: tuple[StageName, ...]) -> str:
        """SHA-256 over the hashes of the stages that an image depends on, in order."""
        return hashlib.sha256("\n".join(f"{name} {self.hashes[name]}" for name in stages).encode()).hexdigest()


def open_weights(folder: Path) -> WeightsFolder:
    """Read a folder's index.

    Raises:
        CheckpointError: there is none, or it can't be read.
    """
    path = folder / INDEX
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise CheckpointError(f"weights: {folder} has no {INDEX}; give a folder of exported weights") from None
    except json.JSONDecodeError as error:
        raise CheckpointError(f"weights: {path} is not JSON ({error.msg}, line {error.lineno})") from None
    if not isinstance(held, dict) or held.get("schema") != INDEX_SCHEMA:
        raise CheckpointError(f"weights: {path} is not an index of schema {INDEX_SCHEMA}")
    stages = held.get("stages", {})
    try:
        hashes: dict[StageName, str] = {name: str(stages[name]["sha256"]) for name in STAGES if name in stages}
    except (KeyError, TypeError):
        raise CheckpointError(f"weights: {path} has a stage without its sha256") from None
    return WeightsFolder(folder, str(held.get("cascade", "")), hashes)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as held:
        while chunk := held.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _some(names: set[str]) -> str:
    listed = sorted(names)
    return (
        "nothing" if not listed else ", ".join(listed[:3]) + (f" and {len(listed) - 3} more" if len(listed) > 3 else "")
    )
