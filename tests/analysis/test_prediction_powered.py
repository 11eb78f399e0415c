"""Prediction-powered rates: hand-solved cases, the house's classical interval, no bias by enumeration, the peer."""

from __future__ import annotations

import dataclasses
import json
import math
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.analysis import RatingsError, analyse
from evaluation.analysis.crossed import Variance, block_variances, panel_sums
from evaluation.analysis.estimands import POWERED_ESTIMANDS
from evaluation.analysis.estimates import Interval
from evaluation.analysis.powered_mean import (
    RatedSuite,
    fit_predictor,
    given_predictor,
    no_predictor,
    powered_mean,
    standard_scores,
)
from evaluation.analysis.powered_results import PoweredInterval
from evaluation.analysis.prediction_powered import prediction_powered
from evaluation.analysis.simulate import CrowdSpec, Design, simulate_ratings

Float = npt.NDArray[np.float64]


def suite_of(
    table: Float, scores: Float, rated: npt.NDArray[np.int64], stratum: npt.NDArray[np.int64] | None = None
) -> RatedSuite:
    """All raters of ``table``, (raters, N), on the ``rated`` prompts."""
    n = table.shape[1]
    strata = np.zeros(n, dtype=np.int64) if stratum is None else stratum
    unrated = np.setdiff1d(np.arange(n), rated)
    rater, prompt = (each.ravel() for each in np.indices((len(table), len(rated))))
    y = table[:, rated].ravel()
    return RatedSuite(y, rater, prompt, strata[rated], strata[unrated], scores[rated], scores[unrated])


def random_table(seed: int, raters: int = 4, prompts: int = 12, metrics: int = 1) -> tuple[Float, Float]:
    rng = np.random.default_rng(seed)
    effect = rng.normal(size=prompts)
    u = effect + 0.5 * rng.normal(size=(raters, 1)) + rng.normal(size=(raters, prompts))
    return np.sign(np.where(np.abs(u) < 0.4, 0, u)), effect[:, None] + rng.normal(size=(prompts, metrics))


def test_hand_solved() -> None:
    """Two raters, rated prompts 0 and 1 of four, predictions f = (.5, -.5, 1, 0), lambda 1.

    phi = .5 / (.5 + 1/2) = .5; mean of f over the unrated .5; deviations (0, -1). Mean rating of the prompts: 1 and
    -.5; estimate ((1 - 0) + (-.5 + .5)) / 2 = .5. New prompts: z of the cells 1, 1; 0.5, -.5 (prompt 1: ratings 0 and
    -1 plus .5), mean .5, residuals / 4: .125, .125; 0, -.25. By rater: sums .125, -.125, CR1 2 (2 / 64) = .0625. By
    prompt: .25, -.25, CR1 2 (2 / 16) = .25. Cells: 4/3 (1/64 + 1/64 + 0 + 4/64) = .125. Two-way max(.0625 + .25 -
    .125, .25) = .25. f's variance over the four prompts: .4166..; extra phi^2 * .41667 / 2 = .0520833.
    """
    table = np.array([[1.0, 0.0, 0, 0], [1.0, -1.0, 0, 0]])
    suite = suite_of(table, np.zeros((4, 1)), np.array([0, 1]))
    found = powered_mean(suite, given_predictor(suite, np.array([0.5, -0.5]), np.array([1.0, 0.0]), 1.0))
    assert found.estimate == pytest.approx(0.5)
    assert found.new_prompts.variance == pytest.approx(0.25 + 0.25 * (1.25 / 3) / 2)
    assert found.new_prompts.df == 1
    # These prompts: z = y - (0, -1) on the scale of lambda: 1, 1; 1, 0. Residuals / 4: .0625, .0625; .0625, -.1875. By
    # rater: .125, -.125 -> .0625; by prompt: .125, -.125 -> .0625; cells 4/3 (3/256 + 9/256) = .0625. Finite: 1 - 2/4.
    # .0625 + .5 max(.0625 - .0625, 0, .0625 - .0625) = .0625.
    assert found.these_prompts.variance == pytest.approx(0.0625)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("keep", [1.0, 0.7])
