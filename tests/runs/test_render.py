"""Runs asked for, drawn, cancelled, retried and resumed, within this process."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from drawbench.celery import app
from evaluation import tasks
from evaluation.errors import ConflictError, InputError, NotFoundError
from evaluation.models import GenerationRun, RunStatus, Sample, SampleFailure, StoredImage, Suite
from evaluation.selectors.runs import (
    gaps_told,
    run_by_name,
    run_gaps,
    run_manifest,
    run_missing,
    run_progress,
    runs_progress,
)
from evaluation.services import image_store, run_draw, run_sweep
from evaluation.services.image_store import ImageFile, image_discard, image_path, image_put, image_read
from evaluation.services.run_render import run_cancel, run_render, run_resume, run_retry
from generators.manifest import read_manifest

pytestmark = pytest.mark.django_db
MakeSuite = Callable[..., Suite]
Capture = DjangoCaptureOnCommitCallbacks


def ask(suite: Suite, **changes: object) -> GenerationRun:
    """A run that nobody draws yet."""
    settings: dict[str, object] = {"parameters": {}, "size": 16, "samples_per_prompt": 2, "operator": True, **changes}
    return run_render(suite=suite, generator="testpaint", queue=False, **settings)  # type: ignore[arg-type]


def draw(run: GenerationRun) -> GenerationRun:
    """Draw it here until nothing is left, waiting for nothing."""
    for _ in range(10):
        for prompts in run_draw.run_chunks(run):
            run_draw.run_draw(run=run.pk, prompts=prompts, seconds=60)
        if run_draw.run_finish(run=run.pk):
            break
    run.refresh_from_db()
    return run


def command(*arguments: str) -> dict[str, object]:
    out = io.StringIO()
    call_command("render", *arguments, "--format", "json", stdout=out)
    result = json.loads(out.getvalue())
    assert isinstance(result, dict)
    return result


def refused(*arguments: str) -> str:
    with pytest.raises(CommandError) as error:
        call_command("render", *arguments)
    assert error.value.returncode == 2
    return str(error.value)


class TestDrawing:
    def test_every_sample_once_with_its_provenance(self, make_suite: MakeSuite) -> None:
        suite = make_suite("a fox", "a heron", "a birch")
        run = draw(ask(suite, run_seed=7))
        assert run.status == RunStatus.DONE and run.message == ""
        assert run.started_at and run.finished_at and run.provenance["version"] == "1.0"
        places = Counter(run.samples.values_list("prompt__number", "sample"))
        assert places == {(prompt, sample): 1 for prompt in range(3) for sample in range(2)}
        sample = run.samples.select_related("image", "prompt").first()
        assert sample is not None and len(sample.content_key) == 64
        assert (sample.image.width, sample.image.height, sample.image.image_format) == (16, 16, "png")
        assert image_read(sample.image).startswith(b"\x89PNG")
        assert image_path(sample.image).parts[-3:-1] == (sample.image.sha256[:2], sample.image.sha256[2:4])
        suite.refresh_from_db()
        assert suite.frozen_at is not None

    def test_rivals_of_one_seed_are_paired_and_another_seed_differs(self, make_suite: MakeSuite) -> None:
        suite = make_suite("a fox")
        images = [
            list(draw(ask(suite, run_seed=seed, name=name)).samples.values_list("image__sha256", flat=True))
            for name, seed in (("one", 1), ("two", 1), ("three", 2))
        ]
        assert images[0] == images[1] and not set(images[0]) & set(images[2])
        # equal files are kept once
        assert StoredImage.objects.count() == 4

    def test_a_second_drawing_of_the_same_prompts_changes_nothing(self, make_suite: MakeSuite) -> None:
        run = ask(make_suite("a fox", "a heron"))
        chunks = run_draw.run_chunks(run)
        draw(run)
        before = list(Sample.objects.values_list("pk", "image_id"))
        GenerationRun.objects.update(status=RunStatus.RUNNING)
        for prompts in chunks:
            assert run_draw.run_draw(run=run.pk, prompts=prompts, seconds=60) is None
        assert list(Sample.objects.values_list("pk", "image_id")) == before
        run.refresh_from_db()
        assert run.status == RunStatus.DONE

    def test_time_that_is_up_leaves_the_rest_to_another_task(self, make_suite: MakeSuite) -> None:
        run = ask(make_suite("a fox", "a heron", "a birch"), samples_per_prompt=4)
        (prompts,) = run_draw.run_chunks(run)
        left = run_draw.run_draw(run=run.pk, prompts=prompts, seconds=0.0)
        assert left is not None and left.after_s == 0
        # one image, to learn the pace; its prompt is not through
        assert run_progress(run).made == 1 and left.prompts == prompts
        assert draw(run).status == RunStatus.DONE and run_progress(run).made == 12

    def test_no_weights_end_the_run_with_a_message_and_it_can_be_resumed(
        self, make_suite: MakeSuite, tmp_path: Path
    ) -> None:
        weights = tmp_path / "weights"
        run = draw(ask(make_suite("a fox"), parameters={"weights": str(weights)}))
        assert run.status == RunStatus.FAILED and f"the weights {weights} are not there" in run.message
        weights.write_text("now they are")
        assert draw(run_resume(run=run, queue=False)).status == RunStatus.DONE

    def test_weights_that_change_under_way_fail_the_run(
        self, make_suite: MakeSuite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        weights = tmp_path / "weights"
        weights.write_text("one")
        run = ask(make_suite("a fox", "a heron"), parameters={"weights": str(weights)}, samples_per_prompt=4)
        prompts = list(run_missing(run))
        run_draw.run_draw(run=run.pk, prompts=prompts[:1], seconds=60)
        weights.write_text("two")
        run_draw.generator_for.__globals__["_loaded"].clear()  # another worker
        run_draw.run_draw(run=run.pk, prompts=prompts[1:], seconds=60)
        run.refresh_from_db()
        assert run.status == RunStatus.FAILED and "weights of testpaint changed" in run.message
        assert run.samples.count() == 4
        weights.write_text("one")
        run_draw.generator_for.__globals__["_loaded"].clear()
        assert draw(run_resume(run=run, queue=False)).status == RunStatus.DONE

    def test_a_full_disk_fails_the_run_leaves_no_half_and_it_can_be_resumed(
        self, make_suite: MakeSuite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = ask(make_suite("a fox", "a heron"), samples_per_prompt=4)
        room = [3]

        def fsync(descriptor: int) -> None:
            room[0] -= 1
            if room[0] < 0:
                raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(image_store.os, "fsync", fsync)
        draw(run)
        assert run.status == RunStatus.FAILED and "is full" in run.message
        assert run.samples.count() == 3
        for sample in run.samples.select_related("image"):
            assert len(image_read(sample.image)) == sample.image.n_bytes
        assert not list((image_store.store_root() / image_store.PARTIAL).glob("*")), "a partial file was left"
        monkeypatch.undo()
        monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[1] / "plugins"))
        assert draw(run_resume(run=run, queue=False)).status == RunStatus.DONE
        assert run.samples.count() == 8


class TestFailures:
    def test_they_are_values_beside_the_samples(self, make_suite: MakeSuite) -> None:
        run = draw(ask(make_suite("a fox", "refuse this", "a birch")))
        assert run.status == RunStatus.DONE
        progress = run_progress(run)
        assert (progress.expected, progress.made, progress.failed, progress.remaining) == (6, 4, 2, 0)
        (gap,) = run_gaps(run)
        assert (gap.prompt_id, gap.samples, gap.why[0]) == ("00001", (0, 1), "refused: not to my taste")
        assert gaps_told([gap]) == "2 samples of 1 prompts: 00001 (2 missing)"

    def test_what_may_pass_is_tried_again_by_itself(self, make_suite: MakeSuite) -> None:
        run = ask(make_suite("a fox", "flaky one"))
        (prompts,) = run_draw.run_chunks(run)
        left = run_draw.run_draw(run=run.pk, prompts=prompts, seconds=60)
        assert left == run_draw.Left(prompts[1:], after_s=0.1)
        assert run_progress(run).failed == 0 and SampleFailure.objects.filter(retrying=True).count() == 2
        assert run_draw.run_draw(run=run.pk, prompts=left.prompts, seconds=60) is None
        run.refresh_from_db()
        assert run.status == RunStatus.DONE and run.samples.count() == 4 and not run.failures.exists()

    def test_what_crashes_a_batch_harms_no_other(self, make_suite: MakeSuite) -> None:
        run = draw(ask(make_suite("a fox", "crash now", "a birch", "a heron"), samples_per_prompt=3))
        assert run.status == RunStatus.DONE
        assert Counter(run.samples.values_list("prompt__number", flat=True)) == {0: 3, 2: 3, 3: 3}
        failure = run.failures.first()
        assert failure is not None and failure.kind == "crash" and "out of paint" in failure.message
        assert failure.attempts == run_draw.TRIES and run.failures.count() == 3

    def test_an_image_of_another_size_is_no_sample(self, make_suite: MakeSuite) -> None:
        run = draw(ask(make_suite("a fox", "small one")))
        assert run.samples.count() == 2
        assert {failure.message for failure in run.failures.all()} == {
            "the image has 8 x 8 pixels where 16 x 16 were asked for"
        }

    def test_a_run_without_any_sample_has_failed(self, make_suite: MakeSuite) -> None:
        run = draw(ask(make_suite("refuse this")))
        assert run.status == RunStatus.FAILED
        assert run.message == "None of its 2 samples could be made. The first: refused: not to my taste"

    def test_retry_makes_what_failed_and_the_failure_goes(
        self, make_suite: MakeSuite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = draw(ask(make_suite("a fox", "refuse this")))
        draw(run_retry(run=run, queue=False))
        assert list(run.failures.values_list("attempts", "retrying")) == [(2, False)] * 2
        monkeypatch.setattr("testpaint.Testpaint.generate", _paint_all)
        draw(run_retry(run=run, queue=False))
        assert run.status == RunStatus.DONE and not run.failures.exists() and run.samples.count() == 4
        with pytest.raises(ConflictError, match="nothing failed and nothing is missing"):
            run_retry(run=run)

    def test_a_task_that_keeps_killing_its_worker_is_given_up(self, make_suite: MakeSuite) -> None:
        run = ask(make_suite("a fox"))
        (prompts,) = run_draw.run_chunks(run)
        for _ in range(run_draw.DEATHS):  # begun, and never ended
            run_draw._deaths(f"run:{run.pk}:{min(prompts)}:begun")
        run_draw.run_draw(run=run.pk, prompts=prompts, seconds=60)
        assert set(run.failures.values_list("kind", "retrying")) == {("crash", False)}
        run.refresh_from_db()
        assert run.status == RunStatus.FAILED and "the worker died 4 times" in run.message


def _paint_all(self: object, requests: list[object]) -> object:
    import numpy as np

    from generators.contract import ImageRequest, ImageResult

    for request in requests:
        assert isinstance(request, ImageRequest)
        yield ImageResult(request.key, np.full((16, 16, 3), 9, dtype=np.uint8))


class TestTasks:
    def test_a_run_is_cut_into_tasks_that_draw_it(
        self, make_suite: MakeSuite, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Capture
    ) -> None:
        monkeypatch.setitem(app.conf.changes, "task_always_eager", True)
        suite = make_suite(*(f"prompt {number}" for number in range(40)), "flaky one")
        with django_capture_on_commit_callbacks(execute=True):
            run = run_render(suite=suite, generator="testpaint", parameters={}, size=16, samples_per_prompt=2)
        run.refresh_from_db()
        assert run.status == RunStatus.DONE and run.samples.count() == 82

    def test_many_prompts_make_no_endless_queue(self, make_suite: MakeSuite, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(run_draw, "MAX_TASKS", 3)
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
        kept = run_draw.sample_store
        stored: list[object] = []

        def cancel_after_five(**sample: object) -> None:
            kept(**sample)  # type: ignore[arg-type]
            stored.append(sample)
            if len(stored) == 5:
                run_cancel(run=run)

        monkeypatch.setattr(run_draw, "sample_store", cancel_after_five)
        run_draw.run_draw(run=run.pk, prompts=list(run_missing(run)), seconds=60)
        run.refresh_from_db()
        assert run.status == RunStatus.CANCELLED
        assert run.samples.count() == 5  # one to learn the pace, and the batch of four that was under way
        assert run_draw.run_draw(run=run.pk, prompts=list(run_missing(run)), seconds=60) is None
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
            run = run_render(suite=suite, generator="testpaint", parameters={}, size=16, name="waits")
        run.refresh_from_db()
        assert run.status == RunStatus.QUEUED and "does not answer" in run.message and "--resume waits" in run.message


class TestBadInput:
    def test_each_is_told_with_what_is_allowed(self, make_suite: MakeSuite) -> None:
        suite = make_suite("a fox")
        cases: list[tuple[dict[str, object], str, str]] = [
            ({"generator": "testpain"}, 'did you mean "testpaint"', "generator"),
            ({"parameters": {"slo": 1}}, 'did you mean "slow"', "parameters"),
            ({"parameters": {"slow": "much"}}, "a number from 0 to 60", "parameters"),
            ({"parameters": {"weights": "/etc/passwd"}}, "only a command on the server", "parameters"),
            ({"size": 17}, "Its sizes: 16, 32", "size"),
            ({"samples_per_prompt": 0}, "give 1 to 1,000", "samples_per_prompt"),
            ({"run_seed": -1}, "from 0 to", "run_seed"),
            ({"name": "a/b"}, "can't be called", "name"),
            ({"name": "x" * 121}, "at most 120", "name"),
        ]
        for changes, told, field in cases:
            asked: dict[str, object] = {
                "suite": suite,
                "generator": "testpaint",
                "parameters": {},
                "size": 16,
                **changes,
            }
            with pytest.raises(InputError, match=told) as error:
                run_render(**asked)  # type: ignore[arg-type]
            assert error.value.field == field
        assert not GenerationRun.objects.exists()

    def test_a_name_is_taken_once(self, make_suite: MakeSuite) -> None:
        suite = make_suite("a fox")
        ask(suite, name="mine")
        with pytest.raises(ConflictError, match='a run called "mine" already'):
            ask(suite, name="mine")
        assert [ask(suite).name for _ in range(2)] == ["testpaint-words", "testpaint-words-2"]

    def test_the_nearest_run_is_named(self, make_suite: MakeSuite) -> None:
        with pytest.raises(NotFoundError, match="there are no runs yet"):
            run_by_name("mine")
        ask(make_suite("a fox"), name="mine")
        with pytest.raises(NotFoundError, match='did you mean "mine"'):
            run_by_name("mime")


class TestExport:
    def test_a_folder_that_the_generators_own_tools_read(self, make_suite: MakeSuite, tmp_path: Path) -> None:
        run = draw(ask(make_suite("a fox", "refuse this"), name="mine", run_seed=5))
        assert command("--export", "mine", "--to", str(tmp_path / "out"))["made"] == 2
        content = read_manifest(tmp_path / "out" / "manifest.jsonl")
        assert content.identity is not None
        assert (content.identity.generator, content.identity.size, content.identity.run_seed) == ("testpaint", 16, 5)
        assert content.sessions[0]["suite_version_hash"] == run.suite.version_hash
        assert content.sessions[0]["code_version"] and content.sessions[0]["provenance"] == {"device": "cpu"}
        assert [line["file"] for line in content.images] == ["00000/0.png", "00000/1.png"]
        assert [line["failure"] for line in content.failures] == ["refused", "refused"]
        for line in content.images:
            data = (tmp_path / "out" / str(line["file"])).read_bytes()
            assert hashlib.sha256(data).hexdigest() == line["sha256"]
            assert line["key"] == run.samples.get(prompt__number=0, sample=int(str(line["sample"]))).content_key
        assert "is not empty" in refused("--export", "mine", "--to", str(tmp_path / "out"))
        assert "--to FOLDER" in refused("--export", "mine")

    def test_the_record_takes_four_queries(
        self, make_suite: MakeSuite, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        run = run_by_name(draw(ask(make_suite("a fox", "a heron"))).name)
        with django_assert_max_num_queries(4):
            assert len(list(run_manifest(run))) == 5


class TestProgress:
    def test_three_queries_for_any_number_of_runs(
        self, make_suite: MakeSuite, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        suite = make_suite("a fox", "a heron")
        runs = [ask(suite, name=f"run {number}") for number in range(5)]
        draw(runs[0])
        with django_assert_num_queries(3):
            progress = runs_progress(runs)
        assert [progress[run.pk].made for run in runs] == [4, 0, 0, 0, 0]
        assert progress[runs[0].pk].fraction == 1.0 and progress[runs[1].pk].fraction == 0.0
        with django_assert_num_queries(3):
            run_progress(runs[1])
        with django_assert_num_queries(3):
            run_missing(runs[1])

    def test_time_left_comes_from_the_pace(self, make_suite: MakeSuite) -> None:
        run = ask(make_suite(*(f"prompt {number}" for number in range(9))), parameters={"slow": 0.02})
        run_draw.run_draw(run=run.pk, prompts=list(run_missing(run))[:4], seconds=60)
        run.refresh_from_db()
        progress = run_progress(run)
        assert progress.samples_per_minute is not None and 300 < progress.samples_per_minute < 3000
        assert progress.seconds_left == pytest.approx(60 * 10 / progress.samples_per_minute)


class TestImageStore:
    def test_the_same_bytes_are_kept_once(self) -> None:
        first = image_put(data=b"not really", image_format="png", width=1, height=1)
        again = image_put(data=b"not really", image_format="png", width=1, height=1)
        assert first == again and image_read(first) == b"not really"

    def test_only_files_without_a_row_are_discarded(self) -> None:
        kept = image_put(data=b"kept", image_format="png", width=1, height=1)
        image_store.write_whole(image_store.path_of("ab" * 32, "png"), b"left over")
        files = [ImageFile("ab" * 32, "png", 1, 1, 9), ImageFile(kept.sha256, "png", 1, 1, 4)]
        assert image_discard(files) == 1
        assert image_path(kept).exists() and not image_store.path_of("ab" * 32, "png").exists()

    def test_what_a_kill_left_half_written_goes_with_the_sweep(self) -> None:
        folder = image_store.store_root() / image_store.PARTIAL
        folder.mkdir(parents=True)
        (folder / "old").write_bytes(b"ha")
        (folder / "new").write_bytes(b"ha")
        os.utime(folder / "old", (0, 0))
        assert image_store.partial_files_remove() == 1
        assert [path.name for path in folder.iterdir()] == ["new"]

    def test_a_file_that_is_gone_is_told(self) -> None:
        image = image_put(data=b"gone", image_format="png", width=1, height=1)
        os.unlink(image_path(image))
        with pytest.raises(InputError, match="Restore that folder"):
            image_read(image)


class TestCommand:
    def test_drawn_here(self, make_suite: MakeSuite, capsys: pytest.CaptureFixture[str]) -> None:
        make_suite("a fox", "flaky one", "refuse this")
        result = command(
            *("--suite", "words", "--generator", "testpaint", "--set", "slow=0.001", "--size", "16"),
            *("--samples", "2", "--seed", "3", "--name", "here", "--here"),
        )
        assert (result["status"], result["made"], result["failed"]) == ("done", 4, 2)
        assert result["parameters"] == {"slow": 0.001, "weights": "", "log": ""} and result["seed"] == 3
        assert result["gaps"] == [
            {
                "prompt_id": "00002",
                "samples": [0, 1],
                "why": {"0": "refused: not to my taste", "1": "refused: not to my taste"},
            }
        ]
        assert "6/6" in capsys.readouterr().err
        listed = command("--list")["runs"]
        assert isinstance(listed, list) and [(row["run"], row["made"]) for row in listed] == [("here", 4)]

    def test_queued_cancelled_and_resumed_here(self, make_suite: MakeSuite) -> None:
        make_suite("a fox")
        queued = command("--suite", "words", "--generator", "testpaint", "--size", "16", "--name", "one")
        assert queued["status"] == "queued"
        assert command("--cancel", "one")["status"] == "cancelled"
        assert command("--resume", "one", "--here")["status"] == "done"
        assert "nothing is left to resume" in refused("--resume", "one")

    def test_what_is_refused(self, make_suite: MakeSuite) -> None:
        make_suite("a fox")
        suite = ("--suite", "words", "--generator", "testpaint")
        assert "--suite is missing" in refused("--generator", "testpaint")
        assert 'did you mean "words"' in refused("--suite", "word", "--generator", "testpaint")
        assert "NAME=VALUE" in refused(*suite, "--set", "slow")
        assert "given twice" in refused(*suite, "--set", "slow=1", "--set", "slow=2")
        assert "Unknown run" in refused("--cancel", "nothing")
        assert "weights gone are not there" in refused(*suite, "--set", "weights=gone", "--here")
