"""What raters are shown: whose session it is, which trials come next, which image a key names.

These run with every click of every rater: plain SQL over indexes, no model instances.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from evaluation.models import Rater

TRIALS_AT_ONCE = 2
"""The trial to rate and the one to load meanwhile."""


@dataclass(frozen=True, slots=True)
class RaterSession:
    """A rater whose browser holds the key, and where the study and the rater stand.

    `questions`: the ids of the study's questions, as locked. `trials`: how many the rater has in all.
    """

    rater_pk: int
    study_pk: int
    study_status: str
    questions: tuple[str, ...]
    trials: int
    dropped: bool
    finished: bool


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial as shown. `position`: from 0. `left`, `right`: keys of `StudyImage`, in the order shown."""

    assignment: int
    position: int
    caption: str
    left: tuple[str, ...]
    right: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """As the rater's page gets it."""
        return {
            "assignment": self.assignment,
            "position": self.position,
            "caption": self.caption,
            "left": list(self.left),
            "right": list(self.right),
        }


def session_key_hash(key: str) -> str:
    """What is kept of a rater's key: its SHA-256."""
    return hashlib.sha256(key.encode()).hexdigest()


def raters_of_browser(hashes: Sequence[str]) -> list[Rater]:
    """The raters whose keys a browser holds, with their studies and invitations, in the order of `hashes`."""
    if not hashes:
        return []
    found = {
        rater.session_key_hash: rater
        for rater in Rater.objects.filter(session_key_hash__in=hashes).select_related("study", "invitation")
    }
    return [found[each] for each in hashes if each in found]


SESSION_SQL = """
SELECT r.id, r.study_id, s.status, r.dropped_at IS NOT NULL, r.finished_at IS NOT NULL,
       (SELECT count(*) FROM evaluation_assignment a WHERE a.rater_id = r.id),
       ARRAY(SELECT jsonb_array_elements(s.specification #> '{protocol,questions}') ->> 'id')
FROM evaluation_rater r JOIN evaluation_study s ON s.id = r.study_id
WHERE r.session_key_hash = ANY(%s) AND r.key = %s
"""


def rater_session(rater: UUID, hashes: Sequence[str]) -> RaterSession | None:
    """The session of `rater` (`Rater.key`), if the browser holds its key. One query."""
    with connection.cursor() as cursor:
        cursor.execute(SESSION_SQL, [list(hashes), str(rater)])
        row = cursor.fetchone()
    if row is None:
        return None
    rater_pk, study_pk, status, dropped, finished, trials, questions = row
    return RaterSession(
        rater_pk=rater_pk,
        study_pk=study_pk,
        study_status=status,
        questions=tuple(questions),
        trials=trials,
        dropped=dropped,
        finished=finished,
    )


# the rater's assignments by position (assignment_position_once), each one's standing ratings by rating_once
NEXT_SQL = """
SELECT a.id, a.position, a.a_shown_left, p.text, c.set_a, c.set_b
FROM evaluation_assignment a
JOIN evaluation_comparison c ON c.id = a.comparison_id
JOIN evaluation_prompt p ON p.id = c.prompt_id
WHERE a.rater_id = %s AND a.position > %s AND a.skipped_at IS NULL
  AND (SELECT count(*) FROM evaluation_rating t WHERE t.assignment_id = a.id AND t.retracted_at IS NULL) < %s
ORDER BY a.position LIMIT %s
"""


def next_trials(session: RaterSession, *, after: int = -1, at_most: int = TRIALS_AT_ONCE) -> list[Trial]:
    """The rater's first trials at positions above `after` that are not answered in full. One query."""
    with connection.cursor() as cursor:
        cursor.execute(NEXT_SQL, [session.rater_pk, after, len(session.questions), at_most])
        return [_trial(row) for row in cursor.fetchall()]


TRIAL_SQL = """
SELECT a.id, a.position, a.a_shown_left, p.text, c.set_a, c.set_b
FROM evaluation_assignment a
JOIN evaluation_comparison c ON c.id = a.comparison_id
JOIN evaluation_prompt p ON p.id = c.prompt_id
WHERE a.rater_id = %s AND a.id = %s
"""


def trial_of(session: RaterSession, assignment: int) -> Trial | None:
    """The rater's trial with this assignment, answered or not. One query."""
    with connection.cursor() as cursor:
        cursor.execute(TRIAL_SQL, [session.rater_pk, assignment])
        row = cursor.fetchone()
    return None if row is None else _trial(row)


def _trial(row: tuple[int, int, bool, str, str, str]) -> Trial:
    assignment, position, a_left, caption, set_a, set_b = row  # a bare cursor gives JSONB as text
    first, second = tuple(json.loads(set_a)), tuple(json.loads(set_b))
    return Trial(assignment, position, caption, *((first, second) if a_left else (second, first)))


IMAGE_SQL = """
SELECT f.sha256, f.image_format,
       EXISTS (SELECT 1 FROM evaluation_rater r WHERE r.session_key_hash = ANY(%s) AND r.study_id = i.study_id)
FROM evaluation_studyimage i JOIN evaluation_storedimage f ON f.id = i.rendition_id
WHERE i.key = %s
"""


@dataclass(frozen=True, slots=True)
class ShownImage:
    """A rendition's place in the store. `for_rater`: whether the browser holds the key of a rater of its study."""

    sha256: str
    image_format: str
    for_rater: bool


def shown_image(key: str, hashes: Sequence[str]) -> ShownImage | None:
    """The image that raters know by `key`. One query."""
    with connection.cursor() as cursor:
        cursor.execute(IMAGE_SQL, [list(hashes), key])
        row = cursor.fetchone()
    return None if row is None else ShownImage(*row)


def unanswered_exist(rater_pk: int, n_questions: int) -> bool:
    """Whether the rater has a trial that is neither skipped nor answered in full. One query."""
    with connection.cursor() as cursor:
        cursor.execute(NEXT_SQL, [rater_pk, -1, n_questions, 1])
        return cursor.fetchone() is not None


def study_is_demonstration(study_pk: int) -> bool:
    """Whether simulated raters have a part in the study: then its pages say that it is a demonstration."""
    return Rater.objects.filter(study=study_pk, simulated=True).exists()
