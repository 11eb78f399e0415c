"""Ratings and scores files opened: CSV in any of a spreadsheet's dresses, or Parquet, as a table of arrows.

The dress (encoding, separator, Excel's `sep=` line) is found by the one reader of tables (`common.tables`); the cells
of a CSV file, of which there may be a hundred million, are then read by pyarrow.
"""

from __future__ import annotations

import contextlib
import io
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pa_compute
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

from common import text_files
from common.tables import Record, Shape, TableError, each_record, other_number_of_cells, plain_heading, shape_of
from evaluation.analysis.columns import RatingsError, listed

BLOCK = 1 << 22  # bytes read at a time: with fewer, each block tells all names anew
DECIMAL_COMMA = r"^(\s*[+-]?[0-9]+),([0-9]+\s*)$"


@dataclass(frozen=True)
class FileForm:
    """What such a file has. `called`: in messages ("ratings file"). `required`: its columns.

    `types`: of columns that are not to be guessed. `numbers`: columns of numbers, which may have decimal commas where
    the cells are not separated by commas.
    """

    called: str
    required: tuple[str, ...]
    types: Mapping[str, pa.DataType]
    numbers: tuple[str, ...]


@dataclass(frozen=True)
class TableFile:
    """An opened file."""

    path: Path
    form: FileForm
    is_parquet: bool
    _source: Path | str | None = None
    _shape: Shape = Shape(None)

    def read_cells(self) -> pa.Table:
        """The table of a CSV file; nothing of its cells is checked yet.

        Raises:
            pa.ArrowException, OSError, ValueError: it can't be read; `unreadable` says it to people.
        """
        return _read_csv(self._source, self._shape, self.form)

    def blocks(self) -> tuple[pa.Schema, Iterator[pa.RecordBatch]] | None:
        """The columns of a CSV file and its cells block by block, which takes less time and memory than all at once;
        None where some columns are of a kind that all cells have to be seen for, or numbers may have decimal commas.

        Raises:
            as `read_cells`, now or with a block.
        """
        if (self._shape.separator or ",") != ",":
            return None
        reader = pa_csv.open_csv(_readable(self._source), **_options(self._source, self._shape, self.form))
        return (reader.schema, iter(reader)) if set(reader.schema.names) <= set(self.form.types) else None

    def unreadable(self, error: Exception) -> RatingsError:
        """What to raise in place of a reader's error."""
        if isinstance(error, RatingsError):
            return error
        why = str(error).strip().rstrip(".")
        if self.is_parquet:
            return RatingsError(f"{self.path.name} cannot be read as Parquet: {why}. Export it again.")
        fault = self._fault()
        if fault is not None:
            return RatingsError(f"{self.path.name} cannot be read as CSV. {fault}")
        return RatingsError(f"{self.path.name} cannot be read as CSV: {why}. Export it again as CSV (UTF-8).")

    def place(self, row: int) -> str:
        """Where a row stands, from 0: "line 7", quoted line ends and blank lines counted; "" where nobody can say."""
        if self.is_parquet:
            return "of the Parquet file"
        try:
            rows = itertools.islice(self._records(), row + 1, None)  # the first record has the names
            return f"line {next(rows).line:,}"
        except (TableError, StopIteration, OSError):
            return f"about line {row + 2 + self._shape.skipped:,}"

    def _records(self) -> Iterator[Record]:
        """The records of a CSV file as a reader in Python sees them, which is slow and knows its lines."""
        with contextlib.ExitStack() as stack:
            lines: Iterable[str]
            if isinstance(self._source, str):
                lines = io.StringIO(self._source, newline="")
            else:
                lines = stack.enter_context(self.path.open(encoding="utf-8-sig", errors="replace", newline=""))
            lines = itertools.islice(lines, self._shape.skipped, None)
            yield from each_record(lines, self._shape.separator or ",", line=1 + self._shape.skipped)

    def _fault(self) -> str | None:
        """What is wrong with a CSV file that pyarrow refused: its encoding, its quotation marks, or a row's cells."""
        try:
            text_files.decode(self.path.read_bytes(), wanted=f"a {self.form.called}")
            records = self._records()
            first = next(records, None)
            for record in records:
                if first is not None and len(record.cells) != len(first.cells):
                    return other_number_of_cells(record, len(first.cells))
        except (text_files.TextFileError, TableError) as error:
            return str(error)
        except OSError as error:
            return f"{error.strerror}. Check that this account may read it."
        return None


