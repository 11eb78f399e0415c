"""What every kind of answer is: a declaration that knows which values it takes, its file form and its labels."""

from __future__ import annotations

import random
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar, TypeAlias

from common.hashes import canonical_json
from common.json_in import JsonError, read_json
from evaluation.protocols.errors import AnswerError, Path
from evaluation.protocols.fields import Fields

AnswerValue: TypeAlias = "bool | int | float | str | Sequence[AnswerValue] | None"
"""A value of an answer as JSON has it."""

Fault = tuple[Path, str]
"""Where in the declaration something is wrong, and what."""

ID = re.compile(r"[a-z][a-z0-9_-]{0,39}")
ID_RULE = "small letters, digits, - and _, a letter first, at most 40"
MOST_OPTIONS = 11
"""Answers of a question, steps of a scale, tags of a list: more do not fit a page, nor a head."""


class Kind(ABC):
    """A kind of answer, declared. Each subclass is a frozen dataclass; `KEYS` are the keys of its file form."""

    name: ClassVar[str]
    KEYS: ClassVar[tuple[str, ...]] = ()
    closed: ClassVar[bool] = False
    """Whether the value is one of few ids, as `shown_choice` stores it."""

    @property
    def closed_ids(self) -> tuple[str, ...]:
        """The ids of a closed answer, in the order shown; none of another."""
        return ()

    @classmethod
    @abstractmethod
    def read(cls, fields: Fields) -> Kind:
        """The kind from the fields of its question. Raises ProtocolError."""

    @abstractmethod
    def to_dict(self) -> dict[str, object]:
        """Its keys as JSON and YAML have them, without those at their default."""

    @abstractmethod
    def check(self, value: object, *, shown: int, prompt: str, claims: Sequence[str] = ()) -> AnswerValue:
        """`value` in its one form.

        Args:
            value: as JSON has it.
            shown: how many image sets stood side by side.
            prompt: the prompt's text.
            claims: the claims of the prompt.

        Raises:
            AnswerError: it is not allowed; the message says what is.
        """

    @abstractmethod
    def example(self, rng: random.Random, *, shown: int, prompt: str) -> AnswerValue:
        """An answer that `check` takes, drawn with `rng`; for simulations."""

    def label(self, value: AnswerValue, prompt: str) -> str:
        """A checked value in words, for exports."""
        return str(value)

    def texts(self) -> tuple[str, ...]:
        """All that raters read of it."""
        return ()

    def translated(self, translate: Callable[[str], str]) -> Kind:
        """The same with each of `texts` put through `translate`."""
        return self

    def faults(self, sets: int, set_size: int) -> Iterator[Fault]:
        """What is wrong with it where `sets` image sets of `set_size` images are shown; paths begin at the question."""
        yield from ()

    def refuse(self, value: object, allowed: str) -> AnswerError:
        """The error of a value that isn't allowed."""
        return AnswerError(self.name, value, allowed)


def value_text(value: AnswerValue) -> str:
    """A value as it stands in a file's column `value`: canonical JSON."""
    return canonical_json(value)


def value_of(text: str) -> AnswerValue:
    """A value read back from a column `value`; a bare word (`yes`, `unable`) counts as text."""
    try:
        value: AnswerValue = read_json(text)  # type: ignore[assignment]
    except JsonError:
        return text
    return value


def id_faults(ids: Sequence[str], path: str, key: str) -> Iterator[Fault]:
    """Ids that are no ids, or stand twice."""
    for at, each in enumerate(ids):
        if not ID.fullmatch(each):
            yield (path, at, key), f'"{each}" can\'t be an id; use {ID_RULE}'
        elif each in ids[:at]:
            yield (path, at, key), f'the id "{each}" stands twice; give each its own'


def text_faults(texts: Sequence[str], path: str) -> Iterator[Fault]:
    """Texts that raters can't tell apart."""
    for at, text in enumerate(texts):
        if text and text.casefold() in [each.casefold() for each in texts[:at]]:
            yield (path, at, "text"), f'the text "{text}" stands twice; raters could not tell the two apart'


def number_faults(n: int, least: int, path: str, what: str) -> Iterator[Fault]:
    """Too few or too many of `what`."""
    if not least <= n <= MOST_OPTIONS:
        yield (path,), f"{n} {what} can't be; from {least} to {MOST_OPTIONS} are allowed"


def one_set_fault(kind: str, sets: int) -> Iterator[Fault]:
    """More than one set, for a kind that asks about one."""
    if sets != 1:
        advice = "set shown.sets to 1, or take the kind choice or ranking"
        yield ("kind",), f"a question of kind {kind} asks about one image set, and {sets} are shown; {advice}"
