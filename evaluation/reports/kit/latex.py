"""LaTeX of a paper kit: a summary that fits one column, the document that shows how all of it is used."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from common.words import counted
from evaluation.analysis.estimates import EXPLORATORY, PreferenceRate
from evaluation.analysis.ranking import Ranking
from evaluation.analysis.summary_results import ComparisonResult
from evaluation.reports.kit.source import KitSource
from evaluation.reports.reading import OVERALL, default_methods, not_rated_words, p_shown, question_name, too_few
from evaluation.reports.tables import latex_escape, tex_bounds
from evaluation.reports.wording.numbers import level_text

_ITS_OWN = "\u0192\u02c6\u02dc\u2013-\u2026\u2030\u2039-\u203a\u20ac\u2122"
BEYOND = re.compile(rf"[^\x00-\u017f{_ITS_OWN}]")
"""Letters that pdfLaTeX with T1 fonts has no glyphs for; XeLaTeX and LuaLaTeX take them from a font of the system."""
CJK = re.compile(r"[\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]")
CJK_FONT = (
    "\\ifpdftex\\else\\IfFontExistsTF{Noto Serif CJK SC}{\\setmainfont{Noto Serif CJK SC}}"
    "{\\IfFontExistsTF{Noto Sans CJK SC}{\\setmainfont{Noto Sans CJK SC}}{}}\\fi % or a font of yours"
)
"""Where texts have Chinese, Japanese or Korean: a font that has them and Latin letters too, where TeX finds it."""
NET_SHARE = (
    "Net share of ratings: the first generator's share minus the second's, in percentage points; no preference counts "
    "as zero."
)
PACKAGES = ("array", "booktabs", "graphicx")


def letters_beyond(text: str) -> str:
    """The letters of `text` that pdfLaTeX can't set, each once."""
    return "".join(dict.fromkeys(BEYOND.findall(text)))


def summary_latex(source: KitSource) -> str:
    """A row for each pair and question, overall, as wide as a column of a paper in two columns."""
    results = source.document.analysis
    rates = [each.overall for each in results.comparisons]
    methods = list(dict.fromkeys(name for each in results.comparisons for name in default_methods(each)))
    named = " or ".join(methods) or "none"
    speaks = f"Intervals: {level_text(results.level)}, {named}; they speak for {results.speaks_for}."
    lacking = dict.fromkeys(filter(None, map(not_rated_words, results.comparisons)))
    notes = [NET_SHARE, speaks, *lacking]
    caption = latex_escape(" ".join(notes)).replace(" \\%", "\\,\\%")
    if any(map(_exploratory, rates)):
        caption += " $\\dagger$: exploratory."
    lines = _head(source, caption, "tab:summary", SUMMARY_COLUMNS)
    lines.append("    & $n$ & Net & Interval & $p$ \\\\")
    for question in dict.fromkeys(each.question for each in results.comparisons):
        name = latex_escape(question_name(question))
        lines += ["    \\midrule", f"    \\multicolumn{{5}}{{@{{}}l}}{{\\textit{{{name}}}}} \\\\"]
        for each in results.comparisons:
            if each.question == question:
                lines.append(f"    {_summary_row(each)} \\\\")
    return "\n".join([*lines, *FOOT])


def _summary_row(comparison: ComparisonResult) -> str:
    rate = comparison.overall
    p = p_shown(OVERALL, rate)
    dagger = "$^\\dagger$" if _exploratory(rate) else ""
    name = f"{latex_escape(comparison.generator_a)} against {latex_escape(comparison.generator_b)}{dagger}"
    bounds = too_few(rate) or tex_bounds(rate.net.interval)
    p_cell = "--" if p is None else "$<$0.001" if p < 0.001 else f"{p:.3f}"
    return f"{name} & {rate.n_ratings} & ${rate.net.estimate * 100:+.1f}$ & {bounds} & {p_cell}"


def _exploratory(rate: PreferenceRate) -> bool:
    return rate.standing is not None and rate.standing.role == EXPLORATORY


