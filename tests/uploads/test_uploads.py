"""A researcher's own images: received, checked, matched, confirmed or dropped."""

from __future__ import annotations

import errno
import io
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks
from pytest_django.fixtures import Settings

from drawbench.celery import app
from evaluation.errors import ConflictError, InputError, NotFoundError
from evaluation.models import GenerationRun, RunStatus, Suite, Upload
from evaluation.selectors.runs import run_gaps
from evaluation.selectors.uploads import upload_by_key, upload_summary
from evaluation.services.store.images import image_read
from evaluation.services.store.places import images_folder
from evaluation.services.sweep import work_sweep
from evaluation.services.uploads import check as check_module
from evaluation.services.uploads import confirm as confirm_module
from evaluation.services.uploads.check import upload_check
from evaluation.services.uploads.confirm import upload_confirm
from evaluation.services.uploads.drop import staging_of, upload_drop
from evaluation.services.uploads.match import upload_match
from evaluation.services.uploads.receive import upload_check_queue, upload_receive
from tests.uploads.conftest import image_bytes, nothing_is_kept, whole_run

pytestmark = pytest.mark.django_db
Make = Callable[[Mapping[str, bytes]], Path]


def receive(suite: Suite, source: Path, run_name: str = "mine") -> Upload:
    return upload_receive(suite=suite, run_name=run_name, generator="imagen", source=source)


def checked(suite: Suite, source: Path, run_name: str = "mine") -> Upload:
    upload = receive(suite, source, run_name)
    assert upload_check(upload=upload)
    return upload


