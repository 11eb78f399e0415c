"""The coverage machine of docs/against-people.md, in small: seeded designs keep their promise, and the page has all."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import _coverage_agreement
from benchmarks.prediction_powered import BASE, CASES, END, ESTIMANDS, START, draw, main, run_case

SMALL = 300
QUICK = {
    "useless score": (0.98, 1.06),
    "very good score (.9)": (0.7, 0.85),
    "5 raters, 20 rated, good": (0.9, 1.03),
    "DrawBench, a fifth rated": (0.8, 0.95),
}


@pytest.mark.parametrize("name", QUICK)
def test_intervals_cover_and_are_as_wide_as_the_page_says(name: str) -> None:
    case = next(each for each in CASES if each.name == name)
    found = run_case(case, SMALL, np.random.default_rng(5))
    for estimand in ESTIMANDS:
        assert found.coverage(estimand, "powered") >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / SMALL)
        assert abs(found.bias(estimand)) < 4
        assert found.error_ratio(estimand) < 1.05
    low, high = QUICK[name]
    assert low < found.width_ratio("new_prompts") < high


def test_the_truth_is_that_of_a_huge_study() -> None:
    case = replace(BASE, raters=200, prompts=(3000,), rated=(3000,), taste=0.5)
    suite, truth = draw(case, np.random.default_rng(1))
    assert suite.y.mean() == pytest.approx(truth["new_prompts"], abs=0.03)
    assert suite.y.mean() == pytest.approx(truth["these_prompts"], abs=0.03)


def test_intervals_of_agreement_cover() -> None:
    found = _coverage_agreement.coverage(_coverage_agreement.CASES[1], 120, np.random.default_rng(2))
    for column in _coverage_agreement.COLUMNS:
        assert found[column] >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 120), column


def test_page_holds_every_case() -> None:
    page = (Path(__file__).parents[2] / "docs" / "against-people.md").read_text(encoding="utf-8")
    tables = page.split(START)[1].split(END)[0]
    for name in (*(case.name for case in CASES), *(case.name for case in _coverage_agreement.CASES)):
        assert tables.count(f"| {name} |") == 1, "run: python -m benchmarks.prediction_powered"


def test_benchmark_refuses_nonsense(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--simulations", "0"])
    assert caught.value.code == 2 and "1 or more" in capsys.readouterr().err
