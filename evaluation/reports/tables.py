"""A report's table for other programs: CSV for spreadsheets, LaTeX (booktabs) for papers."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

from evaluation.analysis.columns import CHOICES
from evaluation.analysis.estimates import EXPLORATORY, Interval
from evaluation.analysis.summary_results import ComparisonResult
from evaluation.reports.answer_groups import AnswerGroup
from evaluation.reports.ratings_file import no_formula
from evaluation.reports.reading import (
    cut,
    default_methods,
    lines,
    not_rated_words,
    p_shown,
    question_name,
    too_few,
)
from evaluation.reports.wording.measures import shown_estimate
from evaluation.reports.wording.numbers import MINUS

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
    *("role", "shown_to_lead"),
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
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        "[": "{[}",  # after a row's end, [ and * would be its arguments
        "]": "{]}",
        "*": "{*}",
        '"': r"\textquotedbl{}",
        "`": r"\textasciigrave{}",
        MINUS: "$-$",
        "\u2264": r"$\leq$",
        "\u2265": r"$\geq$",
        "\u2248": r"$\approx$",
        "\u00d7": r"$\times$",
        "\u00b1": r"$\pm$",
        "\u2192": r"$\to$",
    }
)
_LIGATURES = re.compile(r"-(?=-)|'(?=')|,(?=,)")
"""Letters that TeX would draw as one with the next: two hyphens, apostrophes or commas."""


def tables_csv(comparisons: Sequence[ComparisonResult]) -> str:
    """All rows of all comparisons, in fractions; the category of an overall row is empty.

    `p`: of no preference, by the default interval's error, adjusted by Holm over the family of comparisons, or over the
    categories; an exploratory comparison's is its own. `shown_to_lead`: the generator that the family carries.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for comparison in comparisons:
        names = [no_formula(name) for name in (comparison.generator_a, comparison.generator_b, comparison.question)]
        for at, (name, rate) in enumerate(lines(comparison)):
            own, naive = rate.net.interval, rate.net.independent
            p = p_shown(name, rate)
            role = rate.standing.role if rate.standing else ""
            writer.writerow(
                [
                    *names,
                    no_formula(name) if at else "",
                    *(rate.n_ratings, rate.n_raters, rate.n_prompts),
                    *(rate.share(choice) for choice in CHOICES),
                    rate.net.estimate,
                    *((own.method, own.low, own.high) if own else ("", "", "")),
                    *((naive.low, naive.high) if naive else ("", "")),
                    "" if p is None else p,
                    role,
                    {"a": names[0], "b": names[1], None: ""}[rate.leader],
                ]
            )
    return buffer.getvalue()


def table_latex(comparison: ComparisonResult, *, speaks_for: str, simulated: bool) -> str:
    """One comparison as a booktabs table over the whole width, in per cent, its caption saying what the intervals are.

    Eight columns do not fit a column of a paper: so `table*`, which a document of one column takes as well, and columns
    of fixed width, in which long labels and names of categories break.
    """
    methods = " or ".join(default_methods(comparison)) or "none"
    a, b = latex_escape(comparison.generator_a), latex_escape(comparison.generator_b)
    caption = (
        f"{latex_escape(question_name(comparison.question))}: {a} against {b}. Shares are in per cent of the ratings. "
        f"Net share: {a} minus {b}, in percentage points; no preference counts as zero. Interval: "
        f"{comparison.overall.level * 100:g}\\,\\%, {latex_escape(methods)}; it speaks for {latex_escape(speaks_for)}. "
        "As independent: the same, with every rating taken as independent. Intervals end at $\\pm100$ points."
    )
    if comparison.overall.standing is not None and comparison.overall.standing.role == EXPLORATORY:
        caption += " Exploratory: not one of the primary comparisons that were declared."
    if comparison.not_rated:
        caption += f" {latex_escape(not_rated_words(comparison))}"
    if simulated:
        caption = f"\\textbf{{SIMULATED RATINGS.}} {caption}"
    text = [
        "% needs \\usepackage{array,booktabs} and \\usepackage[T1]{fontenc}",
        "\\begin{table*}",
        "  \\centering\\footnotesize\\setlength{\\tabcolsep}{3pt}",
        f"  \\caption{{{caption}}}\\smallskip",
        f"  \\label{{{_tex_label(comparison)}}}",
        f"  \\begin{{tabular}}{{{_tex_columns()}}}",
        "    \\toprule",
        f"    & Ratings & {a} & No preference & {b} & Net share & Interval & As independent \\\\",
        "    \\midrule",
    ]
    rows = lines(comparison)
    for at, (name, rate) in enumerate(rows):
        shares = " & ".join(f"{rate.share(choice) * 100:.1f}" for choice in CHOICES)
        net = (
            f"${rate.net.estimate * 100:+.1f}$ & {too_few(rate) or tex_bounds(rate.net.interval)} & "
            f"{tex_bounds(rate.net.independent)}"
        )
        text.append(f"    {latex_escape(name)} & {rate.n_ratings} & {shares} & {net} \\\\")
        if not at and len(rows) > 1:
            text.append("    \\midrule")
    text += ["    \\bottomrule", "  \\end{tabular}", "\\end{table*}", ""]
    return "\n".join(text)


