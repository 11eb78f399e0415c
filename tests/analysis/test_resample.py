"""The pigeonhole bootstrap: its moments are those of the closed form, and a replayed draw is the same draw."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluation.analysis import analyse, validate_ratings
from evaluation.analysis.estimates import Interval
from evaluation.analysis.resample import pigeonhole_bootstrap
from evaluation.analysis.simulate import CrowdSpec, Design, simulate_ratings


def crowd(design: Design, seed: int = 0) -> pd.DataFrame:
    return validate_ratings(simulate_ratings(design, CrowdSpec(), 0.6, np.random.default_rng(seed)))


@pytest.mark.parametrize(
    "design",
    [
        Design(15, {"c": 12}),
        Design(15, {"c": 20}, share_rated=0.5),
        Design(12, {"c": 10, "d": 14, "e": 8}, nested=True),
    ],
    ids=["complete", "sparse", "nested"],
)
def test_moments_are_the_closed_form(design: Design) -> None:
    ratings = crowd(design)
    rate = analyse(ratings).comparisons[0]
    drawn = pigeonhole_bootstrap(ratings, "x", "y", "alignment", draws=6000, seed=1)
    assert drawn.estimate == pytest.approx(rate.overall.net.estimate)
    for category, found in [(None, rate.overall), *rate.categories.items()]:
        exact = found.net.intervals["pigeonhole"]
        assert isinstance(exact, Interval)
        assert drawn.interval(category).se == pytest.approx(exact.se, rel=0.06)


def test_seeded_and_turned() -> None:
    ratings = crowd(Design(6, {"c": 5, "d": 3}))
    one, same, other = (pigeonhole_bootstrap(ratings, "x", "y", "alignment", draws=50, seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(one.overall, same.overall) and not np.array_equal(one.overall, other.overall)
    turned = pigeonhole_bootstrap(ratings, "y", "x", "alignment", draws=50, seed=3)
    assert turned.overall == pytest.approx(-one.overall)
    assert set(one.categories) == {"c", "d"}


def test_unknown_comparisons_are_named() -> None:
    with pytest.raises(ValueError, match="'w'"):
        pigeonhole_bootstrap(crowd(Design(3, {"c": 3})), "w", "x", "alignment")


def test_what_says_nothing_about_others_has_no_interval() -> None:
    ratings = crowd(Design(3, {"c": 3, "d": 3}))
    alike = ratings.assign(choice=pd.Categorical(["a"] * len(ratings), categories=["a", "indifferent", "b"]))
    with pytest.raises(ValueError, match="spread is zero"):
        pigeonhole_bootstrap(alike, "x", "y", "alignment", draws=20).interval()
    with pytest.raises(ValueError, match="one rater"):
        pigeonhole_bootstrap(ratings[ratings["rater_id"] == "rater-0000"], "x", "y", "alignment")
    with pytest.raises(ValueError, match="one prompt"):
        pigeonhole_bootstrap(ratings[ratings["prompt_id"] == "c-000"], "x", "y", "alignment")
    with pytest.raises(ValueError, match="none at all"):
        pigeonhole_bootstrap(validate_ratings(ratings.head(0)), "x", "y", "alignment")
    with pytest.raises(ValueError, match="'cc'; did you mean \"c\". There are c, d"):
        pigeonhole_bootstrap(ratings, "x", "y", "alignment", draws=20).interval("cc")
