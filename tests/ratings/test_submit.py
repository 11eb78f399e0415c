"""Ratings: single, owned, append-only; a repeated submission is answered as the first was."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from evaluation.errors import InputError
from evaluation.models import Rater, Rating
from evaluation.selectors.trials import RaterSession, next_trials
from evaluation.services.rating import undo
from evaluation.services.rating.errors import RaterError
from evaluation.services.rating.submit import Answer, Saved, rating_submit
from evaluation.services.rating.undo import rating_undo
from evaluation.services.studies.open import study_close
from tests.studies.world import an_open_study, enrolled, session_of

pytestmark = pytest.mark.django_db


def answer(session: RaterSession, choice: str = "left", question: str = "fidelity", key: UUID | None = None) -> Answer:
    """An answer to the rater's first open trial."""
    return Answer(next_trials(session)[0].assignment, question, choice, 1234, key or uuid4())


def test_an_answer_is_saved_as_given() -> None:
    session = session_of(enrolled(an_open_study()))
    given = answer(session)
    assert rating_submit(session=session, answers=[given]).answers == [
        Saved(given.assignment, "fidelity", "left", "saved")
    ]
    row = Rating.objects.get()
    assert (row.rater_id, row.shown_choice, row.response_time_ms) == (session.rater_pk, "left", 1234)
    assert (row.assignment_id, row.submission, row.retracted_at) == (given.assignment, given.submission, None)


def test_a_trial_is_done_when_both_questions_are_answered() -> None:
    session = session_of(enrolled(an_open_study()))
    first = next_trials(session)
    assert [trial.position for trial in first] == [0, 1]
    rating_submit(session=session, answers=[answer(session)])
    assert next_trials(session) == first
    rating_submit(session=session, answers=[answer(session, question="alignment")])
    assert [trial.position for trial in next_trials(session)] == [1, 2]


def test_a_repeated_submission_is_answered_as_the_first_was() -> None:
    session = session_of(enrolled(an_open_study()))
    given = answer(session)
    rating_submit(session=session, answers=[given])
    [again] = rating_submit(session=session, answers=[given]).answers
    [other_tab] = rating_submit(session=session, answers=[replace(given, choice="right", submission=uuid4())]).answers
    assert (again.status, again.choice) == (other_tab.status, other_tab.choice) == ("repeated", "left")
    assert Rating.objects.count() == 1


def test_answers_of_a_batch_are_told_one_by_one() -> None:
    study = an_open_study()
    session, other = session_of(enrolled(study)), session_of(enrolled(study))
    mine, foreign = answer(session), answer(other)
    assert [each.status for each in rating_submit(session=session, answers=[foreign, mine]).answers] == [
        "refused",
        "saved",
    ]
    with pytest.raises(RaterError) as refused:
        rating_submit(session=session, answers=[foreign])
    assert (refused.value.code, refused.value.status) == ("not-yours", 403)
    assert Rating.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"choice": "lefft"}, 'Answer 1 .*: unknown choice "lefft"; did you mean "left"'),
        ({"question": "fidelty"}, 'unknown question "fidelty"; did you mean "fidelity"'),
        ({"response_time_ms": -1}, "response_time_ms must be between 0 and 2147483647, or null; got -1."),
    ],
)
def test_unknown_values_are_named_and_nothing_is_saved(change: dict[str, object], words: str) -> None:
    session = session_of(enrolled(an_open_study()))
    with pytest.raises(InputError, match=words):
        rating_submit(session=session, answers=[replace(answer(session), **change)])  # type: ignore[arg-type]
    assert not Rating.objects.exists()


def test_a_closed_study_takes_no_answers() -> None:
    study = an_open_study()
    rater = enrolled(study)
    given = answer(session_of(rater))
    before = session_of(rater)
    study_close(study=study)
    with pytest.raises(RaterError, match="closed"):
        rating_submit(session=session_of(rater), answers=[given])
    # closed between the look at the session and the insert: the statement itself refuses
    with pytest.raises(RaterError):
        rating_submit(session=before, answers=[given])
    assert not Rating.objects.exists()


def test_the_database_itself_refuses_anothers_assignment_and_any_change() -> None:
    study = an_open_study()
    session, other = session_of(enrolled(study)), session_of(enrolled(study))
    foreign = answer(other)
    with pytest.raises(IntegrityError, match="rating_belongs_to_rater"), transaction.atomic():
        Rating.objects.create(
            assignment_id=foreign.assignment,
            rater_id=session.rater_pk,
            question="fidelity",
            shown_choice="left",
            submission=uuid4(),
        )
    rating_submit(session=session, answers=[answer(session)])
    for change in ({"shown_choice": "right"}, {"response_time_ms": 5}):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            Rating.objects.update(**change)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Rating.objects.all()._raw_delete("default")
    with pytest.raises(IntegrityError, match="rating_once"), transaction.atomic():
        row = Rating.objects.get()
        row.pk, row.submission = None, uuid4()
        row.save(force_insert=True)


