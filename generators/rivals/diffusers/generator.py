"""The generator `diffusers`: pipelines called with a generator of random numbers for each sample."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import diffusers
import numpy as np
import torch
from numpy.typing import NDArray

from common.parameters import ParameterValue
from generators.cascade.memory import first_line, free_memory, is_out_of_memory
from generators.contract import (
    Failure,
    FailureKind,
    Generator,
    GeneratorError,
    GeneratorInfo,
    ImageRequest,
    ImageResult,
    StopError,
)
from generators.rivals.diffusers.guidance import NOTHING, check_guidance, true_guidance
from generators.rivals.diffusers.reading import is_if, listen, unread
from generators.rivals.diffusers.spec import OF_MODEL
from generators.rivals.diffusers.stages import (
    Stage,
    StageConfig,
    arguments_from,
    check_for_all,
    load_stage,
    read_stages,
    said_by,
)
from generators.rivals.sizes import other_size
from generators.seeding import request_seed
from generators.sizes import check_sides

DRIFT = 8.0
"""Grey levels that a pixel may move with the batch or on a GPU, where sums are made in another order."""

BLACK = 2
"""An image with no brighter grey level than that is black: a filter's, or arithmetic that overflowed."""

REFUSALS = (ValueError, TypeError, AttributeError, LookupError, NotImplementedError, AssertionError)
"""What a pipeline raises at arguments that it can't draw with, or at parts that it is put together of: no other try
would help."""


