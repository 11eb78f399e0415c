"""Text in images: matching by hand-made cases and against plain Levenshtein; reading real renders with RapidOCR."""

import builtins
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from evaluation.metrics import registry
from evaluation.metrics.errors import MetricError
from evaluation.metrics.prompts.text_checks import TextChecks
from evaluation.metrics.prompts.text_match import _best_place, fold, match_text, quoted
from evaluation.metrics.prompts.text_reader import load_reader
from evaluation.metrics.spec import SampleScore, ScoredImage
from evaluation.suites.types import JsonValue
from tests.metrics.pictures import spoilt


@pytest.mark.parametrize(
    ("wanted", "lines", "accuracy", "exact"),
    [
        ("HELLO", ["HELLO"], 1, True),
        ("HELLO", ["hello!"], 1, True),
        ("HELLO", ["HELL0"], 1, True),  # one shape
        ("Text to Image", ["Texttolmage"], 1, True),  # blanks lost, I read as l
        ("Deep Learning", ["Deep", "Learning"], 1, True),
        ("Deep Learning", ["Learning", "Deep"], 1, True),  # the order in which two signs are read says nothing
        ("Open daily", ["Welcome", "Open daily", "9 to 5"], 1, True),
        ("Open daily", ["WelcomeOpendaily"], 1, False),  # the letters are there, not as words
        ("42", ["1420"], 1, False),
        ("HELLO", ["HELO"], 0.8, False),
        ("HELLO", ["HELLLO"], 0.8, False),
        ("HELLO", ["JELLO"], 0.8, False),
        ("HELLO", [], 0, False),
        ("HELLO", ["xyz"], 0, False),
        ("Café", ["CAFÉ"], 1, True),
        ("?!", ["?!"], 0, False),  # no letters are read at places; whole words still count below
    ],
)
def test_matching(wanted: str, lines: Sequence[str], accuracy: float, exact: bool) -> None:
    found = match_text(wanted, lines)
    if wanted == "?!":
        assert found.exact and found.accuracy == 1
    else:
        assert found.accuracy == pytest.approx(accuracy) and found.exact is exact


