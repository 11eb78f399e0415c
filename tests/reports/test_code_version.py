"""A report's name of its code changes with every file that makes results, and none that does is forgotten."""

from __future__ import annotations

import ast
import importlib.util
import shutil
from pathlib import Path

import pytest

import evaluation
from evaluation.reports.compute import RESULT_SOURCES, code_version, results_version

PACKAGE = Path(str(evaluation.__file__)).parent

READS_ROWS = ("evaluation.models", "evaluation.selectors", "evaluation.services.studies.specify")
"""What only reads the input, or names it: what was read is hashed itself (`services/reporting/input.py`)."""

MAKES_NO_NUMBERS = ("common", "evaluation.errors")
"""Words of messages, what names input and code, and what reads files and JSON: what was read is hashed itself."""

NAMED_AS_INPUT = ("evaluation.metrics.registry",)
"""Says what a metric's values can be; that range is among what names the scores."""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The covered folders, copied, with a nested file in each."""
    for folder in RESULT_SOURCES:
        shutil.copytree(PACKAGE / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
        nested = tmp_path / folder / "room"
        nested.mkdir()
        (nested / "method.py").write_text("LEVEL = 0.95\n")
    return tmp_path


@pytest.mark.parametrize("folder", RESULT_SOURCES)
@pytest.mark.parametrize("name", ["room/method.py", "__init__.py"])
def test_a_changed_file_changes_the_version(copy: Path, folder: str, name: str) -> None:
    before = results_version(copy)
    path = copy / folder / name
    path.write_text(path.read_text() + "# changed\n")
    assert results_version(copy) != before


@pytest.mark.parametrize("folder", RESULT_SOURCES)
def test_a_moved_file_changes_the_version(copy: Path, folder: str) -> None:
    before = results_version(copy)
    (copy / folder / "room" / "method.py").rename(copy / folder / "room" / "methods.py")
    assert results_version(copy) != before


def test_what_is_no_code_does_not(copy: Path) -> None:
    before = results_version(copy)
    (copy / "reports" / "notes.md").write_text("Read me.\n")
    assert results_version(copy) == before


def test_the_server_s_own_is_of_the_package() -> None:
    assert code_version() == results_version(PACKAGE)


def test_every_module_that_a_report_is_computed_with_is_covered() -> None:
    start = "evaluation.services.reporting.make"
    seen, queue = {start}, [start]
    exempt = (*READS_ROWS, *MAKES_NO_NUMBERS, *NAMED_AS_INPUT)
    while queue:
        module = queue.pop()
        for name in imported(module) - seen:
            seen.add(name)
            if not name.startswith(exempt):
                queue.append(name)
    computing = {name for name in seen if not name.startswith(exempt)}
    some = ("evaluation.reports.collection", "evaluation.analysis.crossed", "evaluation.services.reporting.input")
    assert computing.issuperset(some)
    covered = tuple(f"evaluation.{folder.replace('/', '.')}" for folder in RESULT_SOURCES)
    packages = {"evaluation", "evaluation.metrics", "evaluation.services"}  # their __init__ makes no numbers
    assert {name for name in computing if not name.startswith(covered)} <= packages


def imported(module: str) -> set[str]:
    """The project's modules that `module` imports, inside functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source(module).read_text())):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{each.name}" for each in node.names)}
    return {name for name in found if name.split(".")[0] in ("common", "evaluation", "generators") and is_module(name)}


def is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # a name in a module, not a module
        return False


def source(module: str) -> Path:
    spec = importlib.util.find_spec(module)
    assert spec is not None and spec.origin is not None
    return Path(spec.origin)
