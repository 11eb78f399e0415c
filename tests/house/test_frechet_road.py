"""One road: what several rooms need is made by one function, and nobody walks around it."""

import ast
from pathlib import Path

import pytest

from tests.house.repository import CHECKOUT, PROGRAM_TEXT, nodes, of_ours, syntax_tree

pytestmark = PROGRAM_TEXT

METRICS = "evaluation/metrics"


def _callers(name: str) -> set[str]:
    """The files of `evaluation` that call the function `name`, without the one that defines it."""
    callers = set()
    for path in of_ours(".py"):
        if path.parts[0] != "evaluation":
            continue
        if any(isinstance(node, ast.FunctionDef) and node.name == name for node in syntax_tree(path).body):
            continue
        for node in nodes(path):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
                callers.add(str(path))
    return callers


@pytest.mark.parametrize(
    ("step", "walked_by"),
    [
        ("folder_statistics", {f"{METRICS}/features/measure.py"}),
        ("statistics_plan", {f"{METRICS}/features/measure.py"}),
        # `shards` is the command of its own that torchrun starts.
        ("load_extractor", {f"{METRICS}/features/measure.py", f"{METRICS}/features/shards.py"}),
        ("frechet_distance", {f"{METRICS}/features/moments.py"}),
        ("corrected_distance", {f"{METRICS}/distances/score.py"}),
        ("between", {f"{METRICS}/distances/why_differs.py"}),
        ("paired_difference", {"evaluation/services/scoring/fid.py"}),
        ("measure_loaded", {"evaluation/services/scoring/fid.py", "evaluation/services/suites/load_coco.py"}),
    ],
)
def test_each_step_to_a_frechet_distance_is_walked_in_one_place(step: str, walked_by: set[str]) -> None:
    assert _callers(step) == walked_by


def test_commands_ask_for_a_measure_in_one_way() -> None:
    """The options that say what to measure with are declared once, so that they are called alike everywhere."""
    folder = CHECKOUT / "evaluation" / "management"
    declaring = [path.name for path in folder.rglob("*.py") if '"--extractor"' in path.read_text(encoding="utf-8")]
    assert declaring == ["frechet.py"] and Path(folder / "frechet.py").is_file()
    commands = ("fid", "frechet", "load_coco", "why_differs")
    for name in commands:
        assert "add_measure_options(parser" in (folder / "commands" / f"{name}.py").read_text(encoding="utf-8"), name
