"""Prompts from a file, for the commands that know no suites: plain text, CSV, TSV or JSON lines."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable
from pathlib import Path

from common.json_keys import RepeatedKeyError, keys_once
from generators.contract import GeneratorError

COLUMNS = ("prompt", "prompts", "text", "caption")
"""What the prompts' column may be called, case and blanks aside; the first that is there is taken."""


def read_prompts(path: Path) -> list[str]:
    """The prompts of a file ("-": standard input), in its order, blanks folded; prompt ids count them from "00000".

    Plain text holds a prompt a line, empty lines left out. .csv and .tsv have a header with a column named as in
    `COLUMNS`; .jsonl has objects with such a key, or strings.

    Raises:
        GeneratorError: the file is not there, is not UTF-8, has no such column or no prompt, or an empty one.
    """
    try:
        data = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise GeneratorError(
            f"the prompts' file {path} can't be read: {(error.strerror or str(error)).lower()}"
        ) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise GeneratorError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    ending = path.suffix.lower()
    if ending in (".csv", ".tsv"):
        prompts = _from_table(text, str(path), "\t" if ending == ".tsv" else ",")
    elif ending == ".jsonl":
        prompts = _from_json_lines(text, str(path))
    else:
        prompts = [(line, content) for line, content in enumerate(text.splitlines(), start=1) if content.strip()]
    folded = [(line, " ".join(prompt.split())) for line, prompt in prompts]
    if empty := next((line for line, prompt in folded if not prompt), None):
        raise GeneratorError(f"{path}, line {empty}: the prompt is empty")
    if not folded:
        raise GeneratorError(f"{path} holds no prompt")
    return [prompt for _, prompt in folded]


def _from_table(text: str, name: str, delimiter: str) -> list[tuple[int, str]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        column = _column(reader.fieldnames or (), name)
        return [(reader.line_num, row[column] or "") for row in reader]
    except csv.Error as error:
        raise GeneratorError(f"{name}, line {reader.reader.line_num}: {error}") from None


def _from_json_lines(text: str, name: str) -> list[tuple[int, str]]:
    prompts = []
    for line, content in enumerate(text.splitlines(), start=1):
        if not content.strip():
            continue
        try:
            row = json.loads(content, object_pairs_hook=keys_once)
        except RepeatedKeyError as error:
            raise GeneratorError(f"{name}, line {line}: {error}") from None
        except ValueError:
            raise GeneratorError(f"{name}, line {line} is not JSON") from None
        prompt = row[_column(row, f"{name}, line {line}")] if isinstance(row, dict) else row
        if not isinstance(prompt, str):
            raise GeneratorError(f"{name}, line {line}: a prompt is a text, not {json.dumps(prompt)[:40]}")
        prompts.append((line, prompt))
    return prompts


def _column(headings: Iterable[str], name: str) -> str:
    plain = {str(key).strip().lower(): str(key) for key in headings}
    for column in COLUMNS:
        if column in plain:
            return plain[column]
    raise GeneratorError(
        f"{name} has no column for the prompts: call it prompt. Its columns: {', '.join(plain) or 'none'}. "
        "For one prompt a line, name the file .txt"
    )
