"""What the house tests look at: the files that are committed, or would be."""

import ast
import subprocess
from functools import cache
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent.parent

PROGRAM_TEXT = pytest.mark.xdist_group("program text")
"""For tests that walk over all programs: in one process, what they look at is parsed once and held once (120 MB)."""

VENDORED = ("evaluation/static/vendor/",)
"""Other people's files, kept as they came."""


@cache
def files() -> tuple[Path, ...]:
    """Committed and not ignored, relative to the checkout."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return tuple(Path(name) for name in listing.split("\0") if name and (CHECKOUT / name).is_file())


def of_ours(*suffixes: str) -> list[Path]:
    """Files of ours with one of the suffixes."""
    return [path for path in files() if path.suffix in suffixes and not str(path).startswith(VENDORED)]


def read(path: Path) -> str:
    return (CHECKOUT / path).read_text(encoding="utf-8")


@cache
def syntax_tree(path: Path) -> ast.Module:
    """A Python file, parsed once however many tests look at it (mark them `PROGRAM_TEXT`). Not to be changed."""
    return ast.parse(read(path))


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """All of its tree, as `ast.walk` gives it."""
    return tuple(ast.walk(syntax_tree(path)))
