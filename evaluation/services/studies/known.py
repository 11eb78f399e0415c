"""Control trials whose right answers a study brings, from a table with a row for each answer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from common.json_in import JsonError, read_json
from common.tables import TableError, plain_heading, read_records, shape_of
from common.words import counted, nearest
from evaluation.errors import InputError
from evaluation.protocols import AnswerError, AnswerValue, Protocol
from evaluation.protocols.kinds import Choice, value_of, value_text
from evaluation.suites.decode import decode
from evaluation.suites.types import SuiteError

COLUMNS = ("prompt_id", "shown", "question", "answer")
ALSO = {"prompt": "prompt_id", "generators": "shown", "expected": "answer"}
"""Other headings of the same columns."""
HEADINGS = frozenset(map(plain_heading, (*COLUMNS, *ALSO)))
MOST_BYTES = 4 * 2**20
SIDES = {"left": "a", "right": "b"}
"""What a side means where the sets stand in the order of `shown`."""


@dataclass(frozen=True, slots=True)
class KnownControl:
    """A control trial. `shown`: labels from the left. `answers`: by question the right one, as in a comparison."""

    prompt_id: str
    shown: tuple[str, ...]
    answers: Mapping[str, AnswerValue]

    def to_dict(self) -> dict[str, object]:
        """As a specification has it."""
        return {"prompt_id": self.prompt_id, "shown": list(self.shown), "answers": dict(self.answers)}

    @classmethod
    def from_dict(cls, declared: Mapping[str, object]) -> KnownControl:
        """Back from a specification."""
        shown, answers = declared["shown"], declared["answers"]
        assert isinstance(shown, list) and isinstance(answers, dict)
        return cls(str(declared["prompt_id"]), tuple(map(str, shown)), answers)


def read_known(data: bytes, source: str) -> tuple[Mapping[str, str], ...]:
    """The rows of a file of control trials: `prompt_id, shown, question, answer`.

    Raises:
        InputError: it is no such table.
    """
    if len(data) > MOST_BYTES:
        raise InputError(f"{source} has more than {MOST_BYTES // 2**20} MiB.", field="controls")
    try:
        text = decode(data)
        records = read_records(text, shape_of(text, HEADINGS.__contains__).separator or ",")
    except (SuiteError, TableError) as error:
        raise InputError(f"{source}: {error}", field="controls") from error
    header = [ALSO.get(cell.strip(), cell.strip()) for cell in records[0].cells] if records else []
    for name in header:
        if header.count(name) > 1:
            raise InputError(f"{source}: the column {name} stands twice. Leave one of the two out.", field="controls")
    for name in header:
        if name not in COLUMNS:
            hint = nearest(name, COLUMNS) or "."
            raise InputError(
                f'{source}: unknown column "{name[:40]}"{hint} Columns: {", ".join(COLUMNS)}.', field="controls"
            )
    for record in records[1:]:
        if len(record.cells) != len(header):
            raise InputError(
                f"{source}, line {record.line}: {counted(len(record.cells), 'cell')}, and the table has "
                f"{counted(len(header), 'column')}.",
                field="controls",
            )
    return tuple(dict(zip(header, record.cells, strict=True)) for record in records[1:])


def rows_of(controls: Sequence[KnownControl], protocol: Protocol) -> tuple[Mapping[str, str], ...]:
    """Control trials as the rows of a file, which `known_controls` reads back to the same."""
    sides = {member: side for side, member in SIDES.items()}
    rows = []
    for each in controls:
        for question, answer in each.answers.items():
            kind = protocol.question(question).answers
            value = sides.get(str(answer), answer) if isinstance(kind, Choice) and kind.preference else answer
            shown = json.dumps(each.shown, ensure_ascii=False)
            cells = (each.prompt_id, shown, question, value_text(value))
            rows.append(dict(zip(COLUMNS, cells, strict=True)))
    return tuple(rows)


def known_controls(
    rows: Sequence[Mapping[str, str]],
    *,
    protocol: Protocol,
    labels: Sequence[str],
    prompts: Mapping[str, str],
    field: str = "controls",
) -> tuple[KnownControl, ...]:
    """The control trials of `rows`, checked.

    Args:
        labels: what the study's runs are called, the reference among them.
        prompts: text by id.
        field: that errors name.

    Raises:
        InputError: a column, prompt, label, question or answer is not there; with the row.
    """
    try:
        return _known_controls(rows, protocol, labels, prompts)
    except InputError as error:
        raise InputError(error.message, field=field) from error


def _known_controls(
    rows: Sequence[Mapping[str, str]], protocol: Protocol, labels: Sequence[str], prompts: Mapping[str, str]
) -> tuple[KnownControl, ...]:
    found: dict[tuple[str, tuple[str, ...]], dict[str, AnswerValue]] = {}
    for number, row in enumerate(rows, start=1):
        where = f"Control row {number}"
        for name in COLUMNS:
            if not row.get(name, "").strip():
                raise InputError(
                    f"{where} has no {name}. A file of control trials has the columns {', '.join(COLUMNS)}.",
                    field="controls",
                )
        prompt_id = row["prompt_id"].strip()
        if prompt_id not in prompts:
            hint = nearest(prompt_id, prompts) or "."
            raise InputError(f'{where}: the study shows no prompt "{prompt_id}"{hint}', field="controls")
        shown = _shown(row["shown"].strip(), where, labels, protocol.shown.sets)
        answers = found.setdefault((prompt_id, shown), {})
        question = row["question"].strip()
        if question in answers:
            raise InputError(f"{where}: the question {question} of this trial has an answer already.", field="controls")
        answers[question] = _right(row["answer"].strip(), question, where, protocol, len(shown), prompts[prompt_id])
    return tuple(KnownControl(prompt, shown, answers) for (prompt, shown), answers in found.items())


def refuse_too_few(n: int, wanted: int, panel: str) -> None:
    """Raise InputError where `n` control trials of a panel are fewer than each session has."""
    if n < wanted:
        raise InputError(
            f"{wanted} control trials are declared for each session, and {n} {'is' if n == 1 else 'are'} given"
            f"{f' for the panel {panel}' if panel else ''}. Give more of them, or a protocol without.",
            field="controls",
        )


def _shown(cell: str, where: str, labels: Sequence[str], sets: int) -> tuple[str, ...]:
    """One label, or a JSON list of them from the left."""
    try:
        listed = read_json(cell)
    except JsonError:
        listed = [cell]
    names = [each for each in listed if isinstance(each, str)] if isinstance(listed, list) else []
    if isinstance(listed, list) and len(names) == len(listed):
        for label in names:
            if label not in labels:
                hint = nearest(label, labels) or "."
                raise InputError(
                    f'{where}: the study has no run "{label}"{hint} Labels: {", ".join(labels)}.', field="controls"
                )
        if len(names) == sets:
            return tuple(names)
    example = json.dumps([*labels, *labels][:sets], ensure_ascii=False)
    raise InputError(
        f"{where}: shown must be a JSON list of labels from the left, {sets} of them, such as {example}; "
        f"got {cell[:80]}.",
        field="controls",
    )


def _right(cell: str, question: str, where: str, protocol: Protocol, shown: int, prompt: str) -> AnswerValue:
    try:
        kind = protocol.question(question).answers
    except KeyError:
        ids = [each.id for each in protocol.questions]
        raise InputError(
            f'{where}: unknown question "{question}"{nearest(question, ids) or "."} Questions: {", ".join(ids)}.',
            field="controls",
        ) from None
    try:
        value = kind.check(value_of(cell), shown=shown, prompt=prompt)
    except AnswerError as error:
        raise InputError(f"{where}: {error}", field="controls") from error
    return SIDES.get(str(value), value) if isinstance(kind, Choice) and kind.preference else value