def open_table_file(path: Path, form: FileForm) -> TableFile:
    """The file opened: CSV or Parquet by its suffix or first bytes, and its dress found.

    Raises:
        RatingsError: the file is missing, empty, or can't be read as either.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise RatingsError(
            f"The {form.called} {path} {what}. Give a CSV or Parquet file with the columns {listed(form.required)}."
        )
    try:
        with path.open("rb") as file:
            head = file.read(text_files.HEAD)
    except OSError as error:
        raise RatingsError(f"{path.name} cannot be read: {error.strerror}. Check its permissions.") from error
    is_parquet = head.startswith(b"PAR1")
    known = None if is_parquet else text_files.kind_of(head)
    if head.lstrip()[:1] in (b"{", b"["):
        raise RatingsError(
            f"{path.name} is JSON, not a {form.called}. Give CSV or Parquet; analyse --ratings takes JSON too."
        )
    if known is not None:
        raise RatingsError(f"{path.name} is {known[0]}, not a {form.called}: {known[1] or 'give CSV or Parquet'}.")
    if path.suffix.lower() in {".parquet", ".pq"} and not is_parquet:
        raise RatingsError(f"{path.name} is named as Parquet but is not a Parquet file. Export it again.")
    if is_parquet:
        return TableFile(path, form, is_parquet=True)
    if not head.strip():
        raise RatingsError(f"{path.name} is empty. A {form.called} has a header line with {listed(form.required)}.")
    source, shape = _dress(path, head, form)
    return TableFile(path, form, False, source, shape)


def _dress(path: Path, head: bytes, form: FileForm) -> tuple[Path | str, Shape]:
    """What pyarrow is to read (a file in UTF-8, or text), and how the table is written."""
    encoding, mark = text_files.encoding_of(head)
    names = {plain_heading(each) for each in form.required}
    try:
        if encoding == "utf-8":
            text = head[mark:].decode("utf-8", "replace")
            return path, shape_of(text, names.__contains__)
        text = text_files.decode(path.read_bytes(), wanted=f"a {form.called}")
        return text, shape_of(text, names.__contains__)
    except (TableError, text_files.TextFileError) as error:
        raise RatingsError(f"{path.name}: {error}") from error


def _read_csv(source: Path | str | None, shape: Shape, form: FileForm) -> pa.Table:
    separator = shape.separator or ","
    table = pa_csv.read_csv(_readable(source), **_options(source, shape, form))
    table = _without_empty_end(table, form.required)
    if separator != ",":
        for name in form.numbers:
            if name in table.column_names and pa.types.is_string(table.schema.field(name).type):
                at = table.column_names.index(name)
                plain = pa_compute.replace_substring_regex(table.column(at), DECIMAL_COMMA, r"\1.\2")
                table = table.set_column(at, name, plain)
    return table


def _readable(source: Path | str | None) -> Path | pa.BufferReader | None:
    """What pyarrow reads: the file, or a text's bytes."""
    return pa.BufferReader(source.encode()) if isinstance(source, str) else source


def _options(source: Path | str | None, shape: Shape, form: FileForm) -> dict[str, Any]:
    """How pyarrow is to read. Cells can hold ends of lines only where they are quoted; else lines are told apart
    without reading them twice.
    """
    return {
        "read_options": pa_csv.ReadOptions(skip_rows=shape.skipped, block_size=BLOCK),
        "parse_options": pa_csv.ParseOptions(delimiter=shape.separator or ",", newlines_in_values=_has_quotes(source)),
        "convert_options": pa_csv.ConvertOptions(column_types=dict(form.types), strings_can_be_null=False),
    }


def _has_quotes(source: Path | str | None) -> bool:
    if not isinstance(source, Path):
        return True
    with source.open("rb") as file:
        return any(b'"' in block for block in iter(lambda: file.read(BLOCK), b""))


def _without_empty_end(table: pa.Table, required: Sequence[str]) -> pa.Table:
    """The table without the rows of separators alone that spreadsheets leave at the end."""
    columns = [table.column(name) for name in required if name in table.column_names]

    def cell(column: pa.ChunkedArray, row: int) -> object:
        return column[row].as_py()

    return table.slice(0, rows_with_text(table.num_rows, [partial(cell, column) for column in columns]))


def rows_with_text(n_rows: int, columns: Sequence[Callable[[int], object]]) -> int:
    """How many rows there are but for those at the end in which all ``columns`` are empty; each gives a row's cell."""
    kept = n_rows
    while kept and columns and all(not str(cell(kept - 1) or "").strip() for cell in columns):
        kept -= 1
    return kept


def headings_of(path: Path) -> list[str]:
    """The names of the columns of a CSV or Parquet file; none where it is neither, or not there.

    Raises:
        RatingsError: it is called Parquet and is none.
    """
    if not path.is_file():
        return []
    with path.open("rb") as file:
        head = file.read(text_files.HEAD)
    if head.startswith(b"PAR1"):
        try:
            return [str(name) for name in pa_parquet.read_schema(path).names]
        except (pa.ArrowException, OSError) as error:
            raise RatingsError(f"{path.name} cannot be read as Parquet: {error}. Export it again.") from error
    if text_files.kind_of(head) is not None or head.lstrip()[:1] in (b"", b"{", b"["):
        return []
    encoding, mark = text_files.encoding_of(head)
    text = head[mark:].decode(encoding, "ignore")
    names = {plain_heading(each) for each in ("rater_id", "prompt_id", "question")}
    try:
        shape = shape_of(text, names.__contains__)
        lines = itertools.islice(io.StringIO(text, newline=""), shape.skipped, None)
        first = next(each_record(lines, shape.separator or ","), None)
    except TableError:
        return []
    return [] if first is None else [cell.strip() for cell in first.cells]
