"""Enrolment: places of the design, participants, invitations, dropouts; finishing, withdrawing, skipping."""

from collections import Counter
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from evaluation.errors import InputError
from evaluation.models import Assignment, Rater, Rating
from evaluation.selectors.studies import study_by_name, study_progress
from evaluation.selectors.trials import next_trials, rater_session, session_key_hash
from evaluation.services.rating.enrol import rater_enrol
from evaluation.services.rating.errors import RaterError
from evaluation.services.rating.finish import rater_finish, rater_withdraw
from evaluation.services.rating.skip import rating_skip
from evaluation.services.rating.submit import Answer, rating_submit
from evaluation.services.rating.undo import rating_undo
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.invitation import invitation_create, invitation_revoke, invitation_url
from evaluation.services.studies.open import study_close
from tests.ratings.test_submit import rate_next
from tests.studies.world import a_run, a_suite, an_open_study, enrolled, session_of
from tests.unguarded import unguarded

pytestmark = pytest.mark.django_db


def test_raters_fill_the_panels_evenly_and_get_the_whole_of_their_category() -> None:
    study = an_open_study(raters_per_panel=2)
    raters = [enrolled(study).rater for _ in range(4)]
    assert [(rater.panel, rater.slot) for rater in raters] == [
        ("Colors", 0),
        ("Counting", 0),
        ("Colors", 1),
        ("Counting", 1),
    ]
    for rater in raters:
        given = list(Assignment.objects.filter(rater=rater).select_related("comparison").order_by("position"))
        assert [a.position for a in given] == list(range({"Colors": 3, "Counting": 2}[rater.panel]))
        assert {a.comparison.category for a in given} == {rater.panel}
    with pytest.raises(RaterError, match="All places") as full:
        enrolled(study)
    assert full.value.code == "full"


def test_stored_assignments_are_balanced_within_rater_and_within_prompt() -> None:
    study = an_open_study({"Colors": 7}, raters_per_panel=5)
    raters = [enrolled(study).rater for _ in range(5)]
    left = Assignment.objects.values_list("rater_id", "comparison_id", "shown_order", "position")
    by_rater = Counter((rater, order == [0, 1]) for rater, _, order, _ in left)
    by_prompt = Counter((comparison, order == [0, 1]) for _, comparison, order, _ in left)
    assert all(abs(by_rater[r.pk, True] - by_rater[r.pk, False]) <= 1 for r in raters)
    assert all(abs(by_prompt[c, True] - by_prompt[c, False]) <= 1 for c in {row[1] for row in left})
    places = Counter((comparison, position) for _, comparison, _, position in left)
    assert set(places.values()) == {1}


def test_the_place_of_a_dropout_shows_the_same_trials_again() -> None:
    study = an_open_study({"Colors": 5}, raters_per_panel=1)
    first = enrolled(study)
    rater_withdraw(rater=first.rater)
    second = enrolled(study)
    assert (second.rater.panel, second.rater.slot) == ("Colors", 0)
    columns = ("position", "comparison_id", "shown_order", "seed")
    assert list(first.rater.assignments.order_by("position").values_list(*columns)) == list(
        second.rater.assignments.order_by("position").values_list(*columns)
    )


def test_long_unseen_raters_lose_their_place_only_when_it_is_wanted() -> None:
    study = an_open_study({"Colors": 3}, raters_per_panel=2)
    started, unstarted = enrolled(study), enrolled(study)
    rate_next(session_of(started))
    an_age = timezone.now() - timedelta(hours=3)
    with unguarded():
        Rater.objects.update(created_at=an_age, last_seen_at=an_age)
    assert not Rater.objects.exclude(dropped_at=None).exists()
    third = enrolled(study)
    assert third.rater.slot == unstarted.rater.slot
    unstarted.rater.refresh_from_db()
    started.rater.refresh_from_db()
    assert unstarted.rater.dropped_at is not None and started.rater.dropped_at is None
    assert session_of(unstarted).dropped
    with pytest.raises(RaterError, match="All places"):
        enrolled(study)


def test_a_participant_is_one_rater() -> None:
    study = an_open_study()
    invitation = invitation_create(study=study)
    first = rater_enrol(invitation=invitation, participant="P1", session="S1")
    again = rater_enrol(invitation=invitation, participant="P1", session="S1")
    assert not again.new and again.rater.pk == first.rater.pk
    assert rater_session(first.rater.key, [session_key_hash(first.session_key)]) is None, "the old key is void"
    assert session_of(again).rater_pk == first.rater.pk
    with pytest.raises(RaterError) as elsewhere:
        rater_enrol(invitation=invitation, participant="P1", session="S2")
    assert elsewhere.value.code == "other-session"
    finish(again.rater)
    with pytest.raises(RaterError) as done:
        rater_enrol(invitation=invitation, participant="P1", session="S1")
    assert done.value.code == "finished"
    assert rater_enrol(invitation=invitation, participant="P2", session="S1").new


