"""Real workers, a real broker, a real PostgreSQL: nothing is lost, nothing doubled, whatever happens to them."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.db import connection

from drawbench.celery import app
from evaluation.models import GenerationRun, RunStatus, Sample, Suite
from evaluation.selectors.runs import run_missing, run_progress
from evaluation.services.runs.draw import run_draw
from evaluation.services.runs.request import RunDraft, run_cancel, run_render, run_resume
from evaluation.services.store.images import image_read
from evaluation.services.store.places import images_folder
from evaluation.services.work.locks import claim_prompts
from evaluation.services.work.queue import messages_waiting, workers_answering
from generators.sizes import square
from tests.runs.conftest import Worker, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.worker, pytest.mark.slow]
MakeSuite = Callable[..., Suite]
StartWorker = Callable[..., Worker]


@pytest.fixture
def ask(transactional_db: None, make_suite: MakeSuite, tmp_path: Path) -> Callable[..., GenerationRun]:
    """Queue a run of a suite of so many prompts; what is drawn is written to the file `drawn`."""

    def ask_for(n_prompts: int, **changes: object) -> GenerationRun:
        suite = make_suite(*(f"prompt {number}" for number in range(n_prompts)))
        parameters = {"log": str(tmp_path / "drawn"), "slow": changes.pop("slow", 0.0)}
        settings: dict[str, Any] = {"size": square(16), "samples_per_prompt": 4, **changes}
        return run_render(
            RunDraft(suite=suite, generator="testpaint", parameters=parameters, **settings), operator=True
        )

    return ask_for


def status(run: GenerationRun) -> str:
    run.refresh_from_db()
    return run.status


def made(run: GenerationRun) -> int:
    return run_progress(run).made


def assert_whole(run: GenerationRun, n_prompts: int, samples: int = 4) -> None:
    """Every sample is there once, with its file."""
    places = Counter(run.samples.values_list("prompt__number", "sample"))
    assert places == {(prompt, sample): 1 for prompt in range(n_prompts) for sample in range(samples)}
    for sample in run.samples.select_related("image"):
        assert len(image_read(sample.image)) == sample.image.n_bytes
    stored = {path.stem for path in images_folder().glob("??/??/*")}
    assert stored >= {sample.image.sha256 for sample in run.samples.select_related("image")}
    for path in images_folder().glob("??/??/*"):  # a file that has its name is whole, whoever was killed over it
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.stem


def test_a_worker_draws_a_run(ask: Callable[..., GenerationRun], start_worker: StartWorker) -> None:
    start_worker()
    run = ask(20)
    until(lambda: status(run) == RunStatus.DONE)
    assert_whole(run, 20)
    assert workers_answering() and messages_waiting() is not None


@pytest.mark.longest
def test_kill_9_loses_nothing_and_doubles_nothing(
    ask: Callable[..., GenerationRun], start_worker: StartWorker, tmp_path: Path
) -> None:
    run = ask(40, slow=0.01)
    kills = 0
    for after in (10, 60, 110):
        worker = start_worker()
        until(lambda n=after: made(run) >= n)  # type: ignore[misc]
        worker.kill()
        kills += 1
        assert status(run) == RunStatus.RUNNING
    start_worker()
    until(lambda: status(run) == RunStatus.DONE)
    assert_whole(run, 40)
    drawn = (tmp_path / "drawn").read_text().split()
    assert len(set(drawn)) == 160
    # At most the batch that was under way, and the one before it, which was being written: while a batch is drawn
    # beside the writing of another, no less is possible. These batches take about as long as their writing.
    assert len(drawn) <= 160 + 2 * 4 * kills


@pytest.mark.longest
def test_kill_9_of_a_slow_generator_costs_the_batch_under_way_alone(
    ask: Callable[..., GenerationRun], start_worker: StartWorker, tmp_path: Path
) -> None:
    run = ask(8, slow=0.4)
    for kept in (9, 17):  # one image to learn the pace, then four at a time
        worker = start_worker()
        until(lambda n=kept: made(run) >= n)  # type: ignore[misc]
        worker.kill()  # the next batch takes 1.6 s; the rows of the one before are there long before its end
    GenerationRun.objects.update(parameters={**run.parameters, "slow": 0.0})
    start_worker()
    until(lambda: status(run) == RunStatus.DONE)
    assert_whole(run, 8)
    drawn = (tmp_path / "drawn").read_text().split()
    assert len(set(drawn)) == 32 and len(drawn) <= 32 + 2 * 4


@pytest.mark.longest
def test_without_a_new_worker_the_broker_hands_a_killed_one_s_tasks_to_another(
    ask: Callable[..., GenerationRun], start_worker: StartWorker
) -> None:
    run = ask(24, slow=0.02)
    first, _ = start_worker(), start_worker()
    until(lambda: len(workers_answering()) == 2)
    until(lambda: made(run) >= 8)
    first.kill()
    until(lambda: status(run) == RunStatus.DONE)
    assert_whole(run, 24)


@pytest.mark.longest
def test_a_process_of_the_pool_that_dies_is_replaced(
    ask: Callable[..., GenerationRun], start_worker: StartWorker
) -> None:
    run = ask(16, slow=0.02)
    worker = start_worker()
    until(lambda: made(run) >= 4)
    (child,) = [process.pid for process in psutil.Process(worker.process.pid).children()]
    os.kill(child, signal.SIGKILL)  # as the kernel does when memory runs out
    until(lambda: status(run) == RunStatus.DONE)
    assert_whole(run, 16)


@pytest.mark.longest
def test_a_prompt_that_kills_its_worker_is_given_up_and_the_others_are_drawn(
    make_suite: MakeSuite, start_worker: StartWorker
) -> None:
    suite = make_suite(*(f"prompt {number}" for number in range(33)), "kill me")
    run = run_render(RunDraft(suite=suite, generator="testpaint", parameters={}, size=square(16), samples_per_prompt=1))
    start_worker()
    until(lambda: status(run) == RunStatus.DONE)
    # the one in the same task too: after a death the task goes on one by one
    assert run.samples.count() == 33
    assert "the worker died" in run.failures.get(prompt__number=33).message


@pytest.mark.longest
def test_an_image_that_takes_longer_than_a_task_may_is_a_failure_that_says_so(
    ask: Callable[..., GenerationRun], start_worker: StartWorker
) -> None:
    run = ask(1, slow=60.0, samples_per_prompt=1)
    start_worker(WORKER_TEST_TASK_SECONDS="4")
    until(lambda: status(run) == RunStatus.FAILED)
    failure = run.failures.get()
    assert (failure.kind, failure.attempts) == ("timeout", 3)
    assert "exceeded the time limit (4 s): set DRAWBENCH_TASK_SECONDS higher" in failure.message


def test_a_run_that_the_queue_has_lost_is_taken_up_by_the_next_worker(
    ask: Callable[..., GenerationRun], start_worker: StartWorker
) -> None:
    run = ask(4)
    app.control.purge()
    start_worker()
    until(lambda: status(run) == RunStatus.DONE)
    assert_whole(run, 4)


def test_cancel_is_heeded_within_a_batch_and_resume_goes_on(
    ask: Callable[..., GenerationRun], start_worker: StartWorker
) -> None:
    run = ask(40, slow=0.05)
    start_worker()
    until(lambda: made(run) >= 4)
    run_cancel(run=run)
    at_cancel = made(run)
    time.sleep(1.0)
    after = made(run)
    assert after <= at_cancel + 8 and after < 160, "the batch under way, and the one before it, which is being written"
    time.sleep(0.5)
    assert made(run) == after and status(run) == RunStatus.CANCELLED
    GenerationRun.objects.update(parameters={**run.parameters, "slow": 0.0})
    run_resume(run=run)
    run_resume(run=run)  # twice does no harm
    until(lambda: status(run) == RunStatus.DONE)
    assert_whole(run, 40)
    assert Sample.objects.count() == 160


@pytest.mark.longest
def test_two_tasks_at_the_same_prompts_draw_them_once(
    make_suite: MakeSuite, transactional_db: None, tmp_path: Path
) -> None:
    suite = make_suite("a fox", "a heron", "a birch")
    parameters = {"log": str(tmp_path / "drawn"), "slow": 0.01}
    run = run_render(
        RunDraft(suite=suite, generator="testpaint", parameters=parameters, size=square(16), samples_per_prompt=8),
        operator=True,
        queue=False,
    )
    prompts = list(run_missing(run))
    held, over = threading.Event(), threading.Event()

    def hold_the_first() -> None:
        try:
            with claim_prompts(run.pk, prompts[:1]) as mine:
                assert mine == prompts[:1]
                held.set()
                over.wait(20)
        finally:
            connection.close()

    thread = threading.Thread(target=hold_the_first)
    thread.start()
    assert held.wait(20)
    # the prompt that another holds is left to it
    assert run_draw(run_pk=run.pk, prompt_pks=prompts, seconds=60) is None
    assert set(run.samples.values_list("prompt__number", flat=True)) == {1, 2}
    over.set()
    thread.join()
    both = [threading.Thread(target=_draw, args=[run.pk, prompts]) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    _draw(run.pk, prompts)
    assert_whole(run, 3, samples=8)
    assert len((tmp_path / "drawn").read_text().split()) == 24


def _draw(run: int, prompts: list[int]) -> None:
    try:
        run_draw(run_pk=run, prompt_pks=prompts, seconds=60)
    finally:
        connection.close()
