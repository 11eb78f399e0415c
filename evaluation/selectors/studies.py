"""Studies by name, and how far they are."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

from common.words import nearest
from evaluation.errors import NotFoundError
from evaluation.models import Study

NAMES_LISTED = 10


@dataclass(frozen=True, slots=True)
class PanelProgress:
    """How far a panel is. Raters who dropped out count for nothing but `raters_dropped` and `ratings_of_dropped`.

    `raters_finished`: those with every trial answered (or skipped, since its images could not be seen).
    `raters_simulated`, `ratings_simulated`: how many of the enrolled and made are by the simulated crowd.
    `ratings_wanted`: of a draft raters x trials x questions, at most.
    """

    panel: str
    trials: int
    raters_wanted: int
    raters_enrolled: int
    raters_finished: int
    raters_simulated: int
    raters_dropped: int
    ratings_wanted: int
    ratings_made: int
    ratings_simulated: int
    ratings_of_dropped: int
    trials_skipped: int

    @property
    def fraction(self) -> float:
        """Share of the wanted ratings that are made, 0 to 1."""
        return min(1.0, self.ratings_made / self.ratings_wanted) if self.ratings_wanted else 1.0


@dataclass(frozen=True, slots=True)
class StudyProgress:
    """How far a study is, panel by panel and in all."""

    panels: tuple[PanelProgress, ...]
    raters_wanted: int
    raters_enrolled: int
    raters_finished: int
    raters_simulated: int
    ratings_wanted: int
    ratings_made: int
    ratings_simulated: int

    @property
    def fraction(self) -> float:
        """Share of the wanted ratings that are made, 0 to 1."""
        return min(1.0, self.ratings_made / self.ratings_wanted) if self.ratings_wanted else 1.0


def study_by_name(name: str) -> Study:
    """The study called `name`.

    Raises:
        NotFoundError: there is none; the message gives the nearest name.
    """
    study = Study.objects.filter(name=name.strip()).first()
    if study is not None:
        return study
    known = list(Study.objects.values_list("name", flat=True)[:1000])
    if not known:
        raise NotFoundError(
            f'Unknown study "{name}": there are no studies yet. Create one with manage.py create_study.', field="study"
        )
    listing = ", ".join(known[:NAMES_LISTED]) + (" ..." if len(known) > NAMES_LISTED else "")
    raise NotFoundError(
        f'Unknown study "{name}"{nearest(name, known) or "."} Studies, newest first: {listing}.', field="study"
    )


RATERS_SQL = """
WITH each AS (
    SELECT r.panel, r.simulated, r.dropped_at IS NOT NULL AS dropped,
           (SELECT count(*) FROM evaluation_rating t WHERE t.rater_id = r.id AND t.retracted_at IS NULL) AS made,
           (SELECT count(skipped_at) FROM evaluation_assignment a WHERE a.rater_id = r.id) AS skipped,
           (SELECT coalesce(sum(cardinality(c.questions)), 0)
            FROM evaluation_assignment a JOIN evaluation_comparison c ON c.id = a.comparison_id
            WHERE a.rater_id = r.id AND a.skipped_at IS NULL) AS wanted
    FROM evaluation_rater r WHERE r.study_id = %(study)s
)
SELECT panel,
       count(*) FILTER (WHERE NOT dropped),
       count(*) FILTER (WHERE NOT dropped AND made >= wanted AND wanted > 0),
       count(*) FILTER (WHERE NOT dropped AND simulated),
       count(*) FILTER (WHERE dropped),
       coalesce(sum(made) FILTER (WHERE NOT dropped), 0),
       coalesce(sum(made) FILTER (WHERE NOT dropped AND simulated), 0),
       coalesce(sum(made) FILTER (WHERE dropped), 0),
       coalesce(sum(skipped) FILTER (WHERE NOT dropped), 0)
FROM each GROUP BY panel
"""


def study_progress(study: Study) -> StudyProgress:
    """How far `study` is. One query; panels in the order of its specification."""
    declared = study.specification
    n_questions = len(declared["protocol"]["questions"])  # of a study that locked no number of ratings, and of drafts
    with connection.cursor() as cursor:
        cursor.execute(RATERS_SQL, {"study": study.pk})
        counts = {row[0]: [int(n) for n in row[1:]] for row in cursor.fetchall()}
    panels = []
    for panel in declared["panels"]:
        enrolled, finished, simulated, dropped, made, made_simulated, made_dropped, skipped = counts.get(
            panel["panel"], [0] * 8
        )
        panels.append(
            PanelProgress(
                panel=panel["panel"],
                trials=panel["trials"],
                raters_wanted=panel["raters"],
                raters_enrolled=enrolled,
                raters_finished=finished,
                raters_simulated=simulated,
                raters_dropped=dropped,
                ratings_wanted=panel.get("ratings", panel["raters"] * panel["trials"] * n_questions),
                ratings_made=made,
                ratings_simulated=made_simulated,
                ratings_of_dropped=made_dropped,
                trials_skipped=skipped,
            )
        )
    return StudyProgress(
        panels=tuple(panels),
        raters_wanted=sum(panel.raters_wanted for panel in panels),
        raters_enrolled=sum(panel.raters_enrolled for panel in panels),
        raters_finished=sum(panel.raters_finished for panel in panels),
        raters_simulated=sum(panel.raters_simulated for panel in panels),
        ratings_wanted=sum(panel.ratings_wanted for panel in panels),
        ratings_made=sum(panel.ratings_made for panel in panels),
        ratings_simulated=sum(panel.ratings_simulated for panel in panels),
    )
