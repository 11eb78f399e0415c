"""The analysis document: its form, numbers recomputed by brute force, properties, and what bad luck leaves unsaid."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from evaluation.analysis import RatingsError, analyse, validate_ratings
from evaluation.analysis.crossed import LEAST_DF
from evaluation.analysis.families import SEPARATE
from evaluation.analysis.simulate import CrowdSpec, Design, simulate_ratings

COLUMNS = ["rater_id", "prompt_id", "category", "generator_a", "generator_b", "question", "choice"]
FLIP = {"a": "b", "indifferent": "indifferent", "b": "a"}
METHODS = ["independent", "by_rater", "by_prompt", "two_way", "anova", "pigeonhole"]


def random_ratings(seed: int, *, nested: bool, keep: float = 1.0, raters: int = 5, prompts: int = 4) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = []
    for c in range(3):
        lean = rng.normal(size=raters)
        for r in range(raters):
            rater = f"r{c}-{r}" if nested else f"r{r}"
            for p in range(prompts + c):
                if rng.random() < keep:
                    u = lean[r] + rng.normal() + 0.3
                    choice = "a" if u > 0.4 else "b" if u < -0.4 else "indifferent"
                    rows.append((rater, f"p{c}-{p}", f"cat{c}", "x", "y", "fidelity", choice))
    return pd.DataFrame(rows, columns=COLUMNS)


def brute_force(block: pd.DataFrame) -> dict[str, tuple[float, float | None]]:
    """Variances and degrees of freedom of the net share by the textbook, with loops and no shared code."""
    y = block["choice"].map({"a": 1.0, "indifferent": 0.0, "b": -1.0}).to_numpy()
    e, n = y - y.mean(), len(y)
    block = block.assign(e=e)

    def term(keys: list[str]) -> tuple[float, int]:
        sums = block.groupby(keys)["e"].sum()
        return float((sums**2).sum() / n**2), len(sums)

    (v_r, r), (v_p, p), (v_c, c) = term(["rater_id"]), term(["prompt_id"]), term(["rater_id", "prompt_id"])
    one_r, one_p = v_r * r / (r - 1), v_p * p / (p - 1)
    two = max(one_r + one_p - v_c * c / (c - 1), one_r, one_p)
    found: dict[str, tuple[float, float | None]] = {
        "independent": (float((e**2).mean() / n), None),
        "by_rater": (one_r, r - 1),
        "by_prompt": (one_p, p - 1),
        "two_way": (two, min(r, p) - 1),
    }
    if n == r * p:
        table = block.pivot(index="rater_id", columns="prompt_id", values="e").to_numpy()
        rows, columns = table.mean(axis=1), table.mean(axis=0)
        rest = table - rows[:, None] - columns
        ms_r, ms_p = p * (rows**2).sum() / (r - 1), r * (columns**2).sum() / (p - 1)
        ms_e = (rest**2).sum() / ((r - 1) * (p - 1))
        df = (ms_r + ms_p - ms_e) ** 2 / (ms_r**2 / (r - 1) + ms_p**2 / (p - 1) + ms_e**2 / ((r - 1) * (p - 1)))
        if ms_r + ms_p > ms_e and df >= LEAST_DF:
            found["anova"] = ((ms_r + ms_p - ms_e) / n, df)
        pigeonhole = (rows**2).sum() / r**2 + (columns**2).sum() / p**2 + (rest**2).sum() / n**2
        found["pigeonhole"] = (float(pigeonhole), None)
    return found


def assert_intervals(net: dict[str, Any], wanted: dict[str, tuple[float, float | None]]) -> None:
    for method, (variance, df) in wanted.items():
        interval = net["intervals"][method]
        q = stats.norm.ppf(0.975) if df is None else stats.t.ppf(0.975, df)
        assert interval["se"] == pytest.approx(math.sqrt(variance), rel=1e-9), method
        assert interval["df"] == (None if df is None else pytest.approx(df, rel=1e-9)), method
        assert interval["low"] == pytest.approx(net["estimate"] - q * math.sqrt(variance), abs=1e-9), method
        assert interval["high"] == pytest.approx(net["estimate"] + q * math.sqrt(variance), abs=1e-9), method


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("keep", [1.0, 0.7])
def test_crossed_categories_by_brute_force(seed: int, keep: float) -> None:
    ratings = random_ratings(seed, nested=False, keep=keep)
    found = analyse(ratings).to_dict()["comparisons"][0]
    assert_intervals(found["overall"]["net"], brute_force(ratings))
    assert found["overall"]["stratified"] is False
    for name, block in ratings.groupby("category"):
        assert_intervals(found["categories"][name]["net"], brute_force(block))


@pytest.mark.parametrize("seed", range(4))
def test_nested_panels_are_stratified(seed: int) -> None:
    ratings = random_ratings(seed, nested=True, raters=6, prompts=5)
    n = len(ratings)
    found = analyse(ratings).to_dict()["comparisons"][0]["overall"]
    assert found["stratified"] is True
    parts = [(len(block) / n, brute_force(block)) for _, block in ratings.groupby("category")]
    r, p = ratings["rater_id"].nunique(), ratings["prompt_id"].nunique()
    df = {"independent": None, "by_rater": r - 1, "by_prompt": p - 1, "two_way": min(r, p) - 1, "pigeonhole": None}
    wanted = {name: (sum(weight**2 * each[name][0] for weight, each in parts), of_all) for name, of_all in df.items()}
    assert_intervals(found["net"], wanted)


@pytest.mark.parametrize("seed", range(4))
def test_complete_nested_panels_have_a_stratified_anova(seed: int) -> None:
    """Each category a complete panel of its own raters: variances and Satterthwaite's terms add up over categories."""
    ratings = random_ratings(seed, nested=True, raters=4 + seed, prompts=3)
    y = ratings.assign(y=ratings["choice"].map({"a": 1.0, "indifferent": 0.0, "b": -1.0}))
    variance, terms = 0.0, 0.0
    for _, block in y.groupby("category"):
        table = block.pivot(index="rater_id", columns="prompt_id", values="y")
        r, p = table.shape
        grand = table.to_numpy().mean()
        ms_r = p * table.mean(axis=1).var(ddof=1)
        ms_p = r * table.mean(axis=0).var(ddof=1)
        rest = table.sub(table.mean(axis=1), axis=0).sub(table.mean(axis=0), axis=1) + grand
        ms_e = (rest**2).to_numpy().sum() / ((r - 1) * (p - 1))
        weight = (r * p / len(y)) ** 2 / (r * p)  # (n_c / n)^2 times the 1 / n_c of the category's variance
        variance += weight * (ms_r + ms_p - ms_e)
        terms += sum((weight * ms) ** 2 / df for ms, df in ((ms_r, r - 1), (ms_p, p - 1), (ms_e, (r - 1) * (p - 1))))
    net = analyse(ratings).to_dict()["comparisons"][0]["overall"]["net"]
    if variance <= 0 or variance**2 / terms < LEAST_DF:
        assert net["intervals"]["anova"] is None and net["why"]["anova"]
    else:
        assert_intervals(net, {"anova": (variance, variance**2 / terms)})


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("category", ["cat2", "a category of its own"])
def test_one_stray_rating_does_not_end_the_stratification(seed: int, category: str) -> None:
    """The rule asks where nine ratings of ten come from; the result says in words that some strayed."""
    ratings = random_ratings(seed, nested=True, raters=8, prompts=6)
    whole = only(ratings)
    visitor = ratings.iloc[[-1]].assign(rater_id=ratings["rater_id"].iloc[0], category=category)
    visitor["prompt_id"] = visitor["prompt_id"] if category == "cat2" else "another"
    found = only(pd.concat([ratings, visitor], ignore_index=True))
    assert whole["stratified"] is True and found["stratified"] is True
    assert "raters of its own, so" in whole["design"] and "but for 1 rating, so" in found["design"]
    widths = [each["net"]["intervals"]["effective"] for each in (whole, found)]
    assert widths[1]["high"] - widths[1]["low"] == pytest.approx(widths[0]["high"] - widths[0]["low"], rel=0.1)


