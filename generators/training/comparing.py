"""Whether new weights measure better than those that ship, by what `benchmarks.weights --json` wrote of each."""

from __future__ import annotations

import functools
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open

from common.files import write_whole
from generators.cascade.checkpoint import open_weights, write_index
from generators.cascade.seen_words import WORDS
from generators.training.export import copies_below

Json = Mapping[str, object]

SAME_DB = 0.1
"""PSNRs this near count as equal."""

SMALL = ("checker", "scene-clip")
"""The small networks that come with a cascade, by their files' names."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """`lines`: for people. `better`: the new weights are to be preferred, by the rule in `compared`."""

    lines: tuple[str, ...]
    better: bool


def compared(new: Json, shipped: Json) -> Comparison:
    """Gate by gate and stage by stage, both judged by the same checker on the same prompts.

    New weights are better when their gates' mean over trained and held-out combinations is higher, none of them is
    worse beyond chance (its 95 % interval below the other's), and super-resolution loses no more than 0.1 dB.
    """
    lines: list[str] = []
    ours, theirs = (_by(held["gates"], "gate", "held_out") for held in (new, shipped))
    both = [key for key in ours if key in theirs]
    worse = False
    for key in both:
        one, other = ours[key], theirs[key]
        low, high, drawn, least = (float(str(one[name])) for name in ("low", "high", "drawn", "least"))
        there, lowest = float(str(other["drawn"])), float(str(other["low"]))
        lost = high < lowest
        worse = worse or lost
        gate = f"{one['gate']}, {'held out' if one['held_out'] else 'trained'}"
        met = "met" if drawn >= least else "not met"
        lines.append(
            f"{gate}: {drawn:.0%} ({low:.0%} to {high:.0%}; gate {least:.0%} {met}), "
            f"shipped {there:.0%}{' - worse' if lost else ''}"
        )
    means = [sum(float(str(held[key]["drawn"])) for key in both) / max(1, len(both)) for held in (ours, theirs)]
    lines.append(f"mean of the gates: {means[0]:.1%}, shipped {means[1]:.1%}")
    blurred = False
    ours, theirs = (_by(held["super_resolution"], "what") for held in (new, shipped))
    for key in ours:
        if key in theirs and "bicubic" not in key[0]:
            one_db, other_db = float(str(ours[key]["psnr_db"])), float(str(theirs[key]["psnr_db"]))
            lost = one_db < other_db - SAME_DB
            blurred = blurred or lost
            lines.append(f"{key[0]}: {one_db:.2f} dB, shipped {other_db:.2f} dB{' - worse' if lost else ''}")
    better = bool(both) and means[0] > means[1] and not worse and not blurred
    lines.append("the new weights measure better" if better else "the new weights do not measure better")
    return Comparison(tuple(lines), better)


def small_compared(name: str, ours: Mapping[str, float], theirs: Mapping[str, float]) -> Comparison:
    """The same for a small network, by the mean of its measures, the names of counts (`n_`) aside.

    `theirs`: empty where none ships yet; better than none is any.
    """
    if not theirs:
        return Comparison((f"{name}: none ships yet",), bool(ours))
    shared = sorted(key for key in ours if key in theirs and not key.startswith("n_"))
    means = [sum(held[key] for key in shared) / max(1, len(shared)) for held in (ours, theirs)]
    line = f"{name}: mean of its {len(shared)} measures {means[0]:.1%}, shipped {means[1]:.1%}"
    return Comparison((line,), bool(shared) and means[0] > means[1])


def measures_in(path: Path) -> dict[str, float]:
    """The measures that a scene CLIP's file states of itself; none where there is no such file."""
    try:
        with safe_open(path, framework="pt") as held:
            told = json.loads((held.metadata() or {}).get("about", "{}"))
        return {key: float(value) for key, value in told.get("measured", {}).items()}
    except (OSError, SafetensorError, ValueError, AttributeError):
        return {}


def install(new: Path, shipped: Path) -> list[str]:
    """Put the stages of a folder of weights in place of those that ship, and write the index; what was copied."""
    held = open_weights(new)
    copied = []
    for name in held.hashes:
        copies_below(shipped, f"{name}.safetensors")
        _copy(held.path(name), shipped / f"{name}.safetensors")
        copied.append(f"{name}.safetensors")
    if (new / WORDS).is_file():
        _copy(new / WORDS, shipped / WORDS)
        copied.append(WORDS)
    else:
        (shipped / WORDS).unlink(missing_ok=True)  # those of other weights
    write_index(shipped, held.cascade)
    return copied


def install_small(name: str, new: Path, shipped: Path) -> str:
    """The same for a small network's file."""
    _copy(new / f"{name}.safetensors", shipped / f"{name}.safetensors")
    return f"{name}.safetensors"


def _copy(source: Path, target: Path) -> None:
    write_whole(target, functools.partial(shutil.copyfile, source))


def _by(rows: object, *keys: str) -> dict[tuple[str, ...], Json]:
    assert isinstance(rows, list)
    return {tuple(str(row[key]) for key in keys): row for row in rows}
