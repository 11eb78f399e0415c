"""Something for every address to write to, what is posted to each, and a database whose disk is full."""

from __future__ import annotations

import errno
import io
import json
import os
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import reverse
from rest_framework.authtoken.models import Token

from evaluation.models import Comparison, MetricRun, RunStatus, SampleFailure
from evaluation.selectors.ratings import rater_pseudonym
from evaluation.selectors.trials import next_trials
from evaluation.services.accounts.sign_in_link import sign_in_link_create
from evaluation.services.rating.device import device_code_create
from evaluation.services.rating.enrol import Enrolled
from evaluation.services.scoring.request import metric_request
from evaluation.services.studies.change import draft_version
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.invitation import invitation_create
from evaluation.services.studies.open import study_open
from evaluation.services.uploads.check import upload_check
from evaluation.services.uploads.receive import upload_receive
from evaluation.views.researcher.metric_form import MetricForm, usable_metrics
from evaluation.views.researcher.run_form import RunForm, usable_specs
from tests.studies.world import a_run, a_suite, an_open_study, enrolled, png, session_of


@dataclass
class World:
    """Something for every address to write to."""

    user: User
    rater: Enrolled
    finishing: Enrolled
    qualifying: Enrolled
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


def a_world(tmp_path: Path) -> World:
    user = User.objects.create_superuser("ada", password="engine-of-1843")
    colleague = User.objects.create_user("lin")
    sign_in_link_create(user=colleague)
    study = an_open_study({"Colors": 1}, raters_per_panel=9, samples=1, about=["age"], flagged=[{"prompt_id": "0"}])
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
    shown = json.dumps([each.name for each in runs])
    rows = [{"prompt_id": "00000", "shown": shown, "question": "alignment", "answer": "right"}]
    choosy = study_open(
        study=study_create(StudyDraft(name="choosy", runs=runs, raters_per_panel=2, qualification=rows))
    )
    qualifying = enrolled(choosy)
    item = Comparison.objects.get(study=choosy, control="qualify").pk
    answer = {"assignment": trial.assignment, "question": session.questions[0], "choice": "left"}
    one = {"runs": [run.pk for run in runs], "protocol": "drawbench", "missing": "refuse", "design_seed": 0}
    options = {"allow_missing": "on", "numbering": "from_zero"}
    made = World(user, rater, finishing, qualifying)
    made.arguments = {
        "run-cancel": {"pk": working.pk},
        "run-pause": {"pk": working.pk},
        "run-retry": {"pk": failed.pk},
        "run-resume": {"pk": stopped.pk},
        "score-cancel": {"pk": asked.pk},
        "score-retry": {"pk": ended.pk},
        "score-anew": {"pk": ended.pk},
        "new-score": {"pk": failed.pk},
        "upload": {"key": uploads[0].key},
        "other-upload": {"key": uploads[1].key},
        "open": {"name": draft.name},
        "colleague": {"pk": colleague.pk},
        "unused-suite": {"pk": a_suite({"Colors": 1}, name="unused").pk},
        "study": {"name": study.name},
        "revoke": {"name": study.name, "pk": invitation.pk},
        "join": {"key": invitation.key},
    }
    specs = usable_specs()
    metric_form = MetricForm(spec, [name], failed)
    new_run = _values(RunForm(specs["cascade"], list(specs))) | {"suite": suite.pk, "name": "new"}
    zip_form = {"suite": suite.pk, "run_name": "more", "generator": "imagen"}
    a, pseudonym = made.arguments, rater_pseudonym(str(rater.rater.key))
    made.bodies = {
        "researcher:sign-in": (None, {"username": "ada", "password": "engine-of-1843"}),
        "researcher:set-password": (None, dict.fromkeys(("new_password1", "new_password2"), "note-g-bernoulli")),
        "researcher:rotate-token": (None, {}),
        "researcher:invite-colleague": (None, {"username": "grace"}),
        "researcher:renew-link": (a["colleague"], {}),
        "researcher:revoke-links": (a["colleague"], {}),
        "researcher:block-account": (a["colleague"], {"blocked": "yes"}),
        "researcher:suites": (None, {"known": "drawbench-cc0"}),
        "researcher:new-run": (None, new_run),
        "researcher:cancel-run": (a["run-cancel"], {}),
        "researcher:pause-run": (a["run-pause"], {}),
        "researcher:retry-run": (a["run-retry"], {}),
        "researcher:resume-run": (a["run-resume"], {}),
        "researcher:new-score": (a["new-score"], _values(metric_form)),
        "researcher:cancel-score": (a["score-cancel"], {}),
        "researcher:retry-score": (a["score-retry"], {}),
        "researcher:score-anew": (a["score-anew"], {}),
        "researcher:new-upload": (None, lambda: zip_form | {"file": SimpleUploadedFile("more.zip", zipped())}),
        "researcher:fix-upload": (a["upload"], {"file": "00000/0.png", "move": "on", "prompt": "0", "sample": "0"}),
        "researcher:match-upload": (a["upload"], options),
        "researcher:confirm-upload": (a["upload"], options),
        "researcher:drop-upload": (a["upload"], {}),
        "researcher:new-study": (None, one | {"name": "fresh"}),
        "researcher:edit-study": (a["open"], one | {"name": "draft", "title": "?", "version": draft_version(draft)}),
        "researcher:open-study": (a["open"], {}),
        "researcher:manage-suite": (a["unused-suite"], {"action": "rename", "name": "other"}),
        "researcher:manage-run": (a["run-resume"], {"action": "archive"}),
        "researcher:manage-study": (a["open"], {"action": "archive"}),
        "researcher:simulate": (a["study"], {"raters": "1", "seed": "0"}),
        "researcher:revoke-rater": (a["study"] | {"pk": rater.rater.pk}, {}),
        "researcher:study-bundle": (a["study"], {}),
        "researcher:close-study": (a["study"], {"inside": 2}),
        "researcher:participants": (a["study"], {"participant": pseudonym, "delete": "1"}),
        "researcher:pause-study": (a["study"], {}),
        "researcher:resume-study": (a["study"], {}),
        "researcher:invite": (a["study"], {"label": "more"}),
        "researcher:revoke-invitation": (a["revoke"], {}),
        "researcher:recode-invitation": (a["revoke"], {"completion_code": "DONE"}),
        "rater:about": (None, {"about-age": "25 to 34"}),
        "rater:join": (a["join"], {}),
        "rater:instructions": (None, {}),
        "rater:qualify": (None, {"item": item, "alignment": "left"}),
        "rater:finish": (None, {}),
        "rater:withdraw": (None, {}),
        "rater:rate": (None, {"answers": [answer | {"response_time_ms": 900, "submission": str(uuid4())}]}),
        "rater:undo": (None, {}),
        "rater:skip": (None, {"assignment": trial.assignment, "reason": "images did not load"}),
        "rater:uncover": (None, {"uncovered": [{"assignment": trial.assignment, "images": list(trial.covered)}]}),
        "rater:device": (None, {}),
        "rater:continue": (None, {"code": device_code_create(rater=rater.rater)}),
        "api:token": (None, {"username": "bob", "password": "engine-of-1843"}),
        "api:suite-list": (None, {"known": "drawbench-cc0"}),
        "api:run-list": (None, {"suite": suite.name, "generator": "cascade", "name": "newer"}),
        "api:run-cancel": (a["run-cancel"], {}),
        "api:run-pause": (a["run-pause"], {}),
        "api:run-retry": (a["run-retry"], {}),
        "api:run-resume": (a["run-resume"], {}),
        "api:score-list": (None, {"run": failed.name, "metric": name}),
        "api:score-cancel": (a["score-cancel"], {}),
        "api:score-retry": (a["score-retry"], {}),
        "api:upload-list": (
            None,
            lambda: zip_form | {"suite": suite.name, "file": SimpleUploadedFile("more.zip", zipped())},
        ),
        "api:file-list": (None, {"file_name": "more.zip", "n_bytes": 9}),
        "api:upload-match": (a["upload"], {"numbering": "from_zero"}),
        "api:upload-confirm": (a["other-upload"], {"allow_missing": True, "numbering": "from_zero"}),
        "api:upload-drop": (a["upload"], {}),
        "api:suite-manage": (a["unused-suite"], {"name": "other", "archived": True}),
        "api:run-manage": (a["run-resume"], {"name": "other", "archived": True}),
        "api:study-manage": (a["study"], {"name": "A new title"}),
        "api:study-list": (None, {"name": "newer", "runs": [run.name for run in runs]}),
        "api:study-change": (a["open"], {"title": "Another"}),
        "api:study-copy": (a["study"], {"name": "copied"}),
        "api:study-open": (a["open"], {}),
        "api:study-close": (a["study"], {"inside": 2}),
        "api:study-participants-delete": (a["study"], {"participant": pseudonym}),
        "api:study-pause": (a["study"], {}),
        "api:study-resume": (a["study"], {}),
        "api:study-invitations": (a["study"], {"label": "more"}),
        "admin:login": (None, {"username": "ada", "password": "engine-of-1843"}),
    }
    User.objects.create_user("bob", password="engine-of-1843")
    return made


def client_of(world: World, name: str) -> Client:
    client = Client(raise_request_exception=False)
    if name.startswith("rater:") and name != "rater:join":
        rater = world.finishing if name in ("rater:finish", "rater:undo") else world.rater
        rater = world.qualifying if name == "rater:qualify" else rater
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
    if name.startswith("rater:") and name.rpartition(":")[2] in ("rate", "undo", "skip", "uncover"):
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


def answer_all(world: World) -> None:
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


def no_space(*arguments: object, **options: object) -> Any:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/a/full/disk")
