"""The program in a report's file against the first one: two roads to each share, net share, interval and p-value."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import special

from evaluation.analysis.frame import validate_ratings
from evaluation.analysis.summary import analyse_valid
from evaluation.reports.carried import COLUMNS, packed, unpacked
from tests.reports.second_program import checked, run

LEVELS = (0.5, 0.8, 0.9, 0.95, 0.99, 0.999, 0.9997, 0.99999)
DEGREES = (0.3, 0.5, 0.77, 1, 1.5, 2, 3, 4.4, 7.9, 17.3, 39.9, 40, 81, 199.5, 1e3, 1e4, 9.99e4, 1.01e5, 1e6, 1e8, None)


def test_quantiles_and_tails_are_scipy_s() -> None:
    grid = list(itertools.product(LEVELS, DEGREES))
    expression = "given.map(([level, df]) => { const t = quantile(level, df); return [t, tail(t / 3, df)[0]]; })"
    for (level, df), (t, beyond) in zip(grid, run(expression, grid, "quantile", "tail"), strict=True):
        outside = (1 - level) / 2
        wanted = -special.ndtri(outside) if df is None else -special.stdtrit(df, outside)
        assert t == pytest.approx(wanted, rel=1e-10), (level, df)
        above = special.ndtr(-t / 3) if df is None else special.stdtr(df, -t / 3)
        assert beyond == pytest.approx(above, rel=1e-10), (level, df)


def votes(
    seed: int,
    sizes: tuple[int, int, int],
    generators: str = "xy",
    *,
    share: float = 1.0,
    nested: bool = False,
    lopsided: bool = False,
    alike: bool = False,
) -> pd.DataFrame:
    """Ratings by raters on prompts of categories (`sizes`). `share`: of all possible. `nested`: raters keep to one
    category. `lopsided`: they rate unequally much. `alike`: all answers are A.
    """
    rng = np.random.default_rng(seed)
    raters, prompts, categories = sizes
    load = rng.lognormal(0, 1.5, raters)
    rows = []
    for rater, prompt in itertools.product(range(raters), range(prompts)):
        category = prompt % categories
        if nested and category != rater % categories:
            continue
        for (a, b), question in itertools.product(itertools.combinations(generators, 2), ("fidelity", "alignment")):
            if rng.random() < share * (load[rater] / load.max() if lopsided else 1):
                u = 0.6 * np.sin(rater * 2.3) + 0.5 * np.sin(prompt * 1.7) + rng.logistic()
                choice = "a" if alike or u > 0.5 else "b" if u < -0.4 else "indifferent"
                rows.append((f"r{rater}", f"p{prompt}", f"c{category}", a, b, question, choice))
    return pd.DataFrame(rows, columns=list(COLUMNS[:-1]))


def by_hand(*answers: str) -> pd.DataFrame:
    """A word a rater, a letter a prompt."""
    rows = [
        (f"r{rater}", f"p{prompt}", "c", "x", "y", "fidelity", choice)
        for rater, word in enumerate(answers)
        for prompt, choice in enumerate(word)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS[:-1]))


DESIGNS: dict[str, pd.DataFrame] = {
    "a fitted variance of exactly zero, which rounding puts on either side": by_hand("aaab", "aabb", "abba"),
    "a complete panel": votes(1, (9, 16, 4)),
    "a panel a category": votes(2, (12, 24, 4), nested=True),
    "sparse, four generators": votes(3, (20, 24, 5), "wxyz", share=0.15),
    "unequal loads": votes(4, (25, 40, 3), lopsided=True),
    "unequal loads in panels": votes(5, (24, 40, 4), nested=True, lopsided=True),
    "one rater": votes(6, (1, 12, 3)),
    "one prompt": votes(7, (9, 1, 1)),
    "two raters": votes(8, (2, 9, 3)),
    "few prompts a category": votes(9, (8, 6, 5)),
    "a rater alone in each panel": votes(10, (5, 24, 4), nested=True),
    "all alike": votes(11, (6, 6, 2), alike=True),
    "few ratings a rater": votes(12, (60, 80, 6), share=0.02),
}
SMALL = [
    votes(100 + seed, (1 + seed % 7, 1 + seed % 5, 1 + seed % 3), share=0.4 + 0.2 * (seed % 4)) for seed in range(40)
]


def test_every_number_comes_out_alike() -> None:
    cases = []
    for at, frame in enumerate([*DESIGNS.values(), *(each for each in SMALL if len(each))]):
        valid = validate_ratings(frame)
        for estimand in ("raters_and_prompts", ("raters", "prompts", "votes")[at % 3]):
            level = 0.9 if at % 4 == 1 else 0.95
            cases.append((packed(valid), analyse_valid(valid, estimand=estimand, level=level).to_dict()))
    outcomes = checked(cases)
    assert [each["differences"] for each in outcomes] == [[]] * len(cases)
    assert sum(each["n"] for each in outcomes) > 20_000 and min(each["n"] for each in outcomes) >= 30


def test_what_does_not_count_stays_out() -> None:
    frame = DESIGNS["a complete panel"].assign(control=False, control_answer="", repetition=0)
    frame.loc[frame.index % 11 == 0, ["control", "control_answer"]] = [True, "a"]
    again = frame[~frame["control"] & (frame["rater_id"] != "r3")].head(20).assign(repetition=1)
    valid = validate_ratings(pd.concat([frame, again], ignore_index=True))
    kept = valid[(valid["rater_id"] != "r3").to_numpy()].reset_index(drop=True)
    text = packed(valid, {"r3"})
    [outcome] = checked([(text, analyse_valid(kept).to_dict())])
    own = unpacked(text)
    assert set(own[own["rater_id"] == "r3"]["left_out"]) == {"rater excluded"}
    assert {"control trial", "seen again", "rater excluded", ""} == set(own["left_out"])
    assert outcome["differences"] == []


def leaves(value: Any, *steps: Any) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from leaves(each, *steps, key)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield steps


UNCHECKED = {
    *("anova", "pigeonhole", "wilson", "clopper_pearson", "goodman", "tango", "net_tango", "sign_test_p", "standing"),
    *("by_estimand", "p_holm", "agreement"),
}
"""What the second program leaves to the bundle: intervals that are no report's default, and adjusted p-values."""


