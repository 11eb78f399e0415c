"""Results as plain text, for terminals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from common.words import counted
from evaluation.analysis.agreement import ORDINAL_ALPHA, Agreement
from evaluation.analysis.columns import CHOICES
from evaluation.analysis.estimands import ESTIMAND_WORDS
from evaluation.analysis.estimates import EXPLORATORY, Interval, PreferenceRate
from evaluation.analysis.ranking import Ranking
from evaluation.analysis.retest import Retest
from evaluation.analysis.sequential import T_SEQUENCE
from evaluation.analysis.summary_results import Analysis, ComparisonResult
from evaluation.reports.reading import (
    OVERALL,
    UNSAID,
    lines,
    not_rated_words,
    p_shown,
    p_tests,
    question_name,
    role_words,
    shortened,
    too_few,
    why_lacking,
    win_matrix,
)
from evaluation.reports.wording.numbers import (
    coefficient,
    level_text,
    p_text,
    percent,
    percent_range,
    percent_sign,
    points,
    points_range,
    signed,
)
from evaluation.reports.wording.strip import strip_lines

WIDEST_LABEL = 16
"""Letters that a label has above a column; longer ones are cut there, and stand whole above the table."""


def results_text(results: Analysis, *, title: str, summary: bool = False) -> str:
    """`results` as text: the answer in short, the rankings and a summary first, then a table for each pair and
    question, agreement and the lean to a side. `summary`: the first three alone.
    """
    ratings, raters = counted(results.n_ratings, "rating"), counted(results.n_raters, "rater")
    text = [title, f"{ratings} by {raters} on {counted(results.n_prompts, 'prompt')}"]
    text += [f"NOTE  {note}" for note in results.notes]
    if not results.comparisons:
        return "\n".join(text)
    text += ["", *strip_lines(results)]
    for ranking in results.rankings:
        text += ["", *ranking_lines(ranking)]
    text += ["", *_summary(results)]
    if not summary:
        for comparison in results.comparisons:
            text += ["", *_comparison(comparison)]
        text += ["", *_raters(results)]
    text += [
        "",
        "Shares are in per cent of the ratings.",
        "Net share: the first run's share minus the second's, in percentage points. No preference counts as zero.",
        f"The interval speaks for {results.speaks_for}.",
        "As independent: every rating taken as independent, as in most published figures; usually too narrow.",
        f"{p_tests(results.comparisons)}.",
        "Intervals end at ±100 points, the most that a net share can be; the JSON keeps them whole.",
    ]
    return "\n".join(text)


def _summary(results: Analysis) -> list[str]:
    """A line a comparison, by question: what is shown of it, and what was declared."""
    text = ["Summary"]
    for question in dict.fromkeys(each.question for each in results.comparisons):
        chosen = [each for each in results.comparisons if each.question == question]
        header = [
            question_name(question),
            "ratings",
            "net share",
            f"{level_text(results.level)} interval",
            "p",
            "shown",
        ]
        text += aligned(header, [_summary_cells(each) for each in chosen])
    return text


def _summary_cells(comparison: ComparisonResult) -> list[str]:
    a, b, rate = comparison.generator_a, comparison.generator_b, comparison.overall
    shown = {"a": f"{a} preferred", "b": f"{b} preferred", None: "no difference shown"}[rate.leader]
    if rate.standing is not None and rate.standing.role == EXPLORATORY:
        shown = "exploratory"
    return [
        *(f"{a} against {b}", f"{rate.n_ratings:,}", points(rate.net.estimate)),
        *(too_few(rate) or _bounds(rate.net.interval), p_text(p_shown(OVERALL, rate)), shown),
    ]


def _comparison(comparison: ComparisonResult) -> list[str]:
    a, b = comparison.generator_a, comparison.generator_b
    level = level_text(comparison.overall.level)
    header = [
        *("", "ratings", "raters", "prompts"),
        *(shortened(a, WIDEST_LABEL), "no preference", shortened(b, WIDEST_LABEL)),
        *("net share", f"{level} interval", "as independent", "p"),
    ]
    rows = lines(comparison)
    cells = [_cells(name, rate, p_shown(name, rate)) for name, rate in rows]
    text = [f"{question_name(comparison.question)}: {a} against {b} (net share above zero: raters prefer {a})"]
    said = (comparison.overall.words, role_words(comparison.overall), not_rated_words(comparison))
    text += [each for each in said if each]
    text += aligned(header, cells)
    missing = [f"  {name}: {why}" for name, rate in rows if (why := why_lacking(rate))]
    text += ["Why there is no interval for new raters and prompts:", *missing] if missing else []
    return text + design_lines(comparison.overall)


def design_lines(rate: PreferenceRate) -> list[str]:
    """How the default interval took raters and prompts, what is untidy, and, with uneven loads, the net by raters."""
    text = [rate.design] if rate.design else []
    text += [each.words for each in rate.cautions]
    if rate.rater_net is not None and any(each.code == "unequal_loads" for each in rate.cautions):
        text.append(f"With each rater counting alike, the net share is {points(rate.rater_net)} points.")
    return text


def _cells(name: str, rate: PreferenceRate, p: float | None) -> list[str]:
    own = rate.net.interval
    method = "" if own is None or own.method in UNSAID else f" ({own.method.replace('_', ' ')})"
    return [
        *(name, f"{rate.n_ratings:,}", f"{rate.n_raters:,}", f"{rate.n_prompts:,}"),
        *(percent(rate.share(choice)) for choice in CHOICES),
        points(rate.net.estimate),
        too_few(rate) or _bounds(own) + method,
        _bounds(rate.net.independent),
        p_text(p),
    ]


def _bounds(interval: Interval | None) -> str:
    return "none" if interval is None else points_range(interval)


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns under their headings: the first to the left, the others to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(header, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        first, *others = zip(cells, widths, strict=True)
        return "  ".join([f"{first[0]:<{first[1]}}", *(f"{cell:>{width}}" for cell, width in others)]).rstrip()

    return [line(header), "-" * len(line(header)), *map(line, rows)]


def ranking_lines(ranking: Ranking) -> list[str]:
    """A ranking as a table: ranks, rank bands, scores, and how often each was preferred to each other."""
    text = [f"{question_name(ranking.question)}: ranking ({ranking.model.title()} model)"]
    if ranking.why:
        return [*text, f"There is no ranking: {ranking.why}."]
    matrix = dict(win_matrix(ranking))
    names = [each.generator for each in ranking.scores]
    rows = []
    for each in ranking.scores:
        band = f"{each.rank_low} to {each.rank_high}" if each.rank_low != each.rank_high else f"{each.rank_low}"
        wins = ["–" if share is None else percent(share) for share in matrix[each.generator]]
        rows.append([each.generator, f"{each.rank}", band, signed(each.score), *wins])
    beaten = [f"over {shortened(name, WIDEST_LABEL)}" for name in names]
    text += aligned(["", "rank", "rank band", "score", *beaten], rows)
    text.append("Over: how often it was preferred to that run, in per cent. No preference counts as half.")
    return [*text, *ranking.notes]


def _raters(results: Analysis) -> list[str]:
    text = [
        f"{question_name(question)}, agreement between raters: {agreement_text(each)}"
        for question, found in results.agreement.items()
        for each in found
        if each.method == ORDINAL_ALPHA
    ]
    text += [retest_line(each) for each in results.retest]
    side = results.side_bias
    if side.share_left is not None:
        share, of = percent_sign(side.share_left), counted(side.n, "answer")
        text.append(f"Sides: the left set was preferred in {share} of {of} with a preference ({percent_range(side)} %)")
    return text


def retest_line(retest: Retest) -> str:
    """How far raters agree with themselves, in a line."""
    own = retest.same.interval
    bounds = f" ({percent_range(own)} %)" if own else ""
    units, raters = counted(retest.n_units, "thing"), counted(retest.n_raters, "rater")
    share = f"{percent_sign(retest.same.estimate)}{bounds}"
    said = (
        f"{question_name(retest.question)}, test-retest: the same answer in {share} of {units} that {raters} saw again"
    )
    return f"{said}; {agreement_text(retest.alpha)}"


def agreement_text(agreement: Agreement) -> str:
    """A coefficient with its interval and its name, or why there is none."""
    if agreement.value is None:
        return f"none, because {agreement.why}"
    bounds = ""
    if agreement.low is not None and agreement.high is not None:
        bounds = f" ({coefficient(agreement.low)} to {coefficient(agreement.high)})"
    return f"{coefficient(agreement.value)}{bounds}, {agreement.method}"


def primary_text(declared: Mapping[str, Any]) -> str:
    """What a study set out to show (`analysis` of its specification) in plain words."""
    pairs = [f"{a} against {b}" for a, b in declared["pairs"]]
    questions = [question_name(each) for each in declared["questions"]]
    if not pairs or not questions:
        return "Primary comparisons: none. Whatever the results show is exploratory."
    n = len(pairs) * len(questions)
    listed = f"{'; '.join(pairs[:10])}{' and more' if len(pairs) > 10 else ''}"
    return (
        f"Primary comparisons ({n:,}): {listed}, on {', '.join(questions)}. They are one family: p-values are adjusted "
        f"over it (Holm), and nothing else is highlighted. The intervals speak for "
        f"{ESTIMAND_WORDS[declared['estimand']]}."
    )


def stopping_rule_text(rule: Mapping[str, Any]) -> str:
    """A declared stopping rule (the fields of `evaluation.analysis.sequential.StoppingRule`) in plain words."""
    decided = ["excludes zero"]
    if rule["margin"] is not None:
        decided.append(f"lies within ±{rule['margin'] * 100:g} points")
    if rule["half_width"] is not None:
        decided.append(f"is no wider than ±{rule['half_width'] * 100:g} points")
    count = "must have finished" if rule.get("method", T_SEQUENCE) == T_SEQUENCE else "must count"
    when = " or ".join([", ".join(decided[:-1]), decided[-1]]) if len(decided) > 1 else decided[0]
    return (
        f"A comparison (one pair, one question) is decided once its {level_text(1 - rule['alpha'])} anytime-valid "
        f"interval of the net share {when}. At least {counted(rule['min_raters'], 'rater')} {count}; the "
        f"maximum is {rule['max_raters']:,}. The rule recommends stopping once every comparison is decided or has "
        "reached its maximum. The study stays open until you close it."
    )
