"""The default interval: its traces by brute force, its form against ANOVA and a hand-solved case, and its rules."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from benchmarks._untidy_designs import Untidy, by_rank, crossed, designs, loads, nested, shared
from benchmarks.intervals import LEAST, Outcome, Result, mark, simulate
from evaluation.analysis.cautions import effective_number, is_too_wide
from evaluation.analysis.classic import two_sided_p
from evaluation.analysis.crossed import Variance, block_variances, panel_sums
from evaluation.analysis.effective import Pieces, Sums, as_table, not_negative, pieces, why_not
from evaluation.analysis.effective_design import EffectiveDesign, Side, is_nested, traces
from evaluation.analysis.scale import bounds, standardised

Float = npt.NDArray[np.float64]


def made(rater: Any, prompt: Any, category: Any, scores: Float) -> tuple[EffectiveDesign, Pieces]:
    r, p, c = (np.asarray(each) for each in (rater, prompt, category))
    n_raters, n_prompts, k = (int(each.max()) + 1 for each in (r, p, c))
    ones = np.ones((len(r), 1))
    sizes = [as_table(unit, n, c, k, ones)[:, :, 0] for unit, n in ((r, n_raters), (p, n_prompts))]
    y = scores[:, None]
    totals = as_table(r, n_raters, c, k, y), as_table(p, n_prompts, c, k, y)
    summed = np.bincount(c, weights=scores**2, minlength=k)[:, None]
    squares = np.asarray(summed, dtype=np.float64)  # they are; numpy's types say whole numbers
    design = EffectiveDesign.of(*sizes)
    return design, pieces(design, sizes[0], sizes[1], Sums(*totals, squares))[0]


def test_traces_by_brute_force() -> None:
    """With every cell filled the constants are exact: tr(AK) and tr(AKAK) of matrices over all ratings."""
    rng = np.random.default_rng(0)
    category_of = np.array([0, 0, 1, 1, 1, 2, 2])
    rater, prompt = (each.ravel() for each in np.indices((4, 7)))
    category = category_of[prompt]
    n = np.bincount(category).astype(float)
    of_rater, of_prompt = np.eye(4)[rater], np.eye(7)[prompt]
    centre = np.eye(28) - sum(np.outer(category == at, category == at) / n[at] for at in range(3))
    on_raters, on_prompts, rest = rng.normal(size=4), rng.normal(size=7), float(rng.normal())
    middle = of_rater @ np.diag(on_raters) @ of_rater.T + of_prompt @ np.diag(on_prompts) @ of_prompt.T
    a = centre @ (middle + rest * np.eye(28)) @ centre
    kernels = of_rater @ of_rater.T, of_prompt @ of_prompt.T, np.eye(28)
    sizes = [as_table(unit, count, category, 3, np.ones((28, 1)))[:, :, 0] for unit, count in ((rater, 4), (prompt, 7))]
    sides = Side.of(sizes[0], sizes[1], n), Side.of(sizes[1], sizes[0], n)
    expected, spread = traces(sides, (on_raters, on_prompts), rest, 28 - 3)
    assert expected == pytest.approx([np.trace(a @ k) for k in kernels])
    wanted = [[np.trace(a @ one @ a @ other) for other in kernels] for one in kernels]
    assert spread == pytest.approx(np.array(wanted), abs=1e-9)


def facts_panel() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Float]:
    """The golden panel of 6 raters x 12 prompts (``test_golden``)."""
    r, p = (each.ravel() for each in np.indices((6, 12)))
    v = ((37 * r + 17 * p + 11 * r * p) % 23) + 3 * (p % 5) - 4 * (r % 3)
    return r, p, np.where(v >= 12, 1.0, np.where(v >= 9, 0.5, 0.0))


def test_a_complete_panel_has_anovas_variance() -> None:
    r, p, y = facts_panel()
    _, found = made(r, p, np.zeros_like(r), y)
    anova = block_variances(panel_sums(y, r, p))["anova"]
    assert isinstance(anova, Variance)
    assert found.both.value == pytest.approx(anova.value, rel=1e-9)
    assert math.sqrt(found.both.value) == pytest.approx(0.080136493, abs=5e-9)
    assert found.both.df == pytest.approx(5.455298931, rel=1e-6)  # Satterthwaite's, where no component is negative


def test_one_way_parts_are_those_of_crossed() -> None:
    rng = np.random.default_rng(1)
    keep = rng.random(60) < 0.7
    r, p = (np.unique(each.ravel()[keep], return_inverse=True)[1] for each in np.indices((5, 12)))
    y = rng.integers(-1, 2, size=keep.sum()).astype(float)
    _, found = made(r, p, np.zeros_like(r), y)
    wanted = block_variances(panel_sums(y, r, p))
    for own, name in ((found.raters, "by_rater"), (found.prompts, "by_prompt")):
        one_way = wanted[name]
        assert isinstance(one_way, Variance) and own.value == pytest.approx(one_way.value) and own.df == one_way.df


def test_hand_solved() -> None:
    """Two raters by two prompts, answers 1, 1, 1, -1. MS: raters 1, prompts 1, residual 1; (1 + 1 - 1) / 4 = .25, and
    no rater's or prompt's variance is left: df = 1^2 / (1 + 1 + 1) = 1/3. One-way by rater: totals of the residuals 1
    and -1, so 2 (1 + 1) / 16 = .25 with one degree of freedom.
    """
    r, p = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    _, found = made(r, p, np.zeros_like(r), np.array([1.0, 1.0, 1.0, -1.0]))
    assert found.both.value == pytest.approx(0.25) and found.both.df == pytest.approx(1 / 3)
    for each in (found.raters, found.prompts):
        assert each.value == pytest.approx(0.25) and each.df == 1.0


def test_variances_fitted_are_never_negative() -> None:
    moments = np.array([[4.0, 0.0, 2.0], [0.0, 4.0, 2.0], [2.0, 2.0, 9.0]])
    assert not_negative(moments, moments @ [0.5, 0.25, 1.0]) == pytest.approx([0.5, 0.25, 1.0])
    refitted = not_negative(moments, moments @ [-0.5, 0.25, 1.0])
    assert refitted[0] == 0 and (refitted >= 0).all()
    many = np.stack([moments @ each for each in ([0.5, 0.25, 1.0], [-0.5, 0.25, 1.0], [-0.5, -0.3, 1.0])], axis=1)
    for at in range(3):
        assert not_negative(moments, many)[:, at] == pytest.approx(not_negative(moments, many[:, at]))
    assert not_negative(moments, many)[:2, 2].tolist() == [0, 0]
    assert refitted[1:] == pytest.approx(np.linalg.solve(moments[1:, 1:], (moments @ [-0.5, 0.25, 1.0])[1:]))


def test_the_form_is_unbiased_whatever_the_loads() -> None:
    """The mean of V over many draws of normal effects is the variance of the mean, with very unequal loads."""
    rng = np.random.default_rng(2)
    own = loads(by_rank(12, 1.2, 60), 60, rng)
    s = (0.3, 0.2, 1.0)
    ones = np.ones((len(own.rater), 1))
    sizes = [as_table(unit, unit.max() + 1, own.category, 1, ones)[:, :, 0] for unit in (own.rater, own.prompt)]
    draws = 4000
    effects = [math.sqrt(v) * rng.normal(size=(draws, len(size))) for v, size in zip(s, sizes, strict=False)]
    y = effects[0][:, own.rater] + effects[1][:, own.prompt] + rng.normal(size=(draws, len(own.rater)))
    design = EffectiveDesign.of(*sizes)
    panel = design.panels[0]
    assert panel.form is not None
    rest = y - y.mean(axis=1, keepdims=True)
    by_unit = [as_table(unit, unit.max() + 1, own.category, 1, rest.T)[:, 0] for unit in (own.rater, own.prompt)]
    seen = [panel.even_raters @ by_unit[0] ** 2, panel.even_prompts @ by_unit[1] ** 2, (rest**2).sum(axis=1)]
    value = panel.form @ np.stack(seen)
    truth = float(panel.load @ s)
    assert y.mean(axis=1).var() == pytest.approx(truth, rel=0.08)
    assert value.mean() == pytest.approx(truth, rel=4 * value.std() / math.sqrt(draws) / truth)


def test_logit_scale() -> None:
    low, high = bounds(0.9, 0.05, 10, 0.95, (-1.0, 1.0))
    assert -1 < low < 0.9 < high < 1 and 0.9 - low > high - 0.9
    back = -np.array(bounds(-0.9, 0.05, 10, 0.95, (-1.0, 1.0)))[::-1]
    assert back == pytest.approx([low, high])
    assert bounds(0.5, 0.1, None, 0.95, None) == pytest.approx((0.5 - 1.959963985 * 0.1, 0.5 + 1.959963985 * 0.1))
    # The p-value of a value at a bound is 5 %.
    for value in (low, high):
        assert two_sided_p(standardised(0.9, 0.05, value), 1.0, 10) == pytest.approx(0.05)
    share_low, share_high = bounds(0.95, 0.025, 10, 0.95, (0.0, 1.0))
    assert (2 * share_low - 1, 2 * share_high - 1) == pytest.approx((low, high))


@pytest.mark.parametrize(
    ("sizes", "wanted"),
    [
        ([[5, 0], [5, 0], [0, 5], [0, 5]], True),
        ([[500, 1], [500, 0], [0, 500]], True),  # one stray rating
        ([[5, 0, 1], [5, 0, 0], [0, 5, 0], [0, 5, 0]], True),  # in a category of its own
        ([[190, 10], [190, 10]], False),  # shared raters, one large category
        ([[5, 5], [5, 5]], False),
        ([[5], [5]], False),
    ],
)
def test_where_raters_keep_to_a_category(sizes: list[list[int]], wanted: bool) -> None:
    assert is_nested(sizes) is wanted


def test_prompts_count_within_categories_only_where_there_are_enough() -> None:
    many = shared(4, (1, 1, 1, 1, 1, 2))
    y = np.random.default_rng(0).integers(-1, 2, size=len(many.rater)).astype(float)
    assert not made(many.rater, many.prompt, many.category, y)[0].by_category
    few = shared(4, (3, 4))
    y = np.random.default_rng(0).integers(-1, 2, size=len(few.rater)).astype(float)
    design, found = made(few.rater, few.prompt, few.category, y)
    assert design.by_category and not design.nested
    # What one category has more than another is no noise of prompts.
    apart = made(few.rater, few.prompt, few.category, y + 5.0 * few.category)[1]
    assert apart.both.value == pytest.approx(found.both.value) and apart.prompts.value == pytest.approx(
        found.prompts.value
    )


def test_why_there_is_none() -> None:
    one = nested(1, (9, 9))
    design, _ = made(one.rater, one.prompt, one.category, np.arange(18.0))
    found = why_not(design, ["c", "d"])
    assert found is not None and found.why.startswith("in category 'c', there is only one rater")
    assert why_not(made([0, 0], [0, 1], [0, 0], np.array([1.0, 0.0]))[0], ["c"]) is not None
    alike = made([0, 0, 1, 1], [0, 1, 0, 1], [0, 0, 0, 0], np.ones(4))[1]
    assert alike.widest(0.95) is None


def test_the_widest_piece_counts() -> None:
    found = Pieces(Variance(1.0, 50.0), Variance(0.5, 1.0), Variance(0.4, 9.0))
    widest = found.widest(0.95)
    assert widest == Variance(0.5, 1.0)  # t with one degree of freedom
    assert found.widest(0.3) == Variance(1.0, 50.0)
    assert stats.t.ppf(0.975, 1) * math.sqrt(0.5) > stats.t.ppf(0.975, 50)
    assert stats.t.ppf(0.65, 1) * math.sqrt(0.5) < stats.t.ppf(0.65, 50)


def test_effective_numbers_and_widths() -> None:
    assert effective_number(np.array([4.0, 4.0, 4.0])) == pytest.approx(3)
    assert effective_number(np.array([9.0, 1.0])) == pytest.approx(100 / 82)
    assert is_too_wide(-0.5, 0.6) and not is_too_wide(-0.5, 0.5) and is_too_wide(0.1, 0.7, (0.0, 1.0))


@pytest.mark.parametrize(
    "design",
    [
        Untidy("", "unlike panels", nested(3, (160, 20, 20))),
        Untidy("", "unequal loads", loads(by_rank(40), 200, np.random.default_rng(7))),
        Untidy("", "few raters", crossed(5, 60), 0.0, 0.5),
        Untidy("", "near the end", crossed(25, 20), preference=3.0),
    ],
    ids=lambda design: design.name.replace(" ", "-"),
)
def test_untidy_designs_are_covered(design: Untidy) -> None:
    """600 simulations of each; the former default falls short on the first two."""
    found = simulate(design, 600, np.random.default_rng(11))
    own = found.candidates["effective"]
    assert own.coverage >= LEAST - 2.5 * math.sqrt(0.95 * 0.05 / 600)
    if design.name in ("unlike panels", "unequal loads"):
        assert found.candidates["two_way"].coverage < 0.93 < own.coverage
    if design.name == "few raters":
        assert own.half_width < found.candidates["two_way"].half_width


def test_marks() -> None:
    design = Untidy("", "any", crossed(3, 3))

    def marked(coverage: float, too_wide: float = 0.0) -> str:
        own = Outcome(coverage, 0.0, 1 - coverage, 0.12)
        return mark(Result(design, {"effective": own}, 0.1, too_wide, 2000))

    assert marked(0.95) == "" and marked(0.937) == "" and marked(0.933) == "short"
    assert marked(0.97) == "conservative: 20 % wider than needed"
    assert marked(0.93, too_wide=0.6) == "too wide to draw"


def test_all_designs_are_there() -> None:
    groups = {each.group for each in designs()}
    assert len(designs()) >= 70 and len(groups) == 6
    assert len({each.name for each in designs()}) == len(designs())
