"""Automatic scores against raters: counted by hand and by brute force, thresholds, ceilings, correlation, bad files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from evaluation.analysis import RatingsError
from evaluation.analysis.automatic_agreement import automatic_agreement
from evaluation.analysis.automatic_results import ComparisonAgreement, MetricAgreement
from evaluation.analysis.automatic_scores import (
    image_sets,
    metric_directions,
    read_automatic_scores,
    score_differences,
    validate_automatic_scores,
)
from evaluation.analysis.crossed import Variance, block_variances, panel_sums
from evaluation.analysis.estimates import Interval
from evaluation.analysis.rank_correlation import kendall_tau_b
from evaluation.analysis.rater_ceiling import agreement_of_raters
from evaluation.analysis.scores import analyse_scores
from evaluation.analysis.simulate import CrowdSpec, Design, simulate_ratings

SCORE_COLUMNS = ["prompt_id", "generator", "sample", "metric", "value"]
RATING_COLUMNS = ["rater_id", "prompt_id", "category", "generator_a", "generator_b", "question", "choice"]


def scores_of(differences: dict[str, float], metric: str = "m", better: str = "higher") -> pd.DataFrame:
    """Scores of x and y whose difference on each prompt is that."""
    rows = [(p, g, 0, metric, d if g == "x" else 0.0) for p, d in differences.items() for g in "xy"]
    return pd.DataFrame(rows, columns=SCORE_COLUMNS).assign(better=better)


def ratings_of(answers: dict[str, str], categories: dict[str, str] | None = None) -> pd.DataFrame:
    """``answers``: by prompt, one letter a rater: a, i, b (x is A)."""
    words = {"a": "a", "i": "indifferent", "b": "b"}
    rows = [
        (f"r{rater}", prompt, (categories or {}).get(prompt, "all"), "x", "y", "fidelity", words[letter])
        for prompt, letters in answers.items()
        for rater, letter in enumerate(letters)
    ]
    return pd.DataFrame(rows, columns=RATING_COLUMNS)


def only(ratings: pd.DataFrame, scores: pd.DataFrame, **settings: Any) -> ComparisonAgreement:
    return automatic_agreement(ratings, scores, **settings).comparisons[0]


def overall(comparison: ComparisonAgreement, metric: str = "m") -> MetricAgreement:
    return next(each for each in comparison.metrics if each.metric == metric and each.category is None)


def test_counted_by_hand() -> None:
    """p: aab, d = 2; q: iib, d = .1; s: bba, d = -1; t: iaa, d = 0.

    Decided on the side of the difference: p 2 of 3, q 0 of 1, s 2 of 3, t 1 of 2 (no difference counts half): 5 of 9.
    Threshold by all prompts: as a tie, t has 1 and (being 0) cannot be a side; q has 2 rather than 0; s 0 rather than
    2. So q and t are ties, the threshold is .1, and 2 + 2 + 2 + 1 of 12 agree with it. Without q the others say 0 (no
    tie gains anything), so q is called A, and 0 of its three agree; p, s and t without themselves see q and say .1.
    """
    found = overall(
        only(
            ratings_of({"p": "aab", "q": "iib", "s": "bba", "t": "iaa"}), scores_of({"p": 2, "q": 0.1, "s": -1, "t": 0})
        )
    )
    assert found.decided is not None and found.decided.estimate == pytest.approx(5 / 9)
    assert found.threshold == pytest.approx(0.1)
    assert found.accuracy.estimate == pytest.approx((2 + 0 + 2 + 1) / 12)
    assert found.constant == pytest.approx(5 / 12)
    assert (found.n_ratings, found.n_prompts, found.n_raters, found.n_unscored) == (12, 4, 3, 0)


@pytest.mark.parametrize("seed", range(4))
def test_thresholds_by_brute_force(seed: int) -> None:
    """Each prompt is called by the threshold that does best on the other prompts, found by trying all."""
    rng = np.random.default_rng(seed)
    names = [f"p{n:02d}" for n in range(15)]
    differences = dict(zip(names, np.round(rng.normal(size=15), 1).tolist(), strict=True))
    answers = {name: "".join(rng.choice(list("aib"), size=4)) for name in names}
    found = overall(only(ratings_of(answers), scores_of(differences)))

    def agree(prompt: str, threshold: float) -> int:
        d = differences[prompt]
        word = "i" if abs(d) <= threshold else "a" if d > 0 else "b"
        return answers[prompt].count(word)

    levels = sorted({0.0, *(abs(d) for d in differences.values())})
    total = 0
    for name in names:
        best = max(levels, key=lambda level: (sum(agree(other, level) for other in names if other != name), -level))
        total += agree(name, best)
    assert found.accuracy.estimate == pytest.approx(total / 60)
    assert found.threshold == max(levels, key=lambda level: (sum(agree(name, level) for name in names), -level))


def test_intervals_are_those_of_any_mean() -> None:
    rng = np.random.default_rng(1)
    ratings = simulate_ratings(Design(6, {"c": 12, "d": 9}), CrowdSpec(0.3, 1.0, tie=0.0), 0.3, rng)
    scores = scores_of({name: rng.normal() for name in ratings["prompt_id"].unique()})
    difference = scores[scores["generator"] == "x"].set_index("prompt_id")["value"]
    side = ratings["prompt_id"].map(difference) > 0
    right = (side == (ratings["choice"] == "a")).to_numpy(dtype=float)
    found = overall(only(ratings, scores)).decided
    wanted = block_variances(panel_sums(right, ratings["rater_id"], ratings["prompt_id"]))
    assert found is not None and found.estimate == pytest.approx(right.mean())
    for method in ("independent", "by_rater", "by_prompt", "two_way"):
        own, house = found.intervals[method], wanted[method]
        assert isinstance(own, Interval) and isinstance(house, Variance)
        assert own.se**2 == pytest.approx(house.value)
    as_scores = ratings.assign(generator="x", score=right)[
        ["rater_id", "prompt_id", "category", "generator", "question"]
    ]
    mean = analyse_scores(as_scores.assign(score=right), levels=(0.0, 1.0)).estimates[0].mean
    assert found.default == mean.default == "effective" and found.interval == mean.interval
    by_rater = overall(only(ratings, scores, estimand="raters")).decided
    assert by_rater is not None and by_rater.default == "by_rater"


def test_direction_categories_and_missing_scores() -> None:
    answers = {"p": "aaa", "q": "bbb", "s": "aab", "t": "bba"}
    ratings = ratings_of(answers, {"p": "one", "q": "one", "s": "two", "t": "two"})
    scores = pd.concat(
        [
            scores_of({"p": 1, "q": -1, "s": 1, "t": -1}, "good"),
            scores_of({"p": -1, "q": 1, "s": -1, "t": 1}, "cost", "lower"),
            scores_of({"p": 1, "q": -1, "s": np.nan, "t": -1}, "gaps"),
        ]
    )
    comparison = only(ratings, scores)
    good, cost, gaps = (overall(comparison, name) for name in ("good", "cost", "gaps"))
    assert good.accuracy.estimate == cost.accuracy.estimate == pytest.approx(10 / 12)
    assert (gaps.n_ratings, gaps.n_unscored, gaps.n_prompts) == (9, 3, 3)
    categories = {each.category: each.accuracy.estimate for each in comparison.metrics if each.metric == "good"}
    assert categories == {None: pytest.approx(10 / 12), "one": 1.0, "two": pytest.approx(4 / 6)}
    turned = ratings.assign(generator_a="y", generator_b="x", choice=ratings["choice"].map({"a": "b", "b": "a"}))
    assert automatic_agreement(turned, scores).to_json() == automatic_agreement(ratings, scores).to_json()


def test_differences_are_paired_and_corrected() -> None:
    rng = np.random.default_rng(4)
    ratings = simulate_ratings(Design(8, {"c": 60}), CrowdSpec(0.2, 1.5), 0.2, rng)
    net = ratings["choice"].map({"a": 1, "indifferent": 0, "b": -1}).groupby(ratings["prompt_id"]).mean()
    parts = [
        scores_of({p: v + 0.1 * rng.normal() for p, v in net.items()}, "near"),
        scores_of({p: v + 0.12 * rng.normal() for p, v in net.items()}, "nearly"),
        scores_of({p: rng.normal() for p in net.index}, "noise"),
    ]
    comparison = only(ratings, pd.concat(parts))
    found = {(each.first, each.second): each for each in comparison.differences if each.kind == "decided"}
    near, noise = (overall(comparison, name).decided for name in ("near", "noise"))
    own = found["near", "noise"]
    assert near is not None and noise is not None
    assert own.difference.estimate == pytest.approx(near.estimate - noise.estimate)
    assert own.p_holm is not None and own.p_holm < 0.01
    close = found["near", "nearly"].difference.interval
    apart = near.interval
    assert close is not None and apart is not None and close.half_width < apart.half_width  # what both share cancels
    assert {each.kind for each in comparison.differences} == {"accuracy", "decided"} and len(found) == 3


def test_where_they_disagree_most() -> None:
    answers = {"p": "aaa", "q": "bbb", "s": "iab", "t": "aab"}
    comparison = only(ratings_of(answers), scores_of({"p": -3, "q": 1, "s": 2, "t": 0.5}))
    assert [each.prompt_id for each in comparison.disagreements] == ["p", "q"]
    first = comparison.disagreements[0]
    assert (first.net, first.difference, first.rank, first.weight, first.n_ratings) == (1.0, -3.0, -1.0, 1.0, 3)
    assert comparison.disagreements[1].weight == pytest.approx(0.5)  # two of four differences are no larger


def test_raters_among_themselves_by_hand() -> None:
    """p: a a b; q: i a. Majority of the others: p: rater 0 sees a, b: half; rater 1 the same; rater 2 sees a, a: no.

    q: each sees the other: no. Another: p: a has 1 of 2, a 1 of 2, b 0; q: 0, 0. Decided: in p the same majorities;
    the a of q has no decided other.
    """
    answer, rater, prompt = np.array([0, 0, 2, 1, 0]), np.array([0, 1, 2, 0, 1]), np.array([0, 0, 0, 1, 1])
    found = {name: each.estimate if each else None for name, each in agreement_of_raters(answer, rater, prompt).items()}
    wanted = {"majority": 1 / 5, "another": 1 / 5, "majority_decided": 1 / 3, "another_decided": 1 / 3}
    assert found == {name: pytest.approx(value) for name, value in wanted.items()}
    alone = agreement_of_raters(np.array([0, 1]), np.array([0, 1]), np.array([0, 1]))
    assert set(alone.values()) == {None}


def test_one_other_rater_is_the_share_of_agreeing_pairs() -> None:
    rng = np.random.default_rng(2)
    table = rng.integers(3, size=(5, 12))
    rater, prompt = (each.ravel() for each in np.indices(table.shape))
    pairs = [table[i] == table[k] for i in range(5) for k in range(5) if i != k]
    found = agreement_of_raters(table.ravel(), rater, prompt)["another"]
    assert found is not None and found.estimate == pytest.approx(np.mean(pairs))
    own = found.interval
    assert own is not None and own.low < found.estimate < own.high


def test_the_rater_interval_sees_both_sides() -> None:
    """Raters of unlike minds and hardly any noise: simple sums over raters would see a quarter of the variance."""
    rng = np.random.default_rng(5)
    estimates, errors = [], []
    for _ in range(150):
        share = rng.beta(0.6, 0.6, size=12)
        table = (rng.random((12, 60)) < share[:, None]).astype(np.int64) * 2
        rater, prompt = (each.ravel() for each in np.indices(table.shape))
        found = agreement_of_raters(table.ravel(), rater, prompt)["another"]
        assert found is not None and found.interval is not None
        estimates.append(found.estimate)
        errors.append(found.interval.se)
    assert 0.8 < np.mean(errors) / np.std(estimates) < 1.4


@pytest.mark.parametrize("ties", [False, True])
def test_tau_is_scipys_and_its_interval_the_jackknife(ties: bool) -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(size=30)
    y = x + rng.normal(size=30)
    if ties:
        x, y = np.round(x), np.round(y)
    found = kendall_tau_b(x, y)
    assert found.value == pytest.approx(stats.kendalltau(x, y).statistic)
    without = np.arctanh([stats.kendalltau(np.delete(x, k), np.delete(y, k)).statistic for k in range(30)])
    half = stats.t.ppf(0.975, 29) * np.sqrt(29 / 30 * ((without - without.mean()) ** 2).sum())
    assert found.value is not None and found.low is not None and found.high is not None
    assert np.arctanh([found.low, found.high]) == pytest.approx(np.arctanh(found.value) + np.array([-half, half]))


def test_tau_that_cannot_be_had() -> None:
    assert "alike" in str(kendall_tau_b([1, 1, 1], [1, 2, 3]).why)
    assert "fewer than" in str(kendall_tau_b([1, 2, 3], [1, 3, 2]).why)
    perfect = kendall_tau_b(range(9), range(9))
    assert perfect.value == 1 and perfect.low is None and "perfect" in str(perfect.why)
    with pytest.raises(ValueError, match="equally long"):
        kendall_tau_b([1, 2], [1])


def test_document_and_table() -> None:
    rng = np.random.default_rng(7)
    ratings = simulate_ratings(Design(4, {"c": 8, "d": 8}), CrowdSpec(), {("x", "y"): 0.3, ("y", "z"): 0.1}, rng)
    scores = scores_of({name: rng.normal() for name in ratings["prompt_id"].unique()})
    found = automatic_agreement(ratings, scores)
    assert found.notes == ("No scores of z: their comparisons are left out.",)
    told = json.loads(found.to_json())
    assert told["comparisons"][0]["metrics"][0]["accuracy"]["default"] in ("effective", "by_rater", "by_prompt")
    assert told["n_simulated"] == 4 * 16 and len(found.to_frame()) == 3 and "<table" in found._repr_html_()
    again = automatic_agreement(ratings.sample(frac=1, random_state=0), scores.sample(frac=1, random_state=0))
    assert again.to_json() == found.to_json()


def test_sets_and_their_aggregates() -> None:
    rows = [("p", "x", n, "m", value) for n, value in enumerate([1.0, 2.0, 6.0, None])]
    rows += [("p", "y", n, "m", 1.0) for n in range(4)] + [("q", "x", 0, "m", None), ("q", "y", 0, "m", 1.0)]
    scores = validate_automatic_scores(pd.DataFrame(rows, columns=SCORE_COLUMNS))
    for aggregate, wanted in (("mean", 3.0), ("median", 2.0), ("max", 6.0), ("min", 1.0)):
        sets = image_sets(scores, aggregate)
        row = sets[(sets["prompt_id"] == "p") & (sets["generator"] == "x")].iloc[0]
        assert (row["score"], row["n_samples"], row["n_missing"]) == (wanted, 3, 1)
    table = score_differences(image_sets(scores), metric_directions(scores), "x", "y")
    assert table.loc["p", "m"] == 2.0 and np.isnan(table.loc["q", "m"])
    with pytest.raises(ValueError, match="'meen'; did you mean \"mean\".*mean, median, max, min"):
        image_sets(scores, "meen")


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_files(tmp_path: Path, suffix: str) -> None:
    frame = pd.DataFrame(
        [("007", "x", 0, "m", -0.5, "lower", "c"), ("-1", "x", 1, "m", None, "lower", "d")],
        columns=[*SCORE_COLUMNS, "better", "category"],
    )
    path = tmp_path / f"scores.{suffix}"
    if suffix == "csv":
        frame.assign(prompt_id=["007", "'-1"]).to_csv(path, index=False)  # as an export writes it for spreadsheets
    else:
        frame.to_parquet(path)
    found = read_automatic_scores(path)
    assert (
        list(found["prompt_id"]) == ["007", "-1"]
        and found["value"].iloc[0] == -0.5
        and np.isnan(found["value"].iloc[1])
    )
    assert metric_directions(found) == {"m": "lower"}
    pd.testing.assert_frame_equal(validate_automatic_scores(found), found)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("prompt_id,generator,sample,metrik,value\n", "lacks the column metric .is 'metrik' meant to be 'metric'"),
        ("prompt_id,generator,sample,metric,value\np,x,0,m,high\n", r"row 1 \(line 2\), column value: 'high' is not a"),
        ("prompt_id,generator,sample,metric,value\np,x,0,m,inf\n", "'inf' is not a number"),
        ("prompt_id,generator,sample,metric,value\np,x,0,m,1\np,x,0,m,2\n", r"row 2 \(line 3\).*has a score by this"),
        ("prompt_id,generator,sample,metric,value\np,,0,m,1\n", "column generator: the value is empty"),
        ("prompt_id,generator,sample,metric,value,better\np,x,0,m,1,hihger\n", "'hihger'.*; did you mean \"higher\""),
        ("prompt_id,generator,sample,metric,value,better\np,x,0,m,1,lower\np,x,1,m,1,\n", "'m' has 'higher' here and"),
        ("prompt_id,generator,sample,metric,value,category\np,x,0,m,1,c\np,x,1,m,1,d\n", "'p' has 'd' here and 'c'"),
        ("prompt_id,generator,sample,metric,value\np,x\n", "cannot be read as CSV"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(text)
    with pytest.raises(RatingsError, match=message):
        read_automatic_scores(path)


def test_bad_input_is_named(tmp_path: Path) -> None:
    ratings = ratings_of({"p": "ab", "q": "aa"})
    with pytest.raises(RatingsError, match="does not exist"):
        read_automatic_scores(tmp_path / "none.csv")
    (tmp_path / "scores.parquet").write_bytes(b"no")
    with pytest.raises(RatingsError, match="not a Parquet file"):
        read_automatic_scores(tmp_path / "scores.parquet")
    with pytest.raises(RatingsError, match="generators 'w', 'y', the ratings 'x', 'y'.*Names must be the same"):
        automatic_agreement(ratings, scores_of({"p": 1}).replace("x", "w"))
    with pytest.raises(RatingsError, match="None of the 2 rated prompts.*'p', 'q', of the scores like '1'"):
        automatic_agreement(ratings, scores_of({"1": 1}))
    with pytest.raises(ValueError, match="estimand 'rater'; did you mean \"raters\""):
        automatic_agreement(ratings, scores_of({"p": 1}), estimand="rater")
    with pytest.raises(RatingsError, match="must be a pandas DataFrame"):
        validate_automatic_scores([1])
    with pytest.raises(RatingsError, match="has the column value more than once"):
        twice = scores_of({"p": 1})
        validate_automatic_scores(pd.concat([twice, twice[["value"]]], axis=1))
