"""Results as tables, text, LaTeX and figures: the numbers are those of the document, and the bytes are repeatable."""

from __future__ import annotations

import csv
import io
import re
from xml.etree import ElementTree

import pandas as pd
import pytest

from evaluation.analysis.frame import validate_ratings
from evaluation.analysis.summary_results import Analysis, ComparisonResult
from evaluation.errors import InputError
from evaluation.reports.collection import Spread, collection
from evaluation.reports.compute import code_version, compute, settings_from
from evaluation.reports.figure import FigureFormat, comparison_figure
from evaluation.reports.reading import cut, lines, method_name, too_few, why_lacking, win_matrix
from evaluation.reports.tables import latex_escape, table_latex, tables_csv
from evaluation.reports.wording.descriptions import comparison_description
from evaluation.reports.wording.numbers import p_text
from evaluation.reports.wording.results import results_text
from tests.reports.sample import ratings, three_generators


def results(frame: pd.DataFrame | None = None, **settings: object) -> Analysis:
    return compute(validate_ratings(ratings() if frame is None else frame), settings_from(settings))


def comparisons() -> tuple[ComparisonResult, ...]:
    return results().comparisons


def test_rows_hold_what_the_document_holds() -> None:
    found = results()
    fidelity = next(each for each in found.to_dict()["comparisons"] if each["question"] == "fidelity")
    comparison = next(each for each in found.comparisons if each.question == "fidelity")
    # pairs are brought to alphabetical order: "guided" is A
    assert (comparison.generator_a, comparison.generator_b) == ("guided", "plain")
    assert [name for name, _ in lines(comparison)] == ["Overall", "Colors", "Counting"]
    counted = ratings().query("question == 'fidelity'")["choice"].value_counts(normalize=True)
    assert comparison.overall.share("a") == pytest.approx(counted["b"])
    assert comparison.overall.share("indifferent") == pytest.approx(counted["indifferent"])
    assert comparison.overall.net.estimate == pytest.approx(counted["b"] - counted["a"])
    assert comparison.overall.net.interval is not None
    assert comparison.overall.net.interval.low == fidelity["overall"]["net"]["intervals"]["effective"]["low"]


def test_a_single_category_is_not_said_twice() -> None:
    frame = ratings().query("category == 'Colors'")
    assert [len(lines(each)) for each in results(frame).comparisons] == [1, 1]


def test_an_interval_that_cannot_be_had_says_why() -> None:
    frame = ratings().query("rater_id == 'Colors-0'")
    rate = results(frame).comparisons[0].overall
    assert "one rater" in why_lacking(rate)
    assert rate.net.interval is None or rate.net.interval.method not in ("effective", "two_way")


def test_rows_have_the_p_of_their_place() -> None:
    """Overall adjusted over the family, categories over all of them."""
    found = results()
    rows = list(csv.DictReader(io.StringIO(tables_csv(found.comparisons))))
    for each in found.to_dict()["comparisons"]:
        mine = {row["category"]: float(row["p"]) for row in rows if row["question"] == each["question"]}
        p = mine.pop("")
        assert p == each["overall"]["standing"]["p_value"] >= each["overall"]["p_value"]
        for category, p in mine.items():
            assert p == each["categories"][category]["p_holm"]
            assert p >= each["categories"][category]["p_value"]


def test_each_estimand_has_its_width() -> None:
    found = results(estimand="raters")
    comparison = found.comparisons[0]
    assert [width.estimand for width in comparison.widths] == ["raters_and_prompts", "raters", "prompts", "votes"]
    chosen = [width for width in comparison.widths if width.estimand == found.estimand]
    assert [method_name(width.method) for width in chosen] == ["clustered by rater"]
    interval = comparison.overall.net.interval
    assert interval is not None and chosen[0].half_width == pytest.approx((interval.high - interval.low) / 2)


def test_a_report_from_before_these_keys_is_still_shown() -> None:
    document = results().to_dict()
    for key in ("agreement", "rankings", "side_bias", "version"):
        del document[key]
    for each in document["comparisons"]:
        for key in ("words", "by_estimand", "decided", "p_value"):
            del each["overall"][key]
    found = Analysis.from_dict(document)
    rate = found.comparisons[0].overall
    assert (rate.words, found.comparisons[0].widths, rate.decided, rate.p_value) == ("", (), None, None)
    assert "Overall" in results_text(found, title="Study x")


