"""The cascade's parameters as what its stages work with: settings, dtype and devices."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import cast

import torch

from generators.cascade.guidance import Thresholding
from generators.cascade.pipeline import Settings
from generators.cascade.samplers import SamplerName
from generators.cascade.spacing import Spacing
from generators.cascade.stage import Matcher, StageSettings
from generators.cascade.text import DTYPES, SPLIT, has_bfloat16
from generators.contract import GeneratorError, ParameterValue

log = logging.getLogger(__name__)


def settings_from(
    parameters: Mapping[str, ParameterValue], *, sr_told: bool = True, matcher: Matcher | None = None
) -> Settings:
    """The parameters as settings of the stages. The base is thresholded as asked, super-resolution clipped.

    `sr_told`: whether super-resolution is told the prompt. `matcher`: what leads the base.

    Raises:
        GeneratorError: an interval of guidance that is empty.
    """
    sampler = cast(SamplerName, str(parameters["sampler"]))
    thresholding = cast(Thresholding, str(parameters["thresholding"]))
    spacing = cast(Spacing, str(parameters["spacing"]))
    eta = float(parameters["eta"])
    interval = float(parameters["guidance_low"]), float(parameters["guidance_high"])
    if interval[0] >= interval[1]:
        raise GeneratorError(
            f"guidance_low is {interval[0]:g} and guidance_high {interval[1]:g}: the first must be below the second. "
            "For no guidance at all say guidance=1."
        )
    return Settings(
        base=StageSettings(
            float(parameters["guidance"]),
            int(parameters["steps"]),
            sampler,
            eta,
            thresholding,
            *interval,
            spacing,
            matcher=float(parameters["matcher_guidance"]),
        ),
        super_resolution=StageSettings(
            float(parameters["sr_guidance"]) if sr_told else 1.0,
            int(parameters["sr_steps"]),
            sampler,
            eta,
            "none" if thresholding == "none" else "static",
            *interval,
            spacing,
            start_noise=float(parameters["sr_start_noise"]),
            prompted=sr_told,
        ),
        aug_level=float(parameters["aug_level"]),
        aug_level_1024=float(parameters["aug_level_1024"]),
        matcher=matcher,
    )


def dtype_for(device: str, asked: str) -> tuple[torch.dtype, dict[str, ParameterValue]]:
    """The dtype of the networks, and what to say of it where it is not as asked.

    Raises:
        GeneratorError: as `check_device`.
    """
    check_device(device)
    native = has_bfloat16(device)
    if asked == "bfloat16" and not native:
        log.warning("%s does not compute in bfloat16: the networks run in float32", device)
        return torch.float32, {"dtype_note": f"{device} does not compute in bfloat16: float32 instead"}
    if asked == "auto":
        return (torch.bfloat16 if native and torch.device(device).type == "cuda" else torch.float32), {}
    return DTYPES[asked], {}


def check_device(device: str) -> None:
    """Nothing where torch can use the device.

    Raises:
        GeneratorError: torch knows none of that name, or it is not there.
    """
    try:
        kind = torch.device(device).type
    except RuntimeError:
        raise GeneratorError(f'device {device!r} is none that torch knows; use "cpu" or "cuda"') from None
    if kind == "cuda" and not torch.cuda.is_available():
        raise GeneratorError(f'device {device!r}: this machine or this build of torch has no CUDA; use "cpu"')


def text_device(asked: str, device: str) -> str:
    """Where the text encoder runs.

    Raises:
        GeneratorError: as `check_device`.
    """
    if asked in ("", SPLIT):
        return asked or device
    check_device(asked)
    return asked
