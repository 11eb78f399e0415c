"""Lists that say which file shows which prompt: manifest.csv, .tsv or .jsonl beside the images. Pure: bytes in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from common import limits, text_files
from common.json_in import JsonError, read_json
from common.numbers import whole_or_none
from common.tables import TableError, plain_heading, rows_by_heading, shape_of
from common.text import bad_character, named
from common.words import nearest
from generators.contract import GeneratorError
from generators.filenames.names import clean_path, without_extension

TABLES = (".jsonl", ".csv", ".tsv", ".json")
NAMES = tuple(f"{stem}{ending}" for stem in ("manifest", "metadata") for ending in TABLES)
"""File names that are taken for such a list, of those in one folder the first that is there."""

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "file": ("file", "file_name", "filename", "path", "image", "image_path", "file_path", "image_file_name")
    + ("img_path", "img", "img_name", "image_name", "filepath", "image_file", "imagepath", "image_filename", "name"),
    "number": ("prompt_id", "prompt_number", "prompt_no", "prompt_index", "number", "index", "idx", "id"),
    "text": ("prompt", "prompt_text", "text", "caption", "prompts"),
    "sample": ("sample", "sample_index", "sample_number", "sample_id", "image_index", "repeat"),
}
"""What each column may be called, case and blanks aside."""

ROW_NUMBERS = ("number", "index", "idx", "id")
"""Names of columns that may as well number the rows: beside a prompt's text they count for nothing."""


class FileListError(GeneratorError):
    """The list can't be read; the message names the row and the column."""


class NoFilesError(FileListError):
    """It has no column for files: a table of something else. `only_text`: the prompt of its one line, else ""."""

    def __init__(self, message: str, only_text: str = "") -> None:
        super().__init__(message)
        self.only_text = only_text


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One line: a file, relative to the list's folder, with the prompt's number or text or both, and the sample.

    `number`: as written. `certain`: it is a prompt id of a suite, counted from 0, and not to be guessed about.
    `written`: what stands in a column of prompts that holds numbers alone, which may be the prompts' texts ("1984").
    `row_number`: the number may as well be the row's. `folder`: the list's own, "" at the top.
    """

    file: str
    number: int | None = None
    text: str = ""
    sample: int | None = None
    certain: bool = False
    written: str = field(default="", compare=False)
    row_number: bool = field(default=False, compare=False)
    folder: str = ""


def find_file_lists(names: Iterable[str]) -> list[str]:
    """The lists among `names`, one a folder, those nearer to the top first."""
    best: dict[str, tuple[int, int, str]] = {}
    for name in names:
        folder, _, last = clean_path(name).rpartition("/")
        if last.lower() in NAMES and not clean_path(name).startswith("__MACOSX"):
            rank = (clean_path(name).count("/"), NAMES.index(last.lower()), name)
            best[folder] = min(best.get(folder, rank), rank)
    return [name for _, _, name in sorted(best.values())]


def parse_file_list(data: bytes, name: str) -> list[FileEntry]:
    """The lines of a list, as `entries_of_rows` makes them of `rows_of_list`; what `rows_of_list` says of errors.

    Raises:
        NoFilesError: it has no column for files.
        FileListError: it is no text, no column for files or prompts, a number that is none, or a character that may
            stand in no text.
    """
    return entries_of_rows(rows_of_list(data, name), name)


Rows = list[tuple[int, dict[str, object]]]
"""(number, column -> value) of each line."""


def rows_of_list(data: bytes, name: str) -> Rows:
    """The rows of a list. `name`: its path, whose ending tells its form: .csv, .tsv, .jsonl (one object a line, or a
    run's own manifest) or .json (a list of objects, or files as names with prompts as values).

    Tables may be as spreadsheets save them: UTF-16, separated by semicolons or tabulators, with a `sep=` line.

    Raises:
        FileListError: it is no text, or can't be read in its form.
    """
    try:
        text = text_files.decode(data, wanted="a list of files") if data.strip() else ""
        if name.lower().endswith(".json"):
            return _json_list(text, name)
        return _json_rows(text, name) if name.lower().endswith(".jsonl") else _table_rows(text, name)
    except (text_files.TextFileError, TableError) as error:
        raise FileListError(f"{name}: {error}") from None


def entries_of_rows(
    rows: Sequence[tuple[int, Mapping[str, object]]], name: str, *, what: str = "line"
) -> list[FileEntry]:
    """The entries that the rows of a table make; of a run's own manifest only its images count. `rows`: (number,
    column -> value). `what`: how messages call one.

    Raises:
        NoFilesError: it has no column for files.
        FileListError: no row, no column for prompts, or a value that can't be taken.
    """
    rows = [(line, row) for line, row in rows if row.get("kind") not in ("session", "failure")]
    if not rows:
        raise FileListError(f"{name} names no file")
    own = all(row.get("kind") == "image" and "key" in row for _, row in rows)
    columns = _columns(list(dict.fromkeys(str(key) for _, row in rows for key in row)), name, rows)
    numbers_as_text = False
    if (
        columns.get("number") is None
        and "text" in columns
        and all(_number(row.get(columns["text"])) is not None for _, row in rows)
    ):
        columns["number"] = columns.pop("text")
        numbers_as_text = True
    folder = clean_path(name).rpartition("/")[0]
    entries = [_entry(row, columns, f"{name}, {what} {line}", certain=own) for line, row in rows]
    return [
        replace(entry, folder=folder, written=str(row[columns["number"]]).strip() if numbers_as_text else "")
        for entry, (_, row) in zip(entries, rows, strict=True)
    ]


def plain_column(heading: str) -> str:
    """A column's name as `COLUMNS` has it."""
    return plain_heading(heading).replace(" ", "_")


