"""Automatic scores in a study's report: against people, marked where these are simulated, the same from the files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from evaluation.models import MetricRun, Report, Study
from evaluation.reports.agreement_figure import agreement_figure
from evaluation.reports.document import ReportDocument
from evaluation.reports.reading import question_name
from evaluation.reports.wording.descriptions import agreement_description
from evaluation.services.rating.simulate import raters_simulate
from evaluation.services.reporting.make import report_make
from evaluation.services.scoring.request import metric_retry
from tests.metric_services.conftest import nothing_loaded  # noqa: F401  (a fixture)
from tests.metric_services.steps import ask, score
from tests.runs.conftest import plugin  # noqa: F401  (a fixture)
from tests.studies.world import an_open_study
from tests.unguarded import unguarded

pytestmark = pytest.mark.django_db


@pytest.fixture
def scored() -> Study:
    """A study of two scored runs with simulated ratings of most of it."""
    study = an_open_study({"Colors": 4, "Counting": 4}, raters_per_panel=5)
    for place in study.study_runs.all():
        score(ask(place.run))
    raters_simulate(study=study, share=0.7, seed=0)
    return study


def shown(client: Client, report: Report) -> str:
    answer = client.get(f"/reports/{report.pk}/")
    assert answer.status_code == 200
    text = answer.content.decode()
    assert "style=" not in text
    return text


def test_a_report_holds_the_scores_against_its_raters(signed_in: Client, scored: Study) -> None:
    report = report_make(study=scored)
    section = report.results["automatic"]
    assert section["schema"] == "drawbench-automatic/1" and not section["why"]
    assert [each["generator"] for each in section["scored"]] == ["plain", "guided"]
    assert {each["label"] for each in section["scored"]} == {"brightness"}
    text = shown(signed_in, report)
    assert 'id="automatic"' in text and "Where scores and raters disagree most" in text
    assert "Preference from ratings and scores together" in text and "another rater" in text
    automatic = text[text.index('id="automatic"') : text.index('id="declaration"')]
    assert automatic.count("SIMULATED.") == 1 and automatic.count("Simulated ratings.") == 2


def test_the_same_scores_give_the_same_report_and_others_another(scored: Study) -> None:
    report = report_make(study=scored)
    assert report_make(study=scored).pk == report.pk
    first = scored.study_runs.all()[0].run
    ask(first, parameters={"scale": 2})
    assert report_make(study=scored).pk == report.pk  # not scored yet
    for place in scored.study_runs.all():
        score(ask(place.run, parameters={"scale": 2}))
    other = report_make(study=scored)
    assert other.pk != report.pk
    names = {each["name"] for each in other.results["automatic"]["scored"]}
    assert names == {"testbright (scale=1.0)", "testbright (scale=2.0)"}


def test_the_files_give_the_same_numbers(signed_in: Client, scored: Study, tmp_path: Path) -> None:
    report = report_make(study=scored)
    ratings, scores, told = tmp_path / "ratings.csv", tmp_path / "scores.csv", tmp_path / "told.json"
    ratings.write_bytes(signed_in.get(f"/reports/{report.pk}/ratings.csv").getvalue())
    scores.write_bytes(signed_in.get(f"/reports/{report.pk}/scores.csv").content)
    with told.open("w") as out:
        call_command("against_people", ratings=str(ratings), scores=str(scores), format="json", stdout=out)
    assert json.loads(told.read_text()) == report.results["automatic"]["against_people"]


def test_the_figure_of_each_question(signed_in: Client, scored: Study) -> None:
    report = report_make(study=scored)
    for number in (0, 1):
        for suffix, start in (("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")):
            answer = signed_in.get(f"/reports/{report.pk}/agreement-{number}.{suffix}")
            assert answer.content.startswith(start), suffix
    assert signed_in.get(f"/reports/{report.pk}/agreement-2.svg").status_code == 404
    automatic = ReportDocument.from_dict(report.results).automatic
    assert automatic is not None and automatic.against_people is not None
    agreement = automatic.against_people.agreement[0]
    assert agreement_figure(agreement, theme="dark") != agreement_figure(agreement)
    assert agreement_description(agreement).startswith(f"{question_name(agreement.question)}: share of ratings")


def test_scores_made_anew_are_not_passed_off_as_the_report_s(signed_in: Client, scored: Study) -> None:
    report = report_make(study=scored)
    metric_retry(metric_run=MetricRun.objects.all()[0], anew=True, queue=False)
    answer = signed_in.get(f"/reports/{report.pk}/scores.csv")
    assert answer.status_code == 409 and "scored again" in answer.content.decode()
    assert "brightness" in shown(signed_in, report)


def test_numbers_that_were_not_made_alike_are_left_out_and_named(signed_in: Client, scored: Study) -> None:
    one = MetricRun.objects.all()[0]
    MetricRun.objects.filter(pk=one.pk).update(label="brightness (other weights)")
    assert "automatic" not in report_make(study=scored).results
    for place in scored.study_runs.all():
        score(ask(place.run, parameters={"scale": 2}))
    report = report_make(study=scored)
    (note,) = report.results["automatic"]["notes"]
    assert "testbright is left out" in note and "other weights" in note
    assert note in shown(signed_in, report)


def test_without_ratings_the_scores_stand_alone(signed_in: Client) -> None:
    study = an_open_study(raters_per_panel=3)
    for place in study.study_runs.all():
        score(ask(place.run))
    report = report_make(study=study)
    assert report.results["automatic"]["why"] == "nobody has rated yet"
    assert "nobody has rated yet" in shown(signed_in, report)


def test_a_report_from_before_there_were_scores_stays_readable(signed_in: Client, scored: Study) -> None:
    report = report_make(study=scored)
    results = {name: value for name, value in report.results.items() if name != "automatic"}
    with unguarded():
        Report.objects.filter(pk=report.pk).update(results=results)
    assert 'id="automatic"' not in shown(signed_in, report)
    for path in ("agreement-0.svg", "scores.csv"):
        assert signed_in.get(f"/reports/{report.pk}/{path}").status_code == 404


def test_queries_of_a_report_with_scores(
    signed_in: Client, scored: Study, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    report = report_make(study=scored)
    with django_assert_max_num_queries(17):
        signed_in.get(f"/reports/{report.pk}/")
