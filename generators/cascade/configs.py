"""The cascade's configurations: pure data, no torch. A larger cascade is another value, never other code.

Symbols and section numbers: Saharia et al. 2022, "Photorealistic Text-to-Image Diffusion Models with Deep Language
Understanding" (Imagen, arXiv 2205.11487). What the paper leaves open is marked "ours".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from common.errors import UserError
from common.words import nearest

ScheduleName = Literal["cosine", "linear", "linear-zero-snr"]
Weighting = Literal["min-snr", "edm", "none"]
Prediction = Literal["eps", "v", "x0", "residual"]
StageName = Literal["base", "sr256", "sr1024"]
Kind = Literal["base", "efficient"]
SkipScaling = Literal["residual", "concat", "none"]
SkipJoin = Literal["concat", "add"]
ResamplingOrder = Literal["efficient", "standard"]
IMAGE_CHANNELS = 3
"""Of a picture."""
STAGES: tuple[StageName, ...] = ("base", "sr256", "sr1024")


class ConfigError(UserError):
    """A configuration that can't be: the message names the field, what is allowed and what was given."""


@dataclass(frozen=True, slots=True)
class TextConfig:
    """The frozen text encoder [2.1].

    `encoder`: what it is called; its files are found by `generators.cascade.text.find_encoder`.
    `width`: channels of one token state. `max_tokens`: longer prompts are cut, and the result says so. `quoted`: so
    many characters in quotation marks have states of their own (`generators.cascade.quoted`; ours); 0 for none.
    """

    encoder: str
    width: int
    max_tokens: int
    quoted: int = 0


@dataclass(frozen=True, slots=True)
class UNetConfig:
    """One U-Net. Levels run from high to low resolution and the lists have one entry a level.

    `kind`: "base" is the ADM-shaped network of [F.1], which a super-resolution stage may have too (the standard U-Net
    that the Efficient one is compared with); "efficient" is the Efficient U-Net of [F.2].
    `patch`: space-to-depth factor of the stem; 1 in the paper, more keeps a small network off high resolutions (ours).
    `self_attention`, `text_attention`: the levels (0 = highest) with attention to the image and to the text. Where a
    level has both, the text's keys and values are concatenated to the image's [2.5].
    `text_layers`: transformer layers over the projected token states, learned with the network; 0 in the paper (ours).
    `text_map`: side of a map of places that each ask the text what stands there, added to the features on the way
    down; 0, as in the paper, for none (ours, base kind). `text_look`: features by which a place of that map tells how
    what stands there looks just there; 0 for none (ours).
    `image_channels`: of what it draws: 3 of a picture, others of what stands for one (base kind).
    `extra_decoder_block`: ADM's additional block on the way up, fed by the resampling's skip.
    `resblock_resampling`: BigGAN residual blocks change the resolution [F.1]; else one convolution does (ours, small).
    `skip_scaling`: what is scaled by 1/sqrt(2) [F.2 is ambiguous]: the residual sum, the joining skip, or nothing.
    `max_attention_tokens`: self-attention over more positions is refused: it would be most of the run time.
    `attention_hidden`: width inside attention, in channels of its level; 2 in the Efficient U-Net [A.27].
    `attention_once`: one attention after a level's blocks [A.28, A.29], not one after each block [ADM].
    `skip_join`: how a skip joins on the way up: concatenated, or added [A.29].
    `resampling_order`: "efficient" resamples before a level's blocks on the way down and after them on the way up
    [F.2]; "standard" the other way round, so that the same parameters work at twice the resolution.
    The efficient kind alone has `skip_scaling`, `skip_join` and `resampling_order`, the base kind alone
    `extra_decoder_block` and `resblock_resampling`.
    """

    kind: Kind
    channels: tuple[int, ...]
    blocks: tuple[int, ...]
    self_attention: tuple[int, ...]
    text_attention: tuple[int, ...]
    embedding: int
    text_width: int
    head_width: int = 64
    patch: int = 1
    extra_decoder_block: bool = False
    resblock_resampling: bool = False
    skip_scaling: SkipScaling = "none"
    max_attention_tokens: int = 1024
    attention_hidden: int = 1
    attention_once: bool = False
    skip_join: SkipJoin = "concat"
    resampling_order: ResamplingOrder = "efficient"
    text_layers: int = 0
    text_map: int = 0
    text_look: int = 0
    image_channels: int = IMAGE_CHANNELS

    def __post_init__(self) -> None:
        levels = len(self.channels)
        if levels == 0 or len(self.blocks) != levels:
            raise ConfigError(f"U-Net: {levels} channel entries and {len(self.blocks)} block entries; they must match")
        for name in ("self_attention", "text_attention"):
            for level in getattr(self, name):
                if not 0 <= level < levels:
                    raise ConfigError(f"U-Net: {name} names level {level}; levels run from 0 to {levels - 1}")
        for width in self.channels:
            if width % 8:
                raise ConfigError(f"U-Net: {width} channels; group normalisation needs a multiple of 8")
        for level in {*self.self_attention, *self.text_attention}:
            width = self.channels[level] * self.attention_hidden
            if width <= 0 or width % self.head_width:
                raise ConfigError(
                    f"U-Net: level {level} has {width} channels in attention, not a multiple of "
                    f"head_width {self.head_width}"
                )
        if self.text_look and not self.text_map:
            raise ConfigError("U-Net: text_look is of the map of places; it needs text_map")
        for name, default in _OF_THE_OTHER_KIND[self.kind].items():
            if getattr(self, name) != default:
                raise ConfigError(f"U-Net: {name} means nothing to the kind {self.kind!r}; leave it at {default!r}")


