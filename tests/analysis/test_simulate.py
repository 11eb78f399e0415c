"""The simulated crowd keeps to its declared truth, replays, and is covered by the intervals."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from evaluation.analysis import analyse
from evaluation.analysis.simulate import (
    Crowd,
    CrowdSpec,
    Design,
    SimulatedTrial,
    choice_probabilities,
    simulate_ratings,
    true_shares,
)


def test_truth_without_effects_is_the_logistic_function() -> None:
    spec = CrowdSpec(rater_sd=0, prompt_sd=0, tie=0)
    assert true_shares(spec, 0.5) == pytest.approx((1 / (1 + np.exp(-0.5)), 0, 1 / (1 + np.exp(0.5))))


def test_truth_is_the_mean_over_a_large_crowd() -> None:
    spec = CrowdSpec(rater_sd=0.7, prompt_sd=0.4, interaction_sd=0.3, tie=0.5, side_bias=0.4, side_bias_sd=0.2)
    frame = simulate_ratings(Design(1500, {"c": 300}), spec, 0.6, np.random.default_rng(1))
    shares = frame["choice"].value_counts(normalize=True)
    assert tuple(shares[["a", "indifferent", "b"]]) == pytest.approx(true_shares(spec, 0.6), abs=0.015)


def test_same_seed_same_frame_and_marked_simulated() -> None:
    design = Design(3, {"c": 4, "d": 2}, nested=True, questions=("alignment", "fidelity"), share_rated=0.5)
    frames = [simulate_ratings(design, CrowdSpec(), {("x", "y"): 1.0}, np.random.default_rng(5)) for _ in range(2)]
    pd.testing.assert_frame_equal(*frames)
    assert frames[0]["simulated"].all()
    assert len(frames[0]) == 2 * (3 * 2 + 3 * 1)
    assert frames[0].groupby("rater_id")["category"].nunique().max() == 1


def test_known_preference_is_covered() -> None:
    spec = CrowdSpec(rater_sd=0.5, prompt_sd=0.5, tie=0.4)
    a, _, b = true_shares(spec, 0.5)
    rng, hits = np.random.default_rng(8), 0
    for _ in range(150):
        interval = analyse(simulate_ratings(Design(12, {"c": 16}), spec, 0.5, rng)).comparisons[0].overall.net.interval
        assert interval is not None
        hits += interval.low <= a - b <= interval.high
    assert hits >= 150 * 0.95 - 3 * np.sqrt(150 * 0.95 * 0.05)


def test_crowd_answers_trial_by_trial_as_the_truth_has_it() -> None:
    spec = CrowdSpec(rater_sd=0.3, prompt_sd=0.3, tie=0.5)
    crowd = Crowd(spec, seed=3)
    said = Counter(
        crowd.choose(SimulatedTrial(f"r{r}", f"p{p}", "c", "fidelity", 0.8, bool((r + p) % 2), p)).choice
        for r in range(60)
        for p in range(60)
    )
    found = tuple(said[choice] / 3600 for choice in ("a", "indifferent", "b"))
    assert found == pytest.approx(true_shares(spec, 0.8), abs=0.05)


def test_crowd_answers_do_not_depend_on_the_order_asked() -> None:
    crowd = Crowd.from_rng(CrowdSpec(), np.random.default_rng(1))
    again = Crowd.from_rng(CrowdSpec(), np.random.default_rng(1))
    first = [crowd.choose(SimulatedTrial("r", f"p{p}", "c", "q", 0.0, True, p)) for p in range(20)]
    assert [again.choose(SimulatedTrial("r", f"p{p}", "c", "q", 0.0, True, p)) for p in reversed(range(20))][
        ::-1
    ] == first


def test_spammers_and_controls() -> None:
    honest, spam = Crowd(CrowdSpec(spammers=0), seed=1), Crowd(CrowdSpec(spammers=1), seed=1)
    trials = [(f"r{r}", f"p{p}", "c", "q", 3.0, bool(p % 2), p) for r in range(20) for p in range(10)]
    right = [honest.choose(SimulatedTrial(*trial, control_answer="b")).choice == "b" for trial in trials]
    wrong = [spam.choose(SimulatedTrial(*trial, control_answer="b")).choice == "b" for trial in trials]
    assert all(right) and np.mean(wrong) < 0.6
    assert spam.is_spammer("r1") and not honest.is_spammer("r1")
    slow = np.median([honest.choose(SimulatedTrial(*trial)).response_time_ms for trial in trials])
    assert np.median([spam.choose(SimulatedTrial(*trial)).response_time_ms for trial in trials]) < slow / 4


def test_side_bias_shows_on_the_left() -> None:
    crowd = Crowd(CrowdSpec(rater_sd=0, prompt_sd=0, side_bias=1.5), seed=1)
    left = [crowd.choose(SimulatedTrial(f"r{r}", "p", "c", "q", 0.0, True, 0)).choice for r in range(300)]
    right = [crowd.choose(SimulatedTrial(f"r{r}", "p", "c", "q", 0.0, False, 0)).choice for r in range(300)]
    assert left.count("a") > 2 * left.count("b") and right.count("b") > 2 * right.count("a")


def test_fatigue_makes_answers_random() -> None:
    spec = CrowdSpec(fatigue=0.05)
    crowd = Crowd(spec, seed=2)
    early = [crowd.choose(SimulatedTrial(f"r{r}", "p", "c", "q", 8.0, True, 0)).choice for r in range(200)]
    late = [crowd.choose(SimulatedTrial(f"r{r}", "p", "c", "q", 8.0, True, 200)).choice for r in range(200)]
    assert early.count("a") > 190 and late.count("a") < 100


def test_probabilities_sum_to_one() -> None:
    parts = choice_probabilities(np.linspace(-6, 6, 13), 0.7)
    assert np.allclose(sum(parts), 1) and all((part >= 0).all() for part in parts)


@pytest.mark.parametrize("wrong", [{"rater_sd": -1}, {"spammers": 2}, {"response_ms": 0}, {"tie": float("nan")}])
def test_wrong_specifications_are_named(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        CrowdSpec(**wrong)
