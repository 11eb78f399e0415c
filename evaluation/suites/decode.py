"""From bytes to text: size, encoding, and files that are no text at all."""

import codecs
import os
from pathlib import Path

from common import text_files
from evaluation.suites.types import SuiteError

MAX_TEXT_BYTES = 64 * 2**20
MAX_JSON_BYTES = 256 * 2**20
"""COCO's largest caption file has 92 MB; a parsed one takes about ten times its size in memory."""


def read_bytes(path: Path) -> bytes:
    """The file's bytes, at most one more than `check_size` allows.

    SuiteError for a path that is no regular file or can't be read.
    """
    try:
        if not path.exists():
            raise SuiteError(
                f"There is no file {str(path)!r}. Check the path; it starts from the folder {os.getcwd()!r}."
            )
        if not path.is_file():
            raise SuiteError(f"{str(path)!r} is a folder or a device. Give one file with prompts.")
        with path.open("rb") as file:
            data = file.read(MAX_JSON_BYTES + 1)
    except OSError as error:
        raise SuiteError(f"{str(path)!r} can't be read: {error.strerror}.") from error
    return data


def check_size(data: bytes) -> None:
    """SuiteError above 64 MiB, or above 256 MiB for what looks like JSON."""
    looks_like_json = data[:64].lstrip(codecs.BOM_UTF8 + b" \t\r\n")[:1] in (b"{", b"[")
    limit = MAX_JSON_BYTES if looks_like_json else MAX_TEXT_BYTES
    if len(data) > limit:
        kind = "JSON" if looks_like_json else "a table or text"
        raise SuiteError(f"It has more than {limit // 2**20} MiB, the limit for {kind}. Split it into several suites.")


def decode(data: bytes) -> str:
    """Text from UTF-8 with or without byte order mark, or UTF-16 or UTF-32 with one.

    SuiteError names the first byte that does not fit and its line, or says what the file is where it is no text.
    """
    try:
        return text_files.decode(data, wanted="a list of prompts", example="for example one per line")
    except text_files.TextFileError as error:
        raise SuiteError(str(error)) from error
