"""Labels, categories and names as they were typed: in every figure, table and page, whatever signs they hold."""

from __future__ import annotations

import csv
import io
import re
import warnings
from collections.abc import Iterator

import matplotlib.text
import pytest
from matplotlib.backend_bases import RendererBase

from common import limits
from evaluation.analysis.frame import validate_ratings
from evaluation.analysis.summary_results import ComparisonResult
from evaluation.reports.compute import Settings, compute
from evaluation.reports.figure import comparison_figure
from evaluation.reports.fonts import short_names, width_of
from evaluation.reports.tables import latex_escape, table_latex, tables_csv
from tests.reports.sample import ratings

ODD = [
    r"w $\frac$ 1",
    "cheap $$ model",
    "cost $5 vs $6",
    "$",
    "$x^2$",
    r"\alpha_1",
    "_private",
    "a_b^c {d} 10% #1 & ~x",
    "back\\slash",
    "=1+1",
    "猫の絵",
    "🦊 fox",
    "قطة حمراء",
    "नमस्ते",
    "x" * limits.LABEL,
    "<b>bold</b> & \"quoted\" 'single'",
]


def comparison(a: str, b: str, category: str = "Colors") -> ComparisonResult:
    frame = ratings(label_a=a, label_b=b)
    frame["category"] = frame["category"].replace("Colors", category)
    return compute(validate_ratings(frame), Settings()).comparisons[0]


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, bool]]]:
    """What figures draw: each text, and whether it is taken for a formula."""
    drawn: list[tuple[str, bool]] = []
    plain = matplotlib.text.Text._preprocess_math  # type: ignore[attr-defined]  # its types leave it out

    def noted(self: matplotlib.text.Text, text: str) -> tuple[str, object]:
        found = plain(self, text)
        drawn.append((found[0], bool(found[1])))
        return found

    monkeypatch.setattr(matplotlib.text.Text, "_preprocess_math", noted)
    yield drawn


@pytest.mark.parametrize("label", ODD)
@pytest.mark.parametrize("narrow", [False, True])
def test_a_figure_shows_it_as_typed(label: str, narrow: bool, texts: list[tuple[str, bool]]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = comparison_figure(comparison(label, "other", category=f"{label} too"), narrow=narrow)
    assert data.startswith(b"<?xml")
    assert not any(is_formula for _, is_formula in texts)
    shown = {text for text, _ in texts}
    whole = label if width_of(label) <= 52 else short_names([label], 52)[0]
    assert whole in shown or short_names([label], 32)[0] in shown
    assert short_names([f"{label} too"], 27 if narrow else 25)[0] in shown


@pytest.mark.parametrize("image_format", ["svg", "pdf", "png"])
@pytest.mark.parametrize("label", [r"w $\frac$ 1", "cheap $$ model", "猫の絵 🦊", "_private"])
def test_in_every_format(label: str, image_format: str) -> None:
    assert len(comparison_figure(comparison(label, "cost $5"), image_format=image_format)) > 1000  # type: ignore[arg-type]


@pytest.mark.parametrize("label", ODD)
def test_a_table_for_a_paper(label: str) -> None:
    text = table_latex(comparison(label, "other", category=label), speaks_for="raters and prompts", simulated=False)
    body = text.replace("\\\\", "")
    for sign in "$%#&":
        assert not re.search(rf"(?<!\\){re.escape(sign)}", latex_escape(label))
    assert latex_escape(label) in body.replace("\n", " ") or "\\" in label
    assert latex_escape(r"\a{b}^~") == r"\textbackslash{}a\{b\}\textasciicircum{}\textasciitilde{}"


@pytest.mark.parametrize("label", ODD)
def test_a_table_for_a_spreadsheet(label: str) -> None:
    rows = list(csv.DictReader(io.StringIO(tables_csv([comparison(label, "other", category=label)]))))
    escaped = f"'{label}" if label.startswith("=") else label
    assert {escaped} <= {row["generator_a"] for row in rows} | {row["generator_b"] for row in rows}
    assert escaped in {row["category"] for row in rows}


def test_names_that_are_cut_stay_apart() -> None:
    twins = ["x" * 100 + "1", "x" * 100 + "2", "y" * 60 + "m" + "y" * 60, "y" * 60 + "n" + "y" * 60, "short"]
    cut = short_names(twins, 20)
    assert len(set(cut)) == 5 and all(width_of(each) <= 20 for each in cut) and cut[-1] == "short"


def test_renderers_have_what_the_test_looks_at() -> None:
    assert hasattr(matplotlib.text.Text, "_preprocess_math") and hasattr(RendererBase, "draw_text")