def test_raters_of_several_categories_end_the_stratification() -> None:
    ratings = random_ratings(0, nested=True)
    visits = ratings[ratings["category"] == "cat1"].assign(
        rater_id=lambda each: each["rater_id"].str.replace("r1", "r0")
    )
    mixed = pd.concat([ratings[ratings["category"] != "cat1"], visits], ignore_index=True)
    found = only(mixed)
    assert found["stratified"] is False and "raters rated several categories" in found["design"]
    wanted = brute_force(mixed)
    assert "anova" not in wanted and found["net"]["intervals"]["anova"] is None
    assert_intervals(found["net"], wanted)


@pytest.mark.parametrize("nested", [True, False])
def test_a_rater_may_be_nested_in_one_comparison_and_not_in_another(nested: bool) -> None:
    """Whether a rater appears in two categories is asked of each comparison by itself; control trials do not count."""
    ratings = random_ratings(0, nested=True)
    other = random_ratings(1, nested=nested).assign(question="alignment")
    control = ratings.iloc[[-1]].assign(rater_id=ratings["rater_id"].iloc[0], control=True)
    both = pd.concat([ratings.assign(control=False), other.assign(control=False), control], ignore_index=True)
    found = {each["question"]: each["overall"]["stratified"] for each in analyse(both).to_dict()["comparisons"]}
    assert found == {"fidelity": True, "alignment": nested}


