"""`analyse --paper imagen --out FOLDER`: a study's results in the forms of the Imagen paper."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common.files import SaveError, write_whole
from evaluation.errors import InputError
from evaluation.models import Study
from evaluation.reports.compute import Settings, pair_named
from evaluation.reports.document import ReportDocument
from evaluation.services.reporting.make import report_make

PAPERS = ("imagen",)


def add_paper(parser: ArgumentParser) -> None:
    """`--paper` and the folder that it writes to."""
    parser.add_argument(
        "--paper",
        choices=PAPERS,
        help="also: draw figures 3 and A.7 and table 2 of that paper from a study's results into the folder --out. The "
        "first name of --pair is compared with its rivals, else the study's first run",
    )
    parser.add_argument("--out", metavar="FOLDER", type=Path, help="where --paper writes; its files are replaced")


def check_paper(options: Mapping[str, Any]) -> None:
    """Nothing where `--paper` and `--out` come together, with a study.

    Raises:
        InputError: one came without the other, or with files.
    """
    if (options["paper"] is None) != (options["out"] is None):
        lacking, there = ("--out FOLDER", "--paper") if options["out"] is None else ("--paper imagen", "--out")
        raise InputError(
            f"{there} needs {lacking} beside it: --paper draws figures and writes them to --out.", field="out"
        )
    if options["paper"] is not None and options["study"] is None:
        raise InputError(
            "--paper draws the results of a study; name one instead of files or imported votes.", field="paper"
        )


def paper_written(study: Study, settings: Settings, options: Mapping[str, Any]) -> list[str]:
    """Write the paper's figures and table of `study`, of its report as of now; the names of the files.

    Raises:
        InputError: there is nothing to draw, a pair or question is not there, or there is no writing.
    """
    from evaluation.reports.kit.imagen import imagen_files  # figures' library takes a while to import

    report = report_make(study=study, settings=settings.to_dict())
    document = ReportDocument.from_dict(report.results)
    names = [str(each["label"]) for each in study.specification.get("runs", ())]
    pairs = [pair_named(each, names) for each in options["pair"]]
    subject = pairs[0][0] if pairs else next(iter(names), "")
    try:
        chosen = document.analysis.narrowed(options["question"], pairs) if document.analysis.comparisons else None
    except ValueError as error:
        raise InputError(str(error)) from error
    files = imagen_files(
        chosen.comparisons if chosen else (),
        document.further,
        subject,
        simulated=bool(report.n_simulated),
        level=document.analysis.level,
    )
    if not files:
        raise InputError(
            "There is nothing to draw: the paper's figures show preferences between generators, and its table "
            "preferences over photographs or scores of alignment. The study has no ratings of either kind.",
            field="paper",
        )
    folder: Path = options["out"]
    try:
        for name, data in files.items():
            write_whole(folder / name, data)
    except (SaveError, OSError) as error:
        raise InputError(f"Can't write to {folder}: {error}. Choose another folder with --out.", field="out") from error
    return [str(folder / name) for name in sorted(files)]