def test_without_predictions_it_is_the_classical_interval(seed: int, keep: float) -> None:
    """lambda = 0 in one stratum: estimate, standard error, degrees of freedom of `analyse`, and both one-way bounds."""
    rng = np.random.default_rng(seed)
    ratings = simulate_ratings(Design(6, {"c": 15}, share_rated=keep), CrowdSpec(), 0.4, rng)
    wanted = analyse(ratings).comparisons[0].overall.net
    scores = pd.DataFrame(
        [(f"c-{n:03d}", g, 0, "flat", 1.0) for n in range(40) for g in "xy"],
        columns=["prompt_id", "generator", "sample", "metric", "value"],
    )
    found = prediction_powered(ratings, scores).comparisons[0].overall
    assert found.powered is not None and found.classical is not None and found.power == 0
    assert found.powered.estimate == pytest.approx(wanted.estimate, abs=1e-12)
    own, house = found.powered.intervals["new_prompts"].two_way, wanted.intervals["two_way"]
    assert isinstance(own, Interval) and isinstance(house, Interval)
    assert own.df == house.df
    assert [own.se, own.low, own.high] == pytest.approx([house.se, house.low, house.high], abs=1e-9)
    # These prompts lie between `by_rater`, as if all were rated, and `two_way`, as if the suite had no end.
    by_rater, these = wanted.intervals["by_rater"], found.powered.intervals["these_prompts"].two_way
    assert isinstance(by_rater, Interval) and isinstance(these, Interval)
    counts = ratings.groupby("prompt_id").size().to_numpy()
    k = 1 - counts.sum() ** 2 / (counts**2).sum() / 40
    assert these.se**2 == pytest.approx((1 - k) * by_rater.se**2 + k * house.se**2, rel=1e-9)


def test_all_prompts_rated_leaves_nothing_to_predict() -> None:
    table, scores = random_table(1)
    suite = suite_of(table, scores, np.arange(12))
    found = powered_mean(suite, fit_predictor(suite))
    plain = powered_mean(suite, no_predictor(suite))
    assert found == dataclasses.replace(plain, strata=found.strata)
    by_rater = block_variances(panel_sums(suite.y, suite.rater, suite.prompt))["by_rater"]
    assert isinstance(by_rater, Variance)
    assert found.these_prompts.variance == pytest.approx(by_rater.value)
    assert found.these_prompts.df == by_rater.df == 3


@pytest.mark.parametrize("metrics", [1, 3])
def test_no_bias_over_all_draws(metrics: int) -> None:
    """Every way to rate 5 of 9 prompts: the mean of the estimates is the mean over all nine, whatever scores say."""
    table, scores = random_table(5, raters=3, prompts=9, metrics=metrics)
    found = [
        powered_mean(suite, fit_predictor(suite)).estimate
        for suite in (suite_of(table, scores, np.array(rated)) for rated in combinations(range(9), 5))
    ]
    assert len({round(each, 9) for each in found}) > 50
    assert np.mean(found) == pytest.approx(table.mean(), abs=1e-12)


def test_no_bias_with_strata() -> None:
    table, scores = random_table(6, raters=2, prompts=9)
    stratum = np.repeat([0, 1], [4, 5])
    draws = [(*one, *other) for one in combinations(range(4), 2) for other in combinations(range(4, 9), 3)]
    suites = [suite_of(table, scores, np.array(rated), stratum) for rated in draws]
    found = [powered_mean(suite, fit_predictor(suite)).estimate for suite in suites]
    assert np.mean(found) == pytest.approx(table.mean(), abs=1e-12)


def test_perfect_predictions_leave_only_the_raters() -> None:
    """The score is the prompts' own net share: of the finite suite nothing but the raters' part stays."""
    rng = np.random.default_rng(2)
    mean = rng.choice([-1.0, 0.0, 1.0], size=200)
    table = np.tile(mean, (4, 1))
    rated = np.sort(rng.choice(200, 40, replace=False))
    suite = suite_of(table, mean[:, None], rated)
    others = np.setdiff1d(np.arange(200), rated)
    found = powered_mean(suite, given_predictor(suite, mean[rated], mean[others], 1.0))
    plain = powered_mean(suite, no_predictor(suite))
    assert found.these_prompts.variance == pytest.approx(0, abs=1e-12)
    assert plain.these_prompts.variance > 0.01
    fitted = powered_mean(suite, fit_predictor(suite))
    assert fitted.these_prompts.variance < 0.02 * plain.these_prompts.variance
    assert fitted.estimate == pytest.approx(mean.mean(), abs=0.02)