def ranking_latex(source: KitSource, ranking: Ranking, number: int) -> str:
    """A ranking, as wide as a column of a paper in two columns."""
    caption = latex_escape(
        f"{question_name(ranking.question)}: ranking by the {ranking.model.title()} model, of "
        f"{counted(ranking.n_ratings, 'rating')}. Scores have mean zero, on the scale of log odds; intervals are "
        f"{level_text(ranking.level)}. Bands hold all ranks at once."
    ).replace(" \\%", "\\,\\%")
    lines = _head(source, caption, f"tab:ranking-{number}", RANKING_COLUMNS)
    lines += ["    & Rank & Band & Score & Interval \\\\", "    \\midrule"]
    for each in ranking.scores:
        band = f"{each.rank_low}" if each.rank_low == each.rank_high else f"{each.rank_low}--{each.rank_high}"
        has_ends = each.low is not None and each.high is not None
        bounds = f"${each.low:+.2f}$ to ${each.high:+.2f}$" if has_ends else "--"
        lines.append(f"    {latex_escape(each.generator)} & {each.rank} & {band} & ${each.score:+.2f}$ & {bounds} \\\\")
    return "\n".join([*lines, *FOOT])


_NAME = r">{\raggedright\arraybackslash}p{%.2f\columnwidth}"
SUMMARY_COLUMNS = rf"@{{}}{_NAME % 0.32}rr{_NAME % 0.29}r@{{}}"
RANKING_COLUMNS = rf"@{{}}{_NAME % 0.34}rrr{_NAME % 0.28}@{{}}"
FOOT = ("    \\bottomrule", "  \\end{tabular}", "\\end{table}", "")


def _head(source: KitSource, caption: str, label: str, columns: str) -> list[str]:
    """How a table of one column begins."""
    mark = "\\textbf{SIMULATED RATINGS.} " if source.simulated_words else ""
    return [
        "% needs \\usepackage{array,booktabs} and \\usepackage[T1]{fontenc}",
        "\\begin{table}",
        "  \\centering\\footnotesize\\setlength{\\tabcolsep}{3pt}",
        f"  \\caption{{{mark}{caption}}}\\smallskip",
        f"  \\label{{{label}}}",
        f"  \\begin{{tabular}}{{{columns}}}",
        "    \\toprule",
    ]


def main_latex(source: KitSource, tables: Sequence[str], figures: Mapping[str, str], texts: str = "") -> str:
    """A document with everything in it, in two columns; without the option `twocolumn`, in one. `figures`: captions by
    the path without its suffix. `texts`: what it takes in, by which its fonts are chosen.
    """
    texts += "".join(figures.values()) + (source.title or source.study)
    lines = [
        "% An example that shows how the parts are used: pdflatex main, bibtex main, pdflatex main twice.",
        "% For one column, take `twocolumn' away. Letters beyond Latin need lualatex or xelatex, and a font.",
        "\\documentclass[twocolumn]{article}",
        "\\usepackage{iftex}",
        "\\ifpdftex\\usepackage[T1]{fontenc}\\usepackage[utf8]{inputenc}\\usepackage{textcomp}\\else\\usepackage{fontspec}\\fi",
        *([CJK_FONT] if CJK.search(texts) else ()),
        f"\\usepackage{{{','.join(PACKAGES)}}}",
        "\\usepackage[margin=2cm]{geometry}",
        "\\sloppy % hashes and names have no place to break",
        f"\\title{{{latex_escape(source.title or source.study)}}}",
        "\\author{(to be filled in)}",
        "\\begin{document}",
        "\\maketitle",
        "\\section{Methods}",
        "\\input{methods}",
        "\\section{Results}",
        *(f"\\input{{{each}}}" for each in tables),
    ]
    for number, (path, caption) in enumerate(figures.items()):
        mark = "\\textbf{SIMULATED RATINGS.} " if source.simulated_words else ""
        lines += [
            "\\begin{figure*}",
            "  \\centering",
            f"  \\includegraphics[width=\\textwidth,height=0.85\\textheight,keepaspectratio]{{{path}}}",
            f"  \\caption{{{mark}{latex_escape(caption)}}}",
            f"  \\label{{fig:{number}}}",
            "\\end{figure*}",
        ]
    end = ["\\clearpage", "\\bibliographystyle{unsrt}", "\\bibliography{references}", "\\end{document}", ""]
    return "\n".join([*lines, *end])
