"""Reads a suite of prompts from a file or from bytes: the one door for commands, pages and the API.

Start here: `read_suite`. The formats are described for users in docs/suites.md.
"""

import re
from pathlib import Path

from common.tables import Record, Shape, TableError, plain_heading, read_records, shape_of
from common.words import nearest
from evaluation.suites.build import Duplicates, Row, build_suite
from evaluation.suites.decode import check_size, decode, read_bytes
from evaluation.suites.identity import named_and_complete
from evaluation.suites.objects import (
    Captions,
    holds_prompts,
    is_coco,
    load_json,
    rows_of_coco,
    rows_of_jsonl,
    rows_of_list,
)
from evaluation.suites.questions import DSG, rows_of_dsg, rows_with_questions
from evaluation.suites.selection import sample_of
from evaluation.suites.tables import (
    CATEGORY_COLUMNS,
    PROMPT_COLUMNS,
    names_prompts,
    refuse_unnamed_columns,
    rows_of_table,
)
from evaluation.suites.types import MAX_NAME_CHARACTERS, JsonValue, SuiteData, SuiteError
from evaluation.suites.workbooks import binary_format, headings, objects_of_parquet, records_of_xlsx, rows_of_texts

FORMATS = ("csv", "tsv", "jsonl", "json", "text", "partiprompts", "coco", "dsg", "xlsx", "parquet", "texts")
_BY_EXTENSION = {
    ".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json", ".txt": "text",
}  # fmt: skip
_LIST_ITEM = re.compile(r"\s*(?:\d+[.):]|[-*\u2022])\s")
_JSON_START = re.compile(r'(\{|\[\s*\{?)\s*"')
_PARTIPROMPTS_HEADER = {"prompt", "category", "challenge", "note"}


def read_suite(
    source: Path | str | bytes,
    *,
    format: str | None = None,
    name: str | None = None,
    file_name: str | None = None,
    captions: Captions = "one",
    sample: int | None = None,
    seed: int = 0,
    duplicates: Duplicates = "refuse",
) -> SuiteData:
    """The suite in a file (a path) or in its bytes.

    file_name: what the file was called, for bytes that came from one; its extension tells the format.
    format: one of FORMATS; found from the content and the file's extension when None.
    name: the suite's name; when None that of a known suite, or the file's name without extension, or "suite".
        A suite called drawbench has to be the whole published one (`identity.py`).
    captions: COCO only: "one" caption an image, or "all".
    sample: keep so many prompts, drawn with `seed`, in file order; None keeps all.
    duplicates: "refuse", or "first" to keep the first of each.
    Raises SuiteError, with the file's name in front, for whatever is wrong with the file.
    """
    path = Path(file_name or "") if isinstance(source, bytes) else Path(source)
    data = source if isinstance(source, bytes) else read_bytes(path)
    stem, extension, shown = path.stem or "suite", path.suffix.lower(), f"{path.name}: " if path.name else ""
    try:
        _check_options(format, captions)
        check_size(data)
        binary = binary_format(data)
        if binary is not None:
            rows, notes, found_format = _rows_of_binary(data, binary, format)
        else:
            rows, notes, found_format = _rows(decode(data), format, extension, captions)
        if found_format != "dsg":
            rows, on_questions = rows_with_questions(rows)
            notes = [*notes, *on_questions]
        suite = build_suite(
            rows,
            name=name or stem[:MAX_NAME_CHARACTERS],
            source_format=found_format,
            notes=notes,
            duplicates=duplicates,
        )
        suite = named_and_complete(suite, asked_name=name)
        return suite if sample is None else sample_of(suite, sample, seed)
    except (SuiteError, TableError) as error:
        raise SuiteError(f"{shown}{error}") from error


def _check_options(format: str | None, captions: str) -> None:
    if format is not None and format not in FORMATS:
        hint = nearest(format, FORMATS) or "."
        raise SuiteError(f"There is no format {format!r}{hint} The formats are: {', '.join(FORMATS)}.")
    if captions not in ("one", "all"):
        raise SuiteError(f"captions is {captions!r}; it is 'one' (caption an image) or 'all'.")


def _rows_of_binary(data: bytes, kind: str, asked: str | None) -> tuple[list[Row], list[str], str]:
    """Rows, notes and the format of a workbook, a Parquet file or a zip of texts."""
    if asked not in (None, kind):
        raise SuiteError(f"It is of the format {kind}, not {asked}. Leave the format out.")
    if kind == "parquet":
        return *rows_of_list(objects_of_parquet(data)), kind
    if kind == "texts":
        return *rows_of_texts(data), kind
    records, notes = records_of_xlsx(data)
    rows, more = _rows_of_records(records)
    return rows, [*notes, *more], kind


