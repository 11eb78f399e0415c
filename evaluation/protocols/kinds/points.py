"""Points: places on one image, such as where it looks wrong."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from evaluation.protocols.fields import Fields
from evaluation.protocols.kinds.base import AnswerValue, Fault, Kind, one_set_fault

MOST_POINTS = 50
DIGITS = 4
"""Of a fraction of the image's side: finer than a pixel of any image that is shown."""


@dataclass(frozen=True, slots=True)
class Points(Kind):
    """Points [x, y] in fractions of the image's width and height, from its upper left corner; none, one or several.

    One point is the value `[x, y]` itself, several are a list of such; `at_most`: how many a rater may set.
    """

    at_most: int = 10

    name: ClassVar[str] = "points"
    KEYS: ClassVar[tuple[str, ...]] = ("at_most",)

    @classmethod
    def read(cls, fields: Fields) -> Points:
        return cls(fields.integer("at_most", 10))

    def to_dict(self) -> dict[str, object]:
        return {"at_most": self.at_most}

    def check(self, value: object, *, shown: int, prompt: str, claims: Sequence[str] = ()) -> AnswerValue:
        points = points_of(value)
        if points is None or len(points) > self.at_most:
            raise self.refuse(value, f"at most {self.at_most} points [x, y], each number from 0 to 1")
        rounded: list[AnswerValue] = [[round(x, DIGITS), round(y, DIGITS)] for x, y in points]
        return rounded[0] if len(rounded) == 1 else rounded

    def example(self, rng: random.Random, *, shown: int, prompt: str) -> AnswerValue:
        points: list[AnswerValue] = [
            [round(rng.random(), DIGITS), round(rng.random(), DIGITS)] for _ in range(rng.randint(0, self.at_most))
        ]
        return points[0] if len(points) == 1 else points

    def label(self, value: AnswerValue, prompt: str) -> str:
        return "; ".join(f"{x:g}, {y:g}" for x, y in points_of(value) or ())

    def faults(self, sets: int, set_size: int) -> Iterator[Fault]:
        yield from one_set_fault(self.name, sets)
        if set_size != 1:
            yield ("kind",), f"points are set on one image, and a set shows {set_size}; set set_size to 1"
        if not 1 <= self.at_most <= MOST_POINTS:
            yield ("at_most",), f"at_most must be from 1 to {MOST_POINTS}; it is {self.at_most}"


def points_of(value: object) -> list[tuple[float, float]] | None:
    """The points of a value, one or several; None where it is none."""
    if not isinstance(value, list | tuple):
        return None
    pairs = [value] if len(value) == 2 and not any(isinstance(each, list | tuple) for each in value) else value
    points = []
    for pair in pairs:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            return None
        for each in pair:
            if isinstance(each, bool) or not isinstance(each, int | float) or not math.isfinite(each):
                return None
            if not 0 <= each <= 1:
                return None
        points.append((float(pair[0]), float(pair[1])))
    return points
