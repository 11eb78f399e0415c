"""Files of votes from other programs, opened: tables in any dress, workbooks, Parquet, JSON and JSON lines.

Whatever the file is, it becomes records: column -> text. Objects inside JSON become columns with dots (`data.model_a`);
the shapes that only one platform writes are taken apart in ``votes_platforms``.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pa_parquet

from common import limits, text_files
from common.json_in import Json, JsonError, read_json
from common.tables import SEPARATOR_NAMES, SEPARATORS, TableError, rows_by_heading, shape_of
from evaluation.analysis.columns import RatingsError

MULTILINE = re.compile(r"[\r\n]+")


@dataclass(frozen=True)
class Record:
    """One row. ``place``: where it stands ("line 5"). ``cells``: text by column."""

    place: str
    cells: Mapping[str, str]


@dataclass(frozen=True)
class VotesFile:
    """An opened file. ``form``: how it is written, in words. ``items``: what a JSON file holds, before it is flattened;
    None for tables.
    """

    source: str
    form: str
    columns: tuple[str, ...]
    records: Sequence[Record]
    items: Sequence[tuple[str, dict[str, Any]]] | None = None
    comma_decimals: bool = False


def open_votes(path: Path, is_name: Callable[[str], bool]) -> VotesFile:
    """The file opened and read whole.

    Args:
        is_name: whether a heading (``common.tables.plain_heading``) is one that votes may have; it tells the separator.

    Raises:
        RatingsError: the file is missing, is something else, or is damaged; the message says what it is, and where.
    """
    data = _bytes(path)
    try:
        if data.startswith(b"PAR1"):
            return _parquet(path, data)
        if data.startswith(b"PK\x03\x04"):
            return _workbook(path, data)
        text = text_files.decode(data, wanted="a file of votes", example="such as CSV or JSON")
        if text.lstrip()[:1] in ("{", "["):
            return _json(path.name, text)
        return _table(path.name, text, text_files.encoding_of(data)[0], is_name)
    except (TableError, text_files.TextFileError, JsonError) as error:
        raise RatingsError(f"{path.name}: {error}") from error


def _bytes(path: Path) -> bytes:
    if not path.is_file():
        what = "is a folder: name the files in it" if path.is_dir() else "does not exist"
        raise RatingsError(f"The file {path} {what}.")
    try:
        size = path.stat().st_size
        if size > limits.VOTES_FILE:
            raise RatingsError(
                f"{path.name} has {size:,} bytes; at most {limits.VOTES_FILE:,} are read of a file that is not in the"
                " ratings form. Split it, or bring it into that form (docs/votes-from-anywhere.md)."
            )
        return path.read_bytes()
    except OSError as error:
        raise RatingsError(f"{path.name} cannot be read: {error.strerror}. Check its permissions.") from error


def _table(source: str, text: str, encoding: str, is_name: Callable[[str], bool]) -> VotesFile:
    separator = shape_of(text, is_name).separator or _counted_separator(text)
    headings, rows = rows_by_heading(text, separator)
    form = f"a table, cells separated by {SEPARATOR_NAMES.get(separator or ',', repr(separator))}"
    form += "" if encoding == "utf-8" else f", {encoding.upper()}"
    records = [Record(f"line {line:,}", cells) for line, cells in rows if any(map(str.strip, cells.values()))]
    return VotesFile(source, form, tuple(headings), records, comma_decimals=separator not in (",", None))


def _counted_separator(text: str) -> str | None:
    """The separator that the first line has most often; None where it has none."""
    first = next((line for line in MULTILINE.split(text) if line.strip()), "")
    counts = Counter({each: first.count(each) for each in SEPARATORS})
    separator, n = counts.most_common(1)[0]
    return separator if n else None


def _parquet(path: Path, data: bytes) -> VotesFile:
    try:
        table = pa_parquet.read_table(pa.BufferReader(data))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise RatingsError(f"{path.name} cannot be read as Parquet: {error}. Export it again.") from error
    rows = table.to_pylist()
    records = [Record(f"row {at:,}", dict(flat(row))) for at, row in enumerate(rows, 1)]
    return VotesFile(path.name, "Parquet", _columns_of(records), records)


def _workbook(path: Path, data: bytes) -> VotesFile:
    """The first sheet of an Excel workbook that has cells."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            size = sum(each.file_size for each in archive.infolist())
    except zipfile.BadZipFile as error:
        raise RatingsError(f"{path.name} is a damaged zip archive or workbook: {error}. Save it again.") from error
    if "xl/workbook.xml" not in names:
        raise RatingsError(not_a_workbook(path.name, names))
    if size > limits.WORKBOOK:
        raise RatingsError(
            f"{path.name} unpacks to {size:,} bytes; at most {limits.WORKBOOK:,} are read of a workbook. Save the sheet"
            " as CSV (UTF-8)."
        )
    from openpyxl import load_workbook  # takes a while, few votes are workbooks, and a verifier alone has none

    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        sheets = [(sheet.title, [list(row) for row in sheet.iter_rows(values_only=True)]) for sheet in book.worksheets]
    except Exception as error:  # of a damaged workbook openpyxl raises whatever comes up
        raise RatingsError(
            f"{path.name} is an Excel workbook that can't be read ({error}). Save the sheet as CSV (UTF-8)."
        ) from error
    filled = [(title, rows) for title, rows in sheets if any(cell is not None for row in rows for cell in row)]
    if not filled:
        raise RatingsError(f"{path.name} is an Excel workbook without a filled cell.")
    title, rows = filled[0]
    start = next(at for at, row in enumerate(rows) if any(cell is not None for cell in row))
    headings = [_cell(cell).strip() for cell in rows[start]]
    twice = next((each for each in headings if each and headings.count(each) > 1), None)
    if twice is not None:
        raise RatingsError(
            f"{path.name}, sheet {title!r}: two columns are called {twice!r}. Give each a name of its own."
        )
    records = []
    for number, row in enumerate(rows[start + 1 :], start + 2):
        cells = {name: _cell(cell) for name, cell in zip(headings, row, strict=False) if name}
        if any(map(str.strip, cells.values())):
            records.append(Record(f"row {number:,}", cells))
    form = f"an Excel workbook, sheet {title!r}"
    form += f" (of {len(filled)} with cells)" if len(filled) > 1 else ""
    return VotesFile(path.name, form, tuple(each for each in headings if each), records)


