"""The ratings file, written: CSV and Parquet in the form that `evaluation.analysis.frame.read_ratings` takes; and the
file of answers, CSV for `evaluation.analysis.answers.read_answers`.
"""

from __future__ import annotations

import csv
import io
import re
from typing import Literal

import pandas as pd

from common.hashes import bytes_sha256, hash_of

FORMULA = re.compile(r"'*[=+\-@\t\r]")
"""What a spreadsheet takes for the start of a formula (OWASP, CSV injection), or that with apostrophes before it: those
get one more, so that taking one off gives back exactly what was there."""


def ratings_csv(frame: pd.DataFrame) -> bytes:
    """`frame` as CSV: UTF-8, LF, true and false, times as ISO 8601 in UTC; the same ratings give the same bytes.

    A text cell that a spreadsheet would run as a formula gets a leading apostrophe, which `read_ratings` takes off.
    """
    safe = frame.copy()
    has_return = any("\r" in str(name) for name in frame.columns)
    for name in frame.columns:
        if pd.api.types.is_bool_dtype(frame[name].dtype):
            safe[name] = frame[name].map({True: "true", False: "false"})
        elif isinstance(frame[name].dtype, pd.DatetimeTZDtype):
            safe[name] = frame[name].dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        elif not pd.api.types.is_numeric_dtype(frame[name].dtype):
            values = frame[name].unique()
            safe[name] = frame[name].map({value: no_formula(value) for value in values})
            has_return = has_return or any(isinstance(value, str) and "\r" in value for value in values)
    buffer = io.StringIO()
    # The csv module of Python 3.11 quotes a line feed but not a carriage return, which readers take for a line's end.
    quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if has_return else csv.QUOTE_MINIMAL
    safe.to_csv(buffer, index=False, lineterminator="\n", quoting=quoting)
    return buffer.getvalue().encode("utf-8")


def ratings_parquet(frame: pd.DataFrame) -> bytes:
    """`frame` as Parquet; nothing is escaped there."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


def input_hash(csv: bytes, answers: bytes | None = None) -> str:
    """The SHA-256 that a report names its input by: that of its ratings file; where there is a file of other answers,
    that of both files' hashes.
    """
    return bytes_sha256(csv) if answers is None else hash_of([bytes_sha256(csv), bytes_sha256(answers)])


def no_formula(value: object) -> object:
    """`value`, with an apostrophe before it where a spreadsheet would take it for a formula (see `FORMULA`)."""
    return f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value
