"""Suites in binary files: Excel workbooks, Parquet files, and zips of text files with a category each."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath

from common import text_files
from common.tables import Record, plain_heading
from evaluation.suites.build import Row
from evaluation.suites.questions import source_of
from evaluation.suites.tables import heading_at
from evaluation.suites.types import MAX_PROMPTS, JsonValue, SuiteError

MAX_UNPACKED_BYTES = 256 * 2**20
"""Of a workbook or zip, by its own list and while it is read."""
MAX_COLUMNS = 200
MAX_TEXTS = 200
"""Text files in one zip."""
PARTS = ("_val", "_train", "_test")
"""What T2I-CompBench's files have behind their category."""


def binary_format(data: bytes) -> str | None:
    """What a file is by its content: "xlsx", "texts", "parquet", or None where it is none of these."""
    if data.startswith(b"PAR1"):
        return "parquet"
    if not data.startswith(b"PK\x03\x04"):
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [info.filename for info in archive.infolist() if not _is_debris(info.filename)]
            unpacked = sum(info.file_size for info in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return None
    if unpacked > MAX_UNPACKED_BYTES:
        raise SuiteError(f"It unpacks to more than {MAX_UNPACKED_BYTES // 2**20} MiB. Save the sheet as CSV (UTF-8).")
    if "xl/workbook.xml" in names:
        return "xlsx"
    return "texts" if names and all(name.lower().endswith(".txt") for name in names) else None


def _is_debris(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    return name.endswith("/") or path.parts[:1] == ("__MACOSX",) or path.name.startswith(".")


def records_of_xlsx(data: bytes) -> tuple[list[Record], list[str]]:
    """The rows of a workbook's first sheet that names a column of prompts, or else the first with anything in it, and
    a note where there are others. Formulas count by the values that the program last saved with them.

    Raises:
        SuiteError: it can't be read.
    """
    from openpyxl import load_workbook  # takes a while, and few suites are workbooks

    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        filled = []
        for sheet in book.worksheets:
            sheet.reset_dimensions()  # what a sheet says of its size need not be true
            records = list(_records(sheet.iter_rows(values_only=True, max_col=MAX_COLUMNS)))
            if records:
                filled.append((sheet.title, records))
    except SuiteError:
        raise
    except Exception as error:  # a library for a form with thousands of parts raises of every kind
        raise SuiteError(
            f"The workbook can't be read ({type(error).__name__}). Save the sheet as CSV (UTF-8)."
        ) from error
    if not filled:
        return [], []
    title, records = next((each for each in filled if heading_at(each[1]) is not None), filled[0])
    others = [name for name, _ in filled if name != title]
    return records, [f"Read from the sheet {title!r}; not from {', '.join(map(repr, others))}."] if others else []


def _records(rows: Iterator[tuple[object, ...]]) -> Iterator[Record]:
    for line, values in enumerate(rows, start=1):
        if line > MAX_PROMPTS + 1:
            raise SuiteError(f"It has more than {MAX_PROMPTS:,} rows. Split it into several suites.")
        cells = ["" if value is None else _cell(value) for value in values]
        while cells and not cells[-1].strip():
            cells.pop()
        if cells:
            yield Record(line, cells)


def _cell(value: object) -> str:
    """A cell as a person reads it: 3.0 is 3."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def objects_of_parquet(data: bytes) -> list[JsonValue]:
    """The rows of a Parquet file as objects, without columns of bytes.

    Raises:
        SuiteError: it can't be read, or is too large.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(io.BytesIO(data), thrift_string_size_limit=2**26, thrift_container_size_limit=2**20)
        if file.metadata.num_rows > MAX_PROMPTS:
            raise SuiteError(f"It has more than {MAX_PROMPTS:,} rows. Split it into several suites.")
        columns = [field.name for field in file.schema_arrow if not _is_bytes(field.type)]
        rows: list[JsonValue] = []
        size = 0
        for batch in file.iter_batches(1000, columns=columns):
            size += batch.nbytes
            if size > MAX_UNPACKED_BYTES:
                raise SuiteError(f"It unpacks to more than {MAX_UNPACKED_BYTES // 2**20} MiB. Split it.")
            rows += batch.to_pylist()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise SuiteError("The Parquet file is damaged. Write it again, or export it as CSV or JSONL.") from error
    return rows


def _is_bytes(kind: object) -> bool:
    import pyarrow as pa

    if pa.types.is_struct(kind):
        return any(_is_bytes(field.type) for field in kind)  # type: ignore[attr-defined]
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def rows_of_texts(data: bytes) -> tuple[list[Row], list[str]]:
    """Rows and notes: one prompt a line, the files' names being the categories: T2I-CompBench's `color_val.txt` is
    "color". Where each file holds one prompt, its name is that prompt's, as in DPG-Bench ("partiprompts42.txt").

    Raises:
        SuiteError: a file is no text, or there are too many.
    """
    rows: list[Row] = []
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        infos = sorted((each for each in archive.infolist() if not _is_debris(each.filename)), key=_name)
        if len(infos) > MAX_TEXTS:
            raise SuiteError(f"It has more than {MAX_TEXTS} text files. Give one table with a column category.")
        for info in infos:
            try:
                with archive.open(info) as file:
                    text = text_files.decode(file.read(info.file_size + 1), wanted="a list of prompts")
            except (text_files.TextFileError, zipfile.BadZipFile, zlib.error, RuntimeError, OSError) as error:
                raise SuiteError(f"{info.filename[:100]}: {error}") from error
            stem = PurePosixPath(info.filename.replace("\\", "/")).stem
            category = next((stem.removesuffix(part) for part in PARTS if stem.endswith(part)), stem)
            for number, line in enumerate(text.splitlines(), start=1):
                if line.strip():
                    rows.append(Row(f"{info.filename[:100]}, line {number:,}", line, category, {}))
    if len(rows) == len(infos) > 1 and any(source_of(row.category or "") != row.category for row in rows):
        named = [Row(row.where, row.text, source_of(row.category or ""), {"item_id": row.category}) for row in rows]
        return named, ["Each file holds one prompt: its name is kept as item_id, without its number as the category."]
    return rows, []


def _name(info: zipfile.ZipInfo) -> str:
    return info.filename


def headings(records: list[Record]) -> set[str]:
    """The names in the first row, as they are compared."""
    return {plain_heading(cell) for cell in records[0].cells} if records else set()
