"""A stopping rule that a study declares: what is refused, what is locked, and how the command and the API give it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from common.hashes import hash_of
from evaluation.errors import InputError
from evaluation.models import Rater, Study
from evaluation.selectors.live_board import finished_raters, live_board
from evaluation.services.rating.simulate import raters_simulate
from evaluation.services.reporting.make import report_make
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.open import study_open
from tests.studies.world import a_run, a_suite
from tests.unguarded import unguarded

pytestmark = pytest.mark.django_db


def a_draft(rule: Mapping[str, object] | None, *, raters_per_panel: int = 8, name: str = "mine") -> Study:
    """Two panels, so twice as many places."""
    suite = a_suite(name=f"suite-{name}")
    runs = [a_run(suite, f"{name}-{label}") for label in ("one", "two")]
    return study_create(
        StudyDraft(name=name, runs=runs, labels=["one", "two"], raters_per_panel=raters_per_panel, stopping_rule=rule)
    )


def test_a_rule_is_declared_with_its_defaults() -> None:
    assert a_draft({}).specification["stopping_rule"] == {
        "max_raters": 16,
        "min_raters": 5,
        "margin": None,
        "half_width": None,
        "alpha": 0.05,
    }
    given = {"max_raters": 12, "min_raters": 9, "margin": 0.1, "half_width": 0.05, "alpha": 0.1}
    assert a_draft(given, name="all").specification["stopping_rule"] == given


def test_without_a_rule_the_specification_has_none() -> None:
    study = a_draft(None)
    assert "stopping_rule" not in study.specification
    assert "stopping_rule" not in study_open(study=study).specification


def test_it_is_locked_and_hashed_with_the_rest() -> None:
    study = study_open(study=a_draft({"margin": 0.1}))
    study.refresh_from_db()
    declared = study.specification
    assert declared["stopping_rule"]["margin"] == 0.1
    assert study.specification_hash == hash_of(declared)
    other = {**declared, "stopping_rule": {**declared["stopping_rule"], "margin": 0.2}}
    assert hash_of(other) != study.specification_hash


@pytest.mark.parametrize(
    ("rule", "field", "words"),
    [
        ({"half_with": 0.1}, "stopping_rule", 'did you mean "half_width"'),
        ({"max_raters": 17}, "stopping_rule.max_raters", "between 2 and 16, the study's places over all panels"),
        ({"max_raters": 1}, "stopping_rule.max_raters", "between 2 and 16"),
        ({"max_raters": 12.5}, "stopping_rule.max_raters", "got 12.5"),
        ({"max_raters": True}, "stopping_rule.max_raters", "got True"),
        ({"max_raters": 10, "min_raters": 11}, "stopping_rule.min_raters", "between 2 and 10, the rule's maximum"),
        ({"min_raters": 1}, "stopping_rule.min_raters", "between 2 and 16"),
        ({"margin": 10}, "stopping_rule.margin", "0.1 is ten points"),
        ({"margin": 0}, "stopping_rule.margin", "between 0.001 and 0.999"),
        ({"half_width": -0.1}, "stopping_rule.half_width", "got -0.1"),
        ({"half_width": float("nan")}, "stopping_rule.half_width", "got nan"),
        ({"half_width": "wide"}, "stopping_rule.half_width", "got wide"),
        ({"alpha": 95}, "stopping_rule.alpha", "0.05 gives 95 %"),
        (
            {"max_raters": 6},
            "stopping_rule.max_raters",
            "could never decide: with alpha 0.05 the first interval appears at 7",
        ),
    ],
)
def test_bad_rules_are_named(rule: dict[str, object], field: str, words: str) -> None:
    with pytest.raises(InputError) as refused:
        a_draft(rule)
    assert refused.value.field == field and words in refused.value.message
    assert not Study.objects.exists()


def test_a_study_with_few_places_can_have_no_rule() -> None:
    with pytest.raises(InputError, match="Allow more raters, or declare no rule"):
        a_draft({}, raters_per_panel=2)


def test_the_board_says_what_the_rule_says_and_nothing_closes() -> None:
    study = study_open(study=a_draft({"min_raters": 8, "max_raters": 12}))
    raters_simulate(study=study, raters=4, seed=1, prefer={"one": 2.5})
    board = live_board(study)
    assert board is not None and board.rule is not None and not board.stop
    assert [line.decision.reason for line in board.lines if line.decision] == ["go on", "go on"]
    raters_simulate(study=study, raters=8, seed=2, prefer={"one": 2.5})
    board = live_board(study)
    assert board is not None and board.stop
    assert any(
        line.decision and line.decision.reason == "one is preferred: the interval excludes zero" for line in board.lines
    )
    study.refresh_from_db()
    assert study.status == "open"


def test_the_report_keeps_what_the_rule_came_to() -> None:
    study = study_open(study=a_draft({"min_raters": 8, "max_raters": 12}))
    raters_simulate(study=study, raters=12, seed=1, prefer={"one": 2.5})
    last = Rater.objects.filter(study=study).order_by("-finished_at")[0]
    finished_at = last.finished_at
    with unguarded():
        Rater.objects.filter(pk=last.pk).update(finished_at=None)
    before = report_make(study=study)
    told = before.results["stopping_rule"]
    assert told["rule"] == study.specification["stopping_rule"] and told["n_raters"] == 11
    Rater.objects.filter(pk=last.pk).update(finished_at=finished_at)
    after = report_make(study=study)
    assert after.pk != before.pk, "the same ratings, but another rater has finished"
    assert after.results["stopping_rule"]["n_raters"] == 12 and after.results["stopping_rule"]["stop"]
    assert report_make(study=study).pk == after.pk
    board = live_board(study)
    assert board is not None
    assert [each["decision"]["reason"] for each in after.results["stopping_rule"]["lines"]] == [
        line.decision.reason for line in board.lines if line.decision
    ]
    people = report_make(study=study, settings={"include_simulated": False})
    assert people.results["stopping_rule"]["lines"] == [] and not people.results["stopping_rule"]["stop"]


def test_who_left_later_counts_at_the_earlier_moment() -> None:
    study = study_open(study=a_draft({}))
    raters_simulate(study=study, raters=9, seed=1)
    moment = timezone.now()
    rater = Rater.objects.filter(study=study).order_by("pk")[0]
    Rater.objects.filter(pk=rater.pk).update(dropped_at=timezone.now())
    then, now = finished_raters(study, as_of=moment), finished_raters(study, as_of=timezone.now())
    assert (len(then), len(now)) == (9, 8)


# --- The command ------------------------------------------------------------------------------------------------------


def created(*arguments: str, name: str = "mine") -> str:
    suite = a_suite(name=f"suite-{name}")
    for label in ("one", "two"):
        a_run(suite, f"{name}-{label}")
    out = StringIO()
    runs = f"{name}-one,{name}-two"
    call_command(
        "create_study", "--name", name, "--runs", runs, "--raters-per-panel", "8", *arguments,
        stdout=out, stderr=StringIO(),
    )  # fmt: skip
    return out.getvalue()


def test_the_command_declares_a_rule_in_plain_words() -> None:
    told = created("--stop-half-width", "0.05", "--stop-margin", ".1", "--stop-min-raters", "6")
    for words in (
        "Stopping rule: A comparison (one pair, one question) is decided once its 95 % anytime-valid interval",
        "excludes zero, lies within ±10 points or is no wider than ±5 points",
        "At least 6 raters must have finished; the maximum is 16.",
        "The study stays open until you close it.",
    ):
        assert words in told, words
    made = json.loads(created("--stop-when-decided", "--format", "json", name="decided"))
    assert made["stopping_rule"] == Study.objects.get(name="decided").specification["stopping_rule"]
    assert made["stopping_rule"]["max_raters"] == 16 and made["stopping_rule"]["margin"] is None
    assert json.loads(created("--format", "json", name="plain"))["stopping_rule"] is None
    assert "Stopping rule" not in created(name="silent")


def test_the_command_refuses_a_rule_that_cannot_be() -> None:
    with pytest.raises(CommandError, match="between 2 and 16, the study's places"):
        created("--stop-max-raters", "99")
    created(name="there")
    with pytest.raises(CommandError, match="declared when a study is created") as refused:
        call_command("create_study", "--name", "there", "--open", "--stop-when-decided")
    assert refused.value.returncode == 2
    assert Study.objects.get(name="there").status == "draft"
