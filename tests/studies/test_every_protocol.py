"""Every protocol, opened and with all places taken: the design as the database has it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import pytest

from evaluation import protocols
from evaluation.models import Assignment, Comparison, Place, Rater, Study, StudyImage
from evaluation.services.rating.enrol import assign
from evaluation.services.studies.create import study_create
from evaluation.services.studies.open import study_open
from tests.studies.protocols_world import a_draft

pytestmark = pytest.mark.django_db

RATERS = 3


def spread(counts: Iterable[int]) -> int:
    values = list(counts)
    return max(values) - min(values)


def taken(study: Study) -> list[list[Assignment]]:
    """Each place's session, once a rater has every place."""
    places = list(Place.objects.filter(study=study))
    raters = Rater.objects.bulk_create(
        Rater(study=study, panel=place.panel, slot=place.slot, trials=len(place.showings)) for place in places
    )
    assign(list(zip(raters, places, strict=True)))
    rows = Assignment.objects.filter(rater__study=study).select_related("comparison").order_by("rater", "position")
    sessions: dict[int, list[Assignment]] = {}
    for row in rows:
        sessions.setdefault(row.rater_id, []).append(row)
    return list(sessions.values())


def members_from_left(trial: Assignment) -> list[int]:
    return [trial.comparison.members[place] for place in trial.shown_order]


def unbalanced(trials: Sequence[Assignment]) -> bool:
    """Whether a member stands in one place more than once more often than in another."""
    shown = [members_from_left(each) for each in trials]
    members = {member for each in shown for member in each}
    return any(
        spread(sum(each[place] == member for each in shown) for place in range(len(shown[0]))) > 1 for member in members
    )


@pytest.mark.parametrize("name", protocols.names())
def test_the_design_of_every_protocol(name: str) -> None:
    protocol = protocols.get(name)
    study = study_open(study=study_create(a_draft(name, raters=RATERS)))
    sessions = taken(study)
    declared = study.specification
    assert len(sessions) == sum(panel["raters"] for panel in declared["panels"]), "each place has a rater"

    plain = [[each for each in session if each.reason == "panel"] for session in sessions]
    seen = Counter(each.comparison_id for session in plain for each in session)
    trials = Comparison.objects.filter(study=study, control="")
    assert {seen[each.pk] for each in trials} == {RATERS}, "each trial has as many raters as declared"
    assert not spread(Counter(each.prompt_id for each in trials).values()), "each prompt has as many trials"
    for each in trials:
        assert len(set(each.members)) == len(each.members) == protocol.shown.sets
        assert len({key for keys in each.sets for key in keys}) == sum(map(len, each.sets)), "no image stands twice"
        assert each.questions == [asked.id for asked in protocol.asked(each.category, each.claims)]

    for session, own in zip(sessions, plain, strict=True):
        assert [each.position for each in session] == list(range(len(session)))
        keys = [each.comparison_id for each in own]
        assert len(set(keys)) == len(keys), "nobody sees the same twice"
        assert not [each for each in session if each.repetition], "these protocols declare no repeats"
        assert protocol.batch is None or len(own) <= protocol.batch
        prompts = Counter(each.comparison.prompt_id for each in own)
        assert spread(prompts.values()) <= 1 and not unbalanced(own), "within a rater"
        controls = [each.position for each in session if each.reason == "control"]
        wanted = protocol.controls.trials if protocol.controls else 0
        assert len(controls) == wanted == len({each.comparison_id for each in session if each.comparison.control})
        if protocol.controls is not None and protocol.controls.place == "first":
            assert controls == list(range(wanted))
        elif wanted:  # one in each of as many equal parts
            assert [position * wanted // len(session) for position in controls] == list(range(wanted))
    for pk in seen:
        assert not unbalanced([each for session in plain for each in session if each.comparison_id == pk])
    assert all(each.comparison.expected for session in sessions for each in session if each.reason == "control")


def test_declared_repeats_come_late_enough_and_turned_round() -> None:
    own = protocols.load(
        b"based_on: pairwise-open\nname: twice\ntitle: Twice\nrepeats: {trials: 2, apart: 3}\n", "own.yaml"
    )
    study = study_open(study=study_create(a_draft(own, raters=2)))
    for session in taken(study):
        again = [each for each in session if each.repetition]
        assert len(again) == 2 and {each.reason for each in again} == {"repeat"}
        for each in again:
            same = [one for one in session if one.comparison.prompt_id == each.comparison.prompt_id]
            (first,) = [one for one in same if one.comparison.members == each.comparison.members and not one.repetition]
            keys = {key for trial in (first, each) for one in trial.comparison.sets for key in one}
            assert len(keys) == 2 * sum(map(len, first.comparison.sets)), "an address tells a repeat"
            assert each.position - first.position >= 3 and each.shown_order == first.shown_order[::-1]


@pytest.mark.parametrize("kind", ["same", "swapped"])
def test_made_control_trials_have_a_right_answer(kind: str) -> None:
    own = protocols.load(
        f"based_on: drawbench\nname: checked\ntitle: Checked\ncontrols: {{trials: 2, least_right: 0.8, kind: {kind}}}\n"
        "panels: all\n".encode(),
        "own.yaml",
    )
    study = study_open(study=study_create(a_draft(own, raters=2, n_runs=2)))
    for session in taken(study):
        controls = [each.comparison for each in session if each.reason == "control"]
        assert len(controls) == 2 and {each.control for each in controls} == {kind}
        for each in controls:
            assert not set(each.sets[0]) & set(each.sets[1]), "no script finds a set beside itself by its addresses"
            shown = [
                set(StudyImage.objects.filter(key__in=keys).values_list("sample", flat=True)) for keys in each.sets
            ]
            assert (shown[0] == shown[1]) == (kind == "same")
            assert each.expected == (
                {"fidelity": "indifferent", "alignment": "indifferent"} if kind == "same" else {"alignment": "a"}
            )
