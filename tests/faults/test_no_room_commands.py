"""Commands and workers whose disk is full: one sentence and status 2, and a message for people."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest
from django.core.cache import cache
from django.core.management import get_commands, load_command_class
from django.db import DatabaseError, OperationalError, transaction
from pytest_django.fixtures import Settings

import manage
from common.files import save_error
from drawbench.failures import plain_message
from evaluation.models import Study
from evaluation.services.store.images import StoreFullError
from evaluation.services.work.ladder import NO_ROOM
from evaluation.surroundings import Room, away, no_room
from tests.faults.writing_world import World, a_world, fill_the_databases_disk, no_space

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(tmp_path: Path, settings: Settings) -> World:
    settings.MEDIA_ROOT = tmp_path / "media"
    cache.clear()
    return a_world(tmp_path)


def _run(arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["manage.py", *arguments])
    monkeypatch.setattr("django.core.management.base.connections.close_all", lambda: None)  # the test's own
    try:
        status = manage.main()
    except SystemExit as error:
        status = int(error.code or 0)
    return status, capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["load_suite", "drawbench-cc0"],
        ["sign_in_link", "ada"],
        ["sign_in_link", "bob-the-new", "--create"],
        ["simulate_raters", "trial", "--raters", "1"],
        ["create_study", "--name", "more", "--runs", "trial-plain,trial-guided"],
        ["create_study", "--name", "draft", "--open"],
    ],
    ids=" ".join,
)
def test_a_command_on_a_full_database_says_one_sentence(
    world: World, arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction.atomic():
        fill_the_databases_disk()
        status, told = _run(arguments, capsys, monkeypatch)
        transaction.set_rollback(True)
    assert status == 2 and "Traceback" not in told, told
    last = told.strip().splitlines()[-1]
    assert last == (
        'The database has no room: could not extend file "base/1/2": No space left on device. '
        "Free some space on its disk and try again."
    )


def test_a_command_on_a_full_disk_says_one_sentence(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.fsync", no_space)
    status, told = _run(["create_study", "--name", "draft", "--open"], capsys, monkeypatch)
    assert status == 2 and "Traceback" not in told
    assert "full" in told.strip().splitlines()[-1]
    assert Study.objects.get(name="draft").status == "draft"


class _Postgres(Exception):
    def __init__(self, pgcode: str) -> None:
        super().__init__("from the server")
        self.pgcode = pgcode


def _no_room_errors() -> list[Exception]:
    full = OperationalError("could not extend file: No space left on device")
    full.__cause__ = _Postgres("53100")
    written = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/a/full/disk")
    return [full, written, save_error(Path("/a/full/disk"), written), StoreFullError("The disk of /a is full.")]


COMMANDS = sorted(name for name, app in get_commands().items() if app == "evaluation")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("error", _no_room_errors(), ids=lambda error: type(error).__name__)
def test_every_command_says_one_sentence(
    command: str, error: Exception, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: object, **options: object) -> None:
        raise error

    kind = type(load_command_class("evaluation", command))
    monkeypatch.setattr(kind, "add_arguments", lambda self, parser: None, raising=False)
    monkeypatch.setattr(kind, "run", fail)
    status, told = _run([command], capsys, monkeypatch)
    assert status == 2 and "Traceback" not in told
    assert len(told.strip().splitlines()) == 1 and ("full" in told or "room" in told or "No space" in told), told


def test_output_to_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    assert plain_message(OSError(errno.ENOSPC, "No space left on device")) == (
        "The disk is full. Free some space and try again."
    )


@pytest.mark.parametrize(
    ("code", "room", "is_away"),
    [
        ("53100", Room.DATABASE, False),
        ("53200", Room.DATABASE, False),
        ("53400", Room.DATABASE, False),
        ("53300", None, True),
        ("57P01", None, True),
        ("40P01", None, False),
    ],
)
def test_which_errors_of_the_server_are_of_room(code: str, room: Room | None, is_away: bool) -> None:
    for kind in (OperationalError, DatabaseError):
        try:
            raise kind("no") from _Postgres(code)
        except kind as error:
            assert no_room(error) is room
            if kind is OperationalError:
                assert (away(error) is not None) == is_away


def test_a_worker_on_a_full_disk_tells_people_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from evaluation import tasks

    told: list[str] = []
    monkeypatch.setattr(tasks, "study_opening_failed", lambda study_pk, message: told.append(message))
    for error in (OSError(errno.ENOSPC, "No space left on device"), OperationalError("could not extend file")):
        if isinstance(error, OperationalError):
            error.__cause__ = _Postgres("53100")

        def fail(error: Exception = error, **options: object) -> None:
            raise error

        monkeypatch.setattr(tasks, "study_open_by_worker", fail)
        tasks.study_open_queued(1)
    assert told == [NO_ROOM, NO_ROOM]
