"""The Imagen paper's figures and table, from results of ours: the right numbers in the right places."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from evaluation.reports.figure import _COLOURS, A_COLOUR, B_COLOUR
from evaluation.reports.further import AGAINST_REFERENCE, Further, Line, Part
from evaluation.reports.kit import imagen
from evaluation.reports.kit.imagen import SIMULATED, figure_3, figure_a7, imagen_files, rivals_of, table_2
from tests.reports.kit.sources import plain_source

COMPARISONS = plain_source().document.analysis.comparisons


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """What is drawn, before it becomes a file."""
    made: list[Figure] = []

    def noted(draw: Callable[[Any], Figure], *_: object) -> bytes:
        made.append(draw(_COLOURS["light"]))
        return b"drawn"

    monkeypatch.setattr(imagen, "drawn", noted)
    return made


def heights(axes: Any) -> list[list[float]]:
    """Of each bar the parts from below."""
    bars: dict[float, list[tuple[float, float]]] = {}
    for patch in axes.patches:
        bars.setdefault(patch.get_x(), []).append((patch.get_y(), patch.get_height()))
    return [[height for _, height in sorted(bars[x])] for x in sorted(bars)]


@pytest.mark.parametrize("subject", ["plain", "guided", "tuned"])
def test_figure_3_has_a_panel_a_rival_and_the_shares_from_its_side(subject: str, figures: list[Figure]) -> None:
    figure_3(COMPARISONS, subject, simulated=False, image_format="svg")
    (figure,) = figures
    rivals = rivals_of(COMPARISONS, subject)
    assert len(figure.axes) == len(rivals) == 2 and subject not in rivals
    for axes, rival in zip(figure.axes, rivals, strict=True):
        assert [each.get_text() for each in axes.get_xticklabels()] == ["Alignment", "Fidelity"]
        for parts, question in zip(heights(axes), ("alignment", "fidelity"), strict=True):
            (mine,) = [
                each
                for each in COMPARISONS
                if each.question == question and {each.generator_a, each.generator_b} == {subject, rival}
            ]
            own, other = ("a", "b") if mine.generator_a == subject else ("b", "a")
            wanted = [mine.overall.share(choice) * 100 for choice in (own, "indifferent", other)]
            assert parts == pytest.approx(wanted) and sum(parts) == pytest.approx(100)
        colours = {patch.get_facecolor() for patch in axes.patches}
        assert len(colours) == 3
        first = axes.patches[0]
        assert isinstance(first, Rectangle) and first.get_y() == 0
        assert tuple(first.get_facecolor()[:3]) == pytest.approx(_rgb(A_COLOUR))
        texts = [each.get_text().strip() for each in axes.texts]
        assert subject in texts and rival in texts and "no preference" in texts
    assert _rgb(B_COLOUR) != _rgb(A_COLOUR)


def _rgb(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))


def test_figure_a7_has_a_panel_a_question_and_a_bar_a_category(figures: list[Figure]) -> None:
    figure_a7(COMPARISONS, "tuned", "plain", simulated=True, image_format="svg")
    (figure,) = figures
    assert [axes.get_xlabel() for axes in figure.axes] == ["(a) Alignment", "(b) Fidelity"]
    for axes, question in zip(figure.axes, ("alignment", "fidelity"), strict=True):
        (mine,) = [
            each
            for each in COMPARISONS
            if each.question == question and {each.generator_a, each.generator_b} == {"tuned", "plain"}
        ]
        assert [each.get_text() for each in axes.get_xticklabels()] == list(mine.categories)
        own = "a" if mine.generator_a == "tuned" else "b"
        assert [parts[0] for parts in heights(axes)] == pytest.approx(
            [rate.share(own) * 100 for rate in mine.categories.values()]
        )
    assert SIMULATED in [each.get_text() for each in figure.texts]


def line(generator: str, measure: str, estimate: float, half: float, question: str = "photorealism") -> Line:
    return Line(question, measure, generator, 100, estimate, estimate - half, estimate + half)


def test_table_2_has_the_papers_rows_and_its_own_numbers() -> None:
    """With the numbers of the paper, the table of the paper."""
    lines = (
        line("Imagen", AGAINST_REFERENCE, 0.395, 0.0075),
        line("reference", "mean", 91.9, 0.42, "alignment"),
        line("Imagen", "mean", 91.4, 0.44, "alignment"),
    )
    nobody = (
        line("Imagen", AGAINST_REFERENCE, 0.439, 0.0101),
        line("reference", "mean", 92.2, 0.54, "alignment"),
        line("Imagen", "mean", 92.1, 0.55, "alignment"),
    )
    found = table_2(Further({}, "reference", lines, nobody=Part("x", 9, nobody)), simulated=False, level=0.95)
    assert found is not None
    rows = [row.strip() for row in found.splitlines() if "&" in row or "multicolumn" in row]
    assert rows[1:] == [
        r"Original & 50.0\,\% & $91.9 \pm 0.42$ \\",
        r"Imagen & $39.5 \pm 0.75$\,\% & $91.4 \pm 0.44$ \\",
        r"\multicolumn{3}{@{}l}{\textit{No people}} \\",
        r"Original & 50.0\,\% & $92.2 \pm 0.54$ \\",
        r"Imagen & $43.9 \pm 1.01$\,\% & $92.1 \pm 0.55$ \\",
    ]
    assert SIMULATED not in found
    marked = table_2(Further({}, "reference", lines[:1]), simulated=True, level=0.95)
    assert marked is not None and SIMULATED in marked and "Imagen & $39.5 \\pm 0.75$\\,\\% & -- " in marked
    assert (
        table_2(Further({}, lines=(line("a against b", "net share", 0.1, 0.1),)), simulated=False, level=0.95) is None
    )


def test_the_photograph_is_no_rival_and_nothing_is_drawn_of_nothing(figures: list[Figure]) -> None:
    own = Further({}, "tuned", (line("plain", AGAINST_REFERENCE, 0.4, 0.1),))
    files = imagen_files(COMPARISONS, own, "plain", simulated=False, level=0.95)
    assert set(files) == {"figure-3.pdf", "figure-3.svg", "figure-a7-1.pdf", "figure-a7-1.svg", "table-2.tex"}
    assert imagen_files((), None, "plain", simulated=False, level=0.95) == {}