def test_an_undone_answer_is_not_brought_back_by_a_late_retry() -> None:
    session = session_of(enrolled(an_open_study()))
    given = answer(session)
    rating_submit(session=session, answers=[given])
    trial = rating_undo(session=session, assignment=given.assignment)
    assert trial.assignment == given.assignment == next_trials(session)[0].assignment
    [late] = rating_submit(session=session, answers=[given]).answers
    assert late.status == "undone"
    assert not Rating.objects.filter(retracted_at=None).exists()
    [anew] = rating_submit(session=session, answers=[replace(given, choice="right", submission=uuid4())]).answers
    assert (anew.status, anew.choice) == ("saved", "right")
    assert Rating.objects.get(retracted_at=None).shown_choice == "right"
    [later_still] = rating_submit(session=session, answers=[given]).answers
    assert later_still.status == "undone"


def test_undo_takes_back_the_last_trial_once() -> None:
    session = session_of(enrolled(an_open_study()))
    with pytest.raises(RaterError, match="nothing to undo"):
        rating_undo(session=session)
    trials = [rate_next(session) for _ in range(2)]
    with pytest.raises(RaterError, match="Only the last comparison"):
        rating_undo(session=session, assignment=trials[0])
    for _ in range(2):  # a double click undoes one trial, not two
        assert rating_undo(session=session, assignment=trials[1]).assignment == trials[1]
    assert Rating.objects.filter(retracted_at=None, assignment=trials[0]).count() == 2
    assert rating_undo(session=session).assignment == trials[0]


def test_undoing_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undone answers are rows that stay, so a script could otherwise make them without end."""
    monkeypatch.setattr(undo, "MOST_UNDONE", 3)
    session = session_of(enrolled(an_open_study()))
    for _ in range(3):
        rate_next(session)
        rating_undo(session=session)
    rate_next(session)
    rows = Rating.objects.count()
    with pytest.raises(RaterError, match="undone this comparison 3 times"):
        rating_undo(session=session)
    assert Rating.objects.count() == rows and Rating.objects.filter(retracted_at=None).count() == 2


def test_a_rater_cannot_undo_for_another() -> None:
    study = an_open_study()
    session, other = session_of(enrolled(study)), session_of(enrolled(study))
    mine = rate_next(session)
    with pytest.raises(RaterError, match="not one of yours"):
        rating_undo(session=other, assignment=mine)
    assert Rating.objects.filter(retracted_at=None).count() == 2


def rate_next(session: RaterSession) -> int:
    """Answer both questions of the next trial; its assignment."""
    key = uuid4()
    given = [answer(session, question=question, key=key) for question in session.questions]
    rating_submit(session=session, answers=given)
    return given[0].assignment


@pytest.mark.django_db(transaction=True)
def test_twenty_clients_with_the_same_answer_make_one_row_and_get_one_answer() -> None:
    """Double click, retry, second tab, all at once, each on a connection of its own."""
    session = session_of(enrolled(an_open_study()))
    given = answer(session)
    start = threading.Barrier(20)

    def client(number: int) -> Saved:
        try:
            start.wait(timeout=20)
            same = (
                given if number % 2 else replace(given, submission=uuid4(), choice=("left", "right")[number % 4 // 2])
            )
            return rating_submit(session=session, answers=[same]).answers[0]
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        saved = list(pool.map(client, range(20)))
    row = Rating.objects.get()
    assert {each.choice for each in saved} == {row.shown_choice}
    assert Counter(each.status for each in saved) == {"saved": 1, "repeated": 19}


@pytest.mark.django_db(transaction=True)
def test_batches_in_opposite_orders_do_not_wait_for_each_other() -> None:
    session = session_of(enrolled(an_open_study({"Colors": 12})))
    trials = next_trials(session, at_most=12)
    batch = [Answer(trial.assignment, q, "left", 1, uuid4()) for trial in trials for q in session.questions]
    start = threading.Barrier(8)

    def client(number: int) -> set[str]:
        try:
            start.wait(timeout=20)
            return {
                each.status
                for each in rating_submit(session=session, answers=batch[:: 1 if number % 2 else -1]).answers
            }
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        statuses = set().union(*pool.map(client, range(8)))
    assert statuses <= {"saved", "repeated"} and Rating.objects.count() == 24


@pytest.mark.django_db(transaction=True)
def test_enrolment_of_many_at_once_gives_each_place_once() -> None:
    study = an_open_study(raters_per_panel=4)
    start = threading.Barrier(12)

    def client(_: int) -> str:
        try:
            start.wait(timeout=20)
            return enrolled(study).rater.panel
        except RaterError as error:
            return error.code
        finally:
            connection.close()

    with ThreadPoolExecutor(12) as pool:
        outcome = Counter(pool.map(client, range(12)))
    assert outcome == {"Colors": 4, "Counting": 4, "full": 4}
    places = list(Rater.objects.values_list("panel", "slot"))
    assert len(set(places)) == len(places) == 8
