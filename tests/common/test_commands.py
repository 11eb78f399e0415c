"""Commands: one message and one exit code for each kind of trouble, with Django and without."""

import argparse
import errno
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError

from common.commands import BAD_INPUT, FAILED, INTERRUPTED, SUCCESS, add_format, parse_settings, run_command
from common.errors import UserError
from common.files import save_error
from drawbench.failures import plain_message
from evaluation.analysis.columns import RatingsError
from evaluation.command import ProductCommand
from evaluation.errors import InputError
from evaluation.metrics.errors import MetricError
from evaluation.protocols import UnknownProtocolError
from evaluation.suites import SuiteError
from generators.cascade.configs import ConfigError
from generators.contract import GeneratorError

FULL = save_error(Path("x.png"), OSError(errno.ENOSPC, "No space left on device"))
DENIED = save_error(Path("x.png"), OSError(errno.EACCES, "Permission denied"))
EACH = (InputError, SuiteError, RatingsError, UnknownProtocolError, MetricError, GeneratorError, ConfigError)


def test_the_codes_are_the_contracts() -> None:
    assert (SUCCESS, FAILED, BAD_INPUT, INTERRUPTED) == (0, 1, 2, 130)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (UserError("no such thing"), "error: no such thing"),
        (FULL, "error: the disk is full (x.png). What was written is kept"),
        (DENIED, "error: x.png could not be written: Permission denied"),
    ],
)
def test_what_a_person_can_mend_is_one_line(capsys: pytest.CaptureFixture[str], error: Exception, message: str) -> None:
    def troubled(arguments: Sequence[str]) -> int:
        raise error

    assert run_command(troubled, []) == BAD_INPUT
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith(message) and said.err.count("\n") == 1


class Troubled(ProductCommand):
    """Fails with what it was given."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def run(self, **options: Any) -> Mapping[str, Any]:
        raise self.error


@pytest.mark.parametrize("kind", EACH)
def test_every_rooms_error_is_bad_input(kind: type[UserError]) -> None:
    with pytest.raises(CommandError, match="^what is wrong$") as caught:
        Troubled(kind("what is wrong")).handle(format="text")
    assert caught.value.returncode == BAD_INPUT


def test_what_could_not_be_written_is_told_too() -> None:
    with pytest.raises(CommandError, match=r"x\.png could not be written: Permission denied"):
        Troubled(DENIED).handle(format="json")
    assert plain_message(DENIED) == str(DENIED)
    assert plain_message(FULL) == "The disk is full: can't write x.png. Free some space and try again."


@pytest.mark.parametrize("error", [ValueError("a defect"), KeyError("a defect")])
def test_a_defect_keeps_its_traceback(error: Exception) -> None:
    with pytest.raises(type(error), match="a defect"):
        Troubled(error).handle(format="text")
    assert plain_message(error) is None


def test_an_interruption_has_its_own_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        Troubled(KeyboardInterrupt()).handle(format="text")
    assert caught.value.code == INTERRUPTED and "Interrupted" in capsys.readouterr().err


def test_the_format_is_text_or_json() -> None:
    parser = argparse.ArgumentParser()
    add_format(parser)
    assert parser.parse_args([]).format == "text" and parser.parse_args(["--format", "json"]).format == "json"
    assert Troubled(KeyError()).create_parser("manage.py", "troubled").parse_args(["--format", "json"]).format == "json"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["guidance"], "--set guidance: write it as NAME=VALUE"),
        (["=3"], "--set =3: write it as NAME=VALUE"),
        (["a=1", "a =2"], "--set a is given twice, as 1 and as 2"),
    ],
)
def test_a_setting_that_can_not_be_read(given: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse_settings(given)


def test_settings() -> None:
    assert parse_settings(["a=1", "b = x=y"]) == {"a": "1", "b": " x=y"}
