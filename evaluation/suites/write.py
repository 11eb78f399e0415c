"""Writes a suite as CSV that `read_suite` reads back exactly."""

import csv
import io
import json
import os
import tempfile
from pathlib import Path

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
    temporary: str | None = None
    try:
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
            temporary = file.name
            file.write(csv_bytes(suite))
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise SuiteError(
            f"{str(target)!r} can't be written: {error.strerror}. Check the folder and the free space."
        ) from error
