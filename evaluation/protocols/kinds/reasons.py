"""Reasons: tags that say why, any number of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from evaluation.protocols.errors import listed
from evaluation.protocols.fields import Fields
from evaluation.protocols.kinds.base import AnswerValue, Fault, Kind, id_faults, number_faults, text_faults


@dataclass(frozen=True, slots=True)
class Tag:
    """A reason. `tag`: its id in files; `text`: what raters read."""

    tag: str
    text: str


@dataclass(frozen=True, slots=True)
class Reasons(Kind):
    """Any of `tags`, in their order; an empty list gives no reason."""

    tags: tuple[Tag, ...]

    name: ClassVar[str] = "reasons"
    KEYS: ClassVar[tuple[str, ...]] = ("tags",)

    @property
    def ids(self) -> tuple[str, ...]:
        """The tags' ids, in the order shown."""
        return tuple(each.tag for each in self.tags)

    @classmethod
    def read(cls, fields: Fields) -> Reasons:
        tags = []
        for item in fields.list("tags"):
            tag = Fields(item, "a tag", ("tag", "text"))
            tags.append(Tag(tag.text("tag"), tag.text("text")))
        return cls(tuple(tags))

    def to_dict(self) -> dict[str, object]:
        return {"tags": [{"tag": each.tag, "text": each.text} for each in self.tags]}

    def check(self, value: object, *, shown: int, prompt: str, claims: Sequence[str] = ()) -> AnswerValue:
        if not isinstance(value, list | tuple) or any(each not in self.ids for each in value):
            raise self.refuse(value, f"a list of any of {listed(self.ids)}")
        return [each for each in self.ids if each in value]

    def example(self, rng: random.Random, *, shown: int, prompt: str) -> AnswerValue:
        return [each for each in self.ids if rng.random() < 0.5]

    def label(self, value: AnswerValue, prompt: str) -> str:
        marked = value if isinstance(value, list) else []
        return ", ".join(each.text for each in self.tags if each.tag in marked)

    def texts(self) -> tuple[str, ...]:
        return tuple(each.text for each in self.tags)

    def translated(self, translate: Callable[[str], str]) -> Reasons:
        return Reasons(tuple(replace(each, text=translate(each.text)) for each in self.tags))

    def faults(self, sets: int, set_size: int) -> Iterator[Fault]:
        yield from number_faults(len(self.tags), 1, "tags", "tag")
        yield from id_faults(self.ids, "tags", "tag")
        yield from text_faults(self.texts(), "tags")
