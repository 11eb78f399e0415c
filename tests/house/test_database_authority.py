"""What the documentation says that the database refuses, it refuses: tried in SQL, as the application's user."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, models, transaction
from django.utils import timezone

from evaluation.models import (
    Assignment,
    Comparison,
    Departure,
    GenerationRun,
    Invitation,
    Place,
    Prompt,
    Rater,
    Rating,
    Report,
    ResultLook,
    Sample,
    Seal,
    SealedRating,
    StoredImage,
    Study,
    StudyImage,
    StudyQuestion,
    StudyRun,
    Suite,
    Uncovering,
)
from evaluation.services.rating.finish import rater_withdraw
from evaluation.services.rating.simulate import raters_simulate
from evaluation.services.reporting.make import report_make
from evaluation.services.sealing.seal import study_seal
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.invitation import invitation_create
from evaluation.services.studies.looks import result_look
from evaluation.services.studies.open import study_close
from evaluation.services.suites.load import suite_load
from tests.house.repository import CHECKOUT
from tests.studies.world import a_run, an_open_study, enrolled

pytestmark = pytest.mark.django_db

MAY_CHANGE: dict[type[models.Model], set[str]] = {
    Study: {"archived_at", "title", "created_by_id", "paused_at"},
    **{each: set() for each in (StudyRun, StudyQuestion, StudyImage, Place, Comparison, Uncovering)},
    Assignment: {"skipped_at", "skip_kind", "skip_reason"},
    Rater: {
        *("session_key_hash", "device_key_hashes", "last_seen_at", "instructed_at", "qualification"),
        *("qualified_at", "screened_at", "screened_for", "finished_at", "dropped_at"),
    },
    Rating: {"retracted_at"},
    Departure: set(),
    Invitation: {
        *("label", "max_raters", "expires_at", "revoked_at", "completion_code", "completion_url"),
        *("screen_out_code", "screen_out_url", "partial_code"),
    },
    Report: set(),
    ResultLook: {"user_id"},
    Suite: {"title", "licence", "archived_at"},
    Prompt: set(),
    GenerationRun: {
        *("status", "message", "notes", "created_by_id", "started_at", "finished_at", "archived_at"),
        *("budget_usd", "spent_usd"),
    },
    Sample: set(),
    StoredImage: set(),
    Seal: set(),
    SealedRating: {"retracted_in_id", "deleted_in_id"},
}
"""What may still change in a row that an open study rests on, table by table; everything else may not."""

NOT_KEPT = {
    "DeviceCode": "lets a rater in on another device, and ends after minutes; the rater is kept",
    "SampleFailure": "goes when a retry makes the sample",
    "Upload": "on its way to a run, whose samples are kept",
    "IncomingFile": "a file on its way, in parts: it grows, and goes when it has come or nobody goes on with it",
    "MetricRun": "computed from samples that are kept, and computed again at will",
    "MetricScore": "as its metric run",
    "MetricShard": "goes when the parts are merged",
    "SignInLink": "of an account, not of a study",
    "RaterAbout": "what raters say about themselves is theirs to change and to delete",
    "ImportedVotes": "another program's votes, of no study; their files stay with who brought them",
}


@pytest.fixture
def study() -> Study:
    """Open, its suite frozen, with simulated and real raters, ratings and a report."""
    study = an_open_study({"Colors": 2}, raters_per_panel=4, samples=1)
    Suite.objects.update(frozen_at=timezone.now())
    raters_simulate(study=study, raters=2, seed=0)
    rater_withdraw(rater=enrolled(study).rater)
    enrolled(study)
    Uncovering.objects.create(assignment=Assignment.objects.earliest("pk"), image="x" * 22)
    report_make(study=study)
    result_look(study=study, what="report")
    study_seal(study=study)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
    return study


def refused(sql: str, *values: Any) -> str:
    """What the database says to a statement that it refuses."""
    with pytest.raises(IntegrityError) as error, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    return str(error.value)


def done(sql: str, *values: Any) -> int:
    """How many rows a statement changed that is not refused; all is taken back afterwards."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)
        changed = cursor.rowcount
        transaction.set_rollback(True)
    return changed


def table(model: type[models.Model]) -> str:
    return model._meta.db_table


