"""Samples and failures: what drawing leaves, whatever the generator and the disk do."""

from __future__ import annotations

import errno
import os
import stat
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection
from django.test.utils import CaptureQueriesContext

from evaluation.errors import ConflictError
from evaluation.models import GenerationRun, RunStatus, Sample, SampleFailure, StoredImage
from evaluation.selectors.runs import (
    gaps_in_words,
    run_gaps,
    run_missing,
    run_progress,
)
from evaluation.services.runs import draw as run_draw
from evaluation.services.runs.request import run_resume, run_retry
from evaluation.services.runs.samples import Place
from evaluation.services.store import images as image_store
from evaluation.services.store.images import image_path, image_read
from evaluation.services.store.places import images_folder
from evaluation.services.work import items
from evaluation.services.work.deaths import DEATHS, Deaths
from evaluation.services.work.items import Left
from evaluation.services.work.limits import SoftLimit
from evaluation.services.work.locks import claim_prompts, prompts_drawn
from evaluation.services.work.states import job_name
from tests.runs.steps import MakeSuite, ask, die_over, draw

pytestmark = pytest.mark.django_db


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
            assert run_draw.run_draw(run_pk=run.pk, prompt_pks=prompts, seconds=60) is None
        assert list(Sample.objects.values_list("pk", "image_id")) == before
        run.refresh_from_db()
        assert run.status == RunStatus.DONE

    def test_time_that_is_up_leaves_the_rest_to_another_task(self, make_suite: MakeSuite) -> None:
        run = ask(make_suite("a fox", "a heron", "a birch"), samples_per_prompt=4)
        (prompts,) = run_draw.run_chunks(run)
        left = run_draw.run_draw(run_pk=run.pk, prompt_pks=prompts, seconds=0.0)
        assert left is not None and left.after_s == 0
        # one image, to learn the pace; its prompt is not through
        assert run_progress(run).made == 1 and left.keys == prompts
        assert draw(run).status == RunStatus.DONE and run_progress(run).made == 12

    def test_a_task_goes_on_with_what_nobody_draws_yet(self, make_suite: MakeSuite) -> None:
        run = ask(make_suite(*(f"prompt {number}" for number in range(12))), samples_per_prompt=4)
        prompts = list(run_missing(run))
        with claim_prompts(run.pk, prompts[:1]):  # as another worker's: here it is the same connection, so not refused
            assert list(prompts_drawn(run.pk)) == prompts[:1]
            assert run_draw.run_draw(run_pk=run.pk, prompt_pks=prompts[5:7], seconds=60, goes_on=True) is None
        assert set(run_missing(run)) == {prompts[0]}, "all but what is drawn elsewhere"
        assert prompts_drawn(run.pk) == {}, "and nothing is held"
        assert run_draw.run_draw(run_pk=run.pk, prompt_pks=prompts, seconds=60, goes_on=True) is None
        run.refresh_from_db()
        assert run.status == RunStatus.DONE and run.samples.count() == 48

    @pytest.mark.parametrize(("n_others", "taken"), [(0, [20]), (1, [9]), (3, [4])])
    def test_a_task_takes_a_worker_s_share_of_what_nobody_draws(
        self, make_suite: MakeSuite, monkeypatch: pytest.MonkeyPatch, n_others: int, taken: list[int]
    ) -> None:
        run = ask(make_suite(*(f"prompt {number}" for number in range(21))))
        prompts = list(run_missing(run))
        others = {prompt: 100 + number for number, prompt in enumerate(prompts[1 : 1 + n_others])}
        monkeypatch.setattr(run_draw, "prompts_drawn", lambda run_pk: others | {prompts[0]: 7})
        work = run_draw.Drawing(run, goes_on=True)
        with work.claim(prompts[:1]):
            work.load().seconds_per_item = 0.001
            # what is free is all but the prompts that are drawn
            assert [len({prompt for prompt, _ in work.more()})] == [(20 - n_others) // (1 + n_others)] == taken

    def test_whether_it_is_wanted_and_has_a_budget_is_one_query_a_batch(
        self, make_suite: MakeSuite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = ask(make_suite(*(f"prompt {number}" for number in range(40))), samples_per_prompt=1)
        do, batches = run_draw.Drawing.do, []

        def counted(self: run_draw.Drawing, batch: Sequence[Place], limit: SoftLimit) -> Mapping[Place, float]:
            batches.append(len(batch))
            return do(self, batch, limit)

        monkeypatch.setattr(run_draw.Drawing, "do", counted)
        monkeypatch.setattr(items, "WANTED_EVERY_S", 0.0)
        keys = list(run_missing(run))
        with CaptureQueriesContext(connection) as queries:
            run_draw.run_draw(run_pk=run.pk, prompt_pks=keys, seconds=60)
        looks = [
            each["sql"] for each in queries if each["sql"].startswith('SELECT "evaluation_generationrun"."budget_usd"')
        ]
        asked = [each["sql"] for each in queries if "SELECT 1" in each["sql"] and "generationrun" in each["sql"]]
        assert sum(batches) == 40 and len(batches) > 4
        # and one more, whether anything was asked for again meanwhile
        assert (len(looks), asked) == (len(batches) + 1, [])

    def test_a_task_that_goes_on_hands_on_what_it_took_and_did_not_draw(
        self, make_suite: MakeSuite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = ask(make_suite(*(f"prompt {number}" for number in range(12))), samples_per_prompt=4)
        prompts = list(run_missing(run))
        do, batches = run_draw.Drawing.do, []

        def counted(self: run_draw.Drawing, batch: Sequence[Place], limit: SoftLimit) -> Mapping[Place, float]:
            batches.append(list(batch))
            if len(batches) == 3:
                raise SoftTimeLimitExceeded
            return do(self, batch, limit)

        monkeypatch.setattr(run_draw.Drawing, "do", counted)
        monkeypatch.setattr(items, "WANTED_EVERY_S", 0.0)  # each batch is looked at and counted by itself
        left = run_draw.run_draw(run_pk=run.pk, prompt_pks=prompts[:1], seconds=60, goes_on=True)
        assert left is not None and prompts[0] not in left.keys
        assert {prompt for prompt, _ in batches[2]} <= set(left.keys)
        assert draw(run).status == RunStatus.DONE and run.samples.count() == 48

    def test_a_task_does_not_go_on_where_it_is_another_run_s_turn(self, make_suite: MakeSuite) -> None:
        suite = make_suite(*(f"prompt {number}" for number in range(6)))
        run, other = ask(suite, name="large"), ask(suite, name="small")
        run_draw.run_draw(run_pk=run.pk, prompt_pks=list(run_missing(run))[:2], seconds=60, goes_on=True)
        assert run.samples.count() == 4 and not other.samples.exists()

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
        run_draw.run_draw(run_pk=run.pk, prompt_pks=prompts[:1], seconds=60)
        weights.write_text("two")
        run_draw.generator_for.__globals__["_loaded"].clear()  # another worker
        run_draw.run_draw(run_pk=run.pk, prompt_pks=prompts[1:], seconds=60)
        run.refresh_from_db()
        assert run.status == RunStatus.FAILED and "weights of testpaint have changed" in run.message
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
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):  # the name's, after the file's
                return
            room[0] -= 1
            if room[0] < 0:
                raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr("common.files.os.fsync", fsync)
        draw(run)
        assert run.status == RunStatus.FAILED and "is full" in run.message
        assert run.samples.count() == 3
        for sample in run.samples.select_related("image"):
            assert len(image_read(sample.image)) == sample.image.n_bytes
        assert not list((images_folder() / image_store.PARTIAL).glob("*")), "a partial file was left"
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
        assert gaps_in_words([gap]) == "2 samples of 1 prompt: 00001 (2 missing)"

    def test_what_may_pass_is_tried_again_by_itself(self, make_suite: MakeSuite) -> None:
        run = ask(make_suite("a fox", "flaky one"))
        (prompts,) = run_draw.run_chunks(run)
        left = run_draw.run_draw(run_pk=run.pk, prompt_pks=prompts, seconds=60)
        assert left == Left(prompts[1:], after_s=0.1)
        assert run_progress(run).failed == 0 and SampleFailure.objects.filter(retrying=True).count() == 2
        assert run_draw.run_draw(run_pk=run.pk, prompt_pks=left.keys, seconds=60) is None
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
        assert run.message == "No sample could be made. The first: refused: not to my taste"

    def test_retry_makes_what_failed_and_the_failure_goes(
        self, make_suite: MakeSuite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = draw(ask(make_suite("a fox", "refuse this")))
        draw(run_retry(run=run, queue=False))
        assert list(run.failures.values_list("attempts", "retrying")) == [(2, False)] * 2
        monkeypatch.setattr("testpaint.Testpaint.generate", _paint_all)
        draw(run_retry(run=run, queue=False))
        assert run.status == RunStatus.DONE and not run.failures.exists() and run.samples.count() == 4
        with pytest.raises(ConflictError, match="no sample failed, and none is missing"):
            run_retry(run=run)

    def test_a_task_that_keeps_killing_its_worker_is_given_up(self, make_suite: MakeSuite) -> None:
        run = ask(make_suite("a fox"))
        (prompts,) = run_draw.run_chunks(run)
        for _ in range(DEATHS):
            die_over(Deaths(job_name(run)), [(prompts[0], 0), (prompts[0], 1)])
        run_draw.run_draw(run_pk=run.pk, prompt_pks=prompts, seconds=60)
        assert set(run.failures.values_list("kind", "retrying")) == {("crash", False)}
        run.refresh_from_db()
        assert run.status == RunStatus.FAILED and "the worker died 4 times" in run.message


def _paint_all(self: object, requests: list[object]) -> object:
    import numpy as np

    from generators.contract import ImageRequest, ImageResult

    for request in requests:
        assert isinstance(request, ImageRequest)
        yield ImageResult(request.key, np.full((16, 16, 3), 9, dtype=np.uint8))
