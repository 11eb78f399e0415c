"""The single checks of `evaluation.metrics.conformance`: each scores a few pictures and yields what is not right."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from common.conformance import ODD_PROMPTS
from common.hashes import file_sha256
from common.words import prompt_name
from evaluation.metrics.errors import MetricError
from evaluation.metrics.spec import Metric, MetricSpec, SampleMetric, SampleScore, ScoredImage, SetMetric, no_progress
from evaluation.suites.types import JsonValue

N_PICTURES, N_REFERENCE = 8, 7

LONGEST_LABEL, LONGEST_DETAIL = 300, 20_000
"""Characters that the platform keeps."""

SCENE: Mapping[str, JsonValue] = {
    "schema": "scene/1",
    "objects": [{"name": "square", "color": "red", "count": 1}],
    "text": ["STOP"],
}

ODD_ATTRIBUTES: tuple[Mapping[str, JsonValue], ...] = ({}, {"schema": "scene/99"}, {"objects": "many"}, {"": None})


@dataclass(frozen=True, slots=True)
class CheckedImages:
    """`good`: pictures that can be scored. `bad`: a damaged file and one that is not there. `reference`: a folder."""

    good: tuple[ScoredImage, ...]
    bad: tuple[ScoredImage, ...]
    reference: Path
    hashes: Mapping[Path, str]

    def changed(self) -> list[str]:
        """The files that are not what they were."""
        return [path.name for path, sha in self.hashes.items() if not path.is_file() or file_sha256(path) != sha]


@dataclass(slots=True)
class MetricUnderTest:
    """The metric under test, and what the first check saw of it."""

    metric: Metric
    spec: MetricSpec
    images: CheckedImages
    tolerance: float
    first: list[SampleScore] = field(default_factory=list)
    result: dict[str, Any] = field(default_factory=dict)

    def scores(self, images: Sequence[ScoredImage]) -> list[SampleScore]:
        """What a metric of samples says."""
        return cast(SampleMetric, self.metric).score(images)

    def whole(self, images: Sequence[ScoredImage], reference: Sequence[ScoredImage] | Path | None) -> dict[str, Any]:
        """What a metric of sets says."""
        return cast(SetMetric, self.metric).score(images, reference, no_progress)

    def given(self) -> Path | None:
        """The reference where the metric needs one."""
        return self.images.reference if self.spec.needs_reference else None

    def moved(self, one: float | None, other: float | None) -> bool:
        """Whether two values differ by more than the tolerance."""
        if one is None or other is None:
            return (one is None) != (other is None)
        return not math.isclose(one, other, rel_tol=self.tolerance, abs_tol=self.tolerance)

    def compare(self, images: Sequence[ScoredImage], scores: Sequence[SampleScore], what: str) -> Iterator[str]:
        """A message for each of `images` (of the good ones) that `scores` have otherwise than the first time."""
        before = {image.key: score for image, score in zip(self.images.good, self.first, strict=True)}
        if len(scores) != len(images):
            yield f"{what}: gave {len(scores)} scores for {len(images)} images"
            return
        for image, score in zip(images, scores, strict=True):
            if self.moved(before[image.key].value, score.value):
                yield f"{what}: {image.key} had {before[image.key].value} and has {score.value}"


def made_images(folder: Path, prompt: str, attributes: Mapping[str, JsonValue] | None) -> CheckedImages:
    """Pictures of a square and a word, a damaged and a missing file, and a folder of others to compare with."""
    chosen = SCENE if attributes is None else attributes
    good = []
    for number in range(N_PICTURES):
        path = _picture(folder / "run" / f"{number}.png", number)
        good.append(ScoredImage(f"{prompt_name(number // 2)}/{number % 2}", path, prompt, "All prompts", chosen))
    for number in range(N_REFERENCE):
        _picture(folder / "reference" / f"{number}.png", 100 + number)
    damaged = folder / "run" / "damaged.png"
    damaged.write_bytes(good[0].path.read_bytes()[:150])
    bad = (
        ScoredImage("90000/0", damaged, prompt, "All prompts", chosen),
        ScoredImage("90001/0", folder / "run" / "gone.png", prompt, "All prompts", chosen),
    )
    hashes = {path: file_sha256(path) for path in sorted(folder.rglob("*.png"))}
    return CheckedImages(tuple(good), bad, folder / "reference", hashes)


def named(metric: Metric) -> Iterator[str]:
    """A label and a provenance that can be kept."""
    label: object = metric.label
    if not isinstance(label, str) or not label.strip():
        yield "it has no label: the name that its number may be called by"
    elif len(label) > LONGEST_LABEL:
        yield f"its label has {len(label)} characters; {LONGEST_LABEL} are kept"
    yield from _json(dict(metric.provenance), "its provenance")


def scores(subject: MetricUnderTest) -> Iterator[str]:
    """One score an image, of the right form."""
    found: Sequence[object] = subject.scores(subject.images.good)
    if len(found) != len(subject.images.good):
        yield f"gave {len(found)} scores for {len(subject.images.good)} images"
        return
    for image, score in zip(subject.images.good, found, strict=True):
        if not isinstance(score, SampleScore):
            yield f"{image.key}: gave a {type(score).__name__} where a SampleScore belongs"
        elif score.value is not None and type(score.value) not in (int, float):
            yield f"{image.key}: the value is a {type(score.value).__name__}; make it a float"
        else:
            yield from _json(dict(score.detail), f"the detail of {image.key}")
            subject.first.append(score)


def again(subject: MetricUnderTest) -> Iterator[str]:
    """The same images have the same scores."""
    yield from subject.compare(subject.images.good, subject.scores(subject.images.good), "scored again")


def order(subject: MetricUnderTest) -> Iterator[str]:
    """A score belongs to its image, wherever it stands."""
    backwards = subject.images.good[::-1]
    yield from subject.compare(backwards, subject.scores(backwards), "in reverse order")


def chunks(subject: MetricUnderTest) -> Iterator[str]:
    """A score does not depend on the other images of the call."""
    good = subject.images.good
    alone = [score for image in good for score in subject.scores([image])]
    yield from subject.compare(good, alone, "one at a time")
    parts = [*subject.scores(good[:3]), *subject.scores(good[3:])]
    yield from subject.compare(good, parts, "in two parts")


def nothing(subject: MetricUnderTest) -> Iterator[str]:
    """No images, no scores."""
    found = subject.scores([])
    if found != []:
        yield f"no images gave {found!r}; give an empty list"


def bad_files(subject: MetricUnderTest) -> Iterator[str]:
    """A file that can't be read has no value and a reason, and loses no other."""
    good, bad = subject.images.good, subject.images.bad
    mixed = [bad[0], *good[:4], bad[1], *good[4:]]
    found = subject.scores(mixed)
    if len(found) != len(mixed):
        yield f"gave {len(found)} scores for {len(mixed)} images, two of them bad"
        return
    for image, score in zip(mixed, found, strict=True):
        if image in bad and score.value is not None:
            yield f"{image.path.name} can't be read and has the value {score.value}"
    kept = [score for image, score in zip(mixed, found, strict=True) if image not in bad]
    yield from subject.compare(good, kept, "beside files that can't be read")


