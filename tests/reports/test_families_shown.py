"""What the family does not carry is highlighted nowhere: page, figure, tables and texts ask one function."""

from __future__ import annotations

import csv
import io
import json
import re
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from django.core.management import CommandError, call_command

from common.places import CHECKOUT
from evaluation.analysis import Analysis, CrowdSpec, Design, Family, simulate_ratings, validate_ratings
from evaluation.reports import figure
from evaluation.reports.compute import compute, settings_from
from evaluation.reports.reading import p_shown, p_tests, role_words
from evaluation.reports.tables import table_latex, tables_csv
from evaluation.reports.wording.results import results_text

PRIMARY = Family((("x", "y"),), ("alignment",), declared=True)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Four pairs are clear; x against y on alignment is the primary one."""
    design = Design(12, {"one": 12, "two": 12}, questions=("alignment", "fidelity"))
    pairs = {("x", "y"): 1.2, ("x", "z"): 1.2, ("y", "z"): 0.0}
    return simulate_ratings(design, CrowdSpec(rater_sd=0.4, prompt_sd=0.4), pairs, np.random.default_rng(0))


@pytest.fixture(scope="module")
def declared(frame: pd.DataFrame) -> Analysis:
    return compute(validate_ratings(frame), settings_from(None), PRIMARY)


@pytest.fixture(scope="module")
def file(frame: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("families") / "ratings.csv"
    frame.to_csv(path, index=False)
    return path


def test_only_the_primary_comparison_is_said_to_lead(declared: Analysis) -> None:
    text = results_text(declared, title="Study x")
    assert len(re.findall(r"x preferred$", text, re.MULTILINE)) == 1
    assert len(re.findall(r"exploratory$", text, re.MULTILINE)) == 5
    rows = list(csv.DictReader(io.StringIO(tables_csv(declared.comparisons))))
    led = [row for row in rows if row["shown_to_lead"]]
    assert {(row["generator_a"], row["generator_b"], row["question"]) for row in led} == {("x", "y", "alignment")}
    assert {row["role"] for row in rows if not row["category"]} == {"confirmatory", "exploratory"}
    colours = figure._COLOURS["light"]
    for each in declared.comparisons:
        primary = (each.generator_a, each.generator_b, each.question) == ("x", "y", "alignment")
        coloured = figure._net_colour(each.overall, colours) != colours.text
        assert coloured == primary
        latex = table_latex(each, speaks_for=declared.speaks_for, simulated=False)
        assert ("Exploratory" in latex) == (not primary)
        assert role_words(each.overall).startswith("Exploratory") == (not primary)
        assert p_shown("Overall", each.overall) is not None


def test_the_p_value_says_what_it_is_adjusted_over(frame: pd.DataFrame, declared: Analysis) -> None:
    whole = compute(validate_ratings(frame), settings_from(None))
    assert "overall p-value is Holm-adjusted over 6 comparisons" in p_tests(whole.comparisons)
    exploratory = [each for each in declared.comparisons if each.question == "fidelity"]
    assert "exploratory and not adjusted" in p_tests(exploratory)
    assert role_words(whole.comparisons[0].overall).startswith("One of 6 primary comparisons")


def test_nothing_else_decides_what_is_highlighted() -> None:
    """No page, figure, table or text compares an interval's end with zero by itself."""
    places = [*(CHECKOUT / "evaluation" / "reports").rglob("*.py"), *(CHECKOUT / "templates").rglob("*.html")]
    places += [
        *(CHECKOUT / "evaluation" / "views").rglob("*.py"),
        *(CHECKOUT / "evaluation" / "templatetags").rglob("*.py"),
    ]
    assert len(places) > 40
    own = re.compile(r"(low\s*>=?\s*0\b(?!\.)|high\s*<=?\s*0\b(?!\.)|0\s*<=?\s*\w*\.?low\b|p_value\s*<|p_holm\s*<)")
    found = {str(path.relative_to(CHECKOUT)): own.findall(path.read_text(encoding="utf-8")) for path in places}
    assert not {name: hits for name, hits in found.items() if hits}


# --- The command ------------------------------------------------------------------------------------------------------


def analysed(file: Path, *options: str) -> str:
    out = StringIO()
    call_command("analyse", "--ratings", str(file), *options, stdout=out)
    return out.getvalue()


def test_text_begins_with_the_answer_the_rankings_and_a_summary(file: Path) -> None:
    text = analysed(file)
    places = [
        text.index(each)
        for each in ("All comparisons (none was", "ranking (Davidson", "Summary", "net share above zero")
    ]
    assert places == sorted(places)
    short = analysed(file, "--summary")
    assert "Summary" in short and "ranking (" in short and "net share above zero" not in short
    assert len(short) < len(text) / 2


def test_json_is_narrowed_by_question_pair_and_summary(file: Path) -> None:
    whole = json.loads(analysed(file, "--format", "json"))
    assert len(whole["comparisons"]) == 6
    part = json.loads(analysed(file, "--format", "json", "--question", "fidelity", "--pair", "z,x", "--pair", "x,y"))
    assert [(each["generator_a"], each["generator_b"], each["question"]) for each in part["comparisons"]] == [
        ("x", "y", "fidelity"),
        ("x", "z", "fidelity"),
    ]
    assert all(each in whole["comparisons"] for each in part["comparisons"]), "what is left says the same"
    assert [each["question"] for each in part["rankings"]] == ["fidelity"] and list(part["agreement"]) == ["fidelity"]
    short = json.loads(analysed(file, "--format", "json", "--summary"))
    assert len(json.dumps(short)) < len(json.dumps(whole)) / 5
    for own, full in zip(short["comparisons"], whole["comparisons"], strict=True):
        assert list(own["overall"]["net"]["intervals"]) == [full["overall"]["net"]["default"]]
        for name in ("n_ratings", "n_raters", "n_prompts", "shares", "p_value", "standing"):
            assert own["overall"][name] == full["overall"][name]
        assert own["overall"]["net"]["estimate"] == full["overall"]["net"]["estimate"]
    assert short["rankings"] == whole["rankings"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--question", "fidelty"), 'did you mean "fidelity"'),
        (("--pair", "x"), "two names with a comma between"),
        (("--pair", "x,w"), "No ratings compare w with x"),
        (("--pair", ","), "two names with a comma between"),
    ],
)
def test_what_is_not_there_is_named(file: Path, options: tuple[str, ...], words: str) -> None:
    with pytest.raises(CommandError, match=re.escape(words)) as refused:
        analysed(file, *options)
    assert refused.value.returncode == 2


def test_a_name_with_a_comma_is_found(frame: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    names = {"x": "SD 2.1, base", "y": "y", "z": "z"}
    frame.assign(**{each: frame[each].map(names) for each in ("generator_a", "generator_b")}).to_csv(path, index=False)
    part = json.loads(analysed(path, "--format", "json", "--pair", "SD 2.1, base,y"))
    assert {(each["generator_a"], each["generator_b"]) for each in part["comparisons"]} == {("SD 2.1, base", "y")}
