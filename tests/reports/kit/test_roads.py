"""The roads to a paper kit: command, page and API; what can't be is refused in a sentence."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django.fixtures import Settings

from evaluation.models import Report, Study
from evaluation.reports.kit import contents
from evaluation.services.rating.simulate import raters_simulate
from tests.studies.world import an_open_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.setattr(contents, "FORMATS", ("svg",))  # the fonts of a PDF take a second
    found = an_open_study({"Colors": 2, "Counting": 1}, raters_per_panel=2)
    raters_simulate(study=found, raters=2, seed=1)
    return found


def body(response: object) -> bytes:
    return b"".join(response.streaming_content)  # type: ignore[attr-defined]


def test_command_page_and_api_give_the_same_file(study: Study, admin_client: Client, tmp_path: Path) -> None:
    out = tmp_path / "kit.zip"
    said = io.StringIO()
    call_command("paper_kit", study.name, out=out, format="json", stdout=said)
    told = json.loads(said.getvalue())
    report = Report.objects.get()
    assert told["report"] == report.pk and told["bytes"] == out.stat().st_size and told["note"].startswith("SIMULATED")
    page = admin_client.get(f"/reports/{report.pk}/")
    assert f'href="/reports/{report.pk}/paper-kit.zip"' in page.content.decode()
    by_page = admin_client.get(f"/reports/{report.pk}/paper-kit.zip")
    by_api = admin_client.get(f"/api/v1/studies/{study.name}/paper-kit/")
    assert by_api["Content-Type"] == by_page["Content-Type"] == "application/zip"
    whole = admin_client.get(f"/reports/{report.pk}/report.html")
    assert whole["Content-Type"].startswith("text/html") and b"SIMULATED" in whole.content
    assert b'src="/' not in whole.content and b"<form" not in whole.content and b"<script" not in whole.content
    assert whole.content.count(b'src="data:image/svg+xml') >= 2 and whole.content.rstrip().endswith(b"</html>")
    called = tmp_path / "report.html"
    call_command("export_report", study.name, out=called, stdout=io.StringIO())
    shown = re.compile(rb'src="data:[^"]+"')
    assert shown.findall(called.read_bytes()) == shown.findall(whole.content), "but for the looks, which it counts"
    call_command("analyse", study.name, paper="imagen", out=tmp_path / "paper", stdout=io.StringIO())
    assert {each.name for each in (tmp_path / "paper").iterdir()} == {
        f"figure-{number}.{form}" for number in ("3", "a7-1") for form in ("pdf", "svg")
    }
    names = []
    for data in (body(by_page), body(by_api), out.read_bytes()):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names.append({name.partition("/")[2] for name in archive.namelist()})
            assert archive.testzip() is None
    assert names[0] == names[1] == names[2] and len(names[0]) == told["files"] > 15
    assert Report.objects.count() == 1, "no road makes a report of its own"


def test_what_cannot_be_is_refused(admin_client: Client, tmp_path: Path, settings: Settings) -> None:
    empty = an_open_study({"Colors": 2}, raters_per_panel=2, name="empty")
    for arguments, said in (
        (("empty", tmp_path / "kit.zip"), "has no ratings yet"),
        (("empty", tmp_path / "kit.rar"), "must end with .zip"),
        (("emty", tmp_path / "kit.zip"), "emty"),
    ):
        with pytest.raises(CommandError, match=said):
            call_command("paper_kit", arguments[0], out=arguments[1])
    with pytest.raises(CommandError, match="must end with .html or .pdf"):
        call_command("export_report", "empty", out=tmp_path / "report.doc")
    for given, refused in (
        ({"study": "empty", "paper": "imagen"}, "--paper needs --out FOLDER"),
        ({"study": "empty", "out": tmp_path / "paper"}, "--out needs --paper imagen"),
        ({"study": "empty", "paper": "imagen", "out": tmp_path / "paper"}, "There is nothing to draw"),
        ({"ratings": ["x.csv"], "paper": "imagen", "out": tmp_path}, "name one instead of files"),
    ):
        with pytest.raises(CommandError, match=refused):
            call_command("analyse", **given)
    settings.CHROMIUM = "/nowhere/chromium"
    with pytest.raises(CommandError, match="DRAWBENCH_CHROMIUM names /nowhere/chromium"):
        call_command("export_report", "empty", out=tmp_path / "report.pdf")
    assert not list(tmp_path.iterdir())
    report = Report.objects.get(study=empty)
    assert admin_client.get(f"/reports/{report.pk}/paper-kit.zip").status_code == 409
    assert admin_client.get("/api/v1/studies/empty/paper-kit/").json()["detail"].endswith("nothing for a paper.")
    assert admin_client.get("/reports/999999/paper-kit.zip").status_code == 404
    assert admin_client.get(f"/reports/{report.pk}/report.pdf").status_code == 409
