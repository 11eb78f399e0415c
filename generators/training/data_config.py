"""What a training set is, as the field `data` of a training's configuration: one class a kind, told apart by `kind`.

The kinds that bring images of their own name the module `generators.training.sources.KIND` that reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from generators.cascade.configs import ConfigError
from generators.training.strict import build, chosen
from generators.world.scenes.kinds import KIND_NAMES as KINDS_OF_SCENES
from generators.world.sprites import CONCEPTS


@dataclass(frozen=True, slots=True)
class ScenesConfig:
    """Procedural scenes with exact captions, drawn anew for each batch.

    `captions`: distinct captions. `concepts`: what the scenes are made of; none named, of all that the sprites show.
    `shrink`: sides of objects are multiplied by it. `sprites`: the file that `generators.world.sprites` makes.
    `shares`: kinds of scenes, by the name of their function in `scenes.kinds`, and how many times more often than
    usual they come; 0 for never. `often`: concepts, and how many times more often they are drawn, so that new ones
    catch up. `one_drawing`: each concept in its first drawing alone, not in all of its styles.
    `steady`: what the caption leaves open is one way: things stand in the order of their names from left to right, so
    many of a kind always in the same rows, not mirrored, of few sizes, begun at even pixels of 64, and signs in the
    middle, with letters of one font and of few sizes.
    `exclude`: suites, as CSV files, whose prompts no caption may be: those that the weights will be measured on.
    """

    sprites: str
    captions: int = 24_000
    concepts: tuple[str, ...] = ()
    shrink: float = 1.0
    exclude: tuple[str, ...] = ()
    shares: dict[str, float] = field(default_factory=dict)
    often: dict[str, float] = field(default_factory=dict)
    one_drawing: bool = False
    steady: bool = False
    kind: Literal["scenes"] = "scenes"

    def __post_init__(self) -> None:
        in_range("data", "captions", self.captions, 1, 10_000_000)
        in_range("data", "shrink", self.shrink, 0.05, 4.0)
        for name, times in self.shares.items():
            chosen(name, KINDS_OF_SCENES, "data: shares: the kind of scene")
            in_range("data: shares", name, times, 0.0, 1000.0)
        for name, times in self.often.items():
            chosen(name, dict.fromkeys(self.concepts or CONCEPTS), "data: often: the concept")
            in_range("data: often", name, times, 0.1, 100.0)
        unknown = sorted(set(self.concepts) - set(CONCEPTS))
        if unknown:
            raise ConfigError(f"data: concepts {', '.join(unknown)} are unknown; there are: {', '.join(CONCEPTS)}")


@dataclass(frozen=True, slots=True)
class FolderConfig:
    """Images in a folder, at any depth, each with its caption beside it.

    `max_broken`: the share of images without a readable picture or caption that is passed over before it is an error.
    """

    path: str
    max_broken: float = 0.05
    kind: Literal["folder"] = "folder"

    def __post_init__(self) -> None:
        in_range("data", "max_broken", self.max_broken, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class CocoConfig:
    """Images with a COCO captions file. `path`: the folder of the images. `annotations`: the JSON file."""

    path: str
    annotations: str
    max_broken: float = 0.05
    kind: Literal["coco"] = "coco"

    def __post_init__(self) -> None:
        in_range("data", "max_broken", self.max_broken, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class WebDatasetConfig:
    """Tar shards as img2dataset writes them. `path`: a folder of shards, or a pattern of their names."""

    path: str
    max_broken: float = 0.05
    kind: Literal["webdataset"] = "webdataset"

    def __post_init__(self) -> None:
        in_range("data", "max_broken", self.max_broken, 0.0, 1.0)


DataConfig = ScenesConfig | FolderConfig | CocoConfig | WebDatasetConfig

KINDS: dict[str, type[DataConfig]] = {
    "scenes": ScenesConfig,
    "folder": FolderConfig,
    "coco": CocoConfig,
    "webdataset": WebDatasetConfig,
}


def data_config(given: object) -> DataConfig:
    """The description of a training set from JSON's own types, strictly.

    Raises:
        ConfigError: no or an unknown `kind`, or a field missing, unknown, of another type or out of range.
    """
    if not isinstance(given, Mapping):
        raise ConfigError(f'data: an object with a "kind" is wanted, one of {", ".join(KINDS)}')
    if "kind" not in given:
        raise ConfigError(f'data: "kind" is missing; it says what the training set is: {", ".join(KINDS)}')
    return build(chosen(given["kind"], KINDS, "data: kind"), given, f"data ({given['kind']})")


def in_range(what: str, name: str, value: float, low: float, high: float) -> None:
    """Nothing where the value lies between the limits, both included.

    Raises:
        ConfigError: it does not, or is not a number at all (NaN).
    """
    if not low <= value <= high:
        raise ConfigError(f"{what}: {name} is {value}; it must lie in {low} .. {high}")
