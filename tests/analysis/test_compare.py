"""Differences, equivalence and effects in words."""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from evaluation.analysis import analyse, validate_ratings
from evaluation.analysis.compare import Selection, differences, effect_in_words, equivalence
from evaluation.analysis.simulate import CrowdSpec, Design, choice_probabilities, simulate_ratings

SPEC = CrowdSpec(rater_sd=0.5, prompt_sd=0.5)


def crowd(seed: int, design: Design, preferences: dict[tuple[str, str], float]) -> pd.DataFrame:
    return validate_ratings(simulate_ratings(design, SPEC, preferences, np.random.default_rng(seed)))


def test_difference_of_nested_categories_adds_the_squares_of_their_own_widths() -> None:
    ratings = crowd(1, Design(6, {"c": 5, "d": 7}, nested=True), {("x", "y"): 0.4})
    one, other = (Selection("x", "y", "alignment", name) for name in ("c", "d"))
    found = differences(ratings, [(one, other)])[0]
    rates = analyse(ratings).comparisons[0].categories
    own = [rates[name].net.interval for name in ("c", "d")]
    assert all(each is not None and each.method == "effective" for each in own)
    halves = [(stats.t.ppf(0.975, each.df) * each.se, each.se) for each in own if each is not None]
    assert found.paired == "independent"
    assert found.estimate == pytest.approx(rates["c"].net.estimate - rates["d"].net.estimate)
    assert found.se == pytest.approx(math.hypot(*(se for _, se in halves)))
    assert found.high == pytest.approx(found.estimate + math.hypot(*(half for half, _ in halves)))
    assert (found.p_value or 0) < 0.05 or (found.low or 0) <= 0 <= (found.high or 0)


def test_difference_of_two_rivals_by_brute_force() -> None:
    """The same panel judged both pairs: the difference is that of each cell's two answers."""
    ratings = crowd(1, Design(7, {"c": 6}), {("x", "y"): 0.8, ("x", "z"): 0.1})
    pair = Selection("x", "y", "alignment"), Selection("x", "z", "alignment")
    found = differences(ratings, [pair])[0]
    y = ratings.assign(y=1.0 - ratings["choice"].cat.codes)
    wide = y.pivot(index=["rater_id", "prompt_id"], columns="generator_b", values="y")
    d = (wide["y"] - wide["z"]).unstack().to_numpy()
    e, (r, p) = d - d.mean(), d.shape
    ms = (
        p * (e.mean(axis=1) ** 2).sum() / (r - 1),
        r * (e.mean(axis=0) ** 2).sum() / (p - 1),
        ((e - e.mean(axis=1)[:, None] - e.mean(axis=0)) ** 2).sum() / ((r - 1) * (p - 1)),
    )
    assert min(ms[0], ms[1]) > ms[2]  # no component is negative: Satterthwaite's degrees of freedom are ANOVA's
    both = sum(ms[:2]) - ms[2]
    df = both**2 / (ms[0] ** 2 / (r - 1) + ms[1] ** 2 / (p - 1) + ms[2] ** 2 / ((r - 1) * (p - 1)))
    pieces = [(both, df), (ms[0], r - 1), (ms[1], p - 1)]
    value, df = max(pieces, key=lambda each: float(stats.t.ppf(0.975, each[1])) * math.sqrt(each[0]))
    se = math.sqrt(value / d.size)
    assert found.paired == "same raters and prompts"
    assert found.estimate == pytest.approx(d.mean())
    assert found.se == pytest.approx(se)
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(d.mean() / se), df))
    back = differences(ratings, [pair[::-1]])[0]
    assert (back.low, back.high) == pytest.approx((-(found.high or 0), -(found.low or 0)))


def test_turning_a_selection_negates_it() -> None:
    ratings = crowd(3, Design(5, {"c": 6}), {("x", "y"): 0.8, ("x", "z"): 0.1})
    plain = differences(ratings, [(Selection("x", "y", "alignment"), Selection("x", "z", "alignment"))])[0]
    turned = differences(ratings, [(Selection("y", "x", "alignment"), Selection("z", "x", "alignment"))])[0]
    assert turned.estimate == pytest.approx(-plain.estimate) and turned.se == pytest.approx(plain.se)


def test_holm_runs_over_the_family_and_absence_is_said() -> None:
    ratings = crowd(4, Design(5, {"c": 6, "d": 6, "e": 1}), {("x", "y"): 0.8})
    select = {name: Selection("x", "y", "alignment", name) for name in ("c", "d", "e")}
    found = differences(ratings, [(select["c"], select["d"]), (select["c"], select["e"])])
    assert found[0].p_holm == found[0].p_value
    assert found[1].p_value is None and "single" in (found[1].why or "")
    with pytest.raises(ValueError, match="no ratings"):
        differences(ratings, [(select["c"], Selection("x", "w", "alignment"))])


def test_paired_difference_is_covered() -> None:
    rng, hits = np.random.default_rng(7), 0
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()

    def net(preference: float) -> float:
        a, _, b = choice_probabilities(preference + math.sqrt(0.5) * nodes, SPEC.tie)
        return float((a - b) @ weights)

    truth = net(0.8) - net(0.1)
    for _ in range(120):
        frame = simulate_ratings(Design(10, {"c": 12}), SPEC, {("x", "y"): 0.8, ("x", "z"): 0.1}, rng)
        pair = Selection("x", "y", "alignment"), Selection("x", "z", "alignment")
        found = differences(validate_ratings(frame), [pair])[0]
        assert found.low is not None and found.high is not None
        hits += found.low <= truth <= found.high
    assert hits >= 120 * 0.95 - 3 * math.sqrt(120 * 0.95 * 0.05)


def test_equivalence() -> None:
    net = analyse(crowd(5, Design(40, {"c": 60}), {("x", "y"): 0.0})).comparisons[0].overall.net
    assert equivalence(net, 0.6).equivalent and not equivalence(net, 0.001).equivalent
    with pytest.raises(ValueError, match="margin"):
        equivalence(net, 0)


def test_words() -> None:
    rate = analyse(crowd(6, Design(20, {"c": 40}), {("x", "y"): 2.0})).comparisons[0].overall
    said = effect_in_words(rate, "x", "y")
    a, b = (round(100 * rate.share(choice)) for choice in ("a", "b"))
    assert said.startswith(f"On average, per 100 ratings: {a} for x, {b} for y, {100 - a - b} without preference.")
    assert re.search(
        rf"Difference: {round(100 * rate.net.estimate)} for x \(95 % interval: \d+ to \d+ for x\)\.$", said
    )
    few = analyse(crowd(6, Design(3, {"c": 3}), {("x", "y"): 0.0})).comparisons[0].overall
    assert few.too_few == "raters" and effect_in_words(few, "x", "y").endswith(
        "too few raters for an interval that says much."
    )
    two = analyse(crowd(6, Design(2, {"c": 30}), {("x", "y"): 0.0})).comparisons[0].overall
    assert effect_in_words(two, "x", "y").endswith("With only 2 raters, nothing can be said of others.")
    assert effect_in_words(two, "x", "y").startswith("In 60 ratings: ")
    unclear = analyse(crowd(6, Design(20, {"c": 20}), {("x", "y"): 0.0})).comparisons[0].overall
    assert re.search(r"\(95 % interval: from \d+ for y to \d+ for x\)\.$", effect_in_words(unclear, "x", "y"))
    alone = analyse(crowd(6, Design(1, {"c": 1}), {("x", "y"): 0.0})).comparisons[0].overall
    assert effect_in_words(alone, "x", "y").endswith("With only 1 rater and 1 prompt, nothing can be said of others.")
