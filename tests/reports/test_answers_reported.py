"""Reports of a protocol with every kind of answer: comments, repeats, files, and orders of two studies side by side."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from rest_framework.test import APIClient

from evaluation import protocols
from evaluation.analysis import read_answers
from evaluation.analysis.simulate import CrowdSpec
from evaluation.models import Rating, Study
from evaluation.protocols.parts import Controls
from evaluation.reports.answer_groups import answer_groups, answers_table_csv
from evaluation.reports.answers_figure import answers_figure
from evaluation.reports.document import ReportDocument
from evaluation.reports.ratings_file import input_hash, ratings_csv
from evaluation.reports.tables import answers_latex
from evaluation.selectors.ratings import ratings_frame
from evaluation.services.accounts.api_token import api_token_rotate
from evaluation.services.rating.simulate import raters_simulate
from evaluation.services.reporting.make import report_make
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.open import study_open
from tests.ratings.protocol_world import a_study_under
from tests.unguarded import unguarded

pytestmark = pytest.mark.django_db

EVERY_KIND = """\
name: every-kind
title: Every kind about one image
questions:
  - id: quality
    text: "How good?"
    short: Quality
    kind: scale
    steps: [{value: -1, text: Bad}, {value: 0}, {value: 1, text: Good}]
    unable: Can't say
  - id: why
    text: "Why?"
    short: Faults
    kind: reasons
    tags: [{tag: hands, text: Hands & feet}, {tag: pose, text: Pose}]
  - {id: where, text: "Where?", short: Places, kind: points, at_most: 4}
  - id: style
    text: "Which?"
    short: Style
    kind: choice
    answers: [{choice: photo, text: A photo}, {choice: drawn, text: Drawn}]
  - {id: note, text: "Anything?", short: Note, kind: text}
set_size: 1
shown: {sets: 1}
panels: all
raters_per_panel: 6
repeats: {trials: 3, apart: 2}
"""


@pytest.fixture
def study() -> Study:
    study = a_study_under(protocols.load(EVERY_KIND.encode(), "every-kind"), name="every", raters_per_panel=6)
    raters_simulate(study=study, share=1.0, seed=5, prefer={"plain": 1.0})
    return study


def said(study: Study, text: str) -> None:
    """One rater's comment, replaced."""
    first = Rating.objects.filter(assignment__comparison__study=study, question="note").order_by("pk")[0]
    with unguarded():
        Rating.objects.filter(pk=first.pk).update(value=text)


def test_the_report_lists_comments_as_written_and_repeats_apart(study: Study, client: Client, admin_user: User) -> None:
    said(study, "<script>alert(1)</script> =SUM(A1)")
    report = report_make(study=study)
    document = ReportDocument.from_dict(report.results)
    assert document.further and document.answers
    assert {each.question for each in document.further.retests} == {"quality", "why", "where", "style", "note"}
    assert any(each.text.startswith("<script>") for each in document.further.comments)
    assert document.collection and document.collection.n_raters == 6
    measures = {(each.question, each.measure) for each in document.answers.estimates}
    assert measures == {
        ("quality", "mean"), ("why", "share:hands"), ("why", "share:pose"), ("where", "points"),
        ("style", "share:photo"), ("style", "share:drawn"),
    }  # fmt: skip
    client.force_login(admin_user)
    html = client.get(f"/reports/{report.pk}/").content.decode()
    assert "&lt;script&gt;alert(1)" in html and "<script>alert(1)" not in html
    assert "Faults: Hands &amp; feet" in html and 'id="comparison' not in html and 'id="retest"' in html
    served = client.get(f"/reports/{report.pk}/answers.csv").getvalue()
    files = document.further.files
    assert input_hash(served) == files["answers.csv"]
    assert report.input_hash == input_hash(ratings_csv(ratings_frame(study)), served)
    said(study, "Another word.")
    other = report_make(study=study)
    assert other.pk != report.pk and other.input_hash != report.input_hash, "the hash covers answers"
    assert client.get(f"/reports/{report.pk}/answers.csv").status_code == 409


def test_figures_and_tables_have_the_numbers_of_the_document(study: Study) -> None:
    answers = ReportDocument.from_dict(report_make(study=study).results).answers
    assert answers is not None
    groups = answer_groups(answers)
    group = next(each for each in groups if each.measure == "mean")
    assert [each.generator for each in group.overall][0] == "plain" and len(group.categories) == 2
    svg = answers_figure(group, label="Quality", ends=(-1, 1))
    assert svg == answers_figure(group, label="Quality", ends=(-1, 1)) and b"plain" not in svg[:200]
    for narrow in (False, True):
        assert answers_figure(group, label="Quality", ends=(-1, 1), theme="dark", narrow=narrow).startswith(b"<?xml")
    table = answers_table_csv(answers).splitlines()
    assert len(table) == 1 + len(answers.estimates) and table[0].startswith("question,kind,measure,generator,category")
    text = answers_latex(group, "mean & more", ends=(-1, 1), speaks_for="everybody", simulated=True)
    assert r"mean \& more" in text and "SIMULATED" in text and text.count(r"\\") == 1 + 2 + 3 * 4


