"""Networks that a user brings: a folder as transformers saves it, found by name, told by its hash, never fetched.

A folder lies in one of the weight folders (`var/weights/NAME` of an installation) or is named by its path in a command.
Nothing here imports torch.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.hashes import file_sha256, files_hash
from common.json_in import read_json
from common.parameters import Parameter, ParameterValue
from common.vision_operators import torchvision_importable
from common.words import nearest
from evaluation.metrics.errors import MetricError

_READ = (".json", ".txt", ".model", ".jinja")
"""Configuration and vocabulary: what decides the numbers besides the weights."""


@dataclass(frozen=True)
class Wanted:
    """A kind of network. `what`: for people ("CLIP"). `model_types`: transformers' names of it. `example`: to bring."""

    what: str
    model_types: tuple[str, ...]
    example: str

    def parameters(self) -> tuple[Parameter, ...]:
        """How such a network is chosen: by the name of its folder, or by its path where files may be named."""
        return (
            Parameter("model", f"which {self.what}: a folder's name in var/weights; empty for the only one", ""),
            Parameter("folder", f"a {self.what} that lies elsewhere: its folder's path", "", operator_only=True),
        )


@dataclass(frozen=True)
class Brought:
    """A folder that was found. `config`: its config.json. `sha256`: over its weights, configuration and vocabulary."""

    path: Path
    config: Mapping[str, Any]
    sha256: str

    @property
    def name(self) -> str:
        """The folder's own name, with the beginning of its hash: "clip-vit-base-patch32, sha256 1a2b3c4d"."""
        return f"{self.path.name}, sha256 {self.sha256[:8]}"

    @property
    def model_type(self) -> str:
        """transformers' name of the architecture."""
        return str(self.config.get("model_type", ""))

    def provenance(self) -> dict[str, Any]:
        """What a result says of it."""
        return {
            "model": self.path.name,
            "model_type": self.model_type,
            "model_sha256": self.sha256,
            "brought_by_user": True,
        }


def find_brought(wanted: Wanted, parameters: Mapping[str, ParameterValue], folders: Sequence[Path]) -> Brought:
    """The folder that `parameters` (`wanted.parameters()`) ask for, looked for in `folders`, checked and hashed.

    Raises:
        MetricError: there is none, it is of another kind, or which one is meant can't be told.
    """
    name, folder = str(parameters.get("model", "")), str(parameters.get("folder", ""))
    if folder:
        return read_brought(wanted, Path(folder).expanduser())
    if name and (name in (".", "..") or "/" in name or "\\" in name):
        raise MetricError(f"model {name!r} is a path; give the name of a folder in {_places(folders)}.")
    found = {path.name: path for path in reversed(_candidates(wanted, folders))}
    if name in found:
        return read_brought(wanted, found[name])
    if name:
        for place in folders:
            if (place / name).is_dir():
                return read_brought(wanted, place / name)  # says what is wrong with it
        hint = nearest(name, found) or "."
        raise MetricError(
            f"There is no {wanted.what} {name!r} in {_places(folders)}{hint} {how_to_bring(wanted, folders)}"
        )
    if not found:
        raise MetricError(f"This takes a {wanted.what} that you bring. {how_to_bring(wanted, folders)}")
    if len(found) > 1:
        raise MetricError(
            f"There are several of the kind {wanted.what}: say which by model, {', '.join(sorted(found))}."
        )
    return read_brought(wanted, next(iter(found.values())))


def has_brought(wanted: Wanted, folders: Sequence[Path]) -> bool:
    """Whether a network of that kind lies in one of the folders; whether it is whole is not looked at."""
    return bool(_candidates(wanted, folders))


def read_brought(wanted: Wanted, path: Path) -> Brought:
    """The network in the folder `path`.

    Raises:
        MetricError: there is no such folder, it is not one of transformers', or holds another kind of network.
    """
    if not path.is_dir():
        raise MetricError(f"There is no folder {path}. {how_to_bring(wanted, ())}")
    config = _config(path)
    if config is None:
        raise MetricError(
            f"{path} has no config.json that can be read: it is not a model's folder. {how_to_bring(wanted, ())}"
        )
    kind = str(config.get("model_type", "nothing named"))
    if kind not in wanted.model_types:
        raise MetricError(
            f"{path} holds a model of the type {kind}; taken as {wanted.what}: {', '.join(wanted.model_types)}."
        )
    files = _files(path)
    if not any(file.suffix in (".safetensors", ".bin") for file in files):
        raise MetricError(f"{path} holds no weights (model.safetensors): the download is not whole.")
    stamps = tuple((file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files)
    return Brought(path, config, _folder_hash(path, stamps))


def load_network(brought: Brought, *model_and_others: Any, **options: Any) -> list[Any]:
    """Load the folder with transformers' classes: first the model's, then those of its tokenizer or processor.

    From its files alone, in float32, without transformers' own messages, which would mix with ours. `options`: what the
    tokenizer or processor is loaded with besides.

    Raises:
        MetricError: a file is missing or damaged, a package is needed that is not here, or the weights lack layers,
            which transformers would fill in at random.
    """
    torchvision_importable()
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        model_class, *others = model_and_others
        model, report = model_class.from_pretrained(
            brought.path, local_files_only=True, output_loading_info=True, dtype="float32"
        )
        loaded = [model, *(other.from_pretrained(brought.path, local_files_only=True, **options) for other in others)]
    except Exception as error:
        reason = " ".join(str(error).split())[:400] or type(error).__name__
        raise MetricError(f"{brought.path} can't be loaded: {reason}. Bring the whole folder.") from error
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
    missing = sorted(report["missing_keys"])
    if missing:
        raise MetricError(
            f"The weights in {brought.path} lack {len(missing)} layers ({', '.join(missing[:3])} ...), which would be "
            "random. Bring the whole model."
        )
    model.eval().requires_grad_(False)
    return loaded


def _candidates(wanted: Wanted, folders: Sequence[Path]) -> list[Path]:
    found = []
    for place in folders:
        for path in sorted(place.iterdir()) if place.is_dir() else []:
            config = _config(path) if path.is_dir() else None
            if config is not None and config.get("model_type") in wanted.model_types:
                found.append(path)
    return found


def _config(path: Path) -> dict[str, Any] | None:
    try:
        config = read_json((path / "config.json").read_bytes())
    except (OSError, ValueError):
        return None
    return config if isinstance(config, dict) else None


def _files(path: Path) -> list[Path]:
    """What a network of this folder is made of. transformers takes safetensors where there are both."""
    files = sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
    weights = [file for file in files if file.suffix == ".safetensors"] or [f for f in files if f.suffix == ".bin"]
    return [file for file in files if file in weights or file.suffix in _READ]


@functools.lru_cache(maxsize=64)
def _folder_hash(path: Path, stamps: tuple[tuple[str, int, int], ...]) -> str:
    """SHA-256 over (name, SHA-256) of each file. `stamps` make it anew when a file changes."""
    return files_hash({name: file_sha256(path / name) for name, _, _ in stamps})


def _places(folders: Sequence[Path]) -> str:
    return " or ".join(str(folder) for folder in folders) or "the weights folder"


def how_to_bring(wanted: Wanted, folders: Sequence[Path]) -> str:
    """What to do for a network of that kind: which files go where."""
    where = f"{folders[0]}/NAME" if folders else "var/weights/NAME"
    return (
        f"Put one as transformers saves it (config.json, model.safetensors, preprocessor and tokenizer files; for "
        f"example {wanted.example}) into {where}, or name its folder by --set folder=PATH. Nothing is downloaded here."
    )
