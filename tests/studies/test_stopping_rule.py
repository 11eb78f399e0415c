"""A stopping rule that a study declares: what is refused, what is locked, and how the command and the API give it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from common.hashes import hash_of
from evaluation.analysis.frame import validate_ratings
from evaluation.analysis.sequential import rater_means, t_sequence
from evaluation.errors import InputError
from evaluation.models import Rater, Study
from evaluation.selectors.live_board import live_board, study_arrivals
from evaluation.selectors.ratings import ratings_frame
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
        "method": "betting",
    }
    given = {"max_raters": 12, "min_raters": 9, "margin": 0.1, "half_width": 0.05, "alpha": 0.1}
    assert a_draft(given, name="all").specification["stopping_rule"] == {**given, "method": "betting"}


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
        ({"method": "t_sequence"}, "stopping_rule", "has no field"),
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
            {"max_raters": 15},
            "stopping_rule.max_raters",
            "with alpha 0.05 an interval can exclude zero from 16 raters (8 for each of the 2 panels)",
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
    study = study_open(study=a_draft({"min_raters": 8, "max_raters": 30}, raters_per_panel=15))
    raters_simulate(study=study, raters=4, seed=1, prefer={"one": 2.5})
    board = live_board(study)
    assert board is not None and board.rule is not None and not board.stop
    assert [line.decision.reason for line in board.lines if line.decision] == ["go on", "go on"]
    raters_simulate(study=study, raters=26, seed=2, prefer={"one": 2.5})
    board = live_board(study)
    assert board is not None and board.stop and all(each.holds for each in board.conditions)
    assert any(
        line.decision and line.decision.reason == "one is preferred: the interval excludes zero" for line in board.lines
    )
    study.refresh_from_db()
    assert study.status == "open"


def test_the_report_keeps_what_the_rule_came_to() -> None:
    study = study_open(study=a_draft({"min_raters": 8, "max_raters": 20}, raters_per_panel=10))
    raters_simulate(study=study, raters=20, seed=1, prefer={"one": 2.5})
    last = Rater.objects.filter(study=study).order_by("-finished_at")[0]
    finished_at = last.finished_at
    with unguarded():
        Rater.objects.filter(pk=last.pk).update(finished_at=None)
    before = report_make(study=study)
    told = before.results["stopping_rule"]
    assert told["rule"] == study.specification["stopping_rule"] and told["n_raters"] == 19
    Rater.objects.filter(pk=last.pk).update(finished_at=finished_at)
    after = report_make(study=study)
    assert after.pk != before.pk, "the same ratings, but another rater has finished"
    assert after.results["stopping_rule"]["n_raters"] == 20 and after.results["stopping_rule"]["stop"]
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
    then, now = study_arrivals(study, as_of=moment).arrivals, study_arrivals(study).arrivals
    assert (len(then.finished), len(now.finished)) == (9, 8)
    assert [each.state for each in then.joined] == ["finished"] * 9
    assert [each.state for each in now.joined] == ["withdrawn"] + ["finished"] * 8


def state_of(study: Study, **change: object) -> list[str]:
    """How the first of three raters stands, after a `change` of its row."""
    rater = Rater.objects.filter(study=study).order_by("pk")[0]
    with unguarded():
        Rater.objects.filter(pk=rater.pk).update(**change)
    return [each.state for each in study_arrivals(study).arrivals.joined]


def test_a_rater_counts_once_those_who_joined_before_are_through() -> None:
    study = study_open(study=a_draft({}))
    raters_simulate(study=study, raters=9, seed=1)
    day = timedelta(days=1)
    now = timezone.now()
    assert state_of(study, finished_at=None) == ["open"] + ["finished"] * 8
    counted = study_arrivals(study).arrivals.counted()
    assert sorted(map(len, counted.values())) == [0, 4], "the first panel waits for its first rater, the other does not"
    assert state_of(study, created_at=now - 8 * day)[0] == "withdrawn", "out of time"
    assert sorted(map(len, study_arrivals(study).arrivals.counted().values())) == [4, 4]
    assert state_of(study, finished_at=now)[0] == "withdrawn", "too late, and it stays so"
    assert state_of(study, finished_at=now - 2 * day)[0] == "finished"
    assert state_of(study, dropped_at=now - day)[0] == "withdrawn"


def test_who_is_fast_does_not_come_first() -> None:
    """The last to join finishes first; the order is that of joining."""
    study = study_open(study=a_draft({}))
    raters_simulate(study=study, raters=16, seed=1)
    pks = list(Rater.objects.filter(study=study).order_by("pk").values_list("pk", flat=True))
    now = timezone.now()
    for at, pk in enumerate(pks):
        with unguarded():
            Rater.objects.filter(pk=pk).update(finished_at=now - timedelta(minutes=at))
    arrivals = study_arrivals(study).arrivals
    joined = [each.rater_id for each in arrivals.joined]
    assert list(arrivals.finished) == joined[::-1]
    for panel, raters in arrivals.counted().items():
        assert raters == [each.rater_id for each in arrivals.joined if each.panel == panel]


def test_a_study_that_declared_the_earlier_rule_keeps_it() -> None:
    study = study_open(study=a_draft({"min_raters": 8, "max_raters": 16}))
    raters_simulate(study=study, raters=16, seed=1, prefer={"one": 2.5})
    rule = {name: value for name, value in study.specification["stopping_rule"].items() if name != "method"}
    study.specification["stopping_rule"] = rule
    board = live_board(study)
    assert board is not None and board.rule is not None
    assert (board.rule.method, board.fewest, board.conditions) == ("t_sequence", 7, ())
    frame = validate_ratings(ratings_frame(study))
    finished = study_arrivals(study).arrivals.finished
    for line in board.lines:
        means = rater_means(frame, line.generator_a, line.generator_b, line.question)
        last = t_sequence(means.reindex(list(finished)).tolist()).looks[-1]
        assert line.interval is not None
        assert (line.interval.low, line.interval.high) == pytest.approx((last.low, last.high))


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
        "At least 6 raters must count; the maximum is 16.",
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
    with pytest.raises(CommandError, match="Give --edit to change the draft") as refused:
        call_command("create_study", "--name", "there", "--open", "--stop-when-decided")
    assert refused.value.returncode == 2
    assert Study.objects.get(name="there").status == "draft"