def test_document_form() -> None:
    ratings = random_ratings(0, nested=True)
    document = analyse(ratings).to_dict()
    assert document["schema"] == "drawbench-analysis/1"
    for each in document["comparisons"]:
        assert {"generator_a", "generator_b", "question", "overall", "categories"} <= set(each)
        for estimate in [each["overall"], *each["categories"].values()]:
            assert sum(estimate["shares"].values()) == pytest.approx(1)
            assert set(estimate["shares"]) == {"a", "indifferent", "b"}
            assert estimate["net"]["estimate"] == pytest.approx(estimate["shares"]["a"] - estimate["shares"]["b"])
            assert list(estimate["net"]["intervals"]) == [*METHODS, "effective"]
            assert estimate["net"]["intervals"][estimate["net"]["default"]] is not None
    json.dumps(document, allow_nan=False)


def flipped(ratings: pd.DataFrame) -> pd.DataFrame:
    """Every pair written the other way round: the same ratings."""
    return ratings.assign(
        generator_a=ratings["generator_b"], generator_b=ratings["generator_a"], choice=ratings["choice"].map(FLIP)
    )


def test_same_bytes_for_any_order_of_rows_and_pairs() -> None:
    ratings = random_ratings(1, nested=False, keep=0.8)
    wanted = analyse(ratings).to_json()
    assert analyse(ratings.sample(frac=1, random_state=3)).to_json() == wanted
    assert analyse(flipped(ratings)).to_json() == wanted
    mixed = pd.concat([ratings.iloc[::2], flipped(ratings.iloc[1::2])])
    assert analyse(mixed).to_json() == wanted
    assert analyse(validate_ratings(mixed)).to_json() == wanted


def test_same_bytes_with_rankings() -> None:
    pairs = {("w", "x"): 0.5, ("x", "y"): 0.2, ("z", "y"): -0.4, ("z", "w"): 0.1}
    ratings = simulate_ratings(Design(6, {"c": 5, "d": 4}), CrowdSpec(), pairs, np.random.default_rng(0))
    wanted = analyse(ratings).to_json()
    assert '"rankings": [{"question"' in wanted
    for seed in range(3):
        assert analyse(ratings.sample(frac=1, random_state=seed)).to_json() == wanted


def test_swapping_the_generators_negates_the_net_share() -> None:
    ratings = random_ratings(2, nested=False)
    swapped = ratings.assign(choice=ratings["choice"].map(FLIP))
    one, other = (analyse(each).comparisons[0].overall.net for each in (ratings, swapped))
    assert other.estimate == -one.estimate
    for method in METHODS:
        first, second = one.intervals[method], other.intervals[method]
        assert first.low == pytest.approx(-second.high, abs=1e-12)  # type: ignore[union-attr]


rating_rows = st.dictionaries(
    st.tuples(
        st.integers(0, 4),
        st.integers(0, 5),
        st.sampled_from(["fidelity", "alignment"]),
        st.sampled_from(["xy", "yz", "zx"]),
    ),
    st.sampled_from(["a", "indifferent", "b"]),
    min_size=1,
    max_size=40,
)


@settings(max_examples=120, deadline=None)
@given(rating_rows, st.sampled_from(["one", "by_prompt", "nested"]))
def test_any_frame_gives_a_document_without_nan(rows: dict[tuple[int, int, str, str], str], layout: str) -> None:
    def category(r: int, p: int) -> str:
        return {"one": "all", "by_prompt": f"c{p % 3}", "nested": f"c{r % 2}"}[layout]

    table = [
        (f"r{r}", f"p{p}" if layout != "nested" else f"p{r % 2}-{p}", category(r, p), *pair, q, choice)
        for (r, p, q, pair), choice in rows.items()
    ]
    ratings = pd.DataFrame(table, columns=COLUMNS)
    document = analyse(ratings).to_dict()
    json.dumps(document, allow_nan=False)
    assert sum(each["overall"]["n_ratings"] for each in document["comparisons"]) == len(ratings)
    for each in document["comparisons"]:
        for estimate in [each["overall"], *each["categories"].values()]:
            net = estimate["net"]
            assert -1 <= net["estimate"] <= 1
            for method, interval in net["intervals"].items():
                if interval is None:
                    assert net["why"][method]
                else:
                    assert interval["low"] < net["estimate"] < interval["high"]
            one_way = [net["intervals"][name]["se"] for name in ("by_rater", "by_prompt") if net["intervals"][name]]
            if net["intervals"]["two_way"] and one_way:
                assert net["intervals"]["two_way"]["se"] >= max(one_way) - 1e-12


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.2, 0.8))
def test_questions_do_not_touch_each_other(seed: int, share: float) -> None:
    """Splitting a frame by question and merging it changes nothing."""
    first = random_ratings(seed, nested=False, keep=share)
    second = random_ratings(seed + 1, nested=False, keep=share).assign(question="alignment")
    together = analyse(pd.concat([first, second]), family=SEPARATE).to_dict()["comparisons"]
    alone = [each for part in (second, first) for each in analyse(part, family=SEPARATE).to_dict()["comparisons"]]
    for each in (*together, *alone):
        each.pop("categories_not_rated", None)  # of the categories of the other question it alone can know nothing
    assert together == alone


