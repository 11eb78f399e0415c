"""Documentation imports only from the public faces, so that the modules below them may move."""

import ast
import importlib
import re
from pathlib import Path

from tests.house.repository import of_ours, read

FACES = {"evaluation.analysis", "evaluation.metrics", "evaluation.suites", "generators"}
BESIDE = {"evaluation.metrics.frechet"}
"""A module below a face that is public by its own address."""
OURS = {"benchmarks", "common", "drawbench", "evaluation", "generators", "tests"}
"""Packages of this repository; everything else a document may import as it likes."""


def _pages() -> list[Path]:
    return [path for path in of_ours(".md") if path.parts[0] in {"README.md", "docs"}]


def snippets(text: str) -> list[str]:
    """The Python of a page: its `python` blocks, and what follows `python -c` in commands."""
    blocks = re.findall(r"^ *```(?:python|py)\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE)
    commands = re.findall(r"python3? -c (?:'([^']*)'|\"([^\"]*)\")", text)
    return [*blocks, *(one or other for one, other in commands)]


def imports(code: str) -> list[tuple[str, tuple[str, ...]]]:
    """Every module that `code` imports, with the names taken from it (none for `import module`)."""
    found: list[tuple[str, tuple[str, ...]]] = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found += [(alias.name, ()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.module or "", tuple(alias.name for alias in node.names)))
    return found


def faults(code: str) -> list[str]:
    """The imports of `code` that go below a face, or take from one what it does not export."""
    wrong = []
    for module, names in imports(code):
        if module.split(".")[0] not in OURS:
            continue
        if module not in FACES | BESIDE:
            wrong.append(module)
            continue
        imported = importlib.import_module(module)
        public = set(imported.__all__ if module in FACES else vars(imported))
        wrong += [f"{module}: {name}" for name in names if name not in public]
    return wrong


def test_documentation_imports_only_from_the_faces() -> None:
    wrong = [f"{path}: {fault}" for path in _pages() for code in snippets(read(path)) for fault in faults(code)]
    assert wrong == []


def test_every_kind_of_snippet_is_found() -> None:
    page = """
```python
import evaluation.analysis.ranking
```

    python -c 'from evaluation.metrics.prompts import claims'

`python -c "import generators.cascade"` and `python -m generators.list`
"""
    assert [fault for code in snippets(page) for fault in faults(code)] == [
        "evaluation.analysis.ranking",
        "evaluation.metrics.prompts",
        "generators.cascade",
    ]


def test_a_face_lends_only_what_it_exports() -> None:
    assert faults("from evaluation.analysis import analyse, ranking\nimport numpy as np") == [
        "evaluation.analysis: ranking"
    ]
    assert faults("from evaluation.metrics.frechet import frechet_distance\nfrom evaluation.suites import vary") == []


def test_the_pages_have_snippets() -> None:
    assert sum(len(snippets(read(path))) for path in _pages()) >= 8
