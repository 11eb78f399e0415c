"""The raters of a study, one row each, with what speaks for and against their answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from evaluation.analysis.answers import no_answers, validate_answers
from evaluation.analysis.frame import validate_ratings
from evaluation.analysis.screening import ControlRecord, screen_added
from evaluation.analysis.signs import RaterSigns, Sign, find_signs
from evaluation.models import Rater, Study
from evaluation.selectors.answers import answers_frame, has_other_answers
from evaluation.selectors.declared import added_controls, declared_signs
from evaluation.selectors.ratings import rater_pseudonym, ratings_frame, study_questions

MOST_ROWS = 2000
"""Raters that a page lists, those who joined last left out."""


@dataclass(frozen=True, slots=True)
class RaterRow:
    """A rater. `state`: `finished`, `rating`, `left`, `screened out`. `controls`: None without control trials that the
    study added.
    """

    rater_id: str
    panel: str
    state: str
    joined_at: datetime
    simulated: bool
    controls: ControlRecord | None
    signs: tuple[Sign, ...]
    excluded: bool


def rater_rows(study: Study) -> list[RaterRow]:
    """The raters of an open or closed study in the order in which they joined, with signs and control trials as their
    answers stand. No rate is among it.
    """
    ratings = validate_ratings(ratings_frame(study))
    answers = validate_answers(answers_frame(study) if has_other_answers(study) else no_answers())
    signs: dict[str, RaterSigns] = {}
    rules, added = declared_signs(study.specification), added_controls(study.specification)
    if rules is not None:
        questions = [each.id for each in study_questions(study)]
        size = study.specification["sets"]["size"]
        found = find_signs(ratings, answers, rules, set_size=size, questions=questions)
        signs = {each.rater_id: each for each in found.raters}
    controls: dict[str, ControlRecord] = {}
    if added is not None:
        controls = {each.rater_id: each for each in screen_added(ratings, answers, added).raters}
    rows = []
    for rater in Rater.objects.filter(study=study).order_by("created_at", "pk")[:MOST_ROWS]:
        name = rater_pseudonym(str(rater.key))
        own = signs.get(name)
        record = controls.get(name)
        state = "finished" if rater.finished_at else "rating"
        rows.append(
            RaterRow(
                rater_id=name,
                panel=rater.panel,
                state="screened out" if rater.screened_at else "left" if rater.dropped_at else state,
                joined_at=rater.created_at,
                simulated=rater.simulated,
                controls=record,
                signs=own.signs if own else (),
                excluded=bool((own and own.excluded) or (record and not record.kept)),
            )
        )
    return rows