def finish(rater: Rater) -> None:
    Rater.objects.filter(pk=rater.pk).update(finished_at=timezone.now())


def test_invitations_end() -> None:
    study = an_open_study()
    single = invitation_create(study=study, max_raters=1)
    rater_enrol(invitation=single)
    ended = invitation_create(study=study, expires_at=timezone.now() + timedelta(hours=1))
    type(ended).objects.filter(pk=ended.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    for invitation, code in (
        (single, "used-up"),
        (ended, "expired"),
        (invitation_revoke(invitation=invitation_create(study=study)), "revoked"),
    ):
        with pytest.raises(RaterError) as refused:
            rater_enrol(invitation=invitation)
        assert refused.value.code == code
    study_close(study=study)
    with pytest.raises(RaterError, match="closed"):
        enrolled(study)


def test_bad_invitations_are_refused() -> None:
    study = an_open_study()
    for given, words in (
        ({"max_raters": 0}, "must be between 1 and 10,000; got 0"),
        ({"expires_at": timezone.now()}, "in the past"),
        ({"completion_url": "javascript:alert(1)"}, "is not a web address"),
    ):
        with pytest.raises(InputError, match=words):
            invitation_create(study=study, **given)
    assert invitation_url(invitation_create(study=study)).startswith("http://127.0.0.1:8000/r/join/")


def test_a_draft_takes_no_raters() -> None:
    suite = a_suite()
    study = study_create(StudyDraft(name="draft", runs=[a_run(suite, "one"), a_run(suite, "two")]))
    with pytest.raises(RaterError, match="not open yet"):
        enrolled(study)


def test_a_rater_finishes_after_the_last_rating_only() -> None:
    rater = enrolled(an_open_study())
    session = session_of(rater)
    while next_trials(session):
        with pytest.raises(RaterError, match="not answered yet"):
            rater_finish(rater=rater.rater)
        rate_next(session)
    done = rater_finish(rater=rater.rater)
    assert done.finished_at is not None and rater_finish(rater=rater.rater).finished_at == done.finished_at
    with pytest.raises(RaterError, match="can't be changed"):
        rating_undo(session=session_of(rater))
    with pytest.raises(RaterError, match="contact the researchers"):
        rater_withdraw(rater=rater.rater)


def test_who_withdraws_leaves_no_standing_answer() -> None:
    rater = enrolled(an_open_study())
    rate_next(session_of(rater))
    before = session_of(rater)
    rater_withdraw(rater=rater.rater)
    assert Rating.objects.count() == 2 and not Rating.objects.filter(retracted_at=None).exists()
    with pytest.raises(RaterError):
        rate_next(before)
    assert not Rating.objects.filter(retracted_at=None).exists()


def test_a_trial_that_cannot_be_seen_is_skipped_but_not_all_of_them() -> None:
    rater = enrolled(an_open_study({"Colors": 10}))
    session = session_of(rater)
    first, second, third = (trial.assignment for trial in next_trials(session, at_most=3))
    rating_skip(session=session, assignment=first, reason="3 of 4 images did not load")
    rating_skip(session=session, assignment=first, reason="again")
    assert next_trials(session)[0].assignment == second
    assert Assignment.objects.get(pk=first).skip_reason == "3 of 4 images did not load"
    with pytest.raises(RaterError, match="None of these comparisons"):
        rating_submit(session=session, answers=[Answer(first, "fidelity", "left", 1, uuid4())])
    assert not Rating.objects.exists()
    rating_skip(session=session, assignment=second, reason="")
    with pytest.raises(RaterError, match="come back later"):
        rating_skip(session=session, assignment=third, reason="")
    rate_next(session)
    with pytest.raises(RaterError, match="already answered"):
        rating_skip(session=session, assignment=third, reason="")


def test_progress_counts_those_who_stay() -> None:
    study = an_open_study(raters_per_panel=2)
    first, second, third = (enrolled(study) for _ in range(3))
    while next_trials(session_of(first)):
        rate_next(session_of(first))
    rate_next(session_of(second))
    rate_next(session_of(third))
    rater_withdraw(rater=third.rater)
    progress = study_progress(study)
    colours, counting = progress.panels
    assert (colours.raters_wanted, colours.raters_enrolled, colours.raters_finished, colours.raters_dropped) == (
        2,
        1,
        1,
        1,
    )
    assert (colours.ratings_wanted, colours.ratings_made, colours.ratings_of_dropped) == (12, 6, 0)
    assert (counting.raters_enrolled, counting.raters_finished, counting.ratings_made) == (1, 0, 2)
    assert (progress.ratings_made, progress.ratings_wanted) == (8, 20) and progress.fraction == 0.4


def test_a_study_that_is_not_there_gets_the_nearest_name() -> None:
    with pytest.raises(InputError, match="no studies yet"):
        study_by_name("trail")
    an_open_study()
    with pytest.raises(InputError, match='did you mean "trial"'):
        study_by_name("trail")
