"""One spelling of colour in our own names: the house writes British English.

Other people's names keep theirs: CSS, HTML and libraries, the categories and keys of published suites, and content that
prompts quote.
"""

import ast
import re
from collections.abc import Iterator

from tests.house.repository import CHECKOUT, PROGRAM_TEXT, of_ours, read, syntax_tree

pytestmark = PROGRAM_TEXT

AMERICAN = re.compile("color", re.IGNORECASE)

LIBRARIES = {
    "XKCD_COLORS": "matplotlib",
    "CSS4_COLORS": "matplotlib",
}
"""Names that we import as others call them."""


def _names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every name that a module gives: to modules, functions, classes, parameters, variables and fields."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id if isinstance(node, ast.Name) else node.attr
        elif isinstance(node, ast.alias):
            yield node.lineno, node.asname or node.name.rpartition(".")[2]
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.lineno, node.name


def test_names_in_python() -> None:
    found = []
    for path in of_ours(".py"):
        assert not AMERICAN.search(path.stem), path
        for line, name in _names(syntax_tree(path)):
            if AMERICAN.search(name) and name not in LIBRARIES:
                found.append(f"{path}:{line}: {name}")
    assert found == [], "write colour"


def test_names_in_scripts() -> None:
    """A script's own names; a property of CSS that it sets stands behind `style` or in a string."""
    strings = re.compile(r"""(["'`])(?:\\.|(?!\1).)*\1|//.*|/\*.*?\*/""", re.DOTALL)
    found = []
    for path in of_ours(".js"):
        code = re.sub(r"\.style\.\w+", "", strings.sub("", read(path)))
        found += [f"{path}: {match.group(0)}" for match in re.finditer(r"\w*[cC]olor\w*", code)]
    assert found == [], "write colour"


def test_names_in_templates_and_styles() -> None:
    """Variables, blocks, classes, ids and data attributes of pages; classes, ids and own properties of style sheets."""
    found = []
    for path in of_ours(".html"):
        page = read(path)
        names = re.findall(r"\{[{%].*?[%}]\}", page) + re.findall(
            r"""(?:class|id|name|data-[\w-]+)=["'][^"']*["']""", page
        )
        found += [f"{path}: {name}" for name in names if "color" in name and 'name="color-scheme"' not in name]
    for path in of_ours(".css"):
        names = re.findall(
            r"[.#][a-z][\w-]*(?=[^{}]*\{)|--(?!pico)[\w-]+", re.sub(r"/\*.*?\*/", "", read(path), flags=re.DOTALL)
        )
        found += [f"{path}: {name}" for name in names if "color" in name]
    assert found == [], "write colour"


def test_the_words_of_others_stay() -> None:
    """What is published keeps its key: the schema scene/1, and what a score says was found."""
    assert '"color"' in (CHECKOUT / "evaluation" / "suites" / "scene.py").read_text(encoding="utf-8")
    assert '"colors"' in (CHECKOUT / "evaluation" / "metrics" / "prompts" / "claims.py").read_text(encoding="utf-8")
