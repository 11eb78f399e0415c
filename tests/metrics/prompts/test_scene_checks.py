"""Scene checks: the checker's findings in its own picture become detections in the whole image."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from evaluation.metrics import registry
from evaluation.metrics.errors import MetricError
from evaluation.metrics.prompts.relations import Box
from evaluation.metrics.prompts.scene_checks import CheckerFinder, Thing, in_whole
from evaluation.metrics.prompts.scene_metric import SceneMetric
from evaluation.metrics.spec import ScoredImage
from evaluation.suites.types import JsonValue


@dataclass(frozen=True)
class Seen:
    """A thing as the checker tells of it."""

    name: str
    box: Box
    score: float = 0.9
    colour: str = "gray"


def finder(*seen: Thing) -> CheckerFinder:
    """One that sees these things in every picture."""

    def look(image: Image.Image) -> NDArray[np.uint8]:
        return np.asarray(image.resize((8, 8)))

    def find_in(pixels: NDArray[np.uint8]) -> Sequence[Thing]:
        assert pixels.shape == (1, 8, 8, 3)
        return seen

    return CheckerFinder(frozenset({"cat", "box"}), look, find_in, "abcd" * 16, "cpu")


def test_the_middle_square_is_placed_in_the_whole() -> None:
    assert in_whole((0.0, 0.0, 1.0, 1.0), (100, 100)) == (0.0, 0.0, 1.0, 1.0)
    assert in_whole((0.0, 0.0, 1.0, 1.0), (100, 200)) == (0.0, 0.25, 1.0, 0.75)
    assert in_whole((-0.2, 0.5, 1.3, 2.0), (200, 100)) == (0.25, 0.5, 0.75, 1.0)


def test_its_colours_and_names_are_the_suites(tmp_path: Path) -> None:
    Image.new("RGB", (30, 20), (200, 30, 30)).save(tmp_path / "a.png")
    attributes: dict[str, JsonValue] = {
        "schema": "scene/1",
        "objects": [{"name": "cat", "color": "grey", "count": 1}, {"name": "box"}, {"name": "dragon"}],
        "relations": [{"subject": 0, "relation": "left of", "object": 1}],
    }
    metric = SceneMetric(
        finder(Seen("cat", (0.1, 0.1, 0.3, 0.3)), Seen("box", (0.6, 0.1, 0.9, 0.3)), Seen("A", (0, 0, 1, 1)))
    )
    score = metric.score([ScoredImage("0", tmp_path / "a.png", "", attributes=attributes)])[0]
    assert score.value == 1.0 and score.detail["n_claims"] == 5 and score.detail["n_unchecked"] == 1
    assert score.detail["n_found"] == 2  # letters are none of its business
    assert "bundled world, sha256 abcdabcd" in metric.label


def test_weights_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(MetricError, match=r"none\.safetensors"):
        registry.load("scene-checks", {"weights": str(tmp_path / "none.safetensors")}, device="cpu")
