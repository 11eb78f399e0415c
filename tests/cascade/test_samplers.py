"""Samplers on data whose ideal denoiser is known: one Gaussian, where the path is known too, and a mixture of two."""

import functools
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from generators.cascade.configs import ScheduleName
from generators.cascade.samplers import SamplerName, ddim, ddpm, dpmpp_2m, heun, sample
from generators.cascade.schedules import noise_at
from generators.cascade.spacing import Spacing, time_grid

MEAN, STD = 0.3, 0.5
COUNT = 20_000
PARTS = ((0.4, -0.6, 0.2), (0.6, 0.5, 0.3))
"""Weight, mean and standard deviation of the mixture's Gaussians."""


def ideal(schedule: ScheduleName) -> Callable[[Tensor, float], Tensor]:
    """E[x | z_t] for x from N(MEAN, STD^2)."""

    def denoise(z: Tensor, t: float) -> Tensor:
        noise = noise_at(schedule, torch.tensor(t, dtype=torch.float64))
        gain = noise.alpha * STD**2 / (noise.alpha**2 * STD**2 + noise.sigma**2)
        return MEAN + gain * (z - noise.alpha * MEAN)

    return denoise


def ideal_of_mixture(schedule: ScheduleName) -> Callable[[Tensor, float], Tensor]:
    """E[x | z_t] for x from the mixture: each part's own, weighted by how likely z is of that part."""

    def denoise(z: Tensor, t: float) -> Tensor:
        noise = noise_at(schedule, torch.tensor(t, dtype=torch.float64))
        likely, means = [], []
        for weight, mean, std in PARTS:
            variance = noise.alpha**2 * std**2 + noise.sigma**2
            off = z - noise.alpha * mean
            likely.append(math.log(weight) - 0.5 * torch.log(variance) - 0.5 * off**2 / variance)
            means.append(mean + noise.alpha * std**2 / variance * off)
        return (torch.softmax(torch.stack(likely), 0) * torch.stack(means)).sum(0)

    return denoise


def end_of_path(z: Tensor, schedule: ScheduleName) -> Tensor:
    """Where the probability-flow path from z at t = 1 ends for Gaussian data: (z - alpha MEAN) keeps its quantile."""
    noise = noise_at(schedule, torch.tensor(1.0, dtype=torch.float64))
    return MEAN + STD * (z - noise.alpha * MEAN) / torch.sqrt(noise.alpha**2 * STD**2 + noise.sigma**2)


STARTS = torch.linspace(-2.5, 2.5, 41, dtype=torch.float64)


@functools.cache
def ends_of_mixture() -> Tensor:
    """Where the paths from STARTS end for the mixture: by Heun, so often that what is left is far below all errors."""
    return heun(ideal_of_mixture("cosine"), STARTS, "cosine", 2000)


