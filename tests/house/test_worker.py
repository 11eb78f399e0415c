"""The tests' worker is a real one: on the test database, and what it held when killed is done by the next."""

import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.utils import timezone

from evaluation.services.sweep import work_sweep
from tests.house.tasks import sign
from tests.worker import WorkerProcess


def _within(seconds: float, holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.1)
    return False


@pytest.mark.django_db
@pytest.mark.usefixtures("local_services")
def test_the_workers_sweep_clears_sessions_that_have_expired() -> None:
    for days, key in ((-1, "old"), (1, "new")):
        Session.objects.create(session_key=key, session_data="", expire_date=timezone.now() + timedelta(days=days))
    work_sweep()
    assert list(Session.objects.values_list("session_key", flat=True)) == ["new"]


@pytest.mark.longest
@pytest.mark.worker
@pytest.mark.slow
def test_a_killed_workers_task_is_done_by_the_next(celery_worker_process: WorkerProcess) -> None:
    users = get_user_model().objects
    sign.delay("first", 0.0)
    assert _within(15, lambda: users.filter(username="first").exists()), celery_worker_process.log.read_text()

    cache.delete("begun-second")
    sign.delay("second", 3.0)
    assert _within(15, lambda: bool(cache.get("begun-second")))
    celery_worker_process.kill()
    assert not users.filter(username="second").exists()

    celery_worker_process.start()
    assert _within(40, lambda: users.filter(username="second").exists()), celery_worker_process.log.read_text()
