"""Answers, saved: the hot path. One statement binds each to its rater, and the database keeps each single.

`INSERT .. SELECT .. ON CONFLICT DO NOTHING`: the join makes the assignment the rater's, the study open, the rater
present; the conflicts are `rating_once` (another tab was first) and `rating_submission_once` (this very submission came
before, standing or undone). What was there already is read back and answered, so a repeated submission is answered as
the first was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from django.db import connection

from common.words import nearest
from evaluation.errors import InputError
from evaluation.models import ShownChoice
from evaluation.selectors.trials import RaterSession
from evaluation.services.rating.errors import RaterError, refuse_unless_rating

MOST_ANSWERS = 200
LONGEST_MS = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as the rater gave it. `choice`: `left`, `indifferent` or `right`. `submission`: the client's key of the
    trial as shown, the same in every retry. `response_time_ms`: from both sets decoded to the choice."""

    assignment: int
    question: str
    choice: str
    response_time_ms: int | None
    submission: UUID


@dataclass(frozen=True, slots=True)
class Saved:
    """What stands for an answer. `choice`: as stored, which is the first that came.

    `status`: `saved` now; `repeated`, it was there already; `undone`, this submission was undone before and stays so;
    `refused`, the assignment is not this rater's to answer.
    """

    assignment: int
    question: str
    choice: str
    status: Literal["saved", "repeated", "undone", "refused"]


INSERT_SQL = """
INSERT INTO evaluation_rating
    (assignment_id, rater_id, question, shown_choice, response_time_ms, submission, created_at)
SELECT a.id, a.rater_id, t.question, t.choice, t.ms, t.submission, clock_timestamp()
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::int[], %s::uuid[])
     AS t (assignment, question, choice, ms, submission)
JOIN evaluation_assignment a ON a.id = t.assignment AND a.rater_id = %s AND a.skipped_at IS NULL
JOIN evaluation_rater r ON r.id = a.rater_id AND r.dropped_at IS NULL
JOIN evaluation_study s ON s.id = r.study_id AND s.status = 'open'
ORDER BY a.id, t.question  -- one order for all, or two batches could wait for each other
FOR KEY SHARE OF r  -- a withdrawal (rater_finish) under way is waited for
ON CONFLICT DO NOTHING
RETURNING assignment_id, question, submission::text
"""

STORED_SQL = """
SELECT assignment_id, question, submission::text, shown_choice, retracted_at IS NOT NULL
FROM evaluation_rating WHERE rater_id = %s AND assignment_id = ANY(%s) ORDER BY id
"""


def rating_submit(*, session: RaterSession, answers: Sequence[Answer]) -> list[Saved]:
    """Save `answers`; what stands for each, in their order. One statement, and a second one if any was there already.

    Raises:
        InputError: an unknown question or choice, too many answers, or a time that is none. Nothing was saved.
        RaterError: the study is closed, the rater dropped, or none of the assignments is the rater's.
    """
    _check(session, answers)
    refuse_unless_rating(session)
    with connection.cursor() as cursor:
        cursor.execute(
            INSERT_SQL,
            [
                [answer.assignment for answer in answers],
                [answer.question for answer in answers],
                [answer.choice for answer in answers],
                [answer.response_time_ms for answer in answers],
                [str(answer.submission) for answer in answers],
                session.rater_pk,
            ],
        )
        new = set(cursor.fetchall())
        stored: list[tuple[int, str, str, str, bool]] = []
        if len(new) < len(answers):
            cursor.execute(STORED_SQL, [session.rater_pk, [answer.assignment for answer in answers]])
            stored = cursor.fetchall()
    saved = [_saved(answer, new, stored) for answer in answers]
    if saved and all(each.status == "refused" for each in saved):
        raise RaterError("not-yours", "None of these comparisons is yours. Reload the page.", status=403)
    return saved


def _saved(answer: Answer, new: set[tuple[int, str, str]], stored: list[tuple[int, str, str, str, bool]]) -> Saved:
    trial = answer.assignment, answer.question
    key = str(answer.submission)
    if (*trial, key) in new:
        return Saved(*trial, answer.choice, "saved")
    of_trial = [row for row in stored if row[:2] == trial]
    for _, _, submission, choice, retracted in of_trial:
        if submission == key:
            return Saved(*trial, choice, "undone" if retracted else "repeated")
    for _, _, _, choice, retracted in of_trial:
        if not retracted:
            return Saved(*trial, choice, "repeated")
    return Saved(*trial, answer.choice, "refused")


def _check(session: RaterSession, answers: Sequence[Answer]) -> None:
    if not answers:
        raise InputError("The request has no answers. Send at least one.")
    if len(answers) > MOST_ANSWERS:
        raise InputError(f"A request may have at most {MOST_ANSWERS} answers; got {len(answers)}. Send them in parts.")
    for number, answer in enumerate(answers):
        where = f"Answer {number + 1} (assignment {answer.assignment})"
        if answer.question not in session.questions:
            raise InputError(
                f'{where}: unknown question "{answer.question}"{nearest(answer.question, session.questions) or "."} '
                f"Questions: {', '.join(session.questions)}.",
                details={"answer": number, "column": "question"},
            )
        if answer.choice not in ShownChoice.values:
            raise InputError(
                f'{where}: unknown choice "{answer.choice}"{nearest(answer.choice, ShownChoice.values) or "."} '
                f"Choices: {', '.join(ShownChoice.values)}.",
                details={"answer": number, "column": "choice"},
            )
        if answer.response_time_ms is not None and not 0 <= answer.response_time_ms <= LONGEST_MS:
            raise InputError(
                f"{where}: response_time_ms must be between 0 and {LONGEST_MS}, or null; "
                f"got {answer.response_time_ms}.",
                details={"answer": number, "column": "response_time_ms"},
            )
