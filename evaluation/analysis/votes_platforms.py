"""The shapes that only one platform writes, taken apart into one record a vote.

* Label Studio (JSON): a task has annotations, each by one person (`completed_by`) with a result for each control.
* Potato (JSON lines, or a table with columns `schema:::label`): an instance has a label or value for each schema.
* Mechanical Turk (batch CSV): `Answer.NAME`, `Answer.NAME.OPTION` of true and false, or JSON in `Answer.taskAnswers`.
* ImagenHub: a table of a rater, a column a model, cells `[alignment, fidelity]` of 0, .5 and 1 (here 0, 50 and 100).
* DSG: one score a row; the category is the collection that a prompt comes from (`source_id` without its number).
* Arena logs of one column a verdict (`winner_model_a`, `winner_model_b`, `winner_tie`).

What comes out has `rater_id`, `prompt_id`, `question` and `answer` where the platform says so, and the rest as it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from common.json_in import JsonError, read_json
from common.numbers import number, whole_or_none
from common.tables import plain_heading
from common.words import counted
from evaluation.analysis.columns import RatingsError
from evaluation.analysis.votes_files import Record, VotesFile, flat, json_text

RATER, PROMPT, QUESTION, ANSWER, TIME = "rater_id", "prompt_id", "question", "answer", "response_time_ms"
_TRUE = frozenset({"true", "on", "1", "yes", "checked"})
_FALSE = frozenset({"false", "off", "0", "no", "", "unchecked"})
VERDICTS = {
    "winner model a": "model_a",
    "winner model b": "model_b",
    "winner tie": "tie",
    "winner tie bothbad": "tie (bothbad)",
}
DSG = {"t2i_model": "generator", "item_id": PROMPT, "worker_id": RATER, "answer": "score"}
_TWO = re.compile(r"\[\s*([0-9.]+)\s*,\s*([0-9.]+)\s*\]")
_IMAGE_NAME = re.compile(r"\.(png|jpe?g|webp)$", re.IGNORECASE)


@dataclass(frozen=True)
class Taken:
    """A file after its platform's shape was taken apart. ``platform``: its name, "" for a plain table.
    ``own``: columns that mean what they are called here. ``notes``: what was left out.
    """

    file: VotesFile
    platform: str = ""
    own: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass
class _Out:
    """Records as they are made. ``left_out``: how many, by reason."""

    records: list[Record] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)

    def skip(self, why: str) -> None:
        self.left_out[why] = self.left_out.get(why, 0) + 1

    def taken(self, file: VotesFile, platform: str, own: tuple[str, ...]) -> Taken:
        """The file with these records."""
        columns = tuple(dict.fromkeys(name for record in self.records for name in record.cells))
        notes = tuple(f"{file.source}: left out {counted(n, 'vote')}, {why}." for why, n in self.left_out.items())
        used = tuple(name for name in own if name in columns)
        return Taken(replace(file, columns=columns, records=self.records, items=None), platform, used, notes)


def taken_apart(file: VotesFile) -> Taken:
    """The file's votes one a record.

    Raises:
        RatingsError: an answer of the platform that is no single choice or number.
    """
    if file.items is not None:
        if any(isinstance(item.get(name), list) for _, item in file.items for name in ("annotations", "completions")):
            return _label_studio(file)
        if any(isinstance(item.get("label_annotations"), Mapping) for _, item in file.items):
            return _potato_lines(file)
    if any(":::" in name for name in file.columns):
        return _potato_table(file)
    plain = {plain_heading(name): name for name in file.columns}
    if {"hitid", "workerid"} <= set(plain) and any(name.startswith("Answer.") for name in file.columns):
        return _turk(file)
    if {"winner model a", "winner model b"} <= set(plain):
        return _one_column_a_verdict(file, {plain[name]: said for name, said in VERDICTS.items() if name in plain})
    if set(DSG) | {"source_id", "question"} <= set(file.columns):
        return _dsg(file)
    if "uid" in file.columns and file.records and all(map(_is_hub_row, file.records)):
        return _hub(file)
    return Taken(file)


def _dsg(file: VotesFile) -> Taken:
    out = _Out()
    for record in file.records:
        cells = {DSG.get(name, name): cell for name, cell in record.cells.items()}
        cells |= {"category": cells.pop("source_id").rpartition("_")[0] or "all", QUESTION: "alignment"}
        out.records.append(Record(record.place, cells))
    found = out.taken(file, "DSG", (RATER, PROMPT, QUESTION, "category", "generator", "score"))
    return replace(found, notes=(f'{file.source}: the question, how consistent an image is, is called "alignment".',))


def _is_hub_row(record: Record) -> bool:
    cells = [cell.strip() for name, cell in record.cells.items() if name != "uid"]
    return any(cells) and all(not cell or _TWO.fullmatch(cell) for cell in cells)


def _hub(file: VotesFile) -> Taken:
    out = _Out()
    for record in file.records:
        prompt = _IMAGE_NAME.sub("", record.cells["uid"].strip())
        for generator, cell in record.cells.items():
            pair = _TWO.fullmatch(cell.strip()) if generator != "uid" else None
            for question, digits in zip(("alignment", "fidelity"), pair.groups() if pair else (), strict=False):
                score = number(digits, f"{file.source}, {record.place}, {generator}")
                cells = {PROMPT: prompt, "generator": generator, QUESTION: question, "score": f"{100 * score:g}"}
                out.records.append(Record(record.place, cells))
    found = out.taken(file, "ImagenHub", (PROMPT, "generator", QUESTION, "score"))
    return replace(found, notes=(*found.notes, f"{file.source}: scores of 0, .5 and 1 are 0, 50 and 100 here."))


def _label_studio(file: VotesFile) -> Taken:
    out = _Out()
    for place, task in file.items or ():
        annotations = task.get("annotations") or task.get("completions") or []
        if not annotations:
            out.skip("tasks that nobody has answered")
        data = dict(flat({"data": task.get("data") or {}}))
        for annotation in annotations:
            if not isinstance(annotation, dict):
                raise RatingsError(
                    f"{file.source}, {place}: an annotation must be an object, as Label Studio exports it."
                )
            if annotation.get("was_cancelled"):
                out.skip("skipped by their annotators")
                continue
            results = annotation.get("result") or []
            if not results:
                out.skip("submitted without an answer")
            for result in results:
                answer = _label_studio_answer(result if isinstance(result, dict) else {})
                if answer is None:
                    kind = result.get("type") if isinstance(result, dict) else None
                    out.skip(f"results of type {kind!r}, which are no choice and no rating")
                    continue
                cells = {
                    RATER: _person(annotation.get("completed_by")),
                    "task_id": str(task.get("id") or ""),
                    QUESTION: str(result.get("from_name") or "choice"),
                    ANSWER: _single(answer, file.source, place),
                } | data
                if isinstance(lead := annotation.get("lead_time"), int | float):
                    cells[TIME] = str(round(lead * 1000))
                out.records.append(Record(place, cells))
    return out.taken(file, "Label Studio", (RATER, QUESTION, ANSWER, TIME))


def _person(value: Any) -> str:
    if isinstance(value, Mapping):
        return str(next((value[key] for key in ("id", "email", "username") if value.get(key) not in (None, "")), ""))
    return "" if value is None else str(value)


def _label_studio_answer(result: Mapping[str, Any]) -> Any:
    value = result.get("value")
    if not isinstance(value, Mapping):
        return None
    return next((value[key] for key in ("choices", "selected", "rating", "number") if key in value), None)


def _single(answer: Any, source: str, place: str) -> str:
    if isinstance(answer, list):
        if len(answer) != 1:
            raise RatingsError(
                f"{source}, {place}: {json_text(answer)} is {counted(len(answer), 'choice')}; a vote has one. Leave"
                " this one out, or decide which counts."
            )
        answer = answer[0]
    return str(answer)


def _potato_lines(file: VotesFile) -> Taken:
    out = _Out()
    for place, item in file.items or ():
        rest = {name: each for name, each in item.items() if name not in ("label_annotations", "span_annotations")}
        cells = dict(flat(rest))
        answers = {name: each for name, each in (item.get("label_annotations") or {}).items() if each}
        if not answers:
            out.skip("instances without an answer")
        for question, labels in answers.items():
            if not isinstance(labels, Mapping):
                labels = {str(labels): "true"}
            answer = _chosen(list(labels.items()), file.source, place, question)
            if answer is None:
                out.skip("instances without an answer")
                continue
            out.records.append(Record(place, cells | {QUESTION: question, ANSWER: answer}))
    return out.taken(file, "Potato", (QUESTION, ANSWER))


def _potato_table(file: VotesFile) -> Taken:
    grouped: dict[str, list[tuple[str, str]]] = {}
    for name in file.columns:
        if ":::" in name:
            schema, _, label = name.partition(":::")
            grouped.setdefault(schema, []).append((name, label))
    return _melted(file, grouped, "Potato")


def _turk(file: VotesFile) -> Taken:
    rejected, kept = 0, []
    for record in file.records:
        if record.cells.get("AssignmentStatus", "").strip().lower() == "rejected":
            rejected += 1
        else:
            kept.append(_without_task_answers(record, file.source))
    columns = tuple(dict.fromkeys(name for record in kept for name in record.cells))
    grouped: dict[str, list[tuple[str, str]]] = {}
    for name in columns:
        if name.startswith("Answer."):
            question, _, option = name.removeprefix("Answer.").partition(".")
            grouped.setdefault(question, []).append((name, option))
    found = _melted(replace(file, columns=columns, records=kept), grouped, "Mechanical Turk")
    notes = (f"{file.source}: left out {counted(rejected, 'vote')}, rejected assignments.",) if rejected else ()
    return replace(found, notes=(*notes, *found.notes))


def _without_task_answers(record: Record, source: str) -> Record:
    """`Answer.taskAnswers`, the JSON that the newer forms of Mechanical Turk give, as columns `Answer.NAME.OPTION`."""
    text = record.cells.get("Answer.taskAnswers", "").strip()
    rest = {name: each for name, each in record.cells.items() if name != "Answer.taskAnswers"}
    if not text:
        return Record(record.place, rest)
    try:
        value = read_json(text)
    except JsonError as error:
        raise RatingsError(f"{source}, {record.place}: Answer.taskAnswers is damaged: {error}.") from error
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, Mapping):
            rest |= {f"Answer.{name}": text for name, text in flat(each)}
    return Record(record.place, rest)


def _melted(file: VotesFile, grouped: Mapping[str, Sequence[tuple[str, str]]], platform: str) -> Taken:
    """A record for each question that has an answer. ``grouped``: (column, option) by question; option "" for a column
    that holds the answer itself.
    """
    out = _Out()
    answers = {column for columns in grouped.values() for column, _ in columns}
    for record in file.records:
        rest = {name: each for name, each in record.cells.items() if name not in answers}
        for question, columns in grouped.items():
            cells = [(option, record.cells.get(column, "").strip()) for column, option in columns]
            answer = _chosen([each for each in cells if each[1]], file.source, record.place, question)
            if answer is None:
                out.skip(f"rows without an answer to {question!r}")
                continue
            out.records.append(Record(record.place, rest | {QUESTION: question, ANSWER: answer}))
    return out.taken(file, platform, (QUESTION, ANSWER))


def _chosen(options: Sequence[tuple[str, Any]], source: str, place: str, question: str) -> str | None:
    """The one option that was chosen, or the value where options have values of their own; None without one."""
    chosen: list[str] = []
    for option, value in options:
        text = str(value).strip()
        if not option or option.startswith("scale"):  # Potato's scales: {"scale_4": "4"}
            chosen.append(text)
        elif text.lower() in _TRUE or whole_or_none(text):  # and its buttons, by their keys: {"left": "2"}
            chosen.append(option)
        elif text.lower() not in _FALSE:
            chosen.append(text)
    if not chosen:
        return None
    return _single(chosen, source, f"{place}, question {question!r}")


def _one_column_a_verdict(file: VotesFile, verdicts: Mapping[str, str]) -> Taken:
    def records() -> Iterator[Record]:
        for record in file.records:
            said = [(word, record.cells.get(column, "")) for column, word in verdicts.items()]
            answer = _chosen([each for each in said if each[1].strip()], file.source, record.place, "winner")
            if answer is None:
                out.skip("rows without a winner")
                continue
            yield Record(
                record.place, {n: c for n, c in record.cells.items() if n not in verdicts} | {"winner": answer}
            )

    out = _Out()
    out.records.extend(records())
    return out.taken(file, "arena log", ())
