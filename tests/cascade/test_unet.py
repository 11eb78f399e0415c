"""Both U-Nets: shapes, what conditions them, what they refuse."""

import dataclasses
from typing import Literal

import pytest
import torch
from torch import Tensor, nn

from generators.cascade.blocks import Attention, ResBlock, TextStates, fourier_features
from generators.cascade.configs import IMAGEN_MINI, MINILM, STAGES, StageName, UNetConfig
from generators.cascade.efficient_unet import DBlock, EfficientUNet, UBlock
from generators.cascade.levels import Level
from generators.cascade.networks import build_unet
from generators.cascade.unet import UNet

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

SMALL_SR = dataclasses.replace(IMAGEN_MINI.sr256, size=64, low_size=16)


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
    stage = dataclasses.replace(SMALL_SR if unet.kind == "efficient" else IMAGEN_MINI.base, unet=unet)
    torch.manual_seed(0)
    return awake(build_unet(stage, MINILM))


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
        {"attention_hidden": 2},
        {"attention_once": True, "extra_decoder_block": True},
        {"kind": "efficient", "attention_hidden": 3, "attention_once": True},
        {"kind": "efficient", "skip_join": "add", "skip_scaling": "concat"},
        {"kind": "efficient", "resampling_order": "standard", "skip_scaling": "residual"},
        {"kind": "efficient", "resampling_order": "standard", "skip_join": "add", "patch": 2},
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


def test_residual_sums_are_scaled_by_one_over_root_two() -> None:
    block = ResBlock(8, 8, 16, residual_scale=2**-0.5)
    x = torch.randn(1, 8, 4, 4)
    assert torch.allclose(block(x, torch.randn(1, 16)), x / 2**0.5)  # the branch starts at zero


@pytest.mark.parametrize("scaling", ["residual", "concat", "none"])
def test_what_the_switch_scales(scaling: Literal["residual", "concat", "none"]) -> None:
    """A fresh block's branch is zero, so an added skip goes through it untouched but for the scales."""
    stage = dataclasses.replace(
        IMAGEN_MINI.sr256,
        unet=dataclasses.replace(
            TINY, kind="efficient", skip_join="add", skip_scaling=scaling, self_attention=(), text_attention=()
        ),
    )
    network = build_unet(stage, MINILM)
    assert isinstance(network, EfficientUNet)
    block = network.up[1]
    assert isinstance(block, UBlock)
    block.up = nn.Identity()  # type: ignore[assignment]
    x, skip = torch.randn(1, 8, 4, 4), torch.randn(1, 8, 4, 4)
    drawn = block(x, skip, torch.randn(1, 16), torch.randn(1, 5, 16), torch.ones(1, 5, dtype=torch.bool))
    root = 2**-0.5
    wanted = {"residual": (x + skip) * root, "concat": x + skip * root, "none": x + skip}[scaling]
    assert torch.allclose(drawn, wanted, atol=1e-6)


@pytest.mark.parametrize(("order", "sides"), [("efficient", [8, 4]), ("standard", [16, 8])])
def test_the_order_of_resampling_decides_where_blocks_work(order: str, sides: list[int]) -> None:
    """Resampled first on the way down and last on the way up, a level's blocks see half the resolution."""
    network = tiny(kind="efficient", resampling_order=order)
    seen: list[tuple[type[nn.Module], int]] = []
    for part in (*network.down, *network.up):  # type: ignore[misc]
        assert isinstance(part, (DBlock, UBlock))
        kind = type(part)
        part.level.blocks[0].register_forward_hook(
            lambda module, inputs, output, kind=kind: seen.append((kind, output.shape[-1]))
        )
    z = torch.randn(1, 3, 16, 16)
    call(network, z, text(1), low=z)
    assert [side for of, side in seen if of is DBlock] == sides
    assert [side for of, side in seen if of is UBlock] == sides[::-1]


def test_attention_once_comes_after_the_last_block() -> None:
    network = tiny(attention_once=True, blocks=(1, 3))
    level = network.down[1]  # type: ignore[index]
    assert isinstance(level, Level) and len(level.blocks) == 3 and len(level.attention) == 1
    order: list[str] = []
    for name, module in (("attention", level.attention[0]), ("last block", level.blocks[2])):
        module.register_forward_hook(lambda module, inputs, output, name=name: order.append(name))
    call(network, torch.randn(1, 3, 16, 16), text(1))
    assert order == ["last block", "attention"]
    each = tiny(blocks=(1, 3)).down[1]  # type: ignore[index]
    assert isinstance(each, Level) and len(each.attention) == 3


def test_a_standard_network_serves_super_resolution_too() -> None:
    stage = dataclasses.replace(IMAGEN_MINI.sr256, unet=TINY, size=64, low_size=16)
    torch.manual_seed(0)
    network = awake(build_unet(stage, MINILM))
    assert isinstance(network, UNet)
    random = torch.Generator().manual_seed(3)
    z, low = (torch.randn(1, 3, 16, 16, generator=random) for _ in range(2))
    assert not torch.allclose(call(network, z, text(1), low=low), call(network, z, text(1), low=-low), atol=1e-5)
    with pytest.raises(ValueError, match="needs its low-resolution image"):
        call(network, z, text(1))
    with pytest.raises(ValueError, match="needs aug_level"):
        network(z, torch.ones(1), text(1), torch.ones(1, dtype=torch.bool), low)


def test_self_attention_over_too_many_positions_is_refused() -> None:
    with pytest.raises(ValueError, match="64x64 = 4096 positions"):
        call(tiny(), torch.randn(1, 3, 128, 128), text(1))


def test_attention_heads_are_apart() -> None:
    """One head of a two-head attention must equal a one-head attention on its half of the inner channels."""
    attention = Attention(8, 8, 8, to_image=True, to_text=False, max_tokens=64, hidden=2)
    awake(attention)
    assert attention.image is not None
    x = torch.randn(1, 8, 4, 4)
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
