"""A function takes eight parameters at most: what asks for more is asked by a request object, named by the domain."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.house.repository import PROGRAM_TEXT, of_ours, syntax_tree

pytestmark = PROGRAM_TEXT

ROOMS = ("common", "drawbench", "evaluation", "generators")
MOST = 8


def _many(tree: ast.AST) -> Iterator[tuple[str, int, int]]:
    """The functions of `tree` with too many parameters: name, line, how many. `self` and `cls` are not counted."""
    methods = {
        id(method) for owner in ast.walk(tree) if isinstance(owner, ast.ClassDef) for method in owner.body
    }  # fields of a dataclass are no parameters of a function
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        taken = node.args
        bound = id(node) in methods and not any(
            isinstance(each, ast.Name) and each.id == "staticmethod" for each in node.decorator_list
        )
        n = len(taken.posonlyargs) + len(taken.args) + len(taken.kwonlyargs) - bound
        n += sum(each is not None for each in (taken.vararg, taken.kwarg))
        if n > MOST:
            yield node.name, node.lineno, n


@pytest.mark.parametrize(
    ("program", "n"),
    [
        ("def f(a, b, c, d, e, f, g, h): ...", 0),
        ("def f(a, b, c, d, e, f, g, h, i): ...", 1),
        ("def f(a, b, c, d, *, e, f, g, h, i=1): ...", 1),
        ("def f(a, b, c, d, e, f, g, *h, **i): ...", 1),
        ("class A:\n  def f(self, a, b, c, d, e, f, g, h): ...", 0),
        ("class A:\n  @staticmethod\n  def f(a, b, c, d, e, f, g, h, i): ...", 1),
        ("class A:\n" + "".join(f"  {name}: int\n" for name in "abcdefghij"), 0),
    ],
)
def test_the_walk_counts(program: str, n: int) -> None:
    assert len(list(_many(ast.parse(program)))) == n


def test_no_function_takes_more_than_eight() -> None:
    many = [
        f"{path}:{line} {name} takes {n}"
        for path in of_ours(".py")
        if path.parts[0] in ROOMS and "migrations" not in path.parts
        for name, line, n in _many(syntax_tree(path))
    ]
    assert many == [], "give these a frozen dataclass that is named by the domain"