def test_every_number_changed_once_is_named() -> None:
    valid = validate_ratings(votes(20, (4, 6, 2)))
    whole, text = analyse_valid(valid).to_dict(), packed(valid)
    changed, places = [], []
    for place in leaves(whole["comparisons"][0]):
        if UNCHECKED & set(place):
            continue
        other = copy.deepcopy(whole)
        within = other["comparisons"][0]
        for step in place[:-1]:
            within = within[step]
        within[place[-1]] += 1e-4 if isinstance(within[place[-1]], float) else 1
        changed.append((text, other))
        places.append(place)
    assert len(places) >= 150
    for place, outcome in zip(places, checked(changed), strict=True):
        [difference] = outcome["differences"]
        inner = [step for step in place if step != "categories"]
        assert difference["place"] == f"alignment, x, y, {', '.join(inner)}"


def test_a_rating_changed_is_named_by_its_category() -> None:
    frame = votes(21, (5, 8, 2))
    results = analyse_valid(validate_ratings(frame)).to_dict()
    at = frame.index[(frame["question"] == "fidelity") & (frame["category"] == "c1") & (frame["choice"] != "b")][0]
    other = frame.copy()
    other.loc[at, "choice"] = "b"
    [outcome] = checked([(packed(validate_ratings(other)), results)])
    places = {each["place"] for each in outcome["differences"]}
    assert {"fidelity, x, y, overall, counts, b", "fidelity, x, y, c1, net, estimate"} <= places
    assert all(place.startswith(("fidelity, x, y, overall,", "fidelity, x, y, c1,")) for place in places)
    fewer = frame[frame["question"] == "fidelity"]
    [outcome] = checked([(packed(validate_ratings(fewer)), results)])
    assert "alignment, x, y" in {each["place"] for each in outcome["differences"]}, "a comparison without ratings"


def test_packed_ratings_come_back() -> None:
    frame = DESIGNS["sparse, four generators"]
    own = unpacked(packed(validate_ratings(frame)))
    names = list(COLUMNS[:-1])
    assert own[names].to_numpy().tolist() == frame[names].to_numpy().tolist() and set(own["left_out"]) == {""}
    with pytest.raises(ValueError, match="unpacked"):
        unpacked("AAAA")


def test_many_pairs_take_memory_by_the_rating() -> None:
    """What all pairs take together goes by the ratings: not by the raters, who are many, times the pairs."""
    frame = votes(22, (600, 40, 5), "uvwxyz", share=0.02)
    frame["rater_id"] = [f"r{at}" for at in range(len(frame))]
    valid = validate_ratings(frame)
    pairs = frame.groupby(["generator_a", "generator_b", "question"]).ngroups
    counted = """{
        let elements = 0, n = 0;
        for (const name of ["Float64Array", "Int32Array", "Uint8Array"]) {
            globalThis[name] = class extends globalThis[name] {
                constructor(...all) { super(...all); elements += all[0] instanceof ArrayBuffer ? 0 : this.length; n++; }
            };
        }
        const columns = await unpacked(given);
        elements = 0;
        const rates = ratesOf(columns, 0.95, "raters_and_prompts");
        return [elements, n, rates.length];
    }"""
    elements, arrays, found = run(counted, packed(valid), "ratesOf", "unpacked")
    assert found == pairs == 30
    assert arrays > 30 * 6, "these are the arrays that it computes with"
    assert len(frame) < elements < 120 * len(frame), f"{elements / len(frame):.0f} elements a rating"
