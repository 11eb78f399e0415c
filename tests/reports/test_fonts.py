"""Letters beyond DejaVu Sans: drawn in the machine's fonts, in every figure and format, or said to be lacking."""

from __future__ import annotations

import logging
import warnings

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from evaluation.reports import figure, fonts
from evaluation.reports.figure import drawn
from evaluation.reports.fonts import missing_letters
from tests.reports.test_labels_as_typed import comparison
from tests.reports.test_right_to_left import ARABIC, HEBREW

CHINESE, JAPANESE, KOREAN = "红色的猫", "猫の絵", "빨간 고양이"
CJK = f"{CHINESE}{JAPANESE}{KOREAN}"
HAS_CJK = missing_letters(CJK) == ""
needs_cjk = pytest.mark.skipif(not HAS_CJK, reason="no font of this machine has Chinese, Japanese and Korean")


def labelled() -> Figure:
    made = Figure(figsize=(4, 3))
    axes = made.subplots()
    axes.set_yticks([0, 1, 2], [CHINESE, "plain", HEBREW])
    axes.set_xlabel(KOREAN)
    axes.text(0, 0, JAPANESE)
    return made


def noted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What matplotlib has to say of glyphs while figures are drawn."""
    said: list[str] = []
    monkeypatch.setattr(fonts.warnings, "filterwarnings", lambda *_, **__: None)
    monkeypatch.setattr(warnings, "showwarning", lambda message, *_, **__: said.append(str(message)))
    return said


@needs_cjk
@pytest.mark.parametrize("image_format", ["svg", "pdf", "png"])
def test_no_box_stands_for_a_letter(image_format: figure.FigureFormat, monkeypatch: pytest.MonkeyPatch) -> None:
    said = noted(monkeypatch)
    drawn(lambda _: labelled(), image_format, "light")
    figure.comparison_figure(comparison(JAPANESE, KOREAN, category=CHINESE), image_format=image_format)
    assert said == []


def test_where_no_font_has_them_there_are_boxes_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    said = noted(monkeypatch)
    monkeypatch.setattr(fonts, "_installed", lambda truetype_first: ())
    drawn(lambda _: labelled(), "svg", "light")
    assert {letter for letter in CHINESE if any(f"Glyph {ord(letter)} " in each for each in said)} == set(CHINESE)
    assert set(missing_letters([CHINESE, ARABIC])) == set(CHINESE)


@needs_cjk
def test_a_pdf_holds_truetype_and_has_shapes_of_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only OpenType has the letters, as with Noto Sans CJK alone."""
    alone = tuple(name for name in fonts._installed(False) if name not in fonts._truetype())
    if not alone or set(CJK) - {" "} - {chr(code) for name in alone for code in fonts._letters(name)}:
        pytest.skip("this machine has these letters in TrueType alone")
    monkeypatch.setattr(fonts, "_installed", lambda truetype_first: alone)
    seen: dict[str, bool] = {}
    plain = fonts.shapes_where_needed

    def looked(made: Figure) -> None:
        plain(made)
        seen.update({each.get_text(): bool(each.get_path_effects()) for each in made.findobj(Text)})

    monkeypatch.setattr(figure, "shapes_where_needed", looked)
    said = noted(monkeypatch)
    data = drawn(lambda _: labelled(), "pdf", "light")
    assert said == [] and data == drawn(lambda _: labelled(), "pdf", "light")
    assert {name for name, shapes in seen.items() if shapes} == {CHINESE, JAPANESE, KOREAN}
    assert {"plain", HEBREW} <= set(seen) and b"CJK" not in data and b"DejaVuSans" in data


def test_a_fallback_without_bold_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="root"):
        figure.comparison_figure(comparison(JAPANESE, ARABIC))
    assert not [each for each in caplog.records if "Failed to find font weight" in each.getMessage()]
