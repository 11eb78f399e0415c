"""Arguments that are no probabilities or designs are refused in words: no function gives NaN for them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from evaluation.analysis import RatingsError, analyse, validate_ratings
from evaluation.analysis.agreement import fleiss_kappa, krippendorff_alpha
from evaluation.analysis.compare import Selection, differences, equivalence
from evaluation.analysis.coverage import coverage_like
from evaluation.analysis.planning import (
    Components,
    cheapest,
    detectable,
    floor,
    nested_standard_error,
    power,
    precision_table,
    votes_for_share,
)
from evaluation.analysis.pooling import rank_by_category
from evaluation.analysis.ranking import rank_generators
from evaluation.analysis.resample import pigeonhole_bootstrap
from evaluation.analysis.scores import analyse_scores
from evaluation.analysis.sides import side_bias
from evaluation.analysis.simulate import CrowdSpec, Design, simulate_ratings

PAIRS = {("x", "y"): 0.3, ("y", "z"): 0.2}
RATINGS = validate_ratings(simulate_ratings(Design(5, {"c": 4, "d": 4}), CrowdSpec(), PAIRS, np.random.default_rng(0)))
SCORES = pd.DataFrame(
    {"rater_id": list("aabb"), "prompt_id": list("pqpq"), "category": "c", "generator": "x", "question": "q"}
).assign(score=[1, 2, 3, 5])
COUNTS = [[1, 2], [2, 1], [3, 0]]
PARTS = Components(0.1, 0.1, 0.1)
ASKED: dict[str, Callable[[float], object]] = {
    "analyse": lambda level: analyse(RATINGS, level=level),
    "scores": lambda level: analyse_scores(SCORES, level=level),
    "rank": lambda level: rank_generators(RATINGS, level=level),
    "rank by category": lambda level: rank_by_category(RATINGS, level=level),
    "differences": lambda level: differences(
        RATINGS, [(Selection("x", "y", "alignment"), Selection("y", "z", "alignment"))], level=level
    ),
    "equivalence": lambda level: equivalence(analyse(RATINGS).comparisons[0].overall.net, 0.1, alpha=level),
    "sides": lambda level: side_bias(RATINGS, level),
    "alpha": lambda level: krippendorff_alpha(COUNTS, level=level),
    "kappa": lambda level: fleiss_kappa(COUNTS, level=level),
    "bootstrap": lambda level: pigeonhole_bootstrap(RATINGS, "x", "y", "alignment", draws=5, level=level),
    "coverage": lambda level: coverage_like(RATINGS, "x", "y", "alignment", 1, np.random.default_rng(0), level=level),
    "floor": lambda level: floor(PARTS, 5, level=level),
    "cheapest": lambda level: cheapest(PARTS, 0.5, level=level, max_raters=5, max_prompts=5),
    "precision": lambda level: precision_table(PARTS, [5], [5], level=level),
    "detectable": lambda level: detectable(0.1, power=level),
    "power": lambda level: power(0.1, 0.1, alpha=level),
    "votes": lambda level: votes_for_share(0.6, power=level),
}


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0, -0.1, float("nan")])
@pytest.mark.parametrize("name", ASKED)
def test_levels_lie_between_0_and_1(name: str, level: float) -> None:
    with pytest.raises(ValueError, match=r"must lie between 0 and 1, as \.\d+ does; got"):
        ASKED[name](level)


@pytest.mark.parametrize("name", ASKED)
def test_a_proper_level_is_taken(name: str) -> None:
    ASKED[name](0.8)


def test_empty_designs_are_refused() -> None:
    with pytest.raises(ValueError, match="one simulation or more"):
        coverage_like(RATINGS, "x", "y", "alignment", 0, np.random.default_rng(0))
    with pytest.raises(ValueError, match="two draws or more"):
        pigeonhole_bootstrap(RATINGS, "x", "y", "alignment", draws=0)
    with pytest.raises(ValueError, match="got none"):
        nested_standard_error(PARTS, 5, [])


def test_scores_may_be_any_number_but_must_stand_in_a_frame() -> None:
    found = analyse_scores(SCORES.assign(score=[-2, -1, 0, 1])).estimates[0]
    assert found.mean.estimate == pytest.approx(-0.5)
    with pytest.raises(RatingsError, match="row 2, column score.*is not a number"):
        analyse_scores(SCORES.assign(score=[1, "good", 2, 3]))
    with pytest.raises(RatingsError, match="got dict"):
        analyse_scores(SCORES.to_dict("list"))