def test_three_generators_are_ranked() -> None:
    found = results(three_generators())
    assert [ranking.question for ranking in found.rankings] == ["alignment", "fidelity"]
    ranking = found.rankings[0]
    assert [score.generator for score in ranking.scores] == ["tuned", "guided", "plain"]
    matrix = win_matrix(ranking)
    assert [name for name, _ in matrix] == ["tuned", "guided", "plain"]
    for i, (_, row) in enumerate(matrix):
        assert row[i] is None
        for j in range(i):
            above, below = row[j], matrix[j][1][i]
            assert above is not None and below is not None and above + below == pytest.approx(1)
    text = results_text(found, title="Study x")
    assert "Alignment: ranking (Davidson model)" in text
    assert re.search(r"^ +rank +rank band +score +over tuned +over guided +over plain$", text, flags=re.MULTILINE)
    assert re.search(r"^tuned +1 +1(?: to \d)? +\+\d\.\d+ +– ", text, flags=re.MULTILINE)


def test_text_tells_agreement_and_the_lean_to_a_side() -> None:
    text = results_text(results(), title="Study x")
    agreement = r"^Fidelity, agreement between raters: −?0\.\d{3,} \(.* to .*\), Krippendorff's alpha, ordinal$"
    assert re.search(agreement, text, flags=re.MULTILINE)
    sides = r"^Sides: the left set was preferred in \d+\.\d % of \d+ answers with a preference \("
    assert re.search(sides, text, flags=re.MULTILINE)
    assert "On average, per 100 ratings: 50 for guided" in text


def test_small_p_are_not_zero() -> None:
    assert [p_text(p) for p in (None, 0.0, 0.00099, 0.0312, 1.0)] == ["–", "<0.001", "<0.001", "0.031", "1.000"]


def test_intervals_are_cut_at_what_a_net_share_can_be() -> None:
    frame = ratings(prompts=2).query("category == 'Colors'")
    for comparison in results(frame).comparisons:
        interval = comparison.overall.net.interval
        assert interval is not None
        assert -1 <= cut(interval).low <= cut(interval).high <= 1


def test_text_names_every_category_with_its_numbers() -> None:
    text = results_text(results(ratings(simulated=4)), title="Study x")
    assert text.startswith("Study x\n80 ratings by 8 raters on 10 prompts\n")
    assert "Simulated: all ratings come from simulated raters" in text
    rows = re.findall(r"^(?:Overall|Colors|Counting) .*$", text, flags=re.MULTILINE)
    assert len(rows) == 6 and all(re.search(r"[+−]\d+\.\d to [+−]\d+\.\d ", row) for row in rows)


def test_text_without_ratings_says_so() -> None:
    assert "There are no ratings yet." in results_text(results(ratings().iloc[:0]), title="Study x")


def test_the_csv_table_is_in_fractions_and_escaped() -> None:
    found = results(ratings(label_b="=1+1")).comparisons
    rows = list(csv.DictReader(io.StringIO(tables_csv(found))))
    assert len(rows) == 6
    assert rows[0]["category"] == "" and rows[1]["category"] == "Colors"
    assert rows[0]["generator_a"] == "'=1+1"
    shares = [float(rows[0][f"share_{name}"]) for name in ("a", "indifferent", "b")]
    assert sum(shares) == pytest.approx(1)


def test_latex_is_whole_and_escaped() -> None:
    comparison = results(ratings(label_b="w_5 & 100%")).comparisons[0]
    text = table_latex(comparison, speaks_for="new raters", simulated=True)
    assert r"w\_5 \& 100\%" in text
    assert "SIMULATED" in text
    assert text.count(r"\\") == 4 and text.count(r"\midrule") == 2 and r"\bottomrule" in text
    assert latex_escape(r"\{}") == r"\textbackslash{}\{\}"
    assert latex_escape("a<b>|c") == r"a\textless{}b\textgreater{}\textbar{}c"


def test_latex_fits_the_page_and_can_be_referred_to() -> None:
    """No LaTeX is here to set it: its parts are counted."""
    comparison = results(ratings(label_a="A very long label " * 5, label_b="w_5 & 100%")).comparisons[0]
    text = table_latex(comparison, speaks_for="new raters", simulated=False)
    assert text.count(r"\begin{table*}") == text.count(r"\end{table*}") == 1
    label = re.search(r"\\label\{(tab:[a-z0-9-]+)\}", text)
    assert label is not None and text.index(r"\caption") < text.index(r"\label"), "a label before has no number"
    columns = re.search(r"\\begin\{tabular\}\{@\{\}(.*)@\{\}\}$", text, flags=re.MULTILINE)
    assert columns is not None
    widths = [float(each) for each in re.findall(r"p\{([0-9.]+)\\textwidth\}", columns[1])]
    assert len(widths) == 8 and sum(widths) < 0.92, "seven gaps of 6 pt take some 0.08 of a page of 500 pt"
    rows = [row for row in text.splitlines() if row.endswith(r"\\")]
    assert len(rows) == 4 and all(len(re.findall(r"(?<!\\)&", row)) == 7 for row in rows)
    assert text.count("{") == text.count("}")


