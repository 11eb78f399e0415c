"""A training's configuration: one JSON file a stage, checked field by field."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from generators.cascade.configs import CASCADES, ConfigError, StageConfig, StageName, TextConfig
from generators.training.sprites import CONCEPTS


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """How one stage is trained on procedural scenes.

    `cascade`, `stage`: which network. `seed`: of everything random. `batch`: images a step. `learning_rate`: peak;
    `warmup`: steps to reach it; `cooldown`: last share of the budget, over which it falls to zero linearly.
    `weight_decay`, `clip`: AdamW's, and the gradient norm's limit. `text_drop`: share of prompts dropped for
    classifier-free guidance [2.2]. `ema_std`: relative width of the power-function average of the weights (EDM2).
    `captions`: distinct captions. `concepts`: scenes with any other are left out of them; none named, all stay.
    `crop`: side of the crop of the stage's picture that it trains on; the stage's size for the whole picture.
    `shrink`: sides of objects are multiplied by it. `max_aug`: aug_level lies in [0, max_aug]; 0 for the base.
    `bf16`: autocast to bfloat16. `sprites`, `cache`: files made once.
    """

    cascade: str
    stage: StageName
    seed: int
    batch: int
    learning_rate: float
    warmup: int
    cooldown: float
    weight_decay: float
    clip: float
    text_drop: float
    ema_std: float
    captions: int
    concepts: tuple[str, ...]
    crop: int
    shrink: float
    max_aug: float
    bf16: bool
    sprites: str
    cache: str

    def __post_init__(self) -> None:
        if self.cascade not in CASCADES:
            raise ConfigError(f"cascade {self.cascade!r} is unknown; there are: {', '.join(CASCADES)}")
        if self.stage not in get_args(StageName):
            raise ConfigError(f"stage {self.stage!r} is unknown; there are: {', '.join(get_args(StageName))}")
        for name, low, high in (
            ("batch", 1, 1 << 16),
            ("learning_rate", 0.0, 1.0),
            ("cooldown", 0.0, 1.0),
            ("text_drop", 0.0, 1.0),
            ("max_aug", 0.0, 1.0),
            ("captions", 1, 10_000_000),
            ("warmup", 0, 10_000_000),
        ):
            if not low <= getattr(self, name) <= high:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must lie in {low} .. {high}")
        unknown = sorted(set(self.concepts) - set(CONCEPTS))
        if unknown:
            raise ConfigError(f"concepts {', '.join(unknown)} are unknown; there are: {', '.join(CONCEPTS)}")
        if self.crop > self.network.size or self.crop % 16:
            raise ConfigError(f"crop is {self.crop}; it must be a multiple of 16 and at most {self.network.size}")

    @property
    def network(self) -> StageConfig:
        """The stage's own configuration."""
        return CASCADES[self.cascade].stage(self.stage)

    @property
    def text(self) -> TextConfig:
        """The text encoder's configuration."""
        return CASCADES[self.cascade].text


def load_train_config(path: Path) -> TrainConfig:
    """Read one, strictly.

    Raises:
        ConfigError: the file is not there, is not JSON, or a field is missing, unknown or out of range.
    """
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"{path}: {error.strerror}. Configurations that ship are in generators/training/configs/"
        ) from None
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}: not JSON, line {error.lineno}: {error.msg}") from None
    known = {field.name for field in dataclasses.fields(TrainConfig)}
    if not isinstance(held, dict) or set(held) != known:
        given = set(held) if isinstance(held, dict) else set()
        raise ConfigError(
            f"{path}: missing {sorted(known - given) or 'nothing'}, unknown {sorted(given - known) or 'nothing'}"
        )
    return TrainConfig(**{**held, "concepts": tuple(held["concepts"])})
