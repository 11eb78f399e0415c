"""`scene-checks`: a prompt's objects, counts, colours and relations by the checker that was trained on our own scenes.

For images of the bundled world alone: detectors trained on photographs see little in clip art, and this one nothing in
photographs. The checker is `generators.world.checker`; what its findings mean is decided here, as for any detector.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from common.parameters import ParameterValue
from evaluation.metrics.errors import MetricError
from evaluation.metrics.prompts.detections import Detection
from evaluation.metrics.prompts.relations import Box
from evaluation.metrics.prompts.scene_metric import SceneMetric
from evaluation.metrics.shapes import MIDDLE, OTHER_SHAPES
from evaluation.suites.types import JsonValue

CHECKER = "generators.world.checker.find"

SPELLINGS = {"gray": "grey"}
"""The schema's colour words where the checker has others."""


class Thing(Protocol):
    """Something that the checker found; its box in fractions of the picture that it looked at."""

    @property
    def name(self) -> str: ...

    @property
    def box(self) -> Box: ...

    @property
    def score(self) -> float: ...

    @property
    def colour(self) -> str: ...


@dataclass(frozen=True)
class CheckerFinder:
    """The checker as a `scene_metric.Finder`.

    `names`: what it knows. `look`: an image to the pixels that it looks at, which are those of the middle square.
    `find`: the things in such pixels, (1, side, side, 3).
    """

    names: frozenset[str]
    look: Callable[[Image.Image], NDArray[np.uint8]]
    find_in: Callable[[NDArray[np.uint8]], Sequence[Thing]]
    sha256: str
    device: str

    @property
    def label(self) -> str:
        """ "scene checker of the bundled world, sha256 1a2b3c4d"."""
        return f"scene checker of the bundled world, sha256 {self.sha256[:8]}"

    @property
    def provenance(self) -> Mapping[str, JsonValue]:
        """Its file's hash and the device."""
        return {"checker_sha256": self.sha256, OTHER_SHAPES: MIDDLE, "device": self.device}

    def name_of(self, noun: str) -> str | None:
        """Nouns are the same there and in suites."""
        return noun if noun in self.names else None

    def find(self, image: Image.Image, names: Sequence[str]) -> list[Detection]:
        """The things of these names. Colours are the checker's own, since it knows things from their grounds."""
        return [
            Detection(
                thing.name,
                in_whole(thing.box, image.size),
                thing.score,
                (SPELLINGS.get(thing.colour, thing.colour),) if thing.colour else (),
            )
            for thing in self.find_in(self.look(image)[None])
            if thing.name in names
        ]


def in_whole(box: Box, size: tuple[int, int]) -> Box:
    """A box in fractions of an image's middle square, in fractions of the whole image of `size` (width, height).

    >>> in_whole((0.0, 0.0, 0.5, 1.0), (200, 100))
    (0.25, 0.0, 0.5, 1.0)
    """
    width, height = size
    side = min(size)
    x, y = (width - side) / 2, (height - side) / 2
    left, right = ((x + min(max(edge, 0.0), 1.0) * side) / width for edge in (box[0], box[2]))
    top, bottom = ((y + min(max(edge, 0.0), 1.0) * side) / height for edge in (box[1], box[3]))
    return left, top, right, bottom


def load(
    parameters: Mapping[str, ParameterValue], *, device: str | None, weight_folders: Sequence[Path]
) -> SceneMetric:
    """The factory."""
    from evaluation.metrics.devices import pick_device

    where = str(pick_device(device))
    checker_module = importlib.import_module(CHECKER)
    path = Path(str(parameters["weights"])).expanduser() if parameters["weights"] else checker_module.BUNDLED
    try:
        checker = checker_module.load_checker(path, device=where)
    except checker_module.CheckerError as error:
        raise MetricError(str(error)) from None
    names = frozenset(str(name) for name in checker.config.classes)
    finder = CheckerFinder(
        names=names,
        look=checker_module.fitted,
        find_in=lambda pixels: checker_module.things(checker.find(pixels)[0]),
        sha256=str(checker.sha256),
        device=where,
    )
    return SceneMetric(finder)
