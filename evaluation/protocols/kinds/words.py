"""Words: which words of the prompt the image misses or gets wrong."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from evaluation.protocols.fields import Fields
from evaluation.protocols.kinds.base import AnswerValue, Fault, Kind, one_set_fault


def words_of(prompt: str) -> list[str]:
    """The words of a prompt that can be marked: what stands between white space."""
    return prompt.split()


@dataclass(frozen=True, slots=True)
class Words(Kind):
    """Indices of words of the prompt, from 0, rising. `none`: the button of a rater who marks no word."""

    none: str = "Nothing is missing"

    name: ClassVar[str] = "words"
    KEYS: ClassVar[tuple[str, ...]] = ("none",)

    @classmethod
    def read(cls, fields: Fields) -> Words:
        return cls(fields.text("none", cls().none))

    def to_dict(self) -> dict[str, object]:
        return {"none": self.none}

    def check(self, value: object, *, shown: int, prompt: str, claims: Sequence[str] = ()) -> AnswerValue:
        n = len(words_of(prompt))
        fits = isinstance(value, list | tuple) and all(
            isinstance(each, int) and not isinstance(each, bool) and 0 <= each < n for each in value
        )
        if not fits or not isinstance(value, list | tuple):
            raise self.refuse(value, f"a list of places of words, 0 to {n - 1}; an empty list marks none")
        return sorted(set(value))

    def example(self, rng: random.Random, *, shown: int, prompt: str) -> AnswerValue:
        n = len(words_of(prompt))
        return sorted(rng.sample(range(n), rng.randint(0, n)))

    def label(self, value: AnswerValue, prompt: str) -> str:
        """The marked words with commas; what `none` says where there are none."""
        words = words_of(prompt)
        return ", ".join(words[each] for each in value if isinstance(each, int)) if isinstance(value, list) else ""

    def texts(self) -> tuple[str, ...]:
        return (self.none,)

    def translated(self, translate: Callable[[str], str]) -> Words:
        return Words(translate(self.none))

    def faults(self, sets: int, set_size: int) -> Iterator[Fault]:
        yield from one_set_fault(self.name, sets)
