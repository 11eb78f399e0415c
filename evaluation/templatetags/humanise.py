"""Numbers and times as people read them, for templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django import template
from django.utils.html import format_html

from common.words import counted, duration
from evaluation.analysis.estimates import PreferenceRate
from evaluation.analysis.summary_results import ComparisonResult
from evaluation.declared import selection_in_words
from evaluation.reports import reading
from evaluation.reports.reading import HasBounds
from evaluation.reports.wording import measures, numbers
from evaluation.reports.wording.controls import RECORDS, controls_lines
from evaluation.reports.wording.numbers import MINUS
from evaluation.reports.wording.results import design_lines, primary_text, stopping_rule_text
from evaluation.reports.wording.scores import figures_text
from evaluation.reports.wording.signs import rule_lines, sign_words
from evaluation.services.studies.viewing import SURROUNDS
from generators.costs import usd

register = template.Library()


@register.filter
def item(values: Mapping[str, Any], name: str) -> Any:
    """The value under a name that a template has in a variable, "" without one."""
    return values.get(name, "")


@register.filter
def selection(run: Mapping[str, Any]) -> str:
    """How the samples of a study's run were chosen, as its specification has it."""
    return selection_in_words(run.get("declared", {}), drawn_here=run.get("origin") != "uploaded")


@register.filter
def as_typed(value: object) -> str:
    """A parameter's value as people read it: a number with a real minus."""
    return str(value).replace("-", MINUS, 1) if isinstance(value, int | float) else str(value)


@register.filter
def money(amount: float) -> str:
    """`12.5` -> "12.50": in hundredths."""
    return f"{amount:.2f}"


@register.filter(name="duration")
def duration_or_nothing(seconds: float | None) -> str:
    """`95` -> "2 min", "" where it is not known."""
    return "" if seconds is None else duration(seconds)


LONG_TEXT, ITS_BEGINNING = 400, 160
"""Characters from which a text is folded away on a page, and those of it that are shown then."""


@register.filter
def long_text(text: str) -> str:
    """A text as it is; a very long one as its beginning, which unfolds the whole."""
    if len(text) <= LONG_TEXT:
        return text
    beginning = reading.shortened(text, ITS_BEGINNING)
    return format_html(
        '<details class="long-text"><summary>{} ({} characters)</summary>{}</details>',
        beginning,
        f"{len(text):,}",
        text,
    )


@register.filter
def beginning(text: str) -> str:
    """A text as it is, of a very long one the beginning alone: the file has the whole."""
    return reading.shortened(text, LONG_TEXT)


MOST_ROWS = 100
"""Rows of a long table that a page shows; files have all."""


@register.filter
def first_rows(rows: Sequence[Any]) -> Sequence[Any]:
    """The rows that a page shows."""
    return rows[:MOST_ROWS]


@register.filter
def more_rows(rows: Sequence[Any]) -> str:
    """Says that there are more rows than a page shows; nothing where there are not."""
    return f"The first {MOST_ROWS} of {len(rows):,}; the JSON has all." if len(rows) > MOST_ROWS else ""


@register.filter
def overall_p(rate: PreferenceRate) -> str:
    """The p-value that stands beside an overall figure."""
    return numbers.p_text(reading.p_shown(reading.OVERALL, rate))


@register.filter
def duration_to(start: datetime, end: datetime) -> str:
    """How long from `start` to `end`."""
    return duration((end - start).total_seconds())


@register.filter
def percent(fraction: float | None, digits: int = 1) -> str:
    """`.4837` -> "48.4"; nothing for None."""
    return "" if fraction is None else numbers.percent(fraction, digits)


@register.filter
def level(confidence: float) -> str:
    """A confidence level: `.95` -> "95 %"."""
    return numbers.level_text(confidence)


@register.filter
def points(fraction: float | None) -> str:
    """`-.0213` -> "−2.1", with its sign and a real minus."""
    return "" if fraction is None else numbers.points(fraction)


