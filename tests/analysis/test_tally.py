"""Counting: dense and sparse tables hold the same counts, and those are the frame's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluation.analysis import RatingsError, analyse, validate_ratings
from evaluation.analysis.tally import tally_ratings


def many_ids(n: int, raters: int, categories: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    prompt = rng.permutation(n)
    frame = pd.DataFrame(
        {
            "rater_id": [f"r{at}" for at in rng.integers(raters, size=n)],
            "prompt_id": [f"p{at}" for at in prompt],
            "category": [f"c{at % categories}" for at in prompt],
            "generator_a": "x",
            "generator_b": rng.choice(["y", "z"], size=n),
            "question": "fidelity",
            "choice": rng.choice(["a", "indifferent", "b"], size=n),
        }
    )
    return validate_ratings(frame)


@pytest.mark.parametrize(("raters", "categories"), [(6, 3), (2500, 900)], ids=["dense", "sparse"])
def test_counts_are_those_of_the_frame(raters: int, categories: int) -> None:
    frame = many_ids(4000, raters, categories)
    tally = tally_ratings(frame)
    assert [each.generator_b for each in tally.comparisons] == ["y", "z"]
    for table, unit, names in (
        (tally.by_rater, "rater_id", tally.rater_ids),
        (tally.by_prompt, "prompt_id", tally.prompt_ids),
    ):
        keys = ["generator_b", "category", unit]
        wanted = frame.groupby([*keys, "choice"], observed=True).size().unstack(fill_value=0)
        wanted = wanted[["a", "indifferent", "b"]]
        found = {
            (tally.comparisons[k].generator_b, tally.categories[c], names[u]): tuple(row)
            for k, c, u, row in zip(table.comparison, table.category, table.unit, table.counts.tolist(), strict=True)
        }
        assert found == {key: tuple(row) for key, row in zip(wanted.index, wanted.to_numpy().tolist(), strict=True)}
        order = np.lexsort((table.unit, table.category, table.comparison))
        assert (order == np.arange(len(order))).all()


def test_a_category_for_each_prompt_still_has_an_overall_figure() -> None:
    frame = many_ids(400, 20, 400)
    found = analyse(frame).to_dict()["comparisons"][0]
    assert found["overall"]["net"]["intervals"]["two_way"] is not None
    assert len(found["categories"]) == found["overall"]["n_prompts"]


def test_a_frame_must_be_validated() -> None:
    with pytest.raises(RatingsError, match="validate_ratings"):
        tally_ratings(many_ids(10, 2, 2).astype({"rater_id": object}))
