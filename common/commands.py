"""What commands share that need no Django: exit codes, messages, `--format`."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from common import limits
from common.errors import UserError
from common.files import disk_full
from common.numbers import whole_or_none
from common.text import bad_character, refusal

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


def parse_settings(settings: Sequence[str]) -> dict[str, str]:
    """["guidance=5"] as {"guidance": "5"}.

    Raises:
        UserError: no "=", or a name given twice.
    """
    parsed: dict[str, str] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        name = name.strip()
        if not equals or not name:
            raise UserError(f"--set {setting}: write it as NAME=VALUE, for example --set guidance=5")
        if name in parsed:
            raise UserError(f"--set {name} is given twice, as {parsed[name]} and as {value}")
        parsed[name] = value
    return parsed
