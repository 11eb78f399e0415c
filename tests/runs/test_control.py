"""Runs asked for, cut into tasks, cancelled, resumed and taken up again."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks

from drawbench.celery import app
from evaluation import tasks
from evaluation.errors import ConflictError, InputError, NotFoundError
from evaluation.models import GenerationRun, RunStatus
from evaluation.selectors.runs import (
    run_by_name,
    run_missing,
)
from evaluation.services import sweep as run_sweep
from evaluation.services.runs import draw as run_draw
from evaluation.services.runs.request import RunDraft, run_cancel, run_render, run_resume, run_retry
from evaluation.services.work import items
from generators.sizes import square
from tests.runs.steps import Capture, MakeSuite, ask, draw

pytestmark = pytest.mark.django_db


class TestTasks:
    def test_a_run_is_cut_into_tasks_that_draw_it(
        self, make_suite: MakeSuite, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Capture
    ) -> None:
        monkeypatch.setitem(app.conf.changes, "task_always_eager", True)
        suite = make_suite(*(f"prompt {number}" for number in range(40)), "flaky one")
        with django_capture_on_commit_callbacks(execute=True):
            run = run_render(
                RunDraft(suite=suite, generator="testpaint", parameters={}, size=square(16), samples_per_prompt=2)
            )
        run.refresh_from_db()
        assert run.status == RunStatus.DONE and run.samples.count() == 82

    def test_many_prompts_make_no_endless_queue(self, make_suite: MakeSuite, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(items, "MAX_TASKS", 3)
        run = ask(make_suite(*(f"prompt {number}" for number in range(100))), samples_per_prompt=20)
        assert [len(prompts) for prompts in run_draw.run_chunks(run)] == [34, 34, 32]

    def test_a_fault_of_the_program_ends_the_run_and_says_so(
        self, make_suite: MakeSuite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = ask(make_suite("a fox"))
        tries: list[object] = []

        def fault(**arguments: object) -> None:
            tries.append(arguments)
            raise ZeroDivisionError("by zero")

        monkeypatch.setattr(tasks, "run_draw", fault)
        tasks.run_draw_prompts.apply(args=[run.pk, list(run_missing(run))])
        run.refresh_from_db()
        assert run.status == RunStatus.FAILED and "ZeroDivisionError: by zero" in run.message
        assert len(tries) == 1 + tasks.FAULT_RETRIES

    def test_what_is_over_or_gone_is_left_alone(self, make_suite: MakeSuite) -> None:
        run = run_cancel(run=ask(make_suite("a fox")))
        for key in (run.pk, run.pk + 1):
            tasks.run_begin(key)
            tasks.run_draw_prompts(key, [1, 2])
            tasks.check_upload(key)
        assert not run.samples.exists() and run_by_name(run.name).status == RunStatus.CANCELLED

    def test_the_sweep_takes_up_what_no_message_speaks_of(
        self, make_suite: MakeSuite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run, other = ask(make_suite("a fox"), name="lost"), ask(make_suite("a fox"), name="over")
        run_cancel(run=other)
        handed: list[tuple[object, ...]] = []

        def hand_over(*task: object) -> bool:
            handed.append(task)
            return True

        monkeypatch.setattr(run_sweep, "hand_over", hand_over)
        monkeypatch.setattr(run_sweep, "messages_waiting", lambda: 5)
        assert run_sweep.work_sweep() == []  # its message may be among them
        monkeypatch.setattr(run_sweep, "messages_waiting", lambda: 1)
        assert run_sweep.work_sweep() == ["lost"]
        monkeypatch.setattr(run_sweep, "messages_waiting", lambda: 5)
        GenerationRun.objects.filter(pk=run.pk).update(status=RunStatus.RUNNING)
        # a worker that starts alone takes up what a killed one held, without waiting for the broker
        monkeypatch.setattr(run_sweep, "workers_answering", lambda besides: [])
        assert run_sweep.work_sweep(worker="me", starting=True) == ["lost"]
        monkeypatch.setattr(run_sweep, "workers_answering", lambda besides: ["another"])
        assert run_sweep.work_sweep(worker="me", starting=True) == []
        assert handed == [("run_begin", run.pk)] * 2


class TestControl:
    def test_cancelled_between_batches_and_resumed(
        self, make_suite: MakeSuite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = ask(make_suite("a fox", "a heron"), samples_per_prompt=8)
        do = run_draw.Drawing.do
        batches: list[int] = []

        def cancel_with_the_second(self: run_draw.Drawing, batch: Sequence[object], limit: object) -> object:
            batches.append(len(batch))
            if len(batches) == 2:
                run_cancel(run=run)
            return do(self, batch, limit)  # type: ignore[arg-type]

        monkeypatch.setattr(run_draw.Drawing, "do", cancel_with_the_second)
        monkeypatch.setattr(items, "WANTED_EVERY_S", 0.0)  # these batches take no time
        run_draw.run_draw(run_pk=run.pk, prompt_pks=list(run_missing(run)), seconds=60)
        run.refresh_from_db()
        assert run.status == RunStatus.CANCELLED
        assert run.samples.count() == 5  # one to learn the pace, and the batch of four that was under way
        assert run_draw.run_draw(run_pk=run.pk, prompt_pks=list(run_missing(run)), seconds=60) is None
        assert run.samples.count() == 5
        assert draw(run_resume(run=run, queue=False)).status == RunStatus.DONE
        assert run.samples.count() == 16
        for action in (run_cancel, run_resume):
            with pytest.raises(ConflictError, match="done|ended"):
                action(run=run)

    def test_uploaded_runs_are_not_drawn(self, make_suite: MakeSuite) -> None:
        run = ask(make_suite("a fox"))
        GenerationRun.objects.update(origin="uploaded", status="failed")
        for action in (run_resume, run_retry):
            with pytest.raises(ConflictError, match="was uploaded"):
                action(run=run)

    def test_without_a_broker_the_run_waits_and_says_so(
        self,
        make_suite: MakeSuite,
        monkeypatch: pytest.MonkeyPatch,
        django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    ) -> None:
        from kombu.exceptions import OperationalError

        def away(*arguments: object, **options: object) -> None:
            raise OperationalError("no broker")

        suite = make_suite("a fox")
        app.loader.import_default_modules()
        monkeypatch.setattr(app.tasks["evaluation.tasks.run_begin"], "apply_async", away)
        with django_capture_on_commit_callbacks(execute=True):
            run = run_render(RunDraft(suite=suite, generator="testpaint", parameters={}, size=square(16), name="waits"))
        run.refresh_from_db()
        assert run.status == RunStatus.QUEUED and "does not respond" in run.message and "--resume waits" in run.message


class TestBadInput:
    def test_each_is_told_with_what_is_allowed(self, make_suite: MakeSuite) -> None:
        suite = make_suite("a fox")
        cases: list[tuple[dict[str, object], str, str]] = [
            ({"generator": "testpain"}, 'did you mean "testpaint"', "generator"),
            ({"parameters": {"slo": 1}}, 'did you mean "slow"', "parameters"),
            ({"parameters": {"slow": "much"}}, "a number from 0 to 60", "parameters"),
            ({"parameters": {"weights": "/etc/passwd"}}, "only a command on the server", "parameters"),
            ({"size": square(17)}, "Its sizes: 16 x 16, 32 x 32", "size"),
            ({"samples_per_prompt": 0}, "between 1 and 1,000", "samples_per_prompt"),
            ({"run_seed": -1}, "between 0 and", "run_seed"),
            ({"name": "a/b"}, "can't be the name of a run", "name"),
            ({"name": "x" * 121}, "at most 120", "name"),
        ]
        for changes, told, field in cases:
            asked: dict[str, object] = {
                "suite": suite,
                "generator": "testpaint",
                "parameters": {},
                "size": square(16),
                **changes,
            }
            with pytest.raises(InputError, match=told) as error:
                run_render(RunDraft(**asked))  # type: ignore[arg-type]
            assert error.value.field == field
        assert not GenerationRun.objects.exists()

    def test_a_name_is_taken_once(self, make_suite: MakeSuite) -> None:
        suite = make_suite("a fox")
        ask(suite, name="mine")
        with pytest.raises(ConflictError, match='run called "mine" already exists'):
            ask(suite, name="mine")
        assert [ask(suite).name for _ in range(2)] == ["testpaint-words", "testpaint-words-2"]

    def test_the_nearest_run_is_named(self, make_suite: MakeSuite) -> None:
        with pytest.raises(NotFoundError, match="there are no runs yet"):
            run_by_name("mine")
        ask(make_suite("a fox"), name="mine")
        with pytest.raises(NotFoundError, match='did you mean "mine"'):
            run_by_name("mime")
