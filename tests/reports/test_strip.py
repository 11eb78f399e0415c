"""The answer in short: a line a question, what was declared apart, labels and never A or B."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from evaluation.analysis.families import Family
from evaluation.analysis.frame import validate_ratings
from evaluation.analysis.summary_results import Analysis
from evaluation.reports.compute import Settings, compute
from evaluation.reports.wording.results import results_text
from evaluation.reports.wording.strip import MOST_PAIRS, bracketed, strip_lines, strip_note, strip_parts
from tests.reports.sample import ratings


def analysed(frame: pd.DataFrame, family: Family | None = None, declared: tuple[str, ...] = ()) -> Analysis:
    own: dict[str, Any] = {} if family is None else {"family": family}
    return compute(validate_ratings(frame), Settings(), declared=declared, **own)


def won_by_flat(raters: int = 10, prompts: int = 8) -> pd.DataFrame:
    """Flat has seven of ten answers of every rater, no preference one, Sketch two."""
    frame = ratings(raters=raters, prompts=prompts, label_a="Flat", label_b="Sketch")
    value = frame["response_time_ms"].to_numpy() // 100 % 10
    frame["choice"] = ["b" if each > 7 else "indifferent" if each == 7 else "a" for each in value]
    return frame


def test_a_line_says_the_pair_the_number_its_interval_and_whom_raters_prefer() -> None:
    family = Family((("Flat", "Sketch"),), ("fidelity",), declared=True)
    found = analysed(won_by_flat(), family)
    (first, second) = strip_parts(found)
    assert (first.title, second.title) == ("Confirmatory", "Exploratory")
    rate = next(each for each in found.comparisons if each.question == "fidelity").overall
    interval = rate.net.interval
    assert interval is not None and rate.leader == "a"
    low, high = (f"{end * 100:.1f}" for end in (interval.low, interval.high))
    line = first.lines[0]
    assert line.text == f"Fidelity. Flat − Sketch: {rate.net.estimate * 100:+.1f} [{low}, {high}], prefers Flat"
    assert [each.question for each in second.lines] == ["Alignment"], "apart"
    assert second.lines[0].verdict == "interval excludes zero", "and nothing is concluded from it"
    assert "95 % interval" in strip_note(found)


def test_text_begins_with_it_and_never_says_a_or_b() -> None:
    text = results_text(analysed(won_by_flat()), title="Study x").splitlines()
    assert text[3] == "All comparisons (none was declared beforehand)" and text[4].startswith("  Alignment. Flat − Sk")
    assert not [line for line in strip_lines(analysed(won_by_flat())) if {"A", "B"} & set(line.split())]


def test_what_is_not_rated_and_what_is_too_few_is_said_in_the_line() -> None:
    lines = strip_parts(analysed(won_by_flat(), declared=("Colors", "Counting", "Text")))[0].lines
    assert {each.warning for each in lines} == {"2 of 3 categories rated"}
    few = ratings(raters=2, prompts=2).query("category == 'Colors'")
    verdicts = {line.verdict for part in strip_parts(analysed(few)) for line in part.lines}
    assert verdicts <= {"too few raters", "too few prompts", "no interval"} and verdicts


@pytest.mark.parametrize(("generators", "pairs"), [(3, 3), (5, 0)])
def test_rankings_come_first_and_many_pairs_are_left_to_them(generators: int, pairs: int) -> None:
    names = [f"g{at}" for at in range(generators)]
    frames = [ratings(label_a=a, label_b=b) for at, a in enumerate(names) for b in names[at + 1 :]]
    found = analysed(pd.concat(frames, ignore_index=True))
    lines = [line for part in strip_parts(found) for line in part.lines if line.question == "Fidelity"]
    assert lines[0].compared.startswith("ranking") and "g0 [" in lines[0].estimate
    assert len(lines) - 1 == pairs and (generators * (generators - 1) // 2 <= MOST_PAIRS) == bool(pairs)


def test_brackets_have_one_form() -> None:
    from evaluation.analysis.estimates import Interval

    assert bracketed(Interval("two_way", 0.95, 0.1, None, -0.0001, 1.4)) == "[0.0, 100.0]"
    assert bracketed(Interval("two_way", 0.95, 0.1, None, -0.294, -0.021)) == "[−29.4, −2.1]"