@register.filter
def bounds(interval: HasBounds | None) -> str:
    """An interval of a net share in points, cut at what is possible: "−2.3 to +29.5"."""
    return "none" if interval is None else numbers.points_range(interval)


@register.filter
def share_bounds(interval: HasBounds) -> str:
    """An interval of a share in per cent, cut at what is possible: "0.0 to 29.5"."""
    return numbers.percent_range(interval)


@register.filter
def says_nothing(interval: HasBounds | None, least: float = -1.0) -> bool:
    """Whether an interval reaches over more than half of what a net share (a share, with `least` 0) can be."""
    return interval is not None and reading.says_nothing(interval, least)


@register.filter
def why_lacking(rate: PreferenceRate) -> str:
    """Why the two-way interval can't be had; empty where it can."""
    return reading.why_lacking(rate)


@register.filter
def p_tests(comparison: ComparisonResult) -> str:
    """What the p-values of a comparison's table are."""
    return reading.p_tests([comparison])


@register.filter
def named_beside(method: str) -> bool:
    """Whether an interval's method is said beside it: not that of the default."""
    return method not in reading.UNSAID


register.filter(design_lines)
register.filter(controls_lines)
register.filter(sign_words)
register.filter(rule_lines)


@register.filter
def control_kind(kind: str) -> str:
    """What a kind of control trials is called."""
    return RECORDS.get(kind, kind)


register.filter(reading.too_few)
register.filter(reading.question_name)
register.filter(reading.method_name)
register.filter(reading.not_rated_words)
register.filter(reading.default_methods)
register.filter(reading.role_words)


@register.filter
def p_shown(rate: PreferenceRate, name: str) -> float | None:
    """The p-value that a table's line called `name` shows."""
    return reading.p_shown(name, rate)


@register.filter
def p_value(p: float | None) -> str:
    """`.0312` -> "0.031", "<0.001" below that, "–" for None."""
    return numbers.p_text(p)


@register.filter
def primary(declared: Mapping[str, Any]) -> str:
    """What a study set out to show, in plain words."""
    return primary_text(declared)


@register.filter
def stopping_rule(rule: Mapping[str, Any]) -> str:
    """A declared stopping rule in plain words."""
    return stopping_rule_text(rule)


@register.filter
def surround(name: str) -> str:
    """The surround that a specification declares, in words."""
    return SURROUNDS.get(name, name)


@register.filter
def signed(number: float | None) -> str:
    """`-.2134` -> "−0.213", `.4` -> "+0.400"; nothing for None."""
    return "" if number is None else numbers.signed(number)


@register.filter
def decimal(number: float | None) -> str:
    """`-.2134` -> "−0.213", without a plus; nothing for None."""
    return numbers.figures(number)


register.filter(numbers.coefficient)
register.filter(measures.answers_declared)


@register.filter
def seconds(milliseconds: float | None) -> str:
    """`8460` -> "8.46 s"."""
    return "" if milliseconds is None else f"{numbers.figures(milliseconds / 1000)} s"


@register.filter
def mebibytes(n_bytes: int) -> str:
    """`4294967296` -> "4,096 MiB"."""
    return f"{n_bytes / 2**20:,.0f} MiB"


@register.filter
def count(number: int) -> str:
    """`10000` -> "10,000"."""
    return f"{number:,}"


register.filter(counted)


@register.filter
def rate(number: float) -> str:
    """How many per minute, to three significant figures: `3.14159` -> "3.14", `1234.5` -> "1,234"."""
    return figures_text(number, 3)


register.filter(usd)


@register.filter
def utc(when: datetime) -> str:
    """A moment, with its time zone: "21 Nov 2026 22:06 UTC"."""
    return f"{when.astimezone(UTC):%-d %b %Y %H:%M} UTC"


@register.filter
def moment(iso: str) -> str:
    """`2026-11-21T22:06:31+00:00` -> "21 Nov 2026 22:06 UTC"."""
    return utc(datetime.fromisoformat(iso))
