"""A disk is full: whatever would write says so, 507 in pages and the API, status 2 in commands, and nothing stays.

The database's disk is full by real errors of the server (`disk_full`, SQLSTATE 53100) at every row that is written; the
temporary disk is a real one of 256 kB where this machine lets the test mount it.
"""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile
from django.core.management import get_commands, load_command_class
from django.db import DatabaseError, OperationalError, connection, transaction
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings
from rest_framework.authtoken.models import Token

import manage
from common.files import save_error
from drawbench.failures import plain_message
from evaluation.models import GenerationRun, MetricRun, RunStatus, SampleFailure, Study, Upload
from evaluation.selectors.trials import next_trials
from evaluation.services.rating.enrol import Enrolled
from evaluation.services.scoring.request import metric_request
from evaluation.services.store.images import StoreFullError
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.invitation import invitation_create
from evaluation.services.uploads.check import upload_check
from evaluation.services.uploads.receive import upload_receive
from evaluation.services.work.ladder import NO_ROOM
from evaluation.surroundings import Room, away, no_room
from evaluation.views.researcher.metric_form import MetricForm, usable_metrics
from evaluation.views.researcher.run_form import RunForm, usable_specs
from tests.addresses import every_address
from tests.studies.world import a_run, an_open_study, enrolled, png, session_of

pytestmark = pytest.mark.django_db

WRITES_NOTHING = {
    "researcher:sign-out": "ends the session",
    "researcher:report-coverage": "what it finds stands in the cache",
    "admin:jsi18n": "words",
    "admin:logout": "ends the session",
    "health": "takes a POST as a GET",
}


@pytest.fixture(autouse=True)
def media(settings: Settings, tmp_path: Path) -> Path:
    """A store of the test's own."""
    settings.MEDIA_ROOT = tmp_path / "media"
    cache.clear()
    return tmp_path / "media"


@dataclass
class World:
    """Something for every address to write to."""

    user: User
    rater: Enrolled
    finishing: Enrolled
    arguments: dict[str, dict[str, Any]] = field(default_factory=dict)
    bodies: dict[str, Any] = field(default_factory=dict)


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("00000/0.png", png(0))
    return out.getvalue()


def _values(form: Any) -> dict[str, Any]:
    """What a browser would send of a form that nobody has changed."""
    return {name: form[name].value() for name in form.fields if form[name].value() is not None}


