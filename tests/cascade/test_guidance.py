"""Guidance, thresholding and augmentation on cases worked by hand."""

import dataclasses

import pytest
import torch
from torch import Tensor, nn

from generators.cascade.augmentation import augment, downsample, upsample
from generators.cascade.blocks import TextStates
from generators.cascade.configs import IMAGEN_MINI, DiffusionConfig
from generators.cascade.generator import settings_from
from generators.cascade.guidance import dynamic_threshold, guided, guides_at, static_threshold, thresholded
from generators.cascade.spec import SPEC
from generators.cascade.stage import Denoise, LoadedStage, StageSettings
from generators.contract import GeneratorError


def test_guidance_is_the_papers_equation() -> None:
    conditional, unconditional = torch.tensor([1.0, -2.0]), torch.tensor([0.5, 1.0])
    for w in (0.0, 1.0, 1.35, 8.0):
        assert torch.allclose(guided(conditional, unconditional, w), w * conditional + (1 - w) * unconditional)
    assert torch.equal(guided(conditional, unconditional, 1.0), conditional)


def test_where_guidance_acts() -> None:
    """Above low, up to high: of four steps from t = 1, 0.75, 0.5, 0.25, the interval (0.25, 0.75] has two."""
    assert [guides_at(t, 0.25, 0.75) for t in (1.0, 0.75, 0.5, 0.25)] == [False, True, True, False]
    assert all(guides_at(t, 0.0, 1.0) for t in (1.0, 0.5, 1e-9))


class Sevens(nn.Module):
    """Predicts 7 with its prompt and 3 without, and notes how many rows it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []

    def forward(self, z: Tensor, t: Tensor, text: TextStates, keep: Tensor) -> Tensor:
        assert len(z) == len(t) == len(text.tokens) == len(text.mask) == len(keep)
        self.asked.append(len(z))
        return torch.where(keep[:, None, None, None], 7.0, 3.0).expand(z.shape)


@pytest.mark.parametrize(
    ("interval", "asked", "drawn"),
    [
        ((0.0, 1.0), [4, 4, 4], [11, 11, 11]),
        ((0.25, 0.75), [2, 4, 2], [7, 11, 7]),
        ((0.0, 0.5), [2, 4, 4], [7, 11, 11]),
    ],
)
def test_outside_its_interval_guidance_is_off_and_costs_nothing(
    interval: tuple[float, float], asked: list[int], drawn: list[int]
) -> None:
    """w = 2 makes 2 * 7 - 3 = 11 of a prediction of x0; without guidance it is 7, of half as many rows."""
    diffusion = DiffusionConfig(schedule="cosine", prediction="x0")
    stage = LoadedStage(dataclasses.replace(IMAGEN_MINI.base, diffusion=diffusion), network := Sevens())
    text = TextStates(torch.zeros(2, 5, 384), torch.ones(2, 5, dtype=torch.bool))
    denoise = Denoise(stage, text, StageSettings(2.0, 16, "dpmpp", 0.0, "none", *interval))
    found = [denoise(torch.zeros(2, 3, 4, 4), t) for t in (1.0, 0.5, 0.25)]
    assert network.asked == asked
    for image, value in zip(found, drawn, strict=True):
        assert torch.equal(image, torch.full((2, 3, 4, 4), float(value)))


def test_settings_take_the_interval_and_refuse_an_empty_one() -> None:
    chosen = settings_from(SPEC.resolve({"guidance_low": 0.2, "guidance_high": 0.8, "sampler": "heun"}))
    for settings in (chosen.base, chosen.super_resolution):
        assert (settings.guidance_low, settings.guidance_high, settings.sampler) == (0.2, 0.8, "heun")
    with pytest.raises(GeneratorError, match=r"guidance_low is 0\.8 and guidance_high 0\.2.*guidance=1"):
        settings_from(SPEC.resolve({"guidance_low": 0.8, "guidance_high": 0.2}))


def image_of(*values: float) -> torch.Tensor:
    return torch.tensor(values).view(1, 1, 1, -1)


def test_dynamic_threshold_divides_by_the_percentile() -> None:
    """Four values, 75th percentile of |x0|: the third smallest, 2. So clip to [-2, 2] and halve."""
    drawn = dynamic_threshold(image_of(0.5, -1.0, 2.0, -4.0), percentile=75)
    assert torch.allclose(drawn, image_of(0.25, -0.5, 1.0, -1.0))


def test_dynamic_threshold_leaves_images_in_range_alone() -> None:
    inside = image_of(0.1, -0.9, 0.95, 0.3)
    assert torch.equal(dynamic_threshold(inside), inside)
    # A few values beyond 1 with the percentile still inside: s = 1, so they are clipped and the rest stays.
    assert torch.allclose(dynamic_threshold(image_of(0.5, 0.6, 0.7, 3.0), percentile=75), image_of(0.5, 0.6, 0.7, 1.0))


def test_dynamic_threshold_is_per_image() -> None:
    both = torch.cat((image_of(0.5, 0.5, 0.5, 0.5), image_of(2.0, 4.0, 4.0, 4.0)))
    drawn = dynamic_threshold(both)
    assert torch.equal(drawn[0], both[0])
    assert torch.allclose(drawn[1], image_of(0.5, 1.0, 1.0, 1.0)[0])


def test_dynamic_threshold_agrees_with_numpys_quantile() -> None:
    x0 = 3 * torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    s = torch.quantile(x0.flatten(1).abs(), 0.995, dim=1, interpolation="higher")[:, None, None, None]
    assert torch.allclose(dynamic_threshold(x0), x0.clamp(-s, s) / s)


@pytest.mark.parametrize("percentile", [0.0, -1.0, 100.1, float("nan")])
def test_a_percentile_out_of_range(percentile: float) -> None:
    with pytest.raises(ValueError, match="percentile"):
        dynamic_threshold(image_of(1.0), percentile=percentile)


def test_static_and_none() -> None:
    x0 = image_of(-3.0, 0.5, 3.0)
    assert torch.equal(static_threshold(x0), image_of(-1.0, 0.5, 1.0))
    assert torch.equal(thresholded(x0, "none"), x0)
    assert torch.equal(thresholded(x0, "static"), static_threshold(x0))
    assert torch.equal(thresholded(x0, "dynamic"), dynamic_threshold(x0))


def test_augmentation_preserves_variance() -> None:
    random = torch.Generator().manual_seed(0)
    images, eps = (torch.randn(3, 3, 64, 64, generator=random) for _ in range(2))
    noised = augment(images, torch.tensor([0.0, 0.3, 1.0]), eps)
    assert torch.equal(noised[0], images[0])
    assert noised[1].std().item() == pytest.approx(1.0, abs=0.03)
    assert torch.equal(noised[2], eps[2])
    with pytest.raises(ValueError, match="aug_level"):
        augment(images, torch.tensor([0.0, 0.5, 1.5]), eps)


def test_resizing_keeps_the_mean() -> None:
    images = torch.rand(1, 3, 8, 8)
    assert torch.allclose(downsample(images, 2).mean(), images.mean())
    flat = torch.full((1, 3, 4, 4), 0.25)
    assert torch.allclose(upsample(flat, 16), torch.full((1, 3, 16, 16), 0.25))
    with pytest.raises(ValueError, match="whole factor"):
        downsample(images, 3)
