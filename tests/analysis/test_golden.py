"""The golden cases, to their digits; each is recomputable from the recipe in its comment."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from evaluation.analysis import classic
from evaluation.analysis.crossed import PanelSums, Variance, block_variances, panel_sums, quantile

DIGITS = 6e-10


@pytest.fixture(scope="module")
def panel() -> PanelSums:
    """6 raters x 12 prompts: v = ((37r + 17p + 11rp) mod 23) + 3(p mod 5) - 4(r mod 3), 1 if >= 12, .5 if >= 9."""
    r, p = np.indices((6, 12))
    v = ((37 * r + 17 * p + 11 * r * p) % 23) + 3 * (p % 5) - 4 * (r % 3)
    y = np.where(v >= 12, 1.0, np.where(v >= 9, 0.5, 0.0))
    return panel_sums(y.ravel(), r.ravel(), p.ravel())


@pytest.mark.parametrize(
    ("method", "se", "df"),
    [
        ("independent", 0.054742684 * np.sqrt(71 / 72), None),  # golden has divisor n - 1, the contract n
        ("by_prompt", 0.058776575, 11),
        ("by_rater", 0.075051423, 5),
        ("two_way", 0.078042555, 5),
        ("anova", 0.080136493, 5.455298931),
        ("pigeonhole", 0.099483190, None),
    ],
)
def test_crossed_panel(panel: PanelSums, method: str, se: float, df: float | None) -> None:
    variance = block_variances(panel)[method]
    assert isinstance(variance, Variance)
    assert variance.value**0.5 == pytest.approx(se, abs=DIGITS)
    assert variance.df == (None if df is None else pytest.approx(df, abs=1e-8))


def test_crossed_panel_mean_and_anova_interval(panel: PanelSums) -> None:
    anova = block_variances(panel)["anova"]
    assert isinstance(anova, Variance)
    half = quantile(0.95, anova.df) * anova.value**0.5
    assert panel.mean == pytest.approx(0.597222222, abs=DIGITS)
    assert (panel.mean - half, panel.mean + half) == pytest.approx((0.396290079, 0.798154366), abs=1e-9)


def test_one_share() -> None:
    assert classic.wilson(60, 100) == pytest.approx((0.502002587, 0.690598714), abs=DIGITS)
    assert classic.wilson(0, 25) == pytest.approx((0, 0.133192251), abs=DIGITS)
    assert classic.clopper_pearson(60, 100) == pytest.approx((0.497209150, 0.696705231), abs=DIGITS)
    assert classic.clopper_pearson(0, 25) == pytest.approx((0, 0.137185172), abs=DIGITS)
    assert classic.agresti_coull(60, 100) == pytest.approx((0.501932734, 0.690668567), abs=DIGITS)
    assert classic.jeffreys(60, 100) == pytest.approx((0.502256737, 0.692047702), abs=DIGITS)


def test_difference_of_shares() -> None:
    assert classic.newcombe(56, 70, 48, 80) == pytest.approx((0.052431472, 0.333872654), abs=DIGITS)


def test_three_shares_at_once() -> None:
    a, tie, b = classic.goodman([412, 88, 300])
    assert a == pytest.approx((0.472742946, 0.557043665), abs=DIGITS)
    assert tie == pytest.approx((0.086240024, 0.139308090), abs=DIGITS)
    assert b == pytest.approx((0.335049284, 0.416728958), abs=DIGITS)


def test_net_share() -> None:
    assert classic.wald_net(412, 88, 300) == pytest.approx((0.075350892, 0.204649108), abs=DIGITS)
    assert classic.tango(412, 88, 300) == pytest.approx((0.074855653, 0.203890351), abs=DIGITS)


def test_tests() -> None:
    assert classic.sign_test(412, 300) == pytest.approx(3.074054514e-5, abs=1e-13)
    assert classic.tost(0.01, 0.015, 0.05) == pytest.approx(0.003830381, abs=DIGITS)
    p = (0.001, 0.0082, 0.0131, 0.021, 0.034, 0.041, 0.06, 0.19, 0.33, 0.5, 0.77)
    wanted = [0.011, 0.082, 0.1179, 0.168, 0.238, 0.246, 0.3, 0.76, 0.99, 1, 1]
    assert classic.holm(p) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize(("a", "b"), [(3, 5), (0, 1), (0, 9), (7, 7), (120, 90), (1, 30)])
def test_sign_test_against_scipy(a: int, b: int) -> None:
    assert classic.sign_test(a, b) == pytest.approx(stats.binomtest(a, a + b).pvalue, rel=1e-10)