def levenshtein(one: str, other: str) -> int:
    """The textbook's table."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        row, last = [i], row
        for j, b in enumerate(other, start=1):
            row.append(min(row[-1] + 1, last[j] + 1, last[j - 1] + (a != b)))
    return row[-1]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.text("abc", min_size=1, max_size=6), st.text("abc", max_size=9))
def test_the_best_place_is_the_least_distance_of_any_part(target: str, text: str) -> None:
    edits, start, stop = _best_place(target, text)
    least = min(levenshtein(target, text[i:j]) for i in range(len(text) + 1) for j in range(i, len(text) + 1))
    assert edits == least == levenshtein(target, text[start:stop])


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.text(max_size=30), st.lists(st.text(max_size=20), max_size=6))
def test_any_text_has_an_accuracy_between_0_and_1(wanted: str, lines: list[str]) -> None:
    found = match_text(wanted, lines)
    assert 0 <= found.accuracy <= 1 and (found.accuracy == 1 or not found.exact)
    assert match_text(wanted, [wanted]).exact == bool(fold(wanted))


def test_quotation_marks_of_all_kinds_and_no_apostrophes() -> None:
    for prompt, texts in (
        ('A sign that says "Hello World".', ("Hello World",)),
        ("A storefront with 'Text to Image' written on it.", ("Text to Image",)),
        ("“Deep” and «Learning», ‘twice’", ("Deep", "Learning", "twice")),
        ("The dog's bone isn't the cats' toy.", ()),
        ('"Stop" and "Stop"', ("Stop",)),
        ('An empty "" and a blank " " one', ()),
    ):
        assert quoted(prompt) == texts, prompt


def sign(path: Path, text: str, side: int, lines: int = 1) -> Path:
    """Dark text across a light picture of `side` pixels."""
    image = Image.new("RGB", (side, side), (246, 240, 220))
    draw = ImageDraw.Draw(image)
    size = float(side)
    while draw.textlength(text, font=ImageFont.load_default(size)) > 0.85 * side:
        size *= 0.95
    draw.text((side / 2, side / 2), text, font=ImageFont.load_default(size), fill=(30, 30, 80), anchor="mm")
    image.save(path)
    return path


@pytest.fixture(scope="module")
def checks() -> Iterator[TextChecks]:
    """The metric as the registry loads it."""
    metric = registry.load("text-checks", {})
    assert isinstance(metric, TextChecks)
    yield metric


def wants(*texts: str) -> Mapping[str, JsonValue]:
    """A scene that wants these texts."""
    return {"schema": "scene/1", "text": list(texts)}


def test_real_renders_are_read(checks: TextChecks, tmp_path: Path) -> None:
    small = sign(tmp_path / "small.png", "HELLO", 64)
    large = sign(tmp_path / "large.png", "Fresh bread", 256)
    blank = tmp_path / "blank.png"
    Image.new("RGB", (64, 64), (90, 120, 90)).save(blank)
    images = [
        ScoredImage("0", small, "", attributes=wants("HELLO")),
        ScoredImage("1", large, "", attributes=wants("FRESH BREAD", "HELLO")),
        ScoredImage("2", blank, "", attributes=wants("HELLO")),
        ScoredImage("3", large, 'A shop with "Fresh bread" on its window.'),
        ScoredImage("4", large, "No text is wanted here."),
        ScoredImage("5", large, 'Its "scene" wants no text.', attributes={"schema": "scene/1"}),
    ]
    scores = checks.score(images)
    assert [score.value for score in scores[:1] + scores[2:4]] == [1.0, 0.0, 1.0]
    both = scores[1]
    assert both.value is not None and 0.5 <= both.value < 0.8
    detail = json.loads(json.dumps(both.detail, allow_nan=False))
    assert [text["exact"] for text in detail["texts"]] == [True, False]
    assert detail["read"][0]["text"].replace(" ", "").lower() == "freshbread" and detail["wanted_from"] == "scene"
    left, top, right, bottom = detail["read"][0]["box"]
    assert 0 <= left < 0.2 and 0.8 < right <= 1 and 0.3 < top < bottom < 0.7
    assert scores[3].detail["wanted_from"] == "quotation marks in the prompt"
    assert scores[4] == scores[5] == SampleScore(None, "the prompt wants no text in the image")


def test_bad_files_say_why_and_lose_no_other(checks: TextChecks, tmp_path: Path) -> None:
    good = sign(tmp_path / "good.png", "OK", 64)
    bad = spoilt(tmp_path)
    images = [ScoredImage(name, tmp_path / name, "", attributes=wants("OK")) for name in bad]
    images.append(ScoredImage("good", good, "", attributes=wants("OK")))
    scores = checks.score(images)
    for name, score in zip(bad, scores, strict=False):
        assert score.value is None and (bad[name] in score.why or name == "dangling.png"), (name, score)
    assert scores[-1].value == 1.0
    assert checks.score([ScoredImage("x", good, "", attributes={"schema": "scene/2"})])[0].value is None


def test_very_wide_and_very_small_images_are_read_or_passed(checks: TextChecks, tmp_path: Path) -> None:
    for name, size in (("wide", (3000, 20)), ("dot", (1, 1)), ("tall", (8, 900))):
        Image.new("RGB", size, (200, 180, 160)).save(tmp_path / f"{name}.png")
    images = [ScoredImage(path.name, path, "", attributes=wants("A")) for path in sorted(tmp_path.iterdir())]
    assert all(score.value is not None and math.isfinite(score.value) for score in checks.score(images))
    strip = Image.new("RGB", (1500, 60), (246, 240, 220))
    ImageDraw.Draw(strip).text((1300, 30), "EXIT", font=ImageFont.load_default(48), fill=(20, 20, 20), anchor="mm")
    lines = load_reader().read(strip)
    assert [line.text for line in lines] == ["EXIT"]
    left, top, right, bottom = lines[0].box
    assert 0.8 < left < right < 0.95 and top < 0.4 and 0.6 < bottom <= 1


def test_the_exact_form_counts_whole_texts(tmp_path: Path) -> None:
    metric = registry.load("text-checks", {"form": "exact", "quoted": False})
    assert isinstance(metric, TextChecks) and "text read, exact" in metric.label
    path = sign(tmp_path / "a.png", "HELLO", 128)
    almost = ScoredImage("0", path, "", attributes=wants("HELLO", "HELLOS"))
    assert metric.score([almost])[0].value == 0.5
    assert metric.score([ScoredImage("0", path, 'a "HELLO"')])[0].value is None
    assert len(metric.provenance["models_sha256"]) == 3  # type: ignore[arg-type]


def test_without_rapidocr_the_command_to_install_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: object, **more: object) -> object:
        if name == "rapidocr_onnxruntime":
            raise ImportError("libGL.so.1: cannot open shared object file")
        return real(name, *rest, **more)  # type: ignore[arg-type]

    load_reader.cache_clear()
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MetricError, match=r"libGL.*pip install --no-deps .* -r requirements-ocr\.txt"):
        load_reader()
