"""Looking early: golden cases, and an ever-wrong rate at or under 5 % by replay."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.analysis import validate_ratings
from evaluation.analysis.sequential import (
    StoppingRule,
    beta_binomial,
    decide,
    fewest_raters,
    rater_means,
    replay,
    t_limit,
    t_sequence,
)
from evaluation.analysis.simulate import CrowdSpec, Design, simulate_ratings


def test_golden() -> None:
    assert beta_binomial(60, 100) == pytest.approx((0.440774448, 0.746036255), abs=6e-10)
    for n, limit in ((10, 4.464094851), (25, 3.316539407), (100, 3.191662277)):
        assert t_limit(n) == pytest.approx(limit, abs=6e-10)


def test_few_votes_and_few_raters() -> None:
    assert beta_binomial(0, 0) == (0, 1)
    assert beta_binomial(0, 3)[0] == 0 and beta_binomial(3, 3)[1] == 1
    assert t_limit(1) is None and t_limit(2) is None
    assert t_sequence([0.5, 0.5, 0.5]).looks[-1].low is None


@pytest.mark.parametrize(("raters", "prompts", "sd"), [(40, 30, 0.5), (40, 8, 1.0), (25, 100, 0.0)])
def test_ever_wrong_at_most_five_percent(raters: int, prompts: int, sd: float) -> None:
    spec = CrowdSpec(rater_sd=sd, prompt_sd=0.5)
    found = replay(Design(raters, {"c": prompts}), spec, 0.4, 600, np.random.default_rng(1))
    assert found.sequence_ever_wrong <= 0.05
    assert found.naive_ever_wrong > 0.12  # what looking does to an ordinary interval
    if sd:
        assert found.votes_ever_wrong > 0.4


def test_vote_level_sequence_holds_for_independent_votes() -> None:
    rng, wrong = np.random.default_rng(3), 0
    for _ in range(200):
        counts = np.cumsum(rng.random(120) < 0.6)
        looks = (beta_binomial(int(counts[n - 1]), n) for n in range(2, 121, 6))
        wrong += any(not low <= 0.6 <= high for low, high in looks)
    assert wrong / 200 <= 0.05


def test_rater_means_come_in_order_of_arrival() -> None:
    ratings = validate_ratings(simulate_ratings(Design(6, {"c": 5}), CrowdSpec(), 0.5, np.random.default_rng(0)))
    backwards = ratings.iloc[::-1]
    means = rater_means(backwards, "x", "y", "alignment")
    assert list(means.index) == [f"rater-{n:04d}" for n in reversed(range(6))]
    assert rater_means(backwards, "y", "x", "alignment").to_numpy() == pytest.approx(-means.to_numpy())
    score = (1.0 - ratings["choice"].cat.codes).groupby(ratings["rater_id"].astype(str)).mean()
    assert means.sort_index().to_numpy() == pytest.approx(score.to_numpy())


def test_stopping_rule_decides_as_declared() -> None:
    rng = np.random.default_rng(5)
    clear = t_sequence(list(rng.normal(0.6, 0.2, size=40)))
    rule = StoppingRule(max_raters=40, min_raters=6, margin=0.3)
    found = decide(rule, clear)
    assert found.stop and 6 <= found.n < 40 and found.reason.startswith("A is preferred")
    none = t_sequence(list(rng.normal(0.0, 0.2, size=40)))
    assert decide(rule, none).reason.startswith("equivalent")
    assert decide(StoppingRule(max_raters=10), t_sequence(list(rng.normal(0, 0.9, size=10)))).n == 10
    assert not decide(StoppingRule(max_raters=99), none).stop
    with pytest.raises(ValueError, match="alpha"):
        decide(StoppingRule(max_raters=10, alpha=0.1), none)
    with pytest.raises(ValueError, match="min_raters"):
        StoppingRule(max_raters=3)
    for width in (0.0, -0.1, 1.0, float("nan")):
        with pytest.raises(ValueError, match="margin must lie"):
            StoppingRule(max_raters=10, margin=width)
        with pytest.raises(ValueError, match="half_width must lie"):
            StoppingRule(max_raters=10, half_width=width)


def test_the_fewest_raters_are_those_with_a_limit() -> None:
    for alpha in (0.001, 0.05, 0.5):
        fewest = fewest_raters(alpha)
        assert t_limit(fewest, alpha) is not None and t_limit(fewest - 1, alpha) is None


def test_looks_are_a_table() -> None:
    table = t_sequence([0.1, 0.5, 0.3, 0.2, 0.4, 0.1, 0.2, 0.5, 0.3]).to_frame()
    assert list(table["n"]) == list(range(1, 10))
    assert table["low"].notna().tolist() == [t_limit(n) is not None for n in range(1, 10)]
    assert table["low"].notna().sum() == 3  # this alpha asks for seven raters at least