class TestWholePath:
    @pytest.mark.parametrize("kind", ["zip", "folder"])
    def test_a_zip_and_a_folder_become_a_run(
        self, suite: Suite, make_zip: Make, make_folder: Make, media: Path, kind: str
    ) -> None:
        files = whole_run()
        upload = checked(suite, make_zip(files) if kind == "zip" else make_folder(files))
        assert upload.status == Upload.Status.READY and (upload.n_files, upload.n_checked) == (8, 8)
        summary = upload_summary(upload)
        assert summary.complete and (summary.matched, summary.samples, summary.n_missing) == (8, 2, 0)
        run = upload_confirm(upload=upload)
        assert (run.status, run.origin, run.generator, run.width, run.height) == (
            RunStatus.DONE,
            "uploaded",
            "imagen",
            24,
            24,
        )
        assert run.samples_per_prompt == 2 and run_gaps(run) == []
        for sample in run.samples.select_related("image", "original", "prompt"):
            name = f"{sample.prompt.prompt_id}/{sample.sample}.png"
            assert sample.original is not None and image_read(sample.original) == files[name]
            served = Image.open(io.BytesIO(image_read(sample.image)))
            assert served.tobytes() == Image.open(io.BytesIO(files[name])).tobytes()
            assert sample.provenance == {"file": name}
        assert not staging_of(upload).exists()
        suite.refresh_from_db()
        assert suite.frozen_at is not None
        # confirmed twice (a double click), it is one run
        assert upload_confirm(upload=upload) == run and GenerationRun.objects.count() == 1

    def test_what_a_page_receives_is_checked_by_a_worker(
        self,
        suite: Suite,
        make_zip: Make,
        monkeypatch: pytest.MonkeyPatch,
        django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    ) -> None:
        app.loader.import_default_modules()
        monkeypatch.setitem(app.conf.changes, "task_always_eager", True)
        file = SimpleUploadedFile("My images.zip", make_zip(whole_run()).read_bytes())
        upload = upload_receive(suite=suite, run_name="mine", generator="imagen", source=file)
        assert upload.file_name == "My images.zip"
        with django_capture_on_commit_callbacks(execute=True):
            upload_check_queue(upload=upload)
        upload = upload_by_key(str(upload.key))
        assert upload.status == Upload.Status.READY and upload_summary(upload).complete

    def test_metadata_is_stripped_and_the_original_kept(self, suite: Suite, make_zip: Make) -> None:
        exif = Image.Exif()
        exif[0x010E] = "taken at home"
        exif[0x0112] = 6  # turned by a quarter
        file = io.BytesIO()
        Image.new("RGB", (40, 20), (200, 10, 10)).save(file, "JPEG", exif=exif)
        upload = checked(suite, make_zip({"00000/0.jpg": file.getvalue()}))
        run = upload_confirm(upload=upload, options={"allow_missing": True})
        sample = run.samples.select_related("image", "original").get()
        assert sample.original is not None and b"taken at home" in image_read(sample.original)
        served = image_read(sample.image)
        assert b"taken at home" not in served and served.startswith(b"\x89PNG")
        assert (sample.image.width, sample.image.height) == (20, 40)
        assert sample.original.image_format == "jpeg"

    def test_a_list_of_files_says_which_prompt_each_shows(self, suite: Suite, make_zip: Make) -> None:
        files = {f"{letter}.png": image_bytes(ord(letter)) for letter in "abcd"}
        listing = "file,prompt_id,sample\na.png,00003,0\nb.png,00002,0\nc.png,00001,0\nd.png,00000,0\n"
        run = upload_confirm(upload=checked(suite, make_zip({**files, "manifest.csv": listing.encode()})))
        sample = run.samples.select_related("original", "prompt").get(prompt__number=3)
        assert sample.original is not None and image_read(sample.original) == files["a.png"]

    def test_many_files_take_few_queries(
        self, suite: Suite, make_folder: Make, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        upload = receive(suite, make_folder(whole_run(samples=40)))
        with django_assert_max_num_queries(30):
            upload_check(upload=upload)
        with django_assert_max_num_queries(45):
            run = upload_confirm(upload=upload)
        assert run.samples.count() == 160

    def test_the_check_goes_on_where_it_stopped(
        self, suite: Suite, make_zip: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        upload = receive(suite, make_zip(whole_run()))
        asked: list[str] = []
        real = check_module._kept

        def kept(folder: Path, name: str, *rest: object) -> object:
            asked.append(name)
            if len(asked) == 3:
                with (folder.parent / check_module.CHECKED).open("ab"):
                    raise KeyboardInterrupt  # a worker is killed
            return real(folder, name, *rest)  # type: ignore[arg-type]

        monkeypatch.setattr(check_module, "_kept", kept)
        with pytest.raises(KeyboardInterrupt):
            upload_check(upload=upload)
        with (staging_of(upload) / check_module.CHECKED).open("ab") as log:
            log.write(b'{"file": "torn')
        assert upload_check(upload=upload, seconds=0.0) is False
        assert upload.status == Upload.Status.CHECKING
        while not upload_check(upload=upload, seconds=0.2):
            pass
        assert upload_summary(upload).complete
        assert len(asked) == 9  # only the one that was under way was asked for twice


class TestTable:
    def test_missing_doubled_unmatched_and_broken_are_told_together(
        self, suite: Suite, make_zip: Make, media: Path
    ) -> None:
        files = {
            "00000/0.png": image_bytes(0),
            "00000/1.png": image_bytes(1),
            "00001/0.png": image_bytes(2)[:200],  # truncated
            "00001/1.png": image_bytes(3),
            "00002/0.png": image_bytes(4),
            "00002/0.jpg": image_bytes(5, "JPEG"),  # a second for one place
            "00009/0.png": image_bytes(6),  # no such prompt
            "00003/0.png": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            "00003/1.png": image_bytes(7, "JPEG"),  # mislabelled
            "notes.txt": b"hello",
            "__MACOSX/._0.png": b"x",
        }
        upload = checked(suite, make_zip(files))
        summary = upload_summary(upload)
        assert (summary.n_files, summary.matched, summary.samples) == (9, 3, 2)
        problems = {row.file: row.problem for row in summary.problems}
        assert "truncated" in problems["00001/0.png"]
        assert "is also" in problems["00002/0.png"] and "is also" in problems["00002/0.jpg"]
        assert "no prompt number 9" in problems["00009/0.png"]
        assert "SVG files are not supported" in problems["00003/0.png"]
        assert "the content is JPEG" in problems["00003/1.png"]
        assert (summary.duplicates, summary.unmatched) == (2, 1)
        assert summary.missing == {"00001": (0,), "00002": (0, 1), "00003": (0, 1)} and summary.n_missing == 5
        assert {row.file for row in summary.ignored} == {"notes.txt", "__MACOSX/._0.png"}
        with pytest.raises(InputError, match="6 of 9 files have problems") as error:
            upload_confirm(upload=upload)
        assert error.value.field == "ignore_problems"
        with pytest.raises(
            InputError, match=r"5 samples of 3 prompts are missing: 00001 \(samples 0\), 00002 \(all 2\)"
        ):
            upload_confirm(upload=upload, options={"ignore_problems": True})
        assert not GenerationRun.objects.exists() and not images_folder().exists()
        run = upload_confirm(upload=upload, options={"allow_missing": True})  # the other is remembered
        assert run.samples.count() == 3
        assert [(gap.prompt_id, gap.samples) for gap in run_gaps(run)] == list(summary.missing.items())

    def test_numbers_that_can_be_read_in_two_ways_are_asked_about(self, suite: Suite, make_zip: Make) -> None:
        files = {f"{prompt}_1.png": image_bytes(prompt) for prompt in (1, 2, 3)}
        upload = checked(suite, make_zip(files))
        (question,) = upload_summary(upload).questions
        assert question.option == "numbering" and question.choices == ("from_zero", "from_one")
        with pytest.raises(InputError, match="do they count from 0 or from 1") as error:
            upload_confirm(upload=upload)
        assert error.value.field == "numbering"
        upload = upload_match(upload=upload, options={"numbering": "from_one"})
        assert upload_summary(upload).missing == {"00003": (0,)}
        upload = upload_match(upload=upload, options={"numbering": "from_zero", "samples": 2})
        assert upload_summary(upload).n_missing == 5
        upload = upload_match(upload=upload, options={"samples": ""})
        with pytest.raises(InputError, match='did you mean "numbering"'):
            upload_match(upload=upload, options={"numberin": "from_one"})
        with pytest.raises(InputError, match="must be one of"):
            upload_match(upload=upload, options={"numbering": "from_two"})

    def test_what_catches_the_eye_is_noted(self, suite: Suite, make_zip: Make) -> None:
        files = {**whole_run(1), "00003/0.png": image_bytes(0), "00002/0.png": image_bytes(9, side=32)}
        notes = " | ".join(upload_summary(checked(suite, make_zip(files))).notes)
        assert "2 different sizes: 24x24 (3), 32x32 (1)" in notes
        assert "1 image is a copy of another" in notes

    def test_a_list_that_names_what_is_not_there(self, suite: Suite, make_zip: Make) -> None:
        listing = b"file,prompt\nfox.png,a fox\nheron.png,a heron\n"
        summary = upload_summary(checked(suite, make_zip({"fox.png": image_bytes(1), "manifest.csv": listing})))
        assert summary.matched == 1 and summary.n_missing == 3


class TestBadInput:
    def test_nothing_is_kept_of_what_can_not_be_taken(
        self, suite: Suite, tmp_path: Path, make_zip: Make, media: Path, settings: Settings
    ) -> None:
        text = tmp_path / "text.zip"
        text.write_text("not a zip")
        kinds = "text.zip is not a zip, tar, tar.gz or Parquet file"
        for source, told in (
            (text, kinds),
            (tmp_path / "nothing", "does not exist"),
        ):
            with pytest.raises(InputError, match=told):
                receive(suite, source)
        with pytest.raises(InputError, match="is not a zip"):
            upload_receive(
                suite=suite, run_name="mine", generator="imagen", source=SimpleUploadedFile("x.zip", b"no zip at all")
            )
        settings.UPLOAD_MAX_BYTES = 1000
        with pytest.raises(InputError, match="the limit of this server"):
            upload_receive(
                suite=suite,
                run_name="mine",
                generator="imagen",
                source=SimpleUploadedFile("x.zip", make_zip(whole_run()).read_bytes()),
            )
        assert not Upload.objects.exists() and nothing_is_kept(media)

    def test_names(self, suite: Suite, make_zip: Make) -> None:
        source = make_zip(whole_run())
        upload_confirm(upload=checked(suite, source))
        with pytest.raises(ConflictError, match='run called "mine" already exists'):
            receive(suite, source)
        for generator in ("", "x" * 101, "a\nb"):
            with pytest.raises(InputError, match="the generator that made the images"):
                upload_receive(suite=suite, run_name="other", generator=generator, source=source)
        with pytest.raises(NotFoundError, match="Unknown upload"):
            upload_by_key("nonsense")

    def test_without_any_image(self, suite: Suite, make_zip: Make, media: Path) -> None:
        upload = receive(suite, make_zip({"notes.txt": b"hello"}))
        with pytest.raises(InputError, match="has no images \\(1 file\\)"):
            upload_check(upload=upload)
        upload.refresh_from_db()
        assert upload.status == Upload.Status.FAILED and "has no images" in upload.message and nothing_is_kept(media)

    def test_a_list_that_can_not_be_read(self, suite: Suite, make_zip: Make, media: Path) -> None:
        upload = receive(suite, make_zip({**whole_run(1), "manifest.csv": b"file,who\na.png,me\n"}))
        with pytest.raises(InputError, match="no column for the prompts"):
            upload_check(upload=upload)
        assert nothing_is_kept(media)

    def test_two_uploads_race_for_a_name(self, suite: Suite, make_zip: Make) -> None:
        source = make_zip(whole_run())
        first, second = checked(suite, source), checked(suite, source)
        upload_confirm(upload=first)
        with pytest.raises(ConflictError, match="already"):
            upload_confirm(upload=second)
        second.refresh_from_db()
        assert second.status == Upload.Status.READY


class TestNothingHalfDone:
    def test_a_full_disk_while_checking(
        self, suite: Suite, make_zip: Make, media: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        upload = receive(suite, make_zip(whole_run()))

        def full(*arguments: object) -> dict[str, object]:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(check_module, "_kept", full)
        with pytest.raises(InputError, match="is full"):
            upload_check(upload=upload)
        upload.refresh_from_db()
        assert upload.status == Upload.Status.FAILED and "is full" in upload.message and nothing_is_kept(media)

    def test_a_failure_while_storing_leaves_the_upload_to_be_confirmed_again(
        self, suite: Suite, make_zip: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        upload = checked(suite, make_zip(whole_run()))
        kept = upload_confirm(upload=checked(suite, make_zip(whole_run(1)), run_name="other"))
        stored = set(images_folder().glob("??/??/*"))
        monkeypatch.setattr(confirm_module, "image_keys", _fail)
        with pytest.raises(RuntimeError, match="the database went away"):
            upload_confirm(upload=upload)
        upload.refresh_from_db()
        assert upload.status == Upload.Status.READY and not GenerationRun.objects.filter(name="mine").exists()
        # what this one brought is gone again, what another run has stays
        assert set(images_folder().glob("??/??/*")) == stored and kept.samples.count() == 4
        monkeypatch.undo()
        assert upload_confirm(upload=upload).samples.count() == 8

    def test_a_killed_confirmation_can_be_confirmed_or_dropped(self, suite: Suite, make_zip: Make) -> None:
        one = checked(suite, make_zip(whole_run()))
        two = checked(suite, make_zip(whole_run()), run_name="two")
        Upload.objects.update(status=Upload.Status.STORING)
        assert upload_confirm(upload=one).samples.count() == 8
        assert upload_drop(upload=two).status == Upload.Status.DROPPED

    def test_dropped(
        self,
        suite: Suite,
        make_zip: Make,
        media: Path,
        django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    ) -> None:
        upload = checked(suite, make_zip(whole_run()))
        with django_capture_on_commit_callbacks(execute=True):
            upload_drop(upload=upload)
        assert nothing_is_kept(media)
        for action in (upload_confirm, upload_match, upload_check):
            with pytest.raises(ConflictError, match="discarded"):
                action(upload=upload)

    def test_dropped_while_it_is_checked(
        self, suite: Suite, make_zip: Make, media: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        upload = receive(suite, make_zip(whole_run()))
        monkeypatch.setattr(check_module, "SHOWN_EVERY_S", 0.0)
        real = check_module._kept

        def drop_first(*arguments: object) -> dict[str, object]:
            upload_drop(upload=upload)
            return real(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(check_module, "_kept", drop_first)
        assert upload_check(upload=upload) is False
        upload.refresh_from_db()
        assert upload.status == Upload.Status.DROPPED and nothing_is_kept(media)

    def test_the_sweep_drops_what_nobody_confirmed(self, suite: Suite, make_zip: Make) -> None:
        old, new = checked(suite, make_zip(whole_run())), checked(suite, make_zip(whole_run()), run_name="new")
        Upload.objects.filter(pk=old.pk).update(created_at="2020-01-01T00:00Z")
        work_sweep()
        assert list(Upload.objects.order_by("pk").values_list("status", flat=True)) == ["dropped", "ready"]
        assert staging_of(new).exists()


def _fail(*arguments: object) -> None:
    raise RuntimeError("the database went away")
