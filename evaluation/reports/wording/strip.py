"""The answer in five seconds: a line a question, what was declared beforehand apart from everything else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from common.text import isolated
from common.words import counted
from evaluation.analysis.answer_results import AnswerAnalysis
from evaluation.analysis.estimates import EXPLORATORY, Interval, PreferenceRate
from evaluation.analysis.ranking import Ranking
from evaluation.analysis.summary_results import Analysis, ComparisonResult
from evaluation.reports.answer_groups import AnswerGroup, answer_groups
from evaluation.reports.reading import cut, question_name, too_few
from evaluation.reports.wording.measures import bounds, is_wide, number
from evaluation.reports.wording.numbers import MINUS, level_text, percent, points

MOST_PAIRS = 6
"""Pairs of one question that the strip lists; of more, the ranking alone."""
MOST_NAMES = 5
"""Generators that a line names; the rest are counted."""
RANKS = "ranking [bands of ranks]"
CONFIRMATORY, UNDECLARED = "Confirmatory", "All comparisons (none was declared beforehand)"
EXPLORATORY_HEAD, OTHERS = "Exploratory", "Other answers"


@dataclass(frozen=True)
class Headline:
    """A line of the strip. `question` in readers' words; `compared`: whose number it is, "Flat − Sketch"; `estimate`
    with its `interval` in brackets, empty without one; `verdict`: what raters showed; `warning`: what the number lacks.
    """

    question: str
    compared: str
    estimate: str
    interval: str = ""
    verdict: str = ""
    warning: str = ""

    @property
    def numbers(self) -> str:
        """The estimate with its interval."""
        return f"{self.estimate} {self.interval}".rstrip()

    @property
    def text(self) -> str:
        """The line for a terminal: "Fidelity. Flat − Sketch: +39.6 [29.4, 49.7], prefers Flat"."""
        said = ", ".join(each for each in (self.numbers, self.verdict) if each)
        return f"{self.question}. {self.compared}: {said}{f' ({self.warning})' if self.warning else ''}"


@dataclass(frozen=True)
class StripPart:
    """Lines of one standing. `title`: which."""

    title: str
    lines: tuple[Headline, ...]


def strip_parts(
    analysis: Analysis,
    answers: AnswerAnalysis | None = None,
    place: Callable[[str], int] | None = None,
    texts: dict[str, str] | None = None,
) -> tuple[StripPart, ...]:
    """The strip's parts that have a line. `place`: of a question in the protocol, else by name; `texts`: of choices and
    tags, by id.
    """
    order = place or (lambda question: 0)
    primary: list[Headline] = []
    others: list[Headline] = []
    for question in sorted({each.question for each in analysis.comparisons}, key=lambda name: (order(name), name)):
        mine = [each for each in analysis.comparisons if each.question == question]
        explored = [each for each in mine if _is_exploratory(each.overall)]
        shown = [each for each in mine if not _is_exploratory(each.overall)]
        ranking = next((each for each in analysis.rankings if each.question == question and not each.why), None)
        if ranking is not None:
            (others if explored else primary).append(_ranking_line(ranking, mine))
        primary += [_pair(each) for each in shown] if ranking is None or len(shown) <= MOST_PAIRS else []
        others += [_pair(each) for each in explored] if ranking is None or len(explored) <= MOST_PAIRS else []
    title = CONFIRMATORY if analysis.family.declared else UNDECLARED
    parts = [StripPart(title, tuple(primary)), StripPart(EXPLORATORY_HEAD, tuple(others))]
    if answers is not None:
        parts.append(StripPart(OTHERS, _answer_lines(answers, order, texts or {})))
    return tuple(each for each in parts if each.lines)


def strip_note(analysis: Analysis) -> str:
    """What the numbers of the strip are."""
    return (
        "Net shares in percentage points: the first run's share of the ratings minus the second's. In brackets: the "
        f"{level_text(analysis.level)} interval, which speaks for {analysis.speaks_for}."
    )


def strip_lines(analysis: Analysis) -> list[str]:
    """The strip for a terminal."""
    text = []
    for part in strip_parts(analysis):
        text += [part.title, *(f"  {line.text}" for line in part.lines)]
    return [*text, strip_note(analysis)] if text else []


def _is_exploratory(rate: PreferenceRate) -> bool:
    return rate.standing is not None and rate.standing.role == EXPLORATORY


def _pair(comparison: ComparisonResult) -> Headline:
    rate = comparison.overall
    a, b = isolated(comparison.generator_a), isolated(comparison.generator_b)
    n = len(comparison.categories)
    lacking = f"{n} of {n + len(comparison.not_rated)} categories rated" if comparison.not_rated else ""
    return Headline(
        question_name(comparison.question),
        f"{a} {MINUS} {b}",
        points(rate.net.estimate),
        "" if rate.too_few or rate.net.interval is None else bracketed(rate.net.interval),
        _verdict(rate, a, b),
        lacking,
    )


def _verdict(rate: PreferenceRate, a: str, b: str) -> str:
    if rate.too_few:
        return too_few(rate)
    if rate.net.interval is None:
        return "no interval"
    if rate.leader:
        return f"prefers {a if rate.leader == 'a' else b}"
    if _is_exploratory(rate):
        return f"interval {'excludes' if rate.excludes_zero else 'includes'} zero"
    if rate.excludes_zero:
        return "no preference shown once all comparisons count"
    return "no preference shown"


def _ranking_line(ranking: Ranking, pairs: Sequence[ComparisonResult]) -> Headline:
    n = sum(each.overall.leader is not None for each in pairs)
    return Headline(
        question_name(ranking.question),
        RANKS,
        _ranks(ranking),
        verdict=f"{n:,} of {counted(len(pairs), 'comparison')} {'shows' if n == 1 else 'show'} a preference",
    )


def _ranks(ranking: Ranking) -> str:
    shown = [
        f"{each.rank} {isolated(each.generator)}"
        + (f" [{each.rank_low} to {each.rank_high}]" if each.rank_low != each.rank_high else f" [{each.rank_low}]")
        for each in sorted(ranking.scores, key=lambda each: each.rank)
    ]
    more = f" and {len(shown) - MOST_NAMES:,} more" if len(shown) > MOST_NAMES else ""
    return ", ".join(shown[:MOST_NAMES]) + more


def _answer_lines(answers: AnswerAnalysis, order: Callable[[str], int], texts: dict[str, str]) -> tuple[Headline, ...]:
    """Of each question the ranking, or its first measure: each generator's value, the highest first."""
    ranked = {each.question: each for each in answers.rankings if not each.why}
    groups: dict[str, AnswerGroup] = {}
    for group in answer_groups(answers):
        groups.setdefault(group.question, group)
    lines = []
    for question in sorted({*ranked, *groups}, key=lambda name: (order(name), name)):
        if question in ranked:
            ranks = _ranks(ranked[question])
            lines.append(Headline(question_name(question), RANKS, ranks))
            continue
        group = groups[question]
        unit = ", %" if group.is_share else ""
        more = f"; and {len(group.overall) - MOST_NAMES:,} more" if len(group.overall) > MOST_NAMES else ""
        shown = "; ".join(_value(each.generator, each.mean, group.is_share) for each in group.overall[:MOST_NAMES])
        lines.append(Headline(question_name(question), f"{group.name(texts)}{unit}", shown + more))
    return tuple(lines)


def _value(generator: str, mean: object, is_share: bool) -> str:
    estimate, own = mean.estimate, mean.interval  # type: ignore[attr-defined]  # MeanEstimate and Share have both
    ends = (0.0, 1.0) if is_share else None
    if own is None or is_wide(own, ends):
        return f"{isolated(generator)} {number(estimate, is_share)}"
    return f"{isolated(generator)} {number(estimate, is_share)} [{bounds(own, is_share, ends).replace(' to ', ', ')}]"


def bracketed(interval: Interval) -> str:
    """An interval of a net share in points, cut at what is possible: "[29.4, 49.7]"."""
    own = cut(interval)
    low, high = (percent(round(end, 3) + 0.0) for end in (own.low, own.high))
    return f"[{low}, {high}]"
