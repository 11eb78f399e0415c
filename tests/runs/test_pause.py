"""A run that is paused stays where it is until it is resumed; what a run will come to is said before it starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from evaluation.errors import ConflictError
from evaluation.models import GenerationRun, RunStatus
from evaluation.services import sweep
from evaluation.services.runs import draw as run_draw
from evaluation.services.runs.request import run_cancel, run_pause, run_resume
from evaluation.services.work import items
from tests.rivals.conftest import declare, folder, openai_like, service  # noqa: F401  (fixtures)
from tests.rivals.server import Service
from tests.runs.steps import MakeSuite, ask, command, draw

pytestmark = pytest.mark.django_db


def test_a_paused_run_waits_and_goes_on_when_it_is_resumed(
    make_suite: MakeSuite, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ask(make_suite(*(f"prompt {number}" for number in range(3))))
    run_pause(run=run)
    assert run_draw.run_drawing(run.pk) is None and draw(run).status == RunStatus.PAUSED
    assert run.samples.count() == 0
    queued: list[object] = []

    def handed(task: str, pk: object) -> bool:
        queued.append(pk)
        return True

    monkeypatch.setattr(sweep, "hand_over", handed)
    monkeypatch.setattr(sweep, "messages_waiting", lambda: 0)
    sweep.work_sweep(starting=True)
    assert queued == [], "nobody takes up what somebody paused"
    run_resume(run=run, queue=False)
    assert draw(run).status == RunStatus.DONE and run.samples.count() == 6


def test_workers_notice_a_pause_within_a_batch(make_suite: MakeSuite, monkeypatch: pytest.MonkeyPatch) -> None:
    run = ask(make_suite(*(f"prompt {number}" for number in range(8))))
    do = run_draw.Drawing.do

    def do_and_pause(self: run_draw.Drawing, batch: object, limit: object) -> object:
        done = do(self, batch, limit)  # type: ignore[arg-type]
        GenerationRun.objects.filter(pk=run.pk).update(status=RunStatus.PAUSED)
        return done

    monkeypatch.setattr(run_draw.Drawing, "do", do_and_pause)
    monkeypatch.setattr(items, "WANTED_EVERY_S", 0.0)  # these batches take no time
    run_draw.run_draw(run_pk=run.pk, prompt_pks=run_draw.run_chunks(run)[0], seconds=60)
    run.refresh_from_db()
    assert (run.status, run.samples.count()) == (RunStatus.PAUSED, 1), "the first batch is one image, and is kept"


def test_what_can_be_paused_and_stopped(make_suite: MakeSuite) -> None:
    run = ask(make_suite("a fox"))
    run_pause(run=run)
    with pytest.raises(ConflictError, match="can't be paused: it is paused. Only runs that are queued or running"):
        run_pause(run=run)
    assert run_cancel(run=run).status == RunStatus.CANCELLED


def test_the_page_and_the_command_pause_and_resume(make_suite: MakeSuite, admin_client: Client) -> None:
    run = ask(make_suite("a fox"), name="fox")
    assert "pause/" in admin_client.get(f"/runs/{run.pk}/").content.decode()
    admin_client.post(f"/runs/{run.pk}/pause/")
    run.refresh_from_db()
    page = admin_client.get(f"/runs/{run.pk}/").content.decode()
    assert run.status == RunStatus.PAUSED and "Resume" in page and "Paused" in page
    admin_client.post(f"/runs/{run.pk}/resume/")
    assert command("--pause", "fox")["status"] == "paused"
    assert command("--resume", "fox", "--here")["status"] == "done"


def test_the_form_says_what_a_run_will_come_to(
    make_suite: MakeSuite,
    admin_client: Client,
    folder: Path,  # noqa: F811
    service: Service,  # noqa: F811
) -> None:
    declare(folder, "tests", **openai_like(service, price={"image_usd": 0.25}))
    suite = make_suite("a fox", "a heron")
    values: dict[str, Any] = {"suite": suite.pk, "generator": "http", "samples_per_prompt": 8, "run_seed": 0}
    asked: dict[str, Any] = {"parameter-service": "tests", "parameter-parallel": 4, "parameter-timeout_s": 60}
    new = admin_client.get("/runs/new/?generator=http").content.decode()
    assert "/runs/new/estimate/" in new
    menu = new.partition('name="parameter-service"')[2].partition("</select>")[0]
    assert menu.index('<option value="" selected>') < menu.index('<option value="bfl">')
    told = admin_client.get("/runs/new/estimate/", values | asked).content.decode()
    assert told.strip() == "16 images of 2 prompts, at about $0.25 each: about $4.00 in all."
    wrong = admin_client.get("/runs/new/estimate/", values | asked | {"parameter-width": 48}).content.decode()
    assert "give width and height together" in wrong
    admin_client.post("/runs/new/", values | asked | {"parameter-service": "openai", "name": "early"})
    assert not GenerationRun.objects.filter(name="early").exists(), "it needs a model: told before anything waits"
    assert admin_client.get("/runs/new/estimate/", {"generator": "nobody"}).content.strip() == b""
