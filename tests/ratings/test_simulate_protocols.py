"""The simulated crowd under every protocol: what it is told to prefer comes out of exports and reports."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from django.contrib.auth.models import User
from django.test import Client

from evaluation import protocols
from evaluation.analysis import read_answers, read_ratings, validate_answers, validate_ratings
from evaluation.analysis.simulate import CrowdSpec
from evaluation.models import Rating
from evaluation.reports.document import ReportDocument
from evaluation.reports.ratings_file import ratings_csv
from evaluation.selectors.answers import answers_frame
from evaluation.selectors.ratings import ratings_frame
from evaluation.selectors.studies import study_progress
from evaluation.services.rating.simulate import raters_simulate
from evaluation.services.reporting.make import report_make
from tests.ratings.protocol_world import a_study_under

pytestmark = pytest.mark.django_db


@pytest.fixture
def user(django_user_model: type[User]) -> User:
    return django_user_model.objects.create_user("researcher")


@pytest.mark.parametrize("name", protocols.names())
def test_a_crowd_fills_a_study_and_its_exports_read_back_equal(name: str, tmp_path: Path) -> None:
    study = a_study_under(name)
    made = raters_simulate(study=study, share=1.0, seed=4, prefer={"plain": 1.5}, crowd=CrowdSpec(lapse=0.1))
    progress = study_progress(study)
    assert progress.ratings_made == progress.ratings_wanted == made["ratings"] == Rating.objects.count()
    ratings, answers = ratings_frame(study), answers_frame(study)
    for frame, read, valid, file in (
        (ratings, read_ratings, validate_ratings(ratings), "ratings.csv"),
        (answers, read_answers, validate_answers(answers), "answers.csv"),
    ):
        path = tmp_path / file
        path.write_bytes(ratings_csv(frame))
        again = read(path)
        again["panel"] = again["panel"].fillna("")  # kept and ignored by readers, as is the next
        again["rated_at"] = pd.to_datetime(again["rated_at"], utc=True)
        pd.testing.assert_frame_equal(again, valid, check_dtype=False)
        assert bool(again["simulated"].all())
    asked = set(Rating.objects.values_list("question", flat=True))
    assert asked == {*ratings["question"], *answers["question"]}
    report = report_make(study=study)
    assert report.n_ratings == report.n_simulated == made["ratings"]
    document = ReportDocument.from_dict(report.results)
    assert document.to_dict() == report.results
    assert report_make(study=study) == report


def sections(html: str) -> set[str]:
    """What a report's page has, by the ids of its headings, numbers apart."""
    return {each.rstrip("-0123456789") for each in re.findall(r'<h[23] id="([^"]+)"', html)}


ALWAYS = {"intervals", "collection", "declaration", "recompute"}
SECTIONS = {
    "drawbench": {"comparison", "agreement"},
    "coco-photorealism": {"against-reference", "comparison", "agreement", "nobody", "screening"},
    "coco-alignment": {"answers", "answer-agreement", "nobody", "screening"},
    "single-image": {"answers", "answer-agreement", "screening"},
    "pairwise-open": {"ranking", "comparison", "agreement", "answers"},
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
