"""`manage.py print_report`: a study's whole report as one file, HTML or PDF."""

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
from evaluation.views.researcher.whole import report_page

SUFFIXES = (".html", ".pdf")


class Command(ProductCommand):
    """Write a study's whole report as of now as one file."""

    help = (
        "Write a study's whole report as one file: HTML that needs no server and no internet, or PDF, which takes a "
        "Chromium on this machine (DRAWBENCH_CHROMIUM names one that is not on the path)."
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
        parser.add_argument("--paper", choices=PAPERS, default="a4", help="of a PDF (default: a4)")
        parser.add_argument("--without-simulated", action="store_true", help="leave simulated ratings out")

    def run(self, **options: Any) -> Mapping[str, Any]:
        out: Path = options["out"]
        if out.suffix.lower() not in SUFFIXES:
            raise InputError(f"--out must end with .html or .pdf, which decides the format; got {out}.", field="out")
        settings = {"include_simulated": False} if options["without_simulated"] else {}
        study = study_by_name(options["study"])
        result_look(study=study, what="report", deliberate=options["look"])
        report = report_make(study=study, settings=settings)
        data = report_page(report)
        if out.suffix.lower() == ".pdf":
            data = print_pdf(data, paper=options["paper"], program=instance.CHROMIUM)
        try:
            write_whole(out, data)
        except SaveError as error:
            raise InputError(f"{error} Choose another place with --out.", field="out") from error
        return {
            "study": study.name,
            "report": report.pk,
            "file": str(out),
            "bytes": len(data),
            "note": simulated_note(report.n_simulated, report.n_ratings),
        }

    def describe(self, result: Mapping[str, Any]) -> str:
        note = f" {result['note']}" if result["note"] else ""
        return f"Wrote {result['file']}: report {result['report']} of study {result['study']}.{note}"
