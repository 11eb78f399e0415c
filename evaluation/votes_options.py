"""The options by which commands read votes from anywhere, and what they say of how a file was read."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from typing import Any

from evaluation.analysis.votes import Votes, read_votes
from evaluation.analysis.votes_columns import parse_map
from evaluation.errors import InputError


def add_votes_options(parser: ArgumentParser) -> None:
    """--map, --choice-map, --models, --number-repeats, --compare-scores."""
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="OURS=THEIRS[,..]",
        help="which column of the file is which of ours, such as rater_id=worker,choice=winner; a+b takes several "
        "columns, each as a question; @row, @file and @value:TEXT stand for the row's number, the file's name and a "
        "text for all",
    )
    parser.add_argument(
        "--choice-map",
        action="append",
        default=[],
        metavar="THEIRS=OURS[,..]",
        help="what the file's answers mean (a, indifferent, b), such as left=a,tie=indifferent",
    )
    parser.add_argument(
        "--models",
        metavar="COLUMN[,..]",
        help="the columns that are generators, in a table of scores with a column for each",
    )
    parser.add_argument(
        "--number-repeats",
        action="store_true",
        help="votes of one rater on the same thing count as repetitions, in the order of the file",
    )


def add_compare_scores(parser: ArgumentParser) -> None:
    """--compare-scores."""
    parser.add_argument(
        "--compare-scores",
        action="store_true",
        help="make pairs of a file of scores: one rater's two scores of one prompt compared, equal ones indifferent",
    )


def votes_from(files: Sequence[str], options: Mapping[str, Any]) -> Votes:
    """The votes of `files` by the options of a command; how they were read is said on standard error.

    Raises:
        RatingsError: as `read_votes`.
    """
    models = [each.strip() for each in (options["models"] or "").split(",") if each.strip()]
    votes = read_votes(
        files,
        columns=parse_map(options["map"]),
        choices=parse_map(options["choice_map"], "--choice-map"),
        models=models,
        number_repeats=options["number_repeats"],
    )
    if votes.columns:  # a file in our own form has nothing that was guessed
        for name, form in votes.files:
            sys.stderr.write(f"{name}: read as {form}.\n")
        for note in votes.notes:
            sys.stderr.write(f"{note}\n")
    return votes


def refuse_votes_options(options: Mapping[str, Any]) -> None:
    """Refuse the options of files where no file was named.

    Raises:
        InputError: one of them was given.
    """
    for name in ("map", "choice_map", "models", "number_repeats", "compare_scores"):
        if options.get(name):
            raise InputError(f"--{name.replace('_', '-')} is about a file: name it with --ratings FILE.")
