"""Keep votes that came from another program under a name."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pandas as pd
from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import IntegrityError, transaction

from common import limits
from evaluation.analysis.votes import Votes
from evaluation.errors import ConflictError, InputError
from evaluation.models import ImportedVotes, Study
from evaluation.reports.ratings_file import csv_sha256, ratings_parquet


def votes_import(*, name: str, votes: Votes, sealed: Mapping[str, str] | None = None) -> ImportedVotes:
    """Keep `votes` under `name`. The same votes under the same name again are answered with what is there. `sealed`: of
    votes from a sealed bundle, which study and chain they are from.

    Raises:
        InputError: the name is not one that may be.
        ConflictError: a study, or other votes, have the name.
    """
    try:
        validate_slug(name)
    except ValidationError as error:
        raise InputError(
            f'--as "{name}": use letters, digits, - and _, without spaces, such as --as arena-june.', field="as"
        ) from error
    if len(name) > limits.STUDY_NAME:
        raise InputError(f"The name has {len(name)} characters; at most {limits.STUDY_NAME} are allowed.", field="as")
    if Study.objects.filter(name=name).exists():
        raise ConflictError(f'A study is called "{name}". Choose another name with --as.', field="as")
    frame = _flat(votes.frame)
    sha256 = csv_sha256(frame)
    there = ImportedVotes.objects.filter(name=name).first()
    if there is None:
        try:
            with transaction.atomic():
                return ImportedVotes.objects.create(
                    name=name,
                    kind=votes.kind,
                    votes=ratings_parquet(frame),
                    sha256=sha256,
                    reading=votes.to_dict() | ({} if sealed is None else {"sealed": dict(sealed)}),
                    n_rows=len(frame),
                )
        except IntegrityError:  # somebody else took the name meanwhile
            there = ImportedVotes.objects.filter(name=name).first()
    if there is None or there.sha256 != sha256:
        raise ConflictError(f'Other votes are called "{name}" already. Choose another name with --as.', field="as")
    return there


def _flat(frame: pd.DataFrame) -> pd.DataFrame:
    """Text, numbers and flags alone: what answers hold as lists becomes JSON."""
    found = {}
    for column in frame.columns:
        values = frame[column]
        if isinstance(values.dtype, pd.CategoricalDtype):
            values = values.astype(object)
        elif values.map(lambda each: isinstance(each, list | tuple)).any() or column == "value":
            values = values.map(lambda each: json.dumps(each, ensure_ascii=False))
        elif values.dtype == object:
            values = values.map(lambda each: each if each is None or isinstance(each, str) else str(each))
        found[str(column)] = values
    return pd.DataFrame(found)