class PipelineGenerator:
    """Images of pipelines in a row. `arguments`: the parameters' own, for every stage that takes them."""

    def __init__(self, stages: list[Stage], arguments: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
        self._stages, self._arguments = stages, dict(arguments)
        self._size = (int(settings["width"]), int(settings["height"]))
        self._negative = str(settings["negative_prompt"])
        self.batch_size = int(settings["batch"])
        exact = settings["device"] == "cpu" and self.batch_size == 1
        last = stages[-1].pipe
        self.info = GeneratorInfo(
            name="diffusers",
            version=diffusers.__version__,
            weights_fingerprint=hashlib.sha256("".join(stage.sha256 for stage in stages).encode()).hexdigest(),
            tolerance=0.0 if exact else DRIFT,
            provenance={
                "pipeline_classes": ", ".join(type(stage.pipe).__name__ for stage in stages),
                "scheduler_class": type(last.scheduler).__name__ if getattr(last, "scheduler", None) else "",
                "device": str(settings["device"]),
                "dtype_used": str(settings["dtype"]).removeprefix("torch."),
            },
        )

    def generate(self, requests: Sequence[ImageRequest]) -> Iterator[ImageResult]:
        """One result for each request; a smaller batch where memory is short."""
        waiting = []
        for request in requests:
            if request.prompt.strip():
                waiting.append(request)
            else:
                yield ImageResult(request.key, failure=Failure(FailureKind.INVALID, "the prompt is empty"))
        n_alone = 0
        while waiting:
            batch = waiting[: 1 if n_alone else self.batch_size]
            began = time.perf_counter()
            try:
                images, flags = self._draw(batch)
            except StopError:
                raise
            except REFUSALS as error:
                if len(batch) > 1:
                    n_alone = len(batch)  # it may be one prompt's
                    continue
                message = f"the pipeline can't draw with these arguments: {said_by(error)}"
                yield ImageResult(batch[0].key, failure=Failure(FailureKind.INVALID, message))
                waiting, n_alone = waiting[1:], max(0, n_alone - 1)
                continue
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                free_memory()
                if len(batch) > 1:
                    self.batch_size = len(batch) // 2
                    continue
                message = f"there is too little memory for one image: {first_line(error)[:200]}"
                yield ImageResult(batch[0].key, failure=Failure(FailureKind.CRASH, message))
                waiting = waiting[1:]
                continue
            seconds = (time.perf_counter() - began) / len(batch)
            waiting, n_alone = waiting[len(batch) :], max(0, n_alone - len(batch))
            for request, image, flagged in zip(batch, images, flags, strict=True):
                yield self._result(request, image, flagged, seconds)

    def close(self) -> None:
        """Let go of the pipelines. Harmless twice."""
        self._stages.clear()
        free_memory()

    def _result(self, request: ImageRequest, image: NDArray[np.uint8], flagged: str, seconds: float) -> ImageResult:
        provenance: dict[str, ParameterValue] = {"seed": request_seed(request, "base")}
        failure = other_size(image, *self._size, "the pipeline")
        if flagged:
            failure = Failure(FailureKind.FILTERED, f"the pipeline's safety filter withheld the image ({flagged})")
        elif image.max() <= BLACK:
            message = "the image is black: a filter's, or the arithmetic overflowed (try dtype=bfloat16 or float32)"
            failure = Failure(FailureKind.FILTERED, message)
        if failure is not None:
            return ImageResult(request.key, failure=failure, provenance=provenance)
        provenance |= unread(self._stages, request.prompt, self._arguments)
        return ImageResult(request.key, image, seconds=seconds, provenance=provenance)

    def _draw(self, batch: Sequence[ImageRequest]) -> tuple[NDArray[np.uint8], list[str]]:
        """The images, (n, height, width, 3), and why a filter withheld each, "" where none did."""
        flags = [""] * len(batch)
        made: dict[str, Any] = {}
        for stage in self._stages:
            listen(stage.pipe)
        for number, stage in enumerate(self._stages):
            following = self._stages[number + 1] if number + 1 < len(self._stages) else None
            given = self._call(stage, batch, made, number)
            given["output_type"] = "np" if following is None else "pt"
            with torch.inference_mode():
                output = stage.pipe(**{name: value for name, value in given.items() if name in stage.takes})
            for name in ("nsfw_content_detected", "nsfw_detected"):
                for at, flagged in enumerate(_flags(getattr(output, name, None), len(batch))):
                    flags[at] = flags[at] or (name if flagged else "")
            if following is not None:
                made = _handed_on(output, stage, following)
        if getattr(output, "images", None) is None:
            raise StopError(f"{type(stage.pipe).__name__} gives no images. Name a pipeline that does, in a new run.")
        images = np.asarray(output.images, dtype=np.float32)
        return (np.nan_to_num(images).clip(0, 1) * 255).round().astype(np.uint8), flags

    def _call(
        self, stage: Stage, batch: Sequence[ImageRequest], made: Mapping[str, Any], number: int
    ) -> dict[str, Any]:
        """The arguments of a stage's call. Each sample has its own generator, so that its batch changes nothing."""
        prompts = [request.prompt for request in batch]
        given: dict[str, Any] = {**stage.arguments, **self._arguments}
        given |= {"prompt": prompts, **made}
        given["generator"] = [
            torch.Generator("cpu").manual_seed(request_seed(request, "base" if number == 0 else f"stage {number}"))
            for request in batch
        ]
        negative = self._negative or (NOTHING if true_guidance(stage, given) > 1 else "")
        if negative and "negative_prompt" in stage.takes:
            given["negative_prompt"] = [negative] * len(batch)
        if self._size[0] and "image" not in stage.takes:
            given |= {"width": self._size[0], "height": self._size[1]}
        if "prompt_embeds" in stage.takes and getattr(stage.pipe, "text_encoder", stage) is None and number:
            first = self._stages[0].pipe  # the stages after DeepFloyd IF's first are published without their encoder
            embeds, negative = first.encode_prompt(prompts, negative_prompt=given.pop("negative_prompt", None))
            given |= {"prompt_embeds": embeds, "negative_prompt_embeds": negative}
            del given["prompt"]
        return given


def _handed_on(output: Any, stage: Stage, following: Stage) -> dict[str, Any]:
    """What the next stage draws from: a prior's embeddings, or images."""
    if getattr(output, "image_embeds", None) is not None:
        return {"image_embeds": output.image_embeds, "negative_image_embeds": output.negative_image_embeds}
    images = output.images
    if is_if(stage.pipe) and not is_if(following.pipe):  # among themselves they speak of -1 to 1, the others of 0 to 1
        images = (images / 2 + 0.5).clamp(0, 1)
    return {"image": images}


def _flags(said: object, n: int) -> list[bool]:
    return [bool(each) for each in said] if isinstance(said, list | tuple) and len(said) == n else [False] * n


def load_pipeline(parameters: Mapping[str, ParameterValue], *, size: int, device: str) -> Generator:
    """The pipelines that the parameters name, loaded once each. `size`: says nothing here.

    Raises:
        GeneratorError: they are not there, or take no such argument.
    """
    width, height = int(parameters["width"]), int(parameters["height"])
    check_sides(width, height)
    arguments = arguments_from(str(parameters["arguments"]))
    if parameters["steps"]:
        arguments["num_inference_steps"] = int(parameters["steps"])
    if float(parameters["guidance"]) >= 0:
        arguments["guidance_scale"] = float(parameters["guidance"])
    configs = _configs(parameters)
    dtype = _dtype(str(parameters["dtype"]), device)
    offload = str(parameters["offload"])
    stages = [
        load_stage(config, dtype=dtype, device=device, offload=offload, is_first=number == 0)
        for number, config in enumerate(configs)
    ]
    wanted = dict(arguments)
    if parameters["negative_prompt"]:
        wanted["negative_prompt"] = ""
    if width:
        wanted |= {"width": width, "height": height}
    check_for_all(wanted, stages)
    check_guidance(arguments, str(parameters["negative_prompt"]), stages)
    settings = {**parameters, "dtype": dtype, "device": device}
    return PipelineGenerator(stages, arguments, settings)


def _configs(parameters: Mapping[str, ParameterValue]) -> list[StageConfig]:
    scheduler, named = str(parameters["scheduler"]), str(parameters["pipeline"])
    if named == OF_MODEL:
        if not parameters["model"]:
            raise GeneratorError(
                "say which pipeline: one that the operator declared (pipelines/NAME.json in the folder that "
                "DRAWBENCH_RIVALS names), or with a command model=FOLDER"
            )
        lora, kind = str(parameters["lora"]), str(parameters["pipeline_class"])
        return [StageConfig(str(parameters["model"]), kind, scheduler, lora)]
    for name in ("model", "lora", "pipeline_class"):
        if parameters[name]:
            raise GeneratorError(f"the parameter {name} goes without pipeline; {named} has its own")
    stages = read_stages(named)
    if not scheduler:
        return stages
    last = stages[-1]
    return [*stages[:-1], StageConfig(last.model, last.pipeline_class, scheduler, last.lora, last.arguments)]


def _dtype(named: str, device: str) -> torch.dtype:
    if named == "auto":
        return torch.bfloat16 if device.startswith("cuda") else torch.float32
    kind = getattr(torch, named)
    assert isinstance(kind, torch.dtype)
    return kind
