"""Raters: measures by hand, reliability against crowd-kit, declared screening, influence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from crowdkit.aggregation import DawidSkene

from evaluation.analysis import analyse, read_ratings, validate_ratings
from evaluation.analysis.influence import influence
from evaluation.analysis.raters import MEASURES, ScreeningRule, rater_table, screen
from evaluation.analysis.reliability import dawid_skene, mace
from evaluation.analysis.sides import side_bias
from evaluation.analysis.simulate import CrowdSpec, Design, simulate_ratings
from evaluation.analysis.tally import tally_ratings
from evaluation.reports.ratings_file import ratings_csv, ratings_parquet

COLUMNS = ["rater_id", "prompt_id", "category", "generator_a", "generator_b", "question", "choice"]


def crowd(seed: int = 0, **spec: float) -> pd.DataFrame:
    design = Design(12, {"c": 20}, questions=("fidelity", "alignment"))
    frame = simulate_ratings(design, CrowdSpec(**spec), 0.7, np.random.default_rng(seed), controls=6)
    return validate_ratings(frame)


def test_measures_by_hand() -> None:
    rows = [
        ("r1", "p1", "a", True, 0, 500),
        ("r1", "p2", "a", True, 1, 1500),
        ("r1", "p3", "b", False, 2, 2500),
        ("r1", "p4", "indifferent", True, 3, 3500),
        ("r2", "p1", "a", False, 0, 900),
        ("r2", "p2", "b", True, 1, 950),
    ]
    frame = pd.DataFrame(
        [(r, p, "c", "x", "y", "q", choice, left, at, ms) for r, p, choice, left, at, ms in rows],
        columns=[*COLUMNS, "a_shown_left", "position", "response_time_ms"],
    )
    table = rater_table(validate_ratings(frame)).set_index("rater_id")
    first = table.loc["r1"]
    assert first["n_ratings"] == 4 and first["agreement"] == pytest.approx(0.5)  # alike on p1, not on p2
    assert first["side_bias"] == pytest.approx(0.5) and first["modal_share"] == pytest.approx(0.75)
    assert first["longest_run"] == 3 and first["median_ms"] == 2000 and first["fast_share"] == 0.25
    assert table.loc["r2", "side_bias"] == pytest.approx(-0.5)
    assert first["control_accuracy"] is None
    assert side_bias(validate_ratings(frame)).share_left == pytest.approx(3 / 5)


def test_measures_that_cannot_be_had_are_none() -> None:
    frame = pd.DataFrame([("r1", "p1", "c", "x", "y", "q", "a")], columns=COLUMNS)
    row = rater_table(validate_ratings(frame)).iloc[0]
    for name in ("control_accuracy", "agreement", "side_bias", "longest_run", "median_ms", "fast_share"):
        assert row[name] is None, name
    assert side_bias(validate_ratings(frame)).share_left is None


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_control_accuracy_from_files(tmp_path: Path, suffix: str) -> None:
    """The right answer goes with its own row's order of the pair; empty answers and other trials do not count."""
    rows = [
        ("r1", "k1", "x", "y", "a", True, "a"),  # right
        ("r1", "k2", "y", "x", "a", True, "a"),  # right: both are turned round
        ("r1", "k3", "y", "x", "a", True, "b"),  # wrong
        ("r1", "k4", "x", "x", "indifferent", True, "indifferent"),  # right: the same images twice
        ("r1", "k5", "x", "y", "b", True, ""),  # no right answer is known
        ("r2", "k1", "x", "y", "b", True, "a"),  # wrong
        ("r3", "p1", "x", "y", "a", False, ""),  # no control trial
    ]
    columns = ["rater_id", "prompt_id", "generator_a", "generator_b", "choice", "control", "control_answer"]
    frame = pd.DataFrame(rows, columns=columns).assign(category="c", question="q")
    path = tmp_path / f"ratings.{suffix}"
    path.write_bytes(ratings_csv(frame) if suffix == "csv" else ratings_parquet(frame))
    table = rater_table(read_ratings(path)).set_index("rater_id")
    assert table["control_accuracy"].tolist() == [pytest.approx(3 / 4), 0.0, None]
    assert table["n_ratings"].tolist() == [0, 0, 1]
    found = screen(read_ratings(path), [ScreeningRule("control_accuracy", at_least=0.5)])
    assert set(found.excluded) == {"r2"} and found.not_judged == {"control_accuracy at least 0.5": 1}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("seed", range(3))
