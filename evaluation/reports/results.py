"""The `drawbench-analysis/1` document, typed, and its comparisons as rows that tables, figures and texts share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NotRequired, TypedDict

from evaluation.reports.collection import CollectionDict

INTERVAL_NAMES = {
    "independent": "independent votes",
    "by_rater": "clustered by rater",
    "by_prompt": "clustered by prompt",
    "two_way": "two-way (raters and prompts)",
    "anova": "ANOVA",
    "pigeonhole": "pigeonhole",
}
"""What readers see for the contract's names of intervals."""

QUESTION_NAMES = {"fidelity": "Fidelity", "alignment": "Alignment"}


class IntervalDict(TypedDict):
    """An interval; `df` null means normal quantiles."""

    se: float
    df: float | None
    low: float
    high: float


class NetDict(TypedDict):
    """The net share A - B with its intervals; null ones have their reason in `why`."""

    estimate: float
    default: str
    intervals: dict[str, IntervalDict | None]
    why: NotRequired[dict[str, str]]


class ShareIntervalDict(TypedDict):
    """The default interval of one share."""

    default: str
    interval: IntervalDict | None


class EstimateDict(TypedDict):
    """The contract's ESTIMATE with the further keys that reports use."""

    n_ratings: int
    n_raters: int
    n_prompts: int
    shares: dict[str, float]
    net: NetDict
    stratified: NotRequired[bool]
    share_intervals: NotRequired[dict[str, ShareIntervalDict]]


class ComparisonDict(TypedDict):
    """One pair on one question."""

    generator_a: str
    generator_b: str
    question: str
    overall: EstimateDict
    categories: dict[str, EstimateDict]


class EstimandDict(TypedDict):
    """For whom the default interval speaks."""

    name: str
    means: str


class Results(TypedDict):
    """The whole document; a report's own has `collection` beside it."""

    schema: str
    simulated: bool
    n_ratings: int
    n_raters: int
    n_prompts: int
    n_control_excluded: int
    n_simulated: int
    level: float
    estimand: EstimandDict
    indifferent: str
    notes: list[str]
    comparisons: list[ComparisonDict]
    collection: NotRequired[CollectionDict]


@dataclass(frozen=True)
class Bounds:
    """An interval in fractions, and the method that gave it."""

    method: str
    low: float
    high: float

    @property
    def method_name(self) -> str:
        """The method in readers' words."""
        return INTERVAL_NAMES.get(self.method, self.method)

    @property
    def says_nothing(self) -> bool:
        """Whether it reaches over every value that a net share can have."""
        return self.low <= -1 and self.high >= 1

    @property
    def cut(self) -> Bounds:
        """The same within what a net share can be; with few raters or prompts, t intervals reach far beyond."""
        return Bounds(self.method, max(self.low, -1.0), min(self.high, 1.0))


@dataclass(frozen=True)
class Row:
    """One line of a table: shares and net share in fractions. `default`, `naive`: intervals of the net share, None
    where there is none, for the reason `why`. `share_a`, `share_b`: intervals of these shares.
    """

    name: str
    is_overall: bool
    n_ratings: int
    n_raters: int
    n_prompts: int
    a: float
    indifferent: float
    b: float
    net: float
    default: Bounds | None
    naive: Bounds | None
    share_a: Bounds | None
    share_b: Bounds | None
    why: str

    @property
    def verdict(self) -> str:
        """Which the default interval favours: `a`, `b`, or neither (empty)."""
        if self.default is None:
            return ""
        return "a" if self.default.low > 0 else "b" if self.default.high < 0 else ""


@dataclass(frozen=True)
class ComparisonTable:
    """One pair on one question: the overall row, then the categories by name."""

    generator_a: str
    generator_b: str
    question: str
    level: float
    rows: tuple[Row, ...]

    @property
    def question_name(self) -> str:
        """The question in readers' words."""
        return QUESTION_NAMES.get(self.question, self.question.replace("_", " ").capitalize())

    @property
    def overall(self) -> Row:
        return self.rows[0]

    @property
    def categories(self) -> tuple[Row, ...]:
        return self.rows[1:]

    @property
    def default_methods(self) -> tuple[str, ...]:
        """The default intervals among its rows in readers' words, as they appear: one where all could be had."""
        return tuple(dict.fromkeys(row.default.method_name for row in self.rows if row.default))


def comparison_tables(results: Results) -> tuple[ComparisonTable, ...]:
    """The comparisons of `results` as tables, in its order. A single category is not repeated below the overall row."""
    tables = []
    for each in results["comparisons"]:
        categories = each["categories"] if len(each["categories"]) > 1 else {}
        rows = [_row("Overall", each["overall"], is_overall=True)]
        rows += [_row(name, estimate, is_overall=False) for name, estimate in sorted(categories.items())]
        tables.append(
            ComparisonTable(each["generator_a"], each["generator_b"], each["question"], results["level"], tuple(rows))
        )
    return tuple(tables)


def questions(tables: Sequence[ComparisonTable]) -> tuple[str, ...]:
    """The questions among `tables`, in order of appearance."""
    return tuple(dict.fromkeys(table.question for table in tables))


def _row(name: str, estimate: EstimateDict, *, is_overall: bool) -> Row:
    net = estimate["net"]
    why = net.get("why", {})
    default = _bounds(net["default"], net["intervals"].get(net["default"]))
    shares = estimate.get("share_intervals", {})
    return Row(
        name=name,
        is_overall=is_overall,
        n_ratings=estimate["n_ratings"],
        n_raters=estimate["n_raters"],
        n_prompts=estimate["n_prompts"],
        a=estimate["shares"]["a"],
        indifferent=estimate["shares"]["indifferent"],
        b=estimate["shares"]["b"],
        net=net["estimate"],
        default=default,
        naive=_bounds("independent", net["intervals"].get("independent")),
        share_a=_share_bounds(shares.get("a")),
        share_b=_share_bounds(shares.get("b")),
        why=why.get("two_way", "") or (next(iter(why.values()), "") if default is None else ""),
    )


def _bounds(method: str, interval: IntervalDict | None) -> Bounds | None:
    return None if interval is None else Bounds(method, interval["low"], interval["high"])


def _share_bounds(share: ShareIntervalDict | None) -> Bounds | None:
    return None if share is None else _bounds(share["default"], share["interval"])
