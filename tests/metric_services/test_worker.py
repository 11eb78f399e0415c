"""Real workers, a real broker, a real PostgreSQL: no score is lost, none comes twice, whatever happens to them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from drawbench.celery import app
from evaluation.models import GenerationRun, MetricRun, RunStatus
from evaluation.services.scoring.request import metric_cancel, metric_retry
from tests.metric_services.steps import ask, grey_run, values
from tests.runs.conftest import Worker, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.worker, pytest.mark.slow]
StartWorker = Callable[..., Worker]


def status(metric_run: MetricRun) -> str:
    metric_run.refresh_from_db()
    return metric_run.status


def many(n_prompts: int, samples: int = 4) -> GenerationRun:
    return grey_run({f"prompt {n}": [(n + each) % 256 for each in range(samples)] for n in range(n_prompts)})


def assert_whole(metric_run: MetricRun) -> None:
    """Every sample has its number once, and it is the right one."""
    metric_run.refresh_from_db()
    n = metric_run.run.samples.count()
    assert (metric_run.scores.count(), metric_run.n_done, metric_run.n_total) == (n, n, n)
    for key, value in values(metric_run).items():
        prompt, sample = key.split("/")
        assert value == pytest.approx((int(prompt) + int(sample)) / 255, abs=1e-4)


@pytest.mark.longest
def test_kill_9_loses_nothing_and_doubles_nothing(start_worker: StartWorker) -> None:
    run = many(40)
    worker = start_worker()
    found = ask(run, parameters={"slow": 0.03}, queue=True)
    for after in (5, 50, 100):
        until(lambda n=after: found.scores.count() >= n)  # type: ignore[misc]
        worker.kill()
        if after == 5:
            assert status(found) == RunStatus.RUNNING
        worker = start_worker()
    until(lambda: status(found) == RunStatus.DONE)
    assert_whole(found)


@pytest.mark.longest
def test_an_image_that_kills_its_worker_is_given_up_and_the_others_are_scored(start_worker: StartWorker) -> None:
    run = grey_run({"prompt 0": [0, 1, 2], "kill me": [1], "prompt 2": [2, 3, 4]})
    start_worker()
    found = ask(run, queue=True)
    until(lambda: status(found) == RunStatus.DONE)
    broken = found.scores.get(value=None)
    assert broken.sample.prompt.number == 1 and "died 3 times" in broken.why
    assert found.scores.exclude(value=None).count() == 6


@pytest.mark.longest
def test_an_image_that_takes_longer_than_a_task_may_says_so(start_worker: StartWorker) -> None:
    found = ask(grey_run({"a": [0]}), parameters={"slow": 60.0}, queue=True)
    start_worker(WORKER_TEST_TASK_SECONDS="10")
    until(lambda: status(found) == RunStatus.FAILED)
    assert "exceeded the time limit (10 s): set DRAWBENCH_TASK_SECONDS higher" in found.message


def test_what_the_queue_has_lost_is_taken_up_by_the_next_worker(start_worker: StartWorker) -> None:
    found = ask(many(4), queue=True)
    spread = ask(found.run, "testspread", reference=f"run:{grey_run({'a': [0]}, name='dark').name}", queue=True)
    app.control.purge()
    start_worker()
    until(lambda: status(found) == RunStatus.DONE and status(spread) == RunStatus.DONE)
    assert_whole(found)


@pytest.mark.longest
def test_stopping_is_heeded_within_a_batch_and_going_on_makes_it_whole(start_worker: StartWorker) -> None:
    run = many(40)
    start_worker()
    found = ask(run, parameters={"slow": 0.2}, queue=True)
    until(lambda: found.scores.count() >= 2)
    metric_cancel(metric_run=found)
    n = found.scores.count()
    until(lambda: app.control.inspect(timeout=1).active() not in (None, {}) and not _at_work())
    assert n <= found.scores.count() <= n + 16 < 160 and status(found) == RunStatus.CANCELLED
    MetricRun.objects.update(parameters={**found.parameters, "slow": 0.0})
    metric_retry(metric_run=found)
    metric_retry(metric_run=found)  # twice does no harm
    until(lambda: status(found) == RunStatus.DONE)
    assert_whole(found)


def _at_work() -> bool:
    return any((app.control.inspect(timeout=1).active() or {}).values())
