"""Configurations: what can be, what can't, and that every one of them survives JSON and old weights."""

import dataclasses
import json

import pytest

from generators.cascade.checkpoint import open_weights
from generators.cascade.config_json import LATER, stage_from_json, text_from_json, to_json
from generators.cascade.configs import (
    CASCADES,
    IMAGEN_MINI,
    IMAGEN_SMALL,
    IMAGEN_XXL,
    MINILM,
    STAGES,
    CascadeConfig,
    ConfigError,
    StageName,
    TextConfig,
    UNetConfig,
    cascade_config,
)
from generators.cascade.generator import BUNDLED
from generators.cascade.variants import VARIANTS, variant_of

UNET = UNetConfig(
    kind="base",
    channels=(8, 16),
    blocks=(1, 2),
    self_attention=(1,),
    text_attention=(1,),
    embedding=16,
    text_width=16,
    head_width=8,
)
cascades = pytest.mark.parametrize("cascade", CASCADES.values(), ids=CASCADES)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"channels": (8,)}, "must match"),
        ({"channels": (), "blocks": ()}, "must match"),
        ({"channels": (8, 12)}, "multiple of 8"),
        ({"self_attention": (2,)}, "levels run from 0 to 1"),
        ({"head_width": 12}, "head_width"),
        ({"attention_hidden": 0}, "head_width"),
        ({"attention_hidden": 2, "head_width": 64}, "32 channels in attention"),
        ({"skip_scaling": "residual"}, "skip_scaling means nothing to the kind 'base'"),
        ({"skip_join": "add"}, "skip_join means nothing"),
        ({"resampling_order": "standard"}, "resampling_order means nothing"),
        ({"kind": "efficient", "extra_decoder_block": True}, "extra_decoder_block means nothing"),
        ({"kind": "efficient", "resblock_resampling": True}, "resblock_resampling means nothing"),
    ],
)
def test_networks_that_cannot_be(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        dataclasses.replace(UNET, **changes)  # type: ignore[arg-type]


def test_stages_that_cannot_be() -> None:
    with pytest.raises(ConfigError, match="multiple"):
        dataclasses.replace(IMAGEN_MINI.base, size=66)
    with pytest.raises(ConfigError, match="only the base"):
        dataclasses.replace(IMAGEN_MINI.base, low_size=16)
    with pytest.raises(ConfigError, match="residual_std"):
        dataclasses.replace(IMAGEN_MINI.sr256.diffusion, residual_std=0.0)
    with pytest.raises(ConfigError, match="the base has kind 'base'"):
        dataclasses.replace(IMAGEN_MINI.base, unet=IMAGEN_MINI.sr256.unet)


def test_self_attention_over_too_many_positions_is_refused_before_anything_is_built() -> None:
    """Level 0 of the paper's base is 64x64: 4096 positions."""
    everywhere = dataclasses.replace(IMAGEN_XXL.base.unet, self_attention=(0, 1, 2, 3))
    with pytest.raises(ConfigError, match=r"level 0 would run over 64x64 = 4096 positions.*allows 1024.*lower levels"):
        dataclasses.replace(IMAGEN_XXL.base, unet=everywhere)
    allowed = dataclasses.replace(everywhere, max_attention_tokens=4096)
    assert dataclasses.replace(IMAGEN_XXL.base, unet=allowed).grid(0) == 64
    # The 1024 stage may look at the text alone: its lowest level is 64x64.
    with pytest.raises(ConfigError, match="64x64"):
        dataclasses.replace(IMAGEN_XXL.sr1024, unet=IMAGEN_XXL.sr256.unet)


def test_attention_is_where_the_paper_has_it() -> None:
    for cascade in (IMAGEN_XXL, IMAGEN_SMALL):
        base, sr256, sr1024 = (cascade.stage(name) for name in STAGES)
        assert [base.grid(level) for level in base.unet.self_attention] == [32, 16, 8]
        assert base.unet.text_attention == base.unet.self_attention
        assert [sr256.grid(level) for level in sr256.unet.self_attention] == [16]
        assert (sr1024.unet.self_attention, [sr1024.grid(level) for level in sr1024.unet.text_attention]) == ((), [64])
    # 8 heads, inside them twice the channels of the 1024 block.
    unet = IMAGEN_XXL.sr256.unet
    assert unet.channels[3] * unet.attention_hidden // unet.head_width == 8 and unet.attention_hidden == 2


def test_the_papers_diffusion() -> None:
    told = [(stage.diffusion.schedule, stage.diffusion.prediction) for stage in map(IMAGEN_XXL.stage, STAGES)]
    assert told == [("cosine", "eps"), ("cosine", "eps"), ("linear", "eps")]


@cascades
@pytest.mark.parametrize("name", STAGES)
def test_configurations_survive_json(cascade: CascadeConfig, name: StageName) -> None:
    stage = cascade.stage(name)
    assert stage_from_json(json.loads(json.dumps(to_json(stage)))) == stage
    assert text_from_json(json.loads(json.dumps(to_json(cascade.text)))) == cascade.text


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants_survive_json(variant: str) -> None:
    stage = variant_of(IMAGEN_SMALL, variant)  # type: ignore[arg-type]
    assert stage_from_json(json.loads(json.dumps(to_json(stage)))) == stage


def test_json_is_read_strictly() -> None:
    for where in ((), ("unet",), ("diffusion",)):
        held = json.loads(json.dumps(to_json(IMAGEN_MINI.base)))
        inside = held
        for key in where:
            inside = inside[key]
        inside["colour"] = 1
        with pytest.raises(ConfigError, match="unknown.*colour"):
            stage_from_json(held)
        del inside["colour"]
        del inside[{(): "size", ("unet",): "head_width", ("diffusion",): "schedule"}[where]]
        with pytest.raises(ConfigError, match="missing.*(size|head_width|schedule)"):
            stage_from_json(held)
    with pytest.raises(ConfigError, match="an object is wanted, not list"):
        text_from_json([])


def test_weights_from_before_a_field_have_its_default() -> None:
    """What was written before the fields of `LATER` must be read as ever, as the same configuration."""
    for name in STAGES:
        assert open_weights(BUNDLED).load(name).stage == IMAGEN_MINI.stage(name)
    held = json.loads(json.dumps(to_json(IMAGEN_MINI.sr256)))
    for later in LATER[UNetConfig]:
        del held["unet"][later]
    assert stage_from_json(held) == IMAGEN_MINI.sr256
    defaults = {field.name for field in dataclasses.fields(UNetConfig) if field.default is not dataclasses.MISSING}
    assert LATER[UNetConfig] <= defaults
    text = {name: value for name, value in to_json(MINILM).items() if name not in LATER[TextConfig]}
    assert text_from_json(text) == dataclasses.replace(MINILM, quoted=0)


def test_an_unknown_cascade_or_variant_is_told_what_there_is() -> None:
    with pytest.raises(ConfigError, match='did you mean "imagen-mini"'):
        cascade_config("imagen-mimi")
    with pytest.raises(ConfigError, match='did you mean "imagen-xxl"'):
        cascade_config("imagen-xl")
    with pytest.raises(ConfigError, match="there are: efficient, standard"):
        variant_of(IMAGEN_MINI, "slow")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="no widths"):
        variant_of(dataclasses.replace(IMAGEN_MINI, name="mine"), "standard")
