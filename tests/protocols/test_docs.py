"""docs/protocols.md says what the code does: its files load, its tables are the declarations'."""

import dataclasses
import re
from pathlib import Path

import pytest

from evaluation import protocols
from evaluation.protocols import ProtocolError
from evaluation.protocols.kinds import KINDS
from evaluation.protocols.parts import Controls, Repeats, Shown

DOC = (Path(__file__).resolve().parents[2] / "docs" / "protocols.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", DOC, re.S)


def rows(heading: str) -> dict[str, list[str]]:
    """The rows of the table with this heading, by the first cell's code."""
    table = DOC[DOC.index(heading) :].split("\n\n")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    return {row[0].strip("`"): row[1:] for row in cells}


def test_every_file_on_the_page_is_a_protocol() -> None:
    assert len(BLOCKS) >= 5
    names = []
    for at, block in enumerate(BLOCKS):
        protocol = protocols.load(block.encode(), f"block {at}")
        assert protocols.load(protocols.to_yaml(protocol).encode(), "again") == protocol
        names.append(protocol.name)
    assert len(set(names)) == len(names) and not set(names) & set(protocols.names())


def test_the_files_use_every_kind() -> None:
    declared = [protocols.load(block.encode(), "block") for block in BLOCKS]
    assert {question.answers.name for protocol in declared for question in protocol.questions} == set(KINDS)


def test_the_table_of_protocols_is_the_list() -> None:
    assert set(rows("| protocol |")) == set(protocols.names())


def test_the_table_of_keys_is_the_declaration() -> None:
    keys = rows("| key |")
    assert set(keys) == {each.name for each in dataclasses.fields(protocols.Protocol)} | {"answers"}
    for key, part in (("shown", Shown), ("repeats", Repeats), ("controls", Controls)):
        for each in dataclasses.fields(part):
            assert f"`{each.name}`" in keys[key][0], (key, each.name)


def test_the_table_of_kinds_is_the_code() -> None:
    kinds = rows("| kind | keys |")
    assert set(kinds) == set(KINDS)
    for name, kind in KINDS.items():
        for key in kind.KEYS:
            assert f"`{key}`" in kinds[name][0], (name, key)


def test_the_message_on_the_page_is_the_commands() -> None:
    with pytest.raises(ProtocolError) as caught:
        protocols.load(BLOCKS[0].replace("kind: scale", "kind: scael").encode(), "hands.yaml")
    shown = re.findall(r"```text\n(hands.yaml.*?), \.\.\.\n```", DOC, re.S)[0]
    assert str(caught.value).startswith(shown)
