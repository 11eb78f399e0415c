"""What a report says: runs by their labels and never A and B, numbers in one form, plurals, the axis to the right."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from evaluation.analysis.frame import validate_ratings
from evaluation.analysis.summary import analyse
from evaluation.analysis.summary_results import Analysis
from evaluation.analysis.tally import Comparison
from evaluation.reports import figure as figure_module
from evaluation.reports.compute import compute, settings_from
from evaluation.reports.figure import comparison_figure
from evaluation.reports.reading import p_tests, question_name
from evaluation.reports.tables import table_latex
from evaluation.reports.wording.descriptions import comparison_description
from evaluation.reports.wording.numbers import coefficient, figures, percent_sign, points, points_range, signed
from evaluation.reports.wording.results import design_lines, results_text, stopping_rule_text
from tests.reports.sample import ratings, three_generators

SIDES = re.compile(r"\b[AB]\b")


@pytest.fixture(scope="module")
def results() -> Analysis:
    frame = ratings(label_a="Flat", label_b="Sketch", raters=5, prompts=9)
    return compute(validate_ratings(frame), settings_from(None))


def test_runs_are_called_by_their_labels(results: Analysis) -> None:
    comparison = results.comparisons[0]
    latex = table_latex(comparison, speaks_for=results.speaks_for, simulated=False)
    ranked = results_text(analyse(three_generators()), title="Study x")
    for said in (results_text(results, title="Study x"), latex, comparison_description(comparison), ranked):
        assert not SIDES.search(said), SIDES.search(said)
    assert "& Ratings & Flat & No preference & Sketch & Net share & Interval & As independent" in latex
    assert "net share above zero: raters prefer Flat" in results_text(results, title="Study x")


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        ("Flat", "Sketch", {"← Sketch", "Flat preferred →"}),
        ("imagen-large", "dall-e-2-base", {"imagen-large preferred →"}),
        ("a generator with a long name", "another", {"a generator with a… preferred →"}),
    ],
)
def test_the_net_axis_rises_to_the_right_and_says_for_whom(results: Analysis, a: str, b: str, said: set[str]) -> None:
    comparison = replace(results.comparisons[0], comparison=Comparison(a, b, "fidelity"))
    drawn = figure_module._wide(comparison, figure_module._COLOURS["light"])
    net = drawn.axes[1]
    low, high = net.get_xlim()
    assert low < 0 < high
    assert {text.get_text() for text in net.texts} == said
    legend = {text.get_text() for each in drawn.legends for text in each.get_texts()}
    assert {a, "no preference", b, "95 % interval", "as independent"} == legend


def test_long_labels_stand_below_each_other(results: Analysis) -> None:
    names = "Imagen cascade, guidance 7.5, 64 px", "Stable Diffusion 2.1 base, DDIM 50"
    comparison = replace(results.comparisons[0], comparison=Comparison(*names, "fidelity"))
    short, long = (
        figure_module._wide(each, figure_module._COLOURS["light"]) for each in (results.comparisons[0], comparison)
    )
    assert long.get_figheight() > short.get_figheight()
    assert comparison_figure(comparison, narrow=True).startswith(b"<?xml")


def test_numbers_have_one_form() -> None:
    assert percent_sign(0.5) == "50.0 %"
    assert (points(-0.0213), points(0.2), points(-0.0004)) == ("−2.1", "+20.0", "+0.0")
    assert (figures(0.29374), figures(-12345.6), figures(0.4), figures(12.0)) == ("0.294", "−12,346", "0.400", "12.0")
    assert (coefficient(-0.02134), coefficient(-0.0001), coefficient(0.5)) == ("−0.021", "0.000", "0.500")
    assert (figures(120), figures(None), signed(-0.2134), signed(0.4)) == ("120", "", "−0.213", "+0.400")


def test_the_text_keeps_to_it(results: Analysis) -> None:
    text = results_text(results, title="Study x")
    assert not re.search(r"(?<![\w-])-\d", text), "a hyphen for a minus"
    assert not re.search(r"\d%", text)
    interval = results.comparisons[0].overall.net.interval
    assert interval is not None and points_range(interval) in text


def test_p_values_say_what_they_test(results: Analysis) -> None:
    assert p_tests(results.comparisons) == (
        'p tests "no preference"; the overall p-value is Holm-adjusted over 2 comparisons; category p-values are '
        "Holm-adjusted (2 tests)"
    )
    one = ratings().query("category == 'Colors' and question == 'fidelity'")
    single = compute(validate_ratings(one), settings_from(None))
    assert p_tests(single.comparisons) == 'p tests "no preference"'


def test_a_single_rating_and_a_single_rater_are_singular() -> None:
    frame = ratings().query("rater_id == 'Colors-0'")
    one = results_text(compute(validate_ratings(frame.iloc[:1]), settings_from(None)), title="Study x")
    assert "1 rating by 1 rater on 1 prompt\n" in one and not re.search(r"\b1 (ratings|raters|prompts)\b", one)


def test_a_stopping_rule_in_one_two_and_three_conditions() -> None:
    rule = {"margin": None, "half_width": None, "alpha": 0.05, "min_raters": 5, "max_raters": 1200}
    assert "excludes zero. At least 5 raters must have finished; the maximum is 1,200." in stopping_rule_text(rule)
    two = stopping_rule_text(rule | {"margin": 0.1})
    assert "excludes zero or lies within ±10 points. At least" in two
    three = stopping_rule_text(rule | {"margin": 0.1, "half_width": 0.05, "alpha": 0.025})
    assert "97.5 % anytime-valid" in three
    assert "excludes zero, lies within ±10 points or is no wider than ±5 points. At least" in three


def test_names_keep_their_capitals() -> None:
    assert (question_name("SC"), question_name("image_PQ"), question_name("fidelity")) == ("SC", "Image PQ", "Fidelity")


def torn(raters: int, prompts: int) -> Analysis:
    """One category and question; of the two raters or prompts, each is mostly for another side."""
    frame = ratings(raters, prompts).query("category == 'Colors' and question == 'fidelity'").reset_index(drop=True)
    unit = "rater_id" if raters < prompts else "prompt_id"
    first = frame[unit] == frame[unit].iloc[0]
    turned = frame.index % 7 == 0
    frame = frame.assign(choice=(first ^ turned).map({True: "a", False: "b"}))
    return compute(validate_ratings(frame), settings_from(None))


@pytest.mark.parametrize(("raters", "prompts", "lacking"), [(2, 30, "raters"), (30, 2, "prompts")])
def test_an_interval_too_wide_to_draw_is_said_not_drawn(raters: int, prompts: int, lacking: str) -> None:
    """The document keeps its numbers; text, LaTeX, description and figure say what there are too few of."""
    whole = torn(raters, prompts)
    comparison = whole.comparisons[0]
    rate = comparison.overall
    own = rate.net.interval
    assert own is not None and own.high - own.low > 1 and rate.too_few == lacking
    assert rate.to_dict()["net"]["intervals"][own.method]["low"] == own.low  # type: ignore[index]
    said = f"too few {lacking}"
    assert said in results_text(whole, title="x") and points_range(own) not in results_text(whole, title="x")
    assert said in table_latex(comparison, speaks_for="x", simulated=False)
    assert said in comparison_description(comparison)
    panel = figure_module._wide(comparison, figure_module._COLOURS["light"]).axes[1]
    assert [each.get_text() for each in panel.texts if "too few" in each.get_text()] == [said]
    drawn = [line for line in panel.lines if line.get_linewidth() == 2.0]
    assert not drawn, "the default interval is drawn"


def test_untidy_designs_are_warned_of() -> None:
    frame = ratings(6, 30).query("category == 'Colors' and question == 'fidelity'")
    frame = frame[(frame["rater_id"] == "Colors-0") | (frame["prompt_id"] < "00002")]
    comparison = compute(validate_ratings(frame), settings_from(None)).comparisons[0]
    rate = comparison.overall
    assert [each.code for each in rate.cautions] == ["unequal_loads"]
    each_rater = frame.assign(net=frame["choice"].map({"a": -1.0, "indifferent": 0.0, "b": 1.0}))
    assert rate.rater_net == pytest.approx(each_rater.groupby("rater_id")["net"].mean().mean())  # guided is A
    text = "\n".join(design_lines(rate))
    assert f"With each rater counting alike, the net share is {points(rate.rater_net or 0.0)} points." in text
    assert "Some raters rated much more than others (2 to 30 ratings)" in text
    back = type(rate).from_dict(rate.to_dict(), rate.estimand, rate.level)
    assert (back.cautions, back.rater_net, back.design) == (rate.cautions, rate.rater_net, rate.design)
