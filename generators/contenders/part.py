"""A stage of a contender on disk: its network with its configuration, its exam, and the hashes of what it goes with.

A stage that draws on latents or embeddings is worth nothing beside another autoencoder or matcher than the one that it
was trained with, so its file names that one's hash, and a load holds it to that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from common.hashes import file_sha256
from common.json_in import read_json
from generators.cascade.config_json import Json, stage_from_json, text_from_json, to_json
from generators.cascade.configs import StageConfig, TextConfig
from generators.cascade.networks import build_unet
from generators.cascade.stage import LoadedStage
from generators.contenders.folder import TRAINED_BY, ContenderError
from generators.world.judge_file import JudgeKind

SCHEMA = "drawbench-contender/1"


@dataclass(frozen=True, slots=True)
class Part:
    """A stage as read. `about`: how it was trained and what it measured. `parameters`: how many it has."""

    stage: LoadedStage
    text: TextConfig
    about: Json
    parameters: int


def kind_of(file: str) -> JudgeKind:
    """What the file called `file` is, and the module that makes it."""
    maker = TRAINED_BY[file].removeprefix("python -m ")
    return JudgeKind(file.removesuffix(".safetensors"), SCHEMA, maker, ContenderError)


def save_part(
    path: Path, network: nn.Module, stage: StageConfig, text: TextConfig, about: Json, *, beside: Mapping[str, Path]
) -> None:
    """Write a stage in half precision, whole or not at all. `beside`: the files that it was trained with, by name.

    Raises:
        SaveError: it can't be written; what was there stays.
    """
    told = {
        "stage": json.dumps(to_json(stage), sort_keys=True),
        "text": json.dumps(to_json(text), sort_keys=True),
        "about": json.dumps(about),
        "beside": json.dumps({file: file_sha256(other) for file, other in sorted(beside.items())}),
    }
    kind_of(path.name).save(path, network, told)


def load_part(path: Path, *, beside: Mapping[str, Path], device: str, dtype: torch.dtype) -> Part:
    """A stage for use.

    Raises:
        ContenderError: it is missing, damaged or of another schema, or was trained with another file than one of
            `beside`.
    """
    with kind_of(path.name).opened(path) as file:
        stage = stage_from_json(cast(Any, read_json(file.metadata["stage"])))
        text = text_from_json(cast(Any, read_json(file.metadata["text"])))
        about = cast(Any, read_json(file.metadata["about"]))
        check_beside(path, cast(Any, read_json(file.metadata["beside"])), beside)
        with torch.random.fork_rng(devices=[]):
            network = build_unet(stage, text)
        network.load_state_dict(file.state)
    ready = network.to(device=device, dtype=dtype, memory_format=torch.channels_last).eval().requires_grad_(False)  # type: ignore[call-overload]
    return Part(LoadedStage(stage, ready, text.width), text, about, sum(one.numel() for one in network.parameters()))


def check_beside(path: Path, wanted: Mapping[str, str], beside: Mapping[str, Path]) -> None:
    """Nothing where the files are those that `path` was trained with.

    Raises:
        ContenderError: one is another.
    """
    for file, sha256 in wanted.items():
        found = file_sha256(beside[file])
        if found != sha256:
            raise ContenderError(
                f"{path.name} was trained with another {file} ({sha256[:12]}...) than {beside[file]} "
                f"({found[:12]}...). Put that one beside it, or train it again: {TRAINED_BY[path.name]}"
            )
