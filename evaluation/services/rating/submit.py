"""Answers, saved: the hot path. One statement binds each to its rater, and the database keeps each single.

`INSERT .. SELECT .. ON CONFLICT DO NOTHING`: the joins make the assignment the rater's, the key the browser's, the
study open, the rater present; the conflicts are `rating_once` (another tab was first) and `rating_submission_once`
(this very submission came before, standing or undone). What was there already is read back and answered, so a repeated
submission is answered as the first was.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext

from common.limits import SHOWN_PIXELS
from common.words import nearest
from evaluation.errors import InputError
from evaluation.models import Theme
from evaluation.protocols import AnswerError, AnswerValue, Protocol
from evaluation.selectors.prepared import Prepared
from evaluation.selectors.trials import (
    KEY_HELD,
    TRIALS_AT_ONCE,
    RaterSession,
    Trial,
    following_sql,
    rater_session,
    trials_from,
)
from evaluation.services.rating.errors import RaterError, no_session, refuse_unless_rating

MOST_ANSWERS = 200
LONGEST_MS = 2**31 - 1
MOST_EVIDENCE = 2**24 - 1


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as the rater gave it. `choice`: the id of a closed answer, such as `left`; None for another kind, which
    has a `value`. `submission`: the client's key of the trial as shown, the same in every retry. `response_time_ms`:
    from all sets decoded to the answer. `shown_width`, `shown_device_width`, `theme`: how the images stood on the page,
    as `Rating` has it; None where the browser did not say. `evidence`: what the page
    noted meanwhile, as `Rating.evidence`."""

    assignment: int
    question: str
    choice: str | None
    response_time_ms: int | None
    submission: UUID
    value: object = None
    evidence: int | None = None
    shown_width: int | None = None
    shown_device_width: int | None = None
    theme: str | None = None


@dataclass(frozen=True, slots=True)
class Saved:
    """What stands for an answer. `choice` or `value`: as stored, which is the first that came.

    `status`: `saved` now; `repeated`, it was there already; `undone`, this submission was undone before and stays so;
    `refused`, the assignment is not this rater's to answer, or does not ask the question.
    """

    assignment: int
    question: str
    choice: str | None
    status: Literal["saved", "repeated", "undone", "refused"]
    value: AnswerValue = None

    def as_json(self) -> dict[str, object]:
        """As the rater's page gets it."""
        given = {"value": self.value} if self.choice is None else {"choice": self.choice}
        return {"assignment": self.assignment, "question": self.question, **given, "status": self.status}


RATE = Prepared(
    "rater_rate",
    (
        *("uuid", "text[]", "bigint[]", "text[]", "text[]", "text[]", "int[]", "uuid[]"),
        *("smallint[]", "smallint[]", "text[]", "int", "int", "int[]"),
    ),
    f"""
    WITH me AS MATERIALIZED (
        SELECT r.id, s.paused_at IS NOT NULL AS paused
        FROM evaluation_rater r JOIN evaluation_study s ON s.id = r.study_id AND s.status = 'open'
        WHERE r.key = $1 AND {KEY_HELD} AND r.dropped_at IS NULL
        FOR KEY SHARE OF r  -- a withdrawal (rater_finish) under way is waited for
    ), given AS (
        INSERT INTO evaluation_rating
            (assignment_id, rater_id, question, shown_choice, value, response_time_ms, submission, shown_width,
             shown_device_width, theme, evidence, created_at)
        SELECT a.id, a.rater_id, t.question, t.choice, t.value::jsonb, t.ms, t.submission, t.width, t.device, t.theme,
               t.evidence, clock_timestamp()
        FROM me, unnest($3, $4, $5, $6, $7, $8, $9, $10, $11, $14)
            AS t (assignment, question, choice, value, ms, submission, width, device, theme, evidence)
        JOIN evaluation_assignment a ON a.id = t.assignment AND a.skipped_at IS NULL
        JOIN evaluation_comparison c ON c.id = a.comparison_id AND t.question = ANY (c.questions)
        WHERE a.rater_id = me.id
        ORDER BY a.id, t.question  -- one order for all, or two batches could wait for each other
        ON CONFLICT DO NOTHING
        RETURNING assignment_id, question, submission
    )
    SELECT (SELECT array_agg(assignment_id || ' ' || question || ' ' || submission) FROM given), me.paused, n.*
    FROM me LEFT JOIN LATERAL ({following_sql("me.id", "$12", "$13")}) n ON NOT me.paused
    """,
)

