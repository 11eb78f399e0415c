"""Public names are nouns of the domain, and a name says whether it is a prompt's in its suite or a row's key."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.house.repository import PROGRAM_TEXT, of_ours, syntax_tree

pytestmark = PROGRAM_TEXT

ROOMS = ("evaluation/services/", "evaluation/selectors/", "evaluation/api/", "evaluation/tasks.py")

SAYS_NOTHING = re.compile(r"found|held|(.*_)?told(_.*)?|tell|.*_found|_?Told|_?Found|_?Held|.*Told")
"""What was told, found or held: a progress, a row, a claim, a sentence have names of their own."""

KEY_OF_A_ROW = re.compile(r"(prompt|sample|run|metric_run|study|rater|suite|upload|report|comparison|assignment)_ids?")
"""Of an `int`: these are names in suites, files and exports; a row's key is called `_pk`."""


def _declared(tree: ast.AST) -> Iterator[tuple[str, ast.expr | None, int]]:
    """Names that others meet, with what they are annotated as: parameters, fields, functions, classes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, None, node.lineno
            taken = node.args
            for each in (*taken.posonlyargs, *taken.args, *taken.kwonlyargs):
                yield each.arg, each.annotation, each.lineno
        if isinstance(node, ast.ClassDef):
            yield node.name, None, node.lineno
            for line in node.body:
                if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                    yield line.target.id, line.annotation, line.lineno


def _wrong(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for name, annotation, line in _declared(tree):
        of_numbers = annotation is not None and any(
            isinstance(each, ast.Name) and each.id == "int" for each in ast.walk(annotation)
        )
        if SAYS_NOTHING.fullmatch(name) or (of_numbers and KEY_OF_A_ROW.fullmatch(name)):
            yield name, line


@pytest.mark.parametrize(
    ("program", "n"),
    [
        ("def f(found): ...", 1),
        ("def f(told: str, *, held=1): ...", 2),
        ("class A:\n  found: int", 1),
        ("def gaps_told(): ...\nclass FilesTold: ...", 2),
        ("def f(prompt_id: int, run_ids: list[int]): ...", 2),
        ("def f(prompt_id: str, prompt_pk: int): ...", 0),
        ("def f():\n  found = 1\n  return found", 0),
    ],
)
def test_the_walk_finds_names_that_say_nothing(program: str, n: int) -> None:
    assert len(list(_wrong(ast.parse(program)))) == n


def test_names_of_services_selectors_and_the_api_say_what_they_are() -> None:
    wrong = [
        f"{path}:{line} {name}"
        for path in of_ours(".py")
        if path.as_posix().startswith(ROOMS)
        for name, line in _wrong(syntax_tree(path))
    ]
    assert wrong == []
