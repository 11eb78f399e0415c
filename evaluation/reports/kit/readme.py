"""The README of a paper kit."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.reports.answer_words import option_texts_of
from evaluation.reports.document import names_in_figures
from evaluation.reports.fonts import missing_letters
from evaluation.reports.kit.source import KitSource

WHAT: tuple[tuple[str, str], ...] = (
    ("main.tex", "an example that uses all of it; compiles as it is, in two columns or in one"),
    ("methods.tex", "the methods, with the study's own figures and citations"),
    ("methods.txt", "the same as text"),
    ("references.bib", "what it cites: DrawBench's paper, and each method that the report used"),
    ("tables/summary.tex", "all pairs and questions, as wide as one column (`table`)"),
    ("tables/", "a table for each pair and question, over both columns (`table*`), each with a `\\label`"),
    ("figures/", "each as PDF and SVG, vectors; of more than 40 pairs and questions the primary ones first"),
    ("TO-FILL-IN.md", "what papers say and only a person knows"),
    ("heds.json", "HEDS 3.0: load it in the form with “upload json”, and complete it there"),
    ("otani.md", "the reporting list of Otani et al. (CVPR 2023), filled in"),
    ("report.html", "the whole report in one file"),
    ("data/codebook.csv", "what each column of each file means; the same in codebook.json"),
    ("data/ratings.csv", "the ratings that the report is of; the same in ratings.parquet and ratings.json"),
    ("data/answers.csv", "answers of other kinds, likewise"),
    ("data/results.json", "all results, with the hashes of their input"),
    ("data/tables.csv", "the tables in fractions, with all digits; the same in tables.parquet"),
    ("data/answer-tables.csv", "the tables of answers of other kinds, likewise"),
)
"""What is in a kit; a path that ends with a slash stands for the files of that folder without a line of their own."""


def readme(source: KitSource, files: Sequence[str], beyond: str) -> str:
    """The README of a kit with `files`. `beyond`: letters that pdfLaTeX can't set."""
    lines = [f"# Paper kit of the study {source.study}, report {source.report}", ""]
    if source.simulated_words:
        lines += [f"**{source.simulated_words}**", ""]
    if source.status == "open":
        lines += ["**Interim**: the study was still open.", ""]
    lines += ["| file | what |", "|---|---|"]
    for path, what in WHAT:
        if path in files or (path.endswith("/") and any(each.startswith(path) for each in files)):
            lines.append(f"| `{path}` | {what} |")
    latex = (
        "LaTeX: `pdflatex main && bibtex main && pdflatex main && pdflatex main`. The tables need the packages array "
        "and booktabs, which every TeX distribution has."
    )
    if beyond:
        latex += (
            f" Some texts have letters that pdfLaTeX lacks ({beyond}): use lualatex or xelatex, with a font that has "
            "them (`\\setmainfont`)."
        )
    boxes = missing_letters(names_in_figures(source.document, option_texts_of(source.specification)))
    if boxes:
        latex += (
            f" The server that drew the figures has no font for these letters, so boxes stand for them: {boxes}. "
            "Draw them again where there is one (Debian: fonts-noto-cjk for Chinese, Japanese and Korean)."
        )
    again = "python manage.py analyse --ratings data/ratings.csv"
    made = f"Report {source.report}: input SHA-256 `{source.input_hash}`, code `{source.code_version}`, ratings as of "
    lines += ["", latex]
    if source.document.analysis.comparisons:
        lines += ["", f"Compute it again, with DrawBench and without a database: `{again}`."]
    return "\n".join([*lines, "", f"{made}{source.as_of}.", ""])
