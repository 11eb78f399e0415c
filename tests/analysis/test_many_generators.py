"""Many generators in one table: errors of a ranking take the memory of clusters x parameters, and mean the same."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from evaluation.analysis import paired_errors, paired_units, rank_generators, ranking, validate_ratings
from evaluation.analysis.paired_counts import count_rows
from evaluation.analysis.paired_errors import Errors
from evaluation.analysis.paired_models import MODELS, Model, choice_chances, fit
from evaluation.analysis.results import rounded
from evaluation.analysis.tally import tally_ratings


def table(generators: int, votes: int, raters: int, prompts: int, seed: int = 0) -> pd.DataFrame:
    """Votes on random pairs of ``generators``, the first of them the best, by random raters on random prompts."""
    rng = np.random.default_rng(seed)
    first, second = np.triu_indices(generators, 1)
    pair = rng.integers(len(first), size=votes)
    gap = (second[pair] - first[pair]) * 2 / generators
    chances = choice_chances("davidson", gap, -0.4)
    choice = (rng.random(votes)[:, None] > chances.cumsum(axis=1)).sum(axis=1)
    columns = {
        "rater_id": [f"r{at:05d}" for at in rng.integers(raters, size=votes)],
        "prompt_id": [f"p{at:04d}" for at in rng.integers(prompts, size=votes)],
        "category": "all",
        "generator_a": [f"g{at:03d}" for at in first[pair]],
        "generator_b": [f"g{at:03d}" for at in second[pair]],
        "question": "fidelity",
        "choice": [("a", "indifferent", "b")[min(at, 2)] for at in choice],
        "a_shown_left": rng.random(votes) < 0.5,
    }
    frame = pd.DataFrame(columns)
    return validate_ratings(frame.drop_duplicates(["rater_id", "prompt_id", "generator_a", "generator_b"]))


@pytest.mark.parametrize(("generators", "raters"), [(60, 2_000), (60, 20_000), (100, 2_000)])
def test_fifty_thousand_votes_on_many_generators_take_little_memory(generators: int, raters: int) -> None:
    """Clusters x pairs x answers would be 85 MB to 2.4 GB in one array alone; clusters x parameters are 1 to 16 MB."""
    frame = table(generators, 50_000, raters, 200)
    tracemalloc.start()
    found = rank_generators(frame)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.why is None
    assert len(found.scores) == generators
    assert all(each.se is not None for each in found.scores)
    assert peak < 150e6


@pytest.mark.parametrize("correct_side", [False, True])
@pytest.mark.parametrize("model", MODELS)
def test_summed_gradients_are_those_of_the_ratings_one_by_one(model: Model, correct_side: bool) -> None:
    frame = table(6, 400, 15, 12)
    _, rows, codes = count_rows(frame, correct_side)
    fitted = fit(model, rows)
    found = Errors.of(frame, fitted, codes())
    n, width = rows.n_generators, len(fitted.bread)
    design = np.zeros((len(rows.first), width))
    at = np.arange(len(rows.first))
    design[at, rows.first], design[at, rows.second] = 1, -1
    if correct_side:
        design[:, n] = rows.side
    gradient = fitted.by_d[:, :, None] * design[:, None, :]
    if fitted.tie is not None:
        gradient[:, :, -1] += fitted.by_tie
    one = gradient.reshape(-1, width)[codes()]

    def meat(*names: str) -> np.ndarray:
        sums = pd.DataFrame(one).groupby([frame[name].astype(str) for name in names]).sum().to_numpy()
        return np.asarray(fitted.bread @ (sums.T @ sums * len(sums) / (len(sums) - 1)) @ fitted.bread)

    raters, prompts, cells = meat("rater_id"), meat("prompt_id"), meat("rater_id", "prompt_id")
    assert np.allclose(found.raters, raters, atol=1e-12)
    assert np.allclose(found.prompts, prompts, atol=1e-12)
    assert np.allclose(found.both, raters + prompts - cells, atol=1e-12)
    total = np.einsum("kc,kcd->d", rows.counts, gradient)
    assert np.abs(total).max() < 1e-8  # it is a maximum
    contrast = np.zeros(width)
    contrast[0], contrast[1] = 1, -1
    assert found.of_differences(n)[0, 1] == pytest.approx(found.variance(contrast), abs=1e-14)
    contrast[:n] = -1 / n
    contrast[n:] = 0
    contrast[2] += 1
    assert found.of_scores(n)[2] == pytest.approx(found.variance(contrast), abs=1e-14)


def test_blocks_and_sorting_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small tables are counted without sorting and summed at once, large ones sorted, and summed block by block."""
    frame = table(8, 600, 25, 30)
    at_once = rank_generators(frame)
    monkeypatch.setattr(paired_units, "DENSE", 0)
    monkeypatch.setattr(paired_units, "BLOCK", 30)
    by_blocks = rank_generators(frame)
    for one, other in zip(at_once.scores, by_blocks.scores, strict=True):
        assert (one.generator, one.rank_low, one.rank_high) == (other.generator, other.rank_low, other.rank_high)
        assert one.se == pytest.approx(other.se, rel=1e-10)


@pytest.mark.parametrize("dense", [1 << 22, 0], ids=["dense", "sorted"])
def test_a_ranking_from_counts_is_that_from_ratings(monkeypatch: pytest.MonkeyPatch, dense: int) -> None:
    """Large analyses rank from the counts that they have made, with nothing else left out or added."""
    frame = two_questions(table(6, 2_000, 20, 15))
    monkeypatch.setattr(paired_units, "DENSE", dense)
    for module in (paired_errors, ranking):
        monkeypatch.setattr(module, "EXACT_CELLS", 100)
    tally = tally_ratings(frame)
    for question in ("alignment", "fidelity"):
        by_ratings, by_counts = (
            rank_generators(frame, question=question),
            ranking.rank_counted(frame, tally, question),
        )
        assert rounded(by_counts) == rounded(by_ratings)
        assert by_ratings.n_ratings < len(frame)


def two_questions(frame: pd.DataFrame) -> pd.DataFrame:
    """Of the ratings of one question, some control trials, and a third without the first generator as another's."""
    n = len(frame)
    other = (np.arange(n) % 3 == 0) & (frame["generator_a"] != frame["generator_a"].cat.categories[0]).to_numpy()
    question = pd.Categorical.from_codes(other.astype(np.int8), categories=["alignment", "fidelity"])
    return frame.assign(question=question, control=np.arange(n) % 50 == 0)


def test_above_the_limit_of_cells_ratings_stand_for_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the votes of a cell are independent, their products add nothing: both ways come to the same."""
    frame = table(5, 2_000, 20, 15)
    exact = rank_generators(frame)
    monkeypatch.setattr(paired_errors, "EXACT_CELLS", 100)
    by_rating = rank_generators(frame)
    for one, other in zip(exact.scores, by_rating.scores, strict=True):
        assert one.se is not None
        assert other.se is not None
        assert other.se == pytest.approx(one.se, rel=0.15)


def test_differences_below_zero_by_rounding_tell_no_pair_apart() -> None:
    unit = np.arange(12) % 4, np.arange(12) % 3
    errors = Errors.of_sums(np.eye(3), np.zeros((12, 3)), *unit)
    below = -1e-19 * np.eye(3)
    nothing = replace(errors, raters=below, prompts=below, both=below)
    assert np.isinf(nothing.reaches(3, 0.95)).all()
    assert nothing.widest(np.array([1.0, -1.0, 0.0]), 0.95) is None
