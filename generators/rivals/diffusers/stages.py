"""Pipelines as an operator declares them, loaded: one stage, or several of which each draws from what the last one
made."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers

from common.hashes import file_sha256
from common.json_in import JsonError, read_json
from common.vision_operators import torchvision_importable
from common.words import nearest
from generators.cascade.text_files import DOWNLOAD
from generators.contract import GeneratorError
from generators.rivals.declared import checked_build, read

SCHEMA = "drawbench-pipeline/1"


OURS = frozenset(
    ("self", "prompt", "generator", "output_type", "return_dict", "num_images_per_prompt", "image", "image_embeds")
    + ("negative_image_embeds", "latents", "callback", "callback_steps", "callback_on_step_end")
    + ("callback_on_step_end_tensor_inputs", "prompt_embeds", "negative_prompt_embeds", "kwargs")
)
"""Arguments of a call that are filled here, for each image."""

BY_PARAMETER: Mapping[str, str] = {
    "num_inference_steps": "steps",
    "guidance_scale": "guidance",
    "negative_prompt": "negative_prompt",
    "width": "width",
    "height": "height",
}
"""Arguments of a call that have parameters of their own: given twice, one of the two would change nothing."""


@dataclass(frozen=True, slots=True)
class StageConfig:
    """One pipeline. `model`: its folder (relative to the declaration) or its id on the hub. `pipeline_class`: where
    diffusers can't tell it. `arguments`: of its call. `lora`: file or folder of one.
    """

    model: str
    pipeline_class: str = ""
    scheduler: str = ""
    lora: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Declared:
    """Pipelines in a row under one name."""

    schema: str
    name: str
    summary: str
    stages: tuple[Any, ...]


@dataclass(slots=True)
class Stage:
    """A loaded pipeline. `takes`: the names of its call's arguments. `arguments`: those that are the same for all
    images."""

    config: StageConfig
    pipe: Any
    takes: frozenset[str]
    arguments: dict[str, Any]
    sha256: str


def read_stages(name: str) -> list[StageConfig]:
    """The stages that an operator declared under `name`.

    Raises:
        GeneratorError: there are none, or the declaration is wrong.
    """
    path, given, _ = read("pipelines", name)
    if given.get("schema") != SCHEMA:
        raise GeneratorError(f'{path}: the field schema must be "{SCHEMA}", not {given.get("schema")!r}')
    declared = checked_build(Declared, given, str(path))
    if not declared.stages:
        raise GeneratorError(f"{path}: stages is empty; name one pipeline or more")
    stages = []
    for at, each in enumerate(declared.stages):
        stage = checked_build(StageConfig, each, f"{path}: stages: {at}")
        beside = path.parent / stage.model
        given_stage = {**each, "model": str(beside)} if beside.is_dir() else each
        stages.append(checked_build(StageConfig, given_stage, f"{path}: stages: {at}"))
    return stages


def load_stage(config: StageConfig, *, dtype: torch.dtype, device: str, offload: str, is_first: bool = True) -> Stage:
    """A pipeline, on its device. `is_first`: it has only a prompt to draw from.

    Raises:
        GeneratorError: it is not there, is no pipeline of diffusers, lacks weights, or its class, scheduler or LoRA
        can't
            be used.
    """
    folder = _folder(config.model)
    index = _index(folder)
    kind = _class(config, index)
    _check_parts(folder, index)
    if is_first and _draws_from_images(kind):
        raise GeneratorError(
            f"{kind.__name__} draws from an image, and the first stage has only a prompt. Name a class that draws from "
            "a prompt (pipeline_class), or put it after a stage that does"
        )
    # what they draw as bars and tell of prompts that are too long stands in the results
    diffusers.utils.logging.disable_progress_bar()
    diffusers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    try:
        pipe = kind.from_pretrained(folder, dtype=dtype, local_files_only=True, use_safetensors=True)
    except Exception as error:  # diffusers raises what its parts raise
        raise GeneratorError(
            f"the pipeline {config.model} can't be loaded: {said_by(error)}. Are all its weights there, as safetensors?"
        ) from None
    _set_scheduler(pipe, config.scheduler)
    if config.lora:
        _load_lora(pipe, config.lora)
    pipe.set_progress_bar_config(disable=True)
    _place(pipe, device, offload)
    takes = frozenset(inspect.signature(type(pipe).__call__).parameters)
    _check_arguments(config.arguments, takes, type(pipe).__name__)
    prints = [files_fingerprint(folder)] + ([files_fingerprint(Path(config.lora))] if config.lora else [])
    return Stage(config, pipe, takes, dict(config.arguments), hashlib.sha256("".join(prints).encode()).hexdigest())


def arguments_from(text: str) -> dict[str, Any]:
    """The parameter `arguments`.

    Raises:
        GeneratorError: it is no JSON object, or names what has a parameter of its own.
    """
    if not text:
        return {}
    try:
        given = read_json(text)
    except JsonError as error:
        raise GeneratorError(f"parameter arguments: {error}") from None
    if not isinstance(given, dict):
        raise GeneratorError('parameter arguments is a JSON object: {"clip_skip": 1}')
    for name in given:
        if name in BY_PARAMETER:
            raise GeneratorError(f"parameter arguments: {name} is given as the parameter {BY_PARAMETER[name]}")
    return dict(given)


def _check_arguments(names: Mapping[str, object], takes: frozenset[str], who: str) -> None:
    known = sorted(takes - OURS)
    for name in names:
        if name not in known:
            raise GeneratorError(
                f"{who} takes no argument {name!r}{nearest(name, known) or '.'} It takes: {', '.join(known)}"
            )


def check_for_all(names: Mapping[str, object], stages: list[Stage]) -> None:
    """Each name must be an argument of one stage at least.

    Raises:
        GeneratorError: one is of none; the nearest is named.
    """
    takes = frozenset().union(*(stage.takes for stage in stages))
    _check_arguments(names, takes, " and ".join(type(stage.pipe).__name__ for stage in stages))


def files_fingerprint(path: Path) -> str:
    """SHA-256 over the names and contents of all files of a folder, or of one file."""
    root = path if path.is_dir() else path.parent
    files = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
    seen = tuple((str(each.relative_to(root)), each.stat().st_size, each.stat().st_mtime_ns) for each in files)
    return _hashed(str(root), seen)


@lru_cache(maxsize=16)
def _hashed(root: str, files: tuple[tuple[str, int, int], ...]) -> str:
    """As `files_fingerprint`; sizes and times make the key, so that a worker reads unchanged weights once."""
    digest = hashlib.sha256()
    for name, _, _ in files:
        digest.update(f"{name}\0{file_sha256(Path(root, name))}\n".encode())
    return digest.hexdigest()


def _folder(model: str) -> Path:
    path = Path(model).expanduser()
    if not path.is_dir():
        path = _from_hub(model)
    if not (path / "model_index.json").is_file():
        raise GeneratorError(
            f"the folder {path} has no model_index.json, so it is no pipeline of diffusers; name the folder "
            f"that has one"
        )
    return path


def _from_hub(name: str) -> Path:
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    allowed = os.environ.get(DOWNLOAD, "") == "1"
    try:
        return Path(huggingface_hub.snapshot_download(name, local_files_only=not allowed))
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError, ValueError) as error:
        how = (
            f"It could not be downloaded: {' '.join(str(error).split())[:200]}"
            if allowed
            else f"Nothing is downloaded unless the environment variable {DOWNLOAD} is 1"
        )
        raise GeneratorError(f"the pipeline {name} is no folder, and not in this machine's hub cache. {how}.") from None


def said_by(error: Exception) -> str:
    """What a library said, as a part of a sentence."""
    text = " ".join(str(error).split("\n", 1)[0].split()) or type(error).__name__
    return text[:300].rstrip(". ")


def _index(folder: Path) -> dict[str, Any]:
    path = folder / "model_index.json"
    try:
        index = read_json(path.read_bytes())
    except (JsonError, OSError) as error:
        raise GeneratorError(f"{path}: {error}") from None
    if not isinstance(index, dict) or not isinstance(index.get("_class_name"), str):
        raise GeneratorError(f"{path} names no class of a pipeline (_class_name); copy or download the pipeline again")
    return dict(index)


def _check_parts(folder: Path, index: Mapping[str, Any]) -> None:
    """Each part that the index names must have its folder: without one, a tokenizer is made up, and draws nonsense."""
    parts = [name for name, of in index.items() if not name.startswith("_") and isinstance(of, list) and all(of)]
    gone = [name for name in parts if not (folder / name).is_dir()]
    if gone:
        raise GeneratorError(
            f"the pipeline {folder} lacks {', '.join(gone)}, which its model_index.json names; copy or download it "
            "whole"
        )


def _draws_from_images(kind: Any) -> bool:
    """Whether a class draws from an image and never from a prompt alone, as far as diffusers says so."""
    torchvision_importable()
    from diffusers.pipelines import auto_pipeline as auto

    of_prompts = set(auto.AUTO_TEXT2IMAGE_PIPELINES_MAPPING.values())
    of_images = {*auto.AUTO_IMAGE2IMAGE_PIPELINES_MAPPING.values(), *auto.AUTO_INPAINT_PIPELINES_MAPPING.values()}
    return kind in of_images - of_prompts


def _class(config: StageConfig, index: Mapping[str, Any]) -> Any:
    names = [name for name in dir(diffusers) if name.endswith("Pipeline")]
    if config.pipeline_class:
        name = config.pipeline_class
        kind = getattr(diffusers, name, None) if name in names else None
        if not (inspect.isclass(kind) and issubclass(kind, diffusers.DiffusionPipeline)):
            hint = nearest(name, names) or "."
            raise GeneratorError(f"diffusers {diffusers.__version__} has no pipeline {name!r}{hint}")
        return kind
    name = str(index["_class_name"])
    kind = getattr(diffusers, name, None) if name in names else None
    if kind is None:
        hint = nearest(name, names) or "."
        raise GeneratorError(
            f"the pipeline {config.model} is of the class {name!r}, which diffusers {diffusers.__version__} has "
            f"not{hint} "
            "Name one that can draw it (pipeline_class)."
        )
    takes = inspect.signature(kind.__call__).parameters
    if "prompt" not in takes and "image_embeds" not in takes:
        raise GeneratorError(f"the pipeline {config.model} is a {name}, which draws from no prompt")
    return kind


def _set_scheduler(pipe: Any, name: str) -> None:
    if not name:
        return
    if getattr(pipe, "scheduler", None) is None:
        raise GeneratorError(f"{type(pipe).__name__} has no scheduler, so none can be chosen")
    known = {each.__name__: each for each in pipe.scheduler.compatibles}
    if name not in known:
        hint = nearest(name, known) or "."
        raise GeneratorError(
            f"{type(pipe).__name__} can't use the scheduler {name!r}{hint} It can use: {', '.join(sorted(known))}"
        )
    pipe.scheduler = known[name].from_config(pipe.scheduler.config)


def _load_lora(pipe: Any, lora: str) -> None:
    if not hasattr(pipe, "load_lora_weights"):
        raise GeneratorError(f"{type(pipe).__name__} takes no LoRA")
    if importlib.util.find_spec("peft") is None:
        raise GeneratorError(
            "a LoRA needs peft, which this machine lacks. Install with: pip install -r requirements-diffusers.txt"
        )
    path = Path(lora).expanduser()
    if not path.exists():
        raise GeneratorError(f"there is no LoRA {path}")
    where, name = (path, None) if path.is_dir() else (path.parent, path.name)
    try:
        pipe.load_lora_weights(where, weight_name=name, local_files_only=True)
    except Exception as error:  # diffusers raises what its parts raise
        raise GeneratorError(f"the LoRA {path} can't be loaded: {said_by(error)}") from None
    if not pipe.get_list_adapters():  # of which diffusers says in a log alone that it is safe to ignore
        raise GeneratorError(f"the LoRA {path} has nothing for the parts of a {type(pipe).__name__}: it is another's")


def _place(pipe: Any, device: str, offload: str) -> None:
    if offload == "none":
        pipe.to(device)
    elif not device.startswith("cuda"):
        raise GeneratorError(f"offload={offload} is for a GPU; on the device {device} say offload=none")
    elif offload == "model":
        pipe.enable_model_cpu_offload(device=device)
    else:
        pipe.enable_sequential_cpu_offload(device=device)
