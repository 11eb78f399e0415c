"""Rankings from whole orders, ties, and best and worst: against peers, by enumeration, and on planted truths."""

import itertools
import json
import math
import random
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from evaluation.analysis import rank_generators, rank_orders, validate_answers, validate_ratings
from evaluation.analysis.ranked_models import Groups, Rankings, best_and_worst, whole_orders
from evaluation.analysis.ranking import Ranking


def drawn_order(scores: dict[str, float], shown: list[str], rng: random.Random) -> list[list[int]]:
    """A Plackett-Luce order of places: the exponential race."""
    times = [rng.expovariate(math.exp(scores[name])) for name in shown]
    return [[at] for at in sorted(range(len(shown)), key=times.__getitem__)]


def frame(rows: Sequence[tuple[str, str, list[str], object]]) -> pd.DataFrame:
    return validate_answers(
        pd.DataFrame(
            [
                {
                    "rater_id": rater,
                    "prompt_id": prompt,
                    "category": "all",
                    "question": "q",
                    "kind": "ranking",
                    "shown": json.dumps(shown),
                    "value": json.dumps(value),
                }
                for rater, prompt, shown, value in rows
            ]
        )
    )


def simulated(
    scores: dict[str, float], size: int, rng: random.Random, raters: int = 6, prompts: int = 40
) -> list[tuple[str, str, list[str], list[list[int]]]]:
    rows = []
    for rater, prompt in itertools.product(range(raters), range(prompts)):
        shown = rng.sample(sorted(scores), size)
        rows.append((f"r{rater}", f"p{prompt}", shown, drawn_order(scores, shown, rng)))
    return rows


TRUTH = {"a": 0.9, "b": 0.4, "c": 0.0, "d": -0.3, "e": -1.0}


def centred(scores: dict[str, float]) -> dict[str, float]:
    mean = sum(scores.values()) / len(scores)
    return {name: score - mean for name, score in scores.items()}


@pytest.mark.parametrize("sizes", [(5,), (3,), (2, 4)])
def test_orders_without_ties_are_those_of_choix(sizes: tuple[int, ...]) -> None:
    choix = pytest.importorskip("choix")
    rng = random.Random(1)
    rows = [row for at, size in enumerate(sizes) for row in simulated(TRUTH, size, rng, raters=3 + at, prompts=30)]
    rows = [(rater, f"{prompt}-{at}", shown, value) for at, (rater, prompt, shown, value) in enumerate(rows)]
    ranking = rank_orders(frame(rows), question="q")
    names = sorted(TRUTH)
    data = [tuple(names.index(shown[group[0]]) for group in value) for _, _, shown, value in rows]
    theirs = choix.opt_rankings(len(names), data, alpha=0, tol=1e-12)
    theirs = theirs - theirs.mean()
    assert ranking.model == "plackett-luce" and not ranking.penalised
    for at, name in enumerate(names):
        assert ranking.score_of(name).score == pytest.approx(theirs[at], abs=1e-6)


def brute_best_and_worst(t: list[float], best: int, worst: int) -> float:
    """The chance by enumeration of all orders."""
    total = 0.0
    for order in itertools.permutations(range(len(t))):
        if order[0] == best and order[-1] == worst:
            chance, left = 1.0, list(order)
            while left:
                chance *= math.exp(t[left[0]]) / sum(math.exp(t[each]) for each in left)
                left.pop(0)
            total += chance
    return total


@pytest.mark.parametrize("size", [3, 4, 6])
def test_best_and_worst_is_the_sum_over_all_orders(size: int) -> None:
    rng = random.Random(size)
    t = [rng.gauss(0, 1) for _ in range(size)]
    total = 0.0
    for best, worst in itertools.permutations(range(size), 2):
        middle = tuple(each for each in range(size) if each not in (best, worst))
        rankings = Rankings(np.arange(size)[None, :], [((best,), middle, (worst,))])
        value, _ = best_and_worst(rankings, size)(np.array(t))
        assert math.exp(value[0]) == pytest.approx(brute_best_and_worst(t, best, worst), rel=1e-10)
        total += math.exp(value[0])
    assert total == pytest.approx(1, rel=1e-10)


def every_ranking(size: int, most_tied: int) -> list[Groups]:
    """All orders with ties of a size."""
    found: list[Groups] = []

    def grow(done: Groups, left: tuple[int, ...]) -> None:
        if not left:
            found.append(done)
        for k in range(1, most_tied + 1):
            for group in itertools.combinations(left, k):
                grow((*done, group), tuple(each for each in left if each not in group))

    grow((), tuple(range(size)))
    return found


@pytest.mark.parametrize(("size", "most_tied"), [(3, 1), (3, 2), (4, 3)])
def test_chances_of_all_orders_add_up_to_one(size: int, most_tied: int) -> None:
    orders = every_ranking(size, most_tied)
    rankings = Rankings(np.tile(np.arange(size), (len(orders), 1)), orders)
    parameters = np.array([0.7, -0.2, 0.1, -0.6][:size] + [-0.5, -1.5][: most_tied - 1])
    values, _ = whole_orders(rankings, size, most_tied)(parameters)
    assert np.exp(values).sum() == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize("model", ["whole", "tied", "best-worst"])
