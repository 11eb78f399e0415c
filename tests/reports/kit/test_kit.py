"""A paper kit: LaTeX that compiles, the same numbers everywhere, and nothing that nobody declared."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
from pylatexenc.latexwalker import LatexWalker

from evaluation.analysis.frame import DISPLAY as DISPLAYS
from evaluation.analysis.frame import OPTIONAL, REPETITION, REQUIRED, SET, STUDY_COLUMNS, read_ratings
from evaluation.reports.answer_groups import CSV_COLUMNS as ANSWER_TABLES
from evaluation.reports.compute import Settings, compute
from evaluation.reports.document import ReportDocument
from evaluation.reports.kit import codebook, references
from evaluation.reports.kit.contents import File, data_files, kit_files, text_files, write_file, write_kit
from evaluation.reports.kit.methods import methods_text, to_fill_in
from evaluation.reports.kit.readme import readme
from evaluation.reports.kit.source import KitSource
from evaluation.reports.reading import OVERALL, lines
from evaluation.reports.tables import CSV_COLUMNS
from evaluation.selectors.answers import COLUMNS as ANSWERS
from evaluation.selectors.ratings import COLUMNS as RATINGS
from evaluation.selectors.ratings import EVIDENCE
from tests.reports.kit.sources import CROWD, answers_source, plain_source, source, specification
from tests.reports.sample import ratings
from tests.reports.test_labels_as_typed import ODD

CELL = re.compile(r"\$?([+-]?\d+\.\d+)\$?")


def text_of(files: dict[str, bytes], name: str) -> str:
    return files[name].decode()


def whole(files: Mapping[str, File]) -> dict[str, bytes]:
    """Each file's bytes."""
    found = {}
    for name, file in files.items():
        out = io.BytesIO()
        write_file(file, out)
        found[name] = out.getvalue()
    return found


def without_figures(own: KitSource) -> dict[str, bytes]:
    """A kit's files but the figures, which take the most time."""
    return whole(data_files(own)) | {name: text.encode() for name, text in text_files(own).items()}


@cache
def drawn(own: Callable[[], KitSource]) -> dict[str, bytes]:
    """A whole kit, once."""
    return whole(kit_files(own()))


@cache
def odd_source() -> KitSource:
    """A study whose labels and category have every sign that LaTeX takes for its own."""
    frame = ratings(label_a=r"a_b^c {d} 10% #1 & ~x \alpha", label_b='[x] * a--b "q" <1> `b` −2')
    frame["category"] = frame["category"].replace("Colors", "[*] $x^2$ & more")
    return source(frame)


def test_every_export_has_the_same_numbers(tmp_path: Path) -> None:
    own = plain_source()
    write_kit(tmp_path / "kit.zip", without_figures(own), "kit")
    with zipfile.ZipFile(tmp_path / "kit.zip") as archive:
        archive.extractall(tmp_path)
    folder = tmp_path / "kit"
    document = json.loads((folder / "data/results.json").read_text())
    assert ReportDocument.from_dict(document).analysis.to_dict() == own.document.analysis.to_dict()
    for file in ("ratings.csv", "ratings.parquet"):  # each leads to the same results again
        again = compute(read_ratings(folder / "data" / file), Settings(), own.document.analysis.family)
        assert again.to_dict() == own.document.analysis.to_dict(), file
    split = json.loads((folder / "data/ratings.json").read_text())
    assert split["columns"] == list(own.ratings.columns)
    assert split["data"] == own.ratings.to_numpy().tolist()
    rows = list(csv.DictReader(io.StringIO((folder / "data/tables.csv").read_text())))
    parquet = pd.read_parquet(folder / "data/tables.parquet")
    at = 0
    for number, each in enumerate(own.document.analysis.comparisons):
        tex = (folder / "tables" / f"{number:02d}-{each.question}.tex").read_text()
        body = [line for line in tex.splitlines() if line.count("&") == 7][1:]
        for (name, rate), line in zip(lines(each), body, strict=True):
            row, typed = rows[at], parquet.iloc[at]
            at += 1
            interval, naive = rate.net.interval, rate.net.independent
            numbers = [rate.share("a"), rate.share("indifferent"), rate.share("b"), rate.net.estimate]
            assert [float(row[key]) for key in ("share_a", "share_indifferent", "share_b", "net")] == numbers
            assert typed["net"] == rate.net.estimate and typed["n_ratings"] == int(row["n_ratings"]) == rate.n_ratings
            assert interval is not None and naive is not None
            assert (float(row["low"]), float(row["high"]), typed["low"]) == (interval.low, interval.high, interval.low)
            assert (row["category"] or OVERALL) == name and (typed["category"] or OVERALL) == name
            cells = [cell.strip() for cell in line.split("&")]
            assert cells[:2] == [name, str(rate.n_ratings)]
            printed = [float(found[1]) for cell in cells[2:6] if (found := CELL.match(cell))]
            assert printed == [round(value * 100 + 0.0, 1) for value in numbers]
            if rate.too_few is None:
                ends = [float(found) for found in CELL.findall(cells[6])]
                assert ends == pytest.approx([max(interval.low, -1) * 100, min(interval.high, 1) * 100], abs=0.0501)
    assert at == len(rows) == len(parquet)
    summary = (folder / "tables/summary.tex").read_text()
    for each in own.document.analysis.comparisons:
        assert f"& {each.overall.n_ratings} & ${each.overall.net.estimate * 100:+.1f}$ &" in summary


