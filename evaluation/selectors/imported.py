"""Votes that were imported, by name, as the frames that the analysis takes."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from types import MappingProxyType

import pandas as pd
import pyarrow.parquet as pa_parquet

from common.words import nearest
from evaluation.analysis.answers import validate_answers
from evaluation.analysis.frame import validate_ratings
from evaluation.analysis.scores import validate_scores
from evaluation.analysis.votes import Votes
from evaluation.errors import NotFoundError
from evaluation.models import ImportedVotes, Study

CHECKS: Mapping[str, Callable[..., pd.DataFrame]] = MappingProxyType(
    {"ratings": validate_ratings, "scores": validate_scores, "answers": validate_answers}
)
"""What brings each kind to its form."""


def imported_by_name(name: str) -> ImportedVotes | None:
    """The imported votes called `name`, where no study is; None without any."""
    if Study.objects.filter(name=name.strip()).exists():
        return None
    return ImportedVotes.objects.filter(name=name.strip()).first()


def imported_or_refused(name: str) -> ImportedVotes:
    """The imported votes called `name`.

    Raises:
        NotFoundError: there are none; the nearest name is given.
    """
    found = ImportedVotes.objects.filter(name=name.strip()).first()
    if found is None:
        known = list(ImportedVotes.objects.values_list("name", flat=True)[:1000])
        raise NotFoundError(f'No imported votes are called "{name}"{nearest(name, known) or "."}', field="name")
    return found


def votes_of(imported: ImportedVotes) -> Votes:
    """The votes as they were imported, checked again."""
    table = pa_parquet.read_table(io.BytesIO(bytes(imported.votes))).to_pandas()
    reading = imported.reading
    frame = CHECKS[imported.kind](table, source=imported.name)
    files = tuple((each["name"], each["form"]) for each in reading["files"])
    columns, answers = (MappingProxyType(dict(reading[name])) for name in ("columns", "answers"))
    return Votes(imported.kind, frame, files, columns, answers, tuple(reading["notes"]))  # type: ignore[arg-type]
