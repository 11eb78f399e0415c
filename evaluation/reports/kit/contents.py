"""The files of a paper kit, and the zip that holds them."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import IO, Any, BinaryIO, TypeAlias

import pandas as pd

from common.words import counted
from evaluation import protocols
from evaluation.analysis.summary_results import ComparisonResult
from evaluation.reports.answer_groups import AnswerGroup, answer_groups, answers_table_csv
from evaluation.reports.answer_words import ends_of, option_texts
from evaluation.reports.answers_figure import answers_figure
from evaluation.reports.figure import FigureFormat, comparison_figure
from evaluation.reports.kit import references
from evaluation.reports.kit.codebook import codebook, codebook_csv
from evaluation.reports.kit.heds import heds_json, heds_open
from evaluation.reports.kit.latex import letters_beyond, main_latex, ranking_latex, summary_latex
from evaluation.reports.kit.methods import methods_latex, methods_text, to_fill_in, to_fill_in_text
from evaluation.reports.kit.otani import otani_text
from evaluation.reports.kit.readme import readme
from evaluation.reports.kit.source import KitSource
from evaluation.reports.ratings_file import csv_parts, json_parts, ratings_parquet, write_parquet
from evaluation.reports.reading import drawn, question_name
from evaluation.reports.tables import answers_latex, table_latex, tables_csv

FORMATS: tuple[FigureFormat, ...] = ("pdf", "svg")
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of every file in the zip: the same report gives the same bytes."""


File: TypeAlias = bytes | Callable[[IO[bytes]], object]
"""A file's bytes, or what writes it: a file of a million ratings is never in memory as a whole."""


def kit_files(source: KitSource) -> dict[str, File]:
    """The kit's files by their path in it. The same report gives the same bytes."""
    texts = text_files(source)
    files: dict[str, File] = {**figure_files(source), **data_files(source)}
    files |= {name: text.encode() for name, text in texts.items()}
    if source.page is not None:
        files["report.html"] = source.page
    beyond = letters_beyond("".join(text for name, text in texts.items() if name.endswith(".tex")))
    files["README.md"] = readme(source, sorted(files), beyond).encode()
    return dict(sorted(files.items()))


def text_files(source: KitSource) -> dict[str, str]:
    """LaTeX, the bibliography, and the lists that are filled in."""
    results = source.document.analysis
    tables: dict[str, str] = {}
    if results.comparisons:
        tables["summary"] = summary_latex(source)
    for stem, each in _comparisons(source).items():
        tables[stem] = table_latex(each, speaks_for=results.speaks_for, simulated=results.simulated)
    for stem, (group, name, ends) in _groups(source).items():
        tables[stem] = answers_latex(
            group, name, ends=ends, speaks_for=results.speaks_for, simulated=bool(source.n_simulated)
        )
    for number, ranking in enumerate(source.rankings):
        tables[f"ranking-{number:02d}-{_stem(ranking.question)}"] = ranking_latex(source, ranking, number)
    texts = {f"tables/{stem}.tex": text for stem, text in tables.items()}
    texts["methods.tex"] = methods_latex(source)
    texts["main.tex"] = main_latex(
        source, [f"tables/{stem}" for stem in tables], _captions(source), "".join(texts.values())
    )
    return {name: _marked(text) for name, text in texts.items()} | {
        "methods.txt": methods_text(source),
        "references.bib": references.bibtex(source),
        "TO-FILL-IN.md": to_fill_in_text(to_fill_in(source), heds_open(source)),
        "heds.json": heds_json(source).decode(),
        "otani.md": otani_text(source),
    }


def figure_files(source: KitSource) -> dict[str, bytes]:
    """Each figure in each of `FORMATS`."""
    files: dict[str, bytes] = {}
    for form in FORMATS:
        for stem, each in _drawn(source).items():
            files[f"figures/{stem}.{form}"] = comparison_figure(each, image_format=form)
        for stem, (group, name, ends) in _groups(source).items():
            label = _label(group, name)
            files[f"figures/{stem}.{form}"] = answers_figure(group, label=label, ends=ends, image_format=form)
    return files


def _captions(source: KitSource) -> dict[str, str]:
    """What each figure shows, by its path without the suffix."""
    captions = {
        f"figures/{stem}": (
            f"{question_name(each.question)}: {each.generator_a} against {each.generator_b}. Shares of "
            f"{counted(each.overall.n_ratings, 'rating')} with intervals, and the net share; right of zero, raters "
            f"prefer {each.generator_a}."
        )
        for stem, each in _drawn(source).items()
    }
    return captions | {
        f"figures/{stem}": f"{_label(group, name)}, of each generator, with intervals; small marks are categories."
        for stem, (group, name, _) in _groups(source).items()
    }


