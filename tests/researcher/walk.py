"""All researchers' pages of a small world, for tests that hold for each of them."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, reverse
from django.utils import timezone

from evaluation.models import GenerationRun, MetricRun, RunStatus, SampleFailure, Study, Suite, Upload
from evaluation.services.rating.simulate import raters_simulate
from evaluation.services.reporting.make import report_make
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.invitation import invitation_create
from evaluation.services.uploads.check import upload_check
from evaluation.services.uploads.receive import upload_receive
from evaluation.views.researcher.urls import urlpatterns
from tests.metric_services.steps import ask, score
from tests.studies.world import a_run, an_open_study, png

ADDRESSES = [each for each in urlpatterns if isinstance(each, URLPattern)]
RATINGS_FILES = {"study-ratings", "report-ratings"}


def world_of_ones(folder: Path, user: User) -> Study:
    """One of each: a category, a prompt, a sample, a rater, an invitation, a failure, a score, an upload of an image
    and a problem. The metrics of tests/plugins must be there (the fixture `plugin`)."""
    study = an_open_study({"Colors": 1}, raters_per_panel=1, samples=1)
    raters_simulate(study=study, raters=1, seed=0)
    run = study.study_runs.all()[0].run
    invitation_create(study=study, max_raters=1, expires_at=timezone.now() + timedelta(days=1))
    score(ask(run))
    other = study.study_runs.all()[1].run
    score(ask(run, "testspread", reference=f"run:{other.name}"))
    study_create(StudyDraft(name="draft", runs=[run, other], labels=["one", "other"], raters_per_panel=1))
    lacking = a_run(run.suite, "lacking", samples=2, without=[(0, 1)], status=RunStatus.RUNNING)
    SampleFailure.objects.create(
        run=lacking, prompt=run.suite.prompts.get(), sample=1, kind="timeout", message="60 s are over"
    )
    upload_of_one(run.suite, folder, user)
    report_make(study=study)
    return study


def upload_of_one(suite: Suite, folder: Path, user: User) -> Upload:
    """A checked zip: an image, a file with a problem, and one that is no image."""
    path = folder / "one.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("00000/0.png", png(0))
        archive.writestr("00000/1.png", b"no image")
        archive.writestr("notes.txt", b"hello")
    upload = upload_receive(suite=suite, run_name="uploaded", generator="imagen", source=path, created_by=user)
    while not upload_check(upload=upload, seconds=30):
        pass
    return upload


def whole_pages(client: Client) -> Iterator[tuple[str, str, int, str]]:
    """(address's name, path, status, HTML) of every researchers' address that answers with a whole page, and of more
    than one thing where there are several kinds of it."""
    for pattern in ADDRESSES:
        if (pattern.name or "").startswith("preview"):
            continue  # the rater's own page, played by a researcher
        for path in _paths(pattern.name or "", set(pattern.pattern.converters)):
            answer = (Client() if (pattern.name or "").startswith("sign-in") else client).get(path, follow=True)
            if answer.streaming or not answer.headers.get("Content-Type", "").startswith("text/html"):
                continue
            if answer.headers.get("Content-Disposition", "").startswith("attachment"):
                continue  # a file to be kept, which leads nowhere
            text = answer.content.decode()
            if "<html" in text and answer.status_code not in (404, 405):
                yield pattern.name or "", path, answer.status_code, text


def _paths(name: str, parts: set[str]) -> list[str]:
    if not parts:
        return [reverse(f"researcher:{name}")]
    things: list[dict[str, object]]
    if name in ("metric-run", "metric-run-state"):
        things = [{"pk": each.pk} for each in MetricRun.objects.all()]
    elif name in ("suite", "manage-suite"):
        things = [{"pk": each.pk} for each in Suite.objects.all()]
    elif "report" in name and "pk" in parts:
        things = [{"pk": each.reports.get().pk} for each in Study.objects.filter(reports__isnull=False)]
    elif "name" in parts:
        things = [{"name": each.name} for each in Study.objects.all()]
    elif "pk" in parts:
        things = [{"pk": each.pk} for each in GenerationRun.objects.all()]
    elif "key" in parts and name != "sign-in-link":
        things = [{"key": each.key} for each in Upload.objects.all()]
    else:
        things = [{}]
    rest = {
        "suffix": "csv" if name in RATINGS_FILES else "svg",
        "number": 0,
        "pk": 1,
        "key": "used",
        "sha256": "0" * 64,
    }
    return [
        reverse(f"researcher:{name}", kwargs={part: thing.get(part, rest.get(part)) for part in parts})
        for thing in things
    ]
