"""Schedules against their limits, and every prediction against its inverse."""

import math

import pytest
import torch

from generators.cascade.configs import Prediction, ScheduleName
from generators.cascade.schedules import (
    Noise,
    Residual,
    min_snr_weight,
    noise_at,
    residual_for,
    spread,
    target_for,
    x0_from,
)

TIMES = torch.linspace(0.0, 1.0, 101, dtype=torch.float64)


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_variance_is_preserved_and_signal_falls(schedule: ScheduleName) -> None:
    noise = noise_at(schedule, TIMES)
    assert torch.allclose(noise.alpha**2 + noise.sigma**2, torch.ones_like(TIMES))
    assert (noise.alpha[1:] < noise.alpha[:-1]).all()
    assert noise.alpha[0] == 1.0 and noise.sigma[0] == 0.0


def test_cosine_ends_without_signal() -> None:
    end = noise_at("cosine", torch.ones(1))
    assert end.alpha.item() == 0.0 and end.sigma.item() == 1.0
    assert end.log_snr_half().item() == -math.inf
    half = noise_at("cosine", torch.tensor([0.5], dtype=torch.float64))
    assert half.alpha.item() == pytest.approx(math.sqrt(0.5))


def test_linear_is_the_limit_of_the_papers_thousand_steps() -> None:
    """beta from 1e-4 to 0.02 in 1000 steps: the product of 1 - beta, at steps 250, 500 and 1000."""
    betas = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
    alpha_bar = torch.cumprod(1 - betas, 0)
    for step in (250, 500, 1000):
        ours = noise_at("linear", torch.tensor([step / 1000], dtype=torch.float64)).alpha.item() ** 2
        assert math.log(ours) == pytest.approx(math.log(alpha_bar[step - 1].item()), rel=0.02)


@pytest.mark.parametrize("prediction", ["eps", "v", "x0"])
@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_a_perfect_prediction_gives_the_image_back(prediction: Prediction, schedule: ScheduleName) -> None:
    random = torch.Generator().manual_seed(0)
    x0 = torch.randn(8, 3, 4, 4, generator=random, dtype=torch.float64)
    eps = torch.randn(8, 3, 4, 4, generator=random, dtype=torch.float64)
    noise = noise_at(schedule, spread(torch.linspace(0.05, 0.95, 8, dtype=torch.float64)))
    z = noise.alpha * x0 + noise.sigma * eps
    target = target_for(prediction, x0, eps, noise)
    assert torch.allclose(x0_from(prediction, target, z, noise), x0)


def test_residual_prediction_inverts_and_starts_at_the_linear_estimate() -> None:
    random = torch.Generator().manual_seed(1)
    low_res = torch.rand(4, 3, 4, 4, generator=random, dtype=torch.float64)
    x0 = low_res + 0.1 * torch.randn(4, 3, 4, 4, generator=random, dtype=torch.float64)
    noise = noise_at("cosine", spread(torch.linspace(0.1, 1.0, 4, dtype=torch.float64)))
    z = noise.alpha * x0 + noise.sigma * torch.randn(4, 3, 4, 4, generator=random, dtype=torch.float64)
    residual = residual_for(low_res, torch.zeros(4, dtype=torch.float64), 0.1)
    assert torch.allclose(residual.x0(residual.target(x0, z, noise), z, noise), x0)
    # Without signal an output of zero is the upsampled image itself.
    silent = residual.x0(torch.zeros_like(z), z, noise)
    assert torch.allclose(silent[-1], low_res[-1])


def test_residual_input_and_target_have_unit_variance() -> None:
    random = torch.Generator().manual_seed(2)
    low_res = torch.zeros(1, 3, 200, 200, dtype=torch.float64)
    x0 = 0.1 * torch.randn(low_res.shape, generator=random, dtype=torch.float64)
    residual = Residual(low_res, torch.full((1, 1, 1, 1), 0.1, dtype=torch.float64))
    for t in (0.02, 0.2, 0.6, 1.0):
        noise = noise_at("cosine", torch.full((1, 1, 1, 1), t, dtype=torch.float64))
        z = noise.alpha * x0 + noise.sigma * torch.randn(x0.shape, generator=random, dtype=torch.float64)
        assert residual.network_input(z, noise).std().item() == pytest.approx(1.0, abs=0.02)
        assert residual.target(x0, z, noise).std().item() == pytest.approx(1.0, abs=0.02)


def test_residual_needs_its_low_resolution_image() -> None:
    one = torch.ones(1)
    with pytest.raises(ValueError, match="Residual"):
        x0_from("residual", one, one, Noise(one, one))
    with pytest.raises(ValueError, match="Residual"):
        target_for("residual", one, one, Noise(one, one))


def test_min_snr_weights_agree_over_predictions() -> None:
    """The same error in x0 costs the same whether it is counted in x0 or in eps: err_eps = err_x0 alpha / sigma."""
    noise = noise_at("cosine", torch.linspace(0.05, 0.95, 19, dtype=torch.float64))
    snr = noise.alpha**2 / noise.sigma**2
    assert torch.allclose(min_snr_weight("eps", noise) * snr, min_snr_weight("x0", noise))
    # v: err_v = err_x0 / sigma, and min(SNR + 1, gamma) in x0.
    assert torch.allclose(min_snr_weight("v", noise) / noise.sigma**2, (snr + 1).clamp(max=5.0))
    assert min_snr_weight("v", noise_at("cosine", torch.ones(1))).item() == 1.0
