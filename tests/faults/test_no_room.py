"""A disk is full: pages and the API say so with 507, and nothing stays of what was being written.

The database's disk is full by real errors of the server (`disk_full`, SQLSTATE 53100) at every row that is written; the
images' disk is a real one of 256 kB where this machine lets the test mount it. The temporary disk is not written to
(`test_bodies`).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from evaluation.models import GenerationRun, Study, Upload
from tests.addresses import every_address
from tests.faults.writing_world import World, a_world, answer_all, client_of, fill_the_databases_disk, no_space, post

pytestmark = pytest.mark.django_db

WRITES_NOTHING = {
    "researcher:sign-out": "ends the session",
    "researcher:report-coverage": "what it finds stands in the cache",
    "researcher:look": "that somebody chose to look stands in the session",
    "researcher:delete-study": "only takes rows away",
    "researcher:study-runs": "runs to choose from, as a form stands",
    "researcher:plan-draft": "a plan of what a form holds, which is saved nowhere",
    **dict.fromkeys(
        (f"researcher:preview-{each}" for each in ("rate", "undo", "skip", "uncover", "end")),
        "what is done stands in the session",
    ),
    "api:study-participants-export": "only reads",
    "admin:jsi18n": "words",
    "admin:logout": "ends the session",
    "health": "takes a POST as a GET",
}

RATERS_JSON = ("rater:rate", "rater:undo", "rater:skip", "rater:uncover")


@pytest.fixture(autouse=True)
def media(settings: Settings, tmp_path: Path) -> Path:
    """A store of the test's own."""
    settings.MEDIA_ROOT = tmp_path / "media"
    cache.clear()
    return tmp_path / "media"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return a_world(tmp_path)


def test_every_address_that_takes_a_post_is_tried_here(world: World) -> None:
    takes = set()
    client = Client(raise_request_exception=False)
    client.force_login(world.user)
    for name, address in every_address():
        admins = name.startswith("admin:") and name != "admin:login" and name not in WRITES_NOTHING
        if not admins and client.generic("POST", address, b"").status_code != 405:
            takes.add(name)
        if name.endswith("out"):
            client.force_login(world.user)
    assert takes - set(WRITES_NOTHING) == set(world.bodies), "what a POST does there when a disk is full"


def test_a_full_database_is_507_everywhere(world: World) -> None:
    answer_all(world)
    wrong, tried = [], 0
    for name in world.bodies:
        client = client_of(world, name)
        with transaction.atomic():
            right = post(world, name, client)
            transaction.set_rollback(True)
        if right.status_code >= 400:
            wrong.append(f"{name} was not tried: {right.status_code} {right.content[:300]!r}")
            continue
        client = client_of(world, name)
        cache.clear()
        with transaction.atomic():
            fill_the_databases_disk()
            full = post(world, name, client)
            transaction.set_rollback(True)
        text = full.content.decode().replace("&#x27;", "'")
        page_of_raters = name.startswith("rater:") and name not in RATERS_JSON  # whom no disk is a matter of
        says = "The server has a break" if page_of_raters else "database's disk is full"
        if full.status_code != 507 or says not in text:
            wrong.append(f"{name}: {full.status_code} {text[:300]}")
        elif full.headers["Content-Type"].startswith("application/json") != (
            name.startswith("api:") or name in RATERS_JSON
        ):
            wrong.append(f"{name}: {full.headers['Content-Type']}")
        tried += 1
    assert wrong == []
    assert tried == len(world.bodies) > 40


WRITES_FILES = [
    "researcher:new-upload",
    "api:upload-list",
    "researcher:open-study",
    "api:study-open",
    "researcher:confirm-upload",
    "api:upload-confirm",
]


@pytest.mark.parametrize("name", WRITES_FILES)
def test_a_full_data_disk_is_507_and_nothing_stays(
    world: World, name: str, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def state() -> tuple[set[Path], list[int]]:
        models = (Study, Upload, GenerationRun)
        return {each for each in media.rglob("*") if each.is_file()}, [model.objects.count() for model in models]

    before = state()
    client = client_of(world, name)
    with monkeypatch.context() as full:
        for writes in ("os.link", "os.replace", "os.fsync", "evaluation.services.uploads.receive._parts"):
            full.setattr(writes, no_space)
        answer = post(world, name, client)
    assert answer.status_code == 507, answer.content
    assert " full" in answer.content.decode()
    assert state() == before
    assert Study.objects.get(name="draft").status == "draft"
    assert post(world, name, client_of(world, name)).status_code < 400, "with room it goes on"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    may = sys.platform == "linux" and os.geteuid() == 0
    if not may or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here; the tests above put the error in its place")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_really_full(world: World, small_disk: Path, settings: Settings) -> None:
    big = SimpleUploadedFile("big.zip", os.urandom(600_000))
    settings.MEDIA_ROOT = small_disk / "media"
    body = {"suite": GenerationRun.objects.all()[0].suite.pk, "run_name": "more", "generator": "imagen", "file": big}
    answer = client_of(world, "researcher:new-upload").post(reverse("researcher:new-upload"), body)
    assert answer.status_code == 507
    assert [each for each in small_disk.rglob("*") if each.is_file()] == []


def test_a_raters_answer_on_a_full_disk_waits(world: World) -> None:
    """The page's script keeps an answer that was answered by 500 or more, and sends it again."""
    client = client_of(world, "rater:rate")
    with transaction.atomic():
        fill_the_databases_disk()
        assert post(world, "rater:rate", client).status_code == 507
        transaction.set_rollback(True)
    assert post(world, "rater:rate", client).json()["answers"][0]["status"] == "saved"
