"""Planning: golden cases, components against ANOVA and truth, the floor, and the cheapest design by brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from statsmodels.stats.power import NormalIndPower, TTestPower

from benchmarks._coverage_tests import powers
from evaluation.analysis.planning import (
    Components,
    Costs,
    cheapest,
    components_from_pilot,
    detectable,
    floor,
    nested_standard_error,
    power,
    precision_table,
    raters_needed,
    standard_error,
    votes_for_share,
)
from evaluation.analysis.scale import standardised


def test_golden() -> None:
    parts = Components(0.01, 0.02, 0.22)
    assert detectable(standard_error(parts, 25, 200)) == pytest.approx(0.065343634, abs=6e-10)
    assert detectable(standard_error(parts, 100, 200)) == pytest.approx(0.040695376, abs=6e-10)
    assert votes_for_share(0.55) == pytest.approx(782.525955, abs=6e-7)


def test_power_against_statsmodels() -> None:
    wanted = TTestPower().power(0.5, 30, 0.05)
    assert power(0.5, 1 / math.sqrt(30), df=29) == pytest.approx(wanted, abs=1e-9)
    wanted = NormalIndPower(ddof=0).power(0.5, 30, 0.05, ratio=0)
    assert power(0.5, 1 / math.sqrt(30)) == pytest.approx(wanted, abs=1e-9)
    found = detectable(1.0)
    assert found is not None and power(found, 1.0) == pytest.approx(0.8, abs=1e-4)


def test_few_raters_take_the_non_central_t() -> None:
    """Power and effect undo each other, by statsmodels' non-central t; normal quantiles promise too much."""
    for df in (2, 4, 6, 24):
        effect = detectable(1 / math.sqrt(df + 1), df=df)
        assert effect is not None
        assert TTestPower().power(effect, df + 1, 0.05) == pytest.approx(0.8, abs=1e-6)
        normal = detectable(1 / math.sqrt(df + 1))
        assert normal is not None and normal < effect
    assert detectable(1.0, alpha=0.9, power=0.5, df=3) == 0.0
    on_logits, plain = detectable(0.065, df=2, ends=(-1.0, 1.0)), detectable(0.065, df=2)
    assert on_logits is not None and plain is not None and plain < on_logits < 1.2 * plain
    assert detectable(0.3, df=2, ends=(-1.0, 1.0)) is None, "no net share is so large"
    assert power(8.0, 1.0, df=1) > 0, "where the far tail cannot be told from zero"


def test_the_fewest_raters_that_reach_the_power() -> None:
    parts = Components(0.01, 0.02, 0.22)
    found = raters_needed(parts, 0.1, 200)
    assert found == 12

    def reached(raters: int) -> float:
        shift = standardised(0.1, standard_error(parts, raters, 200), 0.0)
        return power(shift, 1.0, df=raters - 1)

    assert reached(found) >= 0.8 > reached(found - 1)
    assert raters_needed(parts, 0.02, 20) is None, "below the floor"
    assert raters_needed(Components(0.0, 0.0, 0.0), 0.1, 5) == 2
    with pytest.raises(ValueError, match="two prompts"):
        raters_needed(parts, 0.1, 1)
    with pytest.raises(ValueError, match="zero"):
        raters_needed(parts, 0.0, 10)


def test_a_plan_keeps_its_promise() -> None:
    """The default test finds what is called detectable with 80 %; 150 studies of each design."""
    rows = [line.split("|") for line in powers(150, 1)[2:]]
    found = {row[1].strip(): (float(row[3]), float(row[5])) for row in rows}
    assert all(own > 80 - 10 for own, _ in found.values()), found
    assert found["3 x 100"][1] < 50 and found["5 x 200"][1] < 70, "what the textbook's quantiles promise"


def test_components_of_a_complete_panel_are_anova() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(-1, 2, size=(5, 8)).astype(float)
    r, p = np.indices(y.shape)
    found = components_from_pilot(y.ravel(), r.ravel(), p.ravel())
    rows, columns, m = y.mean(axis=1), y.mean(axis=0), y.mean()
    ms_r, ms_p = 8 * ((rows - m) ** 2).sum() / 4, 5 * ((columns - m) ** 2).sum() / 7
    ms_e = ((y - rows[:, None] - columns + m) ** 2).sum() / 28
    assert found.raw == pytest.approx(((ms_r - ms_e) / 8, (ms_p - ms_e) / 5, ms_e))


def test_components_of_sparse_panels_are_unbiased() -> None:
    rng, found = np.random.default_rng(1), []
    for _ in range(400):
        y = rng.normal(0, 0.5, size=(10, 1)) + rng.normal(0, 0.8, size=12) + rng.normal(size=(10, 12))
        keep = rng.random(y.shape) < 0.5
        r, p = np.nonzero(keep)
        found.append(components_from_pilot(y[keep], r, p).raw)
    mean, error = np.mean(found, axis=0), np.std(found, axis=0) / 20
    assert (np.abs(mean - [0.25, 0.64, 1.0]) < 4 * error).all()
    with pytest.raises(ValueError, match="two raters"):
        components_from_pilot([1, 0], [0, 0], [0, 1])


