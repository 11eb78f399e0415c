"""`manage.py import_votes`: votes of another program, kept under a name."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from common.words import counted
from evaluation.command import ProductCommand
from evaluation.services.reporting.import_votes import votes_import
from evaluation.votes_options import add_votes_options, votes_from


class Command(ProductCommand):
    """Read files of votes, whatever program wrote them, and keep them under a name that `analyse` takes."""

    help = (
        "Import votes from another program: Label Studio, Potato, Mechanical Turk, arena logs, ImagenHub, DSG, tables "
        "with a column a generator, workbooks, JSON, Parquet, or our own forms. They are kept whole, marked as "
        "imported; `analyse NAME` reports on them and `export_ratings NAME` writes them. docs/votes-from-anywhere.md "
        "lists what is recognised."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE", help="a file of votes; several of one form")
        parser.add_argument("--as", dest="name", required=True, metavar="NAME", help="the name to keep them under")
        add_votes_options(parser)

    def run(self, **options: Any) -> Mapping[str, Any]:
        votes = votes_from(options["files"], options)
        imported = votes_import(name=options["name"], votes=votes)
        return {"name": imported.name, "sha256_of_csv": imported.sha256, "imported": True} | votes.to_dict()

    def describe(self, result: Mapping[str, Any]) -> str:
        noun = {"ratings": "rating", "scores": "score", "answers": "answer"}[result["kind"]]
        return (
            f"Imported {counted(result['n_rows'], noun)} as {result['name']}. The report: manage.py analyse"
            f" {result['name']}"
        )
