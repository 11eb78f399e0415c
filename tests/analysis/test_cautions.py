"""The rules by which an untidy design is warned of, each just met and just missed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from evaluation.analysis.cautions import CODES, NEAR_END, cautions, is_skewed, uneven
from evaluation.analysis.effective_design import EffectiveDesign
from evaluation.analysis.frame import validate_ratings
from evaluation.analysis.summary import overall_rate

Float = npt.NDArray[np.float64]


def codes(rater_counts: Float, prompts: list[int], of_prompt: list[int]) -> list[str]:
    """Codes of (R, K, 3) counts, with prompts of these sizes in these categories."""
    sizes = np.zeros((len(prompts), rater_counts.shape[1]))
    sizes[np.arange(len(prompts)), of_prompt] = prompts
    design = EffectiveDesign.of(rater_counts.sum(axis=2), sizes)
    found = cautions(design, rater_counts, ["c", "d"])
    assert all(each.code in CODES and each.words.endswith(".") for each in found)
    return [each.code for each in found]


def panel(raters: int, prompts: int, a: float = 0.5) -> Float:
    """One category; each rater the same counts."""
    first = round(a * prompts)
    return np.tile(np.array([[first, 0.0, prompts - first]]), (raters, 1, 1))


@pytest.mark.parametrize(
    ("raters", "prompts", "wanted"),
    [(2, 10, ["two_raters"]), (3, 10, ["few_raters"]), (4, 10, ["few_raters"]), (5, 10, []), (10, 2, ["two_prompts"])],
)
def test_few_units(raters: int, prompts: int, wanted: list[str]) -> None:
    assert codes(panel(raters, prompts), [raters] * prompts, [0] * prompts) == wanted


def test_near_the_ends() -> None:
    assert codes(panel(6, 10, NEAR_END), [6] * 10, [0] * 10) == ["near_the_ends"]
    assert codes(panel(6, 10, 1 - NEAR_END), [6] * 10, [0] * 10) == ["near_the_ends"]
    assert codes(panel(6, 10, 0.8), [6] * 10, [0] * 10) == []


def test_unequal_loads_are_ignored_by_the_interval_for_these_prompts_alone() -> None:
    """Its degrees of freedom are raters less one (docs/coverage.md, "Narrower estimands")."""
    for loads, warned in ((np.r_[200, 60, np.full(20, 5)], True), (np.full(22, 20), False)):
        ratings = [rated(rater, prompt) for rater, load in enumerate(loads.tolist()) for prompt in range(load)]
        for estimand in ("raters", "raters_and_prompts", "prompts", "votes"):
            rate = overall_rate(validate_ratings(pd.DataFrame(ratings)), estimand)
            codes = [each.code for each in rate.cautions]
            assert ("loads_ignored" in codes) == (warned and estimand == "raters")
            assert ("unequal_loads" in codes) == warned


def rated(rater: int, prompt: int) -> dict[str, str]:
    choice = ("a", "indifferent", "b")[(rater * 7 + prompt * 3) % 3]
    ids = {"rater_id": f"r{rater}", "prompt_id": f"p{prompt}", "category": "c"}
    return ids | {"generator_a": "x", "generator_b": "y", "question": "q", "choice": choice}


def test_unequal_loads() -> None:
    assert not uneven(np.array([10.0, 10.0, 20.0])) and uneven(np.array([1.0, 1.0, 1.0, 1.0, 1.0, 30.0]))
    assert not uneven(np.array([50.0]))
    counts = np.array([[[1.0, 0, 1]]] * 5 + [[[15.0, 0, 15]]])
    assert "unequal_loads" in codes(counts, [1] * 40, [0] * 40)


def test_unlike_and_lone_panels() -> None:
    counts = np.zeros((8, 2, 3))
    counts[:5, 0] = [10, 0, 10]
    counts[5:, 1] = [2, 0, 2]
    prompts, of_prompt = [5] * 20 + [3] * 4, [0] * 20 + [1] * 4
    assert "unlike_panels" in codes(counts, prompts, of_prompt)
    even = np.zeros((10, 2, 3))
    even[:5, 0] = even[5:, 1] = [4, 0, 4]
    assert codes(even, [5] * 16, [0] * 8 + [1] * 8) == []
    lone = np.zeros((6, 2, 3))
    lone[:5, 0], lone[5:, 1] = [4, 0, 4], [2, 0, 2]
    assert "lone_panel" in codes(lone, [5] * 8 + [1] * 4, [0] * 8 + [1] * 4)


def test_a_few_raters_of_another_taste() -> None:
    alike = np.array([[8.0, 0, 4]] * 12)
    torn = alike.copy()
    torn[0] = [0, 0, 12]
    assert is_skewed(torn) and not is_skewed(alike) and not is_skewed(torn[:9])
    halves = np.array([[8.0, 0, 4], [4.0, 0, 8]] * 6)
    assert not is_skewed(halves)
