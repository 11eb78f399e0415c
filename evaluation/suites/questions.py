"""Published suites that ask questions of their images: the questions are kept as the attribute `questions`.

Each is an object with `question` and, where the source has them, `id`, `answer`, `claim`, `kind`, `sort` and
`depends_on` (ids).
DSG (Cho et al. 2024, arXiv 2310.18235) has a row a question, GenEval 2 (arXiv 2512.16853) a list of pairs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from common.numbers import whole_or_none
from common.tables import Record, plain_heading
from evaluation.suites.build import Row
from evaluation.suites.types import JsonValue, SuiteError, fold

DSG = frozenset(("item id", "text", "proposition id", "question natural language"))
"""Columns by which DSG's annotations are known."""

_DSG_PARTS = {
    "question": "question natural language", "claim": "tuple", "kind": "category detailed", "sort": "category broad",
}  # fmt: skip


def rows_of_dsg(records: Sequence[Record]) -> tuple[list[Row], list[str]]:
    """A row for each prompt of DSG's annotations, its questions together; its category is the source of the prompt.

    Raises:
        SuiteError: two texts under one item, or a question without a number.
    """
    names = [plain_heading(cell) for cell in records[0].cells]
    rows: dict[str, Row] = {}
    questions: dict[str, list[JsonValue]] = {}
    for record in records[1:]:
        cells = record.cells + [""] * (len(names) - len(record.cells))
        values = dict(zip(names, map(fold, cells), strict=False))
        item, where = values["item id"], f"line {record.line:,}"
        number = whole_or_none(values["proposition id"])
        if not item or number is None:
            raise SuiteError(f"{where}: item_id and proposition_id (a whole number) must be there.")
        if item not in rows:
            source = re.sub(r"[\W_]*\d+$", "", item) or item
            rows[item] = Row(where, cells[names.index("text")], source, {"item_id": item})
            questions[item] = []
        elif fold(rows[item].text) != values["text"]:
            raise SuiteError(f"{where}: {item} has another text than in {rows[item].where}.")
        depends = [int(each) for each in re.findall(r"\d+", values.get("dependency", "")) if int(each)]
        question: dict[str, JsonValue] = {"id": number}
        question |= {key: values[name] for key, name in _DSG_PARTS.items() if values.get(name)}
        if depends:
            question["depends_on"] = list(depends)
        questions[item].append(question)
    for item, row in rows.items():
        row.attributes["questions"] = questions[item]
    return list(rows.values()), [
        f"Read as DSG: {sum(map(len, questions.values())):,} questions of {len(rows):,} prompts."
    ]


def with_questions(row: Row) -> Row:
    """A row whose attribute `vqa_list` (pairs of question and answer, as GenEval 2 has them) became `questions`."""
    pairs = row.attributes.get("vqa_list")
    if not isinstance(pairs, list) or "questions" in row.attributes:
        return row
    asked: list[JsonValue] = []
    for number, pair in enumerate(pairs, start=1):
        if not isinstance(pair, list) or len(pair) != 2:
            return row
        asked.append({"id": number, "question": pair[0], "answer": pair[1]})
    others = {key: value for key, value in row.attributes.items() if key != "vqa_list"}
    return Row(row.where, row.text, row.category, {**others, "questions": asked})
