"""One study, and every road out of it: each file and page has the numbers of the report, read back from what was
written.
"""

from __future__ import annotations

import csv
import html
import io
import json
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django.fixtures import Settings

from evaluation.analysis.frame import read_ratings
from evaluation.analysis.summary_results import Analysis, ComparisonResult
from evaluation.models import Report, Study
from evaluation.reports.bundle.contents import read_bundle
from evaluation.reports.carried import unpacked
from evaluation.reports.compute import compute, settings_from
from evaluation.reports.kit import contents
from evaluation.reports.printing import NoPrinterError, chromium
from evaluation.reports.reading import OVERALL, lines, p_shown, too_few
from evaluation.reports.wording.numbers import MINUS, percent, points
from evaluation.services.rating.simulate import raters_simulate
from evaluation.services.reporting.bundle import study_export
from evaluation.services.reporting.make import report_make
from evaluation.services.studies.open import study_close
from evaluation.templatetags.humanise import bounds, p_value
from tests.studies.world import an_open_study

pytestmark = pytest.mark.django_db
TAG = re.compile(r"<[^>]+>")


@pytest.fixture
def study() -> Study:
    """Three runs, so that there is a ranking as well; closed, so that nothing is interim."""
    study = an_open_study({"Colors": 4, "Counting": 4}, raters_per_panel=4, labels=("plain", "guided", "tuned"))
    raters_simulate(study=study, share=1.0, seed=5)
    study_close(study=study)
    return study


@pytest.fixture
def report(study: Study) -> Report:
    return report_make(study=study)


def compared(report: Report) -> Analysis:
    return Analysis.from_dict(report.results)


def cells(text: str) -> list[list[str]]:
    """The rows of an HTML table, as people read them."""
    rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in re.findall(r"<tr.*?</tr>", text, re.S)]
    return [[" ".join(html.unescape(TAG.sub(" ", cell)).split()) for cell in row] for row in rows]


def as_shown(comparison: ComparisonResult) -> list[list[str]]:
    """What a table of the page has to say: the stored numbers, rounded."""
    found = []
    for name, rate in lines(comparison):
        shares = [percent(rate.share(choice)) for choice in ("a", "indifferent", "b")]
        counts = [str(n) for n in (rate.n_ratings, rate.n_raters, rate.n_prompts)]
        interval = too_few(rate) or (bounds(rate.net.interval) if rate.net.interval else "none")
        found.append([name, *counts, *shares, points(rate.net.estimate), interval, bounds(rate.net.independent)])
    return found


def tables_of(page: str, analysis: Analysis) -> None:
    """Each comparison's table on `page` has these rows."""
    for number, comparison in enumerate(analysis.comparisons):
        section = page[page.index(f'id="comparison-{number}"') :]
        body = section[section.index("<tbody>") : section.index("</tbody>")]
        rows = [row for row in cells(body) if len(row) == 11]
        wanted = as_shown(comparison)
        assert [row[:8] for row in rows] == [row[:8] for row in wanted], number
        for row, own in zip(rows, wanted, strict=True):
            assert row[8].startswith(own[8]) and row[9] == own[9]
        assert rows[0][10] == p_value(p_shown(OVERALL, comparison.overall))


def test_pages_and_files_of_a_report_agree(study: Study, report: Report, admin_client: Client, tmp_path: Path) -> None:
    analysis, address = compared(report), f"/reports/{report.pk}"
    tables_of(admin_client.get(f"{address}/").content.decode(), analysis)
    whole = admin_client.get(f"{address}/report.html?ratings").content.decode()
    tables_of(whole, analysis)
    carried = dict(re.findall(r'<script type="[^"]+" id="carried-(\w+)">([^<]*)</script>', whole))
    assert json.loads(carried["results"])["comparisons"] == report.results["comparisons"]
    same_comparisons(admin_client.get(f"{address}/results.json").json(), report)
    same_comparisons(admin_client.get(f"/api/v1/studies/{study.name}/results/").json(), report)
    said = io.StringIO()
    call_command("analyse", study.name, format="json", stdout=said)
    same_comparisons(json.loads(said.getvalue()), report)
    rows = list(csv.DictReader(io.StringIO(admin_client.get(f"{address}/table.csv").content.decode())))
    own = [rate for each in analysis.comparisons for _, rate in lines(each)]
    assert [float(row["net"]) for row in rows] == [rate.net.estimate for rate in own]
    assert [int(row["n_ratings"]) for row in rows] == [rate.n_ratings for rate in own]
    for suffix in ("csv", "parquet"):
        (tmp_path / f"r.{suffix}").write_bytes(admin_client.get(f"{address}/ratings.{suffix}").getvalue())
        frame = read_ratings(tmp_path / f"r.{suffix}")
        again = compute(frame, settings_from(report.settings), analysis.family)
        assert json.loads(again.to_json())["comparisons"] == report.results["comparisons"]
        assert sorted(unpacked(carried["ratings"])["choice"]) == sorted(frame["choice"].astype(str))
    for number, each in enumerate(analysis.comparisons):
        tex = admin_client.get(f"{address}/table-{number}.tex").content.decode()
        in_latex(tex, each)