def not_a_workbook(name: str, members: Sequence[str]) -> str:
    """What to say of a zip archive that is no Excel workbook."""
    if "content.xml" in members and "mimetype" in members:
        return f"{name} is a LibreOffice document. Save the sheet as CSV (UTF-8) or as an Excel workbook (.xlsx)."
    inside = ", ".join(members[:3]) + (f" and {len(members) - 3} more" if len(members) > 3 else "")
    return f"{name} is a zip archive (with {inside or 'nothing in it'}). Unpack it and name the file inside."


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _json(source: str, text: str) -> VotesFile:
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    objects = _json_lines(lines)
    if objects is not None:
        form = "JSON lines"
    else:
        try:
            whole = read_json(text)
        except JsonError as error:
            where = f"line {error.line:,}, column {error.column:,}: " if error.line and error.column else ""
            raise RatingsError(f"{source} looks like JSON, but {where}{error}.") from error
        form, objects = "JSON", [(f"entry {at:,}", each) for at, each in enumerate(_listed(source, whole), 1)]
    items = []
    for place, each in objects:
        if not isinstance(each, dict):
            raise RatingsError(f'{source}, {place}: each vote must be an object, such as {{"rater_id": "r1"}}.')
        items.append((place, each))
    records = [Record(place, dict(flat(each))) for place, each in items]
    return VotesFile(source, form, _columns_of(records), records, items)


def _json_lines(lines: Sequence[tuple[int, str]]) -> list[tuple[str, Json]] | None:
    """The values of JSON lines; None where the first line is no whole value."""
    try:
        first = read_json(lines[0][1])
    except JsonError:
        return None
    if len(lines) == 1:
        return None if isinstance(first, list) or not _is_one_vote(first) else [(f"line {lines[0][0]:,}", first)]
    found: list[tuple[str, Json]] = []
    for number, line in lines:
        try:
            found.append((f"line {number:,}", read_json(line)))
        except JsonError as error:
            raise RatingsError(f"Line {number:,} of the JSON lines can't be read: {error}.") from error
    return found


def _is_one_vote(value: Json) -> bool:
    """Whether one object is a vote itself, and no wrapping of a list of them."""
    return isinstance(value, dict) and not _wrapped(value)


def _wrapped(value: Mapping[str, Json]) -> list[list[Json]]:
    return [
        each
        for each in value.values()
        if isinstance(each, list) and each and all(isinstance(one, dict) for one in each)
    ]


def _listed(source: str, value: Json) -> list[Json]:
    """The list of votes in a JSON document: itself, or the one list of objects that it wraps."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        if "annotations" in value and "data" in value:  # one task of Label Studio
            return [value]
        inside = _wrapped(value)
        if len(inside) == 1:
            return inside[0]
        columns = [each for each in value.values() if isinstance(each, list)]
        if columns and len(columns) == len(value) and len({len(each) for each in columns}) == 1:  # column -> values
            return [dict(zip(value, row, strict=True)) for row in zip(*columns, strict=True)]
    raise RatingsError(
        f"{source} is JSON, but no list of votes: it must be a list of objects, or hold one list of objects."
    )


def flat(value: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """(dotted column, text) of every leaf; lists are written as JSON."""
    for key, each in value.items():
        name = f"{before}{key}"
        if isinstance(each, Mapping):
            yield from flat(each, f"{name}.")
        elif isinstance(each, list | tuple):
            yield name, json_text(each)
        else:
            yield name, _cell(each)


def json_text(value: object) -> str:
    """A list as compact JSON; what JSON has not (dates) as text."""
    return json.dumps(value, ensure_ascii=False, default=str)


def _columns_of(records: Sequence[Record]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for record in records for name in record.cells))
