"""Rankings: hand-solved cases, properties, the libraries evalica and choix, separation, and disconnected graphs."""

from __future__ import annotations

import itertools
import math

import choix
import evalica
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.analysis import validate_ratings
from evaluation.analysis.paired_models import MODELS, Model
from evaluation.analysis.pooling import rank_by_category
from evaluation.analysis.ranking import rank_generators
from evaluation.analysis.simulate import CrowdSpec, Design, choice_probabilities, simulate_ratings

COLUMNS = ["rater_id", "prompt_id", "category", "generator_a", "generator_b", "question", "choice"]
WINNER = {"a": evalica.Winner.X, "indifferent": evalica.Winner.Draw, "b": evalica.Winner.Y}


def votes(counts: dict[tuple[str, str], tuple[int, int, int]], raters: int = 4) -> pd.DataFrame:
    """Ratings with these counts of a, indifferent, b for each pair, dealt out to raters and prompts in turn."""
    rows = []
    for (first, second), numbers in counts.items():
        choices = [choice for choice, n in zip(("a", "indifferent", "b"), numbers, strict=True) for _ in range(n)]
        for at, choice in enumerate(choices):
            rows.append((f"r{at % raters}", f"p{at // raters}", "c", first, second, "fidelity", choice))
    return validate_ratings(pd.DataFrame(rows, columns=COLUMNS))


def crowd(seed: int, n: int = 4, question: tuple[str, ...] = ("fidelity",), **spec: float) -> pd.DataFrame:
    strengths = np.linspace(1.0, -1.0, n)
    pairs = {(f"g{i}", f"g{j}"): strengths[i] - strengths[j] for i, j in itertools.combinations(range(n), 2)}
    design = Design(8, {"c": 8, "d": 6}, questions=question)
    return validate_ratings(simulate_ratings(design, CrowdSpec(**spec), pairs, np.random.default_rng(seed)))


def by_name(frame: pd.DataFrame) -> np.ndarray:
    return frame.sort_values("generator")["score"].to_numpy()


def test_two_generators_by_hand() -> None:
    """30 wins, 10 ties, 20 losses: each model's likelihood equations can be solved on paper."""
    ratings = votes({("x", "y"): (30, 10, 20)})
    found = {model: rank_generators(ratings, model=model) for model in MODELS}
    gap = {model: ranking.score_of("x").score - ranking.score_of("y").score for model, ranking in found.items()}
    assert gap["bradley-terry"] == pytest.approx(math.log(35 / 25))
    assert gap["davidson"] == pytest.approx(math.log(30 / 20))
    assert found["davidson"].tie == pytest.approx(math.log(10 / math.sqrt(30 * 20)))
    up, down = math.log(30 / 30), math.log(20 / 40)  # s(d - eta) = 30/60, s(-d - eta) = 20/60
    assert gap["rao-kupper"] == pytest.approx((up - down) / 2)
    assert found["rao-kupper"].tie == pytest.approx(-(up + down) / 2)


@pytest.mark.parametrize("seed", range(3))
def test_against_evalica(seed: int) -> None:
    ratings = crowd(seed)
    xs, ys = ratings["generator_a"].astype(str), ratings["generator_b"].astype(str)
    winners = [WINNER[choice] for choice in ratings["choice"]]
    peer = evalica.bradley_terry(xs, ys, winners, tolerance=1e-13, limit=100_000)
    wanted = np.log(peer.scores.sort_index().to_numpy())
    assert by_name(rank_generators(ratings, model="bradley-terry").to_frame()) == pytest.approx(
        wanted - wanted.mean(), abs=1e-6
    )
    newman = evalica.newman(xs, ys, winners, tolerance=1e-13, limit=100_000)
    wanted = np.log(newman.scores.sort_index().to_numpy())
    mine = rank_generators(ratings, model="davidson")
    assert by_name(mine.to_frame()) == pytest.approx(wanted - wanted.mean(), abs=1e-6)
    assert mine.tie is not None and math.exp(mine.tie) == pytest.approx(2 * newman.v, abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_against_choix(seed: int) -> None:
    ratings = crowd(seed, tie=0.0)
    names = {f"g{i}": i for i in range(4)}
    wins = [
        (names[a], names[b]) if choice == "a" else (names[b], names[a])
        for a, b, choice in zip(ratings["generator_a"], ratings["generator_b"], ratings["choice"], strict=True)
    ]
    wanted = choix.ilsr_pairwise(4, wins, tol=1e-12)
    assert by_name(rank_generators(ratings, model="bradley-terry").to_frame()) == pytest.approx(wanted, abs=1e-7)


FLIP = {"a": "b", "indifferent": "indifferent", "b": "a"}


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(MODELS))
def test_reversing_all_choices_negates_the_scores(seed: int, model: Model) -> None:
    ratings = crowd(seed)
    turned = validate_ratings(ratings.assign(choice=ratings["choice"].astype(object).map(FLIP)))
    forward, backward = (rank_generators(each, model=model) for each in (ratings, turned))
    assert by_name(forward.to_frame()) == pytest.approx(-by_name(backward.to_frame()), abs=1e-7)
    assert [each.generator for each in forward.scores] == [each.generator for each in backward.scores][::-1]
    shuffled = rank_generators(ratings.sample(frac=1, random_state=seed % 1000).reset_index(drop=True), model=model)
    assert by_name(shuffled.to_frame()) == pytest.approx(by_name(forward.to_frame()), abs=1e-9)


