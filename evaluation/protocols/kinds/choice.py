"""Choice: one of several answers with ids of their own; the preference of a pair is one of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from evaluation.protocols.errors import listed
from evaluation.protocols.fields import Fields
from evaluation.protocols.kinds.base import AnswerValue, Fault, Kind, id_faults, number_faults, text_faults
from evaluation.protocols.tree import Item

SIDES = ("left", "right")
PREFERENCES = ("left", "indifferent", "right", "both_bad")
"""Ids that speak of the two sides of a pair; any other id is the protocol's own."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as raters see it. `choice`: its id, as ratings store it."""

    choice: str
    text: str


def read_answers(items: Sequence[Item]) -> tuple[Answer, ...]:
    """Answers from a list of mappings. Raises ProtocolError."""
    found = []
    for item in items:
        fields = Fields(item, "an answer", ("choice", "text"))
        found.append(Answer(fields.text("choice"), fields.text("text")))
    return tuple(found)


def write_answers(answers: Sequence[Answer]) -> list[dict[str, str]]:
    """Answers as JSON has them."""
    return [{"choice": answer.choice, "text": answer.text} for answer in answers]


@dataclass(frozen=True, slots=True)
class Choice(Kind):
    """One of `answers`, in the order shown.

    With `left` and `right` among them it is a preference between the two sets of a pair: then only `indifferent` and
    `both_bad` may stand beside them. `both_bad` counts as indifferent in rates.
    """

    answers: tuple[Answer, ...]

    name: ClassVar[str] = "choice"
    KEYS: ClassVar[tuple[str, ...]] = ("answers",)
    closed: ClassVar[bool] = True

    @property
    def ids(self) -> tuple[str, ...]:
        """The answers' ids, in the order shown."""
        return tuple(answer.choice for answer in self.answers)

    @property
    def closed_ids(self) -> tuple[str, ...]:
        """The answers' ids."""
        return self.ids

    @property
    def preference(self) -> bool:
        """Whether it asks which of two sets is preferred."""
        return any(side in self.ids for side in SIDES)

    @classmethod
    def read(cls, fields: Fields) -> Choice:
        return cls(read_answers(fields.list("answers")))

    def to_dict(self) -> dict[str, object]:
        return {"answers": write_answers(self.answers)}

    def check(self, value: object, *, shown: int, prompt: str, claims: Sequence[str] = ()) -> AnswerValue:
        if not isinstance(value, str) or value not in self.ids:
            raise self.refuse(value, listed(self.ids))
        return value

    def example(self, rng: random.Random, *, shown: int, prompt: str) -> AnswerValue:
        return rng.choice(self.ids)

    def label(self, value: AnswerValue, prompt: str) -> str:
        return next((answer.text for answer in self.answers if answer.choice == value), str(value))

    def texts(self) -> tuple[str, ...]:
        return tuple(answer.text for answer in self.answers)

    def translated(self, translate: Callable[[str], str]) -> Choice:
        return Choice(tuple(replace(answer, text=translate(answer.text)) for answer in self.answers))

    def faults(self, sets: int, set_size: int) -> Iterator[Fault]:
        yield from number_faults(len(self.answers), 2, "answers", "answers")
        yield from id_faults(self.ids, "answers", "choice")
        yield from text_faults(self.texts(), "answers")
        reserved = [each for each in self.ids if each in PREFERENCES]
        if not reserved:
            return
        if not set(SIDES) <= set(self.ids):
            missing = [side for side in SIDES if side not in self.ids]
            yield ("answers",), f'the ids {listed(PREFERENCES)} prefer one of two sets; "{missing[0]}" is missing'
        elif len(reserved) < len(self.ids):
            own = next(each for each in self.ids if each not in PREFERENCES)
            yield (
                ("answers", self.ids.index(own), "choice"),
                f'"{own}" can\'t stand beside left and right; allowed there: {listed(PREFERENCES)}',
            )
        if sets != 2:
            yield ("answers",), f"left and right prefer one of two sets, and {sets} are shown; set shown.sets to 2"
