"""The one reader of tables from outside: separators found, Excel's `sep=` line, quoting, rows of separators alone.

Suites, lists of files, files of prompts and training captions are read by it whole; ratings files, which may have ten
million rows, take the shape of their first lines from it (`shape_of`) and are then read by a library.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from common.errors import UserError
from common.words import nearest_name

SEPARATORS = ",;\t|"
SEPARATOR_NAMES = {",": "a comma", ";": "a semicolon", "\t": "a tabulator", "|": "a vertical bar"}

_SEP_LINE = re.compile(r'"?sep=(.)"?[ ]*(\r\n|\r|\n|$)', re.IGNORECASE)
_LINE_END = re.compile(r"\r\n|\r|\n")


class TableError(UserError):
    """A table that can't be read; the message names the line."""


@dataclass(frozen=True, slots=True)
class Record:
    """line: where the record begins, from 1."""

    line: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Shape:
    """How a table is written. `separator`: None where the first line does not tell. `skipped`: lines before the names.

    `said`: whether a `sep=` line names the separator.
    """

    separator: str | None
    skipped: int = 0
    said: bool = False


def plain_heading(cell: str) -> str:
    """A column's name as it is compared: white space folded, lower case, _ and - as blanks."""
    return " ".join(cell.replace("_", " ").replace("-", " ").lstrip("\ufeff").split()).casefold()


def shape_of(text: str, is_name: Callable[[str], bool], separators: str = SEPARATORS) -> Shape:
    """The shape of a table from its first lines.

    `is_name`: whether a heading (as `plain_heading` gives it) is one that such a table needs; the separator is the one
    by which the first line has such a name and at least one other.
    """
    text = text.removeprefix("\ufeff")
    match = _SEP_LINE.match(text)
    if match is not None:
        separator = match[1]
        if separator.isalnum() or separator in "\"' .":
            raise TableError(
                f"The first line names {separator!r} as the separator, which can't be one. Delete that line."
            )
        return Shape(separator, skipped=1, said=True)
    lines = text.lstrip("\r\n")
    first = _LINE_END.split(lines, maxsplit=1)[0]
    for separator in separators:
        names = [plain_heading(cell.strip().strip('"')) for cell in first.split(separator)]
        if len(names) > 1 and any(map(is_name, names)):
            return Shape(separator)
    return Shape(None)


def without_sep_line(text: str) -> str:
    """`text` without Excel's `sep=` line; the line stays as an empty one, so that lines keep their numbers."""
    match = _SEP_LINE.match(text.removeprefix("\ufeff"))
    return text if match is None else match[2] + text.removeprefix("\ufeff")[match.end() :]


def read_records(text: str, separator: str, *, quoted: bool = True) -> list[Record]:
    """The records of a table, blank lines left out, and at its end the rows of separators alone that Excel leaves.

    `quoted`: whether a cell that begins with a quotation mark is a quoted one; PartiPrompts has such cells unquoted.

    Raises:
        TableError: quotation marks do not pair; the line is named.
    """
    lines = io.StringIO(without_sep_line(text), newline="")
    records = [
        record  # ",," amid others lacks what it should have
        for record in each_record(lines, separator, quoted=quoted)
        if any(cell.strip() for cell in record.cells) or len(record.cells) > 1
    ]
    while records and not any(cell.strip() for cell in records[-1].cells):
        records.pop()
    return records


def each_record(lines: Iterable[str], separator: str, *, quoted: bool = True, line: int = 1) -> Iterator[Record]:
    """The records of a table one after another, blank lines left out.

    `lines`: with their ends, such as a file opened with `newline=""`. `line`: the first one's number.

    Raises:
        TableError: quotation marks do not pair; the line is named.
    """
    reader = csv.reader(
        lines, delimiter=separator, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE, strict=True
    )
    before = line - 1
    try:
        for cells in reader:
            if cells:
                yield Record(line, cells)
            line = before + reader.line_num + 1
    except csv.Error as error:
        raise TableError(
            f"Line {line:,}: the quotation marks do not pair ({error}). A cell with commas, line ends or quotation"
            ' marks stands in quotation marks, and each one inside is doubled: "a sign that says ""OPEN""".'
        ) from error


def rows_by_heading(text: str, separator: str | None) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """The headings of a table whose first line names its columns, and (line, heading -> cell) of each row.

    A separator of None is a table of one column. A row may be short: the cells it lacks are empty. Columns without a
    heading and without a cell are left out.

    Raises:
        TableError: quotation marks that do not pair, a heading twice, or a row with more cells than headings.
    """
    records = read_records(text, separator or ",")
    if not records:
        return [], []
    headings = [cell.strip() for cell in records[0].cells]
    twice = next((each for each in headings if each and headings.count(each) > 1), None)
    if twice is not None:
        raise TableError(f"Two columns are called {twice!r}. Give each column a name of its own.")
    rows: list[tuple[int, dict[str, str]]] = []
    for record in records[1:]:
        if any(cell.strip() for cell in record.cells[len(headings) :]):
            raise TableError(more_cells(record, len(headings)))
        cells = record.cells + [""] * (len(headings) - len(record.cells))
        rows.append((record.line, {each: cell for each, cell in zip(headings, cells, strict=False) if each}))
    return [each for each in headings if each], rows


def more_cells(record: Record, expected: int) -> str:
    """What to say of a row that has more cells than the table has columns."""
    return (
        f"Line {record.line:,} has {len(record.cells)} cells and the first line {expected}. Put cells that contain"
        ' the separator in quotation marks ("a cat, asleep").'
    )


def other_number_of_cells(record: Record, expected: int) -> str:
    """What to say of a row whose number of cells is not that of the first line."""
    if len(record.cells) > expected:
        return more_cells(record, expected)
    return (
        f"Line {record.line:,} has {len(record.cells)} cells and the first line {expected}. Each line needs as many"
        " cells as the header has."
    )


def columns_told(used: Iterable[tuple[str, str]], others: Sequence[str], *, fate: str, known: Sequence[str]) -> str:
    """One sentence on the columns of a table: which were used and for what, and which were not.

    `used`: (heading, what it was used for). `others`: the remaining headings; `fate`: what happens to them ("kept as
    attributes", "ignored"). `known`: names that a heading may have been meant to be.
    """
    told = [f"{heading!r} as the {use}" for heading, use in used]
    sentence = f"Columns used: {', '.join(told) or 'none'}."
    if others:
        hints = {each: _meant(plain_heading(each), known) for each in others}
        names = [f"{each!r}" + (f" (meant as {hint}?)" if hint else "") for each, hint in hints.items()]
        shown = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
        sentence += f" {fate}: {shown}."
    return sentence


def _meant(plain: str, known: Sequence[str]) -> str | None:
    """Which known name a heading may have been meant to be; a name itself and one for ids ("prompt id") were not."""
    return None if plain in known or plain.split()[-1:] in (["id"], ["ids"]) else nearest_name(plain, known)


def unnamed_separator(lines: Sequence[str], *, least: int) -> str | None:
    """The separator by which all `lines` have the same number of cells, more than one, where there are `least` lines.

    For files that were read as one column: a tabulator, semicolon or vertical bar in every line is a table without
    headings rather than text.
    """
    if len(lines) < least:
        return None
    for separator in "\t;|":
        counts = {line.count(separator) for line in lines}
        if len(counts) == 1 and counts != {0}:
            return separator
    return None
