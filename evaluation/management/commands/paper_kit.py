"""`manage.py paper_kit`: what a paper needs of a study's report, in one zip."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from common.words import counted
from evaluation.command import ProductCommand
from evaluation.management.export_options import (
    add_export,
    check_suffix,
    report_settings,
    simulated_note,
    study_looked_at,
)
from evaluation.services.reporting.kit import kit_write
from evaluation.services.reporting.make import report_make
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
        add_export(parser, ".zip")

    def run(self, **options: Any) -> Mapping[str, Any]:
        check_suffix(options["out"], ".zip")
        report = report_make(study=study_looked_at(options, "ratings"), settings=report_settings(options))
        found = kit_write(report=report, out=options["out"], page=report_page)
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
