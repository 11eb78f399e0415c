"""The draw of images as a random effect: planted variances recovered at their coverage, and what cannot be told."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from evaluation.analysis import validate_ratings
from evaluation.analysis.draws import DRAWS, draw_parts
from evaluation.analysis.planning import Components, standard_error

TRUTH = {"rater": 0.03, "prompt": 0.04, "draw": 0.04}  # their largest values add up to less than 1


def votes(seed: int, *, raters: int = 16, prompts: int = 40, sets: int = 2) -> pd.DataFrame:
    """Every rater sees every prompt with one of its sets in turn; the chance of A is linear in the effects."""
    rng = np.random.default_rng(seed)
    # of y = +-1 the effects are twice those of the chance; bounded ones, so that no chance is cut off
    by_rater, by_prompt = (
        math.sqrt(3 * TRUTH[name]) * rng.uniform(-1, 1, n) for name, n in (("rater", raters), ("prompt", prompts))
    )
    by_draw = math.sqrt(3 * TRUTH["draw"]) * rng.uniform(-1, 1, (prompts, sets))
    rater, prompt = np.repeat(np.arange(raters), prompts), np.tile(np.arange(prompts), raters)
    shown = (rater + prompt) % sets
    mean = by_rater[rater] + by_prompt[prompt] + by_draw[prompt, shown]
    a = rng.random(len(rater)) < (1 + np.clip(mean, -1, 1)) / 2
    return validate_ratings(
        pd.DataFrame(
            {"rater_id": rater, "prompt_id": prompt, "category": "c", "generator_a": "x", "generator_b": "y",
             "question": "q", "choice": np.where(a, "a", "b"), "set": shown}
        )
    )  # fmt: skip


def test_planted_variances_are_recovered_at_their_coverage() -> None:
    runs = 30
    estimates: dict[str, list[float]] = {name: [] for name in TRUTH}
    covered = dict.fromkeys(TRUTH, 0)
    for seed in range(runs):
        (found,) = draw_parts(votes(seed))
        for name, value in TRUTH.items():
            part = found.part(name)
            estimates[name].append(part.variance)
            assert part.low is not None and part.high is not None
            covered[name] += part.low <= value <= part.high
    for name, value in TRUTH.items():
        assert np.mean(estimates[name]) == pytest.approx(value, abs=0.014), name
        assert covered[name] / runs >= 0.9, (name, covered[name] / runs)


def test_the_parts_of_the_mean_s_variance_add_up_and_plans_are_the_formula() -> None:
    (found,) = draw_parts(votes(3))
    assert sum(each.share for each in found.parts) == pytest.approx(1)
    assert (found.n_votes, found.n_raters, found.n_prompts, found.n_sets) == (640, 16, 40, 80)
    parts = Components(*(found.part(name).variance for name in ("rater", "prompt", "rest", "draw")))
    for plan in found.plans:
        wanted = 2.131449545559323 * standard_error(parts, 16, 40, plan.draws)  # t(.975, 15)
        assert plan.half_width == pytest.approx(wanted)
    widths = [each.half_width for each in found.plans]
    assert [each.draws for each in found.plans] == list(DRAWS) and widths == sorted(widths, reverse=True)


def test_one_set_a_prompt_tells_nothing_of_draws() -> None:
    frame = votes(4)
    for given in (frame.drop(columns="set"), frame.assign(set=0)):
        (found,) = draw_parts(validate_ratings(given))
        assert not found.parts and "one image set" in (found.why or "")
    alone = frame[(frame["rater_id"].astype(str) == "0").to_numpy()]
    (found,) = draw_parts(alone)
    assert found.why is not None and found.to_dict()["parts"] == []
