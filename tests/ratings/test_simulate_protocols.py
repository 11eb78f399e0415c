"""The simulated crowd under every protocol: what it is told to prefer comes out of exports and reports."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from django.contrib.auth.models import User
from django.test import Client

from evaluation import protocols
from evaluation.analysis import read_answers, read_ratings, validate_answers, validate_ratings
from evaluation.analysis.simulate import CrowdSpec
from evaluation.analysis.simulate_answers import true_measures, true_side_shares
from evaluation.models import Rating, Study
from evaluation.protocols import Kind
from evaluation.protocols.kinds import Choice
from evaluation.protocols.rows import REFERENCE
from evaluation.reports.document import ReportDocument
from evaluation.reports.further import AGAINST_REFERENCE, SCORE, Line, overall_lines
from evaluation.reports.ratings_file import ratings_csv
from evaluation.selectors.answers import answers_frame
from evaluation.selectors.ratings import ratings_frame
from evaluation.selectors.studies import study_progress
from evaluation.services.rating.simulate import raters_simulate
from evaluation.services.reporting.make import report_make
from tests.ratings.planted import scores_in_the_long_run
from tests.ratings.protocol_world import a_study_under

pytestmark = pytest.mark.django_db


@pytest.fixture
def user(django_user_model: type[User]) -> User:
    return django_user_model.objects.create_user("researcher")


SOUGHT = {
    "drawbench": "net share",
    "coco-photorealism": AGAINST_REFERENCE,
    "coco-alignment": "mean",
    "single-image": "mean",
    "pairwise-open": "net share",
    "rank-k": "score",
    "questions": "holds",
    "words": "marked",
}


@pytest.mark.parametrize("name", protocols.names())
def test_a_crowd_s_answers_read_back_equal_and_the_report_holds_what_was_planted(name: str, tmp_path: Path) -> None:
    """The whole road of one study: design, places, ratings, exports, analysis, report."""
    crowd = CrowdSpec(rater_sd=0.3, prompt_sd=0.3)
    truths = {"plain": 0.8, "guided": -0.4, "third": 0.0, "fourth": 0.2, REFERENCE: 0.5}
    declared = replace(protocols.get(name), name=f"{name}-small", set_size=1)
    study = a_study_under(declared, categories={"Colors": 10}, raters_per_panel=6)
    made = raters_simulate(study=study, share=1.0, seed=9, prefer=truths_of(study, truths), crowd=crowd)
    progress = study_progress(study)
    assert progress.ratings_made == progress.ratings_wanted == made["ratings"] == Rating.objects.count()
    exports_read_back_equal(study, tmp_path)
    report = report_make(study=study)
    assert report.n_ratings == report.n_simulated == made["ratings"]
    assert report_make(study=study) == report
    document = ReportDocument.from_dict(report.results)
    assert document.to_dict() == report.results
    answers, reference = document.answers, document.further.reference if document.further else ""
    lines = [each for each in overall_lines(document.analysis, answers, reference) if each.measure == SOUGHT[name]]
    assert len(lines) >= 2
    held = 0
    for line in lines:
        truth = planted(line, declared.question(line.question).answers, truths, crowd, declared.shown.sets)
        assert line.low is not None and line.high is not None
        held += line.low <= truth <= line.high
    assert held >= len(lines) - 1, "of 95 % intervals one may miss"


def exports_read_back_equal(study: Study, folder: Path) -> None:
    ratings, answers = ratings_frame(study), answers_frame(study)
    for frame, read, valid, file in (
        (ratings, read_ratings, validate_ratings(ratings), "ratings.csv"),
        (answers, read_answers, validate_answers(answers), "answers.csv"),
    ):
        path = folder / file
        path.write_bytes(ratings_csv(frame))
        again = read(path)
        again["panel"] = again["panel"].fillna("")  # kept and ignored by readers, as is the next
        again["rated_at"] = pd.to_datetime(again["rated_at"], utc=True)
        pd.testing.assert_frame_equal(again, valid, check_dtype=False)
        assert bool(again["simulated"].all())
    assert {*ratings["question"], *answers["question"]} == set(Rating.objects.values_list("question", flat=True))


def truths_of(study: Study, truths: Mapping[str, float]) -> dict[str, float]:
    return {label: truths[label] for label in study.study_runs.values_list("label", flat=True)}


def planted(line: Line, kind: Kind, truths: Mapping[str, float], crowd: CrowdSpec, sets: int) -> float:
    """What `line` is to find."""
    if line.measure == SCORE:
        return scores_in_the_long_run(json.dumps(kind.to_dict()), sets, crowd, tuple(truths.items()))[line.generator]
    if isinstance(kind, Choice):
        a, b = (line.generator, REFERENCE) if line.measure == AGAINST_REFERENCE else line.generator.split(" against ")
        share_a, neither, share_b = true_side_shares(crowd, kind.ids, truths[a] - truths[b])
        return share_a + neither / 2 if line.measure == AGAINST_REFERENCE else share_a - share_b
    return true_measures(kind.name, kind.to_dict(), truths[line.generator], crowd)[line.measure]


def sections(html: str) -> set[str]:
    """What a report's page has, by the ids of its headings, numbers apart."""
    return {each.rstrip("-0123456789") for each in re.findall(r'<h[23] id="([^"]+)"', html)}


ALWAYS = {
    *("answer", "contents", "examples", "grid", "intervals", "collection", "times", "limitations", "declaration"),
    *("recompute", "appendix"),
}
SECTIONS = {
    "drawbench": {"comparison", "agreed", "fragility", "agreement", "signs"},
    "coco-photorealism": {
        "ranking",
        "against-reference",
        "comparison",
        "agreed",
        "fragility",
        "agreement",
        "nobody",
        "screening",
    },
    "coco-alignment": {"answers", "answer-agreement", "nobody", "screening"},
    "single-image": {"answers", "answer-agreement", "screening"},
    "pairwise-open": {"ranking", "comparison", "agreed", "fragility", "agreement", "answers"},
    "rank-k": {"ranking", "ranks"},
    "questions": {"answers", "answer-agreement"},
    "words": {"answers", "marked"},
}


@pytest.mark.parametrize("name", protocols.names())
def test_the_report_has_what_the_protocol_asked_and_no_empty_part(name: str, client: Client, user: User) -> None:
    client.force_login(user)
    study = a_study_under(name)
    raters_simulate(study=study, share=1.0, seed=2, crowd=CrowdSpec(spammers=0.3))
    page = client.get("/studies/under/")
    assert page.status_code == 200
    assert ('id="board"' in page.content.decode()) == ("comparison" in SECTIONS[name])
    report = client.get("/studies/under/report/", follow=True)
    html = report.content.decode()
    assert report.status_code == 200 and "SIMULATED" in html and "No ratings yet" not in html
    assert sections(html) == SECTIONS[name] | ALWAYS
    links = re.findall(r'(?:href|src|srcset)="(/(?:reports|studies)/[^"]+)"', html + page.content.decode())
    for link in sorted({each for each in links if not re.search(r"theme=|narrow|\.pdf|\.png", each)}):
        assert client.get(link.replace("&amp;", "&"), follow=True).status_code == 200, link