def test_gradients_are_the_slopes(model: str) -> None:
    rng = np.random.default_rng(4)
    shown = np.stack([rng.permutation(6)[:4] for _ in range(20)])
    if model == "best-worst":
        groups: list[Groups] = [((0,), (1, 3), (2,))] * 20
        likelihood, n = best_and_worst(Rankings(shown, groups), 6), 6
    elif model == "tied":
        groups = [((0, 2), (1,), (3,)) if at % 2 else ((3,), (0, 1, 2)) for at in range(20)]
        likelihood, n = whole_orders(Rankings(shown, groups), 6, 3), 8
    else:
        likelihood, n = whole_orders(Rankings(shown, [((3,), (1,), (0,), (2,))] * 20), 6, 1), 6
    at = rng.normal(size=n) / 2
    _, gradients = likelihood(at)
    for one in range(n):
        step = np.zeros(n)
        step[one] = 1e-6
        slopes = (likelihood(at + step)[0] - likelihood(at - step)[0]) / 2e-6
        assert gradients[:, one] == pytest.approx(slopes, abs=1e-7)


@pytest.mark.parametrize("ties", [False, True])
def test_orders_of_two_are_pairs(ties: bool) -> None:
    """With two sets Plackett-Luce is Bradley-Terry, and Davidson-Luce is Davidson: scores, errors and bands agree."""
    rng = random.Random(7)
    rows = simulated({name: TRUTH[name] for name in "abcd"}, 2, rng, raters=8, prompts=20)
    if ties:
        rows = [(r, p, s, [[0, 1]] if rng.random() < 0.3 else v) for r, p, s, v in rows]
    choice = {True: "indifferent"}
    ratings = validate_ratings(
        pd.DataFrame(
            [
                {
                    "rater_id": rater,
                    "prompt_id": prompt,
                    "category": "all",
                    "generator_a": shown[0],
                    "generator_b": shown[1],
                    "question": "q",
                    "choice": choice.get(len(value) == 1) or ("a" if value[0] == [0] else "b"),
                }
                for rater, prompt, shown, value in rows
            ]
        )
    )
    pairs = rank_generators(ratings, model="davidson")
    orders = rank_orders(frame(rows), question="q")
    assert [each.generator for each in pairs.scores] == [each.generator for each in orders.scores]
    for one, other in zip(pairs.scores, orders.scores, strict=True):
        assert one.score == pytest.approx(other.score, abs=1e-6)
        assert one.se == pytest.approx(other.se, rel=1e-4)
        assert (one.rank_low, one.rank_high) == (other.rank_low, other.rank_high)
    assert orders.win_shares == pytest.approx(dict(pairs.win_shares))


@pytest.mark.parametrize(("size", "ends"), [(4, True), (5, False), (3, False)])
def test_a_planted_truth_is_recovered_within_its_intervals(size: int, ends: bool) -> None:
    """Coverage of 95 % intervals of scores over simulated studies: at least 90 % of 150."""
    rng = random.Random(size)
    truth, covered, n = centred(TRUTH), 0, 0
    for _ in range(30):
        rows = simulated(TRUTH, size, rng, raters=10, prompts=12)
        if ends:
            rows = [(r, p, s, [v[0], sorted(v[1] + v[2]), v[3]]) for r, p, s, v in rows]
        ranking = rank_orders(frame(rows), question="q")
        assert ranking.model == ("best-worst" if ends else "plackett-luce")
        for each in ranking.scores:
            assert each.low is not None and each.high is not None
            covered += each.low <= truth[each.generator] <= each.high
            n += 1
    assert covered / n >= 0.9, covered / n


def test_best_and_worst_speaks_of_the_same_scores_as_whole_orders() -> None:
    rng = random.Random(2)
    rows = simulated(TRUTH, 4, rng, raters=20, prompts=60)
    whole = rank_orders(frame(rows), question="q")
    ends = rank_orders(frame([(r, p, s, [v[0], sorted(v[1] + v[2]), v[3]]) for r, p, s, v in rows]), question="q")
    for name in TRUTH:
        assert ends.score_of(name).score == pytest.approx(whole.score_of(name).score, abs=0.15)
    se = [each.se or 0 for each in ends.scores]
    assert sum(se) > sum(each.se or 0 for each in whole.scores), "less is known of the middle"


def test_what_forbids_a_ranking_is_said() -> None:
    assert rank_orders(frame([("r", "p", ["a", "b"], [[0], [1]])]), question="x").why == "there are no rankings"
    apart = rank_orders(frame([("r", "p", ["a", "b"], [[0], [1]]), ("r", "q", ["c", "d"], [[0], [1]])]), question="q")
    assert apart.why is not None and "never compared with each other" in apart.why
    tied = rank_orders(frame([("r", "p", ["a", "b"], [[0, 1]]), ("s", "p", ["a", "b"], [[0, 1]])]), question="q")
    assert tied.why is not None and "tied throughout" in tied.why


def test_who_never_lost_gets_a_penalised_fit() -> None:
    rows = [(f"r{at}", f"p{at}", ["a", "b", "c"], [[0], [1], [2]] if at % 2 else [[0], [2], [1]]) for at in range(8)]
    ranking = rank_orders(frame(rows), question="q")
    assert ranking.penalised and ranking.scores[0].generator == "a" and math.isfinite(ranking.scores[0].score)


def test_a_ranking_reads_back() -> None:
    ranking = rank_orders(frame(simulated(TRUTH, 3, random.Random(3))), question="q")
    assert Ranking.from_dict(ranking.to_dict()).to_dict() == ranking.to_dict()
