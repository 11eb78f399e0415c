"""The JOD scale: Thurstone's model against a probit regression, and what one JOD is."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from evaluation.analysis import rank_generators, validate_ratings


@pytest.mark.parametrize("ties", [False, True])
def test_thurstone_is_the_probit_regression_in_jod(ties: bool) -> None:
    """Peer: statsmodels' binomial GLM with a probit link; an indifferent answer is half a win and half a loss."""
    sm = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(8)
    truth = {"p": 0.9, "q": 0.2, "r": -0.3, "s": -0.8}  # JOD
    rows = []
    for rater, prompt in itertools.product(range(8), range(12)):
        for a, b in itertools.combinations(truth, 2):
            chance = stats.norm.cdf(stats.norm.ppf(0.75) * (truth[a] - truth[b]))
            choice = "indifferent" if ties and rng.random() < 0.2 else "a" if rng.random() < chance else "b"
            rows.append((f"r{rater}", f"p{prompt}", "c", a, b, "q", choice))
    names = ["rater_id", "prompt_id", "category", "generator_a", "generator_b", "question", "choice"]
    frame = validate_ratings(pd.DataFrame(rows, columns=names))
    found = rank_generators(frame, model="thurstone")
    design, won, weight = [], [], []
    for _, _, _, a, b, _, choice in rows:
        line = [(name == a) - (name == b) for name in truth][1:]
        for side, share in (
            (1, {"a": 1.0, "indifferent": 0.5, "b": 0.0}[choice]),
            (0, {"a": 0.0, "indifferent": 0.5, "b": 1.0}[choice]),
        ):
            if share:
                design.append(line)
                won.append(side)
                weight.append(share)
    family = sm.families.Binomial(link=sm.families.links.Probit())
    fitted = sm.GLM(np.array(won), np.array(design), family=family, freq_weights=np.array(weight)).fit(tol=1e-12)
    theirs = np.concatenate([[0.0], fitted.params]) / stats.norm.ppf(0.75)
    theirs -= theirs.mean()
    assert found.model == "thurstone" and found.tie is None
    for name, score in zip(truth, theirs, strict=True):
        assert found.score_of(name).score == pytest.approx(score, abs=1e-6)
        own = found.score_of(name)
        assert own.low is not None and own.high is not None
        assert ties or own.low < truth[name] < own.high  # halved ties pull all scores together


def test_at_one_jod_three_of_four_choose_the_better() -> None:
    rows = [
        (f"r{n}", f"p{m}", "c", "x", "y", "q", "b" if (n + m) % 4 == 0 else "a") for n in range(4) for m in range(4)
    ]
    names = ["rater_id", "prompt_id", "category", "generator_a", "generator_b", "question", "choice"]
    found = rank_generators(validate_ratings(pd.DataFrame(rows, columns=names)), model="thurstone")
    assert found.score_of("x").score - found.score_of("y").score == pytest.approx(1, abs=1e-9)
