"""The paired test: its interval covers the truth on known Gaussians, with about half the unpaired error."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from evaluation.metrics.distances.paired import paired_difference
from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.jackknife import corrected_distance
from evaluation.metrics.features.moments import Moments, distance, merge, moments_of
from evaluation.metrics.frechet import frechet_distance

Array = NDArray[np.float64]


def _groups(rows: Array, groups: int = 10) -> list[Moments]:
    return [moments_of(part) for part in np.array_split(rows, groups)]


def test_coverage_on_known_gaussians() -> None:
    """150 draws. What the prompt asks for moves A's and B's features together; the truth is exact."""
    rng = np.random.default_rng(5)
    d, n, m = 8, 400, 500
    mix = np.eye(d) + rng.normal(size=(d, d)) / 4
    own_a, own_b = 0.35 * np.eye(d), 0.5 * np.eye(d)
    shift_a, shift_b = 0.25 * rng.normal(size=d), 0.25 * rng.normal(size=d)
    shared = mix @ mix.T

    def truth(shift: Array, own: Array) -> float:
        return frechet_distance(shift, shared + own @ own.T, np.zeros(d), np.eye(d))

    expected = truth(shift_a, own_a) - truth(shift_b, own_b)
    covered, values, errors, unpaired = 0, [], [], []
    for _ in range(150):
        prompts = rng.normal(size=(n, d)) @ mix.T
        a = prompts + rng.normal(size=(n, d)) @ own_a.T + shift_a
        b = prompts + rng.normal(size=(n, d)) @ own_b.T + shift_b
        found = paired_difference(_groups(a), _groups(b), _groups(rng.normal(size=(m, d))))
        covered += found.low <= expected <= found.high
        values.append(found.estimate)
        errors.append(found.se)
        unpaired.append(found.se_unpaired)
    assert covered / 150 > 0.88  # 0.95 is expected; 0.88 would be 4 standard errors below
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.25)
    assert np.mean(values) == pytest.approx(expected, abs=4 * np.std(values) / np.sqrt(150))
    assert np.mean(errors) < 0.7 * np.mean(unpaired)


def test_hand_solved_and_symmetric() -> None:
    rng = np.random.default_rng(1)
    a, b, reference = (_groups(rng.normal(size=(30, 2)) + shift, 3) for shift in (0.0, 0.5, 0.2))
    found, other = paired_difference(a, b, reference), paired_difference(b, a, reference)
    assert other.raw == -found.raw
    assert other.estimate == pytest.approx(-found.estimate)
    assert other.low == pytest.approx(-found.high)
    assert other.se == pytest.approx(found.se)
    assert other.p == pytest.approx(found.p)
    assert found.df == 4
    apart = corrected_distance(a, reference), corrected_distance(b, reference)
    assert found.estimate == pytest.approx(apart[0].estimate - apart[1].estimate)
    assert found.se_unpaired == pytest.approx(np.hypot(apart[0].se, apart[1].se))
    same = paired_difference(a, a, reference)
    assert (same.raw, same.se, same.p) == (0.0, 0.0, 1.0)
    assert found.distance_a == pytest.approx(distance(merge(a), merge(reference)))


def test_refused() -> None:
    few = _groups(np.random.default_rng(0).normal(size=(25, 10)))
    many = _groups(np.random.default_rng(0).normal(size=(90, 10)))
    with pytest.raises(MetricError, match="25 images are too few"):
        paired_difference(few, many, many)
    with pytest.raises(MetricError, match="same prompts"):
        paired_difference(many[:5], many, many)
