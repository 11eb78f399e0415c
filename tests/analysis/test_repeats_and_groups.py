"""What a rater saw again, and groups of raters: right values, planted truths, and nothing said of a few people."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from evaluation.analysis import analyse, validate_ratings
from evaluation.analysis.columns import RatingsError
from evaluation.analysis.groups import LEAST, group_columns, rates_by_group, without_rare
from evaluation.analysis.retest import retest_of_ratings, retest_of_scores
from evaluation.analysis.score_report import report_scores
from evaluation.analysis.scores import validate_scores
from evaluation.analysis.summary_results import Analysis
from evaluation.reports.wording.results import results_text

NAMES = ["rater_id", "prompt_id", "category", "generator_a", "generator_b", "question", "choice"]


def crowd(n_raters: int = 6, n_prompts: int = 5) -> pd.DataFrame:
    """By rule: every count known."""
    rows = [
        (f"r{r}", f"p{p}", "all", "x", "y", "fidelity", ("a", "indifferent", "b")[(r + 2 * p) % 3])
        for r, p in itertools.product(range(n_raters), range(n_prompts))
    ]
    return pd.DataFrame(rows, columns=NAMES)


def test_a_repeat_is_allowed_and_stands_in_no_rate() -> None:
    once = crowd()
    again = once.assign(choice="a", repetition=1)
    both = pd.concat([once.assign(repetition=0), again], ignore_index=True)
    alone, found = analyse(once), analyse(both)
    assert found.comparisons == alone.comparisons and found.n_ratings == 30 and found.rankings == alone.rankings
    assert any(note.startswith("Repeats: 30 ratings") for note in found.notes)
    (retest,) = found.retest
    assert retest.n_units == 30 and retest.n_raters == 6 and retest.n_answers == 60
    assert retest.same.estimate == pytest.approx((once["choice"] == "a").mean())
    assert Analysis.from_dict(found.to_dict()).retest[0].n_units == 30
    assert "test-retest: the same answer in" in results_text(found, title="x")
    with pytest.raises(RatingsError, match="column repetition"):
        validate_ratings(pd.concat([both, again]))


@pytest.mark.parametrize("column", ["set", "repetition"])
@pytest.mark.parametrize("value", ["-1", "0.5", "x", "1e999"])
def test_sets_and_repetitions_are_whole_numbers(column: str, value: str) -> None:
    frame = crowd().assign(**{column: "0"})
    frame.loc[3, column] = value
    with pytest.raises(RatingsError, match=f"row 4, column {column}"):
        validate_ratings(frame)


def test_sets_count() -> None:
    both = pd.concat([crowd().assign(set=0), crowd().assign(set="1")], ignore_index=True)
    found = analyse(both)
    assert found.n_ratings == 60 and found.n_prompts == 5 and not found.retest


def test_perfect_and_reversed_memories() -> None:
    once = crowd()
    for turned, same in (
        (once["choice"], 1.0),
        (once["choice"].map({"a": "b", "b": "a", "indifferent": "indifferent"}), 1 / 3),
    ):
        both = pd.concat([once.assign(repetition=0), once.assign(choice=turned, repetition=1)], ignore_index=True)
        (found,) = retest_of_ratings(validate_ratings(both))
        assert found.same.estimate == pytest.approx(same)
        assert found.alpha.value is not None and (found.alpha.value == 1) == (same == 1.0)


def test_three_times_are_three_pairs() -> None:
    scores = pd.DataFrame(
        [("r", "p", "c", "g", "q", each, at) for at, each in enumerate((5.0, 5.0, 1.0))]
        + [("r", "o", "c", "g", "q", 2.0, at) for at in range(2)],
        columns=["rater_id", "prompt_id", "category", "generator", "question", "score", "repetition"],
    )
    (found,) = retest_of_scores(validate_scores(scores))
    assert found.same.estimate == pytest.approx((1 / 3 + 1) / 2) and found.n_answers == 5
    report = report_scores(scores)
    assert report.analysis.estimates[0].mean.estimate == pytest.approx(3.5) and report.retest


def grouped(sizes: dict[str, int]) -> pd.DataFrame:
    frame = crowd(sum(sizes.values()))
    of = dict(zip(frame["rater_id"].unique(), (name for name, n in sizes.items() for _ in range(n)), strict=True))
    return frame.assign(rater_country=frame["rater_id"].map(of))


@pytest.mark.parametrize(
    ("sizes", "shown"),
    [
        ({"de": 5, "fr": 6}, {"de", "fr"}),
        ({"de": 4, "fr": 6}, set()),  # the whole less one group is the other
        ({"de": 4, "fr": 5, "it": 8}, {"it"}),
        ({"de": 4, "es": 3, "fr": 5, "it": 8}, {"fr", "it"}),
    ],
)
def test_nothing_is_said_of_fewer_than_five(sizes: dict[str, int], shown: set[str]) -> None:
    valid = validate_ratings(grouped(sizes))
    (found,) = rates_by_group(valid, "rater_country").comparisons
    assert {name for name, _ in found.rates} == shown and found.n_held_back == len(sizes) - len(shown)
    for name, rate in found.rates:
        own = valid[(valid["rater_country"] == name).to_numpy()]
        assert rate.net == analyse(own).comparisons[0].overall.net and rate.n_raters >= LEAST
        assert rate.n_ratings == len(own)
    assert len(found.differences) == len(shown) * (len(shown) - 1) // 2


def test_columns_that_are_groups() -> None:
    frame = grouped({"de": 5, "fr": 6})
    frame["rater_name"] = frame["rater_id"] + "!"  # every rater a group of their own
    many = crowd(20)
    many["rater_name"] = many["rater_id"]
    assert group_columns(validate_ratings(frame)) == ("rater_country", "rater_name")
    assert group_columns(validate_ratings(many)) == ()
    frame.loc[0, "rater_country"] = "fr"
    with pytest.raises(RatingsError, match="'r0' has several values in rater_country: de, fr"):
        rates_by_group(validate_ratings(frame), "rater_country")


def test_a_planted_difference_is_covered() -> None:
    """Two groups of 12 raters on 20 prompts; raters and prompts vary; net shares .2 apart on average."""
    rng = np.random.default_rng(5)
    names = np.array(["b", "a"])
    rater, prompt = (np.repeat(np.arange(24), 20), np.tile(np.arange(20), 24))
    truth, covered, runs = 0.2, 0, 150
    for _ in range(runs):
        lean = 0.5 + 0.05 * np.where(np.arange(24) < 12, 1, -1)  # of A: the groups' net shares differ by .2
        chance = lean[rater] + rng.uniform(-0.2, 0.2, 24)[rater] + rng.uniform(-0.2, 0.2, 20)[prompt]
        frame = pd.DataFrame(
            {
                "rater_id": rater, "prompt_id": prompt, "category": "c", "generator_a": "x", "generator_b": "y",
                "question": "q", "choice": names[(rng.random(480) < chance).astype(int)],
                "rater_kind": np.where(rater < 12, "one", "two"),
            }
        )  # fmt: skip
        (found,) = rates_by_group(validate_ratings(frame), "rater_kind").comparisons
        ((_, _, difference),) = found.differences
        assert difference.low is not None and difference.high is not None
        covered += difference.low <= truth <= difference.high
    assert 0.90 <= covered / runs <= 0.99, covered


def test_rare_combinations_are_held_back() -> None:
    frame = grouped({"de": 5, "fr": 6, "it": 1})
    frame["rater_age"] = np.where(frame["rater_id"].isin(["r0", "r1"]), "old", "young")
    found = without_rare(frame)
    left = found.drop_duplicates("rater_id").groupby(["rater_country", "rater_age"]).size()
    assert dict(left) == {("", ""): 6, ("fr", "young"): 6}
    assert list(found["choice"]) == list(frame["choice"])
    alone = without_rare(grouped({"de": 6, "it": 1}))  # emptying one would name them: the next rarest goes too
    assert set(alone["rater_country"]) == {""}
    assert without_rare(crowd()) is not None and without_rare(grouped({"de": 5}))["rater_country"].eq("de").all()