def test_useless_scores_are_left_alone() -> None:
    rng = np.random.default_rng(3)
    ratios, powers = [], []
    for seed in range(60):
        table, _ = random_table(seed, raters=8, prompts=120)
        suite = suite_of(table, rng.normal(size=(120, 1)), np.arange(30))
        predictor = fit_predictor(suite)
        powers.append(predictor.power)
        ratio = powered_mean(suite, predictor).new_prompts.variance
        ratios.append(ratio / powered_mean(suite, no_predictor(suite)).new_prompts.variance)
    assert np.mean(np.array(powers) == 0) > 0.5
    assert np.mean(ratios) < 1.03 and max(ratios) < 1.25


def test_the_peer() -> None:
    """ppi-python 0.2.3's mean, point and interval, written out: one rating a prompt, predictions given beforehand.

    Its interval takes variances with divisor n and the normal quantile; ours n - 1 and t.
    """
    rng = np.random.default_rng(7)
    n, unrated = 30, 100
    truth = rng.normal(size=n + unrated)
    y = np.sign(truth[:n] + rng.normal(size=n))
    f = np.tanh(truth + 0.5 * rng.normal(size=n + unrated))
    at = np.arange(n)
    strata = np.zeros(n, dtype=np.int64), np.zeros(unrated, dtype=np.int64)
    suite = RatedSuite(y, at, at, *strata, np.zeros((n, 1)), np.zeros((unrated, 1)))
    for power in (0.0, 0.3, 1.0):  # our lambda is before phi = 1 - n / N, the peer's after
        lam = power * unrated / (n + unrated)
        point = (lam * f[n:]).mean() + (y - lam * f[:n]).mean()
        found = powered_mean(suite, given_predictor(suite, f[:n], f[n:], power))
        assert found.estimate == pytest.approx(point, abs=1e-12)
        peer = (lam * f[n:]).var() / unrated + (y - lam * f[:n]).var() / n
        assert found.new_prompts.variance == pytest.approx(peer, rel=0.05)
        rectifier = (y - lam * f[:n]).var(ddof=1) / n
        assert found.new_prompts.variance == pytest.approx(rectifier + lam**2 * f.var(ddof=1) / unrated, rel=1e-9)


def test_the_fit_is_the_ridge_logistic_optimum() -> None:
    """The coefficients of the fit to all prompts have a zero gradient, and each held-out fit is the fit without it."""
    table, scores = random_table(11, raters=5, prompts=40, metrics=2)
    suite = suite_of(table, scores, np.arange(15))
    whole = fit_predictor(suite)
    x, _ = standard_scores(suite)
    share = (1 + table[:, :15].mean(axis=0)) / 2
    odds = (share.sum() + 0.5) / (15 + 1)
    p = 1 / (1 + np.exp(-(math.log(odds / (1 - odds)) + x @ whole.coefficients)))
    assert x.T @ (share - p) - whole.coefficients == pytest.approx(np.zeros(2), abs=1e-7)
    swapped = table.copy()
    swapped[:, 3] = -swapped[:, 3]  # what people say of prompt 3 does not enter its own prediction
    other = fit_predictor(suite_of(swapped, scores, np.arange(15)))
    assert other.deviation[3] == pytest.approx(whole.deviation[3], abs=1e-12)
    assert not np.allclose(np.delete(other.deviation, 3), np.delete(whole.deviation, 3))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(1e-3, 1e3), st.floats(-1e3, 1e3))
