"""Published suites that ask questions of their images: the questions are kept as the attribute `questions`.

Each is an object with `question` and, where the source has them, `id`, `answer`, `claim`, `kind`, `sort` and
`depends_on` (ids).
DSG (Cho et al. 2024, arXiv 2310.18235) has a row a question, GenEval 2 (arXiv 2512.16853) a list of pairs; checklists
such as Arena-T2I Hard's (arXiv 2606.31711) have a list of objects in which a question names those that it depends on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress

from common.json_in import JsonError, read_json
from common.numbers import whole_or_none
from common.tables import Record, plain_heading
from common.words import counted
from evaluation.suites.build import Row, listed
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
            rows[item] = Row(where, cells[names.index("text")], source_of(item), {"item_id": item})
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
        f"Read as DSG: {counted(sum(map(len, questions.values())), 'question')} of {counted(len(rows), 'prompt')}."
    ]


def source_of(item: str) -> str:
    """Where a prompt with such an id comes from: "partiprompts12" from partiprompts."""
    return re.sub(r"[\W_]*\d+$", "", item) or item


def rows_with_questions(rows: Sequence[Row]) -> tuple[list[Row], list[str]]:
    """The rows, each one's list of questions read into the attribute `questions`, and notes on that.

    The list is the field called as one of LISTS. Its items are questions, pairs of question and answer (GenEval 2 has
    them) or objects with a field of TEXTS. A list that has none of these forms, or hangs on what is not in it, stays as
    it is, which a note says.
    """
    read, left, n_questions, names = [], [], 0, dict[str, None]()
    done: list[Row] = []
    for row in rows:
        name = next((key for name in LISTS for key in row.attributes if plain_heading(key) == name), None)
        listed_there = None if name is None else _listed(row.attributes[name])
        if name is None or not isinstance(listed_there, list) or not listed_there:
            done.append(row)
            continue
        try:
            asked = _questions(listed_there)
        except _Unread as error:
            left.append(f"{row.where}: {name} stays as it is: {error}.")
            done.append(row)
            continue
        names[name] = None
        n_questions += len(asked)
        read.append(row)
        others = {key: value for key, value in row.attributes.items() if key != name}
        done.append(Row(row.where, row.text, row.category, {**others, "questions": asked}))
    notes = []
    if read:
        fields = listed([repr(name) for name in names])
        notes.append(f"Questions were read from {fields}: {n_questions:,} of {counted(len(read), 'prompt')}.")
    if left:
        notes.append(left[0] if len(left) == 1 else f"{left[0]} So it is with {len(left):,} rows.")
    return done, notes


def _listed(value: JsonValue) -> JsonValue:
    """A list of questions that a table holds as the JSON of it, as such; any other value as it is."""
    if isinstance(value, str) and value.startswith("["):
        with suppress(JsonError):
            return read_json(value, characters=False)
    return value


LISTS = ("questions", "vqa list", "checklist", "constraints", "qa pairs")
"""Names of a field that holds a prompt's questions, as `plain_heading` gives them; the first that is there is read."""

TEXTS = ("question", "text", "constraint", "claim", "question natural language")
QUESTION_MARKS = ("?", "？", "؟")
_IDS = ("id", "question id", "qid", "proposition id")
_DEPENDENCIES = ("depends on", "dependencies", "dependency", "parents", "parent", "parent ids", "parent id")
_KINDS = {"kind": "kind", "type": "kind", "category": "kind", "answer": "answer", "expected answer": "answer"}


class _Unread(Exception):
    """A list of questions whose form is not known."""


def _questions(items: Sequence[JsonValue]) -> list[JsonValue]:
    """The questions of one prompt, each with an id, its own or its place from 1."""
    asked = [_question(item, number) for number, item in enumerate(items, start=1)]
    known = {str(each["id"]): each["id"] for each in asked}
    if len(known) < len(asked):
        raise _Unread("two of its questions have the same id")
    for each, item in zip(asked, items, strict=True):
        needed = _needed(item, known)
        if needed:
            if _field(item, _IDS) is None:
                raise _Unread("its questions depend on others, and have no ids")
            each["depends_on"] = [known[one] for one in needed]
    return list[JsonValue](asked)


def _question(item: JsonValue, number: int) -> dict[str, JsonValue]:
    if isinstance(item, str) and item.strip():
        if not item.rstrip().endswith(QUESTION_MARKS):
            raise _Unread("its texts end with no question mark")
        return {"id": number, "question": fold(item)}
    if isinstance(item, list) and len(item) == 2 and all(isinstance(each, str) for each in item):
        return {"id": number, "question": item[0], "answer": item[1]}
    name = _field(item, TEXTS)
    text = item[name] if isinstance(item, dict) and name is not None else None
    if not isinstance(item, dict) or not isinstance(text, str) or not text.strip():
        raise _Unread("its items are no texts, no pairs of question and answer, and have no field question")
    own = _field(item, _IDS)
    read: dict[str, JsonValue] = {"id": number if own is None else item[own], "question": fold(text)}
    if not isinstance(read["id"], int | str) or isinstance(read["id"], bool):
        raise _Unread("an id is neither a whole number nor a text")
    taken = {name, own, _field(item, _DEPENDENCIES)}
    for key, value in item.items():
        if key not in taken and value is not None:
            read.setdefault(_KINDS.get(plain_heading(key), key), value)
    return read


def _needed(item: JsonValue, known: Mapping[str, JsonValue]) -> list[str]:
    """The ids of the questions that one hangs on; 0 and an empty text are none, unless a question is called so."""
    name = _field(item, _DEPENDENCIES)
    value = item[name] if isinstance(item, dict) and name is not None else None
    if isinstance(value, str):
        value = list[JsonValue](re.split(r"[,;\s]+", value.strip()))
    ids = [str(each).strip() for each in (value if isinstance(value, list) else [value]) if each is not None]
    ids = [each for each in ids if each in known or each not in ("", "0")]
    unknown = [each for each in ids if each not in known]
    if unknown:
        raise _Unread(f"a question depends on {unknown[0]!r}, and no other has that id")
    return ids


def _field(item: JsonValue, names: Sequence[str]) -> str | None:
    """The key of an object that is called as the first of `names` that is there."""
    plain = {plain_heading(key): key for key in item} if isinstance(item, dict) else {}
    return next((plain[name] for name in names if name in plain), None)
