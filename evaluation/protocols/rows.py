"""Answers as rows of files: of `answers.csv`, whatever the kind, preferences also of `ratings.csv`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from common.json_in import JsonError, read_json
from evaluation.analysis.answers import SIDES
from evaluation.protocols.contract import Protocol
from evaluation.protocols.errors import AnswerError
from evaluation.protocols.kinds import AnswerValue, Choice, value_of, value_text

REFERENCE = "reference"
"""The name under which the reference photograph stands among the generators."""


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """One answer. `shown`: generators in the order shown. `repetition`: 1 for a declared repeat."""

    rater_id: str
    prompt_id: str
    category: str
    question: str
    kind: str
    shown: tuple[str, ...]
    value: AnswerValue
    repetition: int = 0

    def to_dict(self) -> dict[str, str | int]:
        """The cells of a file: `shown` and `value` are JSON."""
        return {
            "rater_id": self.rater_id,
            "prompt_id": self.prompt_id,
            "category": self.category,
            "question": self.question,
            "kind": self.kind,
            "shown": json.dumps(self.shown, ensure_ascii=False),
            "value": value_text(self.value),
            "repetition": self.repetition,
        }

    @classmethod
    def from_dict(
        cls, cells: Mapping[str, str | int], protocol: Protocol, prompt: str, claims: Sequence[str] = ()
    ) -> AnswerRow:
        """The row of a file's cells, checked against the question of `protocol`.

        Raises:
            AnswerError: no such question, another kind, or a value that it doesn't take.
        """
        try:
            question = protocol.question(str(cells["question"]))
        except KeyError as error:
            raise AnswerError(str(cells["kind"]), cells["value"], f"the questions of {protocol.name}") from error
        kind = question.answers
        if kind.name != cells["kind"]:
            raise AnswerError(str(cells["kind"]), cells["value"], f"the kind {kind.name}")
        try:
            shown = read_json(str(cells["shown"]))
        except JsonError:
            shown = None
        if not isinstance(shown, list) or not all(isinstance(each, str) for each in shown):
            raise AnswerError(kind.name, cells["shown"], "a list of generators as shown")
        value = kind.check(value_of(str(cells["value"])), shown=len(shown), prompt=prompt, claims=claims)
        return cls(
            rater_id=str(cells["rater_id"]),
            prompt_id=str(cells["prompt_id"]),
            category=str(cells["category"]),
            question=str(cells["question"]),
            kind=kind.name,
            shown=tuple(str(each) for each in shown),
            value=value,
            repetition=int(cells.get("repetition", 0)),
        )


def rating_of(row: AnswerRow, protocol: Protocol) -> dict[str, str | int | bool] | None:
    """The row of the ratings file of a preference; None for any other answer. "Both bad" counts as indifferent."""
    kind = protocol.question(row.question).answers
    if not isinstance(kind, Choice) or not kind.preference:
        return None
    left, right = row.shown
    return {
        "rater_id": row.rater_id,
        "prompt_id": row.prompt_id,
        "category": row.category,
        "generator_a": left,
        "generator_b": right,
        "question": row.question,
        "choice": SIDES[str(row.value)],
        "a_shown_left": True,
        "repetition": row.repetition,
    }
