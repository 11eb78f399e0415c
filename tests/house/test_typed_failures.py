"""Control flow never reads a message's text: what went wrong is told by a type, a kind or a field.

A message is for people and is worded anew; whatever branches on its words breaks then, and nothing notices.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.repository import PROGRAM_TEXT, of_ours, syntax_tree

pytestmark = PROGRAM_TEXT

ROOMS = ("common", "drawbench", "evaluation", "generators")

WORDED = frozenset({"message", "messages", "why", "problem", "detail", "stderr", "reason"})
"""Attributes that hold words for people, or another program's."""

PATTERNS = frozenset({"match", "search", "fullmatch"})
PARTS = PATTERNS | {"startswith", "endswith", "find", "rfind", "index", "count"}
"""Methods and functions that look into a text."""

OTHERS_WORDS: dict[str, str] = {
    "generators.cascade.memory:is_out_of_memory": "torch has a type for CUDA's memory alone, none for the CPU's",
    "evaluation.reports.reading:why_lacking": "its `why` is a mapping with a reason for each method, no text",
}
"""Functions that read another program's words, since it has no type for them (each makes a fact of them), or none."""


def _is_text(node: ast.expr, worded: set[str]) -> bool:
    """Whether `node` is a message's text, or is made of one."""
    if isinstance(node, ast.Name):
        return node.id in worded
    if isinstance(node, ast.Attribute):
        return node.attr in WORDED
    if isinstance(node, ast.Subscript):
        return _is_text(node.value, worded) or (isinstance(node.slice, ast.Constant) and node.slice.value in WORDED)
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) and _is_text(part.value, worded) for part in node.values)
    if isinstance(node, ast.BinOp):
        return _is_text(node.left, worded) or _is_text(node.right, worded)
    if isinstance(node, ast.Call):
        function = node.func
        if isinstance(function, ast.Name) and function.id in ("str", "repr"):
            return any(_is_error(each, worded) or _is_text(each, worded) for each in node.args)
        if isinstance(function, ast.Attribute) and function.attr == "get" and node.args:
            return isinstance(node.args[0], ast.Constant) and node.args[0].value in WORDED
        if isinstance(function, ast.Attribute) and function.attr not in PARTS:
            return _is_text(function.value, worded)
    return False


def _is_error(node: ast.expr, worded: set[str]) -> bool:
    return isinstance(node, ast.Name) and f"error {node.id}" in worded


def _reads(node: ast.AST, worded: set[str]) -> bool:
    """Whether `node` looks into a message: asks what is in it, how it begins, or whether it is a certain one."""
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        for operator, left, right in zip(node.ops, sides, sides[1:], strict=False):
            words = isinstance(operator, ast.In | ast.NotIn) and _is_text(right, worded)
            same = isinstance(operator, ast.Eq | ast.NotEq) and (
                (_is_text(left, worded) and not _is_empty(right)) or (_is_text(right, worded) and not _is_empty(left))
            )
            member = isinstance(operator, ast.In | ast.NotIn) and _is_text(left, worded)
            if words or same or member:
                return True
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in PARTS:
        return _is_text(node.func.value, worded) or (
            node.func.attr in PATTERNS and any(_is_text(each, worded) for each in node.args)
        )
    return False


def _is_empty(node: ast.expr) -> bool:
    """Whether there is a message at all may be asked."""
    return isinstance(node, ast.Constant) and node.value in ("", None)


def message_reads(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """The functions of `tree` that look into messages, with the line."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for function in functions:
        worded: set[str] = set()
        for node in ast.walk(function):
            if isinstance(node, ast.ExceptHandler) and node.name:
                worded.add(f"error {node.name}")
            if isinstance(node, ast.arg) and node.annotation is not None:
                names = {each.id for each in ast.walk(node.annotation) if isinstance(each, ast.Name)}
                if any(name.endswith(("Error", "Exception")) for name in names):
                    worded.add(f"error {node.arg}")
                if node.arg in WORDED and names == {"str"}:
                    worded.add(node.arg)
        for _ in range(3):  # a text is handed on from name to name
            for node in ast.walk(function):
                if isinstance(node, ast.Assign) and _is_text(node.value, worded):
                    worded.update(each.id for each in node.targets if isinstance(each, ast.Name))
        for node in ast.walk(function):
            if _reads(node, worded):
                yield function.name, getattr(node, "lineno", 0)


@pytest.mark.parametrize(
    "program",
    [
        'def f():\n  try: g()\n  except E as error:\n    if "gone" in str(error): pass',
        "def f():\n  try: g()\n  except E as e:\n    text = str(e).lower()\n    return any(w in text for w in W)",
        'def f(x):\n  return " is also " in x.problem',
        'def f(x):\n  if x.message.startswith("No"): pass',
        'def f(x):\n  return x.message == "gone"',
        'def f(x):\n  while re.search("gone", x.why): pass',
        'def f(row):\n  return "gone" in row["message"]',
        'def f(error: OSError):\n  return "gone" in str(error)',
    ],
)
def test_the_walk_finds_what_it_looks_for(program: str) -> None:
    assert list(message_reads(ast.parse(program)))


@pytest.mark.parametrize(
    "program",
    [
        'def f(x):\n  return x.message != "" or not x.why',
        "def f():\n  try: g()\n  except E as error:\n    raise F(str(error)) from error",
        'def f(x):\n  return x.kind == "gone" and "a" in x.names',
        'def f(x):\n  return (str(x).splitlines() or ["none"])[0]',
    ],
)
def test_the_walk_finds_nothing_else(program: str) -> None:
    assert not list(message_reads(ast.parse(program)))


def test_control_flow_reads_no_message() -> None:
    reads = []
    seen = set()
    for path in of_ours(".py"):
        if path.parts[0] not in ROOMS or "migrations" in path.parts:
            continue
        for name, line in message_reads(syntax_tree(path)):
            place = f"{_module(path)}:{name}"
            seen.add(place)
            if place not in OTHERS_WORDS:
                reads.append(f"{path}:{line} {name}")
    assert reads == [], "give these a type, a kind or a field"
    assert set(OTHERS_WORDS) <= seen, "an exception that nothing needs any more"


def _module(path: Path) -> str:
    return ".".join(path.with_suffix("").parts)
