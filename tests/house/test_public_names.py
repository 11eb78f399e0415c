"""Names of the domain: what is public says what it is, not that it was told, found or held."""

import ast
from collections.abc import Iterator

from tests.house.repository import PROGRAM_TEXT, of_ours, syntax_tree

pytestmark = PROGRAM_TEXT

ROOMS = ("common", "drawbench", "evaluation", "generators", "benchmarks")
EMPTY = {"told", "found", "held"}


def empty_names(tree: ast.AST) -> Iterator[str]:
    """Public functions, their parameters, classes and their fields whose name is one of `EMPTY`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            parameters = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            yield from (f"{node.name}({each.arg})" for each in parameters if each.arg in EMPTY)
            if node.name in EMPTY:
                yield node.name
        if isinstance(node, ast.ClassDef):
            if node.name.lower() in EMPTY:
                yield node.name
            for field in node.body:
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and field.target.id in EMPTY:
                    yield f"{node.name}.{field.target.id}"


def test_public_names_are_nouns_of_the_domain() -> None:
    empty = [
        f"{path}: {name}"
        for path in of_ours(".py")
        if path.parts[0] in ROOMS and "migrations" not in path.parts
        for name in empty_names(syntax_tree(path))
    ]
    assert empty == []


def test_the_walk_finds_them() -> None:
    source = "class Told:\n    held: int\n\ndef score(found):\n    pass\n\ndef told():\n    pass"
    assert set(empty_names(ast.parse(source))) == {"Told", "Told.held", "score(found)", "told"}
