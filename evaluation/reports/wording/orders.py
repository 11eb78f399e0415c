"""Orders side by side, as text for terminals and cells for pages."""

from __future__ import annotations

from dataclasses import dataclass

from evaluation.analysis.orders import Order, SideBySide
from evaluation.reports.answer_groups import MEASURES
from evaluation.reports.reading import question_name
from evaluation.reports.wording.numbers import coefficient
from evaluation.reports.wording.results import aligned


@dataclass(frozen=True)
class OrderTable:
    """`heads`: of each order (study, question, measure). `rows`: a generator and its rank in each order, empty where
    the order lacks it. `agreement`: (first, second, generators, tau with its range).
    """

    heads: tuple[tuple[str, str, str], ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    agreement: tuple[tuple[str, str, int, str], ...]


def order_table(orders: SideBySide) -> OrderTable:
    """The cells of orders side by side."""
    rows = []
    for key, label in orders.labels:
        name = label if label == key else f"{label} ({key})"
        ranks = (order.rank_of(key) for order in orders.orders)
        rows.append((name, tuple("" if rank is None else str(rank) for rank in ranks)))
    agreement = [
        (order_name(orders.orders[each.first]), order_name(orders.orders[each.second]), each.n, _tau(each))
        for each in orders.agreement
    ]
    heads = [(each.source, question_name(each.question), _measure(each)) for each in orders.orders]
    return OrderTable(tuple(heads), tuple(rows), tuple(agreement))


def order_name(order: Order) -> str:
    """Which order it is, in words."""
    return f"{order.source}, {question_name(order.question)} ({_measure(order)})"


def _measure(order: Order) -> str:
    return MEASURES.get(order.measure, order.measure)


def _tau(each: object) -> str:
    tau, low, high = (getattr(each, name) for name in ("tau", "low", "high"))
    if tau is None:
        return "none"
    return coefficient(tau) + ("" if low is None else f" ({coefficient(low)} to {coefficient(high)})")


def orders_text(orders: SideBySide) -> str:
    """The ranks by each order, numbered, and Kendall's tau between them."""
    if not orders.orders:
        return "No ratings yet, so there are no orders."
    table = order_table(orders)
    text = [f"{at}. {order_name(order)}" for at, order in enumerate(orders.orders, start=1)]
    header = ["Rank by", *(f"{at}." for at in range(1, len(orders.orders) + 1))]
    text += ["", *aligned(header, [[name, *(rank or "-" for rank in ranks)] for name, ranks in table.rows])]
    if table.agreement:
        text += ["", "Kendall's tau-b; in brackets what the errors of the scores leave open:"]
        for each, (_, _, n, tau) in zip(orders.agreement, table.agreement, strict=True):
            text.append(f"{each.first + 1}. and {each.second + 1}., {n} generators: {tau}")
    return "\n".join(text)