def brute_errors(ratings: pd.DataFrame) -> float:
    """Two-way sandwich error of the gap of two generators by loops; the gap has one parameter in Bradley-Terry."""
    y = ratings["choice"].map({"a": 1.0, "indifferent": 0.5, "b": 0.0}).astype(float)
    p = y.mean()
    e = y - p

    def term(keys: list[str]) -> float:
        sums = e.groupby([ratings[key].astype(str) for key in keys]).sum()
        return float((sums**2).sum() * len(sums) / (len(sums) - 1))

    parts = term(["rater_id"]), term(["prompt_id"]), term(["rater_id", "prompt_id"])
    return math.sqrt(max(parts[0] + parts[1] - parts[2], parts[0], parts[1])) / (len(y) * p * (1 - p))


def test_errors_by_hand() -> None:
    ratings = crowd(5, n=2)
    found = rank_generators(ratings, model="bradley-terry")
    assert 2 * (found.scores[0].se or 0) == pytest.approx(brute_errors(ratings), rel=1e-8)
    assert found.df == 7


def test_gaps_are_covered() -> None:
    """Coverage of the two-way interval of a score, beside which votes as independent cover about 60 %."""
    spec = CrowdSpec(rater_sd=0.5, prompt_sd=0.5, tie=0.0)
    rng = np.random.default_rng(2)
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    u = 0.4 + math.sqrt(0.5) * nodes
    p = float(choice_probabilities(u, 0)[0] @ weights / weights.sum())
    truth = math.log(p / (1 - p)) / 2
    hits = 0
    for _ in range(120):
        ratings = validate_ratings(simulate_ratings(Design(12, {"c": 15}), spec, 0.4, rng))
        score = rank_generators(ratings, model="bradley-terry").score_of("x")
        assert score.low is not None and score.high is not None
        hits += score.low <= truth <= score.high
    assert hits >= 120 * 0.95 - 3 * math.sqrt(120 * 0.95 * 0.05)


def test_separation_is_penalised_and_said() -> None:
    ratings = votes({("x", "y"): (20, 0, 0), ("y", "z"): (12, 2, 6), ("x", "z"): (20, 0, 0)})
    for model in MODELS:
        found = rank_generators(ratings, model=model)
        assert found.penalised and "penalised" in " ".join(found.notes)
        assert found.scores[0].generator == "x" and all(math.isfinite(each.score) for each in found.scores)
    assert not rank_generators(votes({("x", "y"): (20, 0, 1)})).penalised


def test_disconnected_graphs_are_named() -> None:
    found = rank_generators(votes({("a", "b"): (5, 1, 4), ("x", "y"): (5, 1, 4)}))
    assert found.scores == () and found.why is not None
    assert "{a, b}" in found.why and "{x, y}" in found.why


def test_all_indifferent_and_one_rater() -> None:
    assert "indifferent" in (rank_generators(votes({("x", "y"): (0, 20, 0)})).why or "")
    found = rank_generators(votes({("x", "y"): (10, 3, 5)}, raters=1))
    assert found.df is None and [each.rank_high for each in found.scores] == [2, 2] and found.notes


def test_rank_bands_hold_all_ranks_where_generators_are_alike() -> None:
    ratings = votes(dict.fromkeys(itertools.combinations("wxyz", 2), (20, 10, 20)))
    assert {(each.rank_low, each.rank_high) for each in rank_generators(ratings).scores} == {(1, 4)}


def test_side_bias_is_estimated_and_corrected() -> None:
    found = rank_generators(crowd(1, side_bias=0.8, rater_sd=0.1, prompt_sd=0.1), model="rao-kupper", correct_side=True)
    assert found.side_bias is not None
    estimate, low, high = found.side_bias
    assert low < 0.8 < high and low > 0 and estimate > 0
    one_sided = crowd(2, n=2, side_bias=1.5, rater_sd=0.0, prompt_sd=0.0)
    shown = one_sided[(one_sided["a_shown_left"].to_numpy(dtype=bool)) | (np.arange(len(one_sided)) % 3 == 0)]
    shown = validate_ratings(shown)
    corrected = rank_generators(shown, model="rao-kupper", correct_side=True)
    plain = rank_generators(shown, model="rao-kupper")
    gap = [each.score_of("g0").score - each.score_of("g1").score for each in (corrected, plain)]
    assert abs(gap[0] - 2) < abs(gap[1] - 2)
    with pytest.raises(ValueError, match="a_shown_left"):
        rank_generators(one_sided.drop(columns="a_shown_left"), correct_side=True)


def test_questions_are_never_mixed_and_names_are_checked() -> None:
    ratings = crowd(0, question=("fidelity", "alignment"))
    with pytest.raises(ValueError, match="several questions"):
        rank_generators(ratings)
    with pytest.raises(ValueError, match='; did you mean "fidelity"'):
        rank_generators(ratings, question="fidelty")
    with pytest.raises(ValueError, match="Unknown model"):
        rank_generators(ratings, question="fidelity", model="elo")  # type: ignore[arg-type]
    assert rank_generators(ratings, question="fidelity", category="c").n_prompts == 8


def test_partial_pooling_lies_between_alone_and_overall() -> None:
    pooled = rank_by_category(crowd(3))
    assert {each.category for each in pooled.scores} == {"c", "d"}
    for each in pooled.scores:
        ends = sorted([each.alone, pooled.overall.score_of(each.generator).score])
        assert ends[0] - 1e-12 <= each.pooled <= ends[1] + 1e-12
        assert 0 <= each.weight <= 1 and each.low < each.pooled < each.high


def test_results_are_plain() -> None:
    found = rank_generators(crowd(0)).to_dict()
    assert [each["rank"] for each in found["scores"]] == [1, 2, 3, 4]
    assert len(found["win_shares"]) == 12
