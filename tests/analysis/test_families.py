"""Families of comparisons: what they carry is highlighted, and nothing else, anywhere."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks._coverage_tests import compared, equal_generators, highlights
from evaluation.analysis import (
    Analysis,
    CrowdSpec,
    Design,
    Family,
    analyse,
    rounded,
    simulate_ratings,
    validate_ratings,
)
from evaluation.analysis.classic import holm
from evaluation.analysis.columns import codes_of
from evaluation.analysis.families import ALL, SEPARATE
from evaluation.analysis.highlights import judged
from evaluation.analysis.summary import analyse_valid


def ratings(seed: int = 0, preference: float = 1.2) -> object:
    """Three generators, of which x is the best; two questions, two categories."""
    design = Design(12, {"one": 12, "two": 12}, questions=("alignment", "fidelity"))
    pairs = {("x", "y"): preference, ("x", "z"): preference, ("y", "z"): 0.0}
    return simulate_ratings(design, CrowdSpec(rater_sd=0.4, prompt_sd=0.4), pairs, np.random.default_rng(seed))


def test_p_values_are_holms_and_intervals_bonferronis_over_the_family() -> None:
    found = analyse(ratings())
    overall = [each.overall for each in found.comparisons]
    assert len(overall) == 6
    wanted = holm([each.p_value or 0.0 for each in overall])
    for rate, p in zip(overall, wanted, strict=True):
        standing = rate.standing
        assert standing is not None and standing.simultaneous is not None and rate.net.interval is not None
        assert (standing.role, standing.n) == ("confirmatory", 6) and standing.p_value == pytest.approx(p)
        assert standing.highlighted == (p < 0.05) == (rate.leader is not None)
        assert standing.simultaneous.level == pytest.approx(1 - 0.05 / 6)
        assert standing.simultaneous.low < rate.net.interval.low < rate.net.interval.high < standing.simultaneous.high
        assert (standing.simultaneous.se, standing.simultaneous.df) == (rate.net.interval.se, rate.net.interval.df)


def test_what_was_not_declared_is_exploratory_and_never_highlighted() -> None:
    family = Family((("y", "x"),), ("alignment",), declared=True)
    found = analyse(ratings(), family=family)
    for each in found.comparisons:
        standing = each.overall.standing
        assert standing is not None
        primary = (each.generator_a, each.generator_b, each.question) == ("x", "y", "alignment")
        assert standing.role == ("confirmatory" if primary else "exploratory")
        assert (each.overall.leader == "a") == primary
        if not primary:
            assert standing.p_value is None and standing.simultaneous is None
            assert all(rate.leader is None for rate in each.categories.values())
    assert sum(each.overall.excludes_zero for each in found.comparisons) > 1, "the intervals by themselves say more"


def test_a_declared_comparison_without_ratings_counts() -> None:
    """Who declares six and rates five pays for six."""
    family = Family((("x", "y"), ("x", "z"), ("y", "z"), ("w", "x")), ("alignment", "fidelity"), declared=True)
    found = analyse(ratings(), family=family)
    assert {each.overall.standing.n for each in found.comparisons if each.overall.standing} == {8}
    best = min((each.overall for each in found.comparisons), key=lambda rate: rate.p_value or 1.0)
    assert best.standing is not None and best.p_value is not None
    assert best.standing.p_value == pytest.approx(8 * best.p_value)


def test_a_category_is_highlighted_with_its_comparison_alone() -> None:
    found = analyse_valid(validate_ratings(ratings()))
    for each in found.comparisons:
        for rate in each.categories.values():
            carried = each.overall.leader is not None and rate.p_holm is not None and rate.p_holm < 0.05
            assert rate.standing is not None and rate.standing.highlighted == carried


def test_an_interval_beside_a_p_value_that_says_nothing_is_not_highlighted() -> None:
    """The interval of one category excludes zero, its adjusted p-value does not carry it."""
    found = 0
    for seed in range(40):
        for each in analyse(ratings(seed, 0.35), family=SEPARATE).comparisons:
            for rate in each.categories.values():
                if rate.excludes_zero and (rate.p_holm or 0.0) >= 0.05:
                    found += 1
                    assert rate.leader is None
    assert found > 0


def test_studies_locked_before_stand_alone() -> None:
    found = analyse(ratings(), family=SEPARATE)
    for each in found.comparisons:
        standing = each.overall.standing
        assert standing is not None and (standing.role, standing.n) == ("confirmatory", 1)
        assert standing.p_value == each.overall.p_value
        assert (each.overall.leader is not None) == each.overall.excludes_zero


def test_the_document_has_it_and_older_ones_are_read() -> None:
    made = analyse(ratings())
    document = made.to_dict()
    assert document["family"] == {"pairs": None, "questions": None, "declared": False, "separate": False, "n": 6}
    assert Analysis.from_dict(document) == rounded(made)
    del document["family"]
    for each in document["comparisons"]:
        for rate in (each["overall"], *each["categories"].values()):
            del rate["standing"]
    old = Analysis.from_dict(document)
    assert old.family == SEPARATE
    assert [each.overall.leader is not None for each in old.comparisons] == [
        each.overall.excludes_zero for each in old.comparisons
    ], "as its pages had it"
    assert judged(old.comparisons, ALL, 0.95)[0].overall.standing is not None


def test_a_narrowed_analysis_says_the_same_of_what_is_left() -> None:
    whole = analyse(ratings())
    part = whole.narrowed(["fidelity"], [("z", "x")])
    assert [(each.generator_a, each.generator_b, each.question) for each in part.comparisons] == [
        ("x", "z", "fidelity")
    ]
    assert part.comparisons[0] in whole.comparisons
    assert [each.question for each in part.rankings] == ["fidelity"] == list(part.agreement)
    assert whole.narrowed() == whole
    with pytest.raises(ValueError, match='did you mean "fidelity"'):
        whole.narrowed(["fidelty"])
    with pytest.raises(ValueError, match="No ratings compare w with x"):
        whole.narrowed(pairs=[("x", "w")])


def test_the_simulation_sees_what_the_analysis_finds() -> None:
    """The benchmark takes net shares from complete panels; the analysis comes to the same."""
    frame = equal_generators(2, 1, np.random.default_rng(3))
    found = analyse_valid(frame).comparisons[0]
    scores = frame.assign(score=1.0 - codes_of(frame["choice"]))
    parts = [
        scores[scores["category"] == name].pivot(index="rater_id", columns="prompt_id", values="score").to_numpy()
        for name in ("one", "two")
    ]
    own = compared(found.comparison, [part[:, ~np.isnan(part).all(axis=0)] for part in parts])
    both = zip(own.categories.values(), found.categories.values(), strict=True)
    for mine, whole in ((own.overall, found.overall), *both):
        assert mine.net.interval is not None and whole.net.interval is not None
        assert (mine.net.interval.low, mine.net.interval.high, mine.p_value, mine.p_holm) == pytest.approx(
            (whole.net.interval.low, whole.net.interval.high, whole.p_value, whole.p_holm)
        )


def test_nothing_differs_and_nothing_is_highlighted_in_nineteen_of_twenty() -> None:
    """Five equal generators, two questions; 60 studies. docs/coverage.md has 1,000."""
    rng = np.random.default_rng(0)
    some = alone = 0
    for _ in range(60):
        frame = equal_generators(5, 2, rng)
        found = analyse_valid(frame)
        some += highlights(found.comparisons) > 0
        alone += any(each.overall.excludes_zero for each in found.comparisons)
    assert some <= 8, "5 %, and three Monte Carlo errors"
    assert alone > 15