def test_images_are_told_from_prompts_where_prompts_have_several_sets() -> None:
    rng, found = np.random.default_rng(2), []
    r, p = (each.ravel() for each in np.indices((12, 15)))
    for at in range(400):
        shown = rng.integers(3, size=len(r))  # each rater sees one of three sets of each prompt
        effects = rng.normal(0, 0.5, 12)[r] + rng.normal(0, 0.8, 15)[p] + rng.normal(0, 0.6, (15, 3))[p, shown]
        keep = rng.random(len(r)) < (1.0 if at % 2 else 0.6)
        y = (effects + rng.normal(size=len(r)))[keep]
        found.append(components_from_pilot(y, r[keep], p[keep], shown[keep]).raw)
    mean, error = np.mean(found, axis=0), np.std(found, axis=0) / 20
    assert (np.abs(mean - [0.25, 0.64, 1.0, 0.36]) < 4 * error).all()


def test_components_with_images_by_pairs() -> None:
    """Each kind of pair by loops, with raters who saw two sets of a prompt."""
    rng = np.random.default_rng(3)
    n = 60
    r, p, i = rng.integers(5, size=n), rng.integers(4, size=n), rng.integers(2, size=n)
    y = rng.integers(-1, 2, size=n).astype(float)
    kinds: dict[str, list[float]] = {"apart": [], "rater": [], "same": [], "different": []}
    for j in range(n):
        for k in range(n):
            half = (y[j] - y[k]) ** 2 / 2
            if r[j] != r[k]:
                kinds["apart" if p[j] != p[k] else "same" if i[j] == i[k] else "different"].append(half)
            elif p[j] != p[k]:
                kinds["rater"].append(half)
    apart, one, same, different = (float(np.mean(each)) for each in kinds.values())
    wanted = (apart - one, apart - different, one + same - apart, different - same)
    assert components_from_pilot(y, r, p, i).raw == pytest.approx(wanted)


def test_one_image_set_a_prompt_cannot_tell_images() -> None:
    r, p = (each.ravel() for each in np.indices((4, 5)))
    y = np.arange(20.0) % 3
    with pytest.raises(ValueError, match="leave images out"):
        components_from_pilot(y, r, p, np.zeros(20))
    with pytest.raises(ValueError, match="equally long"):
        components_from_pilot(y, r, p, np.zeros(3))


def test_more_raters_cannot_pass_the_floor() -> None:
    parts = Components(0.05, 0.1, 0.5)
    assert 1.959963985 * standard_error(parts, 10**7, 50) == pytest.approx(floor(parts, 50), rel=1e-3)
    assert all(1.96 * standard_error(parts, n, 50) > floor(parts, 50) for n in (2, 50, 5000))
    with_samples = Components(0.05, 0.1, 0.5, images=0.1)
    assert floor(with_samples, 50, samples=8) < floor(with_samples, 50)


def test_nested_design_is_the_sum_over_categories() -> None:
    parts = Components(0.05, 0.1, 0.5)
    assert nested_standard_error(parts, 25, [200]) == pytest.approx(standard_error(parts, 25, 200))
    alike = nested_standard_error(parts, 25, [20] * 10)
    assert alike == pytest.approx(standard_error(parts, 25, 20) / math.sqrt(10))


def test_cheapest_by_brute_force() -> None:
    from scipy import stats

    parts, price = Components(0.03, 0.05, 0.3, images=0.04), Costs(1, 4, 2, 3)
    found = cheapest(parts, 0.15, price, max_raters=40, max_prompts=60, max_samples=3)
    assert found is not None and found.half_width <= 0.15
    costs = [
        r * p + 4 * r + (2 + 3 * s) * p
        for s in (1, 2, 3)
        for r in range(2, 41)
        for p in range(2, 61)
        if stats.t.ppf(0.975, min(r, p) - 1) * standard_error(parts, r, p, s) <= 0.15
    ]
    assert found.cost == min(costs)
    assert cheapest(parts, 0.001, price, max_raters=10, max_prompts=10) is None


def test_precision_table_and_bad_input() -> None:
    table = precision_table(Components(0.01, 0.02, 0.22), [1, 25], [200])
    assert table["half_width"].isna().tolist() == [True, False]
    with pytest.raises(ValueError, match="rest"):
        Components(0.1, 0.1, float("nan"))
    with pytest.raises(ValueError, match="different shares"):
        votes_for_share(0.5)
    with pytest.raises(ValueError, match="rater"):
        standard_error(Components(0, 0, 1), 0, 5)