STORED_SQL = """
SELECT assignment_id, question, submission::text, shown_choice, value, retracted_at IS NOT NULL
FROM evaluation_rating WHERE rater_id = %s AND assignment_id = ANY(%s) ORDER BY id
"""

SHOWN_SQL = """
SELECT a.id, cardinality(c.members), p.text, c.claims
FROM evaluation_assignment a
JOIN evaluation_comparison c ON c.id = a.comparison_id
JOIN evaluation_prompt p ON p.id = c.prompt_id
WHERE a.rater_id = %s AND a.id = ANY(%s)
"""

_Stored = tuple[int, str, str, str | None, str | None, bool]


@dataclass(frozen=True, slots=True)
class Submitted:
    """What stands for each answer, in their order; the trials that come next, where they were asked for. `paused`:
    whether the study is, so that none comes.
    """

    answers: list[Saved]
    trials: list[Trial]
    paused: bool = False


def rating_submit(*, session: RaterSession, answers: Sequence[Answer], after: int | None = None) -> Submitted:
    """Save `answers`. One statement; one more if any is no closed answer, and two if any is not new.

    Args:
        session: may be one from before (`known_session`): the statement holds key, rater and study against the
            database.
        after: bring the next trials at positions above this one along.

    Raises:
        InputError: an unknown question or choice, a value that the question does not take, too many answers, or a time
            that is none. Nothing was saved.
        RaterError: the study is closed, the rater dropped or no longer in this browser, or none of the assignments is
            the rater's.
    """
    checked = _checked(session, answers)
    rows = RATE.rows(
        [
            str(session.key),
            list(session.hashes),
            [answer.assignment for answer in answers],
            [answer.question for answer in answers],
            [answer.choice for answer in answers],
            [None if answer.choice is not None else json.dumps(value) for answer, value in checked],
            [answer.response_time_ms for answer in answers],
            [str(answer.submission) for answer in answers],
            [answer.shown_width for answer in answers],
            [answer.shown_device_width for answer in answers],
            [answer.theme for answer in answers],
            after,
            TRIALS_AT_ONCE,
            [answer.evidence for answer in answers],
        ]
    )
    new = set(rows[0][0] or ()) if rows else set()
    stored: list[_Stored] = []
    if len(new) < len(answers):
        _refuse_or_go_on(session)
        with connection.cursor() as cursor:
            cursor.execute(STORED_SQL, [session.rater_pk, [answer.assignment for answer in answers]])
            stored = cursor.fetchall()
    saved = [_saved(answer, value, new, stored) for answer, value in checked]
    if all(each.status == "refused" for each in saved):
        raise RaterError("not-yours", gettext("None of these comparisons is yours. Reload the page."), status=403)
    paused = bool(rows and rows[0][1])
    return Submitted(saved, trials_from([row[2:] for row in rows], session.protocol), paused)


def _refuse_or_go_on(session: RaterSession) -> None:
    """Raise RaterError where the session as it stands now takes no ratings."""
    now = rater_session(session.key, session.hashes)
    if now is None:
        raise no_session()
    refuse_unless_rating(now)


def _saved(answer: Answer, value: AnswerValue, new: set[str], stored: list[_Stored]) -> Saved:
    trial = answer.assignment, answer.question
    key = str(answer.submission)
    if f"{answer.assignment} {answer.question} {key}" in new:
        return Saved(*trial, answer.choice, "saved", value)
    of_trial = [row for row in stored if row[:2] == trial]
    for _, _, submission, choice, kept, retracted in of_trial:
        if submission == key:
            return Saved(*trial, choice, "undone" if retracted else "repeated", _value(kept))
    for _, _, _, choice, kept, retracted in of_trial:
        if not retracted:
            return Saved(*trial, choice, "repeated", _value(kept))
    return Saved(*trial, answer.choice, "refused", value)