def test_dawid_skene_against_crowd_kit(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_units, n_raters = 60, 9
    truth = rng.integers(3, size=n_units)
    skill = rng.uniform(0.4, 0.95, size=n_raters)
    unit, rater = (each.ravel() for each in np.indices((n_units, n_raters)))
    keep = rng.random(len(unit)) < 0.7
    unit, rater = unit[keep], rater[keep]
    value = np.where(rng.random(len(unit)) < skill[rater], truth[unit], rng.integers(3, size=len(unit)))
    steps = 7
    peer = DawidSkene(n_iter=steps, tol=-np.inf).fit(pd.DataFrame({"task": unit, "worker": rater, "label": value}))
    mine = dawid_skene(unit, rater, value, steps=steps, smoothing=1e-12, tolerance=0)
    assert peer.probas_ is not None
    wanted = peer.probas_.sort_index()[[0, 1, 2]].to_numpy()
    assert mine.posterior[np.unique(unit)] == pytest.approx(wanted, abs=1e-6)


def test_reliability_models_find_the_spammers() -> None:
    rng = np.random.default_rng(4)
    unit, rater = (each.ravel() for each in np.indices((80, 10)))
    truth = rng.integers(3, size=80)
    honest = np.where(rng.random(len(unit)) < 0.8, truth[unit], rng.integers(3, size=len(unit)))
    value = np.where(rater < 7, honest, rng.integers(3, size=len(unit)))
    for found in (dawid_skene(unit, rater, value), mace(unit, rater, value)):
        assert found.competence[:7].min() > found.competence[7:].max() + 0.2
        assert (found.posterior.argmax(axis=1) == truth).mean() > 0.95
        assert np.allclose(found.posterior.sum(axis=1), 1) and np.allclose(found.confusion.sum(axis=2), 1)


def test_screening_is_applied_as_declared_with_and_without() -> None:
    ratings = crowd(spammers=0.3)
    table = rater_table(ratings, with_models=False)
    low = {str(name) for name in table.loc[table["control_accuracy"].astype(float) < 0.8, "rater_id"]}
    found = screen(ratings, [ScreeningRule("control_accuracy", at_least=0.8)])
    assert low and set(found.excluded) == low
    assert found.without.n_raters == 12 and found.kept.n_raters == 12 - len(low)
    stay = ratings[~ratings["rater_id"].isin(low)]
    assert found.kept.to_json() == analyse(stay).to_json()
    assert list(found.to_frame()["n_raters_screened"].unique()) == [12 - len(low)]
    assert found.to_dict()["rules"] == ["control_accuracy at least 0.8"]


def test_raters_that_a_rule_cannot_judge_stay() -> None:
    ratings = crowd().drop(columns="control_answer")
    found = screen(ratings, [ScreeningRule("control_accuracy", at_least=0.8)])
    assert found.excluded == {} and list(found.not_judged.values()) == [12]


def test_screening_everybody_leaves_an_empty_analysis() -> None:
    found = screen(crowd(), [ScreeningRule("n_ratings", at_least=1000)])
    assert len(found.excluded) == 12 and found.kept.n_ratings == 0


def test_unknown_measures_are_named() -> None:
    with pytest.raises(ValueError, match='; did you mean "agreement"'):
        ScreeningRule("agrement", at_least=0.1)
    with pytest.raises(ValueError, match="neither"):
        ScreeningRule("agreement")
    assert list(rater_table(crowd()).columns) == ["rater_id", *MEASURES]


@pytest.mark.parametrize("unit", ["rater", "prompt"])
def test_influence_is_leaving_out(unit: str) -> None:
    ratings = crowd(2)
    found = influence(tally_ratings(ratings), 0, unit)  # type: ignore[arg-type]
    question = found.comparison.question
    for name, value in zip(found.ids[:3], found.net_without[:3], strict=True):
        rest = ratings[(ratings[f"{unit}_id"] != name) & (ratings["question"] == question)]
        assert analyse(rest).comparisons[0].overall.net.estimate == pytest.approx(value)
    changes = [abs(value - found.net) for value in found.net_without]
    assert changes == sorted(changes, reverse=True)
    assert found.range[0] <= found.net <= found.range[1]


def test_influence_of_the_only_rater_is_not_said() -> None:
    frame = validate_ratings(pd.DataFrame([("r1", "p1", "c", "x", "y", "q", "a")], columns=COLUMNS))
    found = influence(tally_ratings(frame), 0, "rater")
    assert found.ids == () and found.range == (1.0, 1.0)


def test_side_bias_counts_raters_who_lean_by_themselves() -> None:
    """Raters who each always choose one side: their number counts, not that of their answers."""
    rows = [
        (f"r{rater}", f"p{prompt}", "a" if (rater < 6) == left else "b", left)
        for rater in range(8)
        for prompt in range(40)
        for left in [(rater + prompt) % 2 == 0]
    ]
    frame = pd.DataFrame(rows, columns=["rater_id", "prompt_id", "choice", "a_shown_left"])
    frame = frame.assign(category="c", generator_a="x", generator_b="y", question="q")
    found = side_bias(validate_ratings(frame))
    assert found.share_left == pytest.approx(6 / 8) and found.n == 320 and found.method == "effective"
    assert found.low < 0.4 and found.high < 1  # of independent votes it would be .70 to .80
    one = side_bias(validate_ratings(frame[frame["rater_id"] == "r0"]))
    assert one.method == "independent" and one.high == 1