def test_answers_leave_by_page_command_and_api_alike(
    study: Study, client: Client, admin_user: User, tmp_path: Path
) -> None:
    client.force_login(admin_user)
    page = client.get("/studies/every/answers.csv")
    assert page.status_code == 200 and "every-answers.csv" in page.headers["Content-Disposition"]
    assert "answers.csv" in client.get("/studies/every/").content.decode()
    path, out = tmp_path / "answers.csv", io.StringIO()
    call_command("export_ratings", "every", "--answers", str(path), "--format", "json", stdout=out)
    assert json.loads(out.getvalue())["answers"]["n"] == Rating.objects.count()
    assert path.read_bytes() == page.getvalue()
    api = APIClient()
    api.credentials(HTTP_AUTHORIZATION=f"Token {api_token_rotate(user=admin_user)}")
    assert api.get("/api/v1/studies/every/answers/").getvalue() == path.read_bytes()
    answers = read_answers(path)
    assert bool(answers["simulated"].all()) and -1 in list(answers["value"])
    for arguments, words in (
        (["every", "--answers", str(tmp_path / "a.parquet")], "must end with .csv"),
        (["every", "--answers", str(path), "--out", str(path)], "name the same file"),
    ):
        with pytest.raises(CommandError, match=words):
            call_command("export_ratings", *arguments)


def test_scores_beside_people_wait_for_preferences(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CommandError) as refused:
        call_command("against_people", "every")
    assert refused.value.returncode == 2 and "Traceback" not in str(refused.value)


def test_two_protocols_on_one_suite_stand_side_by_side(study: Study, client: Client, admin_user: User) -> None:
    runs = [each.run for each in study.study_runs.order_by("order")]
    labels = ["A", "B", "C", "D"]
    other = study_open(
        study=study_create(StudyDraft(name="ranked", runs=runs, labels=labels, protocol="rank-k", raters_per_panel=6))
    )
    raters_simulate(study=other, share=1.0, seed=6, prefer={"A": 1.5, "B": -1.0})
    out = io.StringIO()
    call_command("orders", "every", "--format", "json", stdout=out)
    found = json.loads(out.getvalue())
    assert {each["source"] for each in found["orders"]} == {"every", "ranked"}
    assert [each["key"] for each in found["generators"]].count(runs[0].name) == 1, (
        "runs, not labels, are the generators"
    )
    ranked = next(each for each in found["orders"] if each["source"] == "ranked")
    assert ranked["places"][0]["key"] == runs[0].name
    assert all(each["n"] == 4 and -1 <= each["tau"] <= 1 for each in found["agreement"])
    out = io.StringIO()
    call_command("orders", "every", "ranked", stdout=out)
    assert "1. every, Quality (mean)" in out.getvalue() and "Kendall's tau-b" in out.getvalue()
    client.force_login(admin_user)
    html = client.get("/studies/ranked/orders/").content.decode()
    assert "SIMULATED" in html and "Agreement of the orders" in html and runs[0].name in html
    assert "Orders side by side" in client.get("/studies/ranked/").content.decode()
    with pytest.raises(CommandError, match="named twice"):
        call_command("orders", "every", "every")


def test_screening_drops_who_fails_and_shows_both_results(client: Client, admin_user: User) -> None:
    declared = replace(
        protocols.get("single-image"), name="screened", controls=Controls(4, 0.8), screening="four in five right"
    )
    study = a_study_under(declared, name="screened", raters_per_panel=8)
    raters_simulate(study=study, share=1.0, seed=3, prefer={"plain": 1.0}, crowd=CrowdSpec(spammers=0.4))
    document = ReportDocument.from_dict(report_make(study=study).results)
    further = document.further
    assert further and further.screening and further.unscreened and document.answers
    dropped = len(further.screening.dropped)
    assert 0 < dropped < 8 and further.unscreened.n == 8
    assert {each.n_raters for each in document.answers.estimates} == {8 - dropped}
    kept, every = further.lines, further.unscreened.lines
    assert [each.n for each in kept] != [each.n for each in every] and len(kept) == len(every)
    client.force_login(admin_user)
    html = client.get("/studies/screened/report/", follow=True).content.decode()
    assert f"{dropped} raters of 8 were dropped" in html or f"{dropped} rater of 8 was dropped" in html
