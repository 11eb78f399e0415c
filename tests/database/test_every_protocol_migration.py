"""Rows of a study from before every protocol could be used come into the new form: the same design and answers."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from evaluation.models import (
    Assignment,
    Comparison,
    GenerationRun,
    Invitation,
    Place,
    Prompt,
    Rater,
    Rating,
    Study,
    StudyQuestion,
    StudyRun,
    Suite,
)
from evaluation.services.rating.submit import Answer, rating_submit
from tests.studies.world import an_open_study, enrolled, session_of
from tests.unguarded import unguarded

BEFORE = [("evaluation", "0008_incoming_files")]
CHOICES = {"left": "left", "indifferent": "indifferent", "right": "right"}
KEPT = (Suite, Prompt, GenerationRun, Study, StudyRun, Comparison, Invitation, Rater, Assignment, Rating)
"""What was there before, each after what it refers to."""


def rows_of(model: Any) -> list[dict[str, Any]]:
    return list(model.objects.order_by("pk").values())


def without(rows: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key != name} for row in rows]


def as_before(model: Any, old: Any, row: dict[str, Any]) -> dict[str, Any]:
    """A row of today as it would have been written then: what a column of today says must come back by its default."""
    row = dict(row)
    if model is Comparison:
        row["run_a_id"], row["run_b_id"] = row.pop("members")
        row["set_a"], row["set_b"] = row.pop("sets")
        row["control_answer"] = ""
    if model is Assignment:
        row["a_shown_left"] = row.pop("shown_order") == [0, 1]
    if model is GenerationRun:
        row["size"] = row["width"]
    columns = {each.attname for each in old._meta.concrete_fields}
    return {name: value for name, value in row.items() if name in columns}


@pytest.mark.longest
@pytest.mark.django_db(transaction=True)
def test_a_study_from_before_goes_on_as_it_was() -> None:
    study = an_open_study(raters_per_panel=2, labels=("a", "b", "c"))
    rater = enrolled(study)
    enrolled(study)
    session = session_of(rater)
    given = [
        (assignment, question) for assignment in rater.rater.assignments.all()[:3] for question in session.questions
    ]
    rating_submit(
        session=session,
        answers=[
            Answer(
                assignment=assignment.pk,
                question=question,
                choice=list(CHOICES)[at % 3],
                response_time_ms=900 + at,
                submission=uuid4(),
            )
            for at, (assignment, question) in enumerate(given)
        ],
    )
    rows = {model: rows_of(model) for model in (*KEPT, StudyQuestion, Place)}
    tables = ", ".join(model._meta.db_table for model in rows)
    with unguarded(), connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {tables} CASCADE")
    newest = MigrationExecutor(connection).loader.graph.leaf_nodes("evaluation")
    try:
        executor = MigrationExecutor(connection)
        executor.migrate(BEFORE)
        then = executor.loader.project_state(BEFORE).apps
        with unguarded():
            for model in KEPT:
                old = then.get_model("evaluation", model.__name__)
                old.objects.bulk_create(old(**as_before(model, old, row)) for row in rows[model])
    finally:
        MigrationExecutor(connection).migrate(newest)
    for model in KEPT:
        assert without(rows_of(model), "created_at") == without(rows[model], "created_at"), model.__name__
    assert [each["question"] for each in rows_of(StudyQuestion)] == ["fidelity", "alignment"]

    assert without(rows_of(StudyQuestion), "id") == without(rows[StudyQuestion], "id")
    assert without(rows_of(Place), "id") == without(rows[Place], "id"), "places not yet taken are drawn as they were"
    assert Study.objects.get().specification_hash == study.specification_hash
