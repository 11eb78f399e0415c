"""Single-image scores: the same intervals as brute force, ordinal alpha, and bad input named."""

from __future__ import annotations

import math

import krippendorff
import numpy as np
import pandas as pd
import pytest

from evaluation.analysis.columns import RatingsError
from evaluation.analysis.estimates import Interval
from evaluation.analysis.scores import SCALES, analyse_scores, validate_scores


def frame(seed: int = 0, levels: tuple[float, ...] = SCALES["yes-somewhat-no"]) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = [
        (f"r{r}", f"{c}{p}", c, generator, "alignment", rng.choice(levels))
        for c in ("c", "d")
        for r in range(5)
        for p in range(4)
        for generator in ("x", "y")
    ]
    return pd.DataFrame(rows, columns=["rater_id", "prompt_id", "category", "generator", "question", "score"])


def test_means_and_two_way_errors_by_brute_force() -> None:
    scores = frame()
    found = analyse_scores(scores, levels=SCALES["yes-somewhat-no"])
    part = scores[scores["generator"] == "x"]
    e = part.assign(e=part["score"] - part["score"].mean())
    sums = [e.groupby(key)["e"].sum() for key in ("rater_id", "prompt_id")]
    one_way = [float((each**2).sum() * len(each) / (len(each) - 1)) for each in sums]
    cells = float((e["e"] ** 2).sum() * 40 / 39)
    estimate = next(each for each in found.estimates if each.generator == "x" and each.category is None)
    interval, default = estimate.mean.intervals["two_way"], estimate.mean.interval
    assert isinstance(interval, Interval) and interval.df == 4
    assert default is not None and default.method == "effective" and 0 < default.low < default.high < 100
    assert estimate.mean.estimate == pytest.approx(part["score"].mean())
    assert interval.se == pytest.approx(math.sqrt(max(sum(one_way) - cells, *one_way)) / 40)
    assert len(found.estimates) == 6 and len(found.to_frame()) == 6


def test_ordinal_alpha_against_the_library() -> None:
    scores = frame(3, SCALES["five-point"])
    found = analyse_scores(scores, levels=SCALES["five-point"]).agreement["alignment"]
    wide = scores.pivot(index="rater_id", columns=["prompt_id", "generator"], values="score").to_numpy()
    assert found.value == pytest.approx(krippendorff.alpha(wide, level_of_measurement="ordinal"))


def test_unable_to_answer_is_counted_and_left_out() -> None:
    scores = frame()
    scores.loc[[0, 2], "score"] = np.nan
    estimate = analyse_scores(scores).estimates[0]
    assert estimate.n_unable == 2 and estimate.n_ratings == 38


def test_same_bytes_for_any_order_of_rows() -> None:
    scores = frame(1, (0.1, 0.7, 1.3))
    assert analyse_scores(scores).to_json() == analyse_scores(scores.sample(frac=1, random_state=1)).to_json()


def test_bad_scores_are_named() -> None:
    scores = frame()
    scores.loc[4, "score"] = 70
    with pytest.raises(RatingsError, match="row 5, column score: 70 is not on the scale. Allowed are 0, 50, 100"):
        validate_scores(scores, SCALES["yes-somewhat-no"])
    with pytest.raises(RatingsError, match="lacks the column score"):
        validate_scores(scores.drop(columns="score"))
    with pytest.raises(RatingsError, match="row 81, column rater_id"):
        validate_scores(pd.concat([frame(), frame().iloc[[3]]]))
    with pytest.raises(RatingsError, match="'high' is not a number"):
        validate_scores(frame().assign(score="high"))
