"""The coverage machine: it goes through the functions of a report, and sees what the documentation says it sees."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from benchmarks import _coverage_looks as looks
from benchmarks._coverage_more import draw_choices, net, true_agreement
from benchmarks._coverage_secondary import UNTIDY
from benchmarks._coverage_tests import PLANS, STUDIES
from benchmarks._coverage_votes import ever_wrong, exactly
from benchmarks._untidy_designs import designs
from benchmarks.coverage import CASES, PARTS, main
from evaluation.analysis import analyse, validate_ratings
from evaluation.analysis.agreement import krippendorff_alpha
from evaluation.analysis.cautions import uneven
from evaluation.analysis.classic import wilson
from evaluation.analysis.coverage import Pattern, coverage, coverage_like, crowd_like
from evaluation.analysis.sequential import beta_binomial
from evaluation.analysis.simulate import CrowdSpec, Design, simulate_ratings

NESTED = Design(8, {"c": 6, "d": 9, "e": 5}, nested=True)


@pytest.mark.parametrize(
    "design",
    [Design(12, {"all": 20}), Design(30, {"all": 30}, share_rated=0.3), NESTED],
    ids=["full", "sparse", "nested"],
)
def test_default_covers_and_naive_does_not(design: Design) -> None:
    rng = np.random.default_rng(3)
    found = coverage(Pattern.of_design(design, rng), CrowdSpec(0.7, 0.7), 0.4, 300, rng)
    own, naive = found.intervals["effective"], found.intervals["independent"]
    assert own.coverage >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 300)
    assert naive.coverage < own.coverage - 0.05
    assert f"covered the truth in {own.coverage * 100:.1f} % of 300 simulations" in found.in_words()
    assert len(found.to_frame()) == len(found.intervals)


def test_shares_and_decided_cover_and_stand_in_the_table() -> None:
    rng = np.random.default_rng(5)
    found = coverage(Pattern.of_design(Design(12, {"all": 20}), rng), CrowdSpec(0.7, 0.7), 0.4, 300, rng)
    for name in ("share of a", "share of indifferent", "share of b", "decided"):
        assert found.intervals[name].coverage >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 300), name
    for name in ("wilson", "clopper_pearson", "goodman", "decided, wilson"):
        assert found.intervals[name].coverage < 0.85, name


def test_exact_coverage_is_what_simulation_sees() -> None:
    rng, n, p = np.random.default_rng(6), 25, 0.9
    outcomes = [(math.comb(n, x) * p**x * (1 - p) ** (n - x), (x, n)) for x in range(n + 1)]
    seen = np.mean([low <= p <= high for low, high in (wilson(x, n) for x in rng.binomial(n, p, size=4000).tolist())])
    assert float(exactly(outcomes, wilson, [p]).split()[0]) == pytest.approx(100 * seen, abs=1.2)
    votes = rng.random((1500, 30)) < 0.5
    bounds = {(x, k): beta_binomial(x, k) for k in range(1, 31) for x in range(k + 1)}
    off = {key for key, (low, high) in bounds.items() if not low <= 0.5 <= high}
    wrong = [any((x, k) in off for k, x in enumerate(row, start=1)) for row in votes.cumsum(axis=1).tolist()]
    assert ever_wrong(30, 0.5) == pytest.approx(np.mean(wrong), abs=0.015)


def test_true_agreement_is_that_of_a_huge_panel() -> None:
    rng = np.random.default_rng(7)
    leaning = rng.normal(size=6)
    choice = draw_choices(leaning + 0.8 * rng.normal(size=(60_000, 1)), 0.4, rng)
    counts = np.stack([(choice == code).sum(axis=1) for code in range(3)], axis=1)
    nominal, ordinal, _ = true_agreement(leaning[:, None], 0.8, None)
    assert krippendorff_alpha(counts, "nominal").value == pytest.approx(nominal, abs=0.005)
    assert krippendorff_alpha(counts, "ordinal").value == pytest.approx(ordinal, abs=0.005)
    assert net(CrowdSpec(0, 0, tie=0), 0.0) == pytest.approx(0)


def test_by_rater_covers_its_own_estimand() -> None:
    rng = np.random.default_rng(4)
    found = coverage(Pattern.of_design(Design(20, {"all": 8}), rng), CrowdSpec(0.3, 1.0), 0.2, 300, rng)
    assert found.intervals["by_rater, these prompts"].coverage >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 300)
    assert found.intervals["by_rater"].coverage < 0.85


@pytest.mark.parametrize("design", [Design(6, {"c": 4, "d": 5}), NESTED], ids=["crossed", "nested"])
def test_a_layout_gives_what_the_analysis_gives(design: Design) -> None:
    from evaluation.analysis.coverage import _Layout

    ratings = validate_ratings(simulate_ratings(design, CrowdSpec(), 0.4, np.random.default_rng(0)))
    layout = _Layout.of(Pattern.of_ratings(ratings, "x", "y", "alignment"))
    rate = layout.rate(ratings["choice"].cat.codes.to_numpy().astype(np.int64), 0.95)
    wanted = analyse(ratings).comparisons[0].overall
    assert rate.net == wanted.net and rate.stratified == wanted.stratified


def test_a_crowd_like_the_ratings() -> None:
    spec = CrowdSpec(rater_sd=0.8, prompt_sd=0.4, tie=0.5)
    ratings = validate_ratings(simulate_ratings(Design(60, {"c": 80}), spec, 0.6, np.random.default_rng(1)))
    found, preference = crowd_like(ratings, "x", "y", "alignment")
    assert found.rater_sd == pytest.approx(0.8, abs=0.25) and found.prompt_sd == pytest.approx(0.4, abs=0.15)
    assert found.tie == pytest.approx(0.5, abs=0.15) and preference == pytest.approx(0.6, abs=0.35)
    result = coverage_like(ratings, "x", "y", "alignment", 20, np.random.default_rng(2))
    assert result.n_simulations == 20
    with pytest.raises(ValueError, match="no ratings"):
        coverage_like(ratings, "x", "z", "alignment", 20, np.random.default_rng(2))


def test_one_rater_has_a_coverage_too() -> None:
    rng = np.random.default_rng(0)
    found = coverage(Pattern.of_design(Design(1, {"c": 8}), rng), CrowdSpec(), 0.0, 20, rng, default="by_prompt")
    assert (
        "two_way" not in found.intervals
        and "effective" not in found.intervals
        and found.intervals["by_prompt"].n_intervals <= 20
    )


def section(name: str) -> str:
    """What the benchmark wrote of a part of the page."""
    page = (Path(__file__).parents[2] / "docs" / "coverage.md").read_text(encoding="utf-8")
    part = PARTS[name]
    assert page.count(part.start) == page.count(part.end) == 1, f"run: python -m benchmarks.coverage --part {name}"
    return page.split(part.start)[1].split(part.end)[0]


def rows(table: str, column: int) -> list[str]:
    """The cells of a column, but for the heading's, of all tables with so many columns."""
    lines = [line.split("|")[1:-1] for line in table.splitlines() if line.startswith("| ")]
    return [line[column].strip() for line in lines if len(line) > column]