def same_comparisons(document: Mapping[str, Any], report: Report) -> None:
    for name in ("comparisons", "rankings", "agreement", "n_ratings", "n_raters", "n_prompts", "level"):
        assert document[name] == json.loads(json.dumps(report.results[name])), name


def in_latex(text: str, comparison: ComparisonResult) -> None:
    rows = [line.strip().removesuffix(" \\\\").split(" & ") for line in text.splitlines() if line.count("&") == 7]
    for row, (name, rate) in zip(rows[1:], lines(comparison), strict=True):
        assert row[:2] == [name, str(rate.n_ratings)]
        assert [float(cell) for cell in row[2:5]] == [round(100 * rate.share(c), 1) for c in ("a", "indifferent", "b")]
        assert row[5] == f"${rate.net.estimate * 100:+.1f}$"


def test_bundle_and_kit_have_the_same_numbers(
    study: Study, report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    analysis = compared(report)
    study_export(study=study, out=tmp_path / "bundle.zip")
    bundle = read_bundle(tmp_path / "bundle.zip")
    same_comparisons(bundle.document("report.json")["results"], report)
    (tmp_path / "b.csv").write_bytes(bundle.files["ratings.csv"])
    again = compute(read_ratings(tmp_path / "b.csv"), settings_from(report.settings), analysis.family)
    assert json.loads(again.to_json())["comparisons"] == report.results["comparisons"], "under other pseudonyms"
    monkeypatch.setattr(contents, "FORMATS", ("svg",))
    call_command("paper_kit", study.name, out=tmp_path / "kit.zip", stdout=io.StringIO())
    with zipfile.ZipFile(tmp_path / "kit.zip") as archive:
        kit = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    same_comparisons(json.loads(kit["data/results.json"]), report)
    tables_of(kit["report.html"].decode(), analysis)
    typed = pd.read_parquet(io.BytesIO(kit["data/tables.parquet"]))
    assert typed["net"].tolist() == [rate.net.estimate for each in analysis.comparisons for _, rate in lines(each)]
    split = json.loads(kit["data/ratings.json"])
    assert len(split["data"]) == report.n_ratings
    for number, each in enumerate(analysis.comparisons):
        in_latex(kit[f"tables/{number:02d}-{each.question}.tex"].decode(), each)
    lists(kit, report, analysis)


def lists(kit: Mapping[str, bytes], report: Report, analysis: Analysis) -> None:
    """HEDS, Otani's list and the methods name the same raters, outputs, shares and agreement."""
    sheet, otani, methods = json.loads(kit["heds.json"]), kit["otani.md"].decode(), kit["methods.txt"].decode()
    sample = "heds-sample_evaluators_design"
    assert sheet[f"{sample}-evaluators-number_of_evaluators"]["data"][""] == str(analysis.n_raters)
    assert sheet[f"{sample}-sample-number_of_system_outputs"]["data"][""] == str(analysis.n_prompts)
    scores = sheet["heds-criteria-criterion-response_elicitation-inter_annotator-agreement_score"]["data"]
    for question, short in (("fidelity", "Image fidelity"), ("alignment", "Image-text alignment")):
        (alpha,) = [each for each in analysis.agreement[question] if each.method.endswith("ordinal")]
        assert alpha.value is not None
        shown = f"{alpha.value:.3f}".replace("-", MINUS)
        assert scores[short].endswith(shown) and f"{shown} ({question.capitalize()})" in methods
        assert f"| {alpha.method}, {question.capitalize()} | {shown} |" in otani
    assert f"| Distinct raters | {analysis.n_raters} |" in otani and f"{analysis.n_raters} raters" in methods
    assert f"gave {report.n_ratings} answers" in methods
    for each in analysis.comparisons:
        row = next(line for line in otani.splitlines() if f"{each.generator_a} against {each.generator_b}" in line)
        assert row.startswith("| Answers,")
        own = f"{each.question.capitalize()}, {each.generator_a} against {each.generator_b} | "
        assert f"{own}{percent(each.overall.share('a'))} % for {each.generator_a}, " in otani


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="nothing reads a PDF here")
def test_the_pdf_has_the_numbers_of_the_page(report: Report, tmp_path: Path, settings: Settings) -> None:
    settings.CHROMIUM = os.environ.get("DRAWBENCH_CHROMIUM", "")
    try:
        chromium(settings.CHROMIUM)
    except NoPrinterError:
        pytest.skip("there is no Chromium here")
    call_command("export_report", report.study.name, out=tmp_path / "r.pdf", stdout=io.StringIO())
    command = ["pdftotext", "-layout", str(tmp_path / "r.pdf"), "-"]
    printed = " ".join(subprocess.run(command, capture_output=True, check=True).stdout.decode().split())
    for comparison in compared(report).comparisons:
        for row in as_shown(comparison):
            assert " ".join(row[:9]) in printed, row
