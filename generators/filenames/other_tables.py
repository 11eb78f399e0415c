"""Tables beside images that are not called as lists are: which prompt an image shows, if they say so, or the order of
the prompts that numbers in names may count by. Pure: bytes in.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from common import limits, text_files
from common.json_in import JsonError, read_json
from common.numbers import whole_or_none
from common.tables import SEPARATORS, TableError, read_records
from common.text import bad_character
from generators.filenames.filelist import COLUMNS, plain_column
from generators.filenames.loose_texts import READ_LOOSELY, loose_rows, loose_text, texts_in_order
from generators.filenames.names import clean_path, without_extension
from generators.filenames.paths import PathEnds, folders_to_drop, without_folders

READ = (".jsonl", ".csv", ".tsv", ".json", ".txt", *READ_LOOSELY)
"""Endings of files that are looked at."""

_LIKELY = ("prompt", "caption", "text", "description", "desc")
"""What the name of a column with prompts mostly has in it."""
_KNOWN = frozenset(alias for aliases in COLUMNS.values() for alias in aliases)
_FILE_FIRST = re.compile(r"[\"']?(.*?\.(?:png|jpe?g|webp|avif))[\"']?[\s,;:|]+(.+)", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?[\d.,]+(?:e[-+]?\d+)?", re.IGNORECASE)
_ROWS_TRIED = 50
_MOST_DEPTH = 6


@dataclass(frozen=True, slots=True)
class PromptOrder:
    """A list of prompts that names no image: numbers in names may be its own. `texts`: number -> prompt.

    `loose`: there are other texts as well, and the numbers only tell the order.
    """

    source: str
    texts: Mapping[int, str]
    loose: bool = False


@dataclass(frozen=True, slots=True)
class OtherTable:
    """What one such table says. `captions`: image -> text. `order`: its prompts, None where it holds none."""

    captions: Mapping[str, str]
    order: PromptOrder | None = None


def read_other_table(data: bytes, name: str, images: PathEnds) -> OtherTable:
    """What the table `name` says of `images`; nothing where it is about something else."""
    loose = name.lower().endswith(READ_LOOSELY)
    try:
        text = loose_text(data) if loose else text_files.decode(data, wanted="a table")
    except text_files.TextFileError:
        return OtherTable({})
    rows = list(loose_rows(text, name) if loose else _rows(text, name))
    folder = clean_path(name).rpartition("/")[0]
    captions = _captions(rows, images, folder)
    if captions:
        return OtherTable(captions)
    if loose:
        said = (each for each in texts_in_order(text) if len(each) <= limits.PROMPT and bad_character(each) is None)
        return OtherTable({}, PromptOrder(name, dict(enumerate(dict.fromkeys(said))), loose=True))
    texts = _order(rows)
    return OtherTable({}, PromptOrder(name, texts) if len(texts) > 1 else None)


Row = Mapping[str, object]
"""Column -> value; of tables without headings, the columns are numbers."""


def _rows(text: str, name: str) -> Iterator[Row]:
    if name.lower().endswith(".jsonl"):
        for line in text.split("\n"):
            yield from _json_rows(line)
    elif name.lower().endswith(".json"):
        yield from _json_rows(text)
    elif name.lower().endswith(".txt"):
        yield from _lines(text)
    else:
        yield from _table_rows(text, name)


def _json_rows(text: str) -> Iterator[Row]:
    try:
        found = read_json(text) if text.strip() else None
    except JsonError:
        return
    if isinstance(found, dict):
        files, said = found.get("images"), found.get("annotations")
        if isinstance(files, list) and isinstance(said, list):  # COCO
            named = {each.get("id"): each.get("file_name") for each in files if isinstance(each, dict)}
            for each in said:
                if isinstance(each, dict) and "caption" in each:
                    yield {"file": named.get(each.get("image_id")), "caption": each["caption"]}
            return
    yield from _objects(found, _MOST_DEPTH)


def _objects(found: object, most: int) -> Iterator[Row]:
    """All objects, each with its own name as "file"; a text alone is one with a prompt."""
    if isinstance(found, list):
        for at, each in enumerate(found):
            if isinstance(each, str):
                yield {"index": at, "prompt": each}
            elif most:
                yield from _objects(each, most - 1)
    elif isinstance(found, Mapping):
        files = [
            (key, each) for key, value in found.items() for each in (value if isinstance(value, list) else [value])
        ]
        if all(isinstance(file, str) and _ends_as_image(file) and not _ends_as_image(key) for key, file in files):
            yield from ({"file": file, "prompt": key} for key, file in files)  # GenEval 2 has prompt -> file
            return
        if all(isinstance(value, str) and _is_sentence(value) for value in found.values()):  # by names of any kind
            yield from ({"file": key, "index": key, "prompt": value} for key, value in found.items())
            return
        if any(isinstance(value, str | int | float) for value in found.values()):
            yield from (
                {**found, "file": file}
                for value in found.values()
                if isinstance(value, list)
                for file in value
                if isinstance(file, str) and _ends_as_image(file)
            )
            yield from (
                {"file": key, "index": key, "prompt": value}
                for key, value in found.items()
                if _is_name(key) and not (isinstance(value, str) and _ends_as_image(value))
            )
            yield found
        for key, value in found.items():
            if isinstance(value, Mapping) and most:
                yield {"file": key, "index": key, **value}
                yield from (each for each in _objects(value, most - 1) if each is not value)
            elif isinstance(value, list) and most:
                yield from _objects(value, most - 1)


def _is_sentence(value: str) -> bool:
    return " " in value or not value.isascii()


def _is_name(key: str) -> bool:
    return "." in key or key.isdecimal()


def _lines(text: str) -> Iterator[Row]:
    """Lines of plain text: a prompt each, or an image and its prompt behind any separator."""
    for at, line in enumerate(filter(None, map(str.strip, text.splitlines()))):
        if match := _FILE_FIRST.fullmatch(line):
            yield {"file": match[1], "prompt": match[2]}
        else:
            yield {"index": at, "prompt": line}


def _table_rows(text: str, name: str) -> Iterator[Row]:
    """Rows by headings where the first line has one that is known, else by the columns' places."""
    lines = [line for line in text.splitlines() if line.strip()]
    counts = {each: min(line.count(each) for line in lines[:_ROWS_TRIED]) for each in SEPARATORS} if lines else {}
    separator = next((each for each in "\t|;," if counts.get(each)), ",")
    try:
        records = [record.cells for record in read_records(text, separator)]
    except TableError:
        records = [line.split(separator) for line in lines]
    headings = [plain_column(cell) for cell in records[0]] if records else []
    if any(heading in _KNOWN or any(word in heading.split("_") for word in _LIKELY) for heading in headings):
        yield from (dict(zip(headings, cells, strict=False)) for cells in records[1:])
    else:
        yield from ({str(column): cell for column, cell in enumerate(cells)} for cells in records)


