"""What tells which weights a contender's images would come of, without loading any (`GeneratorSpec.identity`)."""

from __future__ import annotations

from collections.abc import Mapping

from generators.contenders import specs
from generators.contenders.folder import VERSION, fingerprint
from generators.contract import ParameterValue


def clip_text(parameters: Mapping[str, ParameterValue], *, size: int) -> tuple[str, str]:
    """Of `cascade-clip-text`; errors as `folder.fingerprint`."""
    return VERSION, fingerprint(specs.CLIP_TEXT.name, parameters, size)


def unclip(parameters: Mapping[str, ParameterValue], *, size: int) -> tuple[str, str]:
    """Of `unclip`; errors as `folder.fingerprint`."""
    return VERSION, fingerprint(specs.UNCLIP.name, parameters, size)


def latent(parameters: Mapping[str, ParameterValue], *, size: int) -> tuple[str, str]:
    """Of `latent`; errors as `folder.fingerprint`."""
    return VERSION, fingerprint(specs.LATENT.name, parameters, size)


def guided_clip(parameters: Mapping[str, ParameterValue], *, size: int) -> tuple[str, str]:
    """Of `guided-clip`; errors as `folder.fingerprint`."""
    return VERSION, fingerprint(specs.GUIDED_CLIP.name, parameters, size)
