"""The ratings file, written: CSV and Parquet in the form that `evaluation.analysis.frame.read_ratings` takes; and the
file of answers, CSV for `evaluation.analysis.answers.read_answers`.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterator, Mapping
from typing import IO, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from common.hashes import bytes_sha256, hash_of

FORMULA = re.compile(r"'*[=+\-@\t\r]")
"""What a spreadsheet takes for the start of a formula (OWASP, CSV injection), or that with apostrophes before it: those
get one more, so that taking one off gives back exactly what was there."""


ROWS = 10_000
"""Rows of a file that are written at once: the file of a million ratings is never in memory as a whole."""


GROUP = 100_000
"""The same of Parquet, which packs a group of rows the better the larger it is."""


def csv_parts(frame: pd.DataFrame) -> Iterator[bytes]:
    """`frame` as CSV, in parts of whole rows: UTF-8, LF, true and false, times as ISO 8601 in UTC; the same ratings
    give the same bytes.

    A text cell that a spreadsheet would run as a formula gets a leading apostrophe, which `read_ratings` takes off.
    """
    texts: dict[str, dict[object, object]] = {}
    has_return = any("\r" in str(name) for name in frame.columns)
    for name in frame.columns:
        kind = frame[name].dtype
        if not (pd.api.types.is_numeric_dtype(kind) or isinstance(kind, pd.DatetimeTZDtype)):
            values = frame[name].unique()
            texts[name] = {value: no_formula(value) for value in values}
            has_return = has_return or any(isinstance(value, str) and "\r" in value for value in values)
            if not all(isinstance(value, str) or value is None or pd.isna(value) for value in values):
                frame = frame.assign(**{name: frame[name].map(texts.pop(name))})  # as a whole: its type depends on all
    # The csv module of Python 3.11 quotes a line feed but not a carriage return, which readers take for a line's end.
    quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if has_return else csv.QUOTE_MINIMAL
    for start in range(0, max(len(frame), 1), ROWS):
        part = frame.iloc[start : start + ROWS]
        safe = part.assign(**{name: _as_text(part[name], texts.get(name)) for name in part.columns})
        text = io.StringIO()
        safe.to_csv(text, index=False, header=start == 0, lineterminator="\n", quoting=quoting)
        yield text.getvalue().encode("utf-8")


def ratings_csv(frame: pd.DataFrame) -> bytes:
    """All of `csv_parts`."""
    return b"".join(csv_parts(frame))


def csv_sha256(frame: pd.DataFrame) -> str:
    """SHA-256 of `ratings_csv`, in hexadecimal."""
    digest = hashlib.sha256()
    for part in csv_parts(frame):
        digest.update(part)
    return digest.hexdigest()


def json_parts(frame: pd.DataFrame) -> Iterator[bytes]:
    """`frame` as JSON, in parts: `columns`, and `data` with a list for each row; null is an empty cell, moments are ISO
    8601.
    """

    def text(part: pd.DataFrame) -> str:
        return part.to_json(orient="split", index=False, date_format="iso", date_unit="us", double_precision=15)

    head, end = text(frame.iloc[:0]).removesuffix("]}"), "]}\n"
    yield head.encode()
    for start in range(0, len(frame), ROWS):
        rows = text(frame.iloc[start : start + ROWS]).removeprefix(head).removesuffix("]}")
        yield f"{',' if start else ''}{rows}".encode()
    yield end.encode()


def write_parquet(frame: pd.DataFrame, out: IO[bytes]) -> None:
    """`frame` as Parquet; nothing is escaped there."""
    schema = pa.Schema.from_pandas(frame, preserve_index=False)
    with pq.ParquetWriter(out, schema) as writer:
        for start in range(0, max(len(frame), 1), GROUP):
            part = frame.iloc[start : start + GROUP]
            writer.write_table(pa.Table.from_pandas(part, schema=schema, preserve_index=False))


def ratings_parquet(frame: pd.DataFrame) -> bytes:
    """All of `write_parquet`."""
    buffer = io.BytesIO()
    write_parquet(frame, buffer)
    return buffer.getvalue()


def frames_hash(ratings: pd.DataFrame, answers: pd.DataFrame | None = None) -> str:
    """`input_hash` of the files of these frames."""
    own = csv_sha256(ratings)
    return own if answers is None else hash_of([own, csv_sha256(answers)])


def input_hash(csv: bytes, answers: bytes | None = None) -> str:
    """The SHA-256 that a report names its input by: that of its ratings file; where there is a file of other answers,
    that of both files' hashes.
    """
    return bytes_sha256(csv) if answers is None else hash_of([bytes_sha256(csv), bytes_sha256(answers)])


def _as_text(column: pd.Series, texts: Mapping[object, object] | None) -> pd.Series:
    """A column as its CSV says it. `texts`: what its values become; None where they are no texts."""
    if texts is not None:
        return column.map(texts)
    if pd.api.types.is_bool_dtype(column.dtype):
        return column.map({True: "true", False: "false"})
    return column.dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if isinstance(column.dtype, pd.DatetimeTZDtype) else column


def no_formula(value: object) -> object:
    """`value`, with an apostrophe before it where a spreadsheet would take it for a formula (see `FORMULA`)."""
    return f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value