def test_answers_of_other_kinds_have_the_same_numbers_everywhere() -> None:
    own = answers_source()
    files = without_figures(own)
    assert own.document.answers is not None
    table = list(csv.DictReader(io.StringIO(text_of(files, "data/answer-tables.csv"))))
    parquet = pd.read_parquet(io.BytesIO(files["data/answer-tables.parquet"]))
    read_back = json.loads(files["data/results.json"])["answers"]["estimates"]
    for at, each in enumerate(own.document.answers.estimates):
        assert float(table[at]["estimate"]) == parquet.iloc[at]["estimate"] == each.mean.estimate
        assert read_back[at]["mean"]["estimate"] == each.mean.estimate
        tex = text_of(files, f"tables/answers-{('alignment', 'fidelity').index(each.question):02d}-{each.question}.tex")
        assert f"{each.generator} & {each.n_answers} & {each.n_left_out} & {each.mean.estimate:#.3g}" in tex
    assert "data/tables.csv" not in files and "tables/summary.tex" not in files
    answers = pd.read_parquet(io.BytesIO(files["data/answers.parquet"]))
    assert answers["value"].tolist() == list(csv_column(files, "data/answers.csv", "value"))


def csv_column(files: dict[str, bytes], name: str, column: str) -> list[str]:
    return [row[column] for row in csv.DictReader(io.StringIO(text_of(files, name)))]


def test_the_codebook_has_each_column_of_each_file_and_no_other() -> None:
    for own in (plain_source(), answers_source()):
        files = whole(data_files(own))
        rows = list(csv.DictReader(io.StringIO(text_of(files, "data/codebook.csv"))))
        assert rows == json.loads(files["data/codebook.json"])
        for file in dict.fromkeys(row["file"] for row in rows):
            header = next(csv.reader(io.StringIO(text_of(files, f"data/{file}.csv"))))
            assert [row["column"] for row in rows if row["file"] == file] == header
            assert list(pd.read_parquet(io.BytesIO(files[f"data/{file}.parquet"])).columns) == header
        tables = {Path(name).stem for name in files if name.startswith("data/") and name.endswith(".csv")} - {
            "codebook"
        }
        assert {row["file"] for row in rows} == tables
        assert all(row["meaning"] and row["range"] and row["empty"] for row in rows)


def test_the_codebook_knows_every_column_that_an_export_can_have() -> None:
    exported = {*RATINGS, *REQUIRED, *OPTIONAL, REPETITION, SET, *STUDY_COLUMNS, *DISPLAYS, *EVIDENCE}
    assert exported | {"rater_language"} == set(codebook.RATINGS)
    assert set(ANSWERS) <= set(codebook.ANSWERS)
    assert list(codebook.TABLES) == list(CSV_COLUMNS) and list(codebook.ANSWER_TABLES) == list(ANSWER_TABLES)
    assert "age" in codebook.column("ratings", "rater_age").meaning
    with pytest.raises(KeyError):
        codebook.column("tables", "rater_age")