def _other(field: models.Field[Any, Any]) -> str:
    """SQL of another value for a column, of the same type."""
    column = f'"{field.column}"'
    if isinstance(field, models.BooleanField):
        return f"NOT {column}"
    if isinstance(field, ArrayField):
        return f"{column} || {column}"
    if isinstance(field, models.JSONField):
        return "'{\"another\": 1}'::jsonb"
    if isinstance(field, models.DateTimeField):
        return f"coalesce({column}, now()) + interval '1 hour'"
    if isinstance(field, models.UUIDField):
        return f"'{uuid.uuid4()}'::uuid"
    if isinstance(field, models.FloatField):
        return f"coalesce({column}, 0) + 1"
    if isinstance(field, models.ForeignKey | models.IntegerField):
        return f"coalesce({column}, 0) + 1"
    return "'z'"


def test_each_table_is_kept_or_said_to_be_free() -> None:
    named = {model.__name__ for model in MAY_CHANGE} | set(NOT_KEPT)
    assert named == {model.__name__ for model in apps.get_app_config("evaluation").get_models()}


@pytest.mark.parametrize("model", MAY_CHANGE, ids=lambda model: model.__name__)
def test_no_column_of_what_a_study_rests_on_changes(study: Study, model: type[models.Model]) -> None:
    assert model._default_manager.exists()
    one = f"id = (SELECT max(id) FROM {table(model)})"
    if model is StoredImage:
        one = "id = (SELECT max(rendition_id) FROM evaluation_studyimage)"
    tried = 0
    for field in model._meta.concrete_fields:
        if field.primary_key:
            continue
        statement = f'UPDATE {table(model)} SET "{field.column}" = {_other(field)} WHERE {one}'
        if field.column in MAY_CHANGE[model]:
            assert done(statement) == 1, field.column
        else:
            refused(statement)
            tried += 1
    assert tried + len(MAY_CHANGE[model]) == len(model._meta.concrete_fields) - 1


# a report may go: it is made again from the ratings as they stood
@pytest.mark.parametrize(
    "model", [model for model in MAY_CHANGE if model is not Report], ids=lambda model: model.__name__
)
def test_no_row_of_it_goes(study: Study, model: type[models.Model]) -> None:
    rows = model._default_manager.count()
    one = f"id = (SELECT max(id) FROM {table(model)})"
    if model is Invitation:
        one = "id = (SELECT max(invitation_id) FROM evaluation_rater)"
    refused(f"DELETE FROM {table(model)} WHERE {one}")
    refused(f"DELETE FROM {table(model)}")
    assert model._default_manager.count() == rows > 0


