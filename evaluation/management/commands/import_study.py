"""`manage.py import_study`: the ratings of a sealed bundle, kept under a name."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common.words import counted
from evaluation.command import ProductCommand
from evaluation.services.reporting.import_bundle import bundle_import


class Command(ProductCommand):
    """Check a bundle of a study held elsewhere, and keep its ratings, which never change, under a name."""

    help = (
        "Import a study from its sealed bundle. The bundle is checked first, as verify_bundle does. Its ratings are "
        "kept as imported votes, with the study, the chain's head and the key that they are from; `analyse NAME` "
        "reports on them, with the numbers of the bundle's report, and `export_ratings NAME` writes them."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help="the bundle, a zip")
        parser.add_argument("--as", dest="name", required=True, metavar="NAME", help="the name to keep it under")
        parser.add_argument("--key", metavar="HEX", help="the public key that must have signed it")

    def run(self, **options: Any) -> Mapping[str, Any]:
        found = bundle_import(name=options["name"], path=options["file"], key=options["key"])
        return {
            "imported": True,
            "study": found.study,
            "head": found.head,
            "public_key": found.public_key,
            "excluded_raters": found.n_excluded,
            "votes": [
                {"name": each.name, "kind": each.kind, "n_rows": each.n_rows, "sha256_of_csv": each.sha256}
                for each in found.votes
            ],
        }

    def describe(self, result: Mapping[str, Any]) -> str:
        kept = ", ".join(f"{counted(each['n_rows'], each['kind'][:-1])} as {each['name']}" for each in result["votes"])
        return (
            f"Imported study {result['study']}, whose bundle holds: {kept}. The report: manage.py analyse "
            f"{result['votes'][0]['name']}\nChain head {result['head']}, signed with the key {result['public_key']}."
        )