_OF_THE_OTHER_KIND: dict[Kind, dict[str, object]] = {
    "base": {"skip_scaling": "none", "skip_join": "concat", "resampling_order": "efficient"},
    "efficient": {
        "extra_decoder_block": False,
        "resblock_resampling": False,
        "text_map": 0,
        "text_look": 0,
        "image_channels": 3,
    },
}


@dataclass(frozen=True, slots=True)
class DiffusionConfig:
    """How a stage adds noise and what its network predicts.

    `schedule`: cosine for 64 and 256, linear for 1024 [F]; "linear-zero-snr" is the linear one without signal at its
    end, as the cosine one is (ours). `prediction`: eps in the paper; v with zero terminal SNR for small models (ours:
    no colour shift); "residual" predicts, normalised, what is missing from the upsampled low-resolution image (ours,
    super-resolution only; `residual_std` is that residue's standard deviation in [-1, 1]).
    """

    schedule: ScheduleName
    prediction: Prediction
    residual_std: float = 0.0

    def __post_init__(self) -> None:
        if (self.prediction == "residual") != (self.residual_std > 0):
            raise ConfigError("diffusion: residual_std must be positive for prediction 'residual' and 0 otherwise")


@dataclass(frozen=True, slots=True)
class StageConfig:
    """One stage: `size` is what it draws, `low_size` what it starts from (0 for the base), in pixels."""

    name: StageName
    size: int
    low_size: int
    unet: UNetConfig
    diffusion: DiffusionConfig

    def __post_init__(self) -> None:
        step = self.unet.patch * 2 ** (len(self.unet.channels) - (self.unet.kind == "base"))
        if self.size % step:
            raise ConfigError(f"stage {self.name}: size {self.size} is not a multiple of its U-Net's {step}")
        if (self.name == "base") != (self.low_size == 0):
            raise ConfigError(f"stage {self.name}: low_size {self.low_size}; only the base starts from nothing")
        if self.low_size and self.size % self.low_size:
            raise ConfigError(f"stage {self.name}: size {self.size} is not a multiple of low_size {self.low_size}")
        if self.name == "base" and self.unet.kind != "base":
            raise ConfigError("stage base: the Efficient U-Net needs a low-resolution image; the base has kind 'base'")
        for level in self.unet.self_attention:
            side = self.grid(level)
            if side**2 > self.unet.max_attention_tokens:
                raise ConfigError(
                    f"stage {self.name}: self-attention at level {level} would run over {side}x{side} = {side**2} "
                    f"positions, and max_attention_tokens allows {self.unet.max_attention_tokens}: it would be most of "
                    "the run time. Name lower levels in self_attention, or text_attention alone."
                )

    def grid(self, level: int) -> int:
        """The side of a level's feature maps when the stage draws a whole image, in positions."""
        shrunk_first = self.unet.kind == "efficient" and self.unet.resampling_order == "efficient"
        return self.size // (self.unet.patch * 2 ** (level + shrunk_first))