def test_an_interval_that_says_nothing_is_told_alike_everywhere() -> None:
    found = results(ratings(raters=2, prompts=2))
    told = [rate for each in found.comparisons for _, rate in lines(each)]
    words = {too_few(rate) for rate in told} - {""}
    assert words <= {"too few raters", "too few prompts"} and words, "two raters and two prompts say nothing"
    text = results_text(found, title="Study x")
    tables = "".join(table_latex(each, speaks_for="x", simulated=False) for each in found.comparisons)
    for each in words:
        assert each in text and each in tables
    rows = csv.DictReader(io.StringIO(tables_csv(found.comparisons)))
    assert max(float(row["high"]) - float(row["low"]) for row in rows if row["low"]) > 1, "files keep the numbers"


@pytest.mark.parametrize("narrow", [False, True])
def test_figures_are_repeatable_and_well_formed(narrow: bool) -> None:
    comparison = comparisons()[0]
    light = comparison_figure(comparison, narrow=narrow)
    assert comparison_figure(comparison, narrow=narrow) == light
    assert comparison_figure(comparison, narrow=narrow, theme="dark") != light
    assert ElementTree.fromstring(light).tag.endswith("svg")
    assert len(light) < 90_000
    assert b"<script" not in light


@pytest.mark.parametrize(("image_format", "start"), [("pdf", b"%PDF"), ("png", b"\x89PNG")])
def test_figures_for_papers(image_format: FigureFormat, start: bytes) -> None:
    data = comparison_figure(comparisons()[0], image_format=image_format)
    assert data.startswith(start)
    assert comparison_figure(comparisons()[0], image_format=image_format) == data


def test_figures_stand_long_and_strange_names() -> None:
    frame = ratings(label_b="a generator $with$ a name that goes on & on, 文字 <b>")
    ElementTree.fromstring(comparison_figure(results(frame).comparisons[0]))


def test_the_description_says_the_shares() -> None:
    comparison = comparisons()[0]
    said = comparison_description(comparison)
    assert f"{comparison.overall.share('a') * 100:.1f} %" in said and "By category" in said


def test_collection_counts_raters_and_times() -> None:
    found = collection(validate_ratings(ratings(simulated=1)))
    assert (found.n_raters, found.n_simulated_raters) == (8, 2)
    assert found.ratings_per_rater == Spread(min=10, q1=10, median=10, q3=10, max=10)
    assert found.response_time_ms is not None and found.response_time_ms.min >= 1000
    assert len(found.questions) == 2


def test_influence_is_the_largest_change_when_one_rater_is_left_out() -> None:
    frame = ratings()
    scores = frame["choice"].map({"a": 1, "indifferent": 0, "b": -1})
    for question in collection(validate_ratings(frame)).questions:
        part = frame["question"] == question.question
        whole = scores[part].mean()
        changes = [
            abs(scores[part & (frame["rater_id"] != rater)].mean() - whole) for rater in frame["rater_id"].unique()
        ]
        assert question.influence == pytest.approx(max(changes))


def test_collection_of_nothing() -> None:
    found = collection(validate_ratings(ratings().iloc[:0]))
    assert found.n_raters == 0 and found.ratings_per_rater is None and found.questions == ()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"estimate": "x"}, 'did you mean "estimand"?'),
        ({"estimand": "rater"}, 'did you mean "raters"?'),
        ({"level": 95}, "0.5 to 0.999"),
        ({"level": "high"}, "0.5 to 0.999"),
        ({"include_simulated": "no"}, "true or false"),
    ],
)
def test_settings_that_are_not_allowed(given: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        settings_from(given)


def test_settings_hash_by_value() -> None:
    assert settings_from(None).hash == settings_from({"level": 0.95}).hash
    assert settings_from(None).hash != settings_from({"level": 0.9}).hash


def test_the_code_has_a_name() -> None:
    assert re.fullmatch(r"analysis-[0-9a-f]{16}", code_version())
