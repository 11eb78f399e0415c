"""What a study sets out to show: declared when it is made, locked, and what its report is judged by."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from evaluation.errors import InputError
from evaluation.models import Study
from evaluation.services.rating.simulate import raters_simulate
from evaluation.services.reporting.make import report_make
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.open import study_open
from tests.studies.world import a_run, a_suite

pytestmark = pytest.mark.django_db


def a_draft(name: str = "mine", **given: object) -> Study:
    suite = a_suite(name=f"suite-{name}")
    runs = [a_run(suite, f"{name}-{label}") for label in ("one", "two", "three")]
    return study_create(StudyDraft(name=name, runs=runs, labels=["one", "two", "three"], raters_per_panel=3, **given))  # type: ignore[arg-type]


def test_all_pairs_and_questions_are_one_family_where_nothing_is_named() -> None:
    declared = a_draft().specification["analysis"]
    assert declared["pairs"] == [["one", "three"], ["one", "two"], ["three", "two"]]
    assert declared["questions"] == ["fidelity", "alignment"]
    assert declared["estimand"] == "raters_and_prompts" and "Holm" in declared["family"]


def test_named_ones_are_locked_and_judge_the_report() -> None:
    study = study_open(
        study=a_draft(primary_pairs=[["two", "one"]], primary_questions=["alignment"], estimand="raters")
    )
    assert study.specification["analysis"]["pairs"] == [["one", "two"]]
    raters_simulate(study=study, share=1.0, seed=1, prefer={"one": 3.0})
    results = report_make(study=study).results
    assert results["estimand"]["name"] == "raters", "as declared, unless asked otherwise"
    assert results["family"] | {"n": 1} == results["family"] and results["family"]["declared"]
    roles = {
        (each["generator_a"], each["generator_b"], each["question"]): each["overall"]["standing"]
        for each in results["comparisons"]
    }
    assert len(roles) == 6
    assert [key for key, each in roles.items() if each["role"] == "confirmatory"] == [("one", "two", "alignment")]
    assert not any(each["highlighted"] for key, each in roles.items() if key != ("one", "two", "alignment"))
    other = report_make(study=study, settings={"estimand": "votes"}).results
    assert {each["overall"]["standing"]["role"] for each in other["comparisons"]} == {"exploratory"}
    out = StringIO()
    call_command("analyse", study.name, "--format", "json", stdout=out)
    assert json.loads(out.getvalue())["family"] == results["family"]


def test_a_study_that_was_locked_before_keeps_what_it_had() -> None:
    study = study_open(study=a_draft())
    raters_simulate(study=study, share=1.0, seed=1)
    del study.specification["analysis"]
    results = report_make(study=study).results
    assert results["family"]["separate"] and not results["family"]["declared"]
    assert {each["overall"]["standing"]["n"] for each in results["comparisons"]} == {1}


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({"primary_pairs": [["one", "tow"]]}, "primary_pairs", 'did you mean "two"'),
        ({"primary_pairs": [["one"]]}, "primary_pairs", "two different runs"),
        ({"primary_pairs": ["one,two"]}, "primary_pairs", "two different runs"),
        ({"primary_pairs": [["one", "one"]]}, "primary_pairs", '"one" twice'),
        ({"primary_pairs": [["one", "two"], ["two", "one"]]}, "primary_pairs", "given twice"),
        ({"primary_questions": ["fidelty"]}, "primary_questions", 'did you mean "fidelity"'),
        ({"primary_questions": ["fidelity", "fidelity"]}, "primary_questions", "given twice"),
        ({"estimand": "rater"}, "estimand", 'did you mean "raters"'),
    ],
)
def test_bad_declarations_are_named(given: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(InputError) as refused:
        a_draft(**given)
    assert refused.value.field == field and words in refused.value.message
    assert not Study.objects.exists()


def test_the_command_declares_in_plain_words() -> None:
    suite = a_suite()
    for label in ("one", "two", "three"):
        a_run(suite, label)
    out = StringIO()
    call_command(
        "create_study", "--name", "mine", "--runs", "one,two,three", "--pair", "three,one", "--question", "fidelity",
        "--estimand", "raters", stdout=out, stderr=StringIO(),
    )  # fmt: skip
    assert "Primary comparisons (1): one against three, on Fidelity." in out.getvalue()
    assert "The intervals speak for new raters like these" in out.getvalue()
    assert Study.objects.get(name="mine").specification["analysis"]["pairs"] == [["one", "three"]]
