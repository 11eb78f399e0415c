"""An overall figure that lacks categories says so: in text, tables, figures, JSON and on pages."""

from __future__ import annotations

import json

import pandas as pd

from evaluation.analysis.frame import validate_ratings
from evaluation.analysis.summary_results import Analysis
from evaluation.reports.compute import Settings, compute
from evaluation.reports.reading import lines, not_rated_words
from evaluation.reports.tables import table_latex
from evaluation.reports.wording.descriptions import comparison_description
from evaluation.reports.wording.results import results_text
from tests.reports.sample import ratings

DECLARED = ("Colors", "Counting", "Text")
NOTE = "The overall figures cover 1 of 3 categories: nobody has rated Counting, Text."


def one_of_three() -> Analysis:
    frame = ratings()
    return compute(validate_ratings(frame[frame["category"] == "Colors"]), Settings(), declared=DECLARED)


def test_every_place_says_so() -> None:
    found = one_of_three()
    comparison = found.comparisons[0]
    assert comparison.not_rated == ("Counting", "Text")
    assert lines(comparison)[0][0] == "Overall (1 of 3)" and [name for name, _ in lines(comparison)][1:] == ["Colors"]
    assert not_rated_words(comparison) == "Overall covers 1 of 3 categories; not rated: Counting, Text."
    assert f"NOTE  {NOTE}" in results_text(found, title="x") and "Overall (1 of 3)" in results_text(found, title="x")
    assert not_rated_words(comparison) in table_latex(comparison, speaks_for="raters", simulated=False)
    assert not_rated_words(comparison) in comparison_description(comparison)
    document = json.loads(found.to_json())
    assert document["notes"][-1] == NOTE
    assert document["comparisons"][0]["categories_not_rated"] == ["Counting", "Text"]
    assert Analysis.from_dict(document).comparisons[0].not_rated == ("Counting", "Text")


def test_a_whole_study_says_nothing() -> None:
    found = compute(validate_ratings(ratings()), Settings(), declared=DECLARED[:2])
    assert found.comparisons[0].not_rated == () and lines(found.comparisons[0])[0][0] == "Overall"
    assert "categories_not_rated" not in found.to_json() and not found.notes


def test_one_pair_may_lack_what_another_has() -> None:
    frame = pd.concat([ratings(), ratings(label_b="tuned").query("category == 'Text' or category == 'Counting'")])
    found = compute(validate_ratings(frame.reset_index(drop=True)), Settings())
    lacking = {(each.generator_a, each.generator_b): each.not_rated for each in found.comparisons}
    assert lacking == {("guided", "plain"): (), ("plain", "tuned"): ("Colors",)}
    assert [note for note in found.notes if "plain against tuned" in note and "1 of 2 categories" in note]
