"""Documents name only what exists: words of `./dev`, commands, files, headings."""

import os
import re
from pathlib import Path

from django.core.management import get_commands

from tests.house.repository import files, of_ours, read
from tests.house.test_dev import WORDS


def _documents() -> list[Path]:
    return [path for path in of_ours(".md") if path.parts[0] in {"README.md", "docs", "deploy", "CHANGELOG.md"}]


def test_documents_name_only_words_and_commands_that_exist() -> None:
    commands = {"help", *get_commands()}
    wrong = []
    for path in _documents():
        text = read(path)
        for word in re.findall(r"(?:^|[\s`(])\./dev ([a-z][a-z_-]*)", text, re.MULTILINE):
            if word not in WORDS:
                wrong.append(f"{path}: ./dev {word}")
        for command in re.findall(r"(?:manage\.py|\./dev manage) ([a-z][a-z_]+)", text):
            if command not in commands:
                wrong.append(f"{path}: manage.py {command}")
    assert wrong == []


def test_documents_link_only_to_files_that_exist() -> None:
    known = {str(path) for path in files()} | {str(parent) for path in files() for parent in path.parents}
    wrong = []
    for path in _documents():
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", read(path)):
            if "://" in target or target.startswith("mailto:"):
                continue
            resolved = os.path.normpath(path.parent / target)
            if resolved not in known:
                wrong.append(f"{path}: {target}")
    assert wrong == []


def _anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading: lower case, without punctuation, hyphens for blanks."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def _anchors(path: Path) -> set[str]:
    prose = re.sub(r"^```.*?^```$", "", read(path), flags=re.DOTALL | re.MULTILINE)
    return {_anchor(heading) for heading in re.findall(r"^#+ (.+)$", prose, re.MULTILINE)}


def test_documents_link_only_to_headings_that_exist() -> None:
    wrong = []
    for path in _documents():
        for target, anchor in re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", read(path)):
            if "://" in target:
                continue
            page = Path(os.path.normpath(path.parent / target)) if target else path
            if anchor not in _anchors(page):
                wrong.append(f"{path}: {target}#{anchor}")
    assert wrong == []
