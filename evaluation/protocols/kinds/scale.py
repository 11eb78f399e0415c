"""Scale: labelled points with a number each, about one image set; "unable" where a rater can't say."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import ClassVar

from evaluation.analysis.answers import UNABLE
from evaluation.protocols.errors import listed
from evaluation.protocols.fields import Fields
from evaluation.protocols.kinds.base import AnswerValue, Fault, Kind, number_faults, one_set_fault, text_faults


@dataclass(frozen=True, slots=True)
class Step:
    """A point of a scale: its number, and what raters read; the text may be empty between the ends."""

    value: int | float
    text: str = ""


@dataclass(frozen=True, slots=True)
class Scale(Kind):
    """One of `steps`, in the order shown. `unable`: the text of "can't say"; None: there is no such answer."""

    steps: tuple[Step, ...]
    unable: str | None = None

    name: ClassVar[str] = "scale"
    KEYS: ClassVar[tuple[str, ...]] = ("steps", "unable")

    @property
    def values(self) -> tuple[int | float, ...]:
        """The steps' numbers, in the order shown."""
        return tuple(step.value for step in self.steps)

    @classmethod
    def read(cls, fields: Fields) -> Scale:
        steps = []
        for item in fields.list("steps"):
            step = Fields(item, "a step of a scale", ("value", "text"))
            steps.append(Step(step.number("value"), step.text("text", "")))
        return cls(tuple(steps), fields.optional_text("unable"))

    def to_dict(self) -> dict[str, object]:
        steps = [{"value": step.value} | ({"text": step.text} if step.text else {}) for step in self.steps]
        return {"steps": steps} | ({"unable": self.unable} if self.unable else {})

    def check(self, value: object, *, shown: int, prompt: str, claims: Sequence[str] = ()) -> AnswerValue:
        if self.unable is not None and value == UNABLE:
            return UNABLE
        if not isinstance(value, bool) and isinstance(value, int | float):
            for step in self.steps:
                if step.value == value:
                    return step.value
        allowed = [f"{each:g}" for each in self.values] + ([f'"{UNABLE}"'] if self.unable else [])
        raise self.refuse(value, listed(allowed))

    def example(self, rng: random.Random, *, shown: int, prompt: str) -> AnswerValue:
        return rng.choice([*self.values, *([UNABLE] if self.unable else [])])

    def label(self, value: AnswerValue, prompt: str) -> str:
        if value == UNABLE:
            return self.unable or UNABLE
        return next((step.text for step in self.steps if step.value == value and step.text), str(value))

    def texts(self) -> tuple[str, ...]:
        return tuple(step.text for step in self.steps if step.text) + ((self.unable,) if self.unable else ())

    def translated(self, translate: Callable[[str], str]) -> Scale:
        steps = tuple(replace(step, text=translate(step.text) if step.text else "") for step in self.steps)
        return Scale(steps, translate(self.unable) if self.unable else None)

    def faults(self, sets: int, set_size: int) -> Iterator[Fault]:
        yield from one_set_fault(self.name, sets)
        yield from number_faults(len(self.steps), 2, "steps", "step")
        yield from text_faults([step.text for step in self.steps], "steps")
        up = [b > a for a, b in pairwise(self.values)]
        if len(set(self.values)) < len(self.values) or (up and any(each != up[0] for each in up)):
            yield ("steps",), "the values of a scale must all rise, or all fall, in the order shown"
        for at in (0, len(self.steps) - 1) if self.steps else ():
            if not self.steps[at].text:
                yield ("steps", at), "the first and the last step of a scale need a text"