@dataclass(frozen=True, slots=True)
class CascadeConfig:
    """The whole system: text -> 64 -> 256 -> 1024 [2]."""

    name: str
    text: TextConfig
    base: StageConfig
    sr256: StageConfig
    sr1024: StageConfig

    def stage(self, name: StageName) -> StageConfig:
        """A stage by its name."""
        return cast(StageConfig, getattr(self, name))


MINILM = TextConfig(encoder="all-MiniLM-L6-v2", width=384, max_tokens=64, quoted=32)
"""Frozen all-MiniLM-L6-v2: its token states. A language model trained on text alone, but not a T5."""

MINI_EFFICIENT = UNetConfig(
    kind="efficient",
    channels=(48, 64, 96),
    blocks=(1, 1, 2),
    self_attention=(),
    text_attention=(2,),
    embedding=128,
    text_width=96,
    head_width=48,
    patch=2,
    skip_scaling="residual",
)
"""Without self-attention (the paper has it at the lowest level of 256), so that both stages train on crops."""

IMAGEN_MINI = CascadeConfig(
    name="imagen-mini",
    text=MINILM,
    base=StageConfig(
        name="base",
        size=64,
        low_size=0,
        unet=UNetConfig(
            kind="base",
            channels=(48, 96, 128),
            blocks=(1, 1, 2),
            self_attention=(2,),
            text_attention=(1, 2),
            embedding=192,
            text_width=128,
            head_width=32,
            patch=2,
            text_layers=2,
            text_map=32,
            text_look=384,
        ),
        diffusion=DiffusionConfig(schedule="cosine", prediction="v"),
    ),
    sr256=StageConfig(
        name="sr256",
        size=256,
        low_size=64,
        unet=MINI_EFFICIENT,
        diffusion=DiffusionConfig(schedule="cosine", prediction="residual", residual_std=0.1),
    ),
    sr1024=StageConfig(
        name="sr1024",
        size=1024,
        low_size=256,
        unet=MINI_EFFICIENT,
        # Linear in the paper. Cosine here: this stage starts from the weights of the one before.
        diffusion=DiffusionConfig(schedule="cosine", prediction="residual", residual_std=0.1),
    ),
)


def _mini_2_efficient(
    channels: tuple[int, ...], blocks: tuple[int, ...], head_width: int, embedding: int, *, to_image: bool
) -> UNetConfig:
    lowest = len(channels) - 1
    return UNetConfig(
        kind="efficient",
        channels=channels,
        blocks=blocks,
        self_attention=(lowest,) if to_image else (),
        text_attention=(lowest,),
        embedding=embedding,
        text_width=channels[-1],
        head_width=head_width,
        skip_scaling="residual",
        attention_once=True,
    )


_RESIDUAL = DiffusionConfig(schedule="cosine", prediction="residual", residual_std=0.1)

