"""What commands share that need no Django: exit codes, messages, `--format`, and nothing given twice in silence."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from common import limits
from common.drawing import what_is_missing
from common.errors import UserError
from common.files import disk_full
from common.numbers import whole_or_none
from common.text import bad_character, refusal

Parser = TypeVar("Parser", bound=argparse.ArgumentParser)
T = TypeVar("T")

SUCCESS, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def run_command(main: Callable[[Sequence[str]], int], arguments: Sequence[str] | None = None) -> int:
    """`main`'s exit code; bad input, a full disk and Ctrl-C become one message on standard error, never a traceback."""
    try:
        given = sys.argv[1:] if arguments is None else arguments
        for argument in given:
            _check_text("an argument", argument)
        return main(given)
    except BrokenPipeError:  # the reader of our output went away (`| head`)
        sys.stderr.close()
        return SUCCESS
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        if disk_full(error):
            say(f"error: the disk is full{where}. What was written is kept: make room and run the same command again")
        elif isinstance(error, UserError):
            say(f"error: {error}")
        else:
            say(f"error: {(error.strerror or str(error)).lower()}{where}")
        return BAD_INPUT
    except UserError as error:
        say(f"error: {error}")
        return BAD_INPUT
    except ModuleNotFoundError as error:
        if not (missing := what_is_missing(error)):
            raise
        say(f"error: {missing}")
        return BAD_INPUT
    except KeyboardInterrupt:
        say("stopped")
        return INTERRUPTED


def check_arguments(options: Mapping[str, object]) -> None:
    """The gate for a command's arguments, by name: text that can be kept and shown, numbers that are finite and fit.

    Raises:
        UserError: an argument that is neither; it is named.
    """
    for name, value in options.items():
        what = f"--{name.replace('_', '-')}"
        for each in value if isinstance(value, list | tuple) else (value,):
            if isinstance(each, str | Path):
                _check_text(what, str(each))
            elif isinstance(each, float) and not math.isfinite(each):
                raise UserError(f"{what} must be a number, such as 0.5; got {each}.")
            elif isinstance(each, int) and whole_or_none(int(each)) is None:
                raise UserError(f"{what} is too large: whole numbers go up to {limits.BIG_COLUMN:,}.")


def _check_text(what: str, text: str) -> None:
    bad = bad_character(text, lines=True)
    if bad is not None and "\ud800" <= bad <= "\udfff":
        raise UserError(f"{what} is not UTF-8: {text!r}. Rename it, or write it anew.")
    if bad is not None:
        raise UserError(refusal(what, bad))
    if len(text) > limits.ARGUMENT:
        raise UserError(f"{what} has {len(text):,} characters; at most {limits.ARGUMENT:,} are allowed.")


def say(message: str) -> None:
    """A line for people, on standard error."""
    print(message, file=sys.stderr, flush=True)


def add_format(parser: argparse.ArgumentParser) -> None:
    """--format text|json."""
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="json: JSON alone on standard output"
    )


def refuse_repeated(parser: Parser) -> Parser:
    """`parser`, which from here on refuses by name an option given twice that has one value; its sub-parsers likewise.

    argparse itself keeps the last one and says nothing. Options that may be repeated (`append`) and flags stay as they
    are. Called on a parser that has all its arguments, by every command.
    """
    seen: set[str] = set()
    parse, values = parser.parse_known_args, parser._get_values  # the one place where argparse meets each option given

    def parse_known_args(*given: Any, **named: Any) -> Any:
        seen.clear()
        return parse(*given, **named)

    def get_values(action: argparse.Action, arg_strings: list[str]) -> Any:
        if action.option_strings and isinstance(action, argparse._StoreAction):
            if action.dest in seen:
                raise argparse.ArgumentError(action, "is given twice; give it once")
            seen.add(action.dest)
        return values(action, arg_strings)

    parser.parse_known_args = parse_known_args  # type: ignore[method-assign]
    parser._get_values = get_values  # type: ignore[method-assign]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                refuse_repeated(inner)
    return parser


def named_once(option: str, pairs: Iterable[tuple[str, T]]) -> dict[str, T]:
    """What an option that may be repeated gave, as NAME and value each, by name.

    Raises:
        UserError: a name given twice.
    """
    found: dict[str, T] = {}
    for name, value in pairs:
        if name in found:
            raise UserError(f"{option} {name} is given twice, as {found[name]} and as {value}")
        found[name] = value
    return found


def parse_settings(settings: Sequence[str]) -> dict[str, str]:
    """["guidance=5"] as {"guidance": "5"}.

    Raises:
        UserError: no "=", or a name given twice.
    """

    def pair(setting: str) -> tuple[str, str]:
        name, equals, value = setting.partition("=")
        if not equals or not name.strip():
            raise UserError(f"--set {setting}: write it as NAME=VALUE, for example --set guidance=5")
        return name.strip(), value

    return named_once("--set", map(pair, settings))
