"""The comparisons of a `drawbench-analysis/1` document as rows that tables, figures and texts share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evaluation.reports.document import (
    DecidedDict,
    EstimateDict,
    IntervalDict,
    RankingDict,
    Results,
    ShareIntervalDict,
    WidthDict,
)

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
    where there is none, for the reason `why`. `share_a`, `share_b`: intervals of these shares. `p_value`: of no
    preference (a net share of zero), adjusted by Holm over the categories in a category's row.
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
    p_value: float | None
    why: str

    @property
    def verdict(self) -> str:
        """Which the default interval favours: `a`, `b`, or neither (empty)."""
        if self.default is None:
            return ""
        return "a" if self.default.low > 0 else "b" if self.default.high < 0 else ""


@dataclass(frozen=True)
class Width:
    """What one choice of the estimand makes of the overall interval: `half_width` as a fraction, or None."""

    estimand: str
    means: str
    method: str
    half_width: float | None
    is_default: bool

    @property
    def method_name(self) -> str:
        """The method in readers' words."""
        return INTERVAL_NAMES.get(self.method, self.method)


@dataclass(frozen=True)
class ComparisonTable:
    """One pair on one question: the overall row, then the categories by name.

    `words`: the effect in a sentence, empty in old reports. `widths`: the choices of the estimand. `decided`: A's share
    among decided answers alone.
    """

    generator_a: str
    generator_b: str
    question: str
    level: float
    rows: tuple[Row, ...]
    words: str
    widths: tuple[Width, ...]
    decided: DecidedDict | None

    @property
    def question_name(self) -> str:
        """The question in readers' words."""
        return question_name(self.question)

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
            ComparisonTable(
                each["generator_a"],
                each["generator_b"],
                each["question"],
                results["level"],
                tuple(rows),
                each["overall"].get("words", ""),
                _widths(each["overall"], results["estimand"]["name"]),
                each["overall"].get("decided"),
            )
        )
    return tuple(tables)


def question_name(question: str) -> str:
    """The question in readers' words."""
    return QUESTION_NAMES.get(question, question.replace("_", " ").capitalize())


def win_matrix(ranking: RankingDict) -> list[tuple[str, list[float | None]]]:
    """(generator, how often it was preferred to each), rows and columns in the ranking's order; None where none met.

    Where there is no ranking, by name.
    """
    shares = {(each["generator_a"], each["generator_b"]): each["share"] for each in ranking["win_shares"]}
    names = [each["generator"] for each in ranking["scores"]] or sorted({name for pair in shares for name in pair})
    return [(row, [shares.get((row, column)) for column in names]) for row in names]


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
        p_value=estimate.get("p_value") if is_overall else estimate.get("p_holm"),
        why=why.get("two_way", "") or (next(iter(why.values()), "") if default is None else ""),
    )


_WIDEST_CLAIM_FIRST = ("raters_and_prompts", "raters", "prompts", "votes")  # the database keeps no order of keys


def _widths(overall: EstimateDict, estimand: str) -> tuple[Width, ...]:
    found: Mapping[str, WidthDict] = overall.get("by_estimand", {})
    return tuple(
        Width(name, each["means"], each["interval"], each["half_width"], name == estimand)
        for name, each in sorted(found.items(), key=lambda each: _WIDEST_CLAIM_FIRST.index(each[0]))
    )


def _bounds(method: str, interval: IntervalDict | None) -> Bounds | None:
    return None if interval is None else Bounds(method, interval["low"], interval["high"])


def _share_bounds(share: ShareIntervalDict | None) -> Bounds | None:
    return None if share is None else _bounds(share["default"], share["interval"])