def only(ratings: pd.DataFrame) -> dict[str, Any]:
    return analyse(ratings).to_dict()["comparisons"][0]["overall"]


def test_one_rater_says_what_can_be_said() -> None:
    ratings = random_ratings(0, nested=False)
    net = only(ratings[ratings["rater_id"] == "r0"])["net"]
    assert net["default"] == "by_prompt"
    assert net["intervals"]["by_rater"] is None and net["intervals"]["two_way"] is None
    assert "one rater" in net["why"]["two_way"]


def test_one_prompt_says_what_can_be_said() -> None:
    ratings = random_ratings(0, nested=False)
    net = only(ratings[ratings["prompt_id"] == "p0-0"])["net"]
    assert net["default"] == "by_rater"
    assert "one prompt" in net["why"]["two_way"]


def test_all_votes_equal_have_no_interval_but_exact_bounds() -> None:
    found = only(random_ratings(0, nested=False).assign(choice="a"))
    assert found["net"]["estimate"] == 1
    assert all(each is None for each in found["net"]["intervals"].values())
    assert "alike" in found["net"]["why"]["two_way"]
    assert 0 < found["share_intervals"]["a"]["clopper_pearson"][0] < 1


def test_all_indifferent_has_no_decided_share() -> None:
    found = only(random_ratings(0, nested=False).assign(choice="indifferent"))
    assert found["shares"] == {"a": 0, "indifferent": 1, "b": 0}
    assert found["decided"]["share_a"] is None and found["decided"]["sign_test_p"] == 1


def test_category_of_one_prompt_is_named_where_it_spoils_the_overall_interval() -> None:
    ratings = random_ratings(0, nested=True)
    ratings = ratings[(ratings["category"] != "cat1") | (ratings["prompt_id"] == "p1-0")]
    found = only(ratings)
    net = found["net"]
    assert net["default"] == "effective"  # what that category would vary by is taken from the others, and said
    assert "'cat1'" in net["why"]["two_way"] and "one prompt" in net["why"]["two_way"]
    assert "'cat1' has only one prompt" in {each["code"]: each["words"] for each in found["cautions"]}["lone_panel"]


def test_controls_are_left_out_and_counted_and_simulated_is_flagged() -> None:
    design = Design(4, {"c": 6}, questions=("fidelity", "alignment"))
    ratings = simulate_ratings(design, CrowdSpec(), 0.5, np.random.default_rng(0), controls=2)
    document = analyse(ratings).to_dict()
    assert document["n_ratings"] == 48 and document["n_control_excluded"] == 16
    assert document["simulated"] is True and document["n_simulated"] == 48
    assert [each["overall"]["n_prompts"] for each in document["comparisons"]] == [6, 6]


def test_no_ratings_give_an_empty_document() -> None:
    document = analyse(random_ratings(0, nested=True).head(0)).to_dict()
    assert document["comparisons"] == [] and "no ratings" in document["notes"][0]


def test_estimand_sets_the_default_and_wrong_ones_are_named() -> None:
    ratings = random_ratings(0, nested=False)
    assert analyse(ratings, estimand="raters").comparisons[0].overall.net.default == "by_rater"
    with pytest.raises(ValueError, match='; did you mean "raters"'):
        analyse(ratings, estimand="rater")
    with pytest.raises(ValueError, match="between 0 and 1"):
        analyse(ratings, level=95)
    with pytest.raises(RatingsError):
        analyse(ratings.drop(columns="choice"))


def test_frame_has_a_row_for_each_estimate() -> None:
    table = analyse(random_ratings(0, nested=True)).to_frame()
    assert len(table) == 4 and table["category"].isna().sum() == 1
    assert "<table" in analyse(random_ratings(0, nested=True))._repr_html_()
