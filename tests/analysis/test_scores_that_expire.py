"""Prediction-powered rankings and the alarm for scores: coverage of rank sets, false alarms, and planted drifts."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from evaluation.analysis.automatic_scores import validate_automatic_scores
from evaluation.analysis.columns import RatingsError
from evaluation.analysis.frame import validate_ratings
from evaluation.analysis.powered_ranking import PoweredRanking, powered_rankings
from evaluation.analysis.prediction_powered import prediction_powered
from evaluation.analysis.score_drift import agreement_by_prompt, score_drift

NAMES = ["rater_id", "prompt_id", "category", "generator_a", "generator_b", "question", "choice"]
THREE = {"a": 0.45, "b": 0.1, "c": -0.3}
TRUTH = {"a": 0.45, "b": 0.15, "c": 0.0, "d": -0.4}


def world(
    seed: int, *, n: int = 120, rated: int = 24, raters: int = 6, told: float = 0.8, truth: dict[str, float] = TRUTH
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Qualities vary by prompt; scores tell `told` of that; `rated` prompts at random were rated by all raters."""
    rng = np.random.default_rng(seed)
    quality = {(p, g): truth[g] + 0.35 * rng.normal() for p in range(n) for g in truth}
    noise = np.sqrt(max(1 - told**2, 0))
    scores = [(f"p{p}", g, 0, "m", told * value + noise * 0.45 * rng.normal()) for (p, g), value in quality.items()]
    chosen = rng.choice(n, rated, replace=False)
    lean = rng.normal(0, 0.05, raters)
    rows = []
    for r, p in itertools.product(range(raters), chosen):
        for a, b in itertools.combinations(truth, 2):
            d = quality[p, a] - quality[p, b] + lean[r]
            rows.append((f"r{r}", f"p{p}", "c", a, b, "q", "a" if rng.random() < (1 + np.clip(d, -1, 1)) / 2 else "b"))
    columns = ["prompt_id", "generator", "sample", "metric", "value"]
    return pd.DataFrame(rows, columns=NAMES), pd.DataFrame(scores, columns=columns)


def only(found: tuple[PoweredRanking, ...]) -> PoweredRanking:
    (one,) = found
    assert one.why is None
    return one


def test_rank_sets_from_a_fifth_rated_cover_and_scores_narrow_them() -> None:
    """True ranks: a, b, c. With scores that tell something the intervals are narrower than with noise."""
    runs, covered = 20, 0
    width: dict[float, list[float]] = {0.8: [], 0.0: []}
    for seed in range(runs):
        found = only(powered_rankings(*world(seed, n=80, rated=16, truth=THREE)))
        covered += all(each.rank_low <= "abc".index(each.generator) + 1 <= each.rank_high for each in found.advantages)
        width[0.8].append(float(np.mean([each.se for each in found.advantages])))
        if seed < 5:
            bad = only(powered_rankings(*world(seed, n=80, rated=16, told=0.0, truth=THREE)))
            width[0.0].append(float(np.mean([each.se for each in bad.advantages])))
    assert covered / runs >= 0.95
    assert np.mean(width[0.8]) < 0.95 * np.mean(width[0.0])


def test_advantages_are_means_of_the_pairs_net_shares() -> None:
    ratings, scores = world(3)
    found = only(powered_rankings(ratings, scores))
    pairs = {
        (each.generator_a, each.generator_b): each.overall for each in prediction_powered(ratings, scores).comparisons
    }
    for each in found.advantages:
        for name, of in (("advantage", "powered"), ("classical", "classical")):
            nets = [
                getattr(rate, of).estimate * (1 if a == each.generator else -1)
                for (a, b), rate in pairs.items()
                if each.generator in (a, b)
            ]
            assert getattr(each, name) == pytest.approx(np.mean(nets), abs=1e-12)
    assert sum(each.advantage for each in found.advantages) == pytest.approx(0, abs=1e-12)
    assert (found.n_rated, found.n_prompts, found.n_raters) == (24, 120, 6)
    assert found.to_dict()["advantages"][0]["rank"] == 1


def agreement(seed: int, told: float, n: int = 60) -> pd.DataFrame:
    ratings, scores = world(seed, n=n, rated=n, raters=3, told=told)
    return agreement_by_prompt(ratings, scores)


def test_agreement_by_hand() -> None:
    ratings = validate_ratings(
        pd.DataFrame(
            [
                ("r", "p1", "c", "x", "y", "q", "a"),
                ("s", "p1", "c", "x", "y", "q", "indifferent"),
                ("r", "p0", "c", "x", "y", "q", "a"),
            ],
            columns=NAMES,
        )
    )
    scores = validate_automatic_scores(
        pd.DataFrame(
            [("p1", "x", 0, "m", 2.0), ("p1", "y", 0, "m", 1.0), ("p0", "x", 0, "m", 0.0), ("p0", "y", 0, "m", 1.0)],
            columns=["prompt_id", "generator", "sample", "metric", "value"],
        )
    )
    found = agreement_by_prompt(ratings, scores)
    assert list(found["prompt_id"]) == ["p1", "p0"] and list(found["agreement"]) == [0.5, -1.0]


def test_a_drift_is_reported_and_none_where_there_is_none() -> None:
    before = agreement(1, told=0.95, n=150)
    (same,) = score_drift(before, agreement(2, told=0.95, n=100))
    assert same.alarm_after is None and same.ceiling >= same.floor
    (drifted,) = score_drift(before, agreement(3, told=0.0, n=100))
    assert drifted.alarm_after is not None and drifted.alarm_after <= 100 and drifted.ceiling < drifted.floor
    (let_pass,) = score_drift(before, agreement(3, told=0.0, n=100), margin=1.0)
    assert let_pass.alarm_after is None
    with pytest.raises(RatingsError, match="too few"):
        score_drift(before.head(3), before)


def test_false_alarms_are_no_more_than_declared() -> None:
    """Agreements drawn from one law, before and after, looked at after every prompt."""
    rng = np.random.default_rng(9)
    runs, alarms = 120, 0
    for _ in range(runs):
        values = rng.choice([-1.0, 0.0, 1 / 3, 1.0], size=70, p=[0.2, 0.2, 0.2, 0.4])
        tables = [
            pd.DataFrame({"metric": "m", "question": "q", "prompt_id": "p", "agreement": part})
            for part in (values[:30], values[30:])
        ]
        alarms += score_drift(*tables, alpha=0.1)[0].alarm_after is not None
    assert alarms / runs <= 0.1 + 2 * np.sqrt(0.1 * 0.9 / runs)
