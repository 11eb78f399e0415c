"""Both U-Nets: shapes, what conditions them, what they refuse."""

import dataclasses

import pytest
import torch
from torch import Tensor, nn

from generators.cascade.blocks import Attention, ResBlock, TextStates, fourier_features
from generators.cascade.configs import (
    IMAGEN_MINI,
    MINILM,
    STAGES,
    ConfigError,
    StageName,
    UNetConfig,
    cascade_config,
    stage_from_json,
    text_from_json,
    to_json,
)
from generators.cascade.unet import build_unet

TINY = UNetConfig(
    kind="base",
    channels=(8, 16),
    blocks=(1, 2),
    self_attention=(1,),
    text_attention=(1,),
    embedding=16,
    text_width=16,
    head_width=8,
)


def awake(network: nn.Module) -> nn.Module:
    """The zero-initialised layers get weights, so that an output depends on its inputs."""
    random = torch.Generator().manual_seed(5)
    for parameter in network.parameters():
        if parameter.abs().sum() == 0:
            nn.init.normal_(parameter, std=0.1, generator=random)
    return network.eval()


def text(count: int, length: int = 5) -> TextStates:
    random = torch.Generator().manual_seed(7)
    return TextStates(torch.randn(count, length, 384, generator=random), torch.ones(count, length, dtype=torch.bool))


def tiny(**changes: object) -> nn.Module:
    unet = dataclasses.replace(TINY, **changes)  # type: ignore[arg-type]
    base = dataclasses.replace(IMAGEN_MINI.base, unet=unet)
    if unet.kind == "efficient":
        base = dataclasses.replace(IMAGEN_MINI.sr256, unet=unet)
    torch.manual_seed(0)
    return awake(build_unet(base, MINILM))


def call(network: nn.Module, z: Tensor, states: TextStates, keep: bool = True, low: Tensor | None = None) -> Tensor:
    count = len(z)
    aug = None if low is None else torch.full((count,), 0.2)
    with torch.no_grad():
        drawn: Tensor = network(z, torch.full((count,), 0.5), states, torch.full((count,), keep), low, aug)
    return drawn


@pytest.mark.parametrize("name", STAGES)
def test_each_stage_keeps_the_shape_and_starts_at_zero(name: StageName) -> None:
    stage = IMAGEN_MINI.stage(name)
    size = 64
    network = build_unet(stage, MINILM)
    z = torch.randn(2, 3, size, size)
    drawn = call(network, z, text(2), low=z if stage.low_size else None)
    assert drawn.shape == z.shape
    assert not drawn.any()  # zero-initialised head


@pytest.mark.parametrize(
    "changes",
    [
        {"patch": 2},
        {"extra_decoder_block": True},
        {"resblock_resampling": True},
        {"self_attention": ()},
        {"text_attention": ()},
        {"kind": "efficient"},
        {"kind": "efficient", "skip_scaling": "residual"},
        {"kind": "efficient", "skip_scaling": "concat", "patch": 2},
        {"channels": (8, 16, 24), "blocks": (2, 1, 3), "extra_decoder_block": True},
    ],
)
def test_every_switch_makes_a_network_that_runs(changes: dict[str, object]) -> None:
    z = torch.randn(1, 3, 16, 16)
    drawn = call(tiny(**changes), z, text(1), low=z if changes.get("kind") == "efficient" else None)
    assert drawn.shape == z.shape and drawn.isfinite().all() and drawn.any()


@pytest.mark.parametrize("kind", ["base", "efficient"])
def test_text_matters_unless_it_is_dropped(kind: str) -> None:
    network = tiny(kind=kind)
    z = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    low = z if kind == "efficient" else None
    one, other = text(1), TextStates(text(1).tokens.flip(2), text(1).mask)
    assert not torch.allclose(call(network, z, one, low=low), call(network, z, other, low=low), atol=1e-5)
    assert torch.equal(call(network, z, one, keep=False, low=low), call(network, z, other, keep=False, low=low))