def _rows_of_records(records: list[Record]) -> tuple[list[Row], list[str]]:
    return rows_of_dsg(records) if headings(records) >= DSG else rows_of_table(records)


def _rows(text: str, format: str | None, extension: str, captions: Captions) -> tuple[list[Row], list[str], str]:
    """Rows, notes and the format they were read in."""
    value: JsonValue = None
    shape = shape_of(text, names_prompts)
    asked = format is not None
    if format is None:
        format, value = ("csv", None) if shape.said else _detect(text, extension, shape)
    if format in ("json", "coco"):
        value = load_json(text) if value is None else value
        if format == "coco" or is_coco(value):
            return *rows_of_coco(value, captions), "coco"
        return *rows_of_list(value), "json"
    if format == "jsonl":
        return *rows_of_jsonl(text), "jsonl"
    if format == "text":
        return *_rows_of_text(text, asked=asked), "text"
    if format == "partiprompts":
        return *rows_of_table(read_records(text, "\t", quoted=False)), format
    if format == "tsv":
        return *_rows_of_tsv(text, shape), "tsv"
    records = read_records(text, shape.separator or ",")
    if format == "dsg" and not headings(records) >= DSG:
        raise SuiteError(f"DSG's annotations have the columns {', '.join(sorted(DSG))}; this table lacks some of them.")
    return *_rows_of_records(records), "dsg" if headings(records) >= DSG else "csv"


def _detect(text: str, extension: str, shape: Shape) -> tuple[str, JsonValue]:
    """The format, and the parsed JSON where finding it took parsing. Plain content decides before the extension."""
    by_extension = _BY_EXTENSION.get(extension)
    start = text.lstrip()
    if by_extension != "jsonl" and start[0] in "{[":
        try:
            value = load_json(start)
        except SuiteError:
            if (by_extension == "json" or _JSON_START.match(start)) and not _first_line_is_object(start):
                raise
        else:
            if isinstance(value, list) or is_coco(value) or (isinstance(value, dict) and holds_prompts(value)):
                return "json", value
            if by_extension == "json" and len(start.strip().splitlines()) > 1:
                return "json", value  # told there that it is no suite
    if by_extension == "jsonl" or (start[0] == "{" and _first_line_is_object(start)):
        return "jsonl", None
    if by_extension == "json":
        return "json", None
    header = start.splitlines()[0]
    tab_names = {plain_heading(cell) for cell in header.split("\t")}
    if tab_names >= _PARTIPROMPTS_HEADER:
        return "partiprompts", None
    delimiter = shape.separator
    if delimiter == "\t":
        return "tsv", None
    if by_extension in ("csv", "tsv"):
        return by_extension, None
    if by_extension == "text":
        names = [plain_heading(cell) for cell in header.split(delimiter)] if delimiter else []
        return ("csv" if "category" in names and len(names) <= 3 else "text"), None
    if delimiter or plain_heading(header.strip('"')) in PROMPT_COLUMNS or _names_columns(header):
        return "csv", None
    return "text", None


def _names_columns(header: str) -> bool:
    """Whether a first line is meant as a table's, though no cell of it is a name for the prompts: "Promt,Category"."""
    cells = [plain_heading(cell.strip('"')) for cell in re.split(r"[,;\t|]", header)]
    return len(cells) > 1 and any(cell in CATEGORY_COLUMNS for cell in cells)


def _first_line_is_object(text: str) -> bool:
    try:
        return isinstance(load_json(text.splitlines()[0]), dict)
    except SuiteError:
        return False


def _rows_of_tsv(text: str, shape: Shape) -> tuple[list[Row], list[str]]:
    """Quoted as a spreadsheet writes it where that is sound, else as it stands: a prompt may begin with a quote."""
    separator = shape.separator if shape.said and shape.separator else "\t"
    try:
        records = read_records(text, separator)
        width = len(records[0].cells) if records else 0
        if all(len(record.cells) <= width for record in records):
            return rows_of_table(records)
    except (SuiteError, TableError):
        pass
    return rows_of_table(read_records(text, separator, quoted=False))


def _rows_of_text(text: str, *, asked: bool) -> tuple[list[Row], list[str]]:
    """One prompt a line, no line of names, and notes. A blank line between prompts is an empty prompt; at the end it is
    none.

    asked: whether the file was said to be text; if not, one that looks like a table without headings is refused.
    """
    lines = re.split(r"\r\n|\r|\n", text.rstrip())
    if not asked:
        refuse_unnamed_columns(lines, least=2)
    marked = len(lines) > 1 and all(map(_LIST_ITEM.match, lines))
    rows = [Row(f"line {number:,}", line, None, {}) for number, line in enumerate(lines, start=1)]
    told = f"Every line begins as in a list ({lines[0][:20]!r}): that is part of the prompts. Delete it if not meant."
    return rows, [told] if marked else []