@pytest.fixture
def world(tmp_path: Path) -> World:
    user = User.objects.create_superuser("ada", password="engine-of-1843")
    study = an_open_study({"Colors": 1}, raters_per_panel=9, samples=1)
    runs = [each.run for each in study.study_runs.order_by("order")]
    suite = runs[0].suite
    draft = study_create(StudyDraft(name="draft", runs=runs, raters_per_panel=1, display_side=24))
    stopped = a_run(suite, "stopped", without=[(0, 1)], status=RunStatus.CANCELLED)
    working = a_run(suite, "working", without=[(0, 1)], status=RunStatus.RUNNING)
    failed = a_run(suite, "failed", without=[(0, 1)])
    prompt = suite.prompts.get()
    SampleFailure.objects.create(run=failed, prompt=prompt, sample=1, kind="timeout", message="60 s are over")
    name, spec = next((name, spec) for name, spec in usable_metrics().items() if not spec.needs_reference)
    asked, ended = (metric_request(run=run, metric=name, queue=False).metric_run for run in runs)
    MetricRun.objects.filter(pk=ended.pk).update(status=RunStatus.FAILED, message="no weights")
    path = tmp_path / "one.zip"
    path.write_bytes(zipped())
    uploads = []
    for each in ("mine", "ours"):
        upload = upload_receive(suite=suite, run_name=each, generator="imagen", source=path, created_by=user)
        while not upload_check(upload=upload, seconds=30):
            pass
        uploads.append(upload)
    invitation = invitation_create(study=study)
    rater, finishing = enrolled(study, invitation=invitation), enrolled(study, invitation=invitation)
    session = session_of(rater)
    trial = next_trials(session)[0]
    answer = {"assignment": trial.assignment, "question": session.questions[0], "choice": "left"}
    one = {"runs": [run.pk for run in runs], "protocol": "drawbench", "missing": "refuse", "design_seed": 0}
    options = {"allow_missing": "on", "numbering": "from_zero"}
    made = World(user, rater, finishing)
    made.arguments = {
        "run-cancel": {"pk": working.pk},
        "run-retry": {"pk": failed.pk},
        "run-resume": {"pk": stopped.pk},
        "score-cancel": {"pk": asked.pk},
        "score-retry": {"pk": ended.pk},
        "score-anew": {"pk": ended.pk},
        "new-score": {"pk": failed.pk},
        "upload": {"key": uploads[0].key},
        "other-upload": {"key": uploads[1].key},
        "open": {"name": draft.name},
        "study": {"name": study.name},
        "revoke": {"name": study.name, "pk": invitation.pk},
        "join": {"key": invitation.key},
    }
    specs = usable_specs()
    metric_form = MetricForm(spec, [name], failed)
    new_run = _values(RunForm(specs["cascade"], list(specs))) | {"suite": suite.pk, "name": "new"}
    zip_form = {"suite": suite.pk, "run_name": "more", "generator": "imagen"}
    a = made.arguments
    made.bodies = {
        "researcher:sign-in": (None, {"username": "ada", "password": "engine-of-1843"}),
        "researcher:set-password": (None, dict.fromkeys(("new_password1", "new_password2"), "note-g-bernoulli")),
        "researcher:rotate-token": (None, {}),
        "researcher:suites": (None, {"known": "drawbench-cc0"}),
        "researcher:new-run": (None, new_run),
        "researcher:cancel-run": (a["run-cancel"], {}),
        "researcher:retry-run": (a["run-retry"], {}),
        "researcher:resume-run": (a["run-resume"], {}),
        "researcher:new-score": (a["new-score"], _values(metric_form)),
        "researcher:cancel-score": (a["score-cancel"], {}),
        "researcher:retry-score": (a["score-retry"], {}),
        "researcher:score-anew": (a["score-anew"], {}),
        "researcher:new-upload": (None, lambda: zip_form | {"file": SimpleUploadedFile("more.zip", zipped())}),
        "researcher:match-upload": (a["upload"], options),
        "researcher:confirm-upload": (a["upload"], options),
        "researcher:drop-upload": (a["upload"], {}),
        "researcher:new-study": (None, one | {"name": "new"}),
        "researcher:open-study": (a["open"], {}),
        "researcher:close-study": (a["study"], {}),
        "researcher:invite": (a["study"], {"label": "more"}),
        "researcher:revoke-invitation": (a["revoke"], {}),
        "rater:join": (a["join"], {}),
        "rater:instructions": (None, {}),
        "rater:finish": (None, {}),
        "rater:withdraw": (None, {}),
        "rater:rate": (None, {"answers": [answer | {"response_time_ms": 900, "submission": str(uuid4())}]}),
        "rater:undo": (None, {}),
        "rater:skip": (None, {"assignment": trial.assignment, "reason": "images did not load"}),
        "api:token": (None, {"username": "bob", "password": "engine-of-1843"}),
        "api:suite-list": (None, {"known": "drawbench-cc0"}),
        "api:run-list": (None, {"suite": suite.name, "generator": "cascade", "name": "newer"}),
        "api:run-cancel": (a["run-cancel"], {}),
        "api:run-retry": (a["run-retry"], {}),
        "api:run-resume": (a["run-resume"], {}),
        "api:score-list": (None, {"run": failed.name, "metric": name}),
        "api:score-cancel": (a["score-cancel"], {}),
        "api:score-retry": (a["score-retry"], {}),
        "api:upload-list": (
            None,
            lambda: zip_form | {"suite": suite.name, "file": SimpleUploadedFile("more.zip", zipped())},
        ),
        "api:upload-match": (a["upload"], {"numbering": "from_zero"}),
        "api:upload-confirm": (a["other-upload"], {"allow_missing": True, "numbering": "from_zero"}),
        "api:upload-drop": (a["upload"], {}),
        "api:study-list": (None, {"name": "newer", "runs": [run.name for run in runs]}),
        "api:study-open": (a["open"], {}),
        "api:study-close": (a["study"], {}),
        "api:study-invitations": (a["study"], {"label": "more"}),
        "admin:login": (None, {"username": "ada", "password": "engine-of-1843"}),
    }
    User.objects.create_user("bob", password="engine-of-1843")
    return made


