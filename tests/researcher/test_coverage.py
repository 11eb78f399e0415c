"""A report's own design simulated: asked for on its page, done by a worker, told on the page."""

from __future__ import annotations

import pytest
from django.test import Client

from evaluation import tasks
from evaluation.models import Report, Study
from evaluation.services.reporting import coverage as module
from evaluation.services.reporting.coverage import (
    ReportCoverage,
    report_coverage,
    report_coverage_failed,
    report_coverage_simulate,
)
from evaluation.services.reporting.make import report_make
from tests.unguarded import unguarded

pytestmark = pytest.mark.django_db


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What is handed to the workers."""
    calls: list[tuple[str, int]] = []

    def taken(task: str, report: int) -> bool:
        calls.append((task, report))
        return True

    monkeypatch.setattr(module, "hand_over", taken)
    monkeypatch.setattr(module, "SIMULATIONS", 40)
    monkeypatch.setattr(module, "LEAST_EACH", 20)
    return calls


@pytest.fixture
def made(rated: Study) -> Report:
    return report_make(study=rated)


def test_it_is_asked_for_done_by_a_worker_and_kept(
    signed_in: Client, made: Report, queued: list[tuple[str, int]]
) -> None:
    page, part = f"/reports/{made.pk}/", f"/reports/{made.pk}/coverage/"
    before = signed_in.get(page).content.decode()
    assert "Simulate this design" in before and "htmx-config" not in before
    assert signed_in.post(part).headers["Location"] == f"{page}#coverage"
    signed_in.post(part)
    assert queued == [("report_coverage_simulate", made.pk)], "asked for once, however often"
    waiting = signed_in.get(page).content.decode()
    assert "Waiting for a worker" in waiting and f'hx-get="{part}"' in waiting and "htmx-config" in waiting

    tasks.report_coverage_simulate(made.pk)
    done = report_coverage(made)
    assert done is not None and not done.is_running
    assert [name for name, _ in done.done] == ["Fidelity, guided against plain", "Alignment, guided against plain"]
    for _, sentence in done.done:
        assert sentence.startswith("On a design like yours, a 95 % interval covered the truth in ")
        assert "% of 20 simulations" in sentence
        assert sentence in signed_in.get(page).content.decode()
    after = signed_in.get(part).content.decode()
    assert "hx-get" not in after and "Simulate this design" not in after
    signed_in.post(part)
    assert len(queued) == 1, "what is known is not simulated again"


def test_the_same_report_gives_the_same_sentences(made: Report, queued: list[tuple[str, int]]) -> None:
    report_coverage_simulate(report_pk=made.pk)
    first = report_coverage(made)
    report_coverage_simulate(report_pk=made.pk)
    assert first == report_coverage(made)


@pytest.mark.parametrize("estimand", ["raters", "prompts", "votes"])
def test_an_interval_is_held_against_its_own_claim(rated: Study, queued: list[object], estimand: str) -> None:
    made = report_make(study=rated, settings={"estimand": estimand, "level": 0.9})
    report_coverage_simulate(report_pk=made.pk)
    found = report_coverage(made)
    assert found is not None and all("a 90 % interval" in sentence for _, sentence in found.done)


def test_what_went_wrong_is_told_and_it_can_be_asked_again(
    signed_in: Client, made: Report, queued: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    page, part = f"/reports/{made.pk}/", f"/reports/{made.pk}/coverage/"

    def fails(*, report: int) -> None:
        raise ArithmeticError("no such crowd")

    monkeypatch.setattr(tasks, "simulate_coverage", fails)
    tasks.report_coverage_simulate(made.pk)
    text = signed_in.get(page).content.decode()
    assert "It was not simulated: The program failed" in text and "Simulate this design" in text
    signed_in.post(part)
    assert report_coverage(made) == ReportCoverage(wanted=2)

    report_coverage_failed(report_pk=made.pk, message="once more")
    monkeypatch.setattr(module, "hand_over", lambda task, report: False)
    assert "queue does not respond" in signed_in.post(part, follow=True).content.decode()
    assert report_coverage(made) is None


def test_a_report_without_ratings_has_no_design(signed_in: Client, study: Study, queued: list[object]) -> None:
    made = report_make(study=study)
    assert "Simulate this design" not in signed_in.get(f"/reports/{made.pk}/").content.decode()
    assert "no ratings" in signed_in.post(f"/reports/{made.pk}/coverage/", follow=True).content.decode()
    assert queued == []


def test_ratings_that_are_not_the_reports_are_not_simulated(made: Report, queued: list[object]) -> None:
    with unguarded():
        Report.objects.filter(pk=made.pk).update(input_hash="0" * 64)
    made.refresh_from_db()
    report_coverage_simulate(report_pk=made.pk)
    found = report_coverage(made)
    assert found is not None and "can't be read again" in found.message
    report_coverage_simulate(report_pk=made.pk + 1)  # gone since
