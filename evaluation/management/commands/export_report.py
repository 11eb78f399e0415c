"""`manage.py export_report`: a study's whole report as one file, HTML or PDF."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings as instance

from common.files import SaveError, write_whole
from evaluation.command import ProductCommand
from evaluation.errors import InputError
from evaluation.look_option import add_look
from evaluation.management.commands.export_ratings import simulated_note
from evaluation.reports.printing import PAPERS, print_pdf
from evaluation.selectors.studies import study_by_name
from evaluation.services.reporting.make import report_make
from evaluation.services.studies.looks import result_look
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
        add_look(parser)
        parser.add_argument("study", help="name of the study")
        parser.add_argument(
            "--out",
            metavar="FILE",
            type=Path,
            required=True,
            help="FILE.html or FILE.pdf; an existing file is replaced",
        )
        parser.add_argument("--with-ratings", action="store_true", help="the HTML file carries its ratings")
        parser.add_argument("--paper", choices=PAPERS, help="of a PDF (default: a4)")
        parser.add_argument("--without-simulated", action="store_true", help="leave simulated ratings out")

    def run(self, **options: Any) -> Mapping[str, Any]:
        out: Path = options["out"]
        kind = out.suffix.lower()
        if kind not in SUFFIXES:
            raise InputError(f"--out must end with .html or .pdf, which decides the format; got {out}.", field="out")
        if kind == ".pdf" and options["with_ratings"]:
            raise InputError("A PDF carries no ratings: --with-ratings is for FILE.html.", field="with_ratings")
        if kind == ".html" and options["paper"]:
            raise InputError("--paper is for FILE.pdf: HTML has no paper.", field="paper")
        settings = {"include_simulated": False} if options["without_simulated"] else {}
        study, carried = study_by_name(options["study"]), options["with_ratings"]
        result_look(study=study, what="ratings" if carried else "report", deliberate=options["look"])
        report = report_make(study=study, settings=settings)
        data = report_html(report, with_ratings=carried).encode()
        if kind == ".pdf":
            data = print_pdf(data, paper=options["paper"] or "a4", program=instance.CHROMIUM)
        try:
            write_whole(out, data)
        except (OSError, SaveError) as error:
            raise InputError(f"Can't write {out}: {error}. Choose another place with --out.", field="out") from error
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
