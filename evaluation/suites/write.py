"""Writes a suite as CSV that `read_suite` reads back exactly."""

import csv
import errno
import io
import json
from pathlib import Path

from common.files import write_whole
from evaluation.suites.types import SuiteData, SuiteError


def csv_bytes(suite: SuiteData) -> bytes:
    """The suite as CSV: columns prompt, category, attributes (JSON), UTF-8 without byte order mark, lines end with LF.

    Cells that begin with = + - @ are left as they are: this file is for reading back, and an escaped prompt would be
    another prompt. Do not open an unknown suite in a spreadsheet that runs formulas.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["prompt", "category", "attributes"])
    for prompt in suite.prompts:
        writer.writerow([prompt.text, prompt.category, json.dumps(prompt.attributes, ensure_ascii=False)])
    return text.getvalue().encode()


def write_csv(suite: SuiteData, path: Path | str) -> None:
    """Writes `csv_bytes` to the path, whole or not at all. SuiteError when the place can't be written."""
    target = Path(path)
    try:
        if not target.parent.is_dir():  # a folder that was mistyped is not made
            raise FileNotFoundError(errno.ENOENT, f"There is no folder {target.parent}")
        write_whole(target, csv_bytes(suite))
    except OSError as error:
        raise SuiteError(
            f"{str(target)!r} can't be written: {error.strerror}. Check the folder and the free space."
        ) from error
