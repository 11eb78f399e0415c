"""Claim: yes, no or unsure, asked of each claim that the prompt makes."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from evaluation.protocols.errors import listed
from evaluation.protocols.fields import Fields
from evaluation.protocols.kinds.base import AnswerValue, Fault, Kind, one_set_fault

YES, NO, UNSURE = "yes", "no", "unsure"


@dataclass(frozen=True, slots=True)
class Claim(Kind):
    """Whether a claim holds. `yes`, `no`, `unsure`: what raters read; without `unsure` they must decide.

    The question is asked once for each claim of the prompt, under the names `question:0`, `question:1` ...; `{claim}`
    in its text is the claim.
    """

    yes: str = "Yes"
    no: str = "No"
    unsure: str | None = None

    name: ClassVar[str] = "claim"
    KEYS: ClassVar[tuple[str, ...]] = ("yes", "no", "unsure")
    closed: ClassVar[bool] = True

    @property
    def options(self) -> dict[str, str]:
        """What raters read, by value."""
        return {YES: self.yes, NO: self.no} | ({UNSURE: self.unsure} if self.unsure else {})

    @property
    def closed_ids(self) -> tuple[str, ...]:
        """The values, in the order shown."""
        return tuple(self.options)

    @classmethod
    def read(cls, fields: Fields) -> Claim:
        return cls(fields.text("yes", "Yes"), fields.text("no", "No"), fields.optional_text("unsure"))

    def to_dict(self) -> dict[str, object]:
        return dict(self.options)

    def check(self, value: object, *, shown: int, prompt: str, claims: Sequence[str] = ()) -> AnswerValue:
        if not isinstance(value, str) or value not in self.options:
            raise self.refuse(value, listed(list(self.options)))
        return value

    def example(self, rng: random.Random, *, shown: int, prompt: str) -> AnswerValue:
        return rng.choice(list(self.options))

    def label(self, value: AnswerValue, prompt: str) -> str:
        return self.options.get(str(value), str(value))

    def texts(self) -> tuple[str, ...]:
        return tuple(self.options.values())

    def translated(self, translate: Callable[[str], str]) -> Claim:
        return Claim(translate(self.yes), translate(self.no), translate(self.unsure) if self.unsure else None)

    def faults(self, sets: int, set_size: int) -> Iterator[Fault]:
        yield from one_set_fault(self.name, sets)
        texts = list(self.options.values())
        if len({text.casefold() for text in texts}) < len(texts):
            yield ("yes",), "two answers have the same text; raters could not tell them apart"
