"""HEDS 3.0 and Otani's list: what is known stands there, what only a person knows is listed, and nothing is both."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from evaluation.reports.kit.heds import FIELDS, heds_json, heds_open
from evaluation.reports.kit.otani import OPEN, otani_items, otani_text
from evaluation.reports.kit.source import KitSource
from tests.reports.kit.sources import CROWD, answers_source, plain_source, specification

ABOUT = [{"id": "age", "text": "How old are you?", "answers": ["18-29", "30+"]}]


def declared(**raters: Any) -> KitSource:
    own = plain_source()
    consent = {"consent": "x", "contact": "ada@example.org"}
    return replace(own, specification=specification(own.labels, raters=consent | raters))


def sheet(source: KitSource) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(heds_json(source))
    return found


@pytest.mark.parametrize("source", [plain_source, answers_source, lambda: declared(crowd=CROWD, about=ABOUT)])
def test_the_sheet_has_the_forms_shape_and_what_is_open_is_empty(source: Any) -> None:
    own = sheet(source())
    criteria = list(own["heds-criteria-criterion"]["control"])
    assert criteria == ["Image fidelity", "Image-text alignment"]
    assert [*own["heds-criteria-criterion"]["control"].values()] == [True, False], "the form shows one at a time"
    known = {field.id for field in FIELDS}
    for name, entry in own.items():
        if name == "heds-criteria-criterion":
            continue
        base = name if name in known else name.rpartition("-")[0]
        assert base in known and entry["control"] == {}
        assert list(entry["data"]) == (criteria if base.startswith("heds-criteria") else [""])
        ticks = {type(value) for value in entry["data"].values()}
        assert ticks == ({bool} if name.rpartition("-")[2].isdigit() else {str})
        for criterion, value in entry["data"].items():
            if value is True:  # the label begins with the option's number, as the form has it
                assert entry["text"][criterion].startswith(name.rpartition("-")[2] + ". ")
    waiting = {each.partition(" ")[0] for each in heds_open(source())}
    for field in FIELDS:
        if not field.options and field.number != "3.3.7":
            is_empty = not all(own[field.id]["data"].values())
            assert is_empty == (field.number in waiting), field
    assert {"1.1.1", "1.3.1.1", "3.2.2.1", "4.1.1"} <= waiting and len({field.id for field in FIELDS}) == len(FIELDS)


def test_what_the_study_declares_is_in_the_lists_and_no_longer_open() -> None:
    plain, crowd = plain_source(), declared(crowd=CROWD, about=ABOUT)
    pay = "heds-sample_evaluators_design-evaluators-evaluators-payment-other_text"
    assert sheet(plain)[pay]["data"][""] == "" and CROWD["pay"] in sheet(crowd)[pay]["data"][""]
    assert sheet(crowd)["heds-ethics-review_body"]["data"][""] == CROWD["approval"]
    assert sheet(plain)["heds-sample_evaluators_design-evaluators-number_of_evaluators"]["data"][""] == "8"
    for number in ("3.2.3", "3.2.5", "5.1"):
        assert any(each.startswith(number) for each in heds_open(plain))
        assert not any(each.startswith(number) for each in heds_open(crowd))
    assert any(each.startswith("5.3") for each in heds_open(crowd)), "whether an answer is sensitive a person decides"
    items, told = dict(otani_items(plain)), dict(otani_items(crowd))
    assert items["Distinct raters"] == told["Distinct raters"] == "8"
    assert items["Pay"].startswith(OPEN) and told["Pay"] == CROWD["pay"] and told["Recruitment"] == "Prolific"
    assert items["Ethical approval"].startswith(OPEN) and items["Screenshots of the interface"].startswith(OPEN)
    agreement = plain.document.analysis.agreement["fidelity"]
    assert items["Krippendorff's alpha, ordinal, Fidelity"].replace("−", "-") in {
        f"{each.value:.3f}" for each in agreement
    }
    assert otani_text(plain).count("\n|") == len(items) + 2


def test_outputs_and_raters_are_counted_as_they_were_rated() -> None:
    """By system and by what was shown, without control trials; what was declared stands beside it."""
    own = plain_source()
    outputs = "heds-sample_evaluators_design-sample-number_of_system_outputs"
    assert sheet(own)[outputs]["data"][""] == str(own.ratings["prompt_id"].nunique()) == "10"
    assert dict(otani_items(own))["Raters per sample"] == "median 4 (4 to 4); 4 were declared"
    frame = own.ratings
    pair = (frame["generator_a"] == "plain") & (frame["generator_b"] == "guided")
    assert pair.any()
    first = frame["prompt_id"] == frame["prompt_id"].iloc[0]
    few = frame[pair & ~(first & (frame["rater_id"] != frame["rater_id"].iloc[0]))].reset_index(drop=True)
    assert replace(own, ratings=few).raters_per_item[:2] == [1, 1]
    control = few.assign(control=few["prompt_id"] == "00003")
    assert replace(own, ratings=control).outputs_per_system == {"guided": 9, "plain": 9}
    uneven = frame[pair | ((frame["generator_a"] == "plain") & first)].reset_index(drop=True)
    assert replace(own, ratings=uneven).outputs_per_system == {"guided": 10, "plain": 10, "tuned": 1}
    told = sheet(replace(own, ratings=uneven))[outputs]["data"][""]
    assert told == "10 of guided; 10 of plain; 1 of tuned"
    answers = answers_source()
    assert sheet(answers)[outputs]["data"][""] == "6" and set(answers.raters_per_item) == {4}
    verbatim = sheet(own)["heds-criteria-criterion-response_elicitation-verbatim_question"]["data"]
    assert "[the prompt]" in verbatim["Image-text alignment"] and "{caption}" not in otani_text(own)
