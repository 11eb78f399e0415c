"""Where the contenders' weights lie, and what each of them is made of. Without torch: whoever asks which weights these
are does not draw."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from common.hashes import file_sha256
from generators.cascade.weights_index import read_index, stages_to
from generators.contract import GeneratorError, ParameterValue, WeightsMissingError
from generators.places import CONTENDERS, SCENE_CLIP, WEIGHTS

VERSION = "1"
"""Raised when the same request, weights and parameters give another image."""

AUTOENCODER, LATENT = "autoencoder.safetensors", "latent.safetensors"
PRIOR, DECODER = "unclip-prior.safetensors", "unclip-decoder.safetensors"
CLIP_TEXT = "clip-text.safetensors"

MADE_OF: Mapping[str, tuple[str, ...]] = {
    "cascade-clip-text": (CLIP_TEXT, SCENE_CLIP),
    "unclip": (PRIOR, DECODER, SCENE_CLIP),
    "latent": (LATENT, AUTOENCODER),
    "guided-clip": (AUTOENCODER, SCENE_CLIP),
}
"""The files that a contender's 64x64 pictures depend on."""

TRAINED_BY: Mapping[str, str] = {
    AUTOENCODER: "python -m generators.training.contenders autoencoder",
    LATENT: "python -m generators.training.contenders latent",
    PRIOR: "python -m generators.training.contenders unclip-prior",
    DECODER: "python -m generators.training.contenders unclip-decoder",
    CLIP_TEXT: "python -m generators.training.contenders clip-text",
    SCENE_CLIP: "python -m generators.training.scene_clip_train",
}
"""The command that makes each file."""


class ContenderError(GeneratorError):
    """Weights of a contender that can't be used: the message names the file, what is wrong and what to do."""


class NotTrainedError(ContenderError, WeightsMissingError):
    """A contender's weights that are not there yet."""

    def __init__(self, name: str, missing: Mapping[str, str], folder: Path) -> None:
        self.commands = tuple(missing.values())
        steps = ", then ".join(self.commands)
        super().__init__(f"{name}: {', '.join(missing)} {_are(missing)} not in {folder}. Train with: {steps}")


def folder_of(parameters: Mapping[str, ParameterValue]) -> Path:
    """The folder of a contender's own weights."""
    return Path(str(parameters["weights"])) if parameters["weights"] else CONTENDERS


def part_path(folder: Path, file: str) -> Path:
    """Where a file of a contender lies: in its folder, and the scene CLIP else where it ships."""
    own = folder / file
    return own if file != SCENE_CLIP or own.is_file() else WEIGHTS / file


def missing_parts(name: str, folder: Path) -> dict[str, str]:
    """The files of the contender called `name` that are not there, with the command that makes each."""
    return {file: TRAINED_BY[file] for file in MADE_OF[name] if not part_path(folder, file).is_file()}


def parts_there(name: str, folder: Path) -> dict[str, Path]:
    """The paths of the contender's files.

    Raises:
        NotTrainedError: some are not there.
    """
    if missing := missing_parts(name, folder):
        raise NotTrainedError(name, missing, folder)
    return {file: part_path(folder, file) for file in MADE_OF[name]}


def fingerprint(name: str, parameters: Mapping[str, ParameterValue], size: int) -> str:
    """SHA-256 over the hashes of all that an image depends on: the contender's files, then super-resolution's.

    Raises:
        NotTrainedError: weights are not there.
        GeneratorError: super-resolution's have no index, or no stage ends at `size`.
    """
    hashes = [f"{file} {file_sha256(path)}" for file, path in parts_there(name, folder_of(parameters)).items()]
    index = read_index(upsamplers_of(parameters))
    for stage in stages_to(size)[1:]:
        index.path(stage)  # says so where there is none
        hashes.append(f"{stage} {index.hashes[stage]}")
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def upsamplers_of(parameters: Mapping[str, ParameterValue]) -> Path:
    """The folder of the super-resolution stages."""
    return Path(str(parameters["upsamplers"])) if parameters["upsamplers"] else WEIGHTS


def _are(things: Mapping[str, str]) -> str:
    return "is" if len(things) == 1 else "are"
