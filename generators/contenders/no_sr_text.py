"""`cascade-no-sr-text`: the shipped stages, of which super-resolution is not told the prompt.

No training: a tenth of what these stages saw had its prompt dropped.
"""

from __future__ import annotations

from collections.abc import Mapping

from generators.cascade.generator import CascadeGenerator, load_cascade
from generators.contenders.specs import NO_SR_TEXT
from generators.contract import ParameterValue


def load(parameters: Mapping[str, ParameterValue], *, size: int, device: str) -> CascadeGenerator:
    """The registry's factory; errors as `load_cascade`."""
    return load_cascade(parameters, size=size, device=device, name=NO_SR_TEXT.name, sr_told=False)
