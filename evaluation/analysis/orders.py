"""Orders of the same generators side by side: what one study's question says of them, and what another's does.

Agreement of two orders is Kendall's tau-b over the generators that both have. Its range is that of the tau of scores
drawn anew, each from the normal distribution of its own error (errors of one order taken as independent of each other):
what the errors of the scores leave open, not an interval for new generators. Drawing blurs orders, so the range
tends to lie below the tau itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from evaluation.analysis.rank_correlation import kendall_tau_b
from evaluation.analysis.results import Document, PlainResult, document, rounded

DRAWS = 2000
LEAST = 2
"""Generators that two orders must share."""


@dataclass(frozen=True)
class Placed:
    """A generator in an order. ``key``: what tells it from others in all orders, such as its run; ``value`` with the
    ends of its interval, None where there is none; ``rank`` from 1, the best.
    """

    key: str
    label: str
    value: float
    low: float | None
    high: float | None
    rank: int


@dataclass(frozen=True)
class Order(PlainResult):
    """Generators from the best to the worst. ``source``: whose (a study); ``measure``: what ``value`` is; ``level``: of
    the intervals.
    """

    source: str
    question: str
    measure: str
    level: float
    places: tuple[Placed, ...]

    @classmethod
    def of(
        cls,
        source: str,
        question: str,
        measure: str,
        level: float,
        values: Sequence[tuple[str, str, float, float | None, float | None]],
        *,
        lower_is_better: bool = False,
    ) -> Order:
        """From (key, label, value, low, high) of each generator, in any order."""
        sign = -1.0 if lower_is_better else 1.0
        ranked = sorted(values, key=lambda each: (-sign * each[2], each[0]))
        places = tuple(
            Placed(key, label, value, low, high, 1 + sum(sign * other[2] > sign * value for other in ranked))
            for key, label, value, low, high in ranked
        )
        return cls(source, question, measure, level, places)

    def rank_of(self, key: str) -> int | None:
        """The rank of a generator; None where the order lacks it."""
        return next((each.rank for each in self.places if each.key == key), None)


@dataclass(frozen=True)
class OrdersAgree(PlainResult):
    """How far two orders, by their numbers in ``SideBySide``, agree. ``n``: generators that both have. ``low`` and
    ``high``: what the scores' errors leave open (see above); None where a score has none.
    """

    first: int
    second: int
    n: int
    tau: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class SideBySide:
    """Orders, the labels of all generators by key, and the agreement of each two that share ``LEAST`` or more."""

    orders: tuple[Order, ...]
    labels: tuple[tuple[str, str], ...]
    agreement: tuple[OrdersAgree, ...]

    def to_dict(self) -> Document:
        return document(
            {
                "schema": "drawbench-orders/1",
                "generators": [{"key": key, "label": label} for key, label in self.labels],
                "orders": [each.to_dict() for each in self.orders],
                "agreement": [each.to_dict() for each in self.agreement],
            }
        )


def side_by_side(orders: Sequence[Order], rng: np.random.Generator) -> SideBySide:
    """The orders with the agreement of each two. Generators stand as in the first order that has them."""
    labels: dict[str, str] = {}
    for order in orders:
        for each in order.places:
            labels.setdefault(each.key, each.label)
    pairs = [(i, j) for i in range(len(orders)) for j in range(i + 1, len(orders))]
    found = [_agree(i, j, orders[i], orders[j], rng) for i, j in pairs]
    return rounded(SideBySide(tuple(orders), tuple(labels.items()), tuple(each for each in found if each.n >= LEAST)))


def _agree(i: int, j: int, first: Order, second: Order, rng: np.random.Generator) -> OrdersAgree:
    shared = [each.key for each in first.places if second.rank_of(each.key) is not None]
    if len(shared) < LEAST:
        return OrdersAgree(i, j, len(shared), None, None, None)
    of = [{each.key: each for each in order.places} for order in (first, second)]
    one, other = (np.array([float(-places[key].rank) for key in shared]) for places in of)
    tau = kendall_tau_b(one, other).value
    drawn = []
    for order, places in zip((first, second), of, strict=True):
        mine = [places[key] for key in shared]
        if any(each.low is None or each.high is None for each in mine):
            return OrdersAgree(i, j, len(shared), tau, None, None)
        sign = -1.0 if _falls(order) else 1.0
        half = np.array([((each.high or 0.0) - (each.low or 0.0)) / 2 for each in mine])
        se = half / float(special.ndtri((1 + order.level) / 2))
        value = np.array([each.value for each in mine])
        drawn.append(sign * (value + se * rng.normal(size=(DRAWS, len(mine)))))
    taus = _taus(*drawn)
    low, high = np.quantile(taus, [(1 - first.level) / 2, (1 + first.level) / 2])
    return OrdersAgree(i, j, len(shared), tau, float(low), float(high))


def _falls(order: Order) -> bool:
    """Whether the best has the lowest value."""
    return len(order.places) > 1 and order.places[0].value < order.places[-1].value


def _taus(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Tau of each row, (draws,); no ties, since the draws are continuous."""
    n = one.shape[1]
    upper = np.triu_indices(n, 1)
    signs = [np.sign(rows[:, upper[0]] - rows[:, upper[1]]) for rows in (one, other)]
    return np.asarray((signs[0] * signs[1]).mean(axis=1))
