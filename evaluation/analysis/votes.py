"""Votes from anywhere: whatever a file of votes looks like, it becomes the ratings, scores or answers of this package.

>>> from evaluation.analysis import read_votes  # doctest: +SKIP
>>> votes = read_votes(["export.json"], columns={"generator_a": "data.left_model"})  # doctest: +SKIP
>>> votes.kind, votes.notes  # doctest: +SKIP

What a file does not say is guessed where there is one sensible guess, and every guess stands in ``notes``. Where there
is none, the error names the columns or answers that there are and the option that would do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import pandas as pd

from evaluation.analysis import answers as answer_files
from evaluation.analysis import scores as score_files
from evaluation.analysis.columns import CHOICES, RatingsError, listed
from evaluation.analysis.frame import REQUIRED, read_ratings, validate_ratings
from evaluation.analysis.results import Document
from evaluation.analysis.table_file import headings_of
from evaluation.analysis.votes_columns import find_columns, is_vote_heading
from evaluation.analysis.votes_files import open_votes
from evaluation.analysis.votes_platforms import taken_apart
from evaluation.analysis.votes_rows import Asked, Rows, rows_of

Kind = Literal["ratings", "scores", "answers"]
KINDS: Mapping[Kind, tuple[str, ...]] = MappingProxyType(
    {"ratings": REQUIRED, "scores": score_files.COLUMNS, "answers": answer_files.COLUMNS}
)
"""What a file may hold, by the columns of our own forms."""


@dataclass(frozen=True)
class Votes:
    """Votes, read and checked. ``frame``: from ``validate_ratings``, ``validate_scores`` or ``validate_answers``.

    ``files``: name and form of each. ``columns``: theirs by ours, ``answers``: ours by theirs, as they were read; both
    are empty for files in our own forms. ``notes``: what was guessed, left out and ignored, a sentence each.
    """

    kind: Kind
    frame: pd.DataFrame
    files: tuple[tuple[str, str], ...]
    columns: Mapping[str, str]
    answers: Mapping[str, str]
    notes: tuple[str, ...]

    def to_dict(self) -> Document:
        """How the votes were read; the votes themselves are not in it."""
        return {
            "kind": self.kind,
            "n_rows": len(self.frame),
            "files": [{"name": name, "form": form} for name, form in self.files],
            "columns": dict(self.columns),
            "answers": dict(self.answers),
            "notes": list(self.notes),
        }


def read_votes(
    paths: Sequence[str | Path],
    *,
    columns: Mapping[str, str] = MappingProxyType({}),
    choices: Mapping[str, str] = MappingProxyType({}),
    models: Sequence[str] = (),
    number_repeats: bool = False,
) -> Votes:
    """Read the votes of one or several files of the same form.

    Args:
        columns: theirs by ours, as `--map` names them; `a+b` takes several, each as a question, `@row` a number a row,
            `@file` the file's name and `@value:TEXT` one text for all.
        choices: ours (a, indifferent, b) by theirs.
        models: the columns that are generators, in a table that has a column for each; found where none are named.
        number_repeats: whether votes of one rater on the same thing count as repetitions, in the order of the file.

    Raises:
        RatingsError: a file can't be read, columns or answers are not known, or a vote is not allowed.
    """
    if not paths:
        raise RatingsError("No file is named. Name at least one file of votes.")
    for theirs, ours in choices.items():
        if ours not in CHOICES:
            raise RatingsError(
                f"--choice-map {theirs}={ours}: {ours!r} is no answer here. Allowed are {listed(CHOICES)}."
            )
    files = [Path(each) for each in paths]
    if len(files) == 1 and not (columns or choices or models or number_repeats):
        own = own_kind(files[0])
        if own is not None:
            return _in_our_form(files[0], own)
    return _collected(list(_each(files, Asked(columns, choices, tuple(models)))), number_repeats)


def own_kind(path: Path) -> Kind | None:
    """Which of our own forms a CSV or Parquet file has; None for another file."""
    headings = set(headings_of(path))
    return next((kind for kind, needed in KINDS.items() if headings and set(needed) <= headings), None)


def _in_our_form(path: Path, kind: Kind) -> Votes:
    readers = {
        "ratings": read_ratings,
        "scores": score_files.read_scores,
        "answers": answer_files.read_answers,
    }
    frame = readers[kind](path)
    files = ((path.name, f"our own form of {kind}"),)
    notes = tuple(frame.attrs.get("notes", ()))
    return Votes(kind, frame, files, MappingProxyType({}), MappingProxyType({}), notes)


def _each(files: Sequence[Path], asked: Asked) -> Iterator[Rows]:
    for path in files:
        taken = taken_apart(open_votes(path, is_vote_heading))
        found = find_columns(taken.file.columns, asked.columns, taken.own, path.name)
        yield rows_of(taken, found, asked, several=len(files) > 1)


def _collected(parts: Sequence[Rows], number_repeats: bool) -> Votes:
    kinds = {part.kind for part in parts}
    if len(kinds) > 1:
        said = ", ".join(f"{part.source} ({part.kind})" for part in parts)
        raise RatingsError(f"The files hold different things: {said}. Read them one kind at a time.")
    (kind,) = kinds
    frame = pd.concat([part.frame for part in parts], ignore_index=True)
    places = [place for part in parts for place in part.places]
    if not len(frame):
        raise RatingsError(f"{listed([part.source for part in parts])}: there are no votes in it.")
    if number_repeats:
        frame = _numbered(frame, kind)
    source = parts[0].source if len(parts) == 1 else "the files"
    check = validate_ratings if kind == "ratings" else score_files.validate_scores
    valid = check(frame, source=source, places=places.__getitem__)
    notes = dict.fromkeys(note for part in parts for note in part.notes)
    notes |= dict.fromkeys(valid.attrs.get("notes", ()))
    return Votes(
        kind,
        valid,
        tuple((part.source, part.form) for part in parts),
        MappingProxyType({ours: theirs for part in parts for ours, theirs in part.columns.items()}),
        MappingProxyType({theirs: ours for part in parts for theirs, ours in part.answers.items()}),
        tuple(notes),
    )


def _numbered(frame: pd.DataFrame, kind: Kind) -> pd.DataFrame:
    """`repetition` 0, 1, 2 ... for the votes of one rater on the same thing."""
    key = [frame[name] for name in ("rater_id", "prompt_id", "question", "set") if name in frame]
    if kind == "ratings":
        pairs = frame[["generator_a", "generator_b"]]
        key += [pairs.min(axis=1), pairs.max(axis=1)]
    else:
        key.append(frame["generator"])
    return frame.assign(repetition=frame.groupby(key, sort=False).cumcount())
