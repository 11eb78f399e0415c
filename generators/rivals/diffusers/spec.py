"""What is known of the generator `diffusers` before it is loaded. Its pipelines are those that the operator
declared."""

from __future__ import annotations

from generators.contract import GeneratorSpec, Parameter
from generators.rivals.declared import names

OF_MODEL = "model"
"""The choice of `pipeline` where the operator names one by the parameter `model` instead."""


def spec() -> GeneratorSpec:
    """The spec, with the pipelines that are declared now."""
    return GeneratorSpec(
        name="diffusers",
        summary="A pipeline of Hugging Face's diffusers, from a folder of this machine or its hub cache.",
        factory="generators.rivals.diffusers.generator:load_pipeline",
        parameters=(
            Parameter(
                "pipeline",
                "which of the operator's pipelines",
                OF_MODEL,
                choices=(OF_MODEL, *(name for name in names("pipelines") if name != OF_MODEL)),
            ),
            Parameter("width", "pixels; 0: the pipeline's own", 0, low=0, high=16_384),
            Parameter("height", "pixels; 0: the pipeline's own", 0, low=0, high=16_384),
            Parameter("steps", "sampling steps; 0: the pipeline's own", 0, low=0, high=1000),
            Parameter("guidance", "guidance; -1: the pipeline's own", -1.0, low=-1.0, high=100.0),
            Parameter("negative_prompt", "what the image must not show", ""),
            Parameter("scheduler", "class of the scheduler; if empty: the pipeline's own", ""),
            Parameter("arguments", 'further arguments of its call, as JSON: {"clip_skip": 1}', ""),
            Parameter("dtype", "numbers of the weights", "auto", choices=("auto", "float32", "float16", "bfloat16")),
            Parameter(
                "offload", "keep what is not at work off the GPU", "none", choices=("none", "model", "sequential")
            ),
            Parameter("batch", "images drawn together, fewer where memory is short", 1, low=1, high=64),
            Parameter("model", "folder of a pipeline, or its id on the hub", "", operator_only=True),
            Parameter("pipeline_class", "its class, where diffusers can't tell", "", operator_only=True),
            Parameter("lora", "file or folder of a LoRA to load into it", "", operator_only=True),
        ),
        sizes=(),
        devices=("cpu", "cuda"),
        needs=("torch", "transformers", "diffusers"),
        install="pip install -r requirements-diffusers.txt",
    )


def __getattr__(name: str) -> object:
    """SPEC as it is now: a pipeline that was declared is there at once."""
    if name == "SPEC":
        return spec()
    raise AttributeError(name)
