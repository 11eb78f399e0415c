"""The corrected distance: its interval covers the truth where the raw value is far off."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from evaluation.metrics.distances.kernel import kernel_distance
from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.jackknife import corrected_distance, why_not
from evaluation.metrics.features.moments import Moments, distance, moments_of
from evaluation.metrics.frechet import frechet_distance

Array = NDArray[np.float64]


def _groups(rows: Array, groups: int = 10) -> list[Moments]:
    return [moments_of(part) for part in np.array_split(rows, groups)]


@pytest.mark.parametrize("ratio", [3, 15])
def test_coverage_on_known_gaussians(ratio: int) -> None:
    """200 draws: 95 % intervals that cover in less than 90 % would be 3 standard errors below."""
    rng = np.random.default_rng(ratio)
    d = 12
    mix_1, mix_2 = (np.eye(d) + rng.normal(size=(d, d)) / 4 for _ in range(2))
    shift = 0.1 * rng.normal(size=d)
    truth = frechet_distance(np.zeros(d), mix_1 @ mix_1.T, shift, mix_2 @ mix_2.T)
    covered, raw, corrected, errors = 0, [], [], []
    for _ in range(200):
        x, y = rng.normal(size=(ratio * d, d)) @ mix_1.T, rng.normal(size=(ratio * d, d)) @ mix_2.T + shift
        found = corrected_distance(_groups(x), _groups(y))
        covered += found.low <= truth <= found.high
        raw.append(found.raw)
        corrected.append(found.estimate)
        errors.append(found.se)
    assert covered / 200 > 0.9
    bias, spread = np.mean(corrected) - truth, np.std(corrected)
    assert abs(bias) < 0.15 * (np.mean(raw) - truth) + 3 * spread / np.sqrt(200)
    assert np.mean(raw) - truth > 1.0 * spread  # the raw value's bias is what needs correcting
    assert np.mean(errors) == pytest.approx(spread, rel=0.25)


def test_samples_of_one_distribution_are_near_zero() -> None:
    rng = np.random.default_rng(0)
    found = [
        corrected_distance(_groups(rng.normal(size=(300, 10))), _groups(rng.normal(size=(300, 10)))) for _ in range(60)
    ]
    assert np.mean([each.raw for each in found]) > 0.15
    assert abs(np.mean([each.estimate for each in found])) < 0.03
    assert np.mean([each.low <= 0 <= each.high for each in found]) > 0.85


def test_hand_solved() -> None:
    """One feature, two groups a side: each left-out distance is a plain one of the other group."""
    x, y = [np.array([[0.0], [2.0]]), np.array([[1.0], [5.0]])], [np.array([[0.0], [1.0]]), np.array([[4.0], [4.5]])]
    first, second = [moments_of(rows) for rows in x], [moments_of(rows) for rows in y]
    whole = distance(moments_of(np.concatenate(x)), moments_of(np.concatenate(y)))
    without_1 = [distance(first[1], moments_of(np.concatenate(y))), distance(first[0], moments_of(np.concatenate(y)))]
    without_2 = [distance(moments_of(np.concatenate(x)), second[1]), distance(moments_of(np.concatenate(x)), second[0])]
    found = corrected_distance(first, second)
    assert found.raw == pytest.approx(whole)
    assert found.estimate == pytest.approx(3 * whole - np.mean(without_1) - np.mean(without_2))
    variance = (without_1[0] - without_1[1]) ** 2 / 4 + (without_2[0] - without_2[1]) ** 2 / 4
    assert found.se == pytest.approx(np.sqrt(variance))
    assert found.df == 2
    assert found.high - found.estimate == pytest.approx(4.302652729749 * found.se)  # t with 2 degrees of freedom


def test_too_few_images_are_told() -> None:
    few = _groups(np.random.default_rng(0).normal(size=(25, 10)))
    assert "25 images are too few for 10 features; 30" in why_not(few, few)
    with pytest.raises(MetricError, match="too few"):
        corrected_distance(few, few)
    with pytest.raises(MetricError, match="two groups"):
        corrected_distance(_groups(np.zeros((9, 2)), 1), _groups(np.zeros((9, 2))))


def test_kernel_distance_error_is_honest() -> None:
    rng = np.random.default_rng(1)
    found = [kernel_distance(rng.normal(size=(60, 5)), rng.normal(size=(80, 5)) + 0.5) for _ in range(150)]
    assert np.mean([each.se for each in found]) == pytest.approx(np.std([each.value for each in found]), rel=0.2)


def test_kernel_distance_by_its_definition() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(7, 3)), rng.normal(size=(6, 3))

    def k(a: Array, b: Array) -> float:
        return float((a @ b / 3 + 1) ** 3)

    within_x = np.mean([k(x[i], x[j]) for i in range(7) for j in range(7) if i != j])
    within_y = np.mean([k(y[i], y[j]) for i in range(6) for j in range(6) if i != j])
    across = np.mean([k(a, b) for a in x for b in y])
    assert kernel_distance(x, y).value == pytest.approx(within_x + within_y - 2 * across, rel=1e-12)
    with pytest.raises(MetricError, match="3 and 2 features"):
        kernel_distance(x, y[:, :2])
