"""`manage.py export_study`: a study as a sealed bundle."""

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
from evaluation.services.reporting.bundle import study_export


class Command(ProductCommand):
    """Write a study's bundle: what it locked, its ratings, their seals, and a report that can be computed again."""

    help = (
        "Export a study as one zip that a stranger can check with verify_bundle: its locked specification, suite, "
        "design and runs, the ratings under names that only this file has, the chain of their seals, signed with this "
        "instance's key, and a report. What is not sealed yet is sealed first, of an open study too. docs/bundle.md "
        "has the form."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_export(parser, ".zip", study="name of an open or closed study")

    def run(self, **options: Any) -> Mapping[str, Any]:
        check_suffix(options["out"], ".zip")
        study = study_looked_at(options, "ratings")
        found = study_export(study=study, out=options["out"], settings=report_settings(options))
        return {
            "study": found.study,
            "file": str(found.file),
            "bytes": found.n_bytes,
            "ratings": found.n_ratings,
            "simulated": found.n_simulated,
            "note": simulated_note(found.n_simulated, found.n_ratings),
            "newly_sealed": found.newly_sealed,
            "links": found.n_links,
            "head": found.head,
            "public_key": found.public_key,
        }

    def describe(self, result: Mapping[str, Any]) -> str:
        note = f" {result['note']}" if result["note"] else ""
        return (
            f"Wrote {result['file']}: {counted(result['ratings'], 'rating')} of study {result['study']}, "
            f"{result['newly_sealed']:,} sealed just now.{note}\n"
            f"Chain head {result['head']}, signed with the key {result['public_key']}. Note both elsewhere: what is "
            "changed later, here or in the file, no longer fits them."
        )
