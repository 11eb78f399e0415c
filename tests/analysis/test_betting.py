"""The betting sequence: its ends by definition and by hand, what it does not depend on, and that it holds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.analysis.betting import NODES, SHARES, betting_bounds, betting_sequence, fewest_values, log_capital
from evaluation.analysis.early_looks import Arrival, Arrivals
from evaluation.analysis.sequential import BETTING, StoppingRule, decide, t_sequence

values = st.lists(st.integers(-10, 10).map(lambda each: each / 10), min_size=1, max_size=30)


def test_one_value_by_hand() -> None:
    """After z = 1 the capital against m is the mean over shares of 1 - g + g / m: 1/2 + 1/(2 m), g's mean being 1/2."""
    low, high = betting_bounds([1.0], 0.4)
    assert (1 + low) / 2 == pytest.approx(1 / (2 * 2 / 0.4 - 1), abs=1e-10)  # capital 2 / alpha
    assert high == 1.0
    assert SHARES.mean() == pytest.approx(0.5)


@given(values)
def test_the_ends_are_where_the_capital_is_two_over_alpha(x: list[float]) -> None:
    low, high = betting_bounds(x, 0.1)
    assert -1 <= low <= sum(x) / len(x) + 1e-9 and sum(x) / len(x) - 1e-9 <= high <= 1
    data, limit = np.array(x), math.log(2 / 0.1)
    for end, side in ((low, 1), (high, -1)):
        if abs(end) < 1 - 1e-6:
            assert log_capital(data, end, side)[-1] == pytest.approx(limit, abs=1e-4)


@given(values)
def test_neither_order_nor_naming_changes_the_last_look(x: list[float]) -> None:
    low, high = betting_bounds(x)
    assert betting_bounds(sorted(x)) == pytest.approx((low, high), abs=1e-9)
    assert betting_bounds([-each for each in x]) == pytest.approx((-high, -low), abs=1e-9)


def test_many_raters_narrow_it_as_an_interval_should() -> None:
    rng = np.random.default_rng(0)
    x = np.clip(rng.normal(0.1, 0.3, size=2000), -1, 1)
    widths = [np.diff(betting_bounds(x[:n]))[0] for n in (20, 200, 2000)]
    assert widths[0] > 2.5 * widths[1] > 5 * widths[2]
    ordinary = 2 * 1.96 * x.std() / math.sqrt(2000)
    assert ordinary < widths[2] < 2 * ordinary


def test_alike_raters_have_an_interval_and_few_cannot_decide() -> None:
    assert fewest_values(0.05) == 8
    assert betting_bounds([1.0] * 8)[0] > 0 >= betting_bounds([1.0] * 7)[0]
    low, high = betting_bounds([0.0] * 30)
    assert low == pytest.approx(-high) and 0.1 < high < 0.2
    assert betting_bounds([]) == (-1.0, 1.0)
    assert len(SHARES) == NODES


@pytest.mark.parametrize("bad", [[1.1], [float("nan")], [-2.0]])
def test_values_outside_the_scale_are_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="within -1 and 1"):
        betting_bounds(bad)


def test_a_crowd_that_the_t_sequence_fails_on() -> None:
    """One rater in ten has the opposite taste, and a first few who agree look certain; 300 studies of 60 raters."""
    rng = np.random.default_rng(4)
    wrong = dict.fromkeys(("betting", "t"), 0)
    for _ in range(300):
        x = np.where(rng.random(60) < 0.1, -0.9, 0.9) + rng.normal(0, 0.03, size=60)
        x = np.clip(x, -1, 1)
        capital = np.maximum(log_capital(x, 0.72, 1), log_capital(x, 0.72, -1))
        wrong["betting"] += bool((capital >= math.log(2 / 0.05)).any())
        looks = t_sequence(x.tolist()).looks
        ends = [(each.low, each.high) for each in looks if each.low is not None and each.high is not None]
        wrong["t"] += any(not low <= 0.72 <= high for low, high in ends)
    assert wrong["betting"] <= 15
    assert wrong["t"] > 60


def test_looks_of_rounds_count_raters() -> None:
    sequence = betting_sequence([0.9] * 12, raters_each=3)
    assert [each.n for each in sequence.looks] == list(range(3, 37, 3))
    assert sequence.method == BETTING and "betting" in str(sequence.to_dict()["method"])
    rule = StoppingRule(max_raters=60, min_raters=5)
    found = decide(rule, sequence)
    assert found.stop and found.n % 3 == 0 and found.reason.startswith("A is preferred")
    undecided = betting_sequence([0.5, -0.5])
    assert decide(StoppingRule(max_raters=9), undecided, finished=9).stop, "all finished, if too late to count"
    assert not decide(StoppingRule(max_raters=9), undecided, finished=8).stop


def test_who_joined_before_must_be_through() -> None:
    states = [Arrival("a", "x", "finished"), Arrival("b", "y", "open"), Arrival("c", "x", "withdrawn")]
    states += [Arrival("d", "x", "finished"), Arrival("e", "y", "finished"), Arrival("f", "x", "open")]
    states.append(Arrival("g", "x", "finished"))
    arrivals = Arrivals(tuple(states), ("g", "e", "d", "a"), {"x": 3, "y": 1})
    assert arrivals.counted() == {"x": ["a", "d"], "y": []}


def test_a_rule_without_a_method_was_the_t_sequence() -> None:
    old = {"max_raters": 20, "min_raters": 5, "margin": None, "half_width": None, "alpha": 0.05}
    assert StoppingRule.from_dict(old).method == "t_sequence"
    assert StoppingRule(max_raters=20).method == BETTING
    assert StoppingRule.from_dict(StoppingRule(max_raters=20).to_dict()) == StoppingRule(max_raters=20)
    with pytest.raises(ValueError, match="Unknown method"):
        StoppingRule(max_raters=20, method="bayes")
