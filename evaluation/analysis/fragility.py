"""How few raters, prompts or votes a finding hangs on: those whose removal would overturn it.

Broderick, Giordano and Meager (2020) ask which small share of the data a conclusion needs; for a public arena two votes
of 57,477 decided who was first (arXiv:2508.11847). For each pair and question three findings are tried:

* ``leader``: that the first of the question's ranking is first;
* ``sign``: that one of the two is preferred at all (the sign of the net share);
* ``zero``: that the net share's default interval leaves zero out.

Each number is an **upper bound**: what is listed does overturn the finding, with everything computed again without it,
but a smaller set may exist. For ``sign`` it is exact, since the net share is a sum.

Raters and prompts say more than votes: votes of one pair only state the margin once more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from evaluation.analysis.columns import codes_of, main_ratings
from evaluation.analysis.estimands import DEFAULT_ESTIMAND, check_estimand
from evaluation.analysis.estimates import Interval
from evaluation.analysis.fragility_leader import leader_needs
from evaluation.analysis.frame import validate_ratings
from evaluation.analysis.results import Document, document
from evaluation.analysis.summary import overall_rate

Unit = Literal["raters", "prompts", "votes"]
UNITS: tuple[Unit, ...] = ("raters", "prompts", "votes")
COLUMN: Mapping[Unit, str] = {"raters": "rater_id", "prompts": "prompt_id"}
IntArray = npt.NDArray[np.int64]
FINDINGS = ("leader", "sign", "zero")
LISTED = 20  # ids of a set that are named


@dataclass(frozen=True)
class Fewest:
    """The fewest ``raters``, the fewest ``prompts`` and the fewest ``votes`` whose removal overturns a finding.

    A number is None where no removal of its kind was found that does. ``named``: the ids of the raters and prompts, at
    most ``LISTED`` of each, in the order of removal. ``why``: why there is nothing to overturn; all is None then.
    """

    raters: int | None = None
    prompts: int | None = None
    votes: int | None = None
    named: Mapping[str, tuple[str, ...]] | None = None
    why: str | None = None

    def to_dict(self) -> Document | None:
        """The numbers and names; None where there is nothing to overturn."""
        if self.why is not None:
            return None
        return document({**{unit: getattr(self, unit) for unit in UNITS}, "named": self.named or {}})

    @classmethod
    def from_dict(cls, data: Mapping[str, Any] | None, why: str | None) -> Fewest:
        """From ``to_dict``, and ``why`` it gave None."""
        if data is None:
            return cls(why=why)
        named = {name: tuple(ids) for name, ids in data["named"].items()}
        return cls(**{unit: data[unit] for unit in UNITS}, named=MappingProxyType(named))


@dataclass(frozen=True)
class Fragility:
    """How fragile the findings of a pair and question are. ``leader`` is of the question's whole ranking."""

    generator_a: str
    generator_b: str
    question: str
    n_raters: int
    n_prompts: int
    n_votes: int
    leader: Fewest
    sign: Fewest
    zero: Fewest

    def to_dict(self) -> Document:
        """All of it; ``why`` says of each finding that is None why there is nothing to overturn."""
        found = {name: getattr(self, name) for name in FINDINGS}
        why = {name: each.why for name, each in found.items() if each.why is not None}
        rest = {name: value for name, value in self.__dict__.items() if name not in found}
        return document(rest | {name: each.to_dict() for name, each in found.items()} | ({"why": why} if why else {}))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Fragility:
        why = data.get("why", {})
        found: dict[str, Any] = {name: Fewest.from_dict(data[name], why.get(name)) for name in FINDINGS}
        return cls(**{name: value for name, value in data.items() if name not in (*FINDINGS, "why")}, **found)


def fragility(
    ratings: pd.DataFrame, *, estimand: str = DEFAULT_ESTIMAND, level: float = 0.95, with_leader: bool = True
) -> tuple[Fragility, ...]:
    """How fragile each pair's findings are, by question; in the order of ``analyse``.

    Args:
        ratings: a frame in the ratings file's form; control trials are left out.
        estimand, level: as in ``analyse``: which interval ``zero`` is about.
        with_leader: whether the rankings are tried too, which takes most of the time.

    Raises:
        RatingsError: the ratings are not in the contract's form.
        ValueError: ``estimand`` is not one of those allowed.
    """
    return fragility_valid(validate_ratings(ratings), estimand=estimand, level=level, with_leader=with_leader)


def fragility_valid(
    valid: pd.DataFrame, *, estimand: str = DEFAULT_ESTIMAND, level: float = 0.95, with_leader: bool = True
) -> tuple[Fragility, ...]:
    """``fragility`` of a frame that was validated, which is not checked again."""
    check_estimand(estimand)
    frame = main_ratings(valid)
    found: list[Fragility] = []
    for question in sorted(str(each) for each in frame["question"].unique()):
        part = frame[(frame["question"] == question).to_numpy()]
        leader = _leader(part, question) if with_leader else Fewest(why="the ranking was not asked for")
        for (first, second), rows in part.groupby(["generator_a", "generator_b"], observed=True, sort=True):
            pair = _Pair(rows, estimand, level)
            found.append(
                Fragility(
                    str(first), str(second), question, *pair.sizes, leader=leader, sign=pair.sign(), zero=pair.zero()
                )
            )
    return tuple(found)


