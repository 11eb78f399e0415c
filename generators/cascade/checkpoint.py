"""Weights on disk: one safetensors file a stage with its configuration and schema inside, and an index of hashes.

Everything about a load is strict: another schema, another configuration, a missing or extra tensor, a truncated or
altered file each raise `CheckpointError` with what to do. Nothing is ever drawn from half-loaded weights.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, TypeVar, cast

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from common.files import SaveError, disk_full, write_whole
from common.hashes import file_sha256
from common.json_in import read_json
from generators.cascade.config_json import stage_from_json, text_from_json, to_json
from generators.cascade.configs import STAGES, ConfigError, StageConfig, StageName, TextConfig
from generators.cascade.networks import build_unet
from generators.cascade.weights_index import INDEX, INDEX_SCHEMA, CheckpointError, WeightsIndex, read_index
from generators.tensor_file import save_tensors

SCHEMA = "drawbench-cascade/1"

LARGE = 100_000_000
"""Parameters from which a network is built without initialising it first."""


T = TypeVar("T")


class NotSavedError(CheckpointError, SaveError):
    """Weights that can't be written: the message says what is still there."""


@dataclass(frozen=True, slots=True)
class StageWeights:
    """One stage's file, read and checked: its network is built by `network`. `about`: how it was trained, one line."""

    stage: StageConfig
    text: TextConfig
    tensors: dict[str, Tensor]
    about: str

    @property
    def parameters(self) -> int:
        """How many numbers the file holds."""
        return sum(tensor.numel() for tensor in self.tensors.values())

    def network(self, *, device: str = "cpu", dtype: torch.dtype = torch.float32) -> nn.Module:
        """The network with these weights, for inference, channels last."""
        if self.parameters >= LARGE:
            with torch.device("meta"):
                network = build_unet(self.stage, self.text)
        else:
            # Initialised and then overwritten: 15 ms for a small network; the meta device's imports take a second.
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
        if self.parameters >= LARGE:  # tensor by tensor: no second copy of the whole
            network.load_state_dict(
                {name: tensor.to(device, dtype) for name, tensor in self.tensors.items()}, assign=True
            )
        else:
            network.load_state_dict(self.tensors)
        network = network.to(device=device, dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return network.eval().requires_grad_(False)


@dataclass(frozen=True, slots=True)
class StageHead:
    """A stage's file without its weights. `parameters`: how many numbers it holds; `bytes`: its length."""

    stage: StageConfig
    text: TextConfig
    about: str
    parameters: int
    bytes: int


def save_stage(path: Path, network_state: dict[str, Tensor], stage: StageConfig, text: TextConfig, about: str) -> None:
    """Write one stage in fp16 with its configuration inside; the old file stays until the new one is whole.

    `about`: one line for people: how it was trained. It is part of the file's hash, and so of the weights' fingerprint:
    nothing of a clock goes into it.

    Raises:
        NotSavedError: the disk is full or the folder can't be written; the old file stays, and nothing half-written.
    """
    tensors = {name: tensor.detach().to("cpu", torch.float16).contiguous() for name, tensor in network_state.items()}
    metadata = {
        "schema": SCHEMA,
        "stage": json.dumps(to_json(stage), sort_keys=True),
        "text": json.dumps(to_json(text), sort_keys=True),
        "about": about,
    }
    _write(path, lambda part: save_tensors(part, tensors, metadata))


def load_stage(path: Path, sha256: str | None = None) -> StageWeights:
    """Read and check one stage's file. `sha256`: what its content must hash to, None to take it as it is.

    Raises:
        CheckpointError: not there, truncated, altered, of another schema, or with a configuration that can't be.
    """
    if not path.is_file():
        raise CheckpointError(f"weights: {path} is not there. Check the checkout, or give another folder of weights.")
    if sha256 is not None:
        found = _verified(path, sha256)
        if found != sha256:
            raise CheckpointError(
                f"weights: {path.name} hashes to {found[:12]}..., its index says {sha256[:12]}...: the file was "
                "altered or cut short. Fetch it again (git checkout, or copy it anew)."
            )
    stage, text, about, tensors = _read(path, _tensors)
    return StageWeights(stage, text, tensors, about)


def load_head(path: Path) -> StageHead:
    """A stage's configuration and size without its weights; their hash is not checked.

    Raises:
        CheckpointError: as `load_stage`.
    """
    if not path.is_file():
        raise CheckpointError(f"weights: {path} is not there. Check the checkout, or give another folder of weights.")
    stage, text, about, parameters = _read(path, _count)
    return StageHead(stage, text, about, parameters, path.stat().st_size)


def write_index(folder: Path, cascade: str, shared: Mapping[StageName, str] = MappingProxyType({})) -> None:
    """Record the hashes of the stages in a folder of weights.

    `shared`: the files of stages that lie in the folder above, as `../NAME`.

    Raises:
        NotSavedError: the disk is full or the folder can't be written; the old index stays.
    """
    stages: dict[StageName, dict[str, object]] = {
        name: {"file": path.name, "sha256": file_sha256(path), "bytes": path.stat().st_size}
        for name in STAGES
        if (path := folder / f"{name}.safetensors").is_file() and name not in shared
    }
    for name, file in shared.items():
        path = folder / file
        stages[name] = {"file": file, "sha256": file_sha256(path), "bytes": path.stat().st_size}
    stages = {name: stages[name] for name in STAGES if name in stages}
    text = json.dumps({"schema": INDEX_SCHEMA, "cascade": cascade, "stages": stages}, indent=2)
    _write(folder / INDEX, f"{text}\n".encode())


@dataclass(frozen=True, slots=True)
class WeightsFolder(WeightsIndex):
    """A folder of weights and its index, whose stages can be loaded."""

    def load(self, name: StageName) -> StageWeights:
        """One stage, its hash checked.

        Raises:
            CheckpointError: the folder lacks it, or as `load_stage`.
        """
        path = self.path(name)
        weights = load_stage(path, self.hashes[name])
        if weights.stage.name != name:
            raise CheckpointError(f"weights: {path.name} holds the stage {weights.stage.name}")
        return weights

    def head(self, name: StageName) -> StageHead:
        """One stage's configuration, its weights neither read nor checked.

        Raises:
            CheckpointError: the folder lacks it, or as `load_head`.
        """
        path = self.path(name)
        head = load_head(path)
        if head.stage.name != name:
            raise CheckpointError(f"weights: {path.name} holds the stage {head.stage.name}")
        return head


def open_weights(folder: Path) -> WeightsFolder:
    """Read a folder's index.

    Raises:
        CheckpointError: there is none, or it can't be read.
    """
    index = read_index(folder)
    return WeightsFolder(index.folder, index.cascade, index.hashes, index.files)


class TensorFile(Protocol):
    """What is used of an open safetensors file; it is no mapping: iterating over it is an error."""

    def keys(self) -> list[str]: ...

    def get_tensor(self, name: str) -> Tensor: ...

    def get_slice(self, name: str) -> Slice: ...


class Slice(Protocol):
    """A tensor of a file, not read yet."""

    def get_shape(self) -> list[int]: ...


def _count(file: TensorFile) -> int:
    names: list[str] = file.keys()
    return sum(math.prod(file.get_slice(name).get_shape()) for name in names)


def _tensors(file: TensorFile) -> dict[str, Tensor]:
    names: list[str] = file.keys()
    return {name: file.get_tensor(name) for name in names}


_seen: dict[tuple[str, int, int], str] = {}
"""Hashes of files read before in this process, by path, length and time of change: a stage may be loaded many times."""


def _verified(path: Path, wanted: str) -> str:
    try:
        stat = path.stat()
        key = (str(path.resolve()), stat.st_size, stat.st_mtime_ns)
        if _seen.get(key) != wanted:
            _seen[key] = file_sha256(path)
        return _seen[key]
    except OSError as error:
        raise CheckpointError(f"weights: {path} can't be read: {(error.strerror or str(error)).lower()}") from error


def _read(path: Path, take: Callable[[TensorFile], T]) -> tuple[StageConfig, TextConfig, str, T]:
    """Configuration and whatever `take` takes from a stage's file, which is there."""
    try:
        with safe_open(path, framework="pt") as held:
            metadata = held.metadata() or {}
            if metadata.get("schema") != SCHEMA:
                raise CheckpointError(
                    f"weights: {path.name} has schema {metadata.get('schema', 'none')!r}; this version reads "
                    f"{SCHEMA!r}. It is another program's file or another version's: train or export it again."
                )
            stage = stage_from_json(cast(Any, read_json(metadata["stage"])))
            text = text_from_json(cast(Any, read_json(metadata["text"])))
            return stage, text, metadata.get("about", ""), take(held)
    except SafetensorError as error:
        raise CheckpointError(
            f"weights: {path.name} is no whole safetensors file ({error}). Fetch it again."
        ) from error
    except OSError as error:
        raise CheckpointError(f"weights: {path} can't be read: {(error.strerror or str(error)).lower()}") from error
    except (KeyError, json.JSONDecodeError, ConfigError) as error:
        raise CheckpointError(f"weights: {path.name} holds no usable configuration: {error}") from error


def _write(path: Path, content: bytes | Callable[[Path], object]) -> None:
    try:
        write_whole(path, content)
    except SaveError as error:
        why = "the disk is full" if disk_full(error) else (error.strerror or str(error)).lower()
        kept = "the file that was there stays" if path.exists() else "nothing is left of it"
        raise NotSavedError(
            f"weights: {path} can't be written: {why}; {kept}.", path=path, code=error.errno, reason=why
        ) from error


def _some(names: set[str]) -> str:
    listed = sorted(names)
    return (
        "nothing" if not listed else ", ".join(listed[:3]) + (f" and {len(listed) - 3} more" if len(listed) > 3 else "")
    )
