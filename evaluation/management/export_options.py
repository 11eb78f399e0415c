"""What the commands that write a study's results to a file share."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evaluation.errors import InputError
from evaluation.look_option import add_look
from evaluation.models import Study
from evaluation.selectors.studies import study_by_name
from evaluation.services.studies.looks import result_look


def add_export(parser: ArgumentParser, *suffixes: str, study: str = "name of the study", required: bool = True) -> None:
    """STUDY, `--out` for a file with one of `suffixes`, `--without-simulated` and `--look`."""
    add_look(parser)
    parser.add_argument("study", help=study)
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        required=required,
        help=f"{' or '.join(f'FILE{each}' for each in suffixes)}; an existing file is replaced",
    )
    parser.add_argument("--without-simulated", action="store_true", help="leave simulated ratings out")


def check_suffix(path: Path, *suffixes: str, option: str = "--out") -> str:
    """The suffix of the file that `option` names, in small letters.

    Raises:
        InputError: it is none of `suffixes`.
    """
    found = path.suffix.lower()
    if found not in suffixes:
        decides = ", which decides the format" if len(suffixes) > 1 else ""
        raise InputError(
            f"{option} must end with {' or '.join(suffixes)}{decides}; got {path}.", field=option.removeprefix("--")
        )
    return found


def study_looked_at(options: Mapping[str, Any], what: str) -> Study:
    """The study that was named, whose `what` ("report", "ratings") are looked at; the look is logged where it counts.

    Raises:
        NotFoundError: there is none of this name.
        InputError: it keeps its rates hidden, and `--look` was not given.
    """
    study = study_by_name(options["study"])
    result_look(study=study, what=what, deliberate=options["look"])
    return study


def report_settings(options: Mapping[str, Any]) -> dict[str, object]:
    """Of the report that the file is made from."""
    return {"include_simulated": False} if options["without_simulated"] else {}


def simulated_note(simulated: int, ratings: int) -> str:
    """What every export with simulated ratings leads with, or nothing."""
    if not simulated:
        return ""
    share = "all" if simulated == ratings else f"{simulated} of {ratings}"
    return f"SIMULATED: {share} of these ratings were given by simulated raters, not by people."