def _value(kept: str | None) -> AnswerValue:
    return None if kept is None else json.loads(kept)  # a bare cursor gives text


def _checked(session: RaterSession, answers: Sequence[Answer]) -> list[tuple[Answer, AnswerValue]]:
    """Each answer with its value in its one form (None of a closed answer)."""
    if not answers:
        raise InputError("The request has no answers. Send at least one.")
    if len(answers) > MOST_ANSWERS:
        raise InputError(f"A request may have at most {MOST_ANSWERS} answers; got {len(answers)}. Send them in parts.")
    protocol = session.protocol
    open_ones = [answer.assignment for answer in answers if answer.choice is None]
    shown: dict[int, tuple[int, str, tuple[str, ...]]] = {}
    if open_ones:
        with connection.cursor() as cursor:
            cursor.execute(SHOWN_SQL, [session.rater_pk, open_ones])
            shown = {pk: (n, prompt, tuple(json.loads(claims))) for pk, n, prompt, claims in cursor.fetchall()}
    return [(answer, _check(number, answer, protocol, shown)) for number, answer in enumerate(answers)]


def _check(
    number: int, answer: Answer, protocol: Protocol, shown: dict[int, tuple[int, str, tuple[str, ...]]]
) -> AnswerValue:
    where = f"Answer {number + 1} (assignment {answer.assignment})"
    try:
        kind = protocol.question(answer.question).answers
    except KeyError:
        ids = [each.id for each in protocol.questions]
        raise InputError(
            f'{where}: unknown question "{answer.question}"{nearest(answer.question, ids) or "."} '
            f"Questions: {', '.join(ids)}.",
            details={"answer": number, "column": "question"},
        ) from None
    if answer.response_time_ms is not None and not 0 <= answer.response_time_ms <= LONGEST_MS:
        raise InputError(
            f"{where}: response_time_ms must be between 0 and {LONGEST_MS}, or null; got {answer.response_time_ms}.",
            details={"answer": number, "column": "response_time_ms"},
        )
    _check_display(number, where, answer)
    column = "choice" if kind.closed else "value"
    if kind.closed != (answer.choice is not None):
        raise InputError(
            f'{where}: the question "{answer.question}" takes "{column}", and the answer has no such field.',
            details={"answer": number, "column": column},
        )
    if answer.choice is not None and answer.choice not in kind.closed_ids:
        raise InputError(
            f'{where}: unknown choice "{answer.choice}"{nearest(answer.choice, kind.closed_ids) or "."} '
            f"Choices: {', '.join(kind.closed_ids)}.",
            details={"answer": number, "column": "choice"},
        )
    if kind.closed:
        return None
    n_shown, prompt, claims = shown.get(answer.assignment, (0, "", ()))
    if not n_shown:
        return None  # another rater's, which the statement refuses
    try:
        return kind.check(answer.value, shown=n_shown, prompt=prompt, claims=claims)
    except AnswerError as error:
        raise InputError(f"{where}: {error}", details={"answer": number, "column": "value"}) from error


def _check_display(number: int, where: str, answer: Answer) -> None:
    for name in ("shown_width", "shown_device_width"):
        pixels = getattr(answer, name)
        if pixels is not None and not 1 <= pixels <= SHOWN_PIXELS:
            raise InputError(
                f"{where}: {name} must be between 1 and {SHOWN_PIXELS} pixels, or null; got {pixels}.",
                details={"answer": number, "column": name},
            )
    if answer.theme is not None and answer.theme not in Theme.values:
        raise InputError(
            f'{where}: unknown theme "{answer.theme}"{nearest(answer.theme, Theme.values) or "."} '
            f"Themes: {', '.join(Theme.values)}, or null.",
            details={"answer": number, "column": "theme"},
        )
