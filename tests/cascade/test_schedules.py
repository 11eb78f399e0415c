"""Schedules against their limits, and every prediction against its inverse."""

import math
from collections.abc import Callable
from typing import get_args

import pytest
import torch

from generators.cascade.configs import Prediction, ScheduleName, Weighting
from generators.cascade.schedules import (
    Noise,
    Residual,
    edm_times,
    edm_weight,
    loss_weight,
    min_snr_weight,
    noise_at,
    residual_for,
    spread,
    target_for,
    time_at,
    x0_from,
)

PREDICTIONS: tuple[Prediction, ...] = ("eps", "v", "x0")
TIMES = torch.linspace(0.0, 1.0, 101, dtype=torch.float64)


@pytest.mark.parametrize("schedule", ["cosine", "linear", "linear-zero-snr"])
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


def test_linear_with_zero_terminal_snr() -> None:
    """Lin et al. 2023, algorithm 1: sqrt(alpha bar) minus its last value, times first / (first - last)."""
    alpha = noise_at("linear", TIMES).alpha
    wanted = (alpha - alpha[-1]) / (1 - alpha[-1])
    found = noise_at("linear-zero-snr", TIMES)
    assert torch.allclose(found.alpha, wanted, atol=1e-12)
    assert found.alpha[-1] == 0.0 and found.sigma[-1] == 1.0
    # Close to the image nothing changes, and sigma is exact there although alpha rounds to 1.
    early = torch.tensor([1e-6, 1e-3], dtype=torch.float64)
    linear = noise_at("linear", early).sigma
    assert torch.allclose(noise_at("linear-zero-snr", early).sigma, linear, rtol=0.01)
    assert noise_at("linear-zero-snr", torch.tensor([1e-6])).sigma.item() > 0


@pytest.mark.parametrize("schedule", ["cosine", "linear", "linear-zero-snr"])
def test_time_is_found_from_sigma(schedule: ScheduleName) -> None:
    noise = noise_at(schedule, TIMES[:-1])
    assert torch.allclose(time_at(schedule, noise.sigma / noise.alpha), TIMES[:-1], atol=1e-7)
    ends = time_at(schedule, torch.tensor([0.0, 1e9, math.inf], dtype=torch.float64))
    assert ends[0] == 0.0 and ends[1:].tolist() == pytest.approx([1.0, 1.0], abs=1e-6)


def test_the_published_interval_as_times() -> None:
    """Kynkaanniemi et al. 2024 guide EDM2 at 0.28 < sigma <= 2.9."""
    low, high = time_at("cosine", torch.tensor([0.28, 2.9], dtype=torch.float64)).tolist()
    assert (math.tan(math.pi / 2 * low), math.tan(math.pi / 2 * high)) == pytest.approx((0.28, 2.9))
    assert (low, high) == pytest.approx((0.174, 0.789), abs=5e-4)


@pytest.mark.parametrize("prediction", ["eps", "v", "x0"])
@pytest.mark.parametrize("schedule", ["cosine", "linear", "linear-zero-snr"])
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


def test_edm_weights_agree_over_predictions() -> None:
    """One error of x0 costs the same however it is counted: err_eps = err_x0 alpha / sigma, err_v = err_x0 / sigma."""
    noise = noise_at("cosine", torch.linspace(0.05, 0.95, 19, dtype=torch.float64))
    edm = noise.sigma / noise.alpha
    for std in (0.5, 1.0):
        paper = (edm**2 + std**2) / (edm * std) ** 2
        assert torch.allclose(edm_weight("x0", noise, std), paper)
        assert torch.allclose(edm_weight("eps", noise, std) / edm**2, paper)
        assert torch.allclose(edm_weight("v", noise, std) / noise.sigma**2, paper)
    assert torch.allclose(edm_weight("v", noise, 1.0), torch.ones_like(edm))
    ends = noise_at("cosine", torch.tensor([0.0, 1.0], dtype=torch.float64))
    for prediction in PREDICTIONS:
        assert edm_weight(prediction, ends).isfinite().all()
    with pytest.raises(ValueError, match="positive"):
        edm_weight("v", noise, 0.0)


