"""Text: a comment in the rater's own words."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from evaluation.protocols.fields import Fields
from evaluation.protocols.kinds.base import AnswerValue, Fault, Kind

MOST_CHARACTERS = 10_000


@dataclass(frozen=True, slots=True)
class Text(Kind):
    """A text of at most `at_most` characters. `required`: whether it may not be empty."""

    at_most: int = 1_000
    required: bool = False

    name: ClassVar[str] = "text"
    KEYS: ClassVar[tuple[str, ...]] = ("at_most", "required")

    @classmethod
    def read(cls, fields: Fields) -> Text:
        return cls(fields.integer("at_most", 1_000), fields.flag("required", False))

    def to_dict(self) -> dict[str, object]:
        declared: dict[str, object] = {"at_most": self.at_most}
        return declared | ({"required": True} if self.required else {})

    def check(self, value: object, *, shown: int, prompt: str, claims: Sequence[str] = ()) -> AnswerValue:
        allowed = f"a text of {int(self.required)} to {self.at_most:,} characters"
        if not isinstance(value, str):
            raise self.refuse(value, allowed)
        text = value.replace("\r\n", "\n").replace("\r", "\n").strip()
        if len(text) > self.at_most or (self.required and not text):
            raise self.refuse(value, allowed)
        if not printable(text):
            raise self.refuse(value, f"{allowed}, without control characters")
        return text

    def example(self, rng: random.Random, *, shown: int, prompt: str) -> AnswerValue:
        return rng.choice(["The hands look odd.", "Nothing to add.", "Der Schatten fehlt."])[: self.at_most]

    def faults(self, sets: int, set_size: int) -> Iterator[Fault]:
        if not 1 <= self.at_most <= MOST_CHARACTERS:
            yield ("at_most",), f"at_most must be from 1 to {MOST_CHARACTERS:,}; it is {self.at_most}"


def printable(text: str) -> bool:
    """Whether it holds no control characters but line ends and tabs, and no half of a surrogate pair."""
    return all(each in "\n\t" or unicodedata.category(each) not in ("Cc", "Cs") for each in text)