def test_properties(seed: int, scale: float, shift: float) -> None:
    """Turning A and B round turns the sign; scale, shift and direction of a score do not count."""
    table, scores = random_table(seed, raters=4, prompts=30, metrics=2)
    rated = np.arange(0, 30, 3)
    suite = suite_of(table, scores, rated)
    found = powered_mean(suite, fit_predictor(suite))
    turned = suite_of(-table, -scores, rated)
    reverse = powered_mean(turned, fit_predictor(turned))
    assert reverse.estimate == pytest.approx(-found.estimate, abs=1e-7)
    assert reverse.new_prompts.variance == pytest.approx(found.new_prompts.variance, abs=1e-7)
    moved = suite_of(table, np.stack([scores[:, 0] * scale + shift, -scores[:, 1]], axis=1), rated)
    same = powered_mean(moved, fit_predictor(moved))
    assert same.estimate == pytest.approx(found.estimate, abs=1e-7)
    assert same.these_prompts.variance == pytest.approx(found.these_prompts.variance, abs=1e-7)


def made(seed: int = 0, nested: bool = False) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ratings of the first prompts of two categories of 60 and 30, and two scores of all, one of them good."""
    rng = np.random.default_rng(seed)
    ratings = simulate_ratings(Design(6, {"c": 20, "d": 12}, nested=nested), CrowdSpec(0.3, 1.0), 0.4, rng)
    y = ratings["choice"].map({"a": 1, "indifferent": 0, "b": -1})
    net = y.groupby(ratings["prompt_id"]).mean()
    rows = []
    for category, n in (("c", 60), ("d", 30)):
        for number in range(n):
            prompt = f"{category}-{number:03d}"
            lean = net.get(prompt, rng.normal(0.2, 0.6))
            rows.append((prompt, category, "x", 0, "good", lean + 0.3 * rng.normal(), "higher"))
            rows.append((prompt, category, "x", 0, "noise", rng.normal(), "lower"))
            rows += [
                (prompt, category, "y", 0, "good", 0.0, "higher"),
                (prompt, category, "y", 0, "noise", 0.0, "lower"),
            ]
    columns = ["prompt_id", "category", "generator", "sample", "metric", "value", "better"]
    return ratings, pd.DataFrame(rows, columns=columns)


@pytest.mark.parametrize("nested", [False, True])
def test_document(nested: bool) -> None:
    ratings, scores = made(nested=nested)
    found = prediction_powered(ratings, scores)
    told = json.loads(found.to_json())
    overall, c, d = told["comparisons"][0]["overall"], *(told["comparisons"][0]["categories"][name] for name in "cd")
    assert (overall["n_rated"], overall["n_prompts"]) == (32, 90)
    weighted = (60 * c["powered"]["estimate"] + 30 * d["powered"]["estimate"]) / 90
    assert overall["powered"]["estimate"] == pytest.approx(weighted)
    assert overall["width_ratio"]["new_prompts"] < 0.95
    widths = [overall["powered"]["intervals"][name]["satterthwaite"] for name in ("these_prompts", "new_prompts")]
    assert widths[0]["se"] < widths[1]["se"]  # a third of the suite's prompts are known already
    assert (
        told["assumption"] and set(told["estimands"]) == set(POWERED_ESTIMANDS) and told["n_simulated"] == len(ratings)
    )
    assert len(found.to_frame()) == 6 and "<table" in found._repr_html_()
    shuffled = prediction_powered(ratings.sample(frac=1, random_state=1), scores.sample(frac=1, random_state=2))
    assert shuffled.to_json() == found.to_json()


def test_rated_prompts_that_were_chosen_are_named() -> None:
    ratings, scores = made(2)
    rated = set(ratings["prompt_id"])
    good = scores["generator"].eq("x") & scores["metric"].eq("good")
    scores.loc[good, "value"] += np.where(scores.loc[good, "prompt_id"].isin(rated), 2.0, 0.0)
    comparison = prediction_powered(ratings, scores).comparisons[0]
    assert any("differ in good by more than chance" in note for note in comparison.notes)
    assert not prediction_powered(ratings, scores, metrics=["noise"]).comparisons[0].notes


def test_small_categories_are_taken_together() -> None:
    ratings, scores = made(3)
    few = ratings[ratings["prompt_id"].isin({f"c-{n:03d}" for n in range(15)} | {"d-000"})]
    comparison = prediction_powered(few, scores).comparisons[0]
    assert any("c, d have too few rated prompts" in note for note in comparison.notes)
    assert comparison.categories == () and comparison.overall.powered is not None
    none = ratings[ratings["category"] == "c"]  # nothing of category d was rated: the claim is about the whole suite
    assert any("c, d have too few" in note for note in prediction_powered(none, scores).comparisons[0].notes)


def test_scores_of_rated_prompts_only() -> None:
    ratings, scores = made(4)
    only = scores[scores["prompt_id"].isin(set(ratings["prompt_id"]))]
    comparison = prediction_powered(ratings, only).comparisons[0]
    assert "nothing left for scores to predict" in comparison.notes[0]
    assert comparison.overall.powered == comparison.overall.classical
    short = scores[~scores["prompt_id"].isin({"c-000", "c-001"})]
    comparison = prediction_powered(ratings, short).comparisons[0]
    assert "2 rated prompts have no score: 12 ratings are left out." in comparison.notes
    assert comparison.overall.n_rated == 30


def test_a_handful_of_prompts_teaches_nothing() -> None:
    ratings, scores = made(6)
    scores = scores.drop(columns="category")
    for number, learns in ((7, False), (8, True)):
        few = ratings[ratings["prompt_id"].isin([f"c-{n:03d}" for n in range(number)])]
        comparison = prediction_powered(few, scores).comparisons[0]
        assert any("too few to learn" in note for note in comparison.notes) is not learns
        assert (comparison.overall.power > 0) is learns
        if not learns:
            assert comparison.overall.powered == comparison.overall.classical


def test_two_raters_keep_their_one_degree_of_freedom() -> None:
    table, scores = random_table(8, raters=2, prompts=60)
    suite = suite_of(table, scores, np.arange(20))
    found = powered_mean(suite, no_predictor(suite)).new_prompts
    assert found.df == found.satterthwaite == 1


def test_what_cannot_be_had_says_why() -> None:
    ratings, scores = made(5)
    one = prediction_powered(ratings[ratings["rater_id"] == ratings["rater_id"].iloc[0]], scores).comparisons[0].overall
    assert one.powered is not None and one.powered.interval("new_prompts") is None
    told = one.powered.intervals["new_prompts"]
    assert isinstance(told, PoweredInterval) and "a single rater" in str(told.to_dict()["why"])
    alike = prediction_powered(ratings.assign(choice="a"), scores).comparisons[0].overall
    assert alike.powered is not None and alike.powered.estimate == 1 and alike.width_ratio("new_prompts") is None
    json.loads(prediction_powered(ratings.assign(choice="a"), scores).to_json())
    single = prediction_powered(ratings[ratings["prompt_id"] == "c-000"], scores).comparisons[0].overall
    assert single.powered is not None and "a single rated prompt" in str(single.powered.to_dict())


def test_bad_input_is_named() -> None:
    ratings, scores = made()
    with pytest.raises(ValueError, match="'goood'; did you mean \"good\".*good, noise"):
        prediction_powered(ratings, scores, metrics=["goood"])
    with pytest.raises(ValueError, match="at least one"):
        prediction_powered(ratings, scores, metrics=[])
    with pytest.raises(RatingsError, match="has category 'c' in the ratings and 'd' in the scores"):
        prediction_powered(ratings, scores.assign(category="d"))
    with pytest.raises(ValueError, match="confidence level"):
        prediction_powered(ratings, scores, level=95)
    without = prediction_powered(ratings, scores.drop(columns="category")).comparisons[0]
    assert any("name no categories" in note for note in without.notes) and without.categories == ()


def test_many_rated_prompts_are_held_out_in_groups() -> None:
    table, scores = random_table(9, raters=3, prompts=400)
    suite = suite_of(table, scores, np.arange(150))
    first, again, other = (fit_predictor(suite, seed) for seed in (0, 0, 1))
    assert np.array_equal(first.deviation, again.deviation) and not np.array_equal(first.deviation, other.deviation)
    estimates = [powered_mean(suite, each).estimate for each in (first, other)]
    assert estimates[0] == pytest.approx(estimates[1], abs=0.01)