def odd_prompts(subject: MetricUnderTest) -> Iterator[str]:
    """Whatever a suite may hold is scored, or has a reason."""
    image = subject.images.good[0]
    odd = [replace(image, key=f"8{n:04d}/0", prompt=prompt) for n, prompt in enumerate(ODD_PROMPTS)]
    odd += [replace(image, key=f"7{n:04d}/0", attributes=some) for n, some in enumerate(ODD_ATTRIBUTES)]
    found = subject.scores(odd)
    if len(found) != len(odd):
        yield f"gave {len(found)} scores for {len(odd)} images with odd prompts"


def results(subject: MetricUnderTest) -> Iterator[str]:
    """A result of the right form, and progress that goes up to the end."""
    steps: list[tuple[int, int]] = []
    metric = cast(SetMetric, subject.metric)
    found: object = metric.score(subject.images.good, subject.given(), lambda done, total: steps.append((done, total)))
    if not isinstance(found, dict) or not {"value", "name"} <= set(found):
        yield "a set's result is an object with at least value, name and why"
        return
    subject.result = found
    value = found["value"]
    if value is None:
        if not found.get("why"):
            yield "the value is null without a why"
    elif isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        yield f"the value is {value!r}; it is a finite number or null"
    if not found["name"]:
        yield "the result has no name: how the number may be called"
    yield from _json(found, "the result", longest=None)
    if steps != sorted(steps) or any(done > total for done, total in steps):
        yield f"progress goes back or beyond its end: {steps[:20]}"
    elif steps and steps[-1][0] != steps[-1][1]:
        yield f"progress ends at {steps[-1][0]} of {steps[-1][1]}"