def data_files(source: KitSource) -> dict[str, File]:
    """The ratings, the other answers and the results, in the forms that programs and spreadsheets read, and what each
    column means.
    """
    results = source.document.analysis
    frames = {"ratings": source.ratings}
    if source.answers is not None:
        frames["answers"] = source.answers
    files: dict[str, File] = {}
    columns: dict[str, list[str]] = {}
    for name, frame in frames.items():
        files[f"data/{name}.csv"] = partial(_write_parts, csv_parts, frame)
        files[f"data/{name}.json"] = partial(_write_parts, json_parts, frame)
        files[f"data/{name}.parquet"] = partial(write_parquet, frame)
        columns[name] = list(frame.columns)
    tables = {"tables": tables_csv(results.comparisons)} if results.comparisons else {}
    if source.document.answers is not None:
        tables["answer-tables"] = answers_table_csv(source.document.answers)
    for name, text in tables.items():
        files[f"data/{name}.csv"] = text.encode()
        columns[name] = next(csv.reader(io.StringIO(text)))
        files[f"data/{name}.parquet"] = ratings_parquet(table_frame(text))
    files["data/results.json"] = results_json(source)
    rows = codebook(columns)
    files["data/codebook.csv"] = codebook_csv(rows)
    files["data/codebook.json"] = _json(rows)
    return files


def table_frame(text: str) -> pd.DataFrame:
    """A table of results from its CSV: numbers as numbers, every digit of them, and texts as they were typed."""
    frame = pd.read_csv(io.StringIO(text), keep_default_na=False, dtype=str)
    for name in frame.columns:
        if name in NUMBERS:
            frame[name] = pd.Series([None if cell == "" else float(cell) for cell in frame[name]], dtype="Float64")
        elif name in COUNTS:
            frame[name] = pd.Series([None if cell == "" else int(cell) for cell in frame[name]], dtype="Int64")
        else:
            frame[name] = frame[name].str.replace(r"^'(?='*[=+\-@\t\r])", "", regex=True)
    return frame


COUNTS = ("n_ratings", "n_answers", "n_left_out", "n_raters", "n_prompts", "rank", "rank_low", "rank_high")
NUMBERS = (
    *("share_a", "share_indifferent", "share_b", "net", "estimate"),
    *("low", "high", "independent_low", "independent_high", "p"),
)
"""Columns of tables that hold numbers."""


def results_json(source: KitSource) -> bytes:
    """The results, with what names their input."""
    named = {
        "study": source.study,
        "specification_hash": source.specification_hash,
        "input_hash": source.input_hash,
        "settings": dict(source.settings),
        "code_version": source.code_version,
        "as_of": source.as_of,
        "looks_before_closing": dict(source.looks),
    }
    return _json(source.document.to_dict() | {"report": named})


def write_kit(path: Path | BinaryIO, files: Mapping[str, File], folder: str) -> None:
    """The zip, everything in `folder`."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, file in files.items():
            entry = zipfile.ZipInfo(f"{folder}/{name}", EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w", force_zip64=True) as out:
                write_file(file, out)


def write_file(file: File, out: IO[bytes]) -> None:
    """Write one of `kit_files`."""
    if isinstance(file, bytes):
        out.write(file)
    else:
        file(out)


def _write_parts(parts: Callable[[pd.DataFrame], Iterable[bytes]], frame: pd.DataFrame, out: IO[bytes]) -> None:
    for part in parts(frame):
        out.write(part)


def _json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2) + "\n").encode()


def _comparisons(source: KitSource) -> dict[str, ComparisonResult]:
    """Each pair and question by the name of its files."""
    found = source.document.analysis.comparisons
    return {f"{number:02d}-{_stem(each.question)}": each for number, each in enumerate(found)}


def _drawn(source: KitSource) -> dict[str, ComparisonResult]:
    """Those of which the kit has a figure."""
    every = list(_comparisons(source).items())
    return dict(every[at] for at in drawn([each for _, each in every]))


def _groups(source: KitSource) -> dict[str, tuple[AnswerGroup, str, tuple[float, float] | None]]:
    """Each group of answers, its measure in words, and the ends of its scale, by the name of its files."""
    if source.document.answers is None:
        return {}
    protocol = protocols.read(source.protocol)
    texts = option_texts(protocol)
    return {
        f"answers-{each.number:02d}-{_stem(each.question)}": (each, each.name(texts), ends_of(each, protocol))
        for each in answer_groups(source.document.answers)
    }


def _label(group: AnswerGroup, name: str) -> str:
    return f"{question_name(group.question)}, {name}"


def _marked(text: str) -> str:
    """With a first line that names the letters that pdfLaTeX lacks, where there are any."""
    beyond = letters_beyond(text)
    if not beyond:
        return text
    return f"% letters that pdfLaTeX lacks: {beyond}; use lualatex or xelatex, with a font that has them\n{text}"


def _stem(name: str) -> str:
    """A file's name of a question: letters and digits alone."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "question"