@pytest.mark.parametrize("own", [plain_source, odd_source, answers_source], ids=["plain", "odd", "answers"])
def test_the_latex_is_whole(own: Callable[[], KitSource]) -> None:
    """Braces, environments and formulas are closed; a row of a table has as many cells as the table has columns."""
    files = without_figures(own())
    texts = {name: text_of(files, name) for name in files if name.endswith(".tex")}
    for name, text in texts.items():
        LatexWalker(text, tolerant_parsing=False).get_latex_nodes()
        if name.startswith("tables/"):
            assert text.count("\\label{tab:") == 1
            rows = [line for line in text.splitlines() if line.endswith("\\\\") and "multicolumn" not in line]
            assert len({len(re.findall(r"(?<!\\)&", line)) for line in rows}) == 1, name
            assert not [line for line in rows if re.match(r"\s*[\[*]", line)], (
                "they would be arguments of the row's end"
            )
    used = {name for text in texts.values() for name in re.findall(r"\\input\{(\S+?)\}", text)}
    assert {f"{each}.tex" for each in used} == set(texts) - {"main.tex"}
    figures = set(re.findall(r"\\includegraphics\[.*?\]\{(\S+?)\}", texts["main.tex"]))
    assert len(figures) == len(texts) - sum(name.startswith(("tables/summary", "tables/ranking")) for name in texts) - 2
    labels = [found for text in texts.values() for found in re.findall(r"\\label\{(.+?)\}", text)]
    assert len(labels) == len(set(labels))


def test_what_is_cited_is_in_the_bibliography_and_nothing_else() -> None:
    for own in (plain_source(), odd_source(), answers_source()):
        files = without_figures(own)
        entries = re.findall(r"^@\w+\{(\w+),$", text_of(files, "references.bib"), re.M)
        cited = {
            key for keys in re.findall(r"\\cite\{(.+?)\}", text_of(files, "methods.tex")) for key in keys.split(",")
        }
        assert cited <= set(entries) and entries[0] == references.DRAWBENCH
        assert set(entries) - cited <= {references.DRAWBENCH, *references.LISTS}
    assert all(text.count("{") == text.count("}") for _, own in references.ENTRIES.values() for text in own.values())


def test_the_methods_say_what_was_declared_and_list_the_rest() -> None:
    plain, told = plain_source(), [what for what, _ in to_fill_in(plain_source())]
    assert "What raters were paid" in told and "Ethical approval: by which board, under which number" in told
    assert not any(word in methods_text(plain) for word in ("Pay", "recruited", "Ethical", "SIMULATED"))
    asked = specification(
        plain.labels, raters={"consent": "x", "contact": "", "crowd": CROWD, "about": [{"id": "age"}]}
    )
    crowd = replace(plain, specification=asked)
    text, told = methods_text(crowd), [what for what, _ in to_fill_in(crowd)]
    for said in ("recruited through Prolific", "Pay: GBP 3.00 for 20 minutes", "Board of Somewhere, 2026-17"):
        assert said in text
    assert "Withdrawal: none, as declared" in text and "Why there is none: withdrawal" in told
    assert "What raters were paid" not in told and "Who the raters are: age, region, languages" not in told
    for said in ("3 generators", "2 panels of 4 raters", "10 prompts", "8 images", "guidance 2", "seed 7"):
        assert said in text
    assert "evaluation.design" not in text and "{caption}" not in text
    n = len(plain.ratings)
    assert f"gave {n:,} answers" in text


def test_simulated_ratings_are_marked_in_every_text() -> None:
    simulated, real = source(ratings(simulated=2)), source(ratings())
    texts = text_files(simulated)
    marked = [name for name in texts if name.endswith((".tex", ".txt", ".md"))]
    assert len(marked) > 6 and all("SIMULATED RATINGS" in texts[name] for name in marked)
    assert "SIMULATED RATINGS" in readme(simulated, [], "")
    assert not any("SIMULATED" in text for text in (*text_files(real).values(), readme(real, [], "")))


