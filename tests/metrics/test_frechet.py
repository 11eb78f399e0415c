"""The distance itself: golden cases (mpmath, 50 digits), properties, errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from evaluation.metrics.distances.kernel import kernel_distance
from evaluation.metrics.errors import MetricError
from evaluation.metrics.frechet import frechet_distance, frechet_distance_of_features

Array = NDArray[np.float64]

LAG4 = np.abs(np.subtract.outer(np.arange(4), np.arange(4)))

GOLDEN = [
    ([0.0], [[1.0]], [1.0], [[4.0]], 2.0),
    ([0, 0, 0], np.diag([1, 4, 9]), [1, -2, 0.5], np.diag([4, 1, 16]), 8.25),
    ([0, 0], [[2, 1], [1, 2]], [0, 0], np.diag([1, 3]), 0.51668523),
    ([0, 0], np.diag([1, 0]), [0, 0], np.ones((2, 2)), 1.0),
    (
        [0, 0, 0],
        [[4, 2, 0], [2, 3, 1], [0, 1, 2]],
        [0.5, -1, 2],
        [[1, 0, 0.5], [0, 2, 0], [0.5, 0, 3]],
        7.28458615,
    ),
    (np.zeros(4), 0.5**LAG4, np.zeros(4), 2 * (-0.3) ** LAG4, 2.05608531),
]


@pytest.mark.parametrize(("mean_1", "cov_1", "mean_2", "cov_2", "value"), GOLDEN)
def test_golden(mean_1: Array, cov_1: Array, mean_2: Array, cov_2: Array, value: float) -> None:
    assert frechet_distance(mean_1, cov_1, mean_2, cov_2) == pytest.approx(value, abs=5.1e-9)
    assert frechet_distance(mean_2, cov_2, mean_1, cov_1) == pytest.approx(value, abs=5.1e-9)


def _golden_features(n: int, m: int, d: int) -> tuple[Array, Array]:
    j = np.arange(d)
    x = np.sin((np.arange(n)[:, None] + 1.0) * (j + 1))
    return x, np.cos((np.arange(m)[:, None] + 1.0) * (j + 2)) + j / 10


@pytest.mark.parametrize(
    ("shape", "value", "digits", "kid"),
    [
        ((12, 10, 4), 0.20574699, 5.1e-9, -0.30655636),
        ((5, 6, 8), 3.7150982671537, 5.1e-14, -0.05611757),
    ],
)
def test_golden_features(shape: tuple[int, int, int], value: float, digits: float, kid: float) -> None:
    x, y = _golden_features(*shape)
    assert frechet_distance_of_features(x, y) == pytest.approx(value, abs=digits)
    by_moments = frechet_distance(x.mean(axis=0), np.cov(x.T), y.mean(axis=0), np.cov(y.T))
    assert by_moments == pytest.approx(value, abs=max(digits, 2e-13))
    assert kernel_distance(x, y).value == pytest.approx(kid, abs=5.1e-9)


def _lag(base: float) -> Array:
    i = np.arange(2048)
    return np.asarray(base ** np.abs(np.subtract.outer(i, i)))


def _large(name: str) -> tuple[Array, Array, Array]:
    if name == "identity":
        return np.eye(2048), _lag(0.9), np.zeros(2048)
    if name == "lags":
        return _lag(0.5), _lag(0.9), np.full(2048, 0.01)
    i = np.arange(2048)
    return np.diag(1 / (1.0 + i)), np.diag(1 / (1.0 + i) ** 2), np.zeros(2048)


@pytest.mark.parametrize(
    ("name", "value"), [("identity", 1502.88174102), ("lags", 731.768018944716), ("decaying", 4.71015154)]
)
def test_golden_at_fids_size(name: str, value: float) -> None:
    """The second value to its last digits by a Newton step in 30 digits (its golden form has ..895, rounded up)."""
    cov_1, cov_2, difference = _large(name)
    assert frechet_distance(np.zeros(2048), cov_1, difference, cov_2) == pytest.approx(value, abs=5.1e-9)


def _sample(seed: int, n: int, d: int, decades: float = 1.0) -> Array:
    rng = np.random.default_rng(seed)
    scale = np.logspace(0, -decades, d)
    return np.asarray(rng.normal(size=(n, d)) * scale @ rng.normal(size=(d, d)) + rng.normal(size=d))


sizes = st.tuples(st.integers(0, 10_000), st.integers(2, 30), st.integers(2, 30), st.integers(1, 12), st.floats(0, 5))


@settings(max_examples=60, deadline=None)
@given(sizes)
def test_properties(case: tuple[int, int, int, int, float]) -> None:
    seed, n, m, d, decades = case
    x, y = _sample(seed, n, d, decades), _sample(seed + 1, m, d, decades)
    scale = float(np.var(x, axis=0).sum() + np.var(y, axis=0).sum())
    value = frechet_distance_of_features(x, y)
    assert value >= 0
    assert frechet_distance_of_features(y, x) == pytest.approx(value, rel=1e-10, abs=1e-12 * scale)
    assert frechet_distance_of_features(x, x) == 0.0
    # Both roads: from features and from moments, where the covariance has lost what lies below its rounding.
    moments = (x.mean(axis=0), np.atleast_2d(np.cov(x.T)), y.mean(axis=0), np.atleast_2d(np.cov(y.T)))
    assert frechet_distance(*moments) == pytest.approx(value, rel=1e-9, abs=1e-7 * scale)
    assert frechet_distance(*moments) == frechet_distance(*moments[2:], *moments[:2])
    # A rotation and a common shift change nothing; a factor squares.
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))[0]
    assert frechet_distance_of_features(x @ turn + 3, y @ turn + 3) == pytest.approx(value, rel=1e-9, abs=1e-11 * scale)
    assert frechet_distance_of_features(10 * x, 10 * y) == pytest.approx(100 * value, rel=1e-9, abs=1e-9 * scale)
    # A shift of one sample adds its square.
    assert frechet_distance_of_features(x, y + x.mean(axis=0) - y.mean(axis=0)) <= value + 1e-9 * scale


def test_commuting_matrices_have_a_closed_form() -> None:
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(40, 40)))[0]
    a, b = np.logspace(2, -12, 40), np.logspace(-12, 1, 40)
    b[5:9] = 0.0
    value = frechet_distance(np.zeros(40), turn * a @ turn.T, np.zeros(40), turn * b @ turn.T)
    assert value == pytest.approx(float(np.sum((np.sqrt(a) - np.sqrt(b)) ** 2)), rel=1e-7)


@pytest.mark.parametrize("factor", [1e-150, 1e-12, 1e12, 1e150])
def test_any_unit(factor: float) -> None:
    cov_1, cov_2 = np.array([[2.0, 1.0], [1.0, 2.0]]), np.diag([1.0, 3.0])
    value = frechet_distance([0, 0], cov_1 * factor, [0, 0], cov_2 * factor)
    assert value / factor == pytest.approx(0.51668522645, abs=1e-10)


def test_points_and_planes() -> None:
    zero = np.zeros((3, 3))
    assert frechet_distance([0, 0, 0], zero, [1, 2, 2], zero) == 9.0
    assert frechet_distance([0, 0, 0], zero, [0, 0, 0], np.eye(3)) == pytest.approx(3.0, abs=1e-14)
    assert frechet_distance([0, 0], np.diag([1, 0]), [0, 0], np.diag([0, 1])) == pytest.approx(2.0, abs=1e-14)


def test_float32_statistics_are_taken() -> None:
    x = _sample(3, 40, 12).astype(np.float32)
    cov = np.cov(x.T, dtype=np.float32)
    assert frechet_distance(x.mean(axis=0), cov, x.mean(axis=0), cov) == 0.0
    y = _sample(4, 6, 12).astype(np.float32)  # rank 5: eigenvalues below zero by rounding
    exact = frechet_distance_of_features(x, y)
    assert frechet_distance(x.mean(0), cov, y.mean(0), np.cov(y.T, dtype=np.float32)) == pytest.approx(exact, rel=1e-3)


EYE = np.eye(2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([0, 0], EYE, [0, 0, 0], np.eye(3)), "2 and 3 entries"),
        (([0, 0], np.eye(3), [0, 0], EYE), r"cov_1 must have the shape \(2, 2\)"),
        (([0, 0], EYE, [0, 0], [1, 1]), "cov_2 must have the shape"),
        (([[0, 0]], EYE, [0, 0], EYE), r"mean_1 must be a vector"),
        (([], np.zeros((0, 0)), [], np.zeros((0, 0))), "one entry or more"),
        (([0, np.nan], EYE, [0, 0], EYE), "mean_1 holds 1 entries that are not finite"),
        (([0, 0], EYE, [0, 0], [[np.inf, 0], [0, 1]]), "cov_2 holds 1 entries that are not finite"),
        (([0, 0], [[1, 2], [0, 1]], [0, 0], EYE), "cov_1 is not symmetric"),
        (([0, 0], EYE, [0, 0], [[1, 2], [2, 1]]), "cov_2 is not a covariance"),
        (([0, 0], [[1, 2], [2, 1]], [0, 0], EYE), "cov_1 is not a covariance"),
        (([0, 0], [[1, 2], [2, 1]], [0, 0], [[1, 2], [2, 1]]), "cov_1 is not a covariance"),
        (([0, 0], [[-1, 0], [0, -1]], [0, 0], EYE), "negative variance"),
        (([0, 0], EYE * 1j, [0, 0], EYE), "real numbers"),
        ((["a", "b"], EYE, [0, 0], EYE), "real numbers"),
        (([1e200, 0], EYE, [-1e200, 0], EYE), "larger than a float64"),
    ],
)
def test_bad_input(arguments: tuple[Array, Array, Array, Array], words: str) -> None:
    with pytest.raises(MetricError, match=words):
        frechet_distance(*arguments)


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (np.zeros((1, 3)), np.zeros((4, 3)), "features_1 has 1 rows"),
        (np.zeros((4, 3)), np.zeros((4, 2)), "3 and 2 features"),
        (np.zeros(3), np.zeros((4, 3)), "must have the shape"),
    ],
)
def test_bad_features(x: Array, y: Array, words: str) -> None:
    with pytest.raises(MetricError, match=words):
        frechet_distance_of_features(x, y)


def test_as_torch_fidelity_where_it_is_exact() -> None:
    """Regular covariances, whose eigenvalues are well above rounding."""
    from torch_fidelity.metric_fid import fid_statistics_to_metric

    x, y = _sample(1, 400, 48), _sample(2, 500, 48)
    statistics = [{"mu": rows.mean(axis=0), "sigma": np.cov(rows.T)} for rows in (x, y)]
    expected = fid_statistics_to_metric(*statistics, False)["frechet_inception_distance"]
    assert frechet_distance_of_features(x, y) == pytest.approx(expected, rel=1e-9)


def test_kernel_distance_as_torch_fidelity() -> None:
    """One subset of all samples: the same U-statistic."""
    import torch
    from torch_fidelity.metric_kid import kid_features_to_metric

    x, y = _sample(1, 90, 20), _sample(2, 90, 20)
    expected = kid_features_to_metric(
        torch.from_numpy(x),
        torch.from_numpy(y),
        kid_subsets=1,
        kid_subset_size=90,
        kid_kernel="poly",
        kid_kernel_poly_degree=3,
        kid_kernel_poly_gamma=None,
        kid_kernel_poly_coef0=1,
        rng_seed=0,
        verbose=False,
    )["kernel_inception_distance_mean"]
    assert kernel_distance(x, y).value == pytest.approx(expected, rel=1e-9)
