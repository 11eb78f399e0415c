"""What the commands of this package share: arguments, exit codes and messages."""

from __future__ import annotations

import argparse
import errno
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from generators.contract import GeneratorError
from generators.prompt_file import read_prompts

SUCCESS, SOME_FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def run_command(main: Callable[[Sequence[str]], int], arguments: Sequence[str] | None = None) -> int:
    """`main`'s exit code; bad input, a full disk and Ctrl-C become one message on standard error, never a traceback."""
    try:
        return main(sys.argv[1:] if arguments is None else arguments)
    except GeneratorError as error:
        say(f"error: {error}")
        return BAD_INPUT
    except BrokenPipeError:  # the reader of our output went away (`| head`)
        sys.stderr.close()
        return SUCCESS
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            say(f"error: the disk is full{where}. What was written is kept: make room and run the same command again")
        else:
            say(f"error: {(error.strerror or str(error)).lower()}{where}")
        return BAD_INPUT
    except KeyboardInterrupt:
        say("stopped")
        return INTERRUPTED


def say(message: str) -> None:
    """A line for people, on standard error."""
    print(message, file=sys.stderr, flush=True)


def add_format(parser: argparse.ArgumentParser) -> None:
    """--format text|json."""
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="json: JSON alone on standard output"
    )


def add_generator_arguments(parser: argparse.ArgumentParser) -> None:
    """--set, --size and --device, as every command that loads a generator takes them."""
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        dest="settings",
        help="a parameter of the generator (see python -m generators.list); may be repeated",
    )
    parser.add_argument(
        "--size",
        type=int,
        default=0,
        metavar="PIXELS",
        help="side of the images: 64, 256 or 1024 for the cascade (default: 256)",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 ... (default: auto)")


def add_prompt_arguments(parser: argparse.ArgumentParser) -> None:
    """--prompt and --prompts-file."""
    parser.add_argument(
        "--prompt", metavar="TEXT", action="append", default=[], dest="prompts", help="a prompt; may be repeated"
    )
    parser.add_argument(
        "--prompts-file",
        metavar="FILE",
        type=Path,
        help="prompts, one a line, or a .csv, .tsv or .jsonl with a column prompt; - for standard input",
    )


def parse_settings(settings: Sequence[str]) -> dict[str, str]:
    """["guidance=5"] as {"guidance": "5"}.

    Raises:
        GeneratorError: no "=", or a name given twice.
    """
    parsed: dict[str, str] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        name = name.strip()
        if not equals or not name:
            raise GeneratorError(f"--set {setting}: write it as NAME=VALUE, for example --set guidance=5")
        if name in parsed:
            raise GeneratorError(f"--set {name} is given twice, as {parsed[name]} and as {value}")
        parsed[name] = value
    return parsed


def collect_prompts(prompts: Sequence[str], prompts_file: Path | None) -> list[tuple[str, str]]:
    """(prompt id, text) of those given one by one and then those of the file; ids count from "00000".

    Raises:
        GeneratorError: there is none, one is empty, or the file can't be read.
    """
    texts = [" ".join(prompt.split()) for prompt in prompts]
    if "" in texts:
        raise GeneratorError("--prompt is empty; give it a text")
    if prompts_file is not None:
        texts += read_prompts(prompts_file)
    if not texts:
        raise GeneratorError("no prompt: give --prompt TEXT or --prompts-file FILE")
    return [(f"{index:05d}", text) for index, text in enumerate(texts)]
