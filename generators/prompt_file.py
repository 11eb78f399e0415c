"""Prompts from a file, for the commands that know no suites: plain text, CSV, TSV or JSON lines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path

from common import limits, text_files
from common.json_in import JsonError, read_json
from common.tables import TableError, plain_heading, rows_by_heading, shape_of
from common.text import TextError, checked
from generators.contract import GeneratorError

COLUMNS = ("prompt", "prompts", "text", "caption")
"""What the prompts' column may be called, case and blanks aside; the first that is there is taken."""


def read_prompts(path: Path) -> list[str]:
    """The prompts of a file ("-": standard input), in its order, blanks folded; prompt ids count them from "00000".

    Plain text holds a prompt a line, empty lines left out. .csv and .tsv have a header with a column named as in
    `COLUMNS`; .jsonl has objects with such a key, or strings.

    Raises:
        GeneratorError: the file is not there, is no text, has no such column or no prompt, or one that is empty, too
            long or has a character that may stand in no text.
    """
    try:
        data = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise GeneratorError(
            f"the prompts' file {path} can't be read: {(error.strerror or str(error)).lower()}"
        ) from None
    ending = path.suffix.lower()
    try:
        text = text_files.decode(data, wanted="a list of prompts") if data.strip() else ""
        if ending in (".csv", ".tsv"):
            prompts = _from_table(text, str(path), "\t" if ending == ".tsv" else ",")
        elif ending == ".jsonl":
            prompts = _from_json_lines(text, str(path))
        else:
            prompts = [(line, content) for line, content in enumerate(text.splitlines(), start=1) if content.strip()]
    except (text_files.TextFileError, TableError) as error:
        raise GeneratorError(f"{path}: {error}") from None
    if not prompts:
        raise GeneratorError(f"{path} holds no prompt")
    return [_sound(prompt, f"{path}, line {line}") for line, prompt in prompts]


def _sound(prompt: str, where: str) -> str:
    try:
        return checked(" ".join(prompt.split()), "the prompt", most=limits.PROMPT, empty=False)
    except TextError as error:
        raise GeneratorError(f"{where}: {error}") from None


def _from_table(text: str, name: str, usual: str) -> list[tuple[int, str]]:
    separator = shape_of(text, lambda heading: heading in COLUMNS).separator or usual
    headings, rows = rows_by_heading(text, separator)
    column = _column(headings, name)
    return [(line, row[column]) for line, row in rows]


def _from_json_lines(text: str, name: str) -> list[tuple[int, str]]:
    prompts = []
    for line, content in enumerate(text.splitlines(), start=1):
        if not content.strip():
            continue
        try:
            row = read_json(content)
        except JsonError as error:
            raise GeneratorError(f"{name}, line {line}: {error}") from None
        prompt = row[_column(row, f"{name}, line {line}")] if isinstance(row, dict) else row
        if not isinstance(prompt, str):
            raise GeneratorError(f"{name}, line {line}: a prompt is a text, not {json.dumps(prompt)[:40]}")
        prompts.append((line, prompt))
    return prompts


def _column(headings: Iterable[str], name: str) -> str:
    plain = {plain_heading(str(key)): str(key) for key in headings}
    for column in COLUMNS:
        if column in plain:
            return plain[column]
    raise GeneratorError(
        f"{name} has no column for the prompts: call it prompt. Its columns: {', '.join(plain) or 'none'}. "
        "For one prompt a line, name the file .txt"
    )
