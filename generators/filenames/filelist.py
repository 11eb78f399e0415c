"""Lists that say which file shows which prompt: manifest.csv, .tsv or .jsonl beside the images. Pure: bytes in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from common import limits, text_files
from common.json_in import JsonError, read_json
from common.numbers import whole_or_none
from common.tables import TableError, plain_heading, rows_by_heading, shape_of
from common.text import bad_character, named
from common.words import nearest
from generators.contract import GeneratorError
from generators.filenames.names import clean_path

NAMES = tuple(f"{stem}.{ending}" for stem in ("manifest", "metadata") for ending in ("jsonl", "csv", "tsv"))
"""File names that are taken for such a list, the first that is there first."""

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "file": ("file", "file_name", "filename", "path", "image", "image_path", "file_path", "name"),
    "number": ("prompt_id", "prompt_number", "prompt_no", "prompt_index", "number", "index", "idx", "id"),
    "text": ("prompt", "prompt_text", "text", "caption", "prompts"),
    "sample": ("sample", "sample_index", "sample_number", "sample_id", "image_index", "repeat"),
}
"""What each column may be called, case and blanks aside."""


class FileListError(GeneratorError):
    """The list can't be read; the message names the row and the column."""


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One line: a file, relative to the list's folder, with the prompt's number or text or both, and the sample.

    `number`: as written. `certain`: it is a prompt id of a suite, counted from 0, and not to be guessed about.
    """

    file: str
    number: int | None = None
    text: str = ""
    sample: int | None = None
    certain: bool = False


def find_file_list(names: Iterable[str]) -> str | None:
    """The name of the list among `names`: the one nearest to the top, None when there is none."""
    candidates = [
        (clean_path(name).count("/"), NAMES.index(last), name)
        for name in names
        if (last := clean_path(name).rpartition("/")[2].lower()) in NAMES
        and not clean_path(name).startswith("__MACOSX")
    ]
    return min(candidates)[2] if candidates else None


def parse_file_list(data: bytes, name: str) -> list[FileEntry]:
    """The lines of a list. `name` tells its form: .csv, .tsv or .jsonl (one object a line, or a run's own manifest).

    Tables may be as spreadsheets save them: UTF-16, separated by semicolons or tabulators, with a `sep=` line.

    Raises:
        FileListError: it is no text, no column for files or prompts, a number that is none, or a character that may
            stand in no text.
    """
    try:
        text = text_files.decode(data, wanted="a list of files") if data.strip() else ""
        rows = _json_rows(text, name) if name.lower().endswith(".jsonl") else _table_rows(text, name)
    except (text_files.TextFileError, TableError) as error:
        raise FileListError(f"{name}: {error}") from None
    if not rows:
        raise FileListError(f"{name} names no file")
    own = all(row.get("kind") == "image" and "key" in row for _, row in rows)
    columns = _columns([str(key) for _, row in rows for key in row], name)
    if (
        columns.get("number") is None
        and "text" in columns
        and all(_number(row.get(columns["text"])) is not None for _, row in rows)
    ):
        columns["number"] = columns.pop("text")
    return [_entry(row, columns, f"{name}, line {line}", certain=own) for line, row in rows]


def _table_rows(text: str, name: str) -> list[tuple[int, dict[str, object]]]:
    shape = shape_of(text, lambda heading: heading.replace(" ", "_") in COLUMNS["file"])
    separator = shape.separator or ("\t" if name.lower().endswith(".tsv") else ",")
    return [(line, dict(row)) for line, row in rows_by_heading(text, separator)[1]]


def _json_rows(text: str, name: str) -> list[tuple[int, dict[str, object]]]:
    rows: list[tuple[int, dict[str, object]]] = []
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
        if row.get("kind") in ("session", "failure"):  # a run's own manifest: only its images are of interest
            continue
        rows.append((line, dict(row)))
    return rows


def _columns(headings: Sequence[str], name: str) -> dict[str, str]:
    """Which of the columns headings plays each part."""
    plain: dict[str, str] = {}
    for key in headings:
        plain.setdefault(plain_heading(key).replace(" ", "_"), key)
    columns = {part: plain[alias] for part, aliases in COLUMNS.items() for alias in reversed(aliases) if alias in plain}
    if "file" not in columns:
        hint = next((hint for key in plain if (hint := nearest(key, COLUMNS["file"]))), "")
        raise FileListError(
            f"{name} has no column for the files: call it file{hint or '.'} Its columns: {', '.join(plain)}"
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
    for part in ("number", "sample"):
        text = value(part, limits.NAME_IN_ARCHIVE)
        numbers[part] = _number(text) if text else None
        if text and numbers[part] is None:
            raise FileListError(
                f'{where}: "{text[:40]}" in column {columns[part]} is not a whole number from 0 to {limits.COLUMN:,}'
            )
    file, prompt = value("file", limits.NAME_IN_ARCHIVE), value("text", limits.PROMPT)
    if not file:
        raise FileListError(f"{where}: column {columns['file']} is empty")
    if numbers["number"] is None and not prompt:
        raise FileListError(f"{where}: neither a prompt number nor a prompt text")
    return FileEntry(file, numbers["number"], prompt, numbers["sample"], certain)


def _number(value: object) -> int | None:
    """A whole number that is not negative and fits a column; "3.0" too, as spreadsheets write it."""
    found = whole_or_none(str(value))
    return found if found is not None and 0 <= found <= limits.COLUMN else None
