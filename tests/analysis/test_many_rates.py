"""The rates of all categories of all comparisons made together equal those made one by one."""

from dataclasses import is_dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evaluation.analysis import preference_many
from evaluation.analysis.estimands import ESTIMANDS
from evaluation.analysis.frame import validate_ratings
from evaluation.analysis.preference import FEW_UNITS, preference_rate
from evaluation.analysis.preference_many import category_rates
from evaluation.analysis.scale import NET_ENDS, SHARE_ENDS, bounds, many_bounds
from evaluation.analysis.summary import analyse, overall_rate
from evaluation.analysis.tally import Tally, tally_ratings


def untidy(seed: int) -> pd.DataFrame:
    """Ratings of several pairs and categories, with all that may be untidy about them."""
    rng = np.random.default_rng(seed)
    n_raters, n_prompts, n = int(rng.integers(2, 40)), int(rng.integers(2, 60)), int(rng.integers(20, 3000))
    n_generators, n_categories = int(rng.integers(2, 5)), int(rng.integers(1, 6))
    load = 1 / np.arange(1, n_raters + 1) ** rng.choice([0.0, 1.0, 2.0])
    rater = rng.choice(n_raters, size=n, p=load / load.sum())
    prompt = rng.integers(n_prompts, size=n)
    if rng.random() < 0.3:  # all answers to each prompt by raters of its own
        prompt = rater % n_prompts if rng.random() < 0.5 else prompt
    first, second = np.triu_indices(n_generators, 1)
    pair = rng.integers(len(first), size=n)
    lean = rng.normal(scale=rng.choice([0.0, 1.0, 4.0]), size=n_raters)[rater]
    lean += rng.normal(scale=rng.choice([0.0, 1.0]), size=n_prompts)[prompt] + rng.choice([0.0, 3.0, -6.0, 40.0])
    draw = lean + rng.logistic(size=n)
    gap = rng.choice([0.0, 1.0])
    choice = np.where(draw > gap, "a", np.where(draw < -gap, "b", "indifferent"))
    frame = pd.DataFrame(
        {
            "rater_id": rater.astype(str),
            "prompt_id": prompt.astype(str),
            "category": (prompt % n_categories).astype(str),
            "generator_a": first[pair].astype(str),
            "generator_b": second[pair].astype(str),
            "question": rng.choice(["alignment", "fidelity"][: int(rng.integers(1, 3))], size=n),
            "choice": choice,
        }
    )
    return validate_ratings(
        frame.drop_duplicates(["rater_id", "prompt_id", "generator_a", "generator_b", "question"]), source="made"
    )


def one_by_one(tally: Tally, estimand: str, level: float) -> dict[tuple[int, Any], Any]:
    found = {}
    for at in range(len(tally.comparisons)):
        raters, prompts = tally.by_rater.of_comparison(at), tally.by_prompt.of_comparison(at)
        for code in raters.categories().tolist():
            block = (tally.categories[code], raters.of_category(code), prompts.of_category(code))
            n = len(block[1].unit), len(block[2].unit)
            found[at, code] = preference_rate([block], *n, stratified=False, estimand=estimand, level=level)
    return found


def plain(value: Any) -> Any:
    """A rate as nested dictionaries of plain values."""
    if is_dataclass(value) and not isinstance(value, type):
        return {"is": type(value).__name__} | {key: plain(each) for key, each in vars(value).items()}
    if hasattr(value, "items"):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, tuple) else value


def assert_same(one: Any, other: Any, where: str = "") -> int:
    """Same in form and words, and in numbers but for rounding; how many numbers were compared."""
    assert type(one) is type(other), where
    if isinstance(one, dict):
        assert list(one) == list(other), where
        return sum(assert_same(one[key], other[key], f"{where} {key}") for key in one)
    if isinstance(one, list):
        assert len(one) == len(other), where
        return sum(assert_same(a, b, where) for a, b in zip(one, other, strict=True))
    if isinstance(one, float):
        assert one == pytest.approx(other, rel=1e-9, abs=1e-12), where
        return 1
    assert one == other, where
    return 0


def test_rates_made_together_are_those_made_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = together = 0
    for seed in range(60):
        monkeypatch.setattr(preference_many, "BATCH", (1, 200, 1 << 15)[seed % 3])
        tally = tally_ratings(untidy(seed))
        estimand, level = list(ESTIMANDS)[seed % len(ESTIMANDS)], (0.95, 0.8)[seed % 2]
        found = category_rates(tally.by_rater, tally.by_prompt, tally.categories, estimand, level)
        expected = one_by_one(tally, estimand, level)
        assert list(found) == list(expected)
        for key, rate in found.items():
            numbers += assert_same(plain(rate), plain(expected[key]), f"seed {seed} {key}")
            together += rate.n_raters > 1 < rate.n_prompts and max(rate.n_raters, rate.n_prompts) > FEW_UNITS
    assert numbers > 10_000 and together > 300


def test_the_overall_rate_alone_is_that_of_the_analysis() -> None:
    seen = set()
    for seed in range(60, 80):
        frame = untidy(seed)
        comparison = tally_ratings(frame).comparisons[0]
        keep = (frame[["generator_a", "generator_b"]] == [comparison.generator_a, comparison.generator_b]).all(axis=1)
        part = frame[keep & (frame["question"] == comparison.question)]
        alone, analysed = overall_rate(part), analyse(part).comparisons[0]
        assert plain(alone) == plain(analysed.overall) | {"standing": None, "words": alone.words}
        seen.add(min(len(analysed.categories), 2))
    assert seen == {1, 2}


def test_many_bounds_are_those_of_each() -> None:
    rng = np.random.default_rng(0)
    for ends in (NET_ENDS, SHARE_ENDS):
        estimate = np.concatenate([rng.uniform(*ends, size=50), ends])
        se, df = rng.exponential(0.1, size=52), rng.uniform(0.3, 60, size=52)
        whole = many_bounds(estimate, se, df, 0.9, (np.array(ends[0]), np.array(ends[1])))
        each = [bounds(*numbers, 0.9, ends) for numbers in zip(estimate, se, df, strict=True)]
        np.testing.assert_allclose(np.transpose(whole), each, rtol=1e-13)
