"""A report's table for other programs: CSV for spreadsheets, LaTeX (booktabs) for papers."""

from __future__ import annotations

import csv
import io

from evaluation.reports.ratings_file import no_formula
from evaluation.reports.results import Bounds, ComparisonTable

CSV_COLUMNS = (
    *("generator_a", "generator_b", "question", "category", "n_ratings", "n_raters", "n_prompts"),
    *(
        "share_a",
        "share_indifferent",
        "share_b",
        "net",
        "interval",
        "low",
        "high",
        "independent_low",
        "independent_high",
        "p",
    ),
)

_TEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
    }
)


def tables_csv(tables: tuple[ComparisonTable, ...]) -> str:
    """All rows of all comparisons, in fractions; the category of an overall row is empty.

    `p`: of no preference, by the default interval's error; of categories adjusted by Holm over them.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for table in tables:
        for row in table.rows:
            writer.writerow(
                [
                    *(no_formula(name) for name in (table.generator_a, table.generator_b, table.question)),
                    "" if row.is_overall else no_formula(row.name),
                    *(row.n_ratings, row.n_raters, row.n_prompts, row.a, row.indifferent, row.b, row.net),
                    *((row.default.method, row.default.low, row.default.high) if row.default else ("", "", "")),
                    *((row.naive.low, row.naive.high) if row.naive else ("", "")),
                    "" if row.p_value is None else row.p_value,
                ]
            )
    return buffer.getvalue()


def table_latex(table: ComparisonTable, *, estimand: str, simulated: bool) -> str:
    """One comparison as a booktabs table, in per cent, its caption saying what the intervals are."""
    methods = " or ".join(table.default_methods) or "none"
    a, b = latex_escape(table.generator_a), latex_escape(table.generator_b)
    caption = (
        f"{latex_escape(table.question_name)}: A = {a}, B = {b}. Shares of ratings in \\%; net share A $-$ B with "
        f"{table.level * 100:g}\\% intervals: {latex_escape(methods)}, for {latex_escape(estimand)}; and, to compare, "
        "with ratings taken as independent."
    )
    if simulated:
        caption = f"\\textbf{{SIMULATED RATINGS.}} {caption}"
    lines = [
        "% needs \\usepackage{booktabs}",
        "\\begin{table}",
        "  \\centering",
        f"  \\caption{{{caption}}}",
        "  \\begin{tabular}{lrrrrrcc}",
        "    \\toprule",
        "    & $n$ & A & indiff. & B & net & interval & independent \\\\",
        "    \\midrule",
    ]
    for row in table.rows:
        lines.append(
            f"    {latex_escape(row.name)} & {row.n_ratings} & {row.a * 100:.1f} & {row.indifferent * 100:.1f} & "
            f"{row.b * 100:.1f} & ${row.net * 100:+.1f}$ & {_tex_bounds(row.default)} & {_tex_bounds(row.naive)} \\\\"
        )
        if row.is_overall and table.categories:
            lines.append("    \\midrule")
    lines += ["    \\bottomrule", "  \\end{tabular}", "\\end{table}", ""]
    return "\n".join(lines)


def latex_escape(text: str) -> str:
    """`text` as LaTeX prints it."""
    return text.translate(_TEX)


def _tex_bounds(bounds: Bounds | None) -> str:
    return "--" if bounds is None else f"$[{bounds.cut.low * 100:+.1f}, {bounds.cut.high * 100:+.1f}]$"
