"""CSV, TSV and PartiPrompts: tables with a line of column names."""

from collections.abc import Sequence

from common.json_in import JsonError, read_json
from common.tables import SEPARATOR_NAMES, Record, columns_told, more_cells, plain_heading, unnamed_separator
from common.words import nearest_name
from evaluation.suites.build import Row
from evaluation.suites.types import JsonValue, SuiteError, fold

PROMPT_COLUMNS = ("prompt", "prompts", "prompt text", "caption", "captions", "text")
"""Names of the column of prompts, the first that is there wins; the others are then attributes."""
CATEGORY_COLUMNS = ("category", "categories")
ATTRIBUTES_COLUMN = "attributes"
LIKE_CATEGORY = (
    *("label", "labels", "class", "classes", "type", "kind", "group", "topic", "theme", "tag", "tags", "section"),
    *("kategorie", "kategorien", "catégorie", "categoría", "categoria", "categorie", "challenge"),
)
"""What others call a column of categories. It is not taken for one: whether it is, its author is asked."""


TITLES = 5
"""Rows that may stand above the headings."""


def names_prompts(heading: str) -> bool:
    """Whether a column called so (as `plain_heading` gives it) holds prompts."""
    return heading in PROMPT_COLUMNS


def rows_of_table(records: Sequence[Record]) -> tuple[list[Row], list[str]]:
    """Rows, and notes on the columns, from records whose first names them; a table of one column may do without names.

    Columns beyond prompt, category and attributes become attributes under their names in lower case.
    """
    if not records:
        return [], []
    titles = heading_at(records)
    if titles:
        rows, notes = rows_of_table(records[titles:])
        above = " / ".join(cell for record in records[:titles] for cell in record.cells if cell.strip())
        return rows, [f"Left out, above the headings: {shortened(above)}.", *notes]
    names = [plain_heading(cell) for cell in records[0].cells]
    prompt = next((names.index(name) for name in PROMPT_COLUMNS if name in names), None)
    if prompt is None:
        if len(names) == 1:
            return _rows_of_one_column(records), []
        raise SuiteError(_no_prompt_column(records[0]))
    for name in names:
        if name and names.count(name) > 1:
            raise SuiteError(f"Two columns are called {name!r}. Give each column a name of its own.")
    category = next((names.index(name) for name in CATEGORY_COLUMNS if name in names), None)
    rows = [_row(record, names, prompt, category) for record in records[1:]]
    headings = [cell.strip().lstrip("\ufeff") for cell in records[0].cells]
    return rows, columns_noted(
        headings, headings[prompt], None if category is None else headings[category], has_rows=bool(rows)
    )


def heading_at(records: Sequence[Record]) -> int | None:
    """The place of the record that names the columns, with a column of prompts among others, below at most TITLES rows
    that fill fewer cells, as a title does; None where there is none.
    """
    filled = [sum(bool(cell.strip()) for cell in record.cells) for record in records[: TITLES + 1]]
    for at, record in enumerate(records[: TITLES + 1]):
        if any(map(names_prompts, map(plain_heading, record.cells))):
            return at if at == 0 or max(filled[:at]) < filled[at] else None
    return None


def shortened(text: str) -> str:
    """`text` in quotes, without what is too much for a note."""
    return repr(text if len(text) <= 80 else text[:79] + "\N{HORIZONTAL ELLIPSIS}")


def columns_noted(headings: Sequence[str], prompt: str, category: str | None, *, has_rows: bool = True) -> list[str]:
    """A note on which columns (or fields) of a suite were used and which were not; none where all are what they seem.

    prompt, category: the headings that are those; None where no column holds categories.
    """
    others = [
        each
        for each in headings
        if each and each not in (prompt, category) and not each.lower().startswith("unnamed:")
        if plain_heading(each) != ATTRIBUTES_COLUMN
    ]
    if not has_rows or not others:
        return []
    used = [(prompt, "prompt"), *([(category, "category")] if category else [])]
    known = [*CATEGORY_COLUMNS, *PROMPT_COLUMNS] if category is None else PROMPT_COLUMNS
    note = columns_told(used, others, fate="Kept as attributes", known=known)
    if category is None:
        like = [each for each in others if _like_category(each)]
        ask = f" If {like[0]!r} is the category, call the column category." if like else ""
        note += f" No column is called category, so all prompts are in one.{ask}"
    return [note]


def _like_category(heading: str) -> bool:
    plain = plain_heading(heading)
    return plain in LIKE_CATEGORY or nearest_name(plain, CATEGORY_COLUMNS) is not None


def _rows_of_one_column(records: Sequence[Record]) -> list[Row]:
    for record in records:
        if len(record.cells) > 1:
            raise SuiteError(_cut_by_commas(record, 1))
    refuse_unnamed_columns([record.cells[0] for record in records], least=1)
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
        value = read_json(cell, characters=False)
    except JsonError as error:
        raise SuiteError(
            f'{where}: the attributes are not JSON ({error}). Write an object such as {{"style": "ink"}}.'
        ) from error
    if not isinstance(value, dict):
        raise SuiteError(
            f'{where}: the attributes are JSON, but not an object. Write an object such as {{"style": "ink"}}.'
        )
    return value


def refuse_unnamed_columns(lines: Sequence[str], *, least: int) -> None:
    """SuiteError where lines that were taken for one column each are a table without headings: of two columns, cut by
    a tabulator, semicolon or vertical bar in every line. least: lines from which on a separator is no chance.
    """
    separator = unnamed_separator(lines, least=least)
    if separator is not None:
        raise SuiteError(
            f"Every line has {SEPARATOR_NAMES[separator]} at the same place among its cells: this looks like a table "
            f"without headings, and its lines would become prompts whole. Give it a first line that names the columns, "
            f"such as prompt{separator if separator != chr(9) else '<tab>'}category, or give its format as text if "
            "each line is one prompt."
        )


def _cut_by_commas(record: Record, expected: int) -> str:
    return f"{more_cells(record, expected)} Or give plain text, one prompt per line, in a .txt file."


def _no_prompt_column(record: Record) -> str:
    found = ", ".join(repr(cell if len(cell) <= 40 else cell[:37] + "...") for cell in record.cells[:6])
    close = [
        f"{cell!r} for {match!r}"
        for cell in record.cells
        if (match := nearest_name(plain_heading(cell), [*PROMPT_COLUMNS, *CATEGORY_COLUMNS]))
        and plain_heading(cell) != match
    ]
    hint = f" Did you write {', '.join(close)}?" if close else ""
    return (
        f"No column is called prompt: the first line has {found}.{hint} The first line names the columns, for example"
        f" prompt,category. A column of prompts may be called: {', '.join(PROMPT_COLUMNS)}."
    )
