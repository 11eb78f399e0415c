"""The last answered trial, taken back. Its ratings stay in the database, retracted."""

from __future__ import annotations

from django.db import connection
from django.utils.translation import gettext as _

from evaluation.selectors.trials import RaterSession, Trial, trial_of
from evaluation.services.rating.errors import RaterError, refuse_unless_rating

UNDO_SQL = """
UPDATE evaluation_rating SET retracted_at = clock_timestamp()
WHERE rater_id = %(rater)s AND assignment_id = %(assignment)s AND retracted_at IS NULL
  AND NOT EXISTS (
    SELECT 1 FROM evaluation_assignment later
    JOIN evaluation_assignment this ON this.id = %(assignment)s
    JOIN evaluation_rating t ON t.assignment_id = later.id AND t.retracted_at IS NULL
    WHERE later.rater_id = %(rater)s AND later.position > this.position
  )
  AND (
    SELECT count(*) FROM evaluation_rating undone
    WHERE undone.rater_id = %(rater)s AND undone.assignment_id = %(assignment)s AND undone.retracted_at IS NOT NULL
  ) < %(most)s
"""

STANDING_SQL = """
SELECT count(*) FILTER (WHERE retracted_at IS NULL), count(*) FILTER (WHERE retracted_at IS NOT NULL)
FROM evaluation_rating WHERE rater_id = %(rater)s AND assignment_id = %(assignment)s
"""

MOST_UNDONE = 50
"""How often a trial's answers can be undone: each time leaves rows that nobody deletes, and people change their minds a
few times."""

LAST_SQL = """
SELECT a.id FROM evaluation_assignment a
WHERE a.rater_id = %s
  AND EXISTS (SELECT 1 FROM evaluation_rating t WHERE t.assignment_id = a.id AND t.retracted_at IS NULL)
ORDER BY a.position DESC LIMIT 1
"""


def rating_undo(*, session: RaterSession, assignment: int | None = None) -> Trial:
    """Retract the standing answers of the rater's last answered trial, and return that trial, to be answered again.

    Args:
        assignment: the trial that the rater means, so that a repeated request undoes nothing more: a trial whose
            answers are undone already is returned as it is. The last one when None.

    Raises:
        RaterError: nothing was answered yet; the trial is not the rater's, or not the last one, or was undone
            `MOST_UNDONE` times; the rater has finished; the study is closed.
    """
    refuse_unless_rating(session)
    if session.finished:
        raise RaterError("finished", _("You have finished the study, so your answers can't be changed."))
    with connection.cursor() as cursor:
        if assignment is None:
            cursor.execute(LAST_SQL, [session.rater_pk])
            row = cursor.fetchone()
            if row is None:
                raise RaterError("nothing", _("There is nothing to undo yet."))
            assignment = int(row[0])
        trial = trial_of(session, assignment)
        if trial is None:
            raise RaterError("not-yours", _("This comparison is not one of yours. Reload the page."), status=403)
        most = MOST_UNDONE * (len(trial.asked) or len(session.questions))
        names = {"rater": session.rater_pk, "assignment": assignment, "most": most}
        cursor.execute(UNDO_SQL, names)
        if cursor.rowcount == 0:
            cursor.execute(STANDING_SQL, names)
            row = cursor.fetchone()
            standing, undone = row or (0, 0)
            if standing and undone >= most:
                raise RaterError(
                    "too-many-undos",
                    _("You have undone this comparison {n} times. Please go on.").format(n=MOST_UNDONE),
                )
            if standing:
                raise RaterError(
                    "not-last", _("Only the last comparison can be undone, and you have answered others since.")
                )
    return trial