def test_padding_changes_nothing() -> None:
    network = tiny()
    z = torch.randn(1, 3, 16, 16)
    short = text(1)
    padded = TextStates(
        torch.cat((short.tokens, 9 * torch.ones(1, 4, 384)), dim=1),
        torch.cat((short.mask, torch.zeros(1, 4, dtype=torch.bool)), dim=1),
    )
    assert torch.allclose(call(network, z, short), call(network, z, padded), atol=1e-5)


def test_skips_are_scaled_by_one_over_root_two() -> None:
    block = ResBlock(8, 8, 16, residual_scale=2**-0.5)
    x = torch.randn(1, 8, 4, 4)
    assert torch.allclose(block(x, torch.randn(1, 16)), x / 2**0.5)  # the branch starts at zero


def test_self_attention_over_too_many_positions_is_refused() -> None:
    with pytest.raises(ValueError, match="4096 positions"):
        call(tiny(self_attention=(0,), text_attention=()), torch.randn(1, 3, 64, 64), text(1))


def test_attention_heads_are_apart() -> None:
    """One head of a two-head attention must equal a one-head attention on its half of the channels."""
    attention = Attention(16, 8, 8, to_image=True, to_text=False, max_tokens=64)
    awake(attention)
    assert attention.image is not None
    x = torch.randn(1, 16, 4, 4)
    with torch.no_grad():
        drawn = attention(x, torch.zeros(1, 1, 8), torch.ones(1, 1, dtype=torch.bool))
        normed = attention.norm(x)
        query = attention.query(normed).flatten(2).transpose(1, 2)
        key, value = attention.image(normed).flatten(2).transpose(1, 2).chunk(2, dim=-1)
        heads = [
            torch.softmax(query[..., half] @ key[..., half].transpose(1, 2) / 8**0.5, -1) @ value[..., half]
            for half in (slice(0, 8), slice(8, 16))
        ]
        mixed = torch.cat(heads, -1).transpose(1, 2).reshape(1, 16, 4, 4)
        assert torch.allclose(drawn, x + attention.out(mixed), atol=1e-5)


def test_time_features_tell_times_apart() -> None:
    features = fourier_features(torch.linspace(0, 1, 1001), 32)
    assert features.shape == (1001, 32)
    assert torch.cdist(features[:-1, None], features[1:, None]).min() > 1e-2


def test_wrong_calls() -> None:
    z = torch.randn(1, 3, 16, 16)
    with pytest.raises(ValueError, match="no low-resolution"):
        call(tiny(), z, text(1), low=z)
    with pytest.raises(ValueError, match="low-resolution"):
        call(tiny(kind="efficient"), z, text(1))
    with pytest.raises(ValueError, match="aug_level"):
        tiny(kind="efficient")(z, torch.ones(1), text(1), torch.ones(1, dtype=torch.bool), z)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"channels": (8,)}, "must match"),
        ({"channels": (), "blocks": ()}, "must match"),
        ({"channels": (8, 12)}, "multiple of 8"),
        ({"self_attention": (2,)}, "levels run from 0 to 1"),
        ({"head_width": 12}, "head_width"),
    ],
)
def test_configurations_that_cannot_be(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        dataclasses.replace(TINY, **changes)  # type: ignore[arg-type]


def test_stages_that_cannot_be() -> None:
    with pytest.raises(ConfigError, match="multiple"):
        dataclasses.replace(IMAGEN_MINI.base, size=66)
    with pytest.raises(ConfigError, match="only the base"):
        dataclasses.replace(IMAGEN_MINI.base, low_size=16)
    with pytest.raises(ConfigError, match="residual_std"):
        dataclasses.replace(IMAGEN_MINI.sr256.diffusion, residual_std=0.0)


@pytest.mark.parametrize("name", STAGES)
def test_configurations_survive_json(name: StageName) -> None:
    import json

    stage = IMAGEN_MINI.stage(name)
    assert stage_from_json(json.loads(json.dumps(to_json(stage)))) == stage
    assert text_from_json(json.loads(json.dumps(to_json(MINILM)))) == MINILM
    held = to_json(stage)
    held["colour"] = 1
    with pytest.raises(ConfigError, match="unknown.*colour"):
        stage_from_json(held)


def test_an_unknown_cascade_is_told_the_nearest() -> None:
    with pytest.raises(ConfigError, match='did you mean "imagen-mini"'):
        cascade_config("imagen-mimi")
