"""The ratings file, written: CSV and Parquet in the form that `evaluation.analysis.frame.read_ratings` takes."""

from __future__ import annotations

import hashlib
import io

import pandas as pd

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the start of a formula (OWASP, CSV injection)."""


def ratings_csv(frame: pd.DataFrame) -> bytes:
    """`frame` as CSV: UTF-8, LF, true and false, times as ISO 8601 in UTC; the same ratings give the same bytes.

    A text cell that a spreadsheet would run as a formula gets a leading apostrophe, which `read_ratings` takes off.
    """
    safe = frame.copy()
    for name in frame.columns:
        if pd.api.types.is_bool_dtype(frame[name].dtype):
            safe[name] = frame[name].map({True: "true", False: "false"})
        elif isinstance(frame[name].dtype, pd.DatetimeTZDtype):
            safe[name] = frame[name].dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        elif not pd.api.types.is_numeric_dtype(frame[name].dtype):
            safe[name] = frame[name].map({value: no_formula(value) for value in frame[name].unique()})
    buffer = io.StringIO()
    safe.to_csv(buffer, index=False, lineterminator="\n")
    return buffer.getvalue().encode("utf-8")


def ratings_parquet(frame: pd.DataFrame) -> bytes:
    """`frame` as Parquet; nothing is escaped there."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


def input_hash(csv: bytes) -> str:
    """The SHA-256 that a report names its ratings by."""
    return hashlib.sha256(csv).hexdigest()


def no_formula(value: object) -> object:
    """`value`, with an apostrophe before it where a spreadsheet would take it for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value
