"""`manage.py export_report`: a study's whole report as one file, HTML or PDF."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings as instance

from evaluation.command import ProductCommand
from evaluation.errors import InputError
from evaluation.file_out import file_out
from evaluation.management.export_options import (
    add_export,
    check_suffix,
    report_settings,
    simulated_note,
    study_looked_at,
)
from evaluation.reports.printing import PAPERS, print_pdf
from evaluation.services.reporting.make import report_make
from evaluation.views.researcher.report_file import report_html

SUFFIXES = (".html", ".pdf")


class Command(ProductCommand):
    """Write the report of a study's ratings as they stand, in one file that needs no server."""

    help = (
        "Export a study's whole report as one file. HTML has its figures inside and is readable without a network and "
        "without JavaScript; --with-ratings puts the ratings in (with pseudonyms for raters), and a second program "
        "that computes the report again in the browser and shows every number that differs. PDF takes a Chromium on "
        "this machine (DRAWBENCH_CHROMIUM names one that is not on the path). docs/report.md says more."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_export(parser, *SUFFIXES)
        parser.add_argument("--with-ratings", action="store_true", help="the HTML file carries its ratings")
        parser.add_argument("--paper", choices=PAPERS, help="of a PDF (default: a4)")

    def run(self, **options: Any) -> Mapping[str, Any]:
        out: Path = options["out"]
        kind = check_suffix(out, *SUFFIXES)
        if kind == ".pdf" and options["with_ratings"]:
            raise InputError("A PDF carries no ratings: --with-ratings is for FILE.html.", field="with_ratings")
        if kind == ".html" and options["paper"]:
            raise InputError("--paper is for FILE.pdf: HTML has no paper.", field="paper")
        carried = options["with_ratings"]
        study = study_looked_at(options, "ratings" if carried else "report")
        report = report_make(study=study, settings=report_settings(options))
        data = report_html(report, with_ratings=carried).encode()
        if kind == ".pdf":
            data = print_pdf(data, paper=options["paper"] or "a4", program=instance.CHROMIUM)
        with file_out(out) as file:
            file.write(data)
        note = simulated_note(report.n_simulated, report.n_ratings)
        return {
            "study": study.name,
            "report": report.pk,
            "file": str(out),
            "bytes": len(data),
            "ratings": report.n_ratings,
            "carried": carried,
            "note": note,
        }

    def describe(self, result: Mapping[str, Any]) -> str:
        note = f" {result['note']}" if result["note"] else ""
        inside = ", which are inside" if result["carried"] else ""
        return f"Wrote {result['file']}: report {result['report']} of {result['ratings']:,} ratings{inside}.{note}"
