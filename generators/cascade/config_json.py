"""Configurations as JSON, strictly: what stands inside of every checkpoint."""

from __future__ import annotations

import dataclasses
from typing import TypeVar

from generators.cascade.configs import ConfigError, DiffusionConfig, StageConfig, TextConfig, UNetConfig

Json = dict[str, object]
T = TypeVar("T")


def to_json(config: StageConfig | TextConfig) -> Json:
    """A configuration as JSON's own types, for a checkpoint."""
    return dataclasses.asdict(config)


def stage_from_json(value: object) -> StageConfig:
    """The inverse of `to_json` for a stage; strict: a field too many or too few is an error.

    Fields that came after the first weights (`LATER`) may be missing: those weights have the defaults.
    """
    fields = _checked(StageConfig, value, "stage")
    unet = {
        name: tuple(item) if isinstance(item, list) else item
        for name, item in _checked(UNetConfig, fields["unet"], "unet").items()
    }
    diffusion = _checked(DiffusionConfig, fields["diffusion"], "diffusion")
    return _build(
        StageConfig, {**fields, "unet": _build(UNetConfig, unet), "diffusion": _build(DiffusionConfig, diffusion)}
    )


def text_from_json(value: object) -> TextConfig:
    """The inverse of `to_json` for the text encoder."""
    return _build(TextConfig, _checked(TextConfig, value, "text"))


LATER: dict[type, frozenset[str]] = {
    TextConfig: frozenset({"quoted"}),
    UNetConfig: frozenset(
        {"attention_hidden", "attention_once", "skip_join", "resampling_order"}
        | {"text_layers", "text_map", "text_look", "image_channels"}
    ),
}
"""Fields that weights of schema 1 may lack: written before there were these. Each has a default that means the same."""


def _checked(kind: type, value: object, what: str) -> Json:
    if not isinstance(value, dict):
        raise ConfigError(f"{what} configuration: an object is wanted, not {type(value).__name__}")
    known = {field.name for field in dataclasses.fields(kind)}
    missing, extra = sorted(known - set(value) - LATER.get(kind, frozenset())), sorted(set(value) - known)
    if missing or extra:
        raise ConfigError(f"{what} configuration: missing {missing or 'nothing'}, unknown {extra or 'nothing'}")
    return value


def _build(kind: type[T], fields: Json) -> T:
    return kind(**fields)
