"""Ratings as a DataFrame: the sole bridge from the database to the analysis."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pandas as pd
from django.db.models import Q, QuerySet

from common.words import prompt_name
from evaluation.models import Comparison, Rating, Study
from evaluation.protocols import Question
from evaluation.protocols.kinds import Choice
from evaluation.selectors.locked import locked_protocol
from evaluation.selectors.seen import FIELDS, with_seen
from evaluation.suites.types import NO_CATEGORY

COLUMNS = (
    "rater_id",
    "prompt_id",
    "category",
    "generator_a",
    "generator_b",
    "question",
    "choice",
    "response_time_ms",
    "position",
    "a_shown_left",
    "control",
    "control_answer",
    "simulated",
    "panel",
    "rated_at",
)
"""The ratings file's columns (the contract's, then the study's own), in the order in which exports have them."""

AS_RATED = {"both_bad": "indifferent"}
"""What the ratings file calls answers that it does not know."""


def study_categories(study: Study) -> tuple[str, ...]:
    """The categories that an open or closed study shows, rated or not, as `ratings_frame` calls them. One query."""
    found = Comparison.objects.filter(study=study).order_by("category").values_list("category", flat=True).distinct()
    return tuple(category or NO_CATEGORY for category in found)


def study_prompts(study: Study) -> list[tuple[int, str, object]]:
    """(number, text, attribute `people`) of the prompts that an open or closed study shows. One query."""
    shown = Comparison.objects.filter(study=study).order_by("prompt__number").distinct()
    return list(shown.values_list("prompt__number", "prompt__text", "prompt__attributes__people"))


def study_questions(study: Study) -> tuple[Question, ...]:
    """The questions of an open or closed study's protocol, in its order."""
    return locked_protocol(study).questions


def ratings_frame(
    study: Study,
    *,
    include_simulated: bool = True,
    as_of: datetime | None = None,
    rater_pks: Sequence[int] | None = None,
) -> pd.DataFrame:
    """The standing preferences of `study` between two sets, one row each, in the form of the ratings file contract.

    With `COLUMNS`, `repetition` where the study declares repeats, and what `with_seen` adds. Answers of other kinds are
    `answers_frame`'s. Sides are undone: `choice` is `a`, `indifferent` or `b` of the comparison, whichever stood left;
    "both bad" counts as indifferent. `rater_id` is a pseudonym that is the same in every export and leads to no
    participant.
    `response_time_ms` and `position` are Int64, `position` counts from 0; `rated_at` is UTC. `control_answer` stands in
    rows of control trials, empty in others; a prompt without a category has `NO_CATEGORY`, as in suites. Sorted by
    rater, position and question. Two queries, and one for the protocol, once a
    process.

    Args:
        include_simulated: whether ratings by simulated raters are among them; they are marked in any case.
        as_of: take the ratings that stood at this moment, rather than now.
        rater_pks: only those of these raters.
    """
    pairs = [each.id for each in study_questions(study) if isinstance(each.answers, Choice) and each.answers.preference]
    ratings = standing_ratings(study, include_simulated=include_simulated, as_of=as_of, rater_pks=rater_pks)
    rows = (
        ratings.filter(question__in=pairs)
        .order_by("rater_id", "assignment__position", "question")
        .values_list(
            "rater__key",
            "assignment__comparison__prompt__number",
            "assignment__comparison__category",
            "assignment__comparison__members",
            "question",
            "shown_choice",
            "response_time_ms",
            "assignment__position",
            "assignment__shown_order",
            "assignment__comparison__control",
            "assignment__comparison__expected",
            "assignment__repetition",
            "rater__simulated",
            "rater__panel",
            "created_at",
            *FIELDS,
        )
    )
    columns = list(zip(*(row[:15] for row in rows), strict=True)) or [()] * 15
    (
        keys,
        prompts,
        categories,
        members,
        questions,
        shown,
        times,
        positions,
        orders,
        controls,
        expected,
        repetitions,
        simulated,
        panels,
        at,
    ) = columns
    pseudonyms = {key: rater_pseudonym(str(key)) for key in set(keys)}
    labels = dict(study.study_runs.values_list("pk", "label"))
    asked = zip(expected, questions, strict=True)
    a_shown_left = np.array([order[0] == 0 for order in orders], dtype=bool)
    frame = pd.DataFrame(
        {
            "rater_id": pd.Series([pseudonyms[key] for key in keys], dtype=object),
            "prompt_id": pd.Series([prompt_name(number) for number in prompts], dtype=object),
            "category": pd.Series([category or NO_CATEGORY for category in categories], dtype=object),
            "generator_a": pd.Series([labels[pair[0]] for pair in members], dtype=object),
            "generator_b": pd.Series([labels[pair[1]] for pair in members], dtype=object),
            "question": pd.Series(questions, dtype=object),
            "choice": pd.Series(_unflipped(np.array(shown, dtype=object), a_shown_left), dtype=object),
            "response_time_ms": pd.Series(times, dtype="Int64"),
            "position": pd.Series(positions, dtype="Int64"),
            "a_shown_left": a_shown_left,
            "control": np.array([bool(control) for control in controls], dtype=bool),
            "control_answer": pd.Series(
                [AS_RATED.get(right.get(question), right.get(question, "")) for right, question in asked], dtype=object
            ),
            "simulated": np.array(simulated, dtype=bool),
            "panel": pd.Series(panels, dtype=object),
            "rated_at": pd.Series(pd.to_datetime(list(at), utc=True)),
        },
        columns=list(COLUMNS),
    )
    if any(repetitions):
        frame["repetition"] = pd.Series(repetitions, dtype="Int64")
    return with_seen(frame, study, [row[15:] for row in rows])


def standing_ratings(
    study: Study, *, include_simulated: bool, as_of: datetime | None, rater_pks: Sequence[int] | None = None
) -> QuerySet[Rating]:
    """The ratings of `study` that stand, or stood at a moment."""
    standing = Q(retracted_at__isnull=True)
    if as_of is not None:
        standing = Q(created_at__lte=as_of) & (standing | Q(retracted_at__gt=as_of))
    ratings = Rating.objects.filter(standing, assignment__comparison__study=study)
    if not include_simulated:
        ratings = ratings.filter(rater__simulated=False)
    return ratings if rater_pks is None else ratings.filter(rater__in=rater_pks)


def rater_pseudonym(key: str) -> str:
    """What exports call the rater with this key: twelve hexadecimal digits of its SHA-256."""
    return hashlib.sha256(f"rater:{key}".encode()).hexdigest()[:12]


def _unflipped(shown: np.ndarray, a_shown_left: np.ndarray) -> np.ndarray:
    """`shown` (left, indifferent, right, both_bad) as a, indifferent, b."""
    choice = np.full(len(shown), "indifferent", dtype=object)
    left, right = shown == "left", shown == "right"
    choice[(left & a_shown_left) | (right & ~a_shown_left)] = "a"
    choice[(right & a_shown_left) | (left & ~a_shown_left)] = "b"
    return choice
