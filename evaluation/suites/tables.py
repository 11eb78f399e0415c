"""CSV, TSV and PartiPrompts: tables with a line of column names."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass

from common.json_keys import keys_once
from common.words import nearest_name
from evaluation.suites.build import Row
from evaluation.suites.types import JsonValue, SuiteError, fold

PROMPT_COLUMNS = ("prompt", "prompts", "prompt text", "caption", "captions", "text")
"""Names of the column of prompts, the first that is there wins; the others are then attributes."""
CATEGORY_COLUMNS = ("category", "categories")
ATTRIBUTES_COLUMN = "attributes"


@dataclass(frozen=True, slots=True)
class Record:
    """line: where the record begins, from 1."""

    line: int
    cells: list[str]


def read_records(text: str, delimiter: str, *, quoted: bool = True) -> list[Record]:
    """The records of a table, blank lines left out.

    quoted: whether a cell that begins with a quotation mark is a quoted one; PartiPrompts has such cells unquoted.
    SuiteError names the line where quotation marks do not pair.
    """
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
        strict=True,
    )
    records: list[Record] = []
    line = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                records.append(Record(line, cells))
            elif cells and len(cells) > 1:
                records.append(Record(line, cells))  # ",," is a row without a prompt, and is told so
            line = reader.line_num + 1
    except csv.Error as error:
        raise SuiteError(
            f"Line {line:,}: the quotation marks do not pair ({error}). A cell with commas, line ends or quotation"
            ' marks stands in quotation marks, and each one inside is doubled: "a sign that says ""OPEN""".'
        ) from error
    return records


def normal_header(cell: str) -> str:
    """A column's name as it is compared: white space folded, lower case, _ and - as blanks."""
    return fold(cell.replace("_", " ").replace("-", " ").lstrip("\ufeff")).casefold()


def find_delimiter(text: str, candidates: str = ",;\t|") -> str | None:
    """The delimiter by which the first line names a column of prompts and at least one other; None where none does."""
    first = text.lstrip("\r\n").splitlines()[0]
    for delimiter in candidates:
        names = [normal_header(cell.strip().strip('"')) for cell in first.split(delimiter)]
        if len(names) > 1 and any(name in PROMPT_COLUMNS for name in names):
            return delimiter
    return None


def rows_of_table(records: Sequence[Record]) -> list[Row]:
    """Rows from records whose first names the columns; a table of one column may do without names.

    Columns beyond prompt, category and attributes become attributes under their names in lower case.
    """
    if not records:
        return []
    names = [normal_header(cell) for cell in records[0].cells]
    prompt = next((names.index(name) for name in PROMPT_COLUMNS if name in names), None)
    if prompt is None:
        if len(names) == 1:
            return _rows_of_one_column(records)
        raise SuiteError(_no_prompt_column(records[0]))
    for name in names:
        if name and names.count(name) > 1:
            raise SuiteError(f"Two columns are called {name!r}. Give each column a name of its own.")
    category = next((names.index(name) for name in CATEGORY_COLUMNS if name in names), None)
    return [_row(record, names, prompt, category) for record in records[1:]]


def _rows_of_one_column(records: Sequence[Record]) -> list[Row]:
    for record in records:
        if len(record.cells) > 1:
            raise SuiteError(_cut_by_commas(record, 1))
    return [Row(f"line {record.line:,}", record.cells[0], None, {}) for record in records]


def _row(record: Record, names: list[str], prompt: int, category: int | None) -> Row:
    cells = record.cells + [""] * (len(names) - len(record.cells))
    if any(cell.strip() for cell in cells[len(names) :]):
        raise SuiteError(_cut_by_commas(record, len(names)))
    where = f"line {record.line:,}"
    attributes: dict[str, JsonValue] = {}
    for place, (name, cell) in enumerate(zip(names, cells, strict=False)):
        if place in (prompt, category) or not cell.strip() or not name or name.startswith("unnamed:"):
            continue  # a column without a name is a spreadsheet's or pandas' row number
        found: dict[str, JsonValue] = _json_object(cell, where) if name == ATTRIBUTES_COLUMN else {name: fold(cell)}
        for key, value in found.items():
            if attributes.setdefault(key, value) is not value:
                raise SuiteError(f"{where}: {key!r} stands in a column and in the attributes. Keep one of the two.")
    return Row(where, cells[prompt], None if category is None else cells[category], attributes)


def _json_object(cell: str, where: str) -> dict[str, JsonValue]:
    try:
        value = json.loads(cell, object_pairs_hook=keys_once)
    except (ValueError, RecursionError) as error:
        raise SuiteError(
            f'{where}: the attributes are not JSON ({error}). Write an object such as {{"style": "ink"}}.'
        ) from error
    if not isinstance(value, dict):
        raise SuiteError(
            f'{where}: the attributes are JSON, but not an object. Write an object such as {{"style": "ink"}}.'
        )
    return value


def _cut_by_commas(record: Record, expected: int) -> str:
    return (
        f"Line {record.line:,} has {len(record.cells)} cells and the first line {expected}. Put prompts that contain"
        ' the separator in quotation marks ("a cat, asleep"), or give plain text, one prompt per line, in a .txt file.'
    )


def _no_prompt_column(record: Record) -> str:
    found = ", ".join(repr(cell if len(cell) <= 40 else cell[:37] + "...") for cell in record.cells[:6])
    close = [
        f"{cell!r} for {match!r}"
        for cell in record.cells
        if (match := nearest_name(normal_header(cell), [*PROMPT_COLUMNS, *CATEGORY_COLUMNS]))
        and normal_header(cell) != match
    ]
    hint = f" Did you write {', '.join(close)}?" if close else ""
    return (
        f"No column is called prompt: the first line has {found}.{hint} The first line names the columns, for example"
        f" prompt,category. A column of prompts may be called: {', '.join(PROMPT_COLUMNS)}."
    )
