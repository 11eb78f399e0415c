"""Which server is away: kombu and redis have errors of the database's name, and people must not mend the wrong one."""

from __future__ import annotations

import pytest
from celery.exceptions import Retry
from django.db import InterfaceError, OperationalError
from django.test import Client
from kombu.exceptions import OperationalError as QueueError
from redis.exceptions import ConnectionError as RedisAwayError

from drawbench.celery import app
from drawbench.failures import plain_message
from evaluation import sign_in, tasks
from evaluation.models import RunStatus
from evaluation.surroundings import Away, BrokerAwayError, away
from tests.metric_services.steps import grey_run

OF_THE_BROKER = [QueueError("no broker"), RedisAwayError("Connection refused"), BrokerAwayError("no broker")]
OF_THE_DATABASE = [OperationalError("server closed the connection"), InterfaceError("connection already closed")]
ALL = [(error, Away.BROKER) for error in OF_THE_BROKER] + [(error, Away.DATABASE) for error in OF_THE_DATABASE]


@pytest.mark.parametrize(("error", "which"), ALL, ids=lambda each: type(each).__name__)
def test_each_error_says_whose_it_is(error: Exception, which: Away) -> None:
    assert away(error) is which
    assert away(ValueError("no broker")) is None and away(OSError("no broker")) is None and away(None) is None


def test_a_refused_statement_is_no_silent_server() -> None:
    error = OperationalError("deadlock detected")
    error.__cause__ = type("Refused", (Exception,), {"pgcode": "40P01"})()
    assert away(error) is None and plain_message(error) is None


@pytest.mark.parametrize(("error", "which"), ALL, ids=lambda each: type(each).__name__)
def test_commands_name_the_right_server(error: Exception, which: Away, monkeypatch: pytest.MonkeyPatch) -> None:
    variable, words, others = {
        Away.BROKER: ("DRAWBENCH_BROKER", "Valkey", "PostgreSQL"),
        Away.DATABASE: ("DRAWBENCH_DATABASE", "PostgreSQL", "Valkey"),
    }[which]
    monkeypatch.delenv(variable, raising=False)
    said = plain_message(error)
    assert said is not None and f"The embedded {words} is not running" in said and others not in said
    monkeypatch.setenv(variable, "somewhere://else")
    said = plain_message(error)
    assert said is not None and f"The {which} in {variable} does not respond" in said


@pytest.mark.django_db
@pytest.mark.parametrize(("error", "which"), ALL, ids=lambda each: type(each).__name__)
def test_pages_and_the_api_name_the_right_server(
    error: Exception, which: Away, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.setattr(sign_in, "PasswordTry", refuse)
    client = Client(raise_request_exception=False)
    words = {"username": "ann", "password": "?"}
    page = client.post("/sign-in/", words)
    assert page.status_code == 503 and f"The {which} is not responding" in page.content.decode()
    answer = client.post("/api/v1/token/", words)
    assert answer.status_code == 503 and answer.json()["detail"].startswith(f"The {which} is not responding.")


@pytest.mark.django_db
@pytest.mark.parametrize(("error", "which"), ALL, ids=lambda each: type(each).__name__)
def test_a_task_comes_back_by_itself_and_nobody_is_told_of_a_fault(
    error: Exception, which: Away, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []
    retries: list[object] = []

    def refuse(**options: object) -> None:
        tries.append(1)
        raise error

    def retry(**options: object) -> Retry:
        retries.append(options["exc"])
        return Retry()

    monkeypatch.setattr(tasks, "run_draw", refuse)
    monkeypatch.setattr(app.tasks[tasks.run_draw_prompts.name], "retry", retry)
    run = grey_run({"a": [0]})
    type(run).objects.update(status=RunStatus.RUNNING)
    tasks.run_draw_prompts.apply(args=[run.pk, [1]])
    run.refresh_from_db()
    assert tries == [1] and retries == [error]
    assert run.status == RunStatus.RUNNING and run.message == ""


@pytest.mark.django_db
def test_each_task_climbs_the_same_ladder(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault becomes the message of the row that the task is about."""

    def fault(**options: object) -> None:
        raise ZeroDivisionError("by zero")

    told: list[tuple[int, str]] = []
    monkeypatch.setattr(tasks, "study_open_by_worker", fault)
    monkeypatch.setattr(tasks, "simulate_coverage", fault)
    monkeypatch.setattr(tasks, "metric_parts_plan", fault)
    monkeypatch.setattr(tasks, "study_opening_failed", lambda study_pk, message: told.append((study_pk, message)))
    monkeypatch.setattr(tasks, "report_coverage_failed", lambda report_pk, message: told.append((report_pk, message)))
    monkeypatch.setattr(tasks, "spoil", lambda kind, pk, message: told.append((pk, message)))
    for pk, task in enumerate((tasks.study_open_queued, tasks.report_coverage_simulate, tasks.metric_plan), start=1):
        task(pk)
        assert told[-1] == (pk, "The program failed: ZeroDivisionError: by zero. The worker's log has the details.")
    assert len(told) == 3
