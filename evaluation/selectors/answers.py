"""Answers of every kind as a DataFrame: the sole bridge from the database to their analysis, beside `ratings_frame`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from common.words import prompt_name
from evaluation.models import Study
from evaluation.protocols.kinds import Choice, Kind, Scale, value_text
from evaluation.selectors.ratings import rater_pseudonym, standing_ratings, study_questions
from evaluation.selectors.seen import FIELDS, with_seen
from evaluation.suites.types import NO_CATEGORY

COLUMNS = (
    "rater_id",
    "prompt_id",
    "category",
    "question",
    "kind",
    "shown",
    "value",
    "repetition",
    "response_time_ms",
    "position",
    "control",
    "control_answer",
    "simulated",
    "panel",
    "rated_at",
)
"""The columns of answers.csv: the contract's, then the study's own, in the order in which exports have them."""


def answers_frame(
    study: Study,
    *,
    include_simulated: bool = True,
    as_of: datetime | None = None,
    rater_pks: Sequence[int] | None = None,
) -> pd.DataFrame:
    """The standing answers of `study` that a ratings file does not hold whole, one row each, with `COLUMNS`: all but
    preferences of a pair, and of those the ones with "both bad", which `ratings_frame` counts as indifferent.

    `shown`: JSON list of the labels from the left. `value`: JSON in the form of the question's kind. `control_answer`:
    JSON of the right one, empty where the trial is no control trial or its answer is not known. The rest, and what
    `with_seen` adds, is as in `ratings_frame`. Two queries, and one for the protocol, once a process; none
    of a study without such questions.

    Args:
        include_simulated, as_of, rater_pks: as in `ratings_frame`.
    """
    kinds = {each.id: each.answers for each in study_questions(study) if _has_more(each.answers)}
    if not kinds:
        return _frame([])
    labels = dict(study.study_runs.values_list("pk", "label"))
    rows = (
        standing_ratings(study, include_simulated=include_simulated, as_of=as_of, rater_pks=rater_pks)
        .order_by("rater_id", "assignment__position", "question")
        .values_list(
            "rater__key",
            "assignment__comparison__prompt__number",
            "assignment__comparison__category",
            "question",
            "assignment__comparison__members",
            "assignment__shown_order",
            "shown_choice",
            "value",
            "assignment__repetition",
            "response_time_ms",
            "assignment__position",
            "assignment__comparison__control",
            "assignment__comparison__expected",
            "rater__simulated",
            "rater__panel",
            "created_at",
            *FIELDS,
        )
    )
    found, seen = [], []
    for key, prompt, category, question, members, order, choice, value, again, ms, at, control, right, *rest in rows:
        kind = kinds.get(question.partition(":")[0])
        if kind is None:
            continue
        seen.append(rest[-len(FIELDS) :])
        found.append(
            (
                rater_pseudonym(str(key)),
                prompt_name(prompt),
                category or NO_CATEGORY,
                question,
                kind.name,
                value_text([labels[members[place]] for place in order]),
                value_text(value if choice is None else choice),
                again,
                ms,
                at,
                bool(control),
                value_text(_as_shown(right[question], kind, order)) if question in right else "",
                *rest[: -len(FIELDS)],
            )
        )
    return with_seen(_frame(found), study, seen)


def has_other_answers(study: Study) -> bool:
    """Whether the protocol of `study` asks for answers that a ratings file does not hold whole."""
    return any(_has_more(each.answers) for each in study_questions(study))


def has_preferences(study: Study) -> bool:
    """Whether the protocol of `study` asks which of a pair is preferred: whether it has a ratings file."""
    return any(isinstance(each.answers, Choice) and each.answers.preference for each in study_questions(study))


def study_scales(study: Study) -> dict[str, tuple[float, ...]]:
    """The values allowed of each scale, by question."""
    asked = ((each.id, each.answers) for each in study_questions(study))
    return {name: tuple(map(float, kind.values)) for name, kind in asked if isinstance(kind, Scale)}


def _has_more(kind: Kind) -> bool:
    """Whether answers of this kind say more than a ratings file holds."""
    return not (isinstance(kind, Choice) and kind.preference) or "both_bad" in kind.ids


def _as_shown(right: Any, kind: Kind, order: Sequence[int]) -> Any:
    """The right answer of a control trial, a preference as the side on which it stood."""
    if not (isinstance(kind, Choice) and kind.preference) or right not in ("a", "b"):
        return right
    return "left" if (right == "a") == (order[0] == 0) else "right"


def _frame(rows: Sequence[tuple[object, ...]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    for name in ("repetition", "response_time_ms", "position"):
        frame[name] = frame[name].astype("Int64")
    for name in ("control", "simulated"):
        frame[name] = frame[name].astype(bool)
    frame["rated_at"] = pd.to_datetime(frame["rated_at"], utc=True)
    return frame
