"""What raters are shown: whose session it is, which trials come next, which image a key names.

These run with every click of every rater: plain SQL over indexes, no model instances.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from evaluation.models import Rater
from evaluation.protocols import Protocol
from evaluation.protocols.kinds import Words
from evaluation.protocols.kinds.words import words_of
from evaluation.selectors.locked import protocol_of_locked

TRIALS_AT_ONCE = 2
"""The trial to rate and the one to load meanwhile."""


@dataclass(frozen=True, slots=True)
class RaterSession:
    """A rater whose browser holds the key, and where the study and the rater stand.

    `specification_hash`: of the study. `trials`: how many the rater has in all.
    """

    rater_pk: int
    study_pk: int
    study_status: str
    specification_hash: str
    trials: int
    dropped: bool
    finished: bool

    @property
    def protocol(self) -> Protocol:
        """The protocol that the study locked."""
        return protocol_of_locked(self.study_pk, self.specification_hash)

    @property
    def questions(self) -> tuple[str, ...]:
        """The ids of the protocol's questions."""
        return tuple(question.id for question in self.protocol.questions)


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial as shown.

    `position`: from 0. `caption`: the prompt, empty where the protocol hides it. `sets`: keys of `StudyImage`, a set
    each, from the left. `asked`: the ids of the questions, empty where all of the protocol's are asked. `claims`: the
    prompt's. `guide`: the key of a photograph that is not rated. `words`: those of the prompt, where they are marked.
    """

    assignment: int
    position: int
    caption: str
    sets: tuple[tuple[str, ...], ...]
    asked: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    guide: str = ""
    words: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """As the rater's page gets it; what is empty is left out, but for the caption."""
        sets = [list(each) for each in self.sets]
        shown: dict[str, object] = {"left": sets[0], "right": sets[1]} if len(sets) == 2 else {"sets": sets}
        further = {
            "asked": list(self.asked),
            "claims": list(self.claims),
            "guide": self.guide,
            "words": list(self.words),
        }
        return {
            "assignment": self.assignment,
            "position": self.position,
            "caption": self.caption,
            **shown,
            **{name: value for name, value in further.items() if value},
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
SELECT r.id, r.study_id, s.status, s.specification_hash, r.trials, r.dropped_at IS NOT NULL, r.finished_at IS NOT NULL
FROM evaluation_rater r JOIN evaluation_study s ON s.id = r.study_id
WHERE r.session_key_hash = ANY(%s) AND r.key = %s
"""


def rater_session(rater: UUID, hashes: Sequence[str]) -> RaterSession | None:
    """The session of `rater` (`Rater.key`), if the browser holds its key. One query."""
    with connection.cursor() as cursor:
        cursor.execute(SESSION_SQL, [list(hashes), str(rater)])
        row = cursor.fetchone()
    return None if row is None else RaterSession(*row)


TRIAL_COLUMNS = """
SELECT a.id, a.position, p.text, a.shown_order, c.sets, c.questions, c.claims, c.guide
FROM evaluation_assignment a
JOIN evaluation_comparison c ON c.id = a.comparison_id
JOIN evaluation_prompt p ON p.id = c.prompt_id
"""

# the rater's assignments by position (assignment_position_once), each one's standing ratings by rating_once
NEXT_SQL = f"""{TRIAL_COLUMNS}
WHERE a.rater_id = %s AND a.position > %s AND a.skipped_at IS NULL
  AND (SELECT count(*) FROM evaluation_rating t WHERE t.assignment_id = a.id AND t.retracted_at IS NULL)
      < cardinality(c.questions)
ORDER BY a.position LIMIT %s
"""


def next_trials(session: RaterSession, *, after: int = -1, at_most: int = TRIALS_AT_ONCE) -> list[Trial]:
    """The rater's first trials at positions above `after` that are not answered in full. One query."""
    with connection.cursor() as cursor:
        cursor.execute(NEXT_SQL, [session.rater_pk, after, at_most])
        return [trial_from(row, session.protocol) for row in cursor.fetchall()]


TRIAL_SQL = f"""{TRIAL_COLUMNS}
WHERE a.rater_id = %s AND a.id = %s
"""


def trial_of(session: RaterSession, assignment: int) -> Trial | None:
    """The rater's trial with this assignment, answered or not. One query."""
    with connection.cursor() as cursor:
        cursor.execute(TRIAL_SQL, [session.rater_pk, assignment])
        row = cursor.fetchone()
    return None if row is None else trial_from(row, session.protocol)


def trial_from(row: Sequence[Any], protocol: Protocol) -> Trial:
    """The trial of a row of `TRIAL_COLUMNS` under `protocol`."""
    assignment, position, prompt, order, sets, questions, claims, guide = row
    shown = json.loads(sets)  # a bare cursor gives JSONB as text
    every = len(questions) == len(protocol.questions)
    marks = any(protocol.question(each).answers.name == Words.name for each in questions)
    return Trial(
        assignment=assignment,
        position=position,
        caption=prompt if protocol.shown.prompt == "shown" else "",
        sets=tuple(tuple(shown[place]) for place in order),
        asked=() if every and not any(":" in each for each in questions) else tuple(questions),
        claims=tuple(json.loads(claims)),
        guide=guide,
        words=tuple(words_of(prompt)) if marks else (),
    )


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


def unanswered_exist(rater_pk: int) -> bool:
    """Whether the rater has a trial that is neither skipped nor answered in full. One query."""
    with connection.cursor() as cursor:
        cursor.execute(NEXT_SQL, [rater_pk, -1, 1])
        return cursor.fetchone() is not None


def study_is_demonstration(study_pk: int) -> bool:
    """Whether simulated raters have a part in the study: then its pages say that it is a demonstration."""
    return Rater.objects.filter(study=study_pk, simulated=True).exists()