IMAGEN_MINI_2 = CascadeConfig(
    name="imagen-mini-2",
    text=MINILM,
    base=StageConfig(
        name="base",
        size=64,
        low_size=0,
        unet=UNetConfig(
            kind="base",
            channels=(64, 128, 192, 224),
            blocks=(2, 2, 2, 2),
            self_attention=(2, 3),
            text_attention=(2, 3),
            embedding=192,
            text_width=192,
            head_width=32,
            text_layers=2,
            text_map=32,
            text_look=192,
        ),
        diffusion=DiffusionConfig(schedule="cosine", prediction="v"),
    ),
    sr256=StageConfig(
        "sr256", 256, 64, _mini_2_efficient((32, 64, 96, 160), (1, 2, 2, 3), 32, 192, to_image=True), _RESIDUAL
    ),
    sr1024=StageConfig(
        "sr1024", 1024, 256, _mini_2_efficient((24, 48, 64, 96), (1, 1, 2, 2), 48, 128, to_image=False), _RESIDUAL
    ),
)
"""For half an hour of one large GPU (ours): attention at 16 and 8 in the base, 16 in the 256 stage; 52 MB as fp16."""

T5_XXL = TextConfig(encoder="t5-v1_1-xxl", width=4096, max_tokens=128)
"""The paper's encoder [2.1]; the length is ours, the paper does not say."""

T5_LARGE = TextConfig(encoder="t5-v1_1-large", width=1024, max_tokens=128)


def _adm(width: int, text_width: int) -> UNetConfig:
    """The base of [F.1]: four levels of three BigGAN blocks, attention at 32, 16 and 8."""
    return UNetConfig(
        kind="base",
        channels=(width, 2 * width, 3 * width, 4 * width),
        blocks=(3, 3, 3, 3),
        self_attention=(1, 2, 3),
        text_attention=(1, 2, 3),
        embedding=4 * width,
        text_width=text_width,
        extra_decoder_block=True,
        resblock_resampling=True,
    )


def _efficient(width: int, embedding: int, text_width: int, *, to_image: bool) -> UNetConfig:
    """The Efficient U-Net of [F.2, A.27 to A.30]: 8 heads of twice the channels in the lowest level alone."""
    return UNetConfig(
        kind="efficient",
        channels=(width, 2 * width, 4 * width, 8 * width),
        blocks=(2, 4, 8, 8),
        self_attention=(3,) if to_image else (),
        text_attention=(3,),
        embedding=embedding,
        text_width=text_width,
        head_width=2 * width,
        skip_scaling="residual",
        attention_hidden=2,
        attention_once=True,
        skip_join="add",
    )


IMAGEN_XXL = CascadeConfig(
    name="imagen-xxl",
    text=T5_XXL,
    base=StageConfig("base", 64, 0, _adm(512, 1024), DiffusionConfig("cosine", "eps")),
    sr256=StageConfig("sr256", 256, 64, _efficient(128, 2048, 2048, to_image=True), DiffusionConfig("cosine", "eps")),
    sr1024=StageConfig(
        "sr1024", 1024, 256, _efficient(128, 2048, 2048, to_image=False), DiffusionConfig("linear", "eps")
    ),
)
"""The paper's system [2.5, F]. The widths of embedding and projected text are ours: the paper gives none."""

IMAGEN_SMALL = CascadeConfig(
    name="imagen-small",
    text=T5_LARGE,
    base=StageConfig("base", 64, 0, _adm(192, 512), DiffusionConfig("cosine", "v")),
    sr256=StageConfig("sr256", 256, 64, _efficient(64, 768, 512, to_image=True), DiffusionConfig("cosine", "v")),
    sr1024=StageConfig("sr1024", 1024, 256, _efficient(64, 768, 512, to_image=False), DiffusionConfig("cosine", "v")),
)
"""The same shapes for one GPU (ours): v-prediction with zero terminal SNR, as small models shift colours."""

CASCADES: dict[str, CascadeConfig] = {
    config.name: config for config in (IMAGEN_MINI, IMAGEN_MINI_2, IMAGEN_SMALL, IMAGEN_XXL)
}


def cascade_config(name: str) -> CascadeConfig:
    """A configuration by its name.

    Raises:
        ConfigError: there is none of that name; the message has the nearest.
    """
    if name not in CASCADES:
        hint = nearest(name, CASCADES) or "."
        raise ConfigError(f"no cascade is called {name!r}{hint} There are: {', '.join(CASCADES)}.")
    return CASCADES[name]
