"""Cache and broker that forget or do not answer: over runs and scores, no work is lost and none comes twice."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
from django.core.cache import cache
from django.db import OperationalError

from drawbench.cache import _Client
from drawbench.celery import app
from evaluation.models import RunStatus
from evaluation.services import sweep
from evaluation.services.work.queue import hand_on, hand_over
from evaluation.surroundings import BrokerAwayError
from tests.work.conftest import Kind

pytestmark = pytest.mark.django_db


def test_a_cache_that_is_away_stops_nothing(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    row = kind.ask(5)
    monkeypatch.setattr(_Client, "_away_until", math.inf)
    assert kind.on(row) is None
    assert row.status == RunStatus.DONE and kind.made(row) == list(range(5))


def test_a_cache_that_forgot_between_begin_and_end_stops_nothing(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    row = kind.ask(5)
    do = kind.work.do

    def forget(self: Any, batch: Sequence[Any], limit: Any) -> Any:
        cache.clear()
        return do(self, batch, limit)

    monkeypatch.setattr(kind.work, "do", forget)
    assert kind.on(row) is None
    assert row.status == RunStatus.DONE and kind.made(row) == list(range(5))


def _broker_away(monkeypatch: pytest.MonkeyPatch, *tasks: Any) -> None:
    from kombu.exceptions import OperationalError as QueueError

    def away(*arguments: object, **options: object) -> None:
        raise QueueError("no broker")

    for task in tasks:
        monkeypatch.setattr(app.tasks[task.name], "apply_async", away)


def test_a_silent_broker_is_not_the_database_s_error(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    row = kind.ask(2)
    with monkeypatch.context() as patched:
        _broker_away(patched, kind.share)
        assert hand_over(kind.share.name.rpartition(".")[2], row.pk, [1]) is False
        with pytest.raises(BrokerAwayError, match="the broker does not answer") as error:
            hand_on(kind.share.name.rpartition(".")[2], row.pk, [1])
        assert not isinstance(error.value, OperationalError)
        with pytest.raises(BrokerAwayError):
            kind.begin(row.pk)
        row.refresh_from_db()
        assert row.status == RunStatus.QUEUED and row.message == "", "no fault of the program, and none of the run"
    monkeypatch.setitem(app.conf.changes, "task_always_eager", True)
    assert sweep.work_sweep(starting=True) != []
    row.refresh_from_db()
    assert row.status == RunStatus.DONE and kind.made(row) == [0, 1]


def test_what_was_lost_on_the_way_to_the_next_task_is_taken_up(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    row = kind.ask(3)
    monkeypatch.setattr("evaluation.tasks.TASK_SHARE", 0.0)
    with monkeypatch.context() as patched:
        _broker_away(patched, kind.share)
        with pytest.raises(BrokerAwayError):
            kind.share(row.pk, kind.keys(row))
    row.refresh_from_db()
    assert row.status == RunStatus.RUNNING and kind.made(row) == [0]
    monkeypatch.setitem(app.conf.changes, "task_always_eager", True)
    sweep.work_sweep(starting=True)
    row.refresh_from_db()
    assert row.status == RunStatus.DONE and kind.made(row) == [0, 1, 2]
