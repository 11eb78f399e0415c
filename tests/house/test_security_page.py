"""docs/security.md: every threat has an answer and a test, and what it names exists."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path

import pytest
from django.urls import Resolver404, resolve

from tests.house.repository import CHECKOUT, read

PAGE = Path("docs/security.md")
TEXT = read(PAGE)
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TEXT.splitlines()
    if line.startswith("| ") and not line.startswith("| threat ")
]
LINK = re.compile(r"\[\w+\.py\]\(([^)]+)\)")


def _tests_of(path: str) -> set[str]:
    tree = ast.parse((CHECKOUT / path).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:60])
def test_each_threat_names_its_answer_and_tests_that_exist(row: list[str]) -> None:
    threat, answer, tests = row
    assert threat and answer
    named = re.split(r"(?=\[\w+\.py\]\()", tests)[1:]
    assert named, "no test"
    for part in named:
        link = LINK.match(part)
        assert link is not None, part
        path = os.path.normpath(PAGE.parent / link[1])
        wanted = set(re.findall(r"`(test_\w+)`", part))
        assert wanted <= _tests_of(path), f"{path} has no {wanted - _tests_of(path)}"
        assert wanted or path == "tests/house/test_nginx.py", f"which tests of {path}"


def test_there_are_rows_for_each_kind_of_person() -> None:
    assert re.findall(r"^## (.+)$", TEXT, re.MULTILINE) == [
        "Strangers",
        "Raters",
        "What researchers bring",
        "The record",
        "The team",
        "The server",
        "What you provide",
    ]
    assert len(ROWS) >= 35


def test_each_address_that_it_names_exists() -> None:
    addresses = set(re.findall(r"`(/[^` ]*)`", TEXT))
    assert len(addresses) >= 7
    for address in addresses:
        tried = [address, f"{address}key", f"{address}{'0' * 64}/"]
        assert any(_resolves(each) for each in tried), address


def _resolves(address: str) -> bool:
    try:
        resolve(address)
    except Resolver404:
        return False
    return True


def test_each_setting_that_it_names_exists() -> None:
    settings = set(re.findall(r"`(DRAWBENCH_\w+)`", TEXT))
    assert len(settings) >= 5
    documented = set(re.findall(r"^\| `(DRAWBENCH_[A-Z_]+)`", read(Path("docs/deployment.md")), re.MULTILINE))
    assert settings <= documented


def test_the_limits_that_it_gives_are_those_of_the_doors() -> None:
    from evaluation import doors

    told = re.search(r"(\w+) wrong ones for an account .* in (\w+) minutes, (\d+) from one .*, (\d+) for one", TEXT)
    assert told is not None
    numbers = {"ten": 10, "five": 5}
    assert numbers[told[1]] == doors.PASSWORDS.most and numbers[told[2]] * 60 == doors.PASSWORDS.seconds
    assert int(told[3]) == doors.PASSWORDS_OF_ADDRESS.most and int(told[4]) == doors.PASSWORDS_OF_ACCOUNT.most
    assert doors.PASSWORDS_OF_ADDRESS.seconds == doors.PASSWORDS_OF_ACCOUNT.seconds == doors.PASSWORDS.seconds


@pytest.mark.parametrize("path", ["README.md", "docs/architecture.md", "docs/deployment.md"])
def test_it_is_found(path: str) -> None:
    assert re.search(r"\]\((docs/)?security\.md\)", read(Path(path)))
