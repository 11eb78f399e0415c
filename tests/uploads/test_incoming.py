"""Files that come in parts: whole or not at all, gone on with, repeated without harm, each its owner's."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from common.hashes import bytes_sha256
from evaluation.errors import ConflictError, InputError, NotFoundError
from evaluation.models import GenerationRun, IncomingFile, Suite, Upload
from evaluation.services.store import incoming as incoming_module
from evaluation.services.store.images import StoreFullError
from evaluation.services.store.incoming import (
    FILES_AT_ONCE,
    incoming_add,
    incoming_expect,
    incoming_remove,
    incoming_whole,
    path_of_incoming,
)
from evaluation.services.store.places import incoming_folder
from evaluation.services.sweep import work_sweep
from evaluation.services.uploads.check import upload_check
from evaluation.services.uploads.drop import staging_of
from evaluation.services.uploads.receive import upload_receive
from tests.uploads.conftest import whole_run

pytestmark = pytest.mark.django_db
Make = Callable[[Mapping[str, bytes]], Path]

DATA = bytes(range(256)) * 8


@pytest.fixture
def ada(db: None) -> User:
    return User.objects.create_user("ada")


def expected(owner: User, data: bytes = DATA, **options: str) -> IncomingFile:
    return incoming_expect(owner=owner, file_name="images.zip", n_bytes=len(data), **options)


def sent(owner: User, data: bytes, size: int = 1000, **options: str) -> IncomingFile:
    file = expected(owner, data, **options)
    for at in range(0, len(data), size):
        file = incoming_add(file=file, offset=at, data=data[at : at + size])
    return file


def kept(file: IncomingFile) -> bytes:
    return path_of_incoming(file).read_bytes()


class TestParts:
    def test_in_order_they_become_the_file(self, ada: User) -> None:
        file = sent(ada, DATA, sha256=bytes_sha256(DATA))
        assert file.n_received == len(DATA) and kept(file) == DATA
        with incoming_whole(owner=ada, key=file.key) as (whole, path):
            assert whole == file and path.read_bytes() == DATA

    def test_one_that_is_repeated_does_no_harm(self, ada: User) -> None:
        file = sent(ada, DATA[:1500] + DATA[1500:])
        for offset, size in ((0, 1000), (700, 600), (1000, len(DATA) - 1000), (len(DATA) - 1, 1)):
            again = incoming_add(file=file, offset=offset, data=DATA[offset : offset + size])
            assert again.n_received == len(DATA)
        assert kept(file) == DATA

    def test_one_that_overlaps_adds_what_is_new(self, ada: User) -> None:
        file = expected(ada)
        file = incoming_add(file=file, offset=0, data=DATA[:1000])
        file = incoming_add(file=file, offset=600, data=DATA[600:1700])
        assert file.n_received == 1700 and kept(file) == DATA[:1700]

    def test_other_bytes_in_the_same_place_are_noticed(self, ada: User) -> None:
        file = expected(ada)
        incoming_add(file=file, offset=0, data=DATA[:1000])
        with pytest.raises(ConflictError, match="not the same file") as error:
            incoming_add(file=file, offset=0, data=b"x" * 1000)
        assert error.value.details == {"n_received": 1000} and kept(file) == DATA[:1000]

    def test_a_gap_is_refused_with_the_place_to_go_on(self, ada: User) -> None:
        file = incoming_add(file=expected(ada), offset=0, data=DATA[:500])
        with pytest.raises(ConflictError, match="Go on at 500") as error:
            incoming_add(file=file, offset=501, data=DATA[501:600])
        assert error.value.details == {"n_received": 500} and error.value.field == "offset"

    @pytest.mark.parametrize(
        ("offset", "data", "sha256", "words"),
        [
            (0, b"", "", "1 to 8,388,608 bytes"),
            (0, b"x" * (8 * 2**20 + 1), "", "1 to 8,388,608 bytes"),
            (0, DATA + b"x", "", "images.zip has 2,048 bytes"),
            (len(DATA), b"x", "", "images.zip has 2,048 bytes"),
            (-1, b"x", "", "images.zip has 2,048 bytes"),
            (10**30, b"x", "", "images.zip has 2,048 bytes"),
            (0, b"x", "0" * 64, "Send it again"),
            (0, b"x", "zz", "Send it again"),
        ],
    )
    def test_what_is_no_part_is_refused(self, ada: User, offset: int, data: bytes, sha256: str, words: str) -> None:
        file = expected(ada)
        with pytest.raises(InputError, match=words):
            incoming_add(file=file, offset=offset, data=data, sha256=sha256)
        assert not path_of_incoming(file).exists(), "nothing is written before the part is right"

    def test_a_part_that_was_damaged_on_its_way_is_noticed(self, ada: User) -> None:
        file = expected(ada)
        assert incoming_add(file=file, offset=0, data=b"x", sha256=bytes_sha256(b"x")).n_received == 1

    def test_a_full_disk_keeps_what_came_before(self, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
        file = incoming_add(file=expected(ada), offset=0, data=DATA[:1000])
        real = os.pwrite

        def full(descriptor: int, data: bytes, offset: int) -> int:
            if offset > 1000:
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(descriptor, data[:300], offset)

        monkeypatch.setattr(os, "pwrite", full)
        with pytest.raises(StoreFullError):
            incoming_add(file=file, offset=1000, data=DATA[1000:])
        monkeypatch.undo()
        file.refresh_from_db()
        assert file.n_received == 1000 and kept(file)[:1000] == DATA[:1000]
        incoming_add(file=file, offset=1000, data=DATA[1000:])
        assert kept(file) == DATA

    def test_a_killed_process_leaves_a_file_to_go_on_with(self, ada: User) -> None:
        file = incoming_add(file=expected(ada), offset=0, data=DATA[:1000])
        with path_of_incoming(file).open("ab") as torn:  # written, and killed before the row said so
            torn.write(b"torn")
        incoming_add(file=file, offset=1000, data=DATA[1000:])
        assert kept(file) == DATA

    def test_bytes_that_are_gone_are_told(self, ada: User) -> None:
        file = incoming_add(file=expected(ada), offset=0, data=DATA[:1000])
        path_of_incoming(file).unlink()
        with pytest.raises(NotFoundError, match="is gone"):
            incoming_add(file=file, offset=1000, data=DATA[1000:])
        with pytest.raises(ConflictError, match="0 of 2,048 bytes"), incoming_whole(owner=ada, key=file.key):
            pass


@pytest.mark.django_db(transaction=True)
def test_the_same_parts_at_once_make_one_file(ada: User) -> None:
    file = expected(ada)

    def send(at: int) -> int:
        try:
            return incoming_add(file=file, offset=at, data=DATA[at : at + 256]).n_received
        except ConflictError:  # the one before it is under way
            return -1
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        for _ in range(10):
            list(pool.map(send, [at for at in range(0, len(DATA), 256) for _ in range(2)]))
    file.refresh_from_db()
    assert file.n_received == len(DATA) and kept(file) == DATA


class TestLimits:
    @pytest.mark.parametrize("n_bytes", [0, -1, 4096 * 2**20 + 1])
    def test_the_size_is_that_of_any_archive(self, ada: User, n_bytes: int) -> None:
        with pytest.raises(InputError, match="4,096 MiB"):
            incoming_expect(owner=ada, file_name="images.zip", n_bytes=n_bytes)

    @pytest.mark.parametrize("name", ["", " ", "\n"])
    def test_a_name_is_there(self, ada: User, name: str) -> None:
        with pytest.raises(InputError, match="the file's name"):
            incoming_expect(owner=ada, file_name=name, n_bytes=1)

    @pytest.mark.parametrize("name", ["a\x00b", "a\ud800b", "a\x1bb"])
    def test_a_name_can_be_shown(self, ada: User, name: str) -> None:
        file = incoming_expect(owner=ada, file_name=name, n_bytes=1)
        file.refresh_from_db()
        assert file.file_name == "a\ufffdb"

    def test_all_files_of_one_person_together(self, ada: User, settings: Settings) -> None:
        settings.UPLOAD_MAX_BYTES = 3000
        first = expected(ada)
        with pytest.raises(ConflictError, match="1 files of 0 MiB under way") as error:
            expected(ada)
        assert error.value.details == {"files": [str(first.key)]}
        assert expected(User.objects.create_user("eve")), "another person has a share of their own"
        incoming_remove(file=first)
        assert expected(ada)

    def test_how_many_at_once(self, ada: User) -> None:
        for _ in range(FILES_AT_ONCE):
            incoming_expect(owner=ada, file_name="x", n_bytes=1)
        with pytest.raises(ConflictError, match=f"{FILES_AT_ONCE} files"):
            incoming_expect(owner=ada, file_name="x", n_bytes=1)

    def test_one_that_lies_idle_gives_way(
        self, ada: User, settings: Settings, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
    ) -> None:
        settings.UPLOAD_MAX_BYTES = 3000
        idle = incoming_add(file=expected(ada), offset=0, data=DATA[:10])
        IncomingFile.objects.update(received_at=timezone.now() - timedelta(hours=2))
        with django_capture_on_commit_callbacks(execute=True):
            new = expected(ada)
        assert list(IncomingFile.objects.all()) == [new] and not path_of_incoming(idle).exists()

    def test_a_disk_without_room(self, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(incoming_module, "ROOM_KEPT", 2**62)
        with pytest.raises(StoreFullError, match="no room for images.zip"):
            expected(ada)
        assert not IncomingFile.objects.exists()


def test_what_nobody_goes_on_with_is_removed(
    ada: User, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    old, new = sent(ada, DATA), sent(ada, DATA)
    IncomingFile.objects.filter(pk=old.pk).update(received_at=timezone.now() - timedelta(days=2))
    ownerless = incoming_folder() / "left-behind"
    ownerless.write_bytes(b"x")
    os.utime(ownerless, (0, 0))
    with django_capture_on_commit_callbacks(execute=True):
        work_sweep()
    assert list(IncomingFile.objects.all()) == [new]
    assert [path.name for path in incoming_folder().iterdir()] == [str(new.key)]


class TestUse:
    def test_it_becomes_an_upload_once(
        self,
        ada: User,
        suite: Suite,
        make_zip: Make,
        django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    ) -> None:
        file = sent(ada, make_zip(whole_run()).read_bytes())
        given = {"suite": suite, "generator": "imagen", "source": file.key, "created_by": ada}
        with pytest.raises(InputError, match="[Nn]ame"):
            upload_receive(run_name="", **given)  # type: ignore[arg-type]
        assert IncomingFile.objects.exists(), "it need not be sent again"
        with django_capture_on_commit_callbacks(execute=True):
            upload = upload_receive(run_name="mine", **given)  # type: ignore[arg-type]
        assert upload.file_name == "images.zip" and not IncomingFile.objects.exists()
        assert list(incoming_folder().iterdir()) == []
        assert upload_check(upload=upload) and upload.n_files == 8
        with pytest.raises(NotFoundError, match="or it was used"):
            upload_receive(run_name="two", **given)  # type: ignore[arg-type]
        assert Upload.objects.count() == 1

    def test_what_is_no_zip_leaves_no_upload(self, ada: User, suite: Suite) -> None:
        file = sent(ada, DATA)
        with pytest.raises(InputError, match="is not a zip"):
            upload_receive(suite=suite, run_name="x", generator="x", source=file.key, created_by=ada)
        assert not Upload.objects.exists() and kept(file) == DATA

    def test_a_failure_afterwards_keeps_the_file_and_nothing_else(
        self, ada: User, suite: Suite, make_zip: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = sent(ada, make_zip(whole_run()).read_bytes())
        made: list[Upload] = []

        def fail(upload: Upload) -> None:
            made.append(upload)
            raise RuntimeError("the database went away")

        monkeypatch.setattr(Upload, "save", fail)
        with pytest.raises(RuntimeError):
            upload_receive(suite=suite, run_name="x", generator="x", source=file.key, created_by=ada)
        assert path_of_incoming(file).exists() and not staging_of(made[0]).exists()

    def test_one_that_is_not_whole_or_not_the_one_declared(self, ada: User, suite: Suite) -> None:
        part = incoming_add(file=expected(ada), offset=0, data=DATA[:10])
        other = sent(ada, DATA, sha256="0" * 64)
        for file, words in ((part, "10 of 2,048 bytes have come"), (other, "does not have the SHA-256")):
            with pytest.raises(InputError, match=words):
                upload_receive(suite=suite, run_name="x", generator="x", source=file.key, created_by=ada)


class TestApi:
    @pytest.fixture
    def api(self, ada: User) -> APIClient:
        client = APIClient()
        client.force_authenticate(ada)
        return client

    def test_from_parts_to_a_run(self, api: APIClient, suite: Suite, make_zip: Make) -> None:
        data = make_zip(whole_run()).read_bytes()
        told = api.post("/api/v1/files/", {"file_name": "images.zip", "n_bytes": len(data)}, format="json").json()
        assert (told["n_received"], told["part_max_bytes"]) == (0, 8 * 2**20)
        file = f"/api/v1/files/{told['key']}/"
        for at in range(0, len(data), 5000):
            part = data[at : at + 5000]
            for _ in range(2):  # repeated, as after an answer that was lost
                answer = api.put(
                    f"{file}part/?offset={at}&sha256={bytes_sha256(part)}",
                    part,
                    content_type="application/octet-stream",
                )
                assert answer.status_code == 200, answer.content
        assert api.get(file).json()["n_received"] == len(data)
        assert [each["key"] for each in api.get("/api/v1/files/").json()] == [told["key"]]
        given = {"suite": "words", "run_name": "mine", "generator": "imagen", "file_key": told["key"]}
        made = api.post("/api/v1/uploads/", given, format="json")
        assert made.status_code == 201 and made.json()["file_name"] == "images.zip", made.json()
        assert api.get(file).status_code == 404 and not GenerationRun.objects.exists()
        assert api.post("/api/v1/uploads/", given, format="json").status_code == 404

    def test_a_suite_in_parts(self, api: APIClient) -> None:
        text = b"prompt,category\n" + b"".join(b"a fox number %d,Foxes\n" % n for n in range(60_000))
        assert len(text) > 2**20
        told = api.post("/api/v1/files/", {"file_name": "foxes.csv", "n_bytes": len(text)}, format="json").json()
        for at in range(0, len(text), 2**20):
            path = f"/api/v1/files/{told['key']}/part/?offset={at}"
            api.put(path, text[at : at + 2**20], content_type="application/octet-stream")
        made = api.post("/api/v1/suites/", {"file_key": told["key"]}, format="json")
        assert made.status_code == 201 and made.json()["name"] == "foxes", made.json()
        assert not IncomingFile.objects.exists()

    def test_a_file_is_its_owners(self, api: APIClient) -> None:
        hers = sent(User.objects.create_user("eve"), DATA)
        path = f"/api/v1/files/{hers.key}/"
        put = api.put(f"{path}part/?offset=0", DATA, content_type="application/octet-stream")
        taken = api.post("/api/v1/suites/", {"file_key": str(hers.key)}, format="json")
        statuses = [put.status_code, taken.status_code, api.get(path).status_code, api.delete(path).status_code]
        assert statuses == [404] * 4 and api.get("/api/v1/files/").json() == []

    @pytest.mark.parametrize(
        ("query", "data", "content_type", "status"),
        [
            ("", DATA, "application/octet-stream", 400),
            ("?offset=-1", DATA, "application/octet-stream", 400),
            ("?offset=x", DATA, "application/octet-stream", 400),
            (f"?offset={10**40}", DATA, "application/octet-stream", 400),
            ("?offset=0&sha256=%00", DATA, "application/octet-stream", 400),
            ("?offset=0", b"", "application/octet-stream", 400),
            ("?offset=0", DATA, "application/json", 415),
            ("?offset=5", DATA[5:], "application/octet-stream", 409),
        ],
    )
    def test_what_is_no_part(
        self, ada: User, api: APIClient, query: str, data: bytes, content_type: str, status: int
    ) -> None:
        file = expected(ada)
        answer = api.put(f"/api/v1/files/{file.key}/part/{query}", data, content_type=content_type)
        assert answer.status_code == status, answer.content
        assert not path_of_incoming(file).exists()

    @pytest.mark.parametrize(
        "given",
        [
            {},
            {"file_name": "x"},
            {"file_name": "x", "n_bytes": "many"},
            {"file_name": "x", "n_bytes": 10**40},
            {"file_name": "x\x00", "n_bytes": 1},
            {"file_name": "x", "n_bytes": 1, "sha256": "Z" * 64},
        ],
    )
    def test_what_is_no_file(self, api: APIClient, given: dict[str, object]) -> None:
        assert api.post("/api/v1/files/", given, format="json").status_code == 400
        assert not IncomingFile.objects.exists()

    def test_it_can_be_given_up(
        self, ada: User, api: APIClient, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
    ) -> None:
        file = sent(ada, DATA)
        with django_capture_on_commit_callbacks(execute=True):
            assert api.delete(f"/api/v1/files/{file.key}/").status_code == 204
        assert not IncomingFile.objects.exists() and not path_of_incoming(file).exists()

    def test_strangers_write_nothing(self, ada: User) -> None:
        file = expected(ada)
        stranger, forged = Client(), Client(enforce_csrf_checks=True)
        forged.force_login(ada)  # another site's page in her browser
        path = f"/api/v1/files/{file.key}/part/?offset=0"
        for client, status in ((stranger, 401), (forged, 403)):
            answer = client.put(path, DATA, content_type="application/octet-stream")
            assert answer.status_code == status
        assert not incoming_folder().exists() or list(incoming_folder().iterdir()) == []
