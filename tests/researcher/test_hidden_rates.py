"""A study that keeps its rates hidden until it closes: every way to results asks first, is logged, and is counted."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from evaluation.models import Report, ResultLook, Study
from evaluation.services.rating.simulate import raters_simulate
from evaluation.services.reporting.make import report_make
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.open import study_close, study_open
from tests.studies.world import a_run, a_suite

pytestmark = pytest.mark.django_db

COMMANDS = (
    *(["analyse", "secret"], ["export_ratings", "secret"], ["orders", "secret"], ["against_people", "secret"]),
    ["export_study", "secret", "--out", "nothing-is-written.zip"],
    ["export_report", "secret", "--out", "nothing-is-written.html"],
)


@pytest.fixture
def secret() -> Study:
    suite = a_suite({"Colors": 3})
    runs = [a_run(suite, name, samples=1) for name in ("one", "two")]
    study = study_open(study=study_create(StudyDraft(name="secret", runs=runs, raters_per_panel=6, hide_rates=True)))
    raters_simulate(study=study, share=0.8, seed=1)
    return study


def pages(report: Report) -> list[str]:
    """Every address of a study, and of a report, that shows results."""
    names = [
        "report", "report-coverage", "report-json", "report-table", "report-file",
    ]  # fmt: skip
    own = [reverse(f"researcher:{name}", args=[report.pk]) for name in names]
    own.append(reverse("researcher:report-pair", args=[report.pk, 0]))
    own.append(reverse("researcher:report-figure", args=[report.pk, 0, "svg"]))
    own.append(reverse("researcher:report-table-tex", args=[report.pk, 0]))
    own.append(reverse("researcher:report-ratings", args=[report.pk, "csv"]))
    own.append(reverse("researcher:report-answers", args=[report.pk]))
    names = ["report", "orders", "answers", "rating-list"]
    study = [reverse(f"researcher:study-{name}", args=["secret"]) for name in names]
    return [*own, *study, reverse("researcher:study-ratings", args=["secret", "csv"])]


def test_no_page_shows_a_rate_before_somebody_chose_to_look(signed_in: Client, secret: Study) -> None:
    report = report_make(study=secret)
    for address in pages(report):
        answer = signed_in.get(address)
        assert answer.status_code == 409, address
        assert "keeps its rates hidden until it closes" in answer.content.decode()
    for address in ("/studies/secret/", "/studies/secret/state/"):
        text = signed_in.get(address).content.decode()
        assert "anytime-valid" not in text and "net share" not in text.lower(), "no board"
    assert "nobody has looked at them" in signed_in.get("/studies/secret/").content.decode()
    assert not ResultLook.objects.exists()

    shown = signed_in.post("/studies/secret/look/", follow=True)
    assert shown.status_code == 200 and "This look is logged" in shown.content.decode()
    look = ResultLook.objects.get()
    assert (look.what, look.by) == ("report", "ada")
    for address in pages(report):
        signed_in.get(address)
    counted = {
        what: ResultLook.objects.filter(what=what).count() for what in ("report", "ratings", "answers", "orders")
    }
    assert counted["report"] >= 4 and counted["ratings"] == 3 and counted["orders"] == 1
    study_close(study=secret)
    text = signed_in.get("/studies/secret/report/", follow=True).content.decode()
    assert f"{counted['report']} times (report)" in text and "3 times (ratings)" in text
    signed_in.get(reverse("researcher:report-json", args=[report.pk]))
    assert ResultLook.objects.filter(what="report").count() == counted["report"], "once it is closed nothing is logged"


def test_no_command_shows_a_rate_without_look(secret: Study) -> None:
    for command in COMMANDS:
        with pytest.raises(CommandError, match="keeps its rates hidden"):
            call_command(*command, stdout=io.StringIO())
    assert not ResultLook.objects.exists()
    for command in COMMANDS[:3]:
        call_command(*command, "--look", stdout=io.StringIO())
    assert set(ResultLook.objects.values_list("what", "by")) == {
        ("analysis", "command"), ("ratings", "command"), ("orders", "command")
    }  # fmt: skip


def test_the_api_shows_none_without_look(secret: Study, django_user_model: Any) -> None:
    api = APIClient()
    api.force_authenticate(django_user_model.objects.create_user("grace"))
    for path in ("results", "ratings", "answers"):
        refused = api.get(f"/api/v1/studies/secret/{path}/")
        assert refused.status_code == 409 and "look=true" in str(refused.content), path
    assert not ResultLook.objects.exists()
    shown = api.get("/api/v1/studies/secret/results/?look=true")
    assert shown.status_code == 200 and shown.json()["report"]["looks_before_closing"] == {"report": 1}
    assert api.get("/api/v1/studies/secret/ratings/?look=true").status_code == 200
    assert ResultLook.objects.filter(by="grace").count() == 2


def test_looks_at_an_open_study_are_logged_though_nothing_is_hidden(signed_in: Client) -> None:
    suite = a_suite({"Colors": 2})
    runs = [a_run(suite, name, samples=1) for name in ("one", "two")]
    study = study_open(study=study_create(StudyDraft(name="plain", runs=runs, raters_per_panel=2)))
    raters_simulate(study=study, share=1.0, seed=1)
    text = signed_in.get("/studies/plain/report/", follow=True).content.decode()
    assert "<dt>Looks before closing</dt><dd>1 time (report)</dd>" in text