def test_the_same_report_gives_the_same_bytes_and_its_readme_names_each_file(tmp_path: Path) -> None:
    files = drawn(answers_source)
    for name in ("a", "b"):
        write_kit(tmp_path / name, files if name == "a" else kit_files(answers_source()), "kit")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    named = re.findall(r"^\| `(\S+)` \|", text_of(files, "README.md"), re.M)
    for name in set(files) - {"README.md"}:
        stem = str(Path(name).with_suffix(""))
        assert any(each.startswith(stem) or (each.endswith("/") and name.startswith(each)) for each in named), name
    shown = set(re.findall(r"\\includegraphics\[.*?\]\{(\S+?)\}", text_of(files, "main.tex")))
    there = {name for name in files if name.startswith("figures/")}
    assert there == {f"{each}.{form}" for each in shown for form in ("pdf", "svg")} and there
    assert "letters that pdfLaTeX lacks" not in text_of(files, "main.tex"), "signs have commands of TeX's own"
    cats = text_files(source(ratings(raters=2, prompts=2, label_a="猫の絵")))
    assert cats["main.tex"].startswith("% letters that pdfLaTeX lacks: 猫の絵;")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no TeX here")
@pytest.mark.parametrize(
    ("own", "columns"), [(odd_source, "twocolumn"), (odd_source, ""), (answers_source, "twocolumn")]
)
def test_it_compiles_in_two_columns_and_in_one(own: Callable[[], KitSource], columns: str, tmp_path: Path) -> None:
    for name, data in drawn(own).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    main = tmp_path / "main.tex"
    main.write_text(main.read_text().replace("[twocolumn]", f"[{columns}]"))
    for command in (["pdflatex", "-interaction=nonstopmode", "main"], ["bibtex", "main"], *[["pdflatex", "main"]] * 2):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, stdin=subprocess.DEVNULL, timeout=60)
        assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
    log = (tmp_path / "main.log").read_text(errors="replace")
    assert "undefined" not in log and (tmp_path / "main.pdf").stat().st_size > 10_000
    wide = [float(found) for found in re.findall(r"Overfull \\hbox \((\S+)pt too wide\)", log)]
    assert not [each for each in wide if each > 2], wide


FONT = "Noto Serif CJK SC"


def test_a_font_is_chosen_for_chinese_japanese_and_korean_alone() -> None:
    for label, chosen in (("猫の絵", True), ("고양이", True), ("قطة", False), ("Ünïcode", False)):
        main = text_files(source(ratings(raters=2, prompts=2, label_a=label)))["main.tex"]
        assert (FONT in main) == chosen, label


@pytest.mark.skipif(shutil.which("lualatex") is None, reason="there is no LuaTeX here")
def test_lualatex_sets_labels_of_other_letters(tmp_path: Path) -> None:
    fonts = subprocess.run(["fc-list", FONT], capture_output=True, text=True).stdout if shutil.which("fc-list") else ""
    if not fonts:
        pytest.skip(f"there is no {FONT} here")
    files = text_files(source(ratings(raters=2, prompts=2, label_a="猫の絵", label_b="빨간")))
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(re.sub(r"\\includegraphics.*", "", text))
    command = ["lualatex", "-interaction=nonstopmode", "main"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, stdin=subprocess.DEVNULL, timeout=180)
    log = (tmp_path / "main.log").read_text(errors="replace")
    assert done.returncode == 0 and "Missing character" not in log, log[-2000:]


def test_odd_labels_of_every_kind_pass_through(tmp_path: Path) -> None:
    for label in (ODD[0], ODD[7], ODD[9], ODD[10]):
        files = without_figures(source(ratings(raters=2, prompts=2, label_a=label)))
        rows = csv_column(files, "data/tables.csv", "generator_a") + csv_column(files, "data/tables.csv", "generator_b")
        assert (f"'{label}" if label.startswith("=") else label) in rows
        parquet = pd.read_parquet(io.BytesIO(files["data/tables.parquet"]))
        assert label in {*parquet["generator_a"], *parquet["generator_b"]}
        LatexWalker(text_of(files, "main.tex"), tolerant_parsing=False).get_latex_nodes()
