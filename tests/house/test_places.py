"""Each folder's address is built in one place, and whoever needs it asks there."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from common import places as checkout
from generators import places as generators_places
from tests.house.repository import PROGRAM_TEXT, of_ours, syntax_tree

pytestmark = PROGRAM_TEXT

ROOMS = ("benchmarks", "common", "drawbench", "evaluation", "generators")

CLIMBERS = {"common/places.py", "generators/places.py", "generators/manifest.py"}
"""Who may climb from their own file to a folder: where things lie, and the hash over the generators' own sources."""

ASKED_OF_THE_SETTINGS = {
    "MEDIA_ROOT": {"evaluation/services/store/places.py"},
    "STATIC_ROOT": {"drawbench/local/prepare.py"},
    "VAR": {"evaluation/services/store/places.py"},
}

NAMED_ALIKE: dict[str, set[str]] = {
    # the documentation's pictures; the image store
    "images": {"common/places.py", "evaluation/services/store/places.py"},
    # the sockets of an instance; the made-up run of the conformance checks
    "run": {"drawbench/local/places.py", "evaluation/metrics/conformance_checks.py"},
    # the data folder; and with `initdb` the programs in the folder that `binaries` finds
    "postgres": {"drawbench/local/places.py", "drawbench/local/binaries.py", "drawbench/local/postgres.py"},
    "initdb": {"drawbench/local/binaries.py", "drawbench/local/postgres.py"},
    # the collected files of all apps; the sources of ours
    "static": {"drawbench/settings.py", "evaluation/reports/one_file.py"},
    # what `./dev train` puts into its own folder; what `placing` alone makes
    "placing": {"generators/training/all.py", "generators/training/placing.py"},
    # the weights of a whole training, the weights that ship; the weights that users bring
    "weights": {"generators/places.py", "evaluation/metrics/places.py"},
}
"""Folders of one name that are several folders, and who builds the address of each."""


def _trees() -> Iterator[tuple[str, ast.Module]]:
    for path in of_ours(".py"):
        if path.parts[0] in ROOMS and "migrations" not in path.parts:
            yield str(path), syntax_tree(path)


def _folders(tree: ast.Module) -> Iterator[str]:
    """The names of folders that addresses are built with: `base / "name"`, `Path("name/..")`, `with_name("name")`."""
    for node in ast.walk(tree):
        texts: list[ast.expr] = []
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            texts = [node.left, node.right]
        elif isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            texts = node.args if name in ("Path", "joinpath", "with_name") else []
        for text in texts:
            if isinstance(text, ast.Constant) and isinstance(text.value, str) and not text.value.startswith("/"):
                yield from (part for part in text.value.split("/") if re.fullmatch(r"\.?[a-z][a-z0-9_-]*", part))


def test_no_folder_is_named_in_two_places() -> None:
    builders: dict[str, set[str]] = defaultdict(set)
    for path, tree in _trees():
        # A picture or a table of a benchmark's own, in a folder that it makes and removes, is no place of the house.
        for name in _folders(tree) if not path.startswith("benchmarks/") else ():
            builders[name].add(path)
    assert {"weights", "references", "statistics", "uploads", "thumbnails", "unfinished"} <= set(builders)
    twice = {name: paths for name, paths in builders.items() if len(paths) > 1 and paths != NAMED_ALIKE.get(name)}
    assert twice == {}, "ask the place that builds it (docs/architecture.md)"
    unused = {name for name, paths in NAMED_ALIKE.items() if builders[name] != paths}
    assert unused == set()


def test_nobody_else_climbs_from_its_own_file() -> None:
    climbing = set()
    for path, tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in ("parent", "parents"):
                names = (inner.id for inner in ast.walk(node.value) if isinstance(inner, ast.Name))
                if "__file__" in names:
                    climbing.add(path)
    assert climbing == CLIMBERS


@pytest.mark.parametrize("setting", sorted(ASKED_OF_THE_SETTINGS))
def test_the_settings_folders_are_asked_for_in_one_place(setting: str) -> None:
    asking = set()
    for path, tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr == setting:
                asking.add(path)
    assert asking == ASKED_OF_THE_SETTINGS[setting]


def test_nobody_writes_an_address_out() -> None:
    """As text it would be a second place: `var/training/..` is the default of arguments, and in what ships as JSON."""
    written = re.compile(r"(var|docs|fixtures|generators/weights)(/[a-z0-9_.-]+)+")
    found = set()
    for path, tree in _trees():
        prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
                found |= {(path, node.value)} if written.fullmatch(node.value) else set()
    assert found == set()


def test_what_ships_is_there() -> None:
    folders = [checkout.DOCUMENTATION, checkout.PICTURES, checkout.SUITES, checkout.TEMPLATES]
    folders += [generators_places.WEIGHTS, generators_places.TRAINING_CONFIGS, generators_places.fonts_folder()]
    assert [folder for folder in folders if not folder.is_dir()] == []
    judges = [generators_places.WEIGHTS / name for name in ("checker.safetensors", "scene-clip.safetensors")]
    files = [checkout.SUITE, *judges]
    assert [file for file in files if not file.is_file()] == []
    assert Path("var/training/sprites-2.npz") == generators_places.SPRITES  # as the configurations that ship have it
