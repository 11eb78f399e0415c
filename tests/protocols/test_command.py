"""`protocols`: lists, prints, checks and compares, with the exit codes of every command."""

import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from evaluation import protocols

pytestmark = pytest.mark.django_db


def said(*arguments: str) -> str:
    out = io.StringIO()
    call_command("protocols", *arguments, stdout=out)
    return out.getvalue()


def as_json(*arguments: str) -> dict[str, object]:
    answer: dict[str, object] = json.loads(said(*arguments, "--format", "json"))
    return answer


def refused(*arguments: str) -> str:
    with pytest.raises(CommandError) as caught:
        said(*arguments)
    assert caught.value.returncode == 2
    return str(caught.value)


def test_the_list_is_the_contracts() -> None:
    listed = as_json()
    assert listed["schema"] == "drawbench-protocols/1"
    entries = listed["protocols"]
    assert isinstance(entries, list)
    assert [each["name"] for each in entries] == list(protocols.names())
    for each in entries:
        protocol = protocols.get(each["name"])
        assert (each["title"], each["source"]) == (protocol.title, protocol.source)
        assert protocols.read(each["declaration"]) == protocol and each["study"] is None
    lines = said().splitlines()
    assert [line.split()[0] for line in lines] == list(protocols.names())
    assert "Two sets of 8 images. Asked: which is preferred (twice). 25 raters per trial." in said()


@pytest.mark.parametrize("name", protocols.names())
def test_what_is_printed_is_a_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(said(name), encoding="utf-8")
    assert protocols.load_file(path) == protocols.get(name)
    assert said("--check", str(path)).startswith(f"{path} holds the protocol {name}: ")
    assert said("--diff", name, str(path)) == "Raters are asked the same way.\n"
    assert said(str(path)) == said(name)


def test_departures_are_told(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("based_on: drawbench\nname: small\ntitle: Small\nset_size: 4\n", encoding="utf-8")
    assert "departs from drawbench: images per set: 4, where drawbench has 8" in said("--check", str(path))
    difference = as_json("--diff", "drawbench", str(path))
    assert difference == {
        "schema": "drawbench-protocol-departures/1",
        "a": "drawbench",
        "b": "small",
        "departures": ["images per set: 4, where drawbench has 8"],
    }
    assert said("--diff", "drawbench", str(path)).startswith("small departs from drawbench:\n")


def test_bad_input_is_one_message_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("name: own\ntitel: Own\n", encoding="utf-8")
    assert "own.yaml, line 2, column 1:" in refused("--check", str(path))
    assert 'did you mean "title"?' in refused("--check", str(path))
    assert 'did you mean "drawbench"?' in refused("drawbnch")
    assert 'did you mean "rank-k"?' in refused("--diff", "drawbench", "rank_k")
    assert "can't be read" in refused(str(tmp_path / "none.yaml"))
    assert "The name is empty" in refused(" ")
    with pytest.raises(CommandError, match="not allowed with"):
        said("drawbench", "--check", str(path))
