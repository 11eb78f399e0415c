"""Limitations by rule: each is there where its condition is, and only there; none depends on who leads."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from evaluation.analysis.displays import Displays
from evaluation.analysis.families import Family
from evaluation.analysis.frame import validate_ratings
from evaluation.analysis.refusals import RefusalRate, Refusals
from evaluation.analysis.screening import Screening
from evaluation.reports.compute import Settings, compute
from evaluation.reports.document import ReportDocument
from evaluation.reports.further import Further
from evaluation.reports.limitations import RULES, Limits, limitations
from evaluation.reports.skips import Skips
from tests.reports.sample import ratings

DECLARED: dict[str, Any] = {
    "suite": {"language": "en"},
    "runs": [{"label": "plain", "origin": "rendered"}, {"label": "guided", "origin": "rendered"}],
    "raters": {"crowd": {"pay": "2.00 GBP"}, "about": [{"id": "age"}]},
}
FAMILY = Family((("guided", "plain"),), ("fidelity", "alignment"), declared=True)
SEEN = Displays(80, 80, 12, None, None, {}, 160, 0, 0, ())


@cache
def good(raters: int = 12, prompts: int = 8, family: Family = FAMILY, categories: tuple[str, ...] = ()) -> Limits:
    """A study with nothing to say against it but what holds of every study: its images are its images."""
    frame = ratings(raters=raters, prompts=prompts)
    results = compute(validate_ratings(frame), Settings(), family, declared=categories)
    further = Further({}, screening=Screening("x", ()))
    return Limits(ReportDocument(results, displays=SEEN, further=further), DECLARED, len(frame), 0)


def codes(given: Limits) -> set[str]:
    return {each.code for each in limitations(given)}


def within(given: Limits, **changed: Any) -> Limits:
    """With other parts of the document."""
    return replace(given, document=replace(given.document, **changed))


def declaring(given: Limits, **changed: Any) -> Limits:
    return replace(given, specification=DECLARED | changed)


MISSING = Refusals("", (RefusalRate("plain", 8, 1, {}),), ())
UPLOADED = {"label": "plain", "origin": "uploaded"}
CASES: dict[str, Any] = {
    "simulated": lambda own: replace(own, n_simulated=5),
    "few_raters": lambda own: good(raters=4),
    "few_prompts": lambda own: good(prompts=2),
    "one_prompt_a_category": lambda own: good(prompts=1),
    "categories_not_rated": lambda own: good(categories=("Colors", "Counting", "Text")),
    "too_few_for_intervals": lambda own: good(raters=2, prompts=1),
    "samples_chosen": lambda own: declaring(own, runs=[UPLOADED | {"declared": {"selection": "hand_picked"}}]),
    "images_missing": lambda own: within(own, refusals=MISSING),
    "shared_images": lambda own: declaring(own, shared_images=[{"images": 1}]),
    "language": lambda own: declaring(own, suite={}),
    "displays_unknown": lambda own: within(own, displays=None),
    "small_displays": lambda own: within(own, displays=replace(SEEN, n_small=4)),
    "no_controls": lambda own: within(own, further=None),
    "raters_unknown": lambda own: declaring(own, raters={}),
    "raters_left": lambda own: replace(own, joined=10, left=2),
    "trials_skipped": lambda own: within(own, skipped=Skips((), ())),
    "departures": lambda own: declaring(own, departures=["more raters"]),
    "not_declared": lambda own: good(family=Family((), (), declared=True)),
}
ALWAYS = {"one_image_set", "language"}
"""What holds of every comparison of images; the language is said in any case."""


def test_there_is_a_case_for_each_rule() -> None:
    assert set(CASES) | ALWAYS == set(RULES)
    assert codes(good()) == ALWAYS
    assert limitations(replace(good(), n_ratings=0)) == ()


@pytest.mark.parametrize("code", CASES)
def test_a_rule_applies_where_its_condition_holds(code: str) -> None:
    own = CASES[code](good())
    assert code in codes(own)
    assert all(each.words.endswith(".") and "  " not in each.words for each in limitations(own))


def test_what_the_sentences_name() -> None:
    words = {each.code: each.words for code in CASES for each in limitations(CASES[code](good()))}
    assert words["categories_not_rated"].startswith("Not rated: Text.")
    unknown = {each.code: each.words for each in limitations(declaring(good(), runs=[UPLOADED]))}
    assert unknown["samples_chosen"] == "plain: how the samples were chosen is not known."
    assert "plain" in words["samples_chosen"]
    assert "(en)" in {each.code: each.words for each in limitations(good())}["language"]


def test_who_leads_changes_nothing() -> None:
    frame = ratings(raters=12, prompts=8)
    turned = frame.assign(choice=frame["choice"].map({"a": "b", "b": "a", "indifferent": "indifferent"}))
    both = []
    for each in (frame, turned):
        results = compute(validate_ratings(each), Settings(), FAMILY)
        both.append(codes(Limits(ReportDocument(results), DECLARED, len(each), 0)))
    assert both[0] == both[1] and {"no_controls", "displays_unknown"} <= both[0]
