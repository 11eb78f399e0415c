"""Names written from right to left: upright and whole in every figure, in their place in every sentence."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable
from functools import partial
from xml.etree import ElementTree

import matplotlib.text
import pandas as pd
import pytest

from common.places import CHECKOUT
from common.text import is_rightwards, isolated
from evaluation.analysis.answer_results import AnswerEstimate
from evaluation.analysis.automatic_results import ComparisonAgreement, MetricAgreement
from evaluation.analysis.frame import validate_ratings
from evaluation.metrics.distances.curve import CurvePoint, guidance_curve
from evaluation.reports import fonts
from evaluation.reports.agreement_figure import agreement_figure
from evaluation.reports.answer_groups import AnswerGroup
from evaluation.reports.answers_figure import answers_figure
from evaluation.reports.compute import ReportInput, Settings, compute_report
from evaluation.reports.directions import rightward_names, with_isolates
from evaluation.reports.document import ReportDocument
from evaluation.reports.figure import by_scheme, comparison_figure, in_dark
from evaluation.reports.fonts import leftwards, missing_letters
from evaluation.reports.score_figure import curve_figure, spread_figure
from evaluation.reports.score_summary import summarise
from evaluation.reports.wording.descriptions import comparison_description
from evaluation.reports.wording.results import results_text
from tests.reports.sample import ratings

ARABIC, HEBREW = "قطة حمراء", "צבעים 12"


def report() -> dict[str, object]:
    frame = ratings(raters=6, prompts=6, label_a=ARABIC, label_b="zebra")
    frame["category"] = frame["category"].replace("Colors", HEBREW)
    given = ReportInput(validate_ratings(frame), ("fidelity", "alignment"), None, None, None)
    return compute_report(given, Settings()).to_dict()


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[matplotlib.text.Text]:
    """The texts that figures draw."""
    drawn: list[matplotlib.text.Text] = []
    plain: Callable[..., object] = matplotlib.text.Text._preprocess_math  # type: ignore[attr-defined]

    def noted(self: matplotlib.text.Text, text: str) -> object:
        drawn.append(self)
        return plain(self, text)

    monkeypatch.setattr(matplotlib.text.Text, "_preprocess_math", noted)
    return drawn


def drawn_by_name(document: ReportDocument) -> dict[str, Callable[..., bytes]]:
    """Every figure of reports and pages, with such names in it, by its function's name."""
    one = document.analysis.comparisons[0]
    mean = one.overall.net
    metric = MetricAgreement(f"{HEBREW} (CLIP)", None, 9, 0, 3, 3, mean, 0.5, None, 0.0, None)  # type: ignore[arg-type]
    agreement = ComparisonAgreement(one.generator_a, one.generator_b, one.question, (metric,), (), (), ())
    estimates = tuple(
        AnswerEstimate("quality", "scale", "mean", name, None, 9, 0, 3, 3, mean, False) for name in (ARABIC, "zebra")
    )
    group = AnswerGroup(0, "quality", "scale", "mean", estimates, {HEBREW: estimates, "Text": estimates}, 0.95)
    scores = pd.DataFrame({"prompt_id": list("abcd"), "category": [ARABIC, HEBREW] * 2, "value": [0.1, 0.4, 0.2, 0.9]})
    curve = guidance_curve([CurvePoint(1, 9, 24), CurvePoint(2, 8, 25)], distance_name=HEBREW, clip_name=ARABIC)
    return {
        "comparison_figure": partial(comparison_figure, one),
        "agreement_figure": partial(agreement_figure, agreement),
        "answers_figure": partial(answers_figure, group, label=f"{ARABIC}, mean"),
        "spread_figure": partial(spread_figure, summarise(scores), label=ARABIC),
        "curve_figure": partial(curve_figure, curve),
    }


def test_names_are_drawn_upright_and_whole_in_every_figure(
    shown: list[matplotlib.text.Text], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slanted DejaVu Sans has no Arabic: text in it would be boxes, and nothing would say so."""
    figures = drawn_by_name(ReportDocument.from_dict(report()))
    sources = (CHECKOUT / "evaluation" / "reports").rglob("*.py")
    functions = {name for path in sources for name in re.findall(r"^def ([a-z]\w*_figure)\(", path.read_text(), re.M)}
    assert functions == set(figures), "each figure is drawn here"
    monkeypatch.setattr(fonts.warnings, "filterwarnings", lambda *_, **__: None)
    for name, draw in figures.items():
        for narrow in (False, True):
            shown.clear()
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # a glyph that is missing is a warning
                draw(narrow=narrow)
            names = [each for each in shown if is_rightwards(each.get_text())]
            assert {each.get_text().strip("\u200e")[:3] for each in names}, name
            assert {(each.get_fontstyle(), each.get_fontweight()) for each in names} == {("normal", "normal")}, name


def test_every_figure_for_dark_pages_is_that_for_light_ones_recoloured() -> None:
    """So a file that has both draws one; matplotlib's own names of parts depend on colours, and stand for the same."""

    def unnamed(svg: bytes) -> bytes:
        return re.sub(rb"\b[mp][0-9a-f]{10}\b", b"part", svg)

    for name, draw in drawn_by_name(ReportDocument.from_dict(report())).items():
        for narrow in (False, True):
            light, dark = draw(narrow=narrow), draw(narrow=narrow, theme="dark")
            assert unnamed(in_dark(light)) == unnamed(dark) != unnamed(light), name
            both = by_scheme(light)
            assert ElementTree.fromstring(both).tag.endswith("svg") and len(both) < len(light) + 1_000
            told = set(re.findall(rb"(?:fill|stroke): (#[0-9a-f]{6})", light)) - set(
                re.findall(rb"(?:fill|stroke): (#[0-9a-f]{6})", dark)
            )
            assert all(b": " + each + b'"]{' in both for each in told), name


def test_a_line_after_such_a_name_goes_on_to_the_right() -> None:
    assert leftwards(f"{ARABIC} preferred →") == f"\u200e{ARABIC} preferred →"
    assert leftwards("plain preferred →") == "plain preferred →"
    assert isolated(ARABIC) == f"\u2068{ARABIC}\u2069" == isolated(isolated(ARABIC)) and isolated("plain") == "plain"


def test_what_a_page_is_made_of_has_every_such_name_in_isolates() -> None:
    results = report()
    names = rightward_names(results)
    assert names == {ARABIC, HEBREW}
    text = json.dumps(with_isolates(results, names), ensure_ascii=False)
    for name in names:
        assert text.count(name) == text.count(f"\u2068{name}\u2069") > 0
    document = ReportDocument.from_dict(with_isolates(results, names))
    assert f"\u2068{ARABIC}\u2069" in comparison_description(document.analysis.comparisons[0])
    assert isolated(HEBREW) in dict(document.analysis.comparisons[0].categories)
    plain = {"generator": "plain", "categories": {"Colors": 1}}
    assert with_isolates(plain, rightward_names(plain)) is plain
    assert f"zebra − \u2068{ARABIC}\u2069" in results_text(document.analysis, title="x")


def test_letters_without_a_font_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_installed", lambda truetype_first: ())
    assert missing_letters(["猫の絵", "a cat", "猫"]) == "猫の絵"
    assert missing_letters([ARABIC, HEBREW, "Ünïcode → −", "a\u200eb \u2068c\u2069", "$x_1^2$"]) == ""
    monkeypatch.setattr(fonts, "_installed", lambda truetype_first: ("Has Kanji",))
    monkeypatch.setattr(fonts, "_letters", lambda family: frozenset(map(ord, "猫のa")))
    assert missing_letters(["猫の絵"]) == "絵"