@pytest.mark.parametrize("model", MAY_CHANGE, ids=lambda model: model.__name__)
@pytest.mark.parametrize("cascade", ["", " CASCADE"])
def test_no_table_of_it_is_emptied(study: Study, model: type[models.Model], cascade: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # none is left to wait for the transaction's end
    refusal = "TRUNCATE of" if cascade else "TRUNCATE of|referenced in a foreign key"
    with pytest.raises(DatabaseError, match=refusal), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {table(model)}{cascade}")


def test_a_whole_database_is_not_emptied_through_the_table_of_accounts(study: Study) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    emptied = pytest.raises(IntegrityError, match="TRUNCATE of evaluation_")
    with emptied, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE auth_user CASCADE")


def test_a_study_goes_from_draft_to_open_to_closed_and_never_back(study: Study) -> None:
    name = study.name
    for status in ("draft", "closed"):
        refused("UPDATE evaluation_study SET status = %s WHERE name = %s", status, name)
    refused("UPDATE evaluation_study SET closed_at = now() WHERE name = %s", name)
    study_close(study=study)
    closed_at = Study.objects.get(name=name).closed_at
    for status in ("draft", "open"):
        told = refused("UPDATE evaluation_study SET status = %s WHERE name = %s", status, name)
        assert f"can't become {status} again" in told
        refused("UPDATE evaluation_study SET status = %s, closed_at = NULL WHERE name = %s", status, name)
    assert "closed can't change" in refused(
        "UPDATE evaluation_study SET closed_at = closed_at + interval '1 s' WHERE name = %s", name
    )
    refused("UPDATE evaluation_study SET closed_at = NULL WHERE name = %s", name)
    assert Study.objects.get(name=name).closed_at == closed_at
    refused("DELETE FROM evaluation_study WHERE name = %s", name)


def _a_rating(study: Study, question: str, *, choice: str = "left") -> tuple[str, tuple[Any, ...]]:
    assignment = Assignment.objects.filter(rater__study=study, ratings=None).order_by("-pk")[0]
    sql = (
        "INSERT INTO evaluation_rating (assignment_id, rater_id, question, shown_choice, submission, created_at) "
        "VALUES (%s, %s, %s, %s, %s, now())"
    )
    return sql, (assignment.pk, assignment.rater_id, question, choice, str(uuid.uuid4()))


def test_a_rating_answers_a_question_of_its_study_while_that_is_open(study: Study) -> None:
    sql, values = _a_rating(study, "fidelity")
    assert done(sql, *values) == 1
    for question in ("beauty", "", "Fidelity", "fidelity ", 'fidelity"', "id"):
        told = refused(sql, *_a_rating(study, question)[1])
        assert f'does not ask the question "{question}"' in told
    refused(sql, *_a_rating(study, "fidelity", choice="a")[1])
    refused(sql, values[0], values[1] - 1, *values[2:])
    rater = Rater.objects.get(simulated=False, dropped_at=None)
    Assignment.objects.filter(pk=values[0]).update(skipped_at=timezone.now(), skip_reason="no images")
    assert "takes no rating" in refused(sql, *values)
    other = Assignment.objects.filter(rater=rater, skipped_at=None).first()
    assert other is not None and done(sql, other.pk, *values[1:]) == 1
    rater_withdraw(rater=rater)
    assert "takes no rating" in refused(sql, other.pk, *values[1:])
    study_close(study=study)
    assert "takes no rating" in refused(sql, other.pk, *values[1:])


def test_nothing_is_added_to_what_an_open_study_shows(study: Study) -> None:
    draft = study_create(
        StudyDraft(name="draft", runs=[each.run for each in study.study_runs.all()], raters_per_panel=1)
    )
    comparison = Comparison.objects.filter(study=study).values().first()
    assert comparison is not None
    refused(
        "INSERT INTO evaluation_comparison "
        "(study_id, prompt_id, category, members, sets, questions, claims, guide, control, expected) "
        "SELECT study_id, prompt_id, category, ARRAY[members[2], members[1]], sets, questions, claims, guide, '', '{}' "
        "FROM evaluation_comparison LIMIT 1"
    )
    refused(
        "INSERT INTO evaluation_studyimage (study_id, sample_id, key, rendition_id) "
        "SELECT study_id, sample_id, 'another', rendition_id FROM evaluation_studyimage LIMIT 1"
    )
    for start, end in ((study, draft), (draft, study)):
        refused("UPDATE evaluation_studyrun SET study_id = %s WHERE study_id = %s", end.pk, start.pk)
    refused(
        "INSERT INTO evaluation_studyrun (study_id, run_id, \"order\", label) VALUES (%s, %s, 9, 'late')",
        study.pk,
        a_run(Suite.objects.get(), "late").pk,
    )


def test_raters_join_open_studies_and_get_its_comparisons_alone(study: Study) -> None:
    other = an_open_study({"Colors": 1}, name="other", samples=1)
    rater = Rater.objects.filter(study=study).latest("pk")
    told = refused(
        "INSERT INTO evaluation_assignment "
        "(rater_id, comparison_id, position, shown_order, repetition, seed, reason, skip_reason) "
        "VALUES (%s, %s, 99, '{0,1}', 0, 0, 'panel', '')",
        rater.pk,
        Comparison.objects.filter(study=other).values_list("pk", flat=True)[0],
    )
    assert "another study's" in told
    study_close(study=other)
    columns = {str(field.column) for field in Rater._meta.concrete_fields} - {"id", "key", "study_id"}
    copied = ", ".join(sorted(columns))
    refused(
        f"INSERT INTO evaluation_rater (key, study_id, {copied}) "
        f"SELECT '{uuid.uuid4()}', {other.pk}, {copied} FROM evaluation_rater WHERE id = {rater.pk}"
    )


def test_what_happened_once_does_not_happen_again(study: Study) -> None:
    rater = Rater.objects.get(simulated=False, dropped_at=None)
    rater_withdraw(rater=rater)
    refused("UPDATE evaluation_rater SET dropped_at = NULL WHERE id = %s", rater.pk)
    refused("UPDATE evaluation_rater SET consented_at = NULL WHERE id = %s", rater.pk)
    rating = Rating.objects.latest("pk")
    Rating.objects.filter(pk=rating.pk).update(retracted_at=timezone.now())
    refused("UPDATE evaluation_rating SET retracted_at = NULL WHERE id = %s", rating.pk)
    skipped = Assignment.objects.filter(ratings=None).latest("pk")
    Assignment.objects.filter(pk=skipped.pk).update(skipped_at=timezone.now(), skip_reason="no images")
    refused("UPDATE evaluation_assignment SET skipped_at = NULL WHERE id = %s", skipped.pk)
    refused("UPDATE evaluation_assignment SET skip_reason = 'bored' WHERE id = %s", skipped.pk)
    invitation = invitation_create(study=study)
    Invitation.objects.filter(pk=invitation.pk).update(revoked_at=timezone.now())
    refused("UPDATE evaluation_invitation SET revoked_at = NULL WHERE id = %s", invitation.pk)


def test_nothing_is_added_to_a_frozen_suite(study: Study) -> None:
    suite = Suite.objects.get()
    refused(
        "INSERT INTO evaluation_prompt (suite_id, number, text, category, attributes) VALUES (%s, 99, 'x', '', '{}')",
        suite.pk,
    )
    other = suite_load(source=b"a fox\n", name="other").suite
    refused("UPDATE evaluation_prompt SET suite_id = %s", other.pk)
    refused("UPDATE evaluation_suite SET frozen_at = NULL WHERE id = %s", suite.pk)


# --- What goes on as before -------------------------------------------------------------------------------------------


def test_who_rated_can_be_forgotten(study: Study) -> None:
    """The crowd platform's ids are emptied on request; the ratings stay, and no other id takes their place."""
    rater = enrolled(study).rater
    Rater.objects.filter(pk=rater.pk).update(participant="", session="")
    refused("UPDATE evaluation_rater SET participant = 'somebody' WHERE id = %s", rater.pk)


def test_a_draft_and_an_unused_suite_go() -> None:
    suite = suite_load(source=b"a fox\na heron\n", name="words").suite
    suite.delete()
    assert not Prompt.objects.exists()
    study = an_open_study({"Colors": 1}, samples=1)
    runs = [each.run for each in study.study_runs.all()]
    draft = study_create(StudyDraft(name="draft", runs=runs, raters_per_panel=1))
    draft.delete()
    assert set(Study.objects.values_list("name", flat=True)) == {study.name}


def test_an_account_goes_and_its_studies_stay(study: Study, django_user_model: Any) -> None:
    user = django_user_model.objects.create_user("ada")
    Study.objects.update(created_by=user)
    GenerationRun.objects.update(created_by=user)
    user.delete()
    assert Study.objects.get().created_by is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("number", [1, 2])
def test_tests_that_commit_are_cleaned_up(number: int) -> None:
    """The tests' own backend empties the tables, which no other connection may."""
    assert not Study.objects.exists()
    an_open_study({"Colors": 1}, samples=1)


@pytest.mark.django_db(transaction=True)
def test_the_products_own_connection_empties_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """`manage.py flush` with Django's own backend."""
    from django.core.management.base import CommandError
    from django.db.backends.postgresql import operations

    an_open_study({"Colors": 1}, samples=1)
    with monkeypatch.context() as patched:
        patched.setattr(type(connection.ops), "execute_sql_flush", operations.DatabaseOperations.execute_sql_flush)
        with pytest.raises(CommandError):
            call_command("flush", interactive=False, verbosity=0)
    assert Study.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_migration_can_be_taken_back_and_done_again() -> None:
    def triggers() -> set[str]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT tgname || tgtype::text FROM pg_trigger WHERE NOT tgisinternal")
            return {row[0] for row in cursor.fetchall()}

    before = triggers()
    call_command("migrate", "evaluation", "0005", verbosity=0)
    assert len(triggers()) == 4
    call_command("migrate", "evaluation", verbosity=0)
    assert triggers() == before


def test_the_documents_say_what_is_tried_here() -> None:
    text = (CHECKOUT / "docs" / "decisions" / "ratings-in-the-database.md").read_text()
    for model in MAY_CHANGE:
        assert f"`{model.__name__}`" in text, f"the decision does not say what is kept of {model.__name__}"
