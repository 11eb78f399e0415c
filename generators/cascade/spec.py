"""The cascade as the registry sees it: name, parameters, sizes. No torch here: the web process reads this."""

from __future__ import annotations

from generators.contract import GeneratorSpec, Parameter

VERSION = "2"
"""Raised when the same request, weights and parameters give another image."""

SAMPLERS = ("ddim", "ddpm", "dpmpp", "heun")
SPACINGS = ("time", "angle", "log-snr", "karras")
THRESHOLDINGS = ("dynamic", "static", "none")
DTYPES = ("auto", "float32", "bfloat16")
MEMORY = ("auto", "all", "one")

SPEC = GeneratorSpec(
    name="cascade",
    summary="The bundled Imagen cascade: frozen text encoder, 64x64 base, super-resolution to 256 and 1024.",
    factory="generators.cascade.generator:load_cascade",
    identity="generators.cascade.weights_index:identity",
    parameters=(
        Parameter("guidance", "guidance weight w of the 64x64 base; 1 is none", 1.5, low=1.0, high=30.0),
        Parameter("sr_guidance", "guidance weight of both super-resolution stages; 1 is none", 1.0, low=1.0, high=30.0),
        Parameter("guidance_low", "guidance acts at times above this; 0 is the finished image", 0.0, low=0.0, high=1.0),
        Parameter("guidance_high", "guidance acts at times up to this; 1 is pure noise", 1.0, low=0.0, high=1.0),
        Parameter(
            "matcher_guidance",
            "weight of the scene CLIP's gradient in the base (GLIDE's guidance); 0 is none",
            0.0,
            low=0.0,
            high=100.0,
        ),
        Parameter("steps", "sampling steps of the base", 16, low=1, high=1000),
        Parameter("sr_steps", "sampling steps of each super-resolution stage", 1, low=1, high=1000),
        Parameter("sampler", "how a step is taken; heun asks the network twice a step", "dpmpp", choices=SAMPLERS),
        Parameter("spacing", "in what the steps are even; angle is time here", "time", choices=SPACINGS),
        Parameter("eta", "noise added back by ddim, from 0 (none) to 1 (as ddpm)", 0.0, low=0.0, high=1.0),
        Parameter("thresholding", "how the base's predicted image is kept in range", "dynamic", choices=THRESHOLDINGS),
        Parameter("aug_level", "noise conditioning augmentation of the 64x64 image", 0.0, low=0.0, high=1.0),
        Parameter("aug_level_1024", "noise conditioning augmentation of the 256x256 image", 0.0, low=0.0, high=1.0),
        Parameter(
            "sr_start_noise",
            "standard deviation of the noise that both super-resolution stages start from; 1 is the paper's",
            0.0,
            low=0.0,
            high=1.0,
        ),
        Parameter("weights", "folder of the weights; empty for those that ship", "", operator_only=True),
        Parameter(
            "text_encoder",
            "folder or hub id of the text encoder; empty for the one the weights name",
            "",
            operator_only=True,
        ),
        Parameter(
            "text_dtype",
            "what the text encoder computes in: auto, float32 or bfloat16; auto is bfloat16 for large ones on a GPU",
            "auto",
            operator_only=True,
        ),
        Parameter(
            "text_device",
            "where the text encoder runs: empty for the networks' device, cpu, cuda:1 ..., or split over all devices",
            "",
            operator_only=True,
        ),
        Parameter("dtype", "what the networks compute in; auto is bfloat16 on a GPU", "auto", choices=DTYPES),
        Parameter(
            "memory",
            "stages in memory: all, one at a time, or as memory allows",
            "auto",
            choices=MEMORY,
            operator_only=True,
        ),
        Parameter("compile", "compile the networks with torch.compile on first use", False, operator_only=True),
    ),
    sizes=(64, 256, 1024),
)
