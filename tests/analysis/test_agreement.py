"""Agreement: golden cases, the krippendorff and statsmodels libraries, and degenerate tables."""

from __future__ import annotations

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import fleiss_kappa as peer_fleiss

from evaluation.analysis.agreement import counts_by_unit, fleiss_kappa, krippendorff_alpha


def panel_counts() -> np.ndarray:
    r, p = np.indices((6, 12))
    v = ((37 * r + 17 * p + 11 * r * p) % 23) + 3 * (p % 5) - 4 * (r % 3)
    return counts_by_unit(p.ravel(), np.where(v >= 12, 1, np.where(v >= 9, 0.5, 0)).ravel())[0]


def test_golden_panel() -> None:
    assert krippendorff_alpha(panel_counts(), "nominal").value == pytest.approx(0.006859449, abs=6e-10)
    assert krippendorff_alpha(panel_counts(), "ordinal").value == pytest.approx(0.027355727, abs=6e-10)
    assert fleiss_kappa(panel_counts()).value == pytest.approx(-0.007128447, abs=6e-10)


def test_krippendorffs_textbook_example() -> None:
    """Four observers, twelve units, from Krippendorff (2011), section C."""
    data = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    ]
    long = [(unit, value) for row in data for unit, value in enumerate(row) if value is not None]
    counts, values = counts_by_unit([unit for unit, _ in long], [value for _, value in long])
    assert krippendorff_alpha(counts, "nominal").value == pytest.approx(0.743421053, abs=6e-10)
    assert krippendorff_alpha(counts, "ordinal").value == pytest.approx(0.815387504, abs=6e-10)
    assert krippendorff_alpha(counts, "interval", values).value == pytest.approx(0.849107143, abs=6e-10)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 5), st.integers(2, 12))
def test_against_the_krippendorff_library(seed: int, n_values: int, n_units: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 4, size=(n_units, n_values))
    if (counts.sum(axis=1) >= 2).sum() < 2 or (counts[counts.sum(axis=1) >= 2].sum(axis=0) > 0).sum() < 2:
        return
    usable = counts[:, counts[counts.sum(axis=1) >= 2].sum(axis=0) > 0]
    for metric in ("nominal", "ordinal", "interval"):
        wanted = krippendorff.alpha(value_counts=usable, level_of_measurement=metric)
        found = krippendorff_alpha(usable, metric)
        assert found.value == pytest.approx(wanted, abs=1e-9)


def test_fleiss_against_statsmodels() -> None:
    counts = np.random.default_rng(0).multinomial(7, [0.5, 0.2, 0.3], size=40)
    assert fleiss_kappa(counts).value == pytest.approx(peer_fleiss(counts), abs=1e-12)


def test_interval_is_the_plain_jackknife() -> None:
    counts = np.random.default_rng(1).multinomial(5, [0.5, 0.2, 0.3], size=30)
    whole = krippendorff_alpha(counts, "ordinal")
    left_out = np.array([krippendorff_alpha(np.delete(counts, at, axis=0)).value for at in range(30)], dtype=float)
    se = np.sqrt(29 / 30 * ((left_out - left_out.mean()) ** 2).sum())
    assert whole.high is not None and whole.low is not None
    assert (whole.high - whole.low) / 2 == pytest.approx(2.045229642 * se, rel=1e-8)


def test_clusters_are_left_out_whole() -> None:
    """Units that share a prompt are left out together, by brute force; of clusters of one it is the plain jackknife."""
    rng = np.random.default_rng(4)
    counts = rng.multinomial(5, [0.5, 0.2, 0.3], size=30)
    clusters = np.arange(30) % 8
    for coefficient in (lambda table, **more: krippendorff_alpha(table, "ordinal", **more), fleiss_kappa):
        whole = coefficient(counts, clusters=clusters)
        left_out = np.array([coefficient(counts[clusters != at]).value for at in range(8)], dtype=float)
        se = np.sqrt(7 / 8 * ((left_out - left_out.mean()) ** 2).sum())
        assert whole.high is not None and whole.low is not None
        assert (whole.high - whole.low) / 2 == pytest.approx(2.364624252 * se, rel=1e-8)
        apart, alone = coefficient(counts, clusters=np.arange(30)[::-1]), coefficient(counts)
        assert (apart.low, apart.high) == pytest.approx((alone.low, alone.high))
        assert whole.value == alone.value


@pytest.mark.parametrize(
    "counts",
    [np.zeros((0, 3)), np.eye(3), [[4, 0, 0], [3, 0, 0]], [[2, 0, 0]], [[2, 1, 0]]],
    ids=["none", "single", "alike", "one", "one that differs"],
)
def test_no_meaning_is_said(counts: np.ndarray) -> None:
    for found in (krippendorff_alpha(counts), fleiss_kappa(counts)):
        assert found.value is None and found.why


def test_perfect_and_reversed_order() -> None:
    counts = np.array([[5, 0, 0], [0, 5, 0], [0, 0, 5], [5, 0, 0]])
    assert krippendorff_alpha(counts).value == pytest.approx(1)
    mixed = np.random.default_rng(3).multinomial(4, [0.4, 0.3, 0.3], size=20)
    assert krippendorff_alpha(mixed).value == pytest.approx(krippendorff_alpha(mixed[:, ::-1]).value)
