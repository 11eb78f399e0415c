"""Results as plain text, for terminals."""

from __future__ import annotations

from evaluation.reports.results import Bounds, ComparisonTable, Results, Row, comparison_tables


def results_text(results: Results, *, title: str) -> str:
    """`results` as a readable table a question: shares and net share in per cent, both intervals, all n."""
    lines = [
        title,
        f"{results['n_ratings']} ratings by {results['n_raters']} raters of {results['n_prompts']} prompts.",
    ]
    lines += [f"NOTE  {note}" for note in results["notes"]]
    if not results["comparisons"]:
        return "\n".join(lines)
    for table in comparison_tables(results):
        lines += ["", *_table(table)]
    lines += [
        "",
        "Shares in per cent of the ratings; net = A - B, indifferent answers counting as zero.",
        f"The default interval speaks for {results['estimand']['means']}.",
        "Independent: every rating as if from its own rater and prompt, as published figures are; mostly too narrow.",
    ]
    return "\n".join(lines)


def _table(table: ComparisonTable) -> list[str]:
    width = max(len(row.name) for row in table.rows)
    level = f"{table.level * 100:g} %"
    header = (
        f"{'':{width}}  {'n':>6} {'raters':>6} {'prompts':>7}  {'A':>5} {'ind.':>5} {'B':>5}  {'net':>6}  "
        f"{'default ' + level:<28}  independent {level}"
    )
    lines = [f"{table.question_name}: A = {table.generator_a}, B = {table.generator_b}", header, "-" * len(header)]
    for row in table.rows:
        lines.append(
            f"{row.name:{width}}  {row.n_ratings:>6} {row.n_raters:>6} {row.n_prompts:>7}  "
            f"{row.a * 100:5.1f} {row.indifferent * 100:5.1f} {row.b * 100:5.1f}  {row.net * 100:+6.1f}  "
            f"{_default(row):<28}  {bounds_text(row.naive)}"
        )
    missing = [f"  {row.name}: {row.why}" for row in table.rows if row.why]
    return lines + (["Where the two-way interval can't be had:", *missing] if missing else [])


def _default(row: Row) -> str:
    if row.default is None:
        return "none"
    return f"{bounds_text(row.default)} {row.default.method}"


def bounds_text(bounds: Bounds | None) -> str:
    """`[+3.1, +21.0]` in per cent, or `none`."""
    return "none" if bounds is None else f"[{bounds.low * 100:+.1f}, {bounds.high * 100:+.1f}]"
