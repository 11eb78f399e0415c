"""The trained checker: pictures in, things found out. Used by the proof of the weights and by `scene-checks`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn import functional as F

from common.errors import UserError
from common.json_in import read_json
from generators.places import CHECKER, WEIGHTS
from generators.world.checker.network import GRID, SIZE, Checker, CheckerConfig
from generators.world.checker.render import LETTER, as_input
from generators.world.judge_file import JudgeKind

SCHEMA = "drawbench-checker/1"
BUNDLED = WEIGHTS / CHECKER

THRESHOLD = 0.35
"""Scores from here on count; chosen on renders, where it makes counts right most often."""

OVERLAP = 0.6
"""Of two boxes that share so much of what they cover together, only the surer one stands."""


class CheckerError(UserError):
    """A checker's file that can't be used; the message names it and what to do."""


FILES = JudgeKind("scene checker", SCHEMA, "generators.training.checker_train", CheckerError)


@dataclass(frozen=True, slots=True)
class Detected:
    """A thing or a letter. `box`: left, top, right, bottom as shares of the picture. `colour`: the likeliest."""

    name: str
    box: tuple[float, float, float, float]
    score: float
    colour: str

    @property
    def middle(self) -> tuple[float, float]:
        """x and y of the box's middle."""
        left, top, right, bottom = self.box
        return (left + right) / 2, (top + bottom) / 2


@dataclass(frozen=True, slots=True)
class LoadedChecker:
    """`about`: what it was trained on and what it measured, as its file says. `sha256`: of the file."""

    network: Checker
    config: CheckerConfig
    about: dict[str, object]
    sha256: str

    def find(self, pictures: NDArray[np.uint8], threshold: float = THRESHOLD) -> list[list[Detected]]:
        """What is in each of the pictures, (n, SIZE, SIZE, 3), the surest first."""
        device = next(self.network.parameters()).device
        found: list[list[Detected]] = []
        for first in range(0, len(pictures), 64):
            with torch.inference_mode():
                seen = self.network(as_input(pictures[first : first + 64]).to(device))
            heat, boxes, colour = seen.heat.float().sigmoid(), seen.boxes.float(), seen.colour.float().argmax(1)
            peaks = heat * (F.max_pool2d(heat, 3, stride=1, padding=1) == heat)
            held = zip(peaks.cpu().numpy(), boxes.cpu().numpy(), colour.cpu().numpy(), strict=True)
            found += [self._detected(*one, threshold) for one in held]
        return found

    def _detected(
        self, heat: NDArray[np.float32], boxes: NDArray[np.float32], colour: NDArray[np.int64], threshold: float
    ) -> list[Detected]:
        places = np.argwhere(heat >= threshold)
        places = places[np.argsort([-heat[tuple(place)] for place in places], kind="stable")]
        kept: list[Detected] = []
        for number, row, column in places:
            dx, dy, wide, high = (float(value) for value in boxes[:, row, column])
            x, y = (column + dx) / GRID, (row + dy) / GRID
            box = (x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)
            if all(_shared(box, other.box) < OVERLAP for other in kept):
                name = self.config.classes[number]
                kept.append(
                    Detected(name, box, float(heat[number, row, column]), self.config.colours[colour[row, column]])
                )
        return kept


def things(detected: Sequence[Detected]) -> list[Detected]:
    """What was detected without the letters."""
    return [one for one in detected if not one.name.startswith(LETTER)]


def read(detected: Sequence[Detected]) -> str:
    """The letters that were detected, line by line, blanks between lines; capitals."""
    letters = sorted((one for one in detected if one.name.startswith(LETTER)), key=lambda one: one.middle[1])
    lines: list[list[Detected]] = []
    for letter in letters:
        high = letter.box[3] - letter.box[1]
        if lines and letter.middle[1] - lines[-1][-1].middle[1] < 0.6 * high:
            lines[-1].append(letter)
        else:
            lines.append([letter])
    ordered = (sorted(line, key=lambda one: one.middle[0]) for line in lines)
    return " ".join("".join(one.name.removeprefix(LETTER) for one in line) for line in ordered)


def fitted(image: Image.Image) -> NDArray[np.uint8]:
    """An image of any size as the checker looks at it, (SIZE, SIZE, 3): its middle square, averaged down."""
    side = min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    kind = Image.Resampling.BOX if side >= SIZE else Image.Resampling.BICUBIC
    return np.asarray(image.convert("RGB").resize((SIZE, SIZE), kind, box=(left, top, left + side, top + side)))


def save_checker(path: Path, network: Checker, config: CheckerConfig, about: dict[str, object]) -> None:
    """Write it in half precision, whole or not at all.

    Raises:
        SaveError: it can't be written; what was there stays.
    """
    told = {"classes": list(config.classes), "colours": list(config.colours), "width": list(config.width), **about}
    FILES.save(path, network, {"checker": json.dumps(told)})


def load_checker(path: Path = BUNDLED, *, device: str = "cpu") -> LoadedChecker:
    """A checker from its file.

    Raises:
        CheckerError: it is missing, damaged or of another schema.
    """
    with FILES.opened(path) as file:
        told = cast(Any, read_json(file.metadata["checker"]))
        classes, colours, width = (tuple(told.pop(name)) for name in ("classes", "colours", "width"))
        config = CheckerConfig(classes, colours, width)
        network = Checker(config)
        network.load_state_dict(file.state)
    ready = network.eval().requires_grad_(False).to(device)
    return LoadedChecker(ready, config, told, file.sha256)


def _shared(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Intersection over union of two boxes."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or high <= 0:
        return 0.0
    both = wide * high
    return both / ((one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1]) - both)
