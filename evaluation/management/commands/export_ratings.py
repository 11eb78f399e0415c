"""`manage.py export_ratings`: a study's ratings as a file."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evaluation.command import ProductCommand
from evaluation.errors import InputError
from evaluation.reports.ratings_file import input_hash, ratings_csv, ratings_parquet
from evaluation.selectors.ratings import ratings_frame
from evaluation.selectors.studies import study_by_name

SUFFIXES = (".csv", ".parquet")


class Command(ProductCommand):
    """Write the standing ratings of a study, one row each, in the ratings file form that `analyse --ratings` takes."""

    help = (
        "Export the standing ratings of a study, one row each: to a CSV or Parquet file by the suffix of --out, or as "
        "CSV on standard output without it. Raters stand under pseudonyms; simulated ratings are marked in the column "
        "`simulated`. With --format json and no --out the rows come as JSON."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", help="name of the study")
        parser.add_argument("--out", metavar="FILE", type=Path, help="FILE.csv or FILE.parquet; replaced if there")
        parser.add_argument("--without-simulated", action="store_true", help="leave simulated ratings out")

    def run(self, **options: Any) -> Mapping[str, Any]:
        out: Path | None = options["out"]
        if out is not None and out.suffix.lower() not in SUFFIXES:
            raise InputError(f"--out {out}: the name must end with .csv or .parquet, which says the format.")
        study = study_by_name(options["study"])
        frame = ratings_frame(study, include_simulated=not options["without_simulated"])
        csv = ratings_csv(frame)
        simulated = int(frame["simulated"].sum())
        result: dict[str, Any] = {
            "study": study.name,
            "ratings": len(frame),
            "raters": int(frame["rater_id"].nunique()),
            "simulated": simulated,
            "note": simulated_note(simulated, len(frame)),
            "sha256_of_csv": input_hash(csv),
        }
        if out is None:
            self.csv = csv.decode()
            return result | {"rows": json.loads(frame.to_json(orient="records", date_format="iso"))}
        data = csv if out.suffix.lower() == ".csv" else ratings_parquet(frame)
        try:
            out.write_bytes(data)
        except OSError as error:
            raise InputError(
                f"{out} could not be written: {error.strerror}. Choose another place with --out."
            ) from error
        return result | {"file": str(out), "bytes": len(data)}

    def describe(self, result: Mapping[str, Any]) -> str:
        note = f" {result['note']}" if result["note"] else ""
        said = f"{result['ratings']} ratings by {result['raters']} raters of study {result['study']}.{note}"
        if "file" in result:
            return f"Wrote {result['file']}: {said}"
        sys.stderr.write(said + "\n")
        return self.csv.rstrip("\n")


def simulated_note(simulated: int, ratings: int) -> str:
    """What every export with simulated ratings leads with, or nothing."""
    if not simulated:
        return ""
    share = "all" if simulated == ratings else f"{simulated} of {ratings}"
    return f"SIMULATED: {share} of these ratings were given by simulated raters, not by people."
