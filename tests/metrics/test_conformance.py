"""Each check that metrics are held to can fail and names what fails, with a mutant for each; good ones pass."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from common.commands import run_command
from evaluation.metrics import conformance, registry
from evaluation.metrics.conformance import check
from evaluation.metrics.conformance_checks import FOR_SAMPLES, FOR_SETS
from evaluation.metrics.errors import MetricError
from evaluation.metrics.prompts.text_checks import TextChecks
from evaluation.metrics.prompts.text_reader import Line, TextReader
from evaluation.metrics.spec import MetricSpec, Progress, SampleScore, ScoredImage
from evaluation.suites.types import JsonValue
from tests.metrics.test_registry import PLUGINS
from tests.metrics.tiny import save_clip, save_yolos

SAMPLE = MetricSpec("mutant", "For tests.", "sample", "higher", "a:b")
SET = MetricSpec("mutant", "For tests.", "set", "lower", "a:b", needs_reference=True)


def mean(path: Path) -> float:
    """Mean grey level."""
    with Image.open(path) as image:
        return float(np.asarray(image.convert("L"), dtype=float).mean())


class Samples:
    """A good metric of samples; a mutant changes the scores it would give, or how it is named."""

    label = "mean"
    provenance: Mapping[str, JsonValue] = {"device": "cpu"}

    def __init__(self, change: Callable[..., Any] | None = None, **named: Any) -> None:
        self.change = change
        self.calls = 0
        for name, value in named.items():
            setattr(self, name, value)

    def one(self, image: ScoredImage) -> SampleScore:
        try:
            return SampleScore(mean(image.path))
        except OSError:
            return SampleScore(None, "can't be read")

    def score(self, images: Sequence[ScoredImage]) -> list[SampleScore]:
        self.calls += 1
        right = [self.one(image) for image in images]
        return right if self.change is None else self.change(self, images, right)


class Sets:
    """A good metric of sets; a mutant changes the result, or is told of the images and progress."""

    label = "difference of means"
    provenance: Mapping[str, JsonValue] = {"device": "cpu"}

    def __init__(self, change: Callable[..., Any] | None = None) -> None:
        self.change = change
        self.calls = 0

    def score(
        self, images: Sequence[ScoredImage], reference: Sequence[ScoredImage] | Path | None, progress: Progress
    ) -> Any:
        self.calls += 1
        values = [value for image in images if (value := Samples().one(image).value) is not None]
        if reference is None:
            if self.change is not needless:
                raise MetricError("takes a reference")
            reference = []
        paths = list(reference.iterdir()) if isinstance(reference, Path) else [image.path for image in reference]
        value = float(np.mean(values)) - float(np.mean([mean(path) for path in paths] or [0.0])) if values else None
        for done in range(len(images)):
            progress(done + 1, len(images))
        right = {"value": value, "name": self.label, "why": "" if values else "no images"}
        return right if self.change is None else self.change(self, images, right, progress, isinstance(reference, Path))


def plus(score: SampleScore, more: float) -> SampleScore:
    """A score moved; none stays none."""
    return score if score.value is None else SampleScore(score.value + more)


def forged(value: object) -> SampleScore:
    """A score that its class would refuse."""
    score = SampleScore(0.0)
    object.__setattr__(score, "value", value)
    return score


def raises(*_: object) -> None:
    """Never gives anything."""
    raise RuntimeError("out of memory")


def spoils(metric: Samples, images: Sequence[ScoredImage], right: list[SampleScore]) -> list[SampleScore]:
    """Writes into what it was given."""
    with images[0].path.open("ab") as file:
        file.write(b"!") if images else None
    return right


def values_for_all(metric: Samples, images: object, right: list[SampleScore]) -> list[SampleScore]:
    """Makes up a value where there is none."""
    return [SampleScore(0.0 if score.value is None else score.value) for score in right]


def details(value: Any) -> Callable[..., list[SampleScore]]:
    """Has seen `value` in every image."""
    return lambda metric, images, right: [SampleScore(1.0, detail={"a": value}) for _ in right]


def refuses(odd: Callable[[ScoredImage], bool]) -> Callable[..., Any]:
    """Raises where one of the images is odd."""
    return lambda metric, images, right: raises() if any(odd(image) for image in images) else right


def crashes_on(name: str) -> Callable[..., list[SampleScore]]:
    """Raises where one of the files is called so."""

    def change(metric: Samples, images: Sequence[ScoredImage], right: list[SampleScore]) -> list[SampleScore]:
        if any(image.path.name == name for image in images):
            raise OSError(f"{name} can't be read")
        return right

    return change


MUTANTS: list[tuple[str, Samples, str]] = [
    ("named", Samples(label=" "), "no label"),
    ("named", Samples(label="x" * 400), "300 are kept"),
    ("named", Samples(provenance={"a": math.nan}), "not JSON"),
    ("named", Samples(provenance={"a": Path("b")}), "not JSON"),
    ("scores", Samples(lambda m, i, right: right[:-1]), "gave 7 scores for 8 images"),
    ("scores", Samples(lambda m, i, right: [score.value for score in right]), "gave a float where a SampleScore"),
    ("scores", Samples(lambda m, i, right: [forged(np.float32(1)) for _ in right]), "is a float32"),
    ("scores", Samples(details(Path())), "not JSON"),
    ("scores", Samples(details(math.inf)), "not JSON"),
    ("scores", Samples(details("b" * 30_000)), "20,000 are kept"),
    ("scores", Samples(raises), "raised RuntimeError: out of memory"),
    ("again", Samples(lambda m, i, right: [plus(score, m.calls) for score in right]), "scored again"),
    ("order", Samples(lambda m, i, right: [plus(score, n) for n, score in enumerate(right)]), "in reverse order"),
    ("order", Samples(lambda m, i, right: sorted(right, key=lambda score: score.value or 0)), "in reverse order"),
    ("chunks", Samples(lambda m, i, right: [plus(score, len(i) / 10) for score in right]), "one at a time"),
    ("nothing", Samples(lambda m, i, right: right or None), "give an empty list"),
    ("nothing", Samples(lambda m, i, right: right if i else raises()), "raised RuntimeError"),
    ("bad_files", Samples(crashes_on("damaged.png")), "raised OSError"),
    ("bad_files", Samples(crashes_on("gone.png")), "raised OSError"),
    ("bad_files", Samples(values_for_all), "has the value 0.0"),
    ("bad_files", Samples(lambda m, i, right: [s for s in right if s.value is not None]), "gave 8 scores for 10"),
    ("odd_prompts", Samples(refuses(lambda image: not image.prompt.strip())), "raised RuntimeError"),
    ("odd_prompts", Samples(refuses(lambda image: "schema" not in image.attributes)), "raised RuntimeError"),
    ("leaves_files", Samples(lambda m, i, right: spoils(m, i, right) if i else right), "it changed 0.png"),
]


@pytest.mark.parametrize(("name", "mutant", "message"), MUTANTS)
def test_each_check_of_samples_finds_its_mutant(name: str, mutant: Samples, message: str) -> None:
    found = check(mutant, SAMPLE)
    assert [finding for finding in found if finding.check == name and message in finding.message], found


def needless(metric: Sets, images: object, right: dict[str, Any], *rest: object) -> dict[str, Any]:
    """Does without the reference that it says it needs."""
    return right


def backwards(metric: Sets, images: object, right: Any, progress: Progress, folder: bool) -> Any:
    """Tells progress that falls."""
    progress(1, 8)
    return right


def short(metric: Sets, images: object, right: Any, progress: Progress, folder: bool) -> Any:
    """Tells progress that ends before the end."""
    progress(9, 10)
    return right


SET_MUTANTS: list[tuple[str, Callable[..., Any], str]] = [
    ("scores", lambda m, i, right, p, f: 3.0, "an object with at least value"),
    ("scores", lambda m, i, right, p, f: {**right, "value": None}, "null without a why"),
    ("scores", lambda m, i, right, p, f: {**right, "value": math.nan}, "finite number or null"),
    ("scores", lambda m, i, right, p, f: {**right, "name": ""}, "no name"),
    ("scores", lambda m, i, right, p, f: {**right, "more": {1, 2}}, "not JSON"),
    ("scores", backwards, "progress goes back"),
    ("scores", short, "progress ends at 9 of 10"),
    ("again", lambda m, i, right, p, f: {**right, "value": float(m.calls)}, "scored again"),
    ("again", lambda m, i, right, p, f: {**right, "value": mean(i[0].path) if i else None}, "in reverse order"),
    ("reference", lambda m, i, right, p, f: {**right, "value": float(f)}, "against the same images"),
    ("reference", needless, "without one"),
    ("bad_files", lambda m, i, right, p, f: {**right, "value": float(len(i))}, "beside two files"),
    ("nothing", lambda m, i, right, p, f: {**right, "value": right["value"] or 0.0}, "no images gave the value 0.0"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change", "message"), SET_MUTANTS)
def test_each_check_of_sets_finds_its_mutant(name: str, change: Callable[..., Any], message: str) -> None:
    found = check(Sets(change), SET)
    assert [finding for finding in found if finding.check == name and message in finding.message], found


def test_good_ones_pass_and_every_check_has_a_mutant() -> None:
    assert check(Samples(), SAMPLE) == []
    assert check(Sets(), SET) == []
    assert {name for name, _ in FOR_SAMPLES} <= {name for name, _, _ in MUTANTS}
    assert {name for name, _ in FOR_SETS} <= {name for name, _, _ in SET_MUTANTS}


def test_a_metric_that_applied_to_nothing_is_warned_of() -> None:
    nothing = Samples(lambda m, i, right: [SampleScore(None, "no faces are asked for") for _ in right])
    (found,) = check(nothing, SAMPLE)
    assert found.warning and "no faces are asked for" in found.message


def test_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.syspath_prepend(str(PLUGINS))
    monkeypatch.setenv("PYTHONPATH", str(PLUGINS))
    assert conformance.main(["testbright", "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {
        "schema": "drawbench-metric-conformance/1", "metric": "testbright", "passed": True, "findings": [],
    }  # fmt: skip
    assert conformance.main(["testspread"]) == 0
    assert "testspread keeps its contract" in capsys.readouterr().out
    assert run_command(conformance.main, ["testbrigth"]) == 2
    assert 'did you mean "testbright"' in capsys.readouterr().err
    monkeypatch.setattr("testmetric.Bright.score", lambda self, images: [])
    assert conformance.main(["testbright"]) == 1
    assert "error: scores: gave 0 scores for 8 images" in capsys.readouterr().out


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """var/weights with a CLIP and a detector in it."""
    place = tmp_path_factory.mktemp("var") / "weights"
    save_clip(place / "tiny-clip")
    save_yolos(place / "tiny-yolos")
    return place


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("clip-score", {}),
        ("object-checks", {"threshold": 0.3}),
        ("cmmd", {}),
        ("frechet", {"extractor": "clip:tiny-clip"}),
        ("kid", {"extractor": "clip:tiny-clip"}),
        ("precision-recall", {"extractor": "clip:tiny-clip"}),
    ],
)
def test_the_built_in_ones_pass(weights: Path, name: str, parameters: dict[str, object]) -> None:
    metric = registry.load(name, parameters, device="cpu", weight_folders=[weights])
    cats: dict[str, JsonValue] = {"schema": "scene/1", "objects": [{"name": "cat", "count": 1}]}
    assert check(metric, registry.get_spec(name), attributes=cats) == []


def test_text_checks_pass() -> None:
    """With a reader that reads at once: reading has tests of its own, and takes long."""

    class Reader(TextReader):
        def read(self, picture: Image.Image) -> tuple[Line, ...]:
            return (Line(f"STOP {picture.getpixel((0, 0))}", 0.9, (0.0, 0.0, 1.0, 1.0)),)

    assert check(TextChecks(Reader(None), "exact", True), registry.get_spec("text-checks")) == []