def _client(world: World, name: str) -> Client:
    client = Client(raise_request_exception=False)
    if name.startswith("rater:") and name != "rater:join":
        rater = world.finishing if name in ("rater:finish", "rater:undo") else world.rater
        client.cookies["rater"] = rater.session_key
    elif name.startswith("api:") and name != "api:token":
        client.defaults["HTTP_AUTHORIZATION"] = f"Token {Token.objects.get_or_create(user=world.user)[0].key}"
    elif name not in ("researcher:sign-in", "admin:login", "api:token", "rater:join"):
        client.force_login(world.user)
    return client


def post(world: World, name: str, client: Client) -> Any:
    arguments, body = world.bodies[name]
    address = reverse(name, kwargs=arguments)
    if callable(body):
        return client.post(address, body())
    if name.startswith("rater:") and name.rpartition(":")[2] in ("rate", "undo", "skip"):
        rater = world.finishing if name == "rater:undo" else world.rater
        return client.post(address, body | {"rater": str(rater.rater.key)}, content_type="application/json")
    if name.startswith("api:"):
        return client.post(address, body, content_type="application/json")
    return client.post(address, body)


FULL = """
CREATE FUNCTION pg_temp.full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'could not extend file "base/1/2": No space left on device' USING ERRCODE = 'disk_full';
END $$;
"""


def fill_the_databases_disk() -> None:
    """Until the transaction's end, whatever is inserted or changed meets a full disk. Temporary, so gone with it."""
    with connection.cursor() as cursor:
        cursor.execute(FULL)
        for table in connection.introspection.table_names(cursor):
            cursor.execute(
                f'CREATE TRIGGER a_full_disk BEFORE INSERT OR UPDATE ON "{table}" '
                "FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.full_disk()"
            )


