"""Influences: against leaving each sample out, against a hand-solved case, and as a standard error."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from evaluation.metrics.distances.influence import delta_error, influences, ranked, transport
from evaluation.metrics.errors import MetricError
from evaluation.metrics.features.moments import distance, moments_of

Array = NDArray[np.float64]


def _samples(n: int, m: int, d: int, seed: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) @ (np.eye(d) + rng.normal(size=(d, d)) / 4) + 0.3
    return x, rng.normal(size=(m, d)) @ (np.eye(d) + rng.normal(size=(d, d)) / 4)


def test_against_leaving_each_one_out() -> None:
    x, y = _samples(400, 500, 8, 0)
    x[7] += 9.0  # an image unlike all others
    own, other = moments_of(x), moments_of(y)
    whole = distance(own, other)
    fall = np.array([whole - distance(moments_of(np.delete(x, i, axis=0)), other) for i in range(len(x))])
    found = influences(x, own, other) / (len(x) - 1)
    assert np.argmax(found) == np.argmax(fall) == 7
    typical = np.delete(np.arange(len(x)), 7)
    # What remains is of second order, and the bias's share, the same for all.
    assert np.corrcoef(found[typical], fall[typical])[0, 1] > 0.999
    gap = (found - fall)[typical]
    assert np.std(gap) < 0.03 * np.std(fall[typical])
    assert found[7] == pytest.approx(fall[7], rel=0.25)


def test_one_feature_by_hand() -> None:
    """d^2 = (m1 - m2)^2 + (s1 - s2)^2, whose derivative in the variance is 1 - s2 / s1."""
    x, y = np.array([[0.0], [1.0], [5.0], [2.0]]), np.array([[0.0], [4.0], [2.0]])
    own, other = moments_of(x), moments_of(y)
    s1, s2 = np.std(x, ddof=1), np.std(y, ddof=1)
    centred = (x - x.mean())[:, 0]
    expected = 2 * centred * (x.mean() - y.mean()) + (1 - s2 / s1) * (centred**2 - np.mean(centred**2))
    np.testing.assert_allclose(influences(x, own, other), expected, rtol=1e-12)


def test_transport_carries_one_to_the_other() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(6, 9)), rng.normal(size=(6, 9))
    first, second = a @ a.T, b @ b.T
    mapped = transport(first, second)
    np.testing.assert_allclose(mapped @ first @ mapped, second, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(transport(first, first), np.eye(6), atol=1e-9)
    assert np.linalg.eigvalsh(mapped)[0] > 0
    singular = a[:, :3] @ a[:, :3].T
    assert np.linalg.matrix_rank(transport(singular, second), tol=1e-8) == 3
    assert not transport(np.zeros((3, 3)), np.eye(3)).any()


def test_the_standard_error_it_gives_is_honest() -> None:
    rng = np.random.default_rng(3)
    d, values, errors = 4, [], []
    for _ in range(200):
        x, y = rng.normal(size=(300, d)), 1.2 * rng.normal(size=(250, d)) + 0.2
        first, second = moments_of(x), moments_of(y)
        values.append(distance(first, second))
        errors.append(delta_error(influences(x, first, second), influences(y, second, first)))
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.15)


def test_ranked_and_bad_input() -> None:
    x, y = _samples(60, 60, 3, 4)
    own, other = moments_of(x), moments_of(y)
    names = [f"{i:05d}/0" for i in range(60)]
    told = ranked(names, influences(x, own, other))
    assert [one.share for one in told] == sorted((one.share for one in told), reverse=True)
    assert {one.file for one in told} == set(names)
    assert sum(one.share for one in told) == pytest.approx(0.0, abs=1e-10)
    with pytest.raises(MetricError, match="do not belong to moments of 60"):
        influences(x[:50], own, other)
    with pytest.raises(MetricError, match="do not belong to 3 files"):
        ranked(names[:3], np.zeros(60))
    few = moments_of(x[:3])
    assert np.isfinite(influences(x[:3], few, other)).all()
