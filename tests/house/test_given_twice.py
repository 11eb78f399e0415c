"""Nothing that is given twice is taken once in silence: options, settings and keys of JSON, everywhere."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest
from django.core.management import CommandError, load_command_class

from common.commands import named_once, refuse_repeated
from common.errors import UserError
from common.json_keys import RepeatedKeyError, keys_once
from tests.house.repository import CHECKOUT, of_ours, read

COMMANDS = sorted(
    path.stem for path in (CHECKOUT / "evaluation" / "management" / "commands").glob("*.py") if path.stem != "__init__"
)


def _one_value(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return [action for action in parser._actions if isinstance(action, argparse._StoreAction) and action.option_strings]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_one_value_of_every_command_is_refused_the_second_time(name: str) -> None:
    parser = load_command_class("evaluation", name).create_parser("manage.py", name)
    options = _one_value(parser)
    assert "--format" in {option for action in options for option in action.option_strings}
    for action in options:
        option, value = action.option_strings[-1], str(next(iter(action.choices or "1")))
        values = [value] * (action.nargs if isinstance(action.nargs, int) else 1)
        with pytest.raises(CommandError, match=f"{re.escape(option)}.*is given twice; give it once"):
            parser.parse_args([option, *values, option, *values])


def test_every_parser_of_the_product_refuses() -> None:
    """Where a parser is made and asked, it was made to refuse first."""
    wrong = []
    for path in of_ours(".py"):
        if path.parts[0] not in {"common", "drawbench", "evaluation", "generators", "benchmarks"}:
            continue
        for number, line in enumerate(read(path).splitlines(), start=1):
            if re.search(r"\.parse_(known_)?args\(", line) and "refuse_repeated(" not in line:
                wrong.append(f"{path}:{number}: {line.strip()}")
    assert wrong == []


def test_what_may_be_repeated_may_be(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--set", action="append")
    parser.add_argument("--flag", action="store_true")
    parser.add_argument("--size", "-s", type=int, default=1)
    parser.add_argument("--names", nargs="+")
    parser.add_argument("rest", nargs="*")
    refuse_repeated(parser)
    for _ in range(2):  # what one call met, another has not
        given = parser.parse_args(["--set", "a", "--set", "b", "--flag", "--flag", "--size", "3", "--names", "x", "y"])
        assert (given.set, given.flag, given.size, given.names) == (["a", "b"], True, 3, ["x", "y"])
    for arguments in (["--size", "3", "-s", "4"], ["--names", "x", "--names", "y"], ["--si", "3", "--size", "3"]):
        with pytest.raises(SystemExit) as told:
            parser.parse_args(arguments)
        assert told.value.code == 2 and "is given twice" in capsys.readouterr().err


def test_sub_parsers_refuse_too(capsys: pytest.CaptureFixture[str]) -> None:
    from drawbench.local.__main__ import main

    with pytest.raises(SystemExit) as told:
        main(["serve", "--port", "8001", "--port", "8002"])
    assert told.value.code == 2 and "--port: is given twice" in capsys.readouterr().err


def test_names_of_a_repeated_option() -> None:
    assert named_once("--prefer", [("a", 1.0), ("b", 2.0)]) == {"a": 1.0, "b": 2.0}
    with pytest.raises(UserError, match="--prefer a is given twice, as 1.0 and as 2.0"):
        named_once("--prefer", [("a", 1.0), ("a", 2.0)])


def test_keys_of_json() -> None:
    assert keys_once([("a", 1), ("b", 2)]) == {"a": 1, "b": 2}
    with pytest.raises(RepeatedKeyError, match='the key "a" stands twice'):
        keys_once([("a", 1), ("a", 1)])


READERS = {
    Path("common/json_in.py"),
    Path("generators/training/config.py"),
    Path("generators/filenames/captions.py"),
    Path("generators/cascade/checkpoint.py"),
    Path("generators/filenames/filelist.py"),
    Path("generators/prompt_file.py"),
    Path("evaluation/suites/objects.py"),
    Path("evaluation/suites/tables.py"),
}
"""What reads JSON that people write."""


@pytest.mark.parametrize("path", sorted(READERS), ids=str)
def test_json_that_people_write_is_read_with_each_key_once(path: Path) -> None:
    assert "object_pairs_hook=keys_once" in read(path) or "read_json(" in read(path)
