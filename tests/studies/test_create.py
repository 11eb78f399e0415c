"""Drafts: what is refused, with which words, and what a draft declares."""

import pytest

from evaluation.errors import ConflictError, InputError
from evaluation.models import RunStatus, Study
from evaluation.services.studies.create import StudyDraft, study_create
from tests.studies.world import a_run, a_suite

pytestmark = pytest.mark.django_db


def test_a_draft_declares_its_protocol_panels_and_departures() -> None:
    suite = a_suite()
    study = study_create(
        StudyDraft(name="first", runs=[a_run(suite, "one"), a_run(suite, "two")], labels=["A 1", "B 2"])
    )
    declared = study.specification
    assert study.status == "draft" and study.specification_hash == ""
    assert declared["protocol"]["questions"][0]["text"] == "Which set of images is of higher quality?"
    assert declared["panels"] == [
        {"panel": "Colors", "raters": 25, "prompts": 3, "trials": 3},
        {"panel": "Counting", "raters": 25, "prompts": 2, "trials": 2},
    ]
    assert declared["departures"] == ["2 images per set, where the protocol has 8"]
    assert [run["label"] for run in declared["runs"]] == ["A 1", "B 2"]


def test_three_runs_make_three_pairs() -> None:
    suite = a_suite()
    study = study_create(StudyDraft(name="three", runs=[a_run(suite, name) for name in ("one", "two", "three")]))
    assert [panel["trials"] for panel in study.specification["panels"]] == [9, 6]


def test_a_suite_without_categories_has_one_panel() -> None:
    suite = a_suite({"": 4})
    study = study_create(StudyDraft(name="plain", runs=[a_run(suite, "one"), a_run(suite, "two")]))
    assert [panel["panel"] for panel in study.specification["panels"]] == [""]


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"name": "two words"}, "name", "letters, digits"),
        ({"protocol": "drawbanch"}, "protocol", '; did you mean "drawbench"'),
        ({"labels": ["same", "Same"]}, "labels", 'label "same"'),
        ({"labels": ["one"]}, "labels", "2 runs, but 1 label"),
        ({"labels": ["one", "  "]}, "labels", "empty"),
        ({"missing": "drop-prompt"}, "missing", 'did you mean "drop-prompts"'),
        ({"raters_per_panel": 0}, "raters_per_panel", "between 1 and"),
        ({"samples_per_set": 17}, "samples_per_set", "between 1 and 16"),
        ({"design_seed": -1}, "design_seed", "between 0 and"),
    ],
)
def test_bad_input_is_named(change: dict[str, object], field: str, words: str) -> None:
    suite = a_suite()
    given: dict[str, object] = {"name": "study", "runs": [a_run(suite, "one"), a_run(suite, "two")], **change}
    with pytest.raises(InputError) as refused:
        study_create(StudyDraft(**given))  # type: ignore[arg-type]
    assert refused.value.field == field and words in refused.value.message
    assert not Study.objects.exists()


def test_a_study_needs_two_different_runs_of_one_suite() -> None:
    suite, other = a_suite(), a_suite(name="other")
    one, foreign = a_run(suite, "one"), a_run(other, "foreign")
    for runs, words in (
        ([], "none were given"),
        ([one], "1 was given"),
        ([one, one], "given twice"),
        ([one, foreign], "same version of one suite, but one uses small@"),
    ):
        with pytest.raises(InputError, match=words):
            study_create(StudyDraft(name="study", runs=runs))


def test_a_name_is_taken_once() -> None:
    suite = a_suite()
    runs = [a_run(suite, "one"), a_run(suite, "two")]
    study_create(StudyDraft(name="study", runs=runs))
    with pytest.raises(ConflictError, match='"study" already'):
        study_create(StudyDraft(name="study", runs=runs))


def test_unfinished_and_empty_runs_are_refused() -> None:
    suite = a_suite()
    done, running = a_run(suite, "done"), a_run(suite, "running", status=RunStatus.RUNNING)
    with pytest.raises(InputError, match="running is running"):
        study_create(StudyDraft(name="study", runs=[done, running]))
    every = [(prompt, sample) for prompt in range(5) for sample in range(2)]
    with pytest.raises(InputError, match="The run empty has no samples"):
        study_create(StudyDraft(name="study", runs=[done, a_run(suite, "empty", without=every)]))


def test_missing_samples_are_named_or_treated_as_told() -> None:
    suite = a_suite()
    whole, holed = a_run(suite, "whole"), a_run(suite, "holed", without=[(1, 0), (4, 0), (4, 1)])
    with pytest.raises(InputError) as refused:
        study_create(StudyDraft(name="study", runs=[whole, holed]))
    assert "holed lacks samples for 2 of 5 prompts: 00001 (has 1 of 2), 00004 (has 0 of 2)" in refused.value.message
    assert refused.value.details["prompts"] == {
        "00001": {"whole": 2, "holed": 1},
        "00004": {"whole": 2, "holed": 0},
    }
    dropped = study_create(StudyDraft(name="dropped", runs=[whole, holed], missing="drop-prompts")).specification
    assert dropped["sets"]["dropped"] == ["00001", "00004"]
    smaller = study_create(StudyDraft(name="smaller", runs=[whole, holed], missing="smaller-sets")).specification
    assert smaller["sets"] == {
        "size": 2,
        "missing": "smaller-sets",
        "dropped": ["00004"],
        "smaller": {"00001": 1},
    }
    assert any("1 prompt with smaller sets" in each for each in smaller["departures"])


def test_nothing_left_is_no_study() -> None:
    suite = a_suite()
    first = a_run(suite, "first", without=[(prompt, 0) for prompt in range(5)])
    with pytest.raises(InputError, match="Nothing is left to compare"):
        study_create(StudyDraft(name="study", runs=[first, a_run(suite, "second")], missing="drop-prompts"))
