"""Results as plain text, for terminals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evaluation.analysis.agreement import ORDINAL_ALPHA, Agreement
from evaluation.analysis.columns import CHOICES
from evaluation.analysis.estimates import Interval, PreferenceRate
from evaluation.analysis.ranking import Ranking
from evaluation.analysis.summary_results import Analysis, ComparisonResult
from evaluation.reports.reading import lines, question_name, why_lacking, win_matrix


def results_text(results: Analysis, *, title: str) -> str:
    """`results` as a readable table a question: shares and net share in per cent, both intervals, all n; then rankings,
    agreement and the lean to a side.
    """
    text = [title, f"{results.n_ratings} ratings by {results.n_raters} raters of {results.n_prompts} prompts."]
    text += [f"NOTE  {note}" for note in results.notes]
    if not results.comparisons:
        return "\n".join(text)
    for comparison in results.comparisons:
        text += ["", *_table(comparison)]
    for ranking in results.rankings:
        text += ["", *_ranking(ranking)]
    text += ["", *_raters(results)]
    text += [
        "",
        "Shares in per cent of the ratings; net = A - B, indifferent answers counting as zero.",
        f"The default interval speaks for {results.speaks_for}.",
        "Independent: every rating as if from its own rater and prompt, as published figures are; mostly too narrow.",
        "p: of no preference, by the default interval; of categories adjusted by Holm over them.",
    ]
    return "\n".join(text)


def _table(comparison: ComparisonResult) -> list[str]:
    rows = lines(comparison)
    width = max(len(name) for name, _ in rows)
    level = f"{comparison.overall.level * 100:g} %"
    header = (
        f"{'':{width}}  {'n':>6} {'raters':>6} {'prompts':>7}  {'A':>5} {'ind.':>5} {'B':>5}  {'net':>6}  "
        f"{'default ' + level:<28}  {'independent ' + level:<18}  {'p':>6}"
    )
    name = question_name(comparison.question)
    text = [f"{name}: A = {comparison.generator_a}, B = {comparison.generator_b}"]
    text += [*([comparison.overall.words] if comparison.overall.words else []), header, "-" * len(header)]
    for at, (name, rate) in enumerate(rows):
        a, indifferent, b = (rate.share(choice) * 100 for choice in CHOICES)
        naive = bounds_text(rate.net.independent)
        text.append(
            f"{name:{width}}  {rate.n_ratings:>6} {rate.n_raters:>6} {rate.n_prompts:>7}  "
            f"{a:5.1f} {indifferent:5.1f} {b:5.1f}  {rate.net.estimate * 100:+6.1f}  "
            f"{_default(rate):<28}  {naive:<18}  {p_text(rate.p_holm if at else rate.p_value):>6}"
        )
    missing = [f"  {name}: {why}" for name, rate in rows if (why := why_lacking(rate))]
    return text + (["Where the two-way interval can't be had:", *missing] if missing else [])


def _ranking(ranking: Ranking) -> list[str]:
    text = [f"Ranking, {question_name(ranking.question)} ({ranking.model.title()}; preferred to each, in per cent)"]
    if ranking.why:
        return [*text, f"  none: {ranking.why}"]
    matrix = dict(win_matrix(ranking))
    width = max(len(each.generator) for each in ranking.scores)
    for each in ranking.scores:
        band = f"{each.rank_low} to {each.rank_high}"
        wins = " ".join("    -" if share is None else f"{share * 100:5.1f}" for share in matrix[each.generator])
        text.append(f"{each.rank:>3}. {each.generator:{width}}  band {band:<8}  score {each.score:+.2f}  {wins}")
    return [*text, *(f"  {note}" for note in ranking.notes)]


def _raters(results: Analysis) -> list[str]:
    text = [
        f"Agreement, {question_name(question)}: {_agreement(each)}"
        for question, found in results.agreement.items()
        for each in found
        if each.method == ORDINAL_ALPHA
    ]
    side = results.side_bias
    if side.share_left is not None:
        text.append(
            f"Left set: {side.share_left * 100:.1f} % of {side.n} decided answers "
            f"[{side.low * 100:.1f}, {side.high * 100:.1f}]"
        )
    return text


def _agreement(found: Agreement) -> str:
    value = "none" if found.value is None else f"{found.value:.2f}"
    bounds = "" if found.low is None else f" [{found.low:.2f}, {found.high:.2f}]"
    return f"{found.method} {value}{bounds}"


def stopping_rule_text(rule: Mapping[str, Any]) -> str:
    """A declared stopping rule (the fields of `evaluation.analysis.sequential.StoppingRule`) in plain words."""
    stops = ["excludes zero"]
    if rule["margin"] is not None:
        stops.append(f"lies within ±{rule['margin'] * 100:g} points")
    if rule["half_width"] is not None:
        stops.append(f"is no wider than ±{rule['half_width'] * 100:g} points")
    return (
        f"each pair and question is decided when its {(1 - rule['alpha']) * 100:g} % anytime-valid interval of the net "
        f"share {', or '.join(stops)}, from {rule['min_raters']} finished raters on, and is given up at "
        f"{rule['max_raters']}; the rule says stop when that is so for all of them. Nothing is closed by itself."
    )


def p_text(p: float | None) -> str:
    """`.0312` -> `0.031`; `<0.001` below that; a dash where there is none."""
    return "-" if p is None else "<0.001" if p < 0.001 else f"{p:.3f}"


def _default(rate: PreferenceRate) -> str:
    own = rate.net.interval
    return "none" if own is None else f"{bounds_text(own)} {own.method}"


def bounds_text(interval: Interval | None) -> str:
    """`[+3.1, +21.0]` in per cent, or `none`."""
    return "none" if interval is None else f"[{interval.low * 100:+.1f}, {interval.high * 100:+.1f}]"