def answers_latex(
    group: AnswerGroup, name: str, *, ends: tuple[float, float] | None, speaks_for: str, simulated: bool
) -> str:
    """One measure of answers as a booktabs table, overall and by category. `name`: the measure in words; `ends`: of a
    scale.
    """
    sign = ", in per cent" if group.is_share else ""
    caption = (
        f"{latex_escape(question_name(group.question))}: {latex_escape(name)}{sign}, of each generator. Interval: "
        f"{group.level * 100:g}\\,\\%; it speaks for {latex_escape(speaks_for)}."
    )
    if simulated:
        caption = f"\\textbf{{SIMULATED RATINGS.}} {caption}"
    text = [
        "% needs \\usepackage{array,booktabs} and \\usepackage[T1]{fontenc}",
        "\\begin{table}",
        "  \\centering\\footnotesize\\setlength{\\tabcolsep}{3pt}",
        f"  \\caption{{{caption}}}\\smallskip",
        f"  \\label{{tab:{_tex_name(group.question)}-{_tex_name(group.measure)}}}",
        f"  \\begin{{tabular}}{{{_ANSWER_COLUMNS}}}",
        "    \\toprule",
        "    & Answers & Left out & Estimate & Interval \\\\",
    ]
    for category, estimates in (("", group.overall), *group.categories.items()):
        text.append("    \\midrule")
        if category:
            text.append(f"    \\multicolumn{{5}}{{@{{}}l}}{{\\textit{{{latex_escape(category)}}}}} \\\\")
        for each in estimates:
            cells = shown_estimate(each, group, ends)
            row = [
                latex_escape(cells.generator),
                f"{cells.n_answers}",
                f"{cells.n_left_out}",
                cells.value,
                cells.interval,
            ]
            text.append(f"    {' & '.join(cell.replace(MINUS, '$-$') for cell in row)} \\\\")
    return "\n".join([*text, "    \\bottomrule", "  \\end{tabular}", "\\end{table}", ""])


_ANSWER_COLUMNS = (
    r"@{}>{\raggedright\arraybackslash}p{0.26\columnwidth}rrr>{\raggedright\arraybackslash}p{0.25\columnwidth}@{}"
)
TEX_WIDTHS = {"name": 0.18, "ratings": 0.06, "share": 0.09, "net": 0.07, "interval": 0.145}
"""Widths of a table's columns, in shares of the text's; three shares and two intervals leave room for the gaps."""


def _tex_columns() -> str:
    """The columns: names to the left, numbers to the right, intervals in the middle; what is too wide breaks."""
    kinds = [
        ("raggedright", "name"),
        ("raggedleft", "ratings"),
        *[("raggedleft", "share")] * len(CHOICES),
        ("raggedleft", "net"),
        *[("centering", "interval")] * 2,
    ]
    columns = "".join(f">{{\\{kind}\\arraybackslash}}p{{{TEX_WIDTHS[what]:g}\\textwidth}}" for kind, what in kinds)
    return f"@{{}}{columns}@{{}}"


def _tex_label(comparison: ComparisonResult) -> str:
    """A name to refer to the table by, of letters, digits and dashes alone."""
    parts = (comparison.question, comparison.generator_a, comparison.generator_b)
    return "tab:" + "-".join(map(_tex_name, parts))


def _tex_name(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "x"


def latex_escape(text: str) -> str:
    """`text` as LaTeX prints it, letter by letter, in a table's cell too."""
    return _LIGATURES.sub(r"\g<0>{}", text.translate(_TEX))


def tex_bounds(interval: Interval | None) -> str:
    """An interval of a net share in points, cut at what is possible."""
    if interval is None:
        return "--"
    own = cut(interval)
    return f"${own.low * 100:+.1f}$ to ${own.high * 100:+.1f}$"