def _captions(rows: Sequence[Row], images: PathEnds, folder: str) -> dict[str, str]:
    """Image -> text of the rows that name images."""
    column = _column_of_files(rows, images, folder)
    if column is None:
        return {}
    named = [(str(row[column]), row) for row in rows if isinstance(row.get(column), str)]
    drop = folders_to_drop([path for path, _ in named], images, folder)
    captions: dict[str, str] = {}
    for path, row in named:
        found = images.find(without_folders(path, drop), folder)
        if len(found) == 1 and (text := _text_of(row, column)):
            captions.setdefault(found[0], text)
    return captions


def _column_of_files(rows: Sequence[Row], images: PathEnds, folder: str) -> str | None:
    """The column that names most images, at least one; of plain lines it must name half of them."""
    counts: dict[str, int] = {}
    for row in rows[:_ROWS_TRIED]:
        for key, value in row.items():
            if not isinstance(value, str) or not 0 < len(value) < 600 or "\n" in value:
                continue
            name = not value.isdecimal() and not _rank(plain_column(key)) and bool(images.find(value, folder))
            if name or _ends_as_image(value):
                last = clean_path(value).rpartition("/")[2]
                counts[key] = counts.get(key, 0) + bool(images.find(value, folder) or images.find(last, folder))
    best = max(counts, key=lambda key: counts[key], default=None)
    return best if best is not None and counts[best] else None


def _ends_as_image(value: str) -> bool:
    return without_extension(value) != value


def _text_of(row: Row, file: str) -> str:
    """The row's prompt: of the column that is called so, else of the one with most words."""
    words: list[tuple[bool, int, str]] = []
    for key, value in row.items():
        if key == file or not isinstance(value, str) or not value.strip() or _ends_as_image(value):
            continue
        plain = plain_column(key)
        rank = _rank(plain)
        if "negative" not in plain and (rank or not _NUMBER.fullmatch(value.strip())):
            words.append((rank > 0, rank * 1000 + len(value.split()), value))
    text = " ".join(max(words)[2].split()) if words else ""
    return "" if bad_character(text) is not None else text


def _rank(column: str) -> int:
    if column in COLUMNS["text"]:
        return 9 - COLUMNS["text"].index(column)
    return int(any(word in column for word in _LIKELY))


def _order(rows: Sequence[Row]) -> dict[int, str]:
    """Number -> prompt of a table that names no image."""
    texts: dict[int, str] = {}
    for at, row in enumerate(rows):
        plain = {plain_column(key): value for key, value in row.items()}
        number = next((plain[alias] for alias in COLUMNS["number"] if alias in plain), at)
        place = whole_or_none(str(number))
        text = next((plain[alias] for alias in COLUMNS["text"] if alias in plain), None)
        if isinstance(text, str) and text.strip() and bad_character(text) is None:
            texts.setdefault(at if place is None else place, " ".join(text.split()))
    return texts


def ordered(sources: Collection[str]) -> list[str]:
    """Tables that may be read, those nearer to the top first, and what is no table last."""
    return sorted(
        (name for name in sources if clean_path(name).lower().endswith(READ)),
        key=lambda name: (name.lower().endswith(READ_LOOSELY), clean_path(name).count("/"), name),
    )
