"""The command's upload that was broken off: what was checked is kept, and the same command goes on."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from evaluation.models import GenerationRun, Sample, Suite, Upload
from evaluation.services.uploads import check
from evaluation.services.uploads.drop import staging_of
from evaluation.services.uploads.match import CHECKED
from evaluation.services.work.locks import claim_upload
from tests.runs.conftest import CHECKOUT, until
from tests.uploads.conftest import image_bytes, nothing_is_kept, whole_run

Make = Callable[[Mapping[str, bytes]], Path]
pytestmark = pytest.mark.django_db(transaction=True)
NAMED = ("--suite", "words", "--name", "mine", "--generator", "imagen", "--yes")


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are decoded, as they are."""
    names: list[str] = []
    check_images = check.check_images

    def noted(items: Iterator[tuple[str, bytes]], **options: Any) -> Iterator[Any]:
        for name, outcome in check_images(items, **options):
            names.append(name)
            yield name, outcome

    monkeypatch.setattr(check, "check_images", noted)
    return names


def run(*arguments: str) -> str:
    """The command; what it says on standard error."""
    told = io.StringIO()
    call_command("upload_run", *NAMED, *arguments, stdout=io.StringIO(), stderr=told)
    return told.getvalue()


def interrupted_after(n_files: int, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """The command, with Ctrl-C after so many files; what it says."""
    row, told, left = check._kept, io.StringIO(), [n_files]

    def interrupt(*given: Any) -> Any:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return row(*given)

    with monkeypatch.context() as patched:
        patched.setattr(check, "_kept", interrupt)
        with pytest.raises(SystemExit):
            call_command("upload_run", *NAMED, *arguments, stdout=io.StringIO(), stderr=told)
    return told.getvalue()


@pytest.mark.parametrize("source", ["folder", "zip"])
def test_the_same_command_goes_on_after_an_interruption(
    source: str,
    suite: Suite,
    make_folder: Make,
    make_zip: Make,
    decoded: list[str],
    monkeypatch: pytest.MonkeyPatch,
    media: Path,
) -> None:
    path = str((make_folder if source == "folder" else make_zip)(whole_run()))
    told = interrupted_after(3, monkeypatch, path)
    assert "3 files of images" in told and "The same command, given again, goes on there" in told
    assert not GenerationRun.objects.exists() and Upload.objects.get().status == Upload.Status.CHECKING
    decoded.clear()
    assert "Going on with the upload that was broken off: 3 files checked before." in run(path)
    assert len(decoded) == 5 and Sample.objects.count() == 8 and Upload.objects.get().status == Upload.Status.DONE
    assert not list((media / "uploads").iterdir())


def test_what_is_declared_and_chosen_is_what_the_last_command_says(
    suite: Suite, make_folder: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = str(make_folder(whole_run()))
    interrupted_after(2, monkeypatch, folder, "--licence", "CC0")
    run(folder, "--licence", "MIT", "--parameter", "steps=3")
    made = GenerationRun.objects.get()
    assert made.declared["licence"] == "MIT" and made.parameters == {"steps": "3"}


def test_images_that_changed_meanwhile_are_all_checked(
    suite: Suite, make_folder: Make, decoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder(whole_run())
    interrupted_after(3, monkeypatch, str(folder))
    (folder / "00000/0.png").write_bytes(image_bytes(99, side=32))
    decoded.clear()
    assert "Going on" not in run(str(folder), "--allow-missing")
    assert len(decoded) == 8
    assert sorted(Upload.objects.values_list("status", flat=True)) == [Upload.Status.DONE, Upload.Status.DROPPED]


def test_another_process_at_it_is_left_alone(
    suite: Suite, make_folder: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = str(make_folder(whole_run()))
    interrupted_after(3, monkeypatch, folder)
    upload = Upload.objects.get()
    refused: list[str] = []

    def command() -> None:
        try:
            run(folder)
        except CommandError as error:
            refused.append(str(error))
        finally:
            connection.close()

    with claim_upload(upload.pk) as ours:
        assert ours
        _elsewhere(command)
    assert len(refused) == 1 and "Another process works on the upload mine" in refused[0]
    assert "give this command again" in refused[0] and staging_of(upload).exists()
    run(folder)
    assert Sample.objects.count() == 8


def test_what_is_refused_leaves_nothing_as_ever(
    suite: Suite, make_folder: Make, monkeypatch: pytest.MonkeyPatch, media: Path
) -> None:
    folder = make_folder(whole_run() | {"00000/2.png": b"broken"})
    interrupted_after(3, monkeypatch, str(folder))
    with pytest.raises(CommandError, match="1 of 9 files has problems"):
        run(str(folder))
    assert nothing_is_kept(media)


@pytest.mark.slow
def test_kill_9_costs_no_more_than_what_was_checked_last(
    suite: Suite, make_folder: Make, decoded: list[str], tmp_path: Path, media: Path
) -> None:
    files = {
        f"{prompt:05d}/{sample}.png": image_bytes(prompt * 1000 + sample)
        for prompt in range(4)
        for sample in range(500)
    }
    folder = str(make_folder(files))
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.runs.worker_settings",
        "WORKER_TEST_DATABASE": str(connection.settings_dict["NAME"]),
        "WORKER_TEST_MEDIA": str(media),
    }
    command = subprocess.Popen(
        [sys.executable, "manage.py", "upload_run", *NAMED, folder],
        cwd=CHECKOUT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until(lambda: any((media / "uploads").glob(f"*/{CHECKED}")) and _n_checked(media) > 0)
    finally:
        os.killpg(command.pid, signal.SIGKILL)
        command.wait()
    n_checked = _n_checked(media)
    assert 0 < n_checked < 2000 and not Sample.objects.exists()
    until(lambda: _lets_go(Upload.objects.get()))
    assert f"{n_checked:,} file" in run(folder)
    assert len(decoded) == 2000 - n_checked and Sample.objects.count() == 2000


def _n_checked(media: Path) -> int:
    """Whole lines of the log of what was checked."""
    return sum(path.read_bytes().count(b"\n") for path in (media / "uploads").glob(f"*/{CHECKED}"))


def _lets_go(upload: Upload) -> bool:
    """Whether the database knows by now that the process is gone."""
    with claim_upload(upload.pk) as ours:
        return ours


def _elsewhere(do: Callable[[], None]) -> None:
    """On another connection."""
    thread = Thread(target=do)
    thread.start()
    thread.join(60)
