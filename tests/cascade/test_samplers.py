"""Samplers on Gaussian data, where the ideal denoiser and the exact answer are known."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from generators.cascade.configs import ScheduleName
from generators.cascade.samplers import SamplerName, ddim, ddpm, dpmpp_2m, sample, time_grid
from generators.cascade.schedules import noise_at

MEAN, STD = 0.3, 0.5
COUNT = 20_000


def ideal(schedule: ScheduleName) -> Callable[[Tensor, float], Tensor]:
    """E[x | z_t] for x from N(MEAN, STD^2)."""

    def denoise(z: Tensor, t: float) -> Tensor:
        noise = noise_at(schedule, torch.tensor(t, dtype=torch.float64))
        gain = noise.alpha * STD**2 / (noise.alpha**2 * STD**2 + noise.sigma**2)
        return MEAN + gain * (z - noise.alpha * MEAN)

    return denoise


def start() -> Tensor:
    return torch.randn(COUNT, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def fresh(step: int) -> Tensor:
    return torch.randn(COUNT, generator=torch.Generator().manual_seed(1000 + step), dtype=torch.float64)


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
@pytest.mark.parametrize(("name", "eta"), [("ddim", 0.0), ("ddim", 1.0), ("ddim", 0.5), ("ddpm", 0.0), ("dpmpp", 0.0)])
def test_all_samplers_arrive_at_the_same_distribution(name: SamplerName, eta: float, schedule: ScheduleName) -> None:
    drawn = sample(name, ideal(schedule), start(), schedule, 600, eta=eta, noise=fresh)
    assert drawn.mean().item() == pytest.approx(MEAN, abs=0.015)
    assert drawn.std().item() == pytest.approx(STD, rel=0.02)


@pytest.mark.parametrize("solve", [ddim, dpmpp_2m])
def test_the_deterministic_ones_follow_the_exact_path(solve: Callable[..., Tensor]) -> None:
    """For Gaussian data the probability-flow path from pure noise z ends at MEAN + STD z."""
    z = start()[:100]
    assert torch.allclose(solve(ideal("cosine"), z, "cosine", 400), MEAN + STD * z, atol=0.01)


def test_second_order_beats_first_at_few_steps() -> None:
    z = start()[:2000]
    exact = MEAN + STD * z
    first = (ddim(ideal("cosine"), z, "cosine", 12) - exact).abs().max()
    second = (dpmpp_2m(ideal("cosine"), z, "cosine", 12) - exact).abs().max()
    assert second < first / 3


def test_one_step_is_the_denoiser_itself() -> None:
    z = start()[:10]
    wanted = ideal("cosine")(z, 1.0)
    for name in ("ddim", "ddpm", "dpmpp"):
        assert torch.allclose(sample(name, ideal("cosine"), z, "cosine", 1, eta=0.0, noise=fresh), wanted)


def test_ddim_with_eta_one_is_ddpm() -> None:
    one = ddim(ideal("cosine"), start(), "cosine", 20, eta=1.0, noise=fresh)
    assert torch.allclose(one, ddpm(ideal("cosine"), start(), "cosine", 20, fresh))


def test_a_constant_image_is_reached_exactly() -> None:
    """If the denoiser always says the same image, every sampler must end on it, whatever the steps."""
    image = torch.linspace(-1, 1, 12, dtype=torch.float64)
    for name in ("ddim", "ddpm", "dpmpp"):
        for steps in (1, 2, 7):
            drawn = sample(
                name,
                lambda z, t: image,
                torch.randn(12, dtype=torch.float64),
                "cosine",
                steps,
                eta=0.0,
                noise=lambda step: torch.zeros(12, dtype=torch.float64),
            )
            assert torch.allclose(drawn, image)


def test_the_grid_and_bad_input() -> None:
    assert time_grid(4) == [1.0, 0.75, 0.5, 0.25, 0.0]
    with pytest.raises(ValueError, match="at least one"):
        time_grid(0)
    with pytest.raises(ValueError, match="source of noise"):
        ddim(ideal("cosine"), start(), "cosine", 3, eta=0.5)
