"""How often weights that ship draw what was asked: their exam, found by the weights' fingerprint.

`python -m benchmarks.contenders` gives it at 64x64 and keeps it in `weights/exams.json`; to weights beside the default
`benchmarks.weights --exam` does. Exams of weights that shipped earlier stay, so that what they drew keeps its own.
Without torch: whoever shows an exam does not draw.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from common.files import write_whole
from common.json_in import read_json
from generators import registry
from generators.contract import GeneratorError, ParameterValue
from generators.places import EXAMS

SCHEMA = "drawbench-exams/1"

DECIDE = frozenset(
    {
        "guidance", "guidance_low", "guidance_high", "matcher_guidance", "steps", "sampler", "spacing", "eta",
        "thresholding", "prior_guidance", "prior_steps", "candidates", "climb_steps", "climb_rate", "looks", "pull",
    }
)  # fmt: skip
"""Parameters, besides the weights, on which a 64x64 picture depends: an exam is of these settings alone."""


@dataclass(frozen=True, slots=True)
class ExamRow:
    """`right`: the share, 0 to 1, of `n` pictures that show what was `asked`, with its 95 % interval `low` to `high`.

    `least`: the share from which it counts as learned. `held_out`: whether of combinations that no training had.
    `shuffled`: of the same pictures judged by another prompt of the row, the floor; `renders`: of true renders, the
    ceiling.
    """

    asked: str
    held_out: bool
    n: int
    right: float
    low: float
    high: float
    least: float
    shuffled: float
    renders: float

    @property
    def met(self) -> bool:
        """Whether it counts as learned."""
        return self.right >= self.least


@dataclass(frozen=True, slots=True)
class Exam:
    """`parameters`: those of `DECIDE` that are not the defaults. `fingerprints`: of the weights, for each size.

    `cpu_s`: seconds of a processor a picture, with its judging. `objects`: how many different things were asked for.
    """

    generator: str
    parameters: Mapping[str, ParameterValue]
    fingerprints: tuple[str, ...]
    rows: tuple[ExamRow, ...]
    cpu_s: float
    objects: int


def exam_of(generator: str, parameters: Mapping[str, Any], fingerprint: str, path: Path = EXAMS) -> Exam | None:
    """The exam of these weights at these settings; None where there was none.

    `parameters`: as a run has them. `fingerprint`: of the weights that drew it, at any size.
    """
    if not fingerprint:
        return None
    own = [one for one in exams(path) if one.generator == generator and fingerprint in one.fingerprints]
    if not own:
        return None
    told = deciding(generator, parameters)
    return next((one for one in own if dict(one.parameters) == told), None)


def deciding(generator: str, parameters: Mapping[str, Any]) -> dict[str, ParameterValue]:
    """Of a run's parameters those that decide its 64x64 pictures and are not the generator's defaults."""
    try:
        defaults = registry.get_spec(generator).resolve({})
    except GeneratorError:
        defaults = {}
    return {name: value for name, value in parameters.items() if name in DECIDE and defaults.get(name) != value}


def exams(path: Path = EXAMS) -> tuple[Exam, ...]:
    """All exams that are kept, those of weights that shipped earlier too."""
    return _read(path, path.stat().st_mtime_ns) if path.is_file() else ()


def exams_keep(new: Sequence[Exam], path: Path = EXAMS) -> None:
    """Keep these, each in the place of one of the same weights and settings.

    Raises:
        SaveError: it can't be written.
    """
    others = [one for one in exams(path) if not any(_same(one, another) for another in new)]
    held = {"schema": SCHEMA, "exams": [asdict(one) for one in (*others, *new)]}
    text = json.dumps(held, indent=1) + "\n"
    write_whole(path, text.encode())
    _read.cache_clear()  # two writes may fall within one tick of the file's clock


def _same(one: Exam, another: Exam) -> bool:
    return (one.generator, dict(one.parameters), one.fingerprints) == (
        another.generator,
        dict(another.parameters),
        another.fingerprints,
    )


@lru_cache(maxsize=4)
def _read(path: Path, changed: int) -> tuple[Exam, ...]:
    held = cast(dict[str, Any], read_json(path.read_bytes()))
    return tuple(
        Exam(
            one["generator"],
            one["parameters"],
            tuple(one["fingerprints"]),
            tuple(ExamRow(**row) for row in one["rows"]),
            one["cpu_s"],
            one["objects"],
        )
        for one in held["exams"]
    )