@pytest.mark.parametrize("prediction", ["eps", "v", "x0"])
@pytest.mark.parametrize("weight", [min_snr_weight, edm_weight])
def test_a_weighted_loss_does_not_depend_on_what_is_predicted(
    prediction: Prediction, weight: Callable[[Prediction, Noise], torch.Tensor]
) -> None:
    """An estimate of x0 costs the same, said as x0, eps or v. Min-SNR of v weighs by SNR + 1 instead (see there)."""
    random = torch.Generator().manual_seed(4)
    x0, eps, off = (torch.randn(9, 3, 4, 4, generator=random, dtype=torch.float64) for _ in range(3))
    noise = noise_at("cosine", spread(torch.linspace(0.1, 0.9, 9, dtype=torch.float64)))
    z = noise.alpha * x0 + noise.sigma * eps
    guess = x0 + 0.1 * off
    said = target_for(prediction, guess, (z - noise.alpha * guess) / noise.sigma, noise)
    found = weight(prediction, noise) * (said - target_for(prediction, x0, eps, noise)) ** 2
    wanted = weight("x0", noise) * (guess - x0) ** 2
    if weight is min_snr_weight and prediction == "v":
        snr = noise.alpha**2 / noise.sigma**2
        wanted = (snr + 1).clamp(max=5.0) * (guess - x0) ** 2
    assert torch.allclose(found, wanted)


def test_v_and_residual_predictions_are_edms_preconditioning() -> None:
    """EDM's D(x) = c_skip x + c_out F(c_in x), with x = z / alpha, is `Residual` about zero; for unit data F is -v."""
    random = torch.Generator().manual_seed(5)
    z, output = (torch.randn(4, 3, 4, 4, generator=random, dtype=torch.float64) for _ in range(2))
    noise = noise_at("cosine", spread(torch.linspace(0.1, 0.9, 4, dtype=torch.float64)))
    x, edm = z / noise.alpha, noise.sigma / noise.alpha
    for std in (0.5, 1.0):
        scale = torch.sqrt(edm**2 + std**2)
        own = Residual(torch.zeros_like(z), torch.full((4, 1, 1, 1), std, dtype=torch.float64))
        assert torch.allclose(own.network_input(z, noise), x / scale)
        denoised = std**2 / scale**2 * x + edm * std / scale * output
        assert torch.allclose(own.x0(output, z, noise), denoised)
        # The weight times c_out^2 is 1: each time's loss is as large at the start.
        assert torch.allclose(edm_weight("x0", noise, std) * (edm * std / scale) ** 2, torch.ones_like(edm))
    assert torch.allclose(denoised, x0_from("v", -output, z, noise))


def test_edm_times_are_log_normal_in_sigma() -> None:
    normal = torch.randn(20_000, generator=torch.Generator().manual_seed(6), dtype=torch.float64)
    times = edm_times("cosine", normal)
    noise = noise_at("cosine", times)
    logs = torch.log(noise.sigma / noise.alpha)
    assert torch.allclose(logs, -1.2 + 1.2 * normal)
    assert ((times > 0) & (times < 1)).all()


def test_weights_by_name() -> None:
    noise = noise_at("cosine", torch.linspace(0.05, 0.95, 19, dtype=torch.float64))
    for prediction in PREDICTIONS:
        assert torch.equal(loss_weight("min-snr", prediction, noise), min_snr_weight(prediction, noise))
        assert torch.equal(loss_weight("edm", prediction, noise), edm_weight(prediction, noise))
        assert torch.equal(loss_weight("none", prediction, noise), torch.ones(19, dtype=torch.float64))
    weightings: tuple[Weighting, ...] = get_args(Weighting)
    for weighting in weightings:
        assert torch.equal(loss_weight(weighting, "residual", noise), torch.ones(19, dtype=torch.float64))
    with pytest.raises(ValueError, match="normalised by construction"):
        min_snr_weight("residual", noise)
