"""Results as plain text, for terminals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evaluation.reports.document import AgreementDict, RankingDict, Results
from evaluation.reports.results import Bounds, ComparisonTable, Row, comparison_tables, question_name, win_matrix


def results_text(results: Results, *, title: str) -> str:
    """`results` as a readable table a question: shares and net share in per cent, both intervals, all n; then rankings,
    agreement and the lean to a side.
    """
    lines = [
        title,
        f"{results['n_ratings']} ratings by {results['n_raters']} raters of {results['n_prompts']} prompts.",
    ]
    lines += [f"NOTE  {note}" for note in results["notes"]]
    if not results["comparisons"]:
        return "\n".join(lines)
    for table in comparison_tables(results):
        lines += ["", *_table(table)]
    for ranking in results.get("rankings", []):
        lines += ["", *_ranking(ranking)]
    lines += ["", *_raters(results)]
    lines += [
        "",
        "Shares in per cent of the ratings; net = A - B, indifferent answers counting as zero.",
        f"The default interval speaks for {results['estimand']['means']}.",
        "Independent: every rating as if from its own rater and prompt, as published figures are; mostly too narrow.",
        "p: of no preference, by the default interval; of categories adjusted by Holm over them.",
    ]
    return "\n".join(lines)


def _table(table: ComparisonTable) -> list[str]:
    width = max(len(row.name) for row in table.rows)
    level = f"{table.level * 100:g} %"
    header = (
        f"{'':{width}}  {'n':>6} {'raters':>6} {'prompts':>7}  {'A':>5} {'ind.':>5} {'B':>5}  {'net':>6}  "
        f"{'default ' + level:<28}  {'independent ' + level:<18}  {'p':>6}"
    )
    lines = [f"{table.question_name}: A = {table.generator_a}, B = {table.generator_b}"]
    lines += [*([table.words] if table.words else []), header, "-" * len(header)]
    for row in table.rows:
        lines.append(
            f"{row.name:{width}}  {row.n_ratings:>6} {row.n_raters:>6} {row.n_prompts:>7}  "
            f"{row.a * 100:5.1f} {row.indifferent * 100:5.1f} {row.b * 100:5.1f}  {row.net * 100:+6.1f}  "
            f"{_default(row):<28}  {bounds_text(row.naive):<18}  {p_text(row.p_value):>6}"
        )
    missing = [f"  {row.name}: {row.why}" for row in table.rows if row.why]
    return lines + (["Where the two-way interval can't be had:", *missing] if missing else [])


def _ranking(ranking: RankingDict) -> list[str]:
    lines = [
        f"Ranking, {question_name(ranking['question'])} ({ranking['model'].title()}; preferred to each, in per cent)"
    ]
    if "why" in ranking:
        return [*lines, f"  none: {ranking['why']}"]
    matrix = dict(win_matrix(ranking))
    width = max(len(each["generator"]) for each in ranking["scores"])
    for each in ranking["scores"]:
        band = f"{each['rank_low']} to {each['rank_high']}"
        wins = " ".join("    -" if share is None else f"{share * 100:5.1f}" for share in matrix[each["generator"]])
        lines.append(
            f"{each['rank']:>3}. {each['generator']:{width}}  band {band:<8}  score {each['score']:+.2f}  {wins}"
        )
    return [*lines, *(f"  {note}" for note in ranking["notes"])]


def _raters(results: Results) -> list[str]:
    lines = [
        f"Agreement, {question_name(question)}: {_agreement(each)}"
        for question, found in results.get("agreement", {}).items()
        for each in found
        if each["method"].endswith("ordinal")
    ]
    side = results.get("side_bias")
    if side is not None and side["share_left"] is not None:
        lines.append(
            f"Left set: {side['share_left'] * 100:.1f} % of {side['n']} decided answers "
            f"[{side['low'] * 100:.1f}, {side['high'] * 100:.1f}]"
        )
    return lines


def _agreement(found: AgreementDict) -> str:
    value = "none" if found["value"] is None else f"{found['value']:.2f}"
    bounds = "" if found["low"] is None else f" [{found['low']:.2f}, {found['high']:.2f}]"
    return f"{found['method']} {value}{bounds}"


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


def _default(row: Row) -> str:
    if row.default is None:
        return "none"
    return f"{bounds_text(row.default)} {row.default.method}"


def bounds_text(bounds: Bounds | None) -> str:
    """`[+3.1, +21.0]` in per cent, or `none`."""
    return "none" if bounds is None else f"[{bounds.low * 100:+.1f}, {bounds.high * 100:+.1f}]"
