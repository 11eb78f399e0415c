"""Variances against statsmodels, on panels that are complete, sparse, or hold several ratings a cell."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.analysis.crossed import METHODS, Absent, Variance, block_variances, panel_sums, quantile


def value(found: dict[str, Variance | Absent], method: str) -> float:
    variance = found[method]
    assert isinstance(variance, Variance), variance
    return variance.value


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(3, 12), st.integers(3, 12), st.floats(0.4, 1.0))
def test_one_way_and_two_way_against_statsmodels(seed: int, raters: int, prompts: int, keep: float) -> None:
    rng = np.random.default_rng(seed)
    lean = rng.normal(size=(raters, 1)) + rng.normal(size=prompts)
    y = np.sign(np.round(lean + rng.normal(size=(raters, prompts))))
    held = rng.random(y.shape) < keep
    held[0, :], held[:, 0] = True, True
    r, p = np.nonzero(held)
    found = block_variances(panel_sums(y[held], r, p))

    def peer(groups: np.ndarray) -> float:
        fit = sm.OLS(y[held], np.ones(held.sum())).fit(cov_type="cluster", cov_kwds={"groups": groups})
        return float(fit.cov_params()[0, 0])

    one_way = peer(r), peer(p)
    assert value(found, "by_rater") == pytest.approx(one_way[0], rel=1e-9, abs=1e-15)
    assert value(found, "by_prompt") == pytest.approx(one_way[1], rel=1e-9, abs=1e-15)
    both = peer(np.stack([r, p], axis=1))
    assert value(found, "two_way") == pytest.approx(max(both, *one_way), rel=1e-9, abs=1e-15)


def test_several_ratings_in_a_cell() -> None:
    rng = np.random.default_rng(0)
    r, p = (np.repeat(each.ravel(), 2) for each in np.indices((5, 6)))
    y = rng.normal(size=60)
    fit = sm.OLS(y, np.ones(60)).fit(cov_type="cluster", cov_kwds={"groups": np.stack([r, p], axis=1)})
    found = block_variances(panel_sums(y, r, p))
    one_way = value(found, "by_rater"), value(found, "by_prompt")
    assert value(found, "two_way") == pytest.approx(max(float(fit.cov_params()[0, 0]), *one_way), rel=1e-9)
    anova = found["anova"]
    assert isinstance(anova, Absent) and "several ratings" in anova.why


def test_scale_and_shift_of_scores() -> None:
    """Scores times c plus d: variances times c squared, on the exact road and on that of any number."""
    rng = np.random.default_rng(1)
    r, p = (each.ravel() for each in np.indices((6, 9)))
    lean = rng.normal(size=6)[r] + rng.normal(size=9)[p]
    y = np.sign(np.round(lean + 0.5 * rng.normal(size=54)))
    plain = block_variances(panel_sums(y, r, p))
    for factor, shift in ((50, 50), (0.5, 0), (np.pi, 1000.0)):
        found = block_variances(panel_sums(factor * y + shift, r, p))
        for method in METHODS:
            assert value(found, method) == pytest.approx(factor**2 * value(plain, method), rel=1e-8), method


def test_names_serve_as_ids_and_order_does_not_matter() -> None:
    rng = np.random.default_rng(2)
    r, p = (each.ravel() for each in np.indices((4, 5)))
    y = rng.integers(-1, 2, size=20)
    order = rng.permutation(20)
    names = np.array([f"r{at}" for at in r])
    assert panel_sums(y[order], names[order], p[order]) == panel_sums(y, r, p)


@pytest.mark.parametrize(
    ("scores", "raters", "prompts"),
    [([], [], []), ([1, 2], [0], [0, 1]), ([float("nan")], [0], [0]), ([float("inf"), 1], [0, 1], [0, 1])],
)
def test_bad_panels_are_refused(scores: list[float], raters: list[int], prompts: list[int]) -> None:
    with pytest.raises(ValueError, match="equally long|finite"):
        panel_sums(scores, raters, prompts)


def test_quantiles() -> None:
    assert quantile(0.95, None) == pytest.approx(1.959963984540054)
    assert quantile(0.95, 5) == pytest.approx(2.5705818366147395)