def set_again(subject: MetricUnderTest) -> Iterator[str]:
    """The same images have the same result, in any order."""
    for images, what in ((subject.images.good, "scored again"), (subject.images.good[::-1], "in reverse order")):
        value = subject.whole(images, subject.given())["value"]
        if subject.moved(subject.result["value"], value):
            yield f"{what}: the value was {subject.result['value']} and is {value}"


def set_reference(subject: MetricUnderTest) -> Iterator[str]:
    """A folder and the same images one by one are the same reference; without one it says that it needs one."""
    if not subject.spec.needs_reference:
        return
    files = sorted(subject.images.reference.iterdir())
    listed = [ScoredImage(f"{prompt_name(n)}/0", path, "") for n, path in enumerate(files)]
    value = subject.whole(subject.images.good, listed)["value"]
    if subject.moved(subject.result["value"], value):
        yield f"against a folder the value is {subject.result['value']}, against the same images {value}"
    try:
        missing = subject.whole(subject.images.good, None)
    except MetricError:
        return
    if missing["value"] is not None:
        yield f"it needs a reference, and gave the value {missing['value']} without one"


def set_bad_files(subject: MetricUnderTest) -> Iterator[str]:
    """Files that can't be read move nothing."""
    beside = [subject.images.bad[0], *subject.images.good, subject.images.bad[1]]
    value = subject.whole(beside, subject.given())["value"]
    if subject.moved(subject.result["value"], value):
        yield f"beside two files that can't be read the value is {value}, without them {subject.result['value']}"


def set_nothing(subject: MetricUnderTest) -> Iterator[str]:
    """No images: no value, or a MetricError that says so."""
    try:
        found = subject.whole([], subject.given())
    except MetricError:
        return
    if found["value"] is not None:
        yield f"no images gave the value {found['value']}"


Check = Callable[[MetricUnderTest], Iterator[str]]

FOR_SAMPLES: tuple[tuple[str, Check], ...] = (
    ("scores", scores), ("again", again), ("order", order), ("chunks", chunks), ("nothing", nothing),
    ("bad_files", bad_files), ("odd_prompts", odd_prompts),
)  # fmt: skip
FOR_SETS: tuple[tuple[str, Check], ...] = (
    ("scores", results), ("again", set_again), ("reference", set_reference), ("bad_files", set_bad_files),
    ("nothing", set_nothing),
)  # fmt: skip


def _json(value: object, what: str, longest: int | None = LONGEST_DETAIL) -> Iterator[str]:
    try:
        text = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        yield f"{what} is not JSON: {error}"
    else:
        if longest is not None and len(text) > longest:
            yield f"{what} has {len(text):,} characters as JSON; {longest:,} are kept"


def _picture(path: Path, seed: int) -> Path:
    path.parent.mkdir(exist_ok=True)
    random = np.random.default_rng(seed)
    coarse = random.integers(60, 256, (4, 4, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((96, 96), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    left, top = (int(x) for x in random.integers(4, 30, 2))
    draw.rectangle((left, top, left + 40, top + 36), fill=(210, int(random.integers(0, 60)), 30))
    draw.text((48, 78), "STOP", font=ImageFont.load_default(24), fill=(10, 10, 10), anchor="mm")
    image.save(path)
    return path
