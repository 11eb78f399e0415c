"""A contender as a `Generator`: what draws its 64x64 pictures, then super-resolution that is not told the prompt.

Upsamplers without text, as in DALL-E 2 (Ramesh et al. 2022, section 2.1): they were trained with other states of
prompts than most contenders have, and drop a tenth of them anyway.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch

from generators.cascade.checkpoint import open_weights
from generators.cascade.generator import TOLERANCE, CascadeGenerator
from generators.cascade.pipeline import Cascade, First, Settings
from generators.cascade.seen_words import read_words
from generators.cascade.settings import dtype_for, settings_from
from generators.cascade.spec import SPEC as CASCADE
from generators.cascade.stage import StageSettings
from generators.cascade.text import load_encoder
from generators.contenders.folder import VERSION, fingerprint, folder_of, parts_there, upsamplers_of
from generators.contract import GeneratorInfo, GeneratorSpec, ParameterValue


@dataclass(frozen=True, slots=True)
class Workplace:
    """What a contender's first part is made from. `files`: its own, by name. `settings`: of a stage that draws."""

    files: Mapping[str, Path]
    parameters: Mapping[str, ParameterValue]
    settings: StageSettings
    device: str
    dtype: torch.dtype


class MakeFirst(Protocol):
    """Makes what draws a contender's 64x64 pictures."""

    def __call__(self, place: Workplace) -> First: ...


def load_contender(
    spec: GeneratorSpec,
    make: MakeFirst,
    parameters: Mapping[str, ParameterValue],
    *,
    size: int,
    device: str,
    taught: bool = True,
) -> CascadeGenerator:
    """The contender's generator. `taught`: whether it knows only the words of the `words.txt` beside its weights.

    Raises:
        GeneratorError: a device that isn't there, weights missing, damaged or of another autoencoder or matcher.
    """
    dtype, notes = dtype_for(device, str(parameters["dtype"]))
    settings = settings_of(parameters)
    folder = folder_of(parameters)
    files = parts_there(spec.name, folder)
    first = make(Workplace(files, parameters, settings.base, device, dtype))
    encoder = load_encoder(first.text, device=device, later=True)
    cascade = Cascade(open_weights(upsamplers_of(parameters)), size, device=device, dtype=dtype, first=first)
    info = GeneratorInfo(
        name=spec.name,
        version=VERSION,
        weights_fingerprint=fingerprint(spec.name, parameters, size),
        tolerance=TOLERANCE[dtype],
        provenance={
            "stages": ",".join((spec.name, *cascade.names[1:])),
            "text_encoder": first.text.encoder,
            "size": size,
            "dtype": str(dtype).removeprefix("torch."),
            "device": device,
            "torch": torch.__version__,
            **{name: value for name, value in parameters.items() if name not in ("weights", "upsamplers", "dtype")},
            **notes,
        },
    )
    return CascadeGenerator(cascade, encoder, settings, info, read_words(folder) if taught else None)


def settings_of(parameters: Mapping[str, ParameterValue]) -> Settings:
    """A contender's parameters as settings; what it does not have is as the cascade's is by default."""
    known = {parameter.name for parameter in CASCADE.parameters}
    whole = CASCADE.resolve({name: value for name, value in parameters.items() if name in known - {"weights"}})
    return settings_from(whole, sr_told=False)