def start() -> Tensor:
    return torch.randn(COUNT, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def fresh(step: int) -> Tensor:
    return torch.randn(COUNT, generator=torch.Generator().manual_seed(1000 + step), dtype=torch.float64)


@pytest.mark.parametrize("schedule", ["cosine", "linear", "linear-zero-snr"])
@pytest.mark.parametrize(
    ("name", "eta"), [("ddim", 0.0), ("ddim", 1.0), ("ddim", 0.5), ("ddpm", 0.0), ("dpmpp", 0.0), ("heun", 0.0)]
)
def test_all_samplers_arrive_at_the_same_distribution(name: SamplerName, eta: float, schedule: ScheduleName) -> None:
    drawn = sample(name, ideal(schedule), start(), schedule, 600, eta=eta, noise=fresh)
    assert drawn.mean().item() == pytest.approx(MEAN, abs=0.015)
    assert drawn.std().item() == pytest.approx(STD, rel=0.02)


@pytest.mark.parametrize(("name", "eta"), [("ddim", 0.0), ("ddim", 1.0), ("ddpm", 0.0), ("dpmpp", 0.0), ("heun", 0.0)])
def test_all_samplers_arrive_at_a_mixture(name: SamplerName, eta: float) -> None:
    """Not only mean and spread: the share of each part, and the spread inside of it."""
    drawn = sample(name, ideal_of_mixture("cosine"), start(), "cosine", 100, eta=eta, noise=fresh)
    mean = sum(weight * mean for weight, mean, _ in PARTS)
    assert drawn.mean().item() == pytest.approx(mean, abs=0.02)
    assert (drawn < -0.6).double().mean().item() == pytest.approx(0.4 / 2, abs=0.012)
    assert (drawn > 0.5).double().mean().item() == pytest.approx(0.6 / 2, abs=0.012)


@pytest.mark.parametrize("schedule", ["cosine", "linear", "linear-zero-snr"])
@pytest.mark.parametrize("solve", [ddim, dpmpp_2m, heun])
def test_the_deterministic_ones_follow_the_exact_path(solve: Callable[..., Tensor], schedule: ScheduleName) -> None:
    z = start()[:100]
    assert torch.allclose(solve(ideal(schedule), z, schedule, 800), end_of_path(z, schedule), atol=0.01)


@pytest.mark.parametrize(("solve", "order"), [(ddim, (0.9, 1.1)), (dpmpp_2m, (1.5, 2.2)), (heun, (1.9, 2.3))])
@pytest.mark.parametrize("data", ["one Gaussian", "a mixture"])
def test_order_of_convergence(solve: Callable[..., Tensor], order: tuple[float, float], data: str) -> None:
    """Four times the steps divide the error at the path's end by 4^order.

    DPM-Solver++(2M) is held to less than 2: steps even in t are uneven in lambda, which costs its second order a
    factor log(steps).
    """
    denoise = ideal("cosine") if data == "one Gaussian" else ideal_of_mixture("cosine")
    exact = end_of_path(STARTS, "cosine") if data == "one Gaussian" else ends_of_mixture()
    few, many = (
        (solve(denoise, STARTS, "cosine", steps) - exact).square().mean().sqrt().item() for steps in (200, 800)
    )
    assert order[0] < math.log(few / many, 4) < order[1]


def _order(solve: Callable[..., Tensor], schedule: ScheduleName, spacing: Spacing) -> float:
    """How fast the error at the end of one Gaussian's paths falls from 200 to 800 steps."""
    exact = end_of_path(STARTS, schedule)
    few, many = (
        (solve(ideal(schedule), STARTS, schedule, steps, spacing=spacing) - exact).square().mean().sqrt().item()
        for steps in (200, 800)
    )
    return math.log(few / many, 4)


@pytest.mark.parametrize(
    ("schedule", "spacing", "order"),
    [
        ("cosine", "time", (2.0, 2.4)),
        ("cosine", "angle", (2.0, 2.4)),
        ("cosine", "log-snr", (1.3, 1.7)),
        ("cosine", "karras", (1.3, 1.7)),
        ("linear", "time", (1.0, 1.4)),
        ("linear", "angle", (1.8, 2.2)),
        ("linear", "log-snr", (1.6, 1.9)),
        ("linear", "karras", (1.8, 2.1)),
        ("linear-zero-snr", "time", (1.0, 1.4)),
        ("linear-zero-snr", "angle", (2.0, 2.4)),
    ],
)
def test_order_of_heun_by_schedule_and_spacing(
    schedule: ScheduleName, spacing: Spacing, order: tuple[float, float]
) -> None:
    """Steps even in t have second order on the cosine schedule alone; docs/cascade.md says so."""
    assert order[0] < _order(heun, schedule, spacing) < order[1]


@pytest.mark.parametrize(("spacing", "order"), [("time", (0.6, 1.1)), ("angle", (1.5, 2.0)), ("karras", (1.7, 2.1))])
def test_order_of_dpm_solver_on_the_linear_schedule(spacing: Spacing, order: tuple[float, float]) -> None:
    assert order[0] < _order(dpmpp_2m, "linear", spacing) < order[1]


@pytest.mark.parametrize("schedule", ["linear", "linear-zero-snr"])
def test_few_steps_on_the_linear_schedule_lie_nearer_when_even_in_angle(schedule: ScheduleName) -> None:
    exact = end_of_path(STARTS, schedule)
    for solve in (dpmpp_2m, heun):
        even, turned = (
            (solve(ideal(schedule), STARTS, schedule, 16, spacing=spacing) - exact).abs().max().item()
            for spacing in ("time", "angle")
        )
        assert turned < even / 4


@pytest.mark.parametrize("schedule", ["cosine", "linear", "linear-zero-snr"])
@pytest.mark.parametrize("spacing", ["time", "angle", "log-snr", "karras"])
@pytest.mark.parametrize("name", ["ddim", "ddpm", "dpmpp", "heun"])
def test_every_sampler_arrives_by_every_spacing(name: SamplerName, spacing: Spacing, schedule: ScheduleName) -> None:
    drawn = sample(name, ideal(schedule), start(), schedule, 150, eta=0.0, noise=fresh, spacing=spacing)
    assert drawn.mean().item() == pytest.approx(MEAN, abs=0.02)
    assert drawn.std().item() == pytest.approx(STD, rel=0.06)


@pytest.mark.parametrize("schedule", ["cosine", "linear", "linear-zero-snr"])
@pytest.mark.parametrize("spacing", ["time", "angle", "log-snr", "karras"])
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 17, 1000])
def test_every_grid_falls_from_one_to_zero(steps: int, spacing: Spacing, schedule: ScheduleName) -> None:
    grid = time_grid(steps, schedule, spacing)
    assert len(grid) == steps + 1 and grid[0] == 1.0 and grid[-1] == 0.0
    assert all(later < earlier for earlier, later in zip(grid, grid[1:], strict=False))