def _table_rows(text: str, name: str) -> Rows:
    shape = shape_of(text, lambda heading: any(plain_column(heading) in aliases for aliases in COLUMNS.values()))
    separator = shape.separator or ("\t" if name.lower().endswith(".tsv") else ",")
    return [(line, dict(row)) for line, row in rows_by_heading(text, separator)[1]]


def _json_rows(text: str, name: str) -> Rows:
    rows: Rows = []
    lines = text.split("\n")
    for line, content in enumerate(lines, start=1):
        if not content.strip():
            continue
        try:
            row = read_json(content)
        except JsonError as error:
            if line == len(lines) and error.line is not None:  # a run's manifest, cut off in its last line
                continue
            raise FileListError(f"{name}, line {line}: {error}") from None
        if not isinstance(row, dict):
            raise FileListError(f"{name}, line {line} is not a JSON object")
        rows.append((line, dict(row)))
    return rows


def _json_list(text: str, name: str) -> Rows:
    try:
        found = read_json(text) if text else []
    except JsonError as error:
        raise FileListError(f"{name}: {error}") from None
    if isinstance(found, dict) and found and all(isinstance(value, str) for value in found.values()):
        if all(_is_image(value) and not _is_image(key) for key, value in found.items()):  # GenEval 2: prompt -> file
            return [(at, {"file": value, "prompt": key}) for at, (key, value) in enumerate(found.items(), start=1)]
        return [(at, {"file": key, "prompt": value}) for at, (key, value) in enumerate(found.items(), start=1)]
    rows: Rows = []
    for at, row in enumerate(found if isinstance(found, list) else [found], start=1):
        if not isinstance(row, dict):
            raise FileListError(f"{name}, entry {at} is not a JSON object")
        rows.append((at, dict(row)))
    return rows


def _is_image(name: object) -> bool:
    return isinstance(name, str) and without_extension(name) != name


def _columns(headings: Sequence[str], name: str, rows: Sequence[tuple[int, Mapping[str, object]]]) -> dict[str, str]:
    """Which of the columns headings plays each part."""
    plain: dict[str, str] = {}
    for key in headings:
        plain.setdefault(plain_column(key), key)
    columns = {part: plain[alias] for part, aliases in COLUMNS.items() for alias in reversed(aliases) if alias in plain}
    if "file" not in columns:
        hint = next((hint for key in plain if (hint := nearest(key, COLUMNS["file"]))), "")
        only = rows[0][1].get(columns["text"]) if len(rows) == 1 and "text" in columns else None
        raise NoFilesError(
            f"{name} has no column for the files: call it file{hint or '.'} Its columns: {', '.join(plain)}",
            only_text=only.strip() if isinstance(only, str) else "",
        )
    if "number" not in columns and "text" not in columns:
        raise FileListError(
            f"{name} has no column for the prompts: call it prompt_id (number) or prompt (text). "
            f"Its columns: {', '.join(plain)}"
        )
    return columns


def _entry(row: Mapping[str, object], columns: Mapping[str, str], where: str, *, certain: bool) -> FileEntry:
    def value(part: str, most: int) -> str:
        found = row.get(columns[part]) if part in columns else None
        text = "" if found is None else str(found).strip()
        bad = bad_character(text, lines=True)
        if bad is not None:
            raise FileListError(f"{where}: column {columns[part]} contains {named(bad)}. Remove it")
        if len(text) > most:
            raise FileListError(
                f"{where}: column {columns[part]} has {len(text):,} characters; at most {most:,} are allowed"
            )
        return text

    numbers: dict[str, int | None] = {}
    prompt = value("text", limits.PROMPT)
    for part in ("number", "sample"):
        text = value(part, limits.NAME_IN_ARCHIVE)
        numbers[part] = _number(text) if text else None
        if text and numbers[part] is None and part == "number" and prompt:
            continue  # a name that another data set gives its prompts: the text says which is meant
        if text and numbers[part] is None:
            raise FileListError(
                f'{where}: "{text[:40]}" in column {columns[part]} is not a whole number from 0 to {limits.COLUMN:,}'
            )
    file = value("file", limits.NAME_IN_ARCHIVE)
    if not file:
        raise FileListError(f"{where}: column {columns['file']} is empty")
    if numbers["number"] is None and not prompt:
        raise FileListError(f"{where}: neither a prompt number nor a prompt text")
    row_number = plain_heading(columns.get("number", "")) in ROW_NUMBERS
    return FileEntry(file, numbers["number"], prompt, numbers["sample"], certain, row_number=row_number)


def _number(value: object) -> int | None:
    """A whole number that is not negative and fits a column; "3.0" too, as spreadsheets write it."""
    found = whole_or_none(str(value))
    return found if found is not None and 0 <= found <= limits.COLUMN else None
