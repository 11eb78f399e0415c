"""`manage.py export_ratings`: a study's ratings as a file."""

from __future__ import annotations

import hashlib
import json
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from common.words import counted
from evaluation.analysis.frame import by_people
from evaluation.analysis.groups import without_rare
from evaluation.analysis.votes_pairs import as_pairs
from evaluation.command import ProductCommand
from evaluation.errors import InputError
from evaluation.file_out import file_out
from evaluation.management.export_options import add_export, check_suffix, simulated_note, study_looked_at
from evaluation.models import ImportedVotes, Study
from evaluation.reports.ratings_file import csv_parts, csv_sha256, write_parquet
from evaluation.selectors.about import with_about
from evaluation.selectors.answers import answers_frame, has_other_answers
from evaluation.selectors.imported import imported_by_name, votes_of
from evaluation.selectors.ratings import ratings_frame

SUFFIXES = (".csv", ".parquet")


class Command(ProductCommand):
    """Write the standing ratings of a study, one row each, in the ratings file form that `analyse --ratings` takes; the
    answers that such a file does not hold in the form of `evaluation.analysis.read_answers`.
    """

    help = (
        "Export the ratings of a study (without withdrawn ones), one row each. --out FILE writes CSV or Parquet, by "
        "the file's suffix; without --out, CSV goes to standard output (with --format json, JSON). Raters have "
        "pseudonyms; the column `simulated` marks simulated ratings. Answers that are no preferences (scales, "
        "rankings, claims, words, points, reasons, texts) go to the file that --answers names. Of imported votes, what "
        "describes raters is left out where fewer than five share the combination."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        named = "name of the study, or of imported votes (scores are compared in pairs)"
        add_export(parser, *SUFFIXES, study=named, required=False)
        parser.add_argument(
            "--answers", metavar="FILE", type=Path, help="FILE.csv for the other answers; an existing file is replaced"
        )

    def run(self, **options: Any) -> Mapping[str, Any]:
        out: Path | None = options["out"]
        suffix = "" if out is None else check_suffix(out, *SUFFIXES)
        answers_out: Path | None = options["answers"]
        if answers_out is not None:
            check_suffix(answers_out, ".csv", option="--answers")
        if out is not None and answers_out is not None and out.resolve() == answers_out.resolve():
            raise InputError(f"--out and --answers name the same file, {out}. Give each its own.", field="answers")
        include = not options["without_simulated"]
        imported = imported_by_name(options["study"])
        study = None
        if imported is None:
            study = study_looked_at(options, "ratings")
            frame = with_about(ratings_frame(study, include_simulated=include), study, exported=True)
            name = study.name
        else:
            name, frame = imported.name, self._imported(imported, people=not include)
        simulated = int(frame["simulated"].sum())
        result: dict[str, Any] = {
            "study": name,
            "ratings": len(frame),
            "raters": int(frame["rater_id"].nunique()),
            "simulated": simulated,
            "note": simulated_note(simulated, len(frame)),
        }
        result |= self._answers(study, name, answers_out, include)
        if out is None:
            self.frame = frame
            rows = json.loads(frame.to_json(orient="records", date_format="iso"))
            return result | {"sha256_of_csv": csv_sha256(frame), "rows": rows}
        if suffix == ".csv":
            sha256 = _write_csv(frame, out, "--out")
        else:
            sha256 = csv_sha256(frame)
            with file_out(out) as file:
                write_parquet(frame, file)
        return result | {"sha256_of_csv": sha256, "file": str(out), "bytes": out.stat().st_size}

    def _answers(self, study: Study | None, name: str, out: Path | None, include_simulated: bool) -> dict[str, Any]:
        """The file of other answers written, where one is asked for; how many there are, where there can be any."""
        if study is None or not has_other_answers(study):
            if out is not None:
                message = f"{name} has only preferences, which --out writes. Leave --answers out."
                raise InputError(message, field="answers")
            return {}
        answers = with_about(answers_frame(study, include_simulated=include_simulated), study, exported=True)
        if out is None:
            return {"answers": {"n": len(answers), "sha256_of_csv": csv_sha256(answers)}}
        sha256 = _write_csv(answers, out, "--answers")
        return {"answers": {"n": len(answers), "sha256_of_csv": sha256, "file": str(out)}}

    def _imported(self, imported: ImportedVotes, *, people: bool) -> pd.DataFrame:
        """Imported votes on pairs, without rare combinations of what describes their raters."""
        valid = as_pairs(votes_of(imported), compare_scores=imported.kind == "scores")
        plain = without_rare(by_people(valid) if people else valid)
        return plain.astype({each: object for each in plain if isinstance(plain[each].dtype, pd.CategoricalDtype)})

    def describe(self, result: Mapping[str, Any]) -> str:
        note = f" {result['note']}" if result["note"] else ""
        said = (
            f"{counted(result['ratings'], 'rating')} by {counted(result['raters'], 'rater')} in study "
            f"{result['study']}.{note}"
        )
        if answers := result.get("answers"):
            where = f"in {answers['file']}" if "file" in answers else "for --answers FILE.csv"
            said += f" {counted(answers['n'], 'other answer')} {where}."
        if "file" in result:
            return f"Wrote {result['file']}: {said}"
        sys.stderr.write(said + "\n")
        last = b""
        for part in csv_parts(self.frame):
            self.stdout.write(last.decode(), ending="")
            last = part
        return last.decode()


def _write_csv(frame: pd.DataFrame, path: Path, option: str) -> str:
    """Write the file, and return its SHA-256."""
    digest = hashlib.sha256()
    with file_out(path, option=option) as file:
        for part in csv_parts(frame):
            digest.update(part)
            file.write(part)
    return digest.hexdigest()
