"""Guidance, thresholding and augmentation on cases worked by hand."""

import pytest
import torch

from generators.cascade.augmentation import augment, downsample, upsample
from generators.cascade.guidance import dynamic_threshold, guided, static_threshold, thresholded


def test_guidance_is_the_papers_equation() -> None:
    conditional, unconditional = torch.tensor([1.0, -2.0]), torch.tensor([0.5, 1.0])
    for w in (0.0, 1.0, 1.35, 8.0):
        assert torch.allclose(guided(conditional, unconditional, w), w * conditional + (1 - w) * unconditional)
    assert torch.equal(guided(conditional, unconditional, 1.0), conditional)


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
