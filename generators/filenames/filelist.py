"""Lists that say which file shows which prompt: manifest.csv, .tsv or .jsonl beside the images. Pure: bytes in."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from common.json_keys import RepeatedKeyError, keys_once
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

    Raises:
        FileListError: not UTF-8, no column for files or prompts, or a number that is none.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileListError(f"{name} is not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    if name.lower().endswith(".jsonl"):
        rows = _json_rows(text, name)
    else:
        # The csv module takes what it can; strict finds a quote that never ends.
        reader = csv.DictReader(
            io.StringIO(text, newline=""), delimiter="\t" if name.lower().endswith(".tsv") else ",", strict=True
        )
        try:
            rows = [(reader.line_num, row) for row in reader]
        except csv.Error as error:
            raise FileListError(f"{name}, line {reader.reader.line_num}: {error}") from None
    if not rows:
        raise FileListError(f"{name} names no file")
    own = all(row.get("kind") == "image" and "key" in row for _, row in rows)
    columns = _columns([str(key) for _, row in rows for key in row if key is not None], name)
    if (
        columns.get("number") is None
        and "text" in columns
        and all(_is_number(row.get(columns["text"])) for _, row in rows)
    ):
        columns["number"] = columns.pop("text")
    return [_entry(row, columns, f"{name}, line {line}", certain=own) for line, row in rows]


def _json_rows(text: str, name: str) -> list[tuple[int, dict[str, object]]]:
    rows: list[tuple[int, dict[str, object]]] = []
    lines = text.split("\n")
    for line, content in enumerate(lines, start=1):
        if not content.strip():
            continue
        try:
            row = json.loads(content, object_pairs_hook=keys_once)
        except RepeatedKeyError as error:
            raise FileListError(f"{name}, line {line}: {error}") from None
        except ValueError:
            if line == len(lines):  # a run's manifest that was cut off while its last line was written
                continue
            raise FileListError(f"{name}, line {line} is not JSON") from None
        if not isinstance(row, dict):
            raise FileListError(f"{name}, line {line} is not a JSON object")
        if row.get("kind") in ("session", "failure"):  # a run's own manifest: only its images are of interest
            continue
        rows.append((line, row))
    return rows


def _columns(headings: Sequence[str], name: str) -> dict[str, str]:
    """Which of the columns headings plays each part."""
    plain: dict[str, str] = {}
    for key in headings:
        plain.setdefault(key.strip().lower().replace(" ", "_").replace("-", "_"), key)
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
    def value(part: str) -> str:
        found = row.get(columns[part]) if part in columns else None
        return "" if found is None else str(found).strip()

    numbers: dict[str, int | None] = {}
    for part in ("number", "sample"):
        text = value(part)
        if text and not _is_number(text):
            raise FileListError(f'{where}: "{text}" in column {columns[part]} is not a whole number')
        numbers[part] = int(float(text)) if text else None
    if not value("file"):
        raise FileListError(f"{where}: column {columns['file']} is empty")
    if numbers["number"] is None and not value("text"):
        raise FileListError(f"{where}: neither a prompt number nor a prompt text")
    return FileEntry(value("file"), numbers["number"], value("text"), numbers["sample"], certain)


def _is_number(value: object) -> bool:
    """Whole and not negative; "3.0" too, as spreadsheets write it."""
    whole, _, fraction = str(value).strip().partition(".")
    return whole.isdecimal() and whole.isascii() and not fraction.strip("0")
