"""A frame that was validated and then filtered gives what its rows alone give: unused levels do not count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evaluation.analysis import (
    Selection,
    coverage_like,
    differences,
    influence,
    pigeonhole_bootstrap,
    rank_by_category,
    rank_generators,
    rater_table,
    side_bias,
    tally_ratings,
    validate_ratings,
)
from evaluation.analysis.coverage import crowd_like
from evaluation.analysis.sequential import rater_means
from evaluation.analysis.simulate import CrowdSpec, Design, simulate_ratings
from evaluation.analysis.summary import analyse_valid

PAIRS = {("w", "x"): 0.5, ("x", "y"): 0.2, ("w", "y"): 0.4}


def frames() -> tuple[pd.DataFrame, pd.DataFrame]:
    """A filtered frame, and its rows validated by themselves."""
    design = Design(7, {"c": 6, "d": 6, "e": 5}, questions=("fidelity", "alignment"))
    whole = validate_ratings(simulate_ratings(design, CrowdSpec(), PAIRS, np.random.default_rng(0)))
    keep = (whole["question"] == "fidelity") & (whole["category"] != "d") & (whole["rater_id"] != "rater-0003")
    keep &= whole["prompt_id"] != "c-002"
    part = whole[keep.to_numpy()]
    plain = part.astype({name: object for name in part.columns if isinstance(part[name].dtype, pd.CategoricalDtype)})
    return part, validate_ratings(plain.reset_index(drop=True))


def bootstrap(frame: pd.DataFrame) -> Any:
    found = pigeonhole_bootstrap(frame, "w", "x", "fidelity", draws=50, seed=1)
    return found.interval(), sorted(found.categories), found.interval("e")


WAYS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "analyse": lambda frame: analyse_valid(frame).to_json(),
    "rank": lambda frame: rank_generators(frame).to_dict(),
    "rank a category": lambda frame: rank_generators(frame, category="e").to_dict(),
    "rank by category": lambda frame: rank_by_category(frame).to_dict(),
    "raters": lambda frame: rater_table(frame).astype(object).to_json(),
    "bootstrap": bootstrap,
    "sides": side_bias,
    "differences": lambda frame: differences(
        frame, [(Selection("w", "x", "fidelity", "c"), Selection("w", "x", "fidelity", "e"))]
    ),
    "influence": lambda frame: influence(tally_ratings(frame), 0, "rater").to_dict(),
    "means": lambda frame: list(rater_means(frame, "w", "x", "fidelity")),
    "crowd": lambda frame: crowd_like(frame, "w", "x", "fidelity"),
    "coverage": lambda frame: coverage_like(frame, "w", "x", "fidelity", 3, np.random.default_rng(0)).intervals,
}


@pytest.mark.parametrize("way", WAYS)
def test_levels_that_do_not_occur_do_not_count(way: str) -> None:
    part, alone = frames()
    assert WAYS[way](part) == WAYS[way](alone)


def test_a_category_or_question_that_was_filtered_out_is_unknown() -> None:
    part, _ = frames()
    with pytest.raises(ValueError, match=r"Unknown category 'd'.* There are c, e"):
        rank_generators(part, category="d")
    with pytest.raises(ValueError, match=r"there are fidelity\.$"):
        pigeonhole_bootstrap(part, "w", "x", "other", draws=5, seed=1)
