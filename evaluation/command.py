"""What every management command of the product shares: `--format`, one clear message on bad input, exit codes."""

from __future__ import annotations

import gc
import json
import sys
from abc import ABC, abstractmethod
from argparse import SUPPRESS, ArgumentParser
from collections.abc import Mapping
from functools import partial
from typing import Any, Protocol

from django.core.management.base import BaseCommand, CommandError, CommandParser

from common.commands import BAD_INPUT, INTERRUPTED, add_format, check_arguments, refuse_repeated
from common.drawing import what_is_missing
from common.errors import UserError
from evaluation.intake import refusals_of_the_database

READ_BY_PEOPLE = 1_000_000  # characters of JSON up to which it is indented
DJANGO_OPTIONS = ("settings", "pythonpath", "traceback", "no_color", "force_color", "skip_checks", "verbosity")


class Result(Protocol):
    """What a service found, as a dataclass that knows its JSON."""

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""


class Error(CommandError):
    """Bad input. Django prints the class's name before the message, so this one is called as people call it."""


class ProductCommand(BaseCommand, ABC):
    """A command that exits 0 on success and 2 on bad input, with one message on standard error (contracts, Commands).

    A subclass writes `run(**options)` and returns what it did: a mapping or a result with `to_dict`, which is printed
    alone as JSON with `--format json`, and otherwise through `describe(result)`. Progress goes to standard error.
    """

    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        add_format(parser)
        _hide_django_options(parser)
        return refuse_repeated(parser)

    def run_from_argv(self, argv: list[str]) -> None:
        gc.freeze()  # what was imported stays: looking through it again and again takes a tenth of a long command
        super().run_from_argv(argv)

    @abstractmethod
    def run(self, **options: Any) -> Mapping[str, Any] | Result:
        """Do the work. Raises a `UserError` on bad input; any other error is a defect."""

    def describe(self, result: Any) -> str:
        """What `run` returned, for people."""
        return "\n".join(f"{key}: {value}" for key, value in result.items())

    def handle(self, *args: Any, **options: Any) -> None:
        output_format = options.pop("format")
        for name in DJANGO_OPTIONS:
            options.pop(name, None)
        try:
            check_arguments(options)
            with refusals_of_the_database():
                result = self.run(**options)
        except UserError as error:
            raise Error(str(error), returncode=BAD_INPUT) from error
        except ModuleNotFoundError as error:
            if not (missing := what_is_missing(error)):
                raise
            raise Error(missing, returncode=BAD_INPUT) from error
        except KeyboardInterrupt:
            sys.stderr.write("\nInterrupted. Everything done so far is kept.\n")
            sys.exit(INTERRUPTED)
        if output_format == "json":
            data = result if isinstance(result, Mapping) else result.to_dict()
            self.stdout.write(_as_json(data))
        else:
            self.stdout.write(self.describe(result))


def _as_json(data: Mapping[str, Any]) -> str:
    """Indented for people, unless it is so long that nobody reads it: then on one line, which takes far less time."""
    form = partial(json.dumps, data, ensure_ascii=False, allow_nan=False, default=str)
    text = form()
    return text if len(text) > READ_BY_PEOPLE else form(indent=2)


def _hide_django_options(parser: ArgumentParser) -> None:
    """Leave the product's own options in --help; Django's work as ever."""
    for action in parser._actions:
        if action.dest in DJANGO_OPTIONS:
            action.help = SUPPRESS
