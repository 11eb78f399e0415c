"""What the commands of this package share: the arguments that name a generator, its parameters and prompts."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from common.words import prompt_name
from generators.contract import GeneratorError, GeneratorSpec
from generators.prompt_file import read_prompts


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
        default="",
        metavar="WIDTHxHEIGHT",
        help="size of the images, or one number for a square: 64, 256 or 1024 for the cascade (default: 256)",
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


def share_prompts(
    spec: GeneratorSpec, settings: Mapping[str, str], prompts: Sequence[str], prompts_file: Path | None
) -> tuple[dict[str, str], Path | None]:
    """The settings and the file of prompts of a command, where a generator has a parameter `prompts` for such a file.

    Given to one of them, the file serves both: it need not be named twice. Texts given one by one stay the command's.
    """
    wanted = "prompts" in {parameter.name for parameter in spec.parameters}
    if not wanted or prompts:
        return dict(settings), prompts_file
    if prompts_file is None and settings.get("prompts"):
        return dict(settings), Path(settings["prompts"])
    if prompts_file is not None and str(prompts_file) != "-" and "prompts" not in settings:
        return {**settings, "prompts": str(prompts_file)}, prompts_file
    return dict(settings), prompts_file


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
    return [(prompt_name(index), text) for index, text in enumerate(texts)]