def _leader(part: pd.DataFrame, question: str) -> Fewest:
    needs = leader_needs(part, question)
    if isinstance(needs, str):
        return Fewest(why=needs)
    numbers: dict[str, Any] = {
        unit: None if needs[unit] is None else len(needs[unit] or ()) for unit in ("raters", "prompts")
    }
    named = MappingProxyType({unit: tuple((needs[unit] or ())[:LISTED]) for unit in ("raters", "prompts")})
    votes = needs["votes"]
    return Fewest(**numbers, votes=None if votes is None else len(votes), named=named)


class _Pair:
    """The ratings of one pair and question, and what overturns its findings."""

    def __init__(self, rows: pd.DataFrame, estimand: str, level: float) -> None:
        self.rows, self.estimand, self.level = rows, estimand, level
        self.scores: IntArray = 1 - codes_of(rows["choice"]).astype(np.int64)  # a 1, indifferent 0, b -1
        self.net = int(self.scores.sum())
        self.ahead = self.scores * (1 if self.net >= 0 else -1)  # towards the one that is preferred
        self.units: dict[Unit, tuple[IntArray, list[str]]] = {}
        for unit, column in COLUMN.items():
            codes, place = np.unique(codes_of(rows[column]), return_inverse=True)
            self.units[unit] = place, [str(rows[column].cat.categories[code]) for code in codes]
        self.units["votes"] = np.arange(len(rows)), []

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Raters, prompts and votes."""
        return len(self.units["raters"][1]), len(self.units["prompts"][1]), len(self.rows)

    def sign(self) -> Fewest:
        """Exact: the net share is a sum, and the largest parts of it go first."""
        if self.net == 0:
            return Fewest(why="neither is preferred")

        def turns(unit: Unit) -> list[int] | None:
            order = self._by_lead(unit)
            left = abs(self.net) - np.cumsum(self._lead(unit)[order])
            where = np.flatnonzero(left < 0)
            return order[: where[0] + 1].tolist() if len(where) else None

        return self._fewest(turns)

    def zero(self) -> Fewest:
        """Several orders of removal are tried, each to the least number after which the interval holds zero."""
        net = overall_rate(self.rows, self.estimand, self.level).net
        if not isinstance(net.intervals[net.default], Interval):
            return Fewest(why="there is no interval")
        if self.net == 0 or self._holds_zero(np.ones(len(self.rows), dtype=bool)):
            return Fewest(why="the interval holds zero already")

        def reaches(unit: Unit) -> list[int] | None:
            sets = [each for order in self._orders(unit) if (each := self._least(unit, order)) is not None]
            return min(sets, key=len, default=None)

        return self._fewest(reaches)

    def _fewest(self, search: Callable[[Unit], list[int] | None]) -> Fewest:
        sets = {unit: search(unit) for unit in UNITS}
        names = {
            unit: tuple(self.units[unit][1][at] for at in (sets[unit] or [])[:LISTED]) for unit in ("raters", "prompts")
        }
        numbers: dict[str, Any] = {unit: None if found is None else len(found) for unit, found in sets.items()}
        return Fewest(**numbers, named=MappingProxyType(names))

    def _lead(self, unit: Unit) -> IntArray:
        """What each unit adds to the lead of the one that is preferred."""
        return np.rint(np.bincount(self.units[unit][0], weights=self.ahead)).astype(np.int64)

    def _by_lead(self, unit: Unit) -> IntArray:
        return np.argsort(-self._lead(unit), kind="stable")

    def _orders(self, unit: Unit) -> list[IntArray]:
        """By lead; and for votes from one rater, or one prompt, after another, those with the least lead first: what is
        left then differs more among them, and the interval is wider."""
        if unit != "votes":
            return [self._by_lead(unit)]
        orders = [self._by_lead("votes")]
        for cluster in COLUMN:
            lead = self._lead(cluster)[self.units[cluster][0]]
            orders += [np.lexsort((lead, -self.ahead)), np.lexsort((-lead, -self.ahead))]
        return orders

    def _least(self, unit: Unit, order: IntArray) -> list[int] | None:
        """The shortest beginning of ``order`` without which zero is not left out, by bisection; None without one."""
        useful = order[self._lead(unit)[order] > 0]
        low, high = 0, min(len(useful), len(order) - 2)  # with one rater or prompt there is no interval
        if high < 1 or not self._holds_zero(self._without(unit, useful[:high])):
            return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._holds_zero(self._without(unit, useful[:middle])) else (middle, high)
        return useful[:high].tolist()

    def _without(self, unit: Unit, removed: IntArray) -> npt.NDArray[np.bool_]:
        return ~np.isin(self.units[unit][0], removed)

    def _holds_zero(self, keep: npt.NDArray[np.bool_]) -> bool:
        """Whether the default interval of the ratings kept holds zero, or lies on the other side; False without one."""
        net = overall_rate(self.rows[keep], self.estimand, self.level).net
        interval = net.intervals[net.default]
        if not isinstance(interval, Interval):
            return False
        return interval.low <= 0 if self.net > 0 else interval.high >= 0
