"""A training's configuration: one JSON file a stage, checked field by field."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from common.json_in import JsonError, read_json
from generators.cascade.configs import (
    CASCADES,
    IMAGE_CHANNELS,
    STAGES,
    CascadeConfig,
    ConfigError,
    StageConfig,
    StageName,
    TextConfig,
    Weighting,
)
from generators.contenders.configs import CONTENDERS
from generators.places import TRAINING
from generators.training.data_config import DataConfig, data_config, in_range
from generators.training.strict import build, chosen

Optimiser = Literal["adamw", "adafactor"]
Decay = Literal["linear", "cosine"]
Parallel = Literal["ddp", "fsdp"]


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """How one stage is trained.

    `cascade`, `stage`: which network, of a cascade or of a contender (`generators.contenders.configs`). `data`: what it
    learns from. `seed`: of everything random. `cache`: folder for
    what is made once, such as the captions' encoded text.

    `batch`: images a step, over all processes. `micro_batch`: images that go through the network at once in one
    process, 0 for all of its share; the step is the same, the memory less. `crop`: side of the crop of the stage's
    picture that it trains on; the stage's size for the whole picture. `text_drop`: share of prompts dropped for
    classifier-free guidance [2.2]. `max_aug`: aug_level lies in [0, max_aug]; 0 for the base.
    `redrawn_share`: of super-resolution's inputs that the base in the folder `redrawn_weights` draws again, from noise
    of a time up to `redrawn_time` (`generators.training.redrawing`); it wants whole pictures. Without a folder it
    is the base that ships.
    `weighting`: of the loss over time: min-snr (Hang et al. 2023), edm with its distribution of times (Karras et al.
    2022), or none. `time_shift`: s > 1 takes more of the times from where the picture is decided,
    t' = s t / (1 + (s - 1) t) (Esser et al. 2024, there for larger pictures); 1 is uniform.

    `optimiser`: adamw with `betas`, or adafactor, which keeps no second moment of a parameter's own size [F.1 for the
    base]. `learning_rate`: peak (adafactor's is relative to a parameter's root mean square); `warmup`: steps to reach
    it; `cooldown`: last share of the budget, over which it falls to zero by `decay`. `weight_decay`; `clip`: the
    gradient norm's limit. `steps`: the budget where the command line names none; 0: it must.

    `ema_stds`: relative widths of the power-function averages of the weights that are kept (EDM2); `ema_std`: the one
    of them that is written for use. `snapshot_steps`: steps between snapshots of the averages, from which any other
    width can be had afterwards; 0 for none.

    `bf16`: autocast to bfloat16. `compile`: torch.compile. `checkpoint_blocks`: activations within a block are computed
    again in the backward pass instead of kept. `parallel`: how more than one process share the work: each with all
    weights (ddp) or with a share of them (fsdp).

    `sample_steps`: steps between grids of samples; 0 for none. `sample_prompts`: what the base is asked for in them;
    none: captions of the training set. `workers`: processes that prepare batches ahead; 0: none does.
    """

    cascade: str
    stage: StageName
    data: DataConfig
    batch: int
    learning_rate: float
    crop: int
    seed: int = 0
    cache: str = str(TRAINING)
    micro_batch: int = 0
    text_drop: float = 0.1
    max_aug: float = 0.0
    redrawn_share: float = 0.0
    redrawn_time: float = 0.4
    redrawn_weights: str = ""
    weighting: Weighting = "min-snr"
    time_shift: float = 1.0
    optimiser: Optimiser = "adamw"
    betas: tuple[float, ...] = (0.9, 0.99)
    warmup: int = 200
    cooldown: float = 0.25
    decay: Decay = "linear"
    weight_decay: float = 0.01
    clip: float = 1.0
    steps: int = 0
    ema_std: float = 0.1
    ema_stds: tuple[float, ...] = (0.05, 0.1)
    snapshot_steps: int = 0
    bf16: bool = True
    compile: bool = False
    checkpoint_blocks: bool = False
    parallel: Parallel = "ddp"
    sample_steps: int = 0
    sample_prompts: tuple[str, ...] = ()
    workers: int = 0

    def __post_init__(self) -> None:
        chosen(self.cascade, {**CASCADES, **CONTENDERS}, "cascade")
        chosen(self.stage, dict.fromkeys(STAGES, ""), "stage")
        for name, low, high in (
            ("batch", 1, 1 << 16),
            ("micro_batch", 0, self.batch),
            ("learning_rate", 0.0, 1.0),
            ("cooldown", 0.0, 1.0),
            ("weight_decay", 0.0, 1.0),
            ("clip", 1e-6, 1e6),
            ("time_shift", 0.1, 10.0),
            ("text_drop", 0.0, 1.0),
            ("max_aug", 0.0, 1.0),
            ("redrawn_share", 0.0, 1.0),
            ("redrawn_time", 0.05, 1.0),
            ("warmup", 0, 10_000_000),
            ("steps", 0, 1_000_000_000),
            ("snapshot_steps", 0, 1_000_000_000),
            ("sample_steps", 0, 1_000_000_000),
            ("workers", 0, 256),
            ("seed", 0, (1 << 31) - 1),
        ):
            in_range("training", name, getattr(self, name), low, high)
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise ConfigError(f"training: betas are {list(self.betas)}; two numbers from 0 to below 1 are wanted")
        for std in self.ema_stds:
            in_range("training", "a width of ema_stds", std, 0.005, 0.28)
        if self.ema_std not in self.ema_stds:
            raise ConfigError(f"training: ema_std is {self.ema_std}; it must be one of ema_stds {list(self.ema_stds)}")
        network = self.network
        if self.max_aug and not network.low_size:
            raise ConfigError("training: max_aug is for super-resolution stages; the base has no image to augment")
        if self.redrawn_share and not network.low_size:
            raise ConfigError(
                "training: redrawn_share is for super-resolution stages; the base has no input to draw again"
            )
        if self.redrawn_share and self.crop != network.size:
            raise ConfigError(f"training: redrawn_share wants whole pictures: set crop to {network.size}")
        if self.sample_steps and network.unet.image_channels != IMAGE_CHANNELS:
            raise ConfigError(
                "training: sample_steps is for networks that draw pictures, and this one draws latents: say 0"
            )
        factor = network.size // network.low_size if network.low_size else 1
        unit = max(16, factor)
        if not unit <= self.crop <= network.size or self.crop % unit:
            raise ConfigError(
                f"training: crop is {self.crop}; it must be a multiple of {unit} and at most {network.size}"
            )

    @property
    def network(self) -> StageConfig:
        """The stage's own configuration."""
        return self._whole.stage(self.stage)

    @property
    def text(self) -> TextConfig:
        """The text encoder's configuration."""
        return self._whole.text

    @property
    def _whole(self) -> CascadeConfig:
        return CASCADES[self.cascade] if self.cascade in CASCADES else CONTENDERS[self.cascade]


def load_train_config(path: Path) -> TrainConfig:
    """Read one, strictly.

    Raises:
        ConfigError: it is not there or not JSON, or a field is missing, unknown, of another type or out of range.
    """
    try:
        held: Any = read_json(path.read_bytes())
    except OSError as error:
        raise ConfigError(
            f"{path}: {error.strerror}. Configurations that ship are in generators/training/configs/"
        ) from None
    except JsonError as error:
        place = f", line {error.line}, column {error.column}" if error.line else ""
        raise ConfigError(f"{path}: not JSON ({error}{place})") from None
    try:
        if isinstance(held, dict) and "data" in held:
            held["data"] = data_config(held["data"])
        return build(TrainConfig, held, "training")
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def to_plain(config: TrainConfig) -> dict[str, object]:
    """A configuration as JSON's own types, for a checkpoint."""
    return dataclasses.asdict(config)
