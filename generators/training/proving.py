"""The proof of new weights beside those that ship, by one judge, and their installation where it says so."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from common.files import write_text
from common.hashes import file_sha256
from common.places import CHECKOUT
from generators.cascade.configs import ConfigError
from generators.cascade.generator import BUNDLED
from generators.places import CHECKER, weights_made
from generators.training import comparing
from generators.world.checker.find import load_checker
from generators.world.checker.measure import measure as measure_checker
from generators.world.checker.render import LETTER
from generators.world.scenes.render import Renderer
from generators.world.sprites import load_sprites

RESULT = "comparison.json"
CHECKED, MEASURED_SEED = 1000, 3_000_000
"""Renders that two checkers are compared on; neither was trained on them."""


def prove(out: Path, base: str, sprites: Path, images: int, report: Callable[[str], None]) -> None:
    """Measure the weights in `out`/weights and those that ship, say which are better, and write comparison.json.

    `base`: the base's training configuration, as JSON: its objects are what both are asked for. `images`: a row.

    Raises:
        ConfigError: there is no scene checker to judge, or the proof failed.
    """
    new = weights_made(out)
    judges = (new / CHECKER, BUNDLED / CHECKER)
    judge = next((path for path in judges if path.is_file()), None)
    if judge is None:
        raise ConfigError(f"the proof needs a scene checker: run the step checker, or put one into {new}")
    write_text(out / "base.json", base)
    found: list[dict[str, object]] = []
    for name, folder in (("new", new), ("shipped", BUNDLED)):
        path = out / f"proof-{name}.json"
        command = [
            sys.executable, "-m", "benchmarks.weights", "--brief", "--print", "--weights", str(folder.resolve()),
            "--json", str(path.resolve()), "--checker", str(judge.resolve()), "--images", str(images),
            "--training-config", str((out / "base.json").resolve()), "--sprites", str(sprites.resolve()),
        ]  # fmt: skip
        report(f"proof of the {name} weights: {images} images a row")
        done = subprocess.run(command, cwd=CHECKOUT, text=True, capture_output=True)
        if done.returncode:
            raise ConfigError(f"the proof of {folder} failed: {done.stderr.strip()}")
        found.append(json.loads(path.read_text(encoding="utf-8")))
    result = comparing.compared(found[0], found[1])
    lines = list(result.lines)
    better = {"cascade": result.better}
    for small in comparing.SMALL:
        paths = new / f"{small}.safetensors", BUNDLED / f"{small}.safetensors"
        if paths[0].is_file():
            if small == "checker":
                held = _checkers_compared(*paths, sprites, CHECKED)
            else:
                held = comparing.small_compared(small, *map(comparing.measures_in, paths))
            lines += held.lines
            better[small] = held.better
    for line in lines:
        report(line)
    hashes = {path.name: file_sha256(path) for path in sorted(new.glob("*.safetensors"))}
    write_text(out / RESULT, json.dumps({"better": better, "lines": lines, "sha256": hashes}, indent=2) + "\n")


def _checkers_compared(new: Path, shipped: Path, sprites: Path, count: int) -> comparing.Comparison:
    """By what both see in the same renders, of the concepts that both know; one that knows fewer is no better."""
    if not shipped.is_file():
        return comparing.small_compared("checker", {"there": 1.0}, {})
    known = [set(load_checker(path).config.classes) for path in (new, shipped)]
    shared = sorted(name for name in known[0] & known[1] if not name.startswith(LETTER))
    if not known[0] >= known[1] or not shared:
        return comparing.Comparison(
            (f"checker: it lacks {len(known[1] - known[0])} of the shipped one's classes",), False
        )
    renderer = Renderer(load_sprites(sprites))
    told = [measure_checker(path, renderer, count, seed=MEASURED_SEED, concepts=shared) for path in (new, shipped)]
    held = comparing.small_compared("checker", *told)
    wider = f", both on {len(shared)} shared concepts" if known[0] != known[1] else ""
    return comparing.Comparison((held.lines[0] + wider,), held.better)


def install_better(out: Path, report: Callable[[str], None]) -> None:
    """Put what measured better in place of what ships; never what was changed since it was measured.

    Raises:
        ConfigError: it has not been measured.
    """
    path, new = out / RESULT, weights_made(out)
    if not path.is_file():
        raise ConfigError(f"--install: {path} is not there; the step proof comes first")
    held = json.loads(path.read_text(encoding="utf-8"))
    if any(file_sha256(new / name) != wanted for name, wanted in held["sha256"].items()):
        raise ConfigError(f"--install: {new} changed since it was measured; run the step proof again")
    for name, better in held["better"].items():
        if not better:
            report(f"{name}: not better, so what ships stays")
        elif name == "cascade":
            report(f"installed: {', '.join(comparing.install(new, BUNDLED))}; the model card wants its own words")
        else:
            report(f"installed: {comparing.install_small(name, new, BUNDLED)}")
