"""Progress, the record of a run, the image store, and the command."""

from __future__ import annotations

import hashlib
import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from evaluation.errors import InputError
from evaluation.models import GenerationRun, RunStatus, Sample
from evaluation.selectors.runs import (
    RunProgress,
    run_by_name,
    run_manifest,
    run_missing,
    run_progress,
    runs_progress,
)
from evaluation.services.runs import draw as run_draw
from evaluation.services.runs.estimate import run_pace_in_words
from evaluation.services.store import images as image_store
from evaluation.services.store.images import ImageFile, image_discard, image_path, image_put, image_read
from evaluation.services.store.places import images_folder
from generators.manifest import read_manifest
from tests.runs.steps import MakeSuite, ask, command, draw, refused

pytestmark = pytest.mark.django_db


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

    def test_a_marked_export_says_so(self, make_suite: MakeSuite, tmp_path: Path) -> None:
        draw(ask(make_suite("a fox"), name="mine"))
        command("--export", "mine", "--to", str(tmp_path / "out"), "--watermark", "me")
        content = read_manifest(tmp_path / "out" / "manifest.jsonl")
        assert content.sessions[0]["watermark"] == "text: me"
        for line in content.images:
            data = (tmp_path / "out" / str(line["file"])).read_bytes()
            assert hashlib.sha256(data).hexdigest() == line["sha256"] != line["unmarked_sha256"]
            assert line["bytes"] == len(data) and line["watermark"] == "text: me"
        assert "the font has no" in refused("--export", "mine", "--to", str(tmp_path / "no"), "--watermark", "描")
        assert "raters' images are never marked" in refused("--suite", "x", "--generator", "y", "--watermark", "me")

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
        run_draw.run_draw(run_pk=run.pk, prompt_pks=list(run_missing(run))[:4], seconds=60)
        run.refresh_from_db()
        progress = run_progress(run)
        assert progress.samples_per_minute is not None and 30 < progress.samples_per_minute < 3000
        assert progress.seconds_left == pytest.approx(60 * 10 / progress.samples_per_minute)

    def test_the_rows_of_one_batch_are_no_pace(self, make_suite: MakeSuite) -> None:
        """Eight images that took 20 s come within milliseconds: 24 a minute, and not thousands a second."""
        run = ask(make_suite(*(f"prompt {number}" for number in range(8))), samples_per_prompt=4)
        run_draw.run_draw(run_pk=run.pk, prompt_pks=list(run_missing(run))[:4], seconds=60)
        samples, began = list(run.samples.order_by("pk")), timezone.now() - timedelta(seconds=60)
        GenerationRun.objects.filter(pk=run.pk).update(started_at=began)
        run.refresh_from_db()

        def pace(*batches: tuple[int, float]) -> float | None:
            """Of so many samples at so many seconds after the beginning; later ones are not made yet."""
            made = [(n, second) for n, second in batches for n in range(n)]
            for sample, (number, second) in zip(samples, made, strict=False):
                Sample.objects.filter(pk=sample.pk).update(created_at=began + timedelta(seconds=second + number / 1000))
            Sample.objects.filter(pk__in=[sample.pk for sample in samples[len(made) :]]).update(run=other)
            with CaptureQueriesContext(connection) as queries:
                per_minute = run_progress(run).samples_per_minute
            assert len(queries) == 4
            Sample.objects.filter(run=other).update(run=run)
            return per_minute

        other = ask(run.suite, name="other", samples_per_prompt=4)
        assert pace((8, 20.0)) == pytest.approx(24, rel=0.01)
        assert pace((8, 20.0), (8, 30.0)) == pytest.approx(48, rel=0.01)
        assert pace((4, -9000.0), (4, 20.0)) is None, "resumed: the time since the beginning holds a pause"

    def test_pace_time_and_money_are_told_by_the_page_and_the_command(
        self, make_suite: MakeSuite, admin_client: Client
    ) -> None:
        run = ask(make_suite("a fox", "a heron"), name="fox")

        def told(**changes: object) -> str:
            GenerationRun.objects.filter(pk=run.pk).update(**changes)
            runs = command("--list")["runs"]
            assert isinstance(runs, list)
            (listed,) = runs
            page = admin_client.get(f"/runs/{run.pk}/").content.decode()
            assert listed["pace"] in page
            return str(listed["pace"])

        assert told() == "waiting for a worker"
        assert told(status=RunStatus.PAUSED, budget_usd=2.0) == "paused; cost so far $0.00 of a budget of $2.00"
        draw(ask(run.suite, name="drawn"))
        GenerationRun.objects.filter(name="drawn").update(spent_usd=0.18)
        drawn = GenerationRun.objects.get(name="drawn")
        assert run_pace_in_words(drawn, run_progress(drawn), 0.2) == ["cost $0.18"]
        halfway = RunProgress(4, 2, 0, samples_per_minute=120.0, seconds_left=1.0)
        drawn.status = RunStatus.RUNNING
        assert run_pace_in_words(drawn, halfway, 0.36) == [
            "2 images a second, about 1 s left",
            "about $0.36 expected",
            "cost so far $0.18",
        ]


class TestImageStore:
    def test_the_same_bytes_are_kept_once(self) -> None:
        first = image_put(data=b"not really", image_format="png", width=1, height=1)
        again = image_put(data=b"not really", image_format="png", width=1, height=1)
        assert first == again and image_read(first) == b"not really"

    def test_only_files_without_a_row_are_discarded(self) -> None:
        kept = image_put(data=b"kept", image_format="png", width=1, height=1)
        image_store.store_write(image_store.path_of("ab" * 32, "png"), b"left over")
        files = [ImageFile("ab" * 32, "png", 1, 1, 9), ImageFile(kept.sha256, "png", 1, 1, 4)]
        assert image_discard(files) == 1
        assert image_path(kept).exists() and not image_store.path_of("ab" * 32, "png").exists()

    def test_what_a_kill_left_half_written_goes_with_the_sweep(self) -> None:
        folder = images_folder() / image_store.PARTIAL
        folder.mkdir(parents=True)
        old, new = folder / ".old.png.0123abcd.part", folder / ".new.png.0123abcd.part"
        for path in (old, new):
            path.write_bytes(b"ha")
        os.utime(old, (0, 0))
        assert image_store.store_partials_remove() == 1
        assert list(folder.iterdir()) == [new]

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
        assert "there is nothing to resume" in refused("--resume", "one")

    def test_what_is_refused(self, make_suite: MakeSuite) -> None:
        make_suite("a fox")
        suite = ("--suite", "words", "--generator", "testpaint")
        assert "--suite is missing" in refused("--generator", "testpaint")
        assert 'did you mean "words"' in refused("--suite", "word", "--generator", "testpaint")
        assert "NAME=VALUE" in refused(*suite, "--set", "slow")
        assert "given twice" in refused(*suite, "--set", "slow=1", "--set", "slow=2")
        assert "Unknown run" in refused("--cancel", "nothing")
        assert "weights gone are not there" in refused(*suite, "--set", "weights=gone", "--here")
