"""`manage.py export_ratings`: a study's ratings as a file."""

from __future__ import annotations

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
from evaluation.look_option import add_look
from evaluation.models import ImportedVotes, Study
from evaluation.reports.ratings_file import input_hash, ratings_csv, ratings_parquet
from evaluation.selectors.about import with_about
from evaluation.selectors.answers import answers_frame, has_other_answers
from evaluation.selectors.imported import imported_by_name, votes_of
from evaluation.selectors.ratings import ratings_frame
from evaluation.selectors.studies import study_by_name
from evaluation.services.studies.looks import result_look

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
        add_look(parser)
        parser.add_argument("study", help="name of the study, or of imported votes (scores are compared in pairs)")
        parser.add_argument(
            "--out", metavar="FILE", type=Path, help="FILE.csv or FILE.parquet; an existing file is replaced"
        )
        parser.add_argument(
            "--answers", metavar="FILE", type=Path, help="FILE.csv for the other answers; an existing file is replaced"
        )
        parser.add_argument("--without-simulated", action="store_true", help="leave simulated ratings out")

    def run(self, **options: Any) -> Mapping[str, Any]:
        out: Path | None = options["out"]
        if out is not None and out.suffix.lower() not in SUFFIXES:
            raise InputError(f"--out must end with .csv or .parquet, which decides the format; got {out}.")
        answers_out: Path | None = options["answers"]
        if answers_out is not None and answers_out.suffix.lower() != ".csv":
            raise InputError(f"--answers must end with .csv; got {answers_out}.", field="answers")
        if out is not None and answers_out is not None and out.resolve() == answers_out.resolve():
            raise InputError(f"--out and --answers name the same file, {out}. Give each its own.", field="answers")
        include = not options["without_simulated"]
        imported = imported_by_name(options["study"])
        study = None
        if imported is None:
            study = study_by_name(options["study"])
            result_look(study=study, what="ratings", deliberate=options["look"])
            frame = with_about(ratings_frame(study, include_simulated=include), study, exported=True)
            name = study.name
        else:
            name, frame = imported.name, self._imported(imported, people=not include)
        csv = ratings_csv(frame)
        simulated = int(frame["simulated"].sum())
        result: dict[str, Any] = {
            "study": name,
            "ratings": len(frame),
            "raters": int(frame["rater_id"].nunique()),
            "simulated": simulated,
            "note": simulated_note(simulated, len(frame)),
            "sha256_of_csv": input_hash(csv),
        }
        result |= self._answers(study, name, answers_out, include)
        if out is None:
            self.csv = csv.decode()
            return result | {"rows": json.loads(frame.to_json(orient="records", date_format="iso"))}
        data = csv if out.suffix.lower() == ".csv" else ratings_parquet(frame)
        _write(out, data, "--out")
        return result | {"file": str(out), "bytes": len(data)}

    def _answers(self, study: Study | None, name: str, out: Path | None, include_simulated: bool) -> dict[str, Any]:
        """The file of other answers written, where one is asked for; how many there are, where there can be any."""
        if study is None or not has_other_answers(study):
            if out is not None:
                message = f"{name} has only preferences, which --out writes. Leave --answers out."
                raise InputError(message, field="answers")
            return {}
        answers = with_about(answers_frame(study, include_simulated=include_simulated), study, exported=True)
        csv = ratings_csv(answers)
        if out is not None:
            _write(out, csv, "--answers")
        file = {} if out is None else {"file": str(out)}
        return {"answers": {"n": len(answers), "sha256_of_csv": input_hash(csv), **file}}

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
        return self.csv.rstrip("\n")


def _write(path: Path, data: bytes, option: str) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise InputError(f"Can't write {path}: {error.strerror}. Choose another place with {option}.") from error


def simulated_note(simulated: int, ratings: int) -> str:
    """What every export with simulated ratings leads with, or nothing."""
    if not simulated:
        return ""
    share = "all" if simulated == ratings else f"{simulated} of {ratings}"
    return f"SIMULATED: {share} of these ratings were given by simulated raters, not by people."
