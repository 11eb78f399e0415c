"""A report as one file: by its page, the command and the API; what is in it, and what is not."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from unittest import mock
from urllib.parse import unquote

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from matplotlib.figure import Figure

from evaluation import protocols
from evaluation.models import Report, ResultLook, Study
from evaluation.reports.carried import unpacked
from evaluation.reports.document import ReportDocument
from evaluation.selectors.ratings import ratings_frame
from evaluation.services.rating.simulate import raters_simulate
from evaluation.services.reporting.make import report_make
from evaluation.views.researcher.report_file import report_html
from tests.ratings.protocol_world import a_study_under
from tests.reports.second_program import checked
from tests.studies.world import an_open_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    study = an_open_study({"Colors": 2, "Counting": 2}, raters_per_panel=3)
    raters_simulate(study=study, raters=3, seed=1)
    return study


@pytest.fixture
def report(study: Study) -> Report:
    return report_make(study=study)


def blocks(text: str) -> dict[str, str]:
    """What the file carries, by element."""
    return dict(re.findall(r'<script type="[^"]+" id="carried-(\w+)">([^<]*)</script>', text))


def test_the_file_needs_nothing_and_leads_nowhere(report: Report) -> None:
    text = report_html(report, with_ratings=False)
    assert text.lower().startswith("<!doctype html>")
    assert re.findall(r'\b(?:src|srcset|action|hx-\w+|on\w+)="(?!data:image/)[^"]*"', text) == []
    assert re.findall(r'href="(?!#|https://)[^"]*"', text) == []
    for gone in ("<form", "<button", "<link", "csrf", "Account", "<script", 'role="button"'):
        assert gone not in text.partition("</head>")[2], gone
    figures = re.findall(r'<img alt="[^"]+"[^>]* src="data:image/svg\+xml,([^"]+)"', text)
    assert figures and all("<svg" in unquote(each) for each in figures)
    assert "SIMULATED." in text and "Net share" in text and text.rstrip().endswith("</html>")
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    style = re.search(r"<style>(.*?)</style>", text, flags=re.DOTALL)
    assert policy and style and "script-src" not in policy[1] and policy[1].startswith("default-src &#x27;none&#x27;")
    assert base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode() in policy[1]
    assert len(text.encode()) < 500_000 + sum(map(len, re.findall(r'"data:[^"]*"', text)))


def test_all_that_the_page_shows_is_in_the_file_and_costs_little(
    report: Report, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A figure for light and for dark pages is one drawing, results are read once for all, and images by one query."""
    client.force_login(User.objects.create_user("ada"))
    page = client.get(f"/reports/{report.pk}/").content.decode()
    figures = set(re.findall(r'(?:src|srcset)="(/reports/[^"]+)"', page))
    n_images = len(re.findall(r'<img[^>]* src="/images/', page))
    assert any("theme=dark" in each for each in figures) and n_images >= 4
    drawn = mock.Mock(side_effect=Figure.savefig)
    read = mock.Mock(side_effect=ReportDocument.from_dict)
    monkeypatch.setattr(Figure, "savefig", lambda *args, **kwargs: drawn(*args, **kwargs))
    monkeypatch.setattr(ReportDocument, "from_dict", read)
    with CaptureQueriesContext(connection) as queries:
        text = report_html(report)
    assert drawn.call_count == sum("theme=dark" not in each for each in figures)
    assert read.call_count == 2, "the page's, whose names stand in isolates, and the figures'"
    assert sum('FROM "evaluation_storedimage"' in each["sql"] for each in queries) == 1
    own = [each for each in re.findall(r"<(?:img|source)\b[^>]*>", page) if "/static/" not in each]
    assert len(re.findall(r"<(?:img|source)\b[^>]*data:image/", text)) == len(own), "nothing was left out"


def test_the_file_carries_its_ratings_and_they_make_its_numbers(study: Study, report: Report) -> None:
    text = report_html(report, with_ratings=True)
    carried = blocks(text)
    results = json.loads(carried["results"])
    [outcome] = checked([(carried["ratings"], results)])
    assert outcome["differences"] == [] and outcome["n"] > 200
    own = unpacked(carried["ratings"])
    assert len(own) == len(ratings_frame(study)) and set(own["rater_id"]) == set(ratings_frame(study)["rater_id"])
    [script] = re.findall(r"<script>(.*?)</script>", text, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src &#x27;sha256-{digest}&#x27;" in text and "<noscript>" in text


def test_under_a_protocol_with_screening_the_numbers_are_the_same() -> None:
    study = a_study_under(replace(protocols.get("coco-photorealism"), name="small", set_size=1))
    raters_simulate(study=study, raters=3, seed=3)
    carried = blocks(report_html(report_make(study=study), with_ratings=True))
    [outcome] = checked([(carried["ratings"], json.loads(carried["results"]))])
    assert outcome["differences"] == []
    assert "control trial" in set(unpacked(carried["ratings"])["left_out"])


def test_the_page_the_command_and_the_api_give_it(report: Report, client: Client, tmp_path: Path) -> None:
    client.force_login(User.objects.create_user("somebody-of-the-lab"))
    page = client.get(f"/reports/{report.pk}/").content.decode()
    for more, what in (("", "report"), ("?ratings", "ratings")):
        address = f"/reports/{report.pk}/report.html{more}"
        assert address in page
        before = ResultLook.objects.filter(what=what).count()
        answer = client.get(address)
        assert answer.status_code == 200 and answer["Content-Disposition"].startswith("attachment; filename=")
        assert ResultLook.objects.filter(what=what).count() == before + 1, "each is one look"
        text = answer.content.decode()
        assert ("carried-ratings" in text) == bool(more) and "somebody-of-the-lab" not in text
        by_api = client.get(
            f"/api/v1/studies/{report.study.name}/results/{more and '?ratings=true'}", headers={"accept": "text/html"}
        )
        assert by_api.status_code == 200 and ("carried-ratings" in by_api.content.decode()) == bool(more)
    out = tmp_path / "report.html"
    call_command("export_report", report.study.name, "--out", str(out), "--with-ratings")
    assert set(blocks(out.read_text())) == {"ratings", "results"}


def test_without_pairs_there_is_nothing_to_carry(client: Client) -> None:
    study = an_open_study({"Colors": 2}, raters_per_panel=2)
    report = report_make(study=study)
    client.force_login(User.objects.create_user("somebody"))
    assert client.get(f"/reports/{report.pk}/report.html").status_code == 200
    answer = client.get(f"/reports/{report.pk}/report.html?ratings")
    assert answer.status_code == 409 and "compares no pairs" in answer.content.decode()
