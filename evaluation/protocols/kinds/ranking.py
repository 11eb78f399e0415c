"""Ranking: the sets of a trial in order, whole or only the best and the worst."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from evaluation.protocols.fields import Fields
from evaluation.protocols.kinds.base import AnswerValue, Fault, Kind

Order = Literal["whole", "best-worst"]


@dataclass(frozen=True, slots=True)
class Ranking(Kind):
    """Groups of places, best first. `order`: `whole`, or `best-worst` (one best, one worst, the rest between).

    `ties`: whether several sets may share a place in a whole order.
    """

    order: Order = "whole"
    ties: bool = False

    name: ClassVar[str] = "ranking"
    KEYS: ClassVar[tuple[str, ...]] = ("order", "ties")

    @classmethod
    def read(cls, fields: Fields) -> Ranking:
        return cls(fields.one_of("order", get_args(Order), "whole"), fields.flag("ties", False))

    def to_dict(self) -> dict[str, object]:
        return {"order": self.order} | ({"ties": True} if self.ties else {})

    def check(self, value: object, *, shown: int, prompt: str, claims: Sequence[str] = ()) -> AnswerValue:
        groups = _groups(value)
        places = [place for group in groups for place in group]
        if sorted(places) != list(range(shown)) or not all(groups):
            raise self.refuse(value, f"a list of lists, best first, that holds each of 0 to {shown - 1} once")
        if self.order == "best-worst":
            if len(groups) != 3 or len(groups[0]) != 1 or len(groups[2]) != 1:
                raise self.refuse(value, "three lists: the best alone, all between, the worst alone")
        elif not self.ties and any(len(group) > 1 for group in groups):
            raise self.refuse(value, "one set on each place, without ties")
        return [sorted(group) for group in groups]

    def example(self, rng: random.Random, *, shown: int, prompt: str) -> AnswerValue:
        order = rng.sample(range(shown), shown)
        if self.order == "best-worst":
            return [[order[0]], sorted(order[1:-1]), [order[-1]]]
        groups = [[order[0]]]
        for place in order[1:]:
            if self.ties and rng.random() < 0.3:
                groups[-1].append(place)
            else:
                groups.append([place])
        return [sorted(group) for group in groups]

    def label(self, value: AnswerValue, prompt: str) -> str:
        """Places from 1, as `2 > 1 = 3`."""
        return " > ".join(" = ".join(str(place + 1) for place in group) for group in _groups(value))

    def faults(self, sets: int, set_size: int) -> Iterator[Fault]:
        least = 3 if self.order == "best-worst" else 2
        if sets < least:
            yield (
                ("kind",),
                f"a ranking ({self.order}) needs {least} or more sets, and {sets} are shown; set shown.sets",
            )
        if self.ties and self.order == "best-worst":
            yield ("ties",), "a best and a worst are one set each; take the order whole, or leave ties out"


def _groups(value: object) -> list[list[int]]:
    """Lists of places; [] where the value is none. A bare place counts as a group of one."""
    if not isinstance(value, list | tuple):
        return []
    groups = [list(group) if isinstance(group, list | tuple) else [group] for group in value]
    fits = all(isinstance(place, int) and not isinstance(place, bool) for group in groups for place in group)
    return groups if fits else []
