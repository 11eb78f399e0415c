"""The machine that runs and scores share, scenario by scenario over both: nothing is lost, nothing comes twice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.core.cache import cache
from django.db import connection

from evaluation.errors import ConflictError
from evaluation.models import RunStatus
from evaluation.services.work import items as machine
from evaluation.services.work.deaths import ALONE_DEATHS, DEATHS, Deaths
from evaluation.services.work.items import Left, work_here
from evaluation.services.work.states import job_name
from tests.runs.conftest import Worker, until
from tests.runs.steps import die_over
from tests.work.conftest import Kind, learned

pytestmark = pytest.mark.django_db


# --- Whole, once -----------------------------------------------------------------------------------------------------


def test_all_of_it_is_done_once_and_it_ends_as_done(kind: Kind, batches: list[list[Any]]) -> None:
    row = kind.ask(9)
    assert kind.on(row) is None
    assert kind.made(row) == list(range(9)) and row.status == RunStatus.DONE
    assert row.started_at and row.finished_at and row.message == ""
    assert len(batches[0]) == 1 < len(batches[1]), "one to learn the pace, then more at once"
    items = [item for batch in batches for item in batch]
    assert len(items) == len(set(items)) == 9


def test_here_it_is_done_to_the_end(kind: Kind) -> None:
    row = kind.ask(5)
    shown: list[int] = []
    work_here(lambda: kind.opened(row.pk), lambda: shown.append(len(kind.made(row))))
    row.refresh_from_db()
    assert row.status == RunStatus.DONE and kind.made(row) == list(range(5)) and shown[-1] == 5


def test_time_that_is_up_leaves_the_rest(kind: Kind) -> None:
    row = kind.ask(4)
    keys = kind.keys(row)
    assert kind.on(row, seconds=0.0) == Left(keys[1:]) and row.status == RunStatus.RUNNING
    assert kind.on(row) is None and row.status == RunStatus.DONE


# --- Two at once -----------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_do_each_item_once(kind: Kind, batches: list[list[Any]]) -> None:
    row = kind.ask(12, slow=0.01)
    keys = kind.keys(row)
    start = threading.Barrier(2)

    def work() -> None:
        try:
            start.wait(20)
            opened = kind.opened(row.pk)
            if opened is not None:
                kind.on(opened.row, keys)
        finally:
            connection.close()

    both = [threading.Thread(target=work) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    row.refresh_from_db()
    if row.status != RunStatus.DONE:  # one was turned away before the other was through
        kind.on(row)
    items = [item for batch in batches for item in batch]
    assert len(items) == len(set(items)) == 12
    assert kind.made(row) == list(range(12)) and row.status == RunStatus.DONE


@pytest.mark.django_db(transaction=True)
def test_what_another_holds_is_left_to_it_until_its_process_is_gone(kind: Kind) -> None:
    row = kind.ask(3)
    keys = kind.keys(row)
    held, backend, over = threading.Event(), [0], threading.Event()

    def hold() -> None:
        try:
            with kind.work(row).claim(keys[:1]) as mine, connection.cursor() as cursor:
                assert mine == keys[:1]
                cursor.execute("SELECT pg_backend_pid()")
                backend[0] = cursor.fetchone()[0]
                held.set()
                over.wait(30)
        finally:
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(30)
    assert kind.on(row, keys) is None
    assert kind.made(row) == [1, 2] and row.status == RunStatus.RUNNING
    with connection.cursor() as cursor:  # as the server does it for a process that was killed
        cursor.execute("SELECT pg_terminate_backend(%s)", [backend[0]])
    until(lambda: kind.on(row, keys) is None and row.status == RunStatus.DONE, seconds=20)
    over.set()
    thread.join()
    assert kind.made(row) == [0, 1, 2]


@pytest.mark.longest
@pytest.mark.worker
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_worker_that_is_killed_while_it_holds_items_costs_its_batch(
    kind: Kind, start_worker: Callable[..., Worker]
) -> None:
    row = kind.ask(40, slow=0.05, queue=True)
    worker = start_worker()
    until(lambda: len(kind.made(row)) >= 5)
    worker.kill()
    assert len(kind.made(row)) < 40
    start_worker()
    until(lambda: bool(row.refresh_from_db()) or row.status == RunStatus.DONE)
    assert kind.made(row) == list(range(40)) and kind.failures(row) == []


# --- Deaths ----------------------------------------------------------------------------------------------------------


def test_what_killed_its_worker_goes_alone_and_last(kind: Kind, batches: list[list[Any]]) -> None:
    row = kind.ask(8)
    keys = kind.keys(row)
    learned(kind, row)
    die_over(Deaths(job_name(row)), [kind.item(keys[2]), kind.item(keys[3])])
    batches.clear()
    kind.on(row)
    assert batches[-2:] == [[kind.item(keys[2])], [kind.item(keys[3])]] and len(batches[0]) > 1
    assert row.status == RunStatus.DONE and kind.made(row) == list(range(8))


def test_what_kills_its_worker_too_often_is_given_up_alone_and_a_retry_begins_anew(
    kind: Kind, batches: list[list[Any]]
) -> None:
    row = kind.ask(4)
    spoiled = kind.item(kind.keys(row)[1])
    for _ in range(DEATHS - 1):
        die_over(Deaths(job_name(row)), [spoiled])
    assert Deaths[Any](job_name(row)).of([spoiled]) == {spoiled: DEATHS - 1}
    die_over(Deaths(job_name(row)), [spoiled])
    kind.on(row)
    assert row.status == RunStatus.DONE and kind.made(row) == [0, 2, 3]
    (message,) = kind.failures(row)
    assert "the worker died" in message and "Check that there is enough memory." in message
    assert [spoiled] not in batches and all(spoiled not in batch for batch in batches)
    row = kind.retry(row)
    kind.on(row)
    assert row.status == RunStatus.DONE and kind.made(row) == [0, 1, 2, 3] and kind.failures(row) == []


def test_counting_is_one_trip_to_the_cache_a_batch_and_leaves_nothing(
    kind: Kind, batches: list[list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = kind.ask(40)
    learned(kind, row)
    monkeypatch.setattr(machine, "WANTED_EVERY_S", 0.0)  # each batch is counted by itself
    batches.clear()
    written: list[str] = []
    trips = {"set_many": 0, "delete_many": 0}
    set_many, delete_many = cache.set_many, cache.delete_many

    def setting(data: dict[str, int], **options: Any) -> Any:
        trips["set_many"] += 1
        written.extend(data)
        return set_many(data, **options)

    def deleting(keys: Any) -> Any:
        trips["delete_many"] += 1
        return delete_many(keys)

    monkeypatch.setattr(cache, "set_many", setting)
    monkeypatch.setattr(cache, "delete_many", deleting)
    kind.on(row)
    assert row.status == RunStatus.DONE and len(batches) > 2
    # one more of each: loading is counted too
    assert trips == {"set_many": len(batches) + 1, "delete_many": 2}
    assert len(written) > 39 and cache.get_many(written) == {}


def test_what_is_done_once_more_by_the_same_process_has_no_death(kind: Kind) -> None:
    row = kind.ask(1)
    item = kind.item(kind.keys(row)[0])
    deaths: Deaths[Any] = Deaths(job_name(row))
    for _ in range(DEATHS + 1):
        with deaths.counted([item], more_follow=True):
            pass
        assert deaths.of([item]) == {item: 0}
    with pytest.raises(SoftTimeLimitExceeded), deaths.counted([item], more_follow=True):
        raise SoftTimeLimitExceeded
    deaths.forget_ended()
    assert Deaths[Any](job_name(row)).of([item]) == {item: 1}, "but what was not done keeps its count"


def test_an_error_is_no_death(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    row = kind.ask(2)
    first = kind.item(kind.keys(row)[0])

    def fault(*arguments: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(kind.work, "do", fault)
        for _ in range(DEATHS + 1):
            with pytest.raises(ZeroDivisionError):
                kind.on(row)
    assert Deaths[Any](job_name(row)).of([first]) == {first: 0}
    assert kind.on(row) is None and kind.made(row) == [0, 1]


def test_loading_that_kills_its_worker_ends_the_job_and_going_on_begins_anew(kind: Kind) -> None:
    row = kind.ask(3)
    keys = kind.keys(row)
    for _ in range(ALONE_DEATHS):
        die_over(Deaths(f"{job_name(row)}:loading"), keys[:2])
    kind.on(row)
    assert row.status == RunStatus.FAILED and row.message.startswith("Loading the ")
    assert f"{ALONE_DEATHS} times. Check that there is enough memory" in row.message and kind.made(row) == []
    row = kind.go_on(row)
    kind.on(row)
    assert row.status == RunStatus.DONE and row.message == ""


# --- Stopped, resumed, tried again -----------------------------------------------------------------------------------


def test_stopped_in_the_middle_and_resumed(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    row = kind.ask(6)
    do = kind.work.do

    def stop_after_the_first(self: Any, batch: Sequence[Any], limit: Any) -> Any:
        again = do(self, batch, limit)
        kind.stop(row)
        return again

    with monkeypatch.context() as patched:
        patched.setattr(kind.work, "do", stop_after_the_first)
        patched.setattr(machine, "WANTED_EVERY_S", 0.0)  # these batches take no time
        assert kind.on(row) is None
    assert row.status == RunStatus.CANCELLED and row.finished_at and kind.made(row) == [0]
    assert kind.opened(row.pk) is None
    kind.share(row.pk, kind.keys(row))  # a task that was under way
    assert kind.made(row) == [0]
    with pytest.raises(ConflictError, match="ended already"):
        kind.stop(row)
    row = kind.go_on(row)
    assert row.status == RunStatus.QUEUED and row.finished_at is None
    assert kind.on(row) is None and row.status == RunStatus.DONE and kind.made(row) == list(range(6))
    with pytest.raises(ConflictError, match="nothing"):
        kind.go_on(row)


def test_a_retry_that_was_asked_for_meanwhile_is_not_turned_away(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    row = kind.ask(3)
    keys = kind.keys(row)
    do = kind.work.do
    spoiled = kind.item(keys[0])
    for _ in range(DEATHS):
        die_over(Deaths(job_name(row)), [spoiled])

    def retry_meanwhile(self: Any, batch: Sequence[Any], limit: Any) -> Any:
        if kind.failures(row):
            kind.retry(row)
        return do(self, batch, limit)

    monkeypatch.setattr(kind.work, "do", retry_meanwhile)
    assert kind.on(row, keys) is None
    assert row.status == RunStatus.DONE and kind.made(row) == [0, 1, 2]