def _answer_and_undo(world: World) -> None:
    """`finishing` has answered all, so that undoing and finishing have something to write."""
    session = session_of(world.finishing)
    client = Client()
    client.cookies["rater"] = world.finishing.session_key
    for trial in next_trials(session, at_most=9):
        answers = [
            {
                "assignment": trial.assignment,
                "question": question,
                "choice": "left",
                "response_time_ms": 900,
                "submission": str(uuid4()),
            }
            for question in session.questions
        ]
        body = {"rater": str(world.finishing.rater.key), "answers": answers}
        assert client.post("/r/rate", body, content_type="application/json").status_code == 200


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
    _answer_and_undo(world)
    wrong, tried = [], 0
    for name in world.bodies:
        client = _client(world, name)
        with transaction.atomic():
            right = post(world, name, client)
            transaction.set_rollback(True)
        if right.status_code >= 400:
            wrong.append(f"{name} was not tried: {right.status_code} {right.content[:300]!r}")
            continue
        client = _client(world, name)
        cache.clear()
        with transaction.atomic():
            fill_the_databases_disk()
            full = post(world, name, client)
            transaction.set_rollback(True)
        text = full.content.decode()
        if full.status_code != 507 or "database's disk is full" not in text.replace("&#x27;", "'"):
            wrong.append(f"{name}: {full.status_code} {text[:300]}")
        elif full.headers["Content-Type"].startswith("application/json") != (
            name.startswith("api:") or name in ("rater:rate", "rater:undo", "rater:skip")
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


def _no_space(*arguments: object, **options: object) -> Any:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/a/full/disk")


@pytest.mark.parametrize("name", WRITES_FILES)
def test_a_full_data_disk_is_507_and_nothing_stays(
    world: World, name: str, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def state() -> tuple[set[Path], list[int]]:
        models = (Study, Upload, GenerationRun)
        return {each for each in media.rglob("*") if each.is_file()}, [model.objects.count() for model in models]

    before = state()
    client = _client(world, name)
    with monkeypatch.context() as full:
        for writes in ("os.link", "os.replace", "os.fsync", "evaluation.services.uploads.receive._parts"):
            full.setattr(writes, _no_space)
        answer = post(world, name, client)
    assert answer.status_code == 507, answer.content
    assert " full" in answer.content.decode()
    assert state() == before
    assert Study.objects.get(name="draft").status == "draft"
    assert post(world, name, _client(world, name)).status_code < 400, "with room it goes on"


@pytest.mark.parametrize("address", ["/suites/", "/uploads/new/", "/api/v1/suites/", "/api/v1/uploads/"])
@pytest.mark.parametrize("when", ["at the first bytes", "at the last bytes"])
def test_a_full_temporary_disk_is_507_and_nothing_stays(
    world: World, address: str, when: str, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path / "temporary")
    (tmp_path / "temporary").mkdir()
    held: list[object] = []

    def write(self: TemporaryUploadedFile, data: bytes) -> int:
        held.append(self)  # as whoever holds the error would
        self.file.write(data[:100])
        return _no_space()

    if when == "at the first bytes":
        monkeypatch.setattr(TemporaryUploadedFile, "write", write, raising=False)
    else:
        monkeypatch.setattr(TemporaryUploadedFile, "seek", _no_space, raising=False)
    client = _client(world, "api:suite-list" if address.startswith("/api") else "researcher:suites")
    body = {"file": SimpleUploadedFile("words.txt", b"a fox\n" * 1000), "other": SimpleUploadedFile("b", b"b")}
    answer = client.post(address, body)
    assert answer.status_code == 507
    assert "The disk is full" in answer.content.decode()
    assert list((tmp_path / "temporary").iterdir()) == []


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
    settings.FILE_UPLOAD_TEMP_DIR = str(small_disk)
    big = SimpleUploadedFile("big.zip", os.urandom(600_000))
    for name in ("researcher:new-upload", "api:upload-list", "api:suite-list"):
        address = reverse(name)
        answer = _client(world, name).post(address, {"file": big})
        assert answer.status_code == 507, answer.content
        assert list(small_disk.iterdir()) == [], "the file that came is gone, and the disk has room again"
        big.seek(0)
    settings.FILE_UPLOAD_TEMP_DIR = None
    settings.MEDIA_ROOT = small_disk / "media"
    body = {"suite": GenerationRun.objects.all()[0].suite.pk, "run_name": "more", "generator": "imagen", "file": big}
    answer = _client(world, "researcher:new-upload").post(reverse("researcher:new-upload"), body)
    assert answer.status_code == 507
    assert [each for each in small_disk.rglob("*") if each.is_file()] == []


# --- Commands and workers ---------------------------------------------------------------------------------------------


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
    monkeypatch.setattr("os.fsync", _no_space)
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


def test_a_raters_answer_on_a_full_disk_waits(world: World) -> None:
    """The page's script keeps an answer that was answered by 500 or more, and sends it again."""
    client = _client(world, "rater:rate")
    with transaction.atomic():
        fill_the_databases_disk()
        assert post(world, "rater:rate", client).status_code == 507
        transaction.set_rollback(True)
    assert post(world, "rater:rate", client).json()["answers"][0]["status"] == "saved"
