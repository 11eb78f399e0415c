"""What raters are shown: whose session it is, which trials come next, which image a key names.

These run with every click of every rater: prepared SQL over indexes, no model instances.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q

from evaluation.models import Rater
from evaluation.protocols import Protocol
from evaluation.protocols.kinds import Words
from evaluation.protocols.kinds.words import words_of
from evaluation.selectors.locked import protocol_of_locked
from evaluation.selectors.prepared import Prepared

TRIALS_AT_ONCE = 2
"""The trial to rate and the one to load meanwhile."""


@dataclass(frozen=True, slots=True)
class RaterSession:
    """A rater whose browser holds the key, and where the study and the rater stand.

    `key`, `hashes`: by which it was found (`Rater.key`, the hashes of the browser's keys). `specification_hash`: of the
    study. `trials`: how many the rater has in all.
    """

    key: UUID
    hashes: tuple[str, ...]
    rater_pk: int
    study_pk: int
    study_status: str
    specification_hash: str
    trials: int
    dropped: bool
    finished: bool

    @property
    def paused(self) -> bool:
        """Whether the study is paused: then no further trial is given."""
        return self.study_status == "paused"

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
    `covered`: the keys of images that are blurred until the rater uncovers them.
    """

    assignment: int
    position: int
    caption: str
    sets: tuple[tuple[str, ...], ...]
    asked: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    guide: str = ""
    words: tuple[str, ...] = ()
    covered: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """As the rater's page gets it; what is empty is left out, but for the caption."""
        sets = [list(each) for each in self.sets]
        shown: dict[str, object] = {"left": sets[0], "right": sets[1]} if len(sets) == 2 else {"sets": sets}
        further = {
            "asked": list(self.asked),
            "claims": list(self.claims),
            "guide": self.guide,
            "words": list(self.words),
            "covered": list(self.covered),
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
    holding = Q(session_key_hash__in=hashes) | Q(device_key_hashes__overlap=list(hashes))
    raters = Rater.objects.filter(holding).select_related("study", "invitation")
    found = {key: rater for rater in raters for key in (rater.session_key_hash, *rater.device_key_hashes)}
    return list(dict.fromkeys(found[each] for each in hashes if each in found))


SESSION_COLUMNS = """
r.id, r.study_id, CASE WHEN s.paused_at IS NULL THEN s.status ELSE 'paused' END,
s.specification_hash, r.trials, r.dropped_at IS NOT NULL, r.finished_at IS NOT NULL
"""

KEY_HELD = "(r.session_key_hash = ANY ($2) OR r.device_key_hashes && $2::varchar[])"
"""SQL of whether the browser with the hashes in the second parameter holds a key of rater r."""

SESSION = Prepared(
    "rater_session",
    ("uuid", "text[]"),
    f"""
    SELECT {SESSION_COLUMNS}
    FROM evaluation_rater r JOIN evaluation_study s ON s.id = r.study_id
    WHERE r.key = $1 AND {KEY_HELD}
    """,
)


def rater_session(rater: UUID, hashes: Sequence[str]) -> RaterSession | None:
    """The session of `rater` (`Rater.key`), if the browser holds its key. One query."""
    rows = SESSION.rows([str(rater), list(hashes)])
    return _session(rater, hashes, rows[0]) if rows else None


def known_session(rater: UUID, hashes: Sequence[str]) -> RaterSession | None:
    """The same as it stood when it was last read: for statements that hold key, rater and study against the database
    themselves. No query but the first.
    """
    return _sessions.get((rater, *hashes)) or rater_session(rater, hashes)


_sessions: OrderedDict[tuple[object, ...], RaterSession] = OrderedDict()
MOST_SESSIONS = 20_000


def _session(rater: UUID, hashes: Sequence[str], row: Sequence[Any]) -> RaterSession:
    session = RaterSession(rater, tuple(hashes), *row)
    _sessions[(rater, *hashes)] = session
    if len(_sessions) > MOST_SESSIONS:
        _sessions.popitem(last=False)
    return session


TRIAL_COLUMNS = "a.id, a.position, p.text, a.shown_order, c.sets, c.questions, c.claims, c.guide, c.covered"
TRIAL_TABLES = """
evaluation_assignment a
JOIN evaluation_comparison c ON c.id = a.comparison_id
JOIN evaluation_prompt p ON p.id = c.prompt_id
"""


def following_sql(rater: str, after: str, at_most: str) -> str:
    """SQL of a rater's first trials at positions above `after` that are neither skipped nor answered in full.

    The rater's assignments are read by position (assignment_position_once), each one's standing ratings by rating_once.
    """
    return f"""
    SELECT {TRIAL_COLUMNS} FROM {TRIAL_TABLES}
    WHERE a.rater_id = {rater} AND a.position > {after} AND a.skipped_at IS NULL
      AND (SELECT count(*) FROM evaluation_rating t WHERE t.assignment_id = a.id AND t.retracted_at IS NULL)
          < cardinality(c.questions)
    ORDER BY a.position LIMIT {at_most}
    """


NEXT = Prepared("rater_next", ("bigint", "int", "int"), following_sql("$1", "$2", "$3"))

SESSION_NEXT = Prepared(
    "rater_session_next",
    ("uuid", "text[]", "int", "int"),
    f"""
    SELECT {SESSION_COLUMNS}, n.*
    FROM evaluation_rater r JOIN evaluation_study s ON s.id = r.study_id
    LEFT JOIN LATERAL ({following_sql("r.id", "$3", "$4")}) n ON true
    WHERE r.key = $1 AND {KEY_HELD}
    """,
)
N_SESSION = 7
"""Columns of a row of `SESSION_NEXT` that come before those of the trial."""


def next_trials(session: RaterSession, *, after: int = -1, at_most: int = TRIALS_AT_ONCE) -> list[Trial]:
    """The rater's first trials at positions above `after` that are not answered in full. One query."""
    return [trial_from(row, session.protocol) for row in NEXT.rows([session.rater_pk, after, at_most])]


def session_and_trials(rater: UUID, hashes: Sequence[str], *, after: int) -> tuple[RaterSession, list[Trial]] | None:
    """The session of `rater` as `rater_session`, and its `next_trials`. One query."""
    rows = SESSION_NEXT.rows([str(rater), list(hashes), after, TRIALS_AT_ONCE])
    if not rows:
        return None
    session = _session(rater, hashes, rows[0][:N_SESSION])
    if session.paused:
        return session, []
    return session, trials_from([row[N_SESSION:] for row in rows], session.protocol)


def trials_from(rows: Sequence[Sequence[Any]], protocol: Protocol) -> list[Trial]:
    """The trials of rows of `TRIAL_COLUMNS`; a row of nothing but null is none."""
    return [trial_from(row, protocol) for row in rows if row[0] is not None]


TRIAL = Prepared(
    "rater_trial",
    ("bigint", "bigint"),
    f"SELECT {TRIAL_COLUMNS} FROM {TRIAL_TABLES} WHERE a.rater_id = $1 AND a.id = $2",
)


def trial_of(session: RaterSession, assignment: int) -> Trial | None:
    """The rater's trial with this assignment, answered or not. One query."""
    rows = TRIAL.rows([session.rater_pk, assignment])
    return trial_from(rows[0], session.protocol) if rows else None


def trial_from(row: Sequence[Any], protocol: Protocol) -> Trial:
    """The trial of a row of `TRIAL_COLUMNS` under `protocol`."""
    assignment, position, prompt, order, sets, questions, claims, guide, covered = row
    shown = json.loads(sets)  # a bare cursor gives JSONB as text
    every = len(questions) == len(protocol.questions)
    marks = any(isinstance(protocol.question(each).answers, Words) for each in questions)
    return Trial(
        assignment=assignment,
        position=position,
        caption=prompt if protocol.shown.prompt == "shown" else "",
        sets=tuple(tuple(shown[place]) for place in order),
        asked=() if every and not any(":" in each for each in questions) else tuple(questions),
        claims=tuple(json.loads(claims)),
        guide=guide,
        words=tuple(words_of(prompt)) if marks else (),
        covered=tuple(covered),
    )


IMAGE_SQL = """
SELECT f.sha256, f.image_format,
       EXISTS (SELECT 1 FROM evaluation_rater r WHERE r.study_id = i.study_id
               AND (r.session_key_hash = ANY(%s) OR r.device_key_hashes && %s::varchar[]))
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
        cursor.execute(IMAGE_SQL, [list(hashes), list(hashes), key])
        row = cursor.fetchone()
    return None if row is None else ShownImage(*row)


def unanswered_exist(rater_pk: int) -> bool:
    """Whether the rater has a trial that is neither skipped nor answered in full. One query."""
    return bool(NEXT.rows([rater_pk, -1, 1]))


def study_is_demonstration(study_pk: int) -> bool:
    """Whether simulated raters have a part in the study: then its pages say that it is a demonstration."""
    return Rater.objects.filter(study=study_pk, simulated=True).exists()