def test_page_holds_every_case() -> None:
    table = section("shares")
    for case in CASES:
        assert table.count(f"| {case.name} |") == 2, "run: python -m benchmarks.coverage --part shares"
    for name in ("wilson", "newcombe", "tango", "goodman", "jeffreys", "beta_binomial"):
        assert name in section("votes"), "run: python -m benchmarks.coverage --part votes"


def test_each_part_has_its_place_on_the_page() -> None:
    for name in PARTS:
        assert len(rows(section(name), 1)) > 1, f"run: python -m benchmarks.coverage --part {name}"
    looking = section("looking")
    for case in looks.CASES:
        assert f"| {case.name} |" in looking, "run: python -m benchmarks.coverage --part looking"
    default = rows(looking, 1)[1:]
    assert len(default) == len(looks.CASES) and all(float(cell) <= 5 for cell in default)
    for name in [each[0] for each in STUDIES] + [f"{raters} x {prompts}" for raters, prompts in PLANS]:
        assert f"| {name} |" in section("tests"), "run: python -m benchmarks.coverage --part tests"


def test_what_falls_short_for_raters_alone_is_warned_of_by_rule() -> None:
    """Measured below 94 %, an error of .7 points added, and only there."""
    table = section("narrower")
    by_name = {each.name: each.pattern for each in designs()}
    assert rows(table, 0)[1:] == list(UNTIDY), "run: python -m benchmarks.coverage --part narrower"
    measured = [float(cell.split()[0]) for cell in rows(table, 1)[1:]]
    for name, covered in zip(UNTIDY, measured, strict=True):
        sizes = np.bincount(by_name[name].rater).astype(float)
        assert uneven(sizes) == (covered + 0.7 < 94), name


def test_benchmark_refuses_nonsense(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--simulations", "0"])
    assert caught.value.code == 2 and "1 or more" in capsys.readouterr().err
