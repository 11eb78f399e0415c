"""`manage.py paper_kit`: what a paper needs of a study's report, in one zip."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common.words import counted
from evaluation.command import ProductCommand
from evaluation.errors import InputError
from evaluation.look_option import add_look
from evaluation.management.commands.export_ratings import simulated_note
from evaluation.selectors.studies import study_by_name
from evaluation.services.reporting.kit import kit_write
from evaluation.services.reporting.make import report_make
from evaluation.services.studies.looks import result_look
from evaluation.views.researcher.report_file import report_page


class Command(ProductCommand):
    """Write the paper kit of a study's report as of now."""

    help = (
        "Write what a paper needs of a study's report as one zip: LaTeX tables for one and two columns, vector "
        "figures, a methods section with the study's own figures, BibTeX, the ratings and results as CSV, Parquet and "
        "JSON with a codebook, HEDS 3.0 and the list of Otani et al. filled in, and a list of what only a person "
        "knows. docs/report.md says what each file is."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_look(parser)
        parser.add_argument("study", help="name of the study")
        parser.add_argument(
            "--out", metavar="FILE", type=Path, required=True, help="FILE.zip; an existing file is replaced"
        )
        parser.add_argument("--without-simulated", action="store_true", help="leave simulated ratings out")

    def run(self, **options: Any) -> Mapping[str, Any]:
        out: Path = options["out"]
        if out.suffix.lower() != ".zip":
            raise InputError(f"--out must end with .zip; got {out}.", field="out")
        settings = {"include_simulated": False} if options["without_simulated"] else {}
        study = study_by_name(options["study"])
        result_look(study=study, what="ratings", deliberate=options["look"])
        found = kit_write(report=report_make(study=study, settings=settings), out=out, page=report_page)
        return {
            "study": found.study,
            "report": found.report,
            "file": str(found.file),
            "bytes": found.n_bytes,
            "files": found.n_files,
            "ratings": found.n_ratings,
            "simulated": found.n_simulated,
            "note": simulated_note(found.n_simulated, found.n_ratings),
        }

    def describe(self, result: Mapping[str, Any]) -> str:
        note = f" {result['note']}" if result["note"] else ""
        return (
            f"Wrote {result['file']}: {counted(result['files'], 'file')} on {counted(result['ratings'], 'rating')} of "
            f"study {result['study']} (report {result['report']}).{note}\n"
            "README.md says what each file is, TO-FILL-IN.md what only you know."
        )