def test_what_the_spacings_are_even_in() -> None:
    def sigma(schedule: ScheduleName, spacing: Spacing) -> Tensor:
        noise = noise_at(schedule, torch.tensor(time_grid(40, schedule, spacing)[:-1], dtype=torch.float64))
        return noise.sigma / noise.alpha

    def even(values: Tensor) -> bool:
        return torch.allclose(values.diff(), values.diff()[:1], rtol=1e-6)

    assert even(torch.atan(sigma("linear", "angle")))
    assert even(torch.log(sigma("linear", "log-snr"))) and even(torch.log(sigma("cosine", "log-snr")[1:]))
    assert even(sigma("linear", "karras") ** (1 / 7)) and even(sigma("cosine", "karras")[1:] ** (1 / 7))
    assert time_grid(40, "cosine", "angle") == pytest.approx(time_grid(40))


def test_the_deterministic_ones_agree_on_where_each_start_ends() -> None:
    first, second = (solve(ideal_of_mixture("cosine"), STARTS, "cosine", 500) for solve in (ddim, dpmpp_2m))
    assert torch.allclose(first, ends_of_mixture(), atol=6e-3)
    assert torch.allclose(second, ends_of_mixture(), atol=4e-4)


def test_a_step_of_heun_worked_by_hand() -> None:
    """Two steps from t = 1 on the linear schedule: the first corrected by the mean of both slopes, the last Euler's."""
    z = torch.tensor([0.7, -1.1], dtype=torch.float64)
    one, half = (noise_at("linear", torch.tensor(t, dtype=torch.float64)) for t in (1.0, 0.5))
    denoise = ideal("linear")
    there = z / one.alpha
    s_one, s_half = one.sigma / one.alpha, half.sigma / half.alpha
    slope = (there - denoise(z, 1.0)) / s_one
    guess = there + (s_half - s_one) * slope
    other = (guess - denoise(half.alpha * guess, 0.5)) / s_half
    middle = half.alpha * (there + (s_half - s_one) * (slope + other) / 2)
    assert torch.allclose(heun(denoise, z, "linear", 2), denoise(middle, 0.5))


@pytest.mark.parametrize(("schedule", "steps", "wanted"), [("cosine", 1, 1), ("cosine", 6, 10), ("linear", 6, 11)])
def test_how_often_heun_asks(schedule: ScheduleName, steps: int, wanted: int) -> None:
    asked: list[float] = []

    def denoise(z: Tensor, t: float) -> Tensor:
        asked.append(t)
        return ideal(schedule)(z, t)

    heun(denoise, start()[:3], schedule, steps)
    assert len(asked) == wanted and min(asked) > 0


def test_second_order_beats_first_at_few_steps() -> None:
    z = start()[:2000]
    exact = MEAN + STD * z
    first = (ddim(ideal("cosine"), z, "cosine", 12) - exact).abs().max()
    for solve in (dpmpp_2m, heun):
        assert (solve(ideal("cosine"), z, "cosine", 12) - exact).abs().max() < first / 3


def test_one_step_is_the_denoiser_itself() -> None:
    z = start()[:10]
    wanted = ideal("cosine")(z, 1.0)
    for name in ("ddim", "ddpm", "dpmpp", "heun"):
        assert torch.allclose(sample(name, ideal("cosine"), z, "cosine", 1, eta=0.0, noise=fresh), wanted)


def test_ddim_with_eta_one_is_ddpm() -> None:
    one = ddim(ideal("cosine"), start(), "cosine", 20, eta=1.0, noise=fresh)
    assert torch.allclose(one, ddpm(ideal("cosine"), start(), "cosine", 20, fresh))


def test_ddim_may_begin_later_and_goes_the_rest_of_the_way() -> None:
    """From where a whole run stands half-way, half its steps end where the whole run ends."""
    seen: list[Tensor] = []

    def denoise(z: Tensor, t: float) -> Tensor:
        seen.append(z)
        return ideal("cosine")(z, t)

    whole = ddim(denoise, start()[:50], "cosine", 8)
    assert torch.allclose(ddim(denoise, seen[4], "cosine", 4, start=0.5), whole)


def test_a_constant_image_is_reached_exactly() -> None:
    """If the denoiser always says the same image, every sampler must end on it, whatever the steps."""
    image = torch.linspace(-1, 1, 12, dtype=torch.float64)
    for name in ("ddim", "ddpm", "dpmpp", "heun"):
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
